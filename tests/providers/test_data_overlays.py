"""What a user knows better: limits, models, hosts, single switches."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.facts.numbers import number

OSS = "openai/gpt-oss-120b"


@pytest.fixture
def groq():
    return load_edition("groq", "2026-06-04")


@pytest.mark.parametrize("value", [12_000, 12_000.0, "12000", "12_000", "12,000", "12K", "12k", "0.012M", " 12 K "])
def test_numbers_as_people_write_them(groq, value):
    assert groq.with_limits({"TPM": value}).limits_for("free", OSS)["TPM"] == 12_000


@pytest.mark.parametrize(("text", "value"), [("10M", 10_000_000), ("1.5K", 1500), ("0.6", 0.6), ("2B", 2 * 10**9)])
def test_number(text, value):
    assert number(text) == value


@pytest.mark.parametrize("value", ["", "many", "12 000", "12Q", "1e3", True, [], "-5", 0, -1, "nan", "K"])
def test_what_is_no_limit(groq, value):
    with pytest.raises(BadInput, match=r"limit TPM is .*; expected a"):
        groq.with_limits({"TPM": value})


def test_limits_for_all_models_leave_the_others_as_they_are(groq):
    edition = groq.with_limits({"TPM": 12_000, "RPM": 5})
    assert edition.limits_for("free", OSS) == {"RPM": 5, "RPD": 1000, "TPM": 12_000, "TPD": 200_000}
    assert edition.limits_for("developer", OSS) == {"RPM": 5, "RPD": 500_000, "TPM": 12_000}
    assert groq.limits_for("free", OSS)["TPM"] == 8_000


def test_token_limits_are_none_of_what_listens(groq):
    edition = groq.with_limits({"TPM": 12_000, "ASH": 100})
    assert edition.limits_for("free", "whisper-large-v3") == {"RPM": 20, "RPD": 2000, "ASH": 100, "ASD": 28_800}
    assert "ASH" not in edition.limits_for("free", OSS)


def test_limits_of_one_model_go_before_those_of_all(groq):
    edition = groq.with_limits({"TPM": 12_000, OSS: {"TPM": "1K"}})
    assert edition.limits_for("free", OSS)["TPM"] == 1_000
    assert edition.limits_for("free", "openai/gpt-oss-20b")["TPM"] == 12_000


def test_groqs_own_names_of_audio_limits(groq):
    edition = groq.with_limits({"whisper-large-v3": {"ASPH": 60}})
    assert edition.limits_for("free", "whisper-large-v3")["ASH"] == 60


def test_none_lifts_a_limit(groq):
    assert "TPD" not in groq.with_limits({"TPD": None}).limits_for("free", OSS)


def test_overlays_add_up(groq):
    edition = groq.with_limits({"TPM": 1}).with_limits({"RPM": 2}).with_limits({OSS: {"RPM": 3}})
    assert edition.limits_for("free", OSS) == {"RPM": 3, "RPD": 1000, "TPM": 1, "TPD": 200_000}
    assert edition.with_limits(None).limits_for("free", OSS) == edition.limits_for("free", OSS)


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"TPN": 1}, "unknown limit in limits= 'TPN'; accepted: ASD, ASH, ITPM, OTPM, RPD, RPM, TPD, TPM."),
        ({"openai/gpt-oss-12b": {"TPM": 1}}, "Did you mean 'openai/gpt-oss-120b'?"),
        ({OSS: {"tokens": 1}}, "unknown limit in limits= 'tokens'"),
        ({OSS: 5}, "expected kind -> limit"),
    ],
)
def test_limits_that_are_none(groq, limits, says):
    with pytest.raises(BadInput) as caught:
        groq.with_limits(limits)
    assert says in str(caught.value)


def test_an_unknown_model_gets_the_plans_default(groq):
    assert groq.limits_for("free", "my/model") == {"RPM": 30, "RPD": 1000, "TPM": 8000, "TPD": 200_000}
    record = groq.limits_record("free", "my/model")
    assert record is not None
    assert groq.sources[record.source].kind == "assumed"


def test_a_plan_there_is_not(groq):
    with pytest.raises(BadInput, match=r"unknown groq plan 'fre'; accepted: developer, free\. Did you mean 'free'\?"):
        groq.limits_for("fre", OSS)


def test_models_by_id_alone(groq):
    edition = groq.with_models(["my/model", OSS])
    mine = edition.models["my/model"]
    assert (mine.type, mine.since, mine.retired) == ("chat", groq.date, None)
    assert "tools" in mine.capabilities
    assert edition.sources[mine.source].kind == "given"
    assert edition.models[OSS].prices == groq.models[OSS].prices
    assert "my/model" not in groq.models


def test_models_with_fields(groq):
    edition = groq.with_models(
        {"my/ears": {"type": "transcribe", "prices": {"audio_hour": "0.2"}}, OSS: {"retired": "2026-07-01"}}
    )
    assert edition.models["my/ears"].prices.audio_hour == Decimal("0.2")
    assert edition.models["my/ears"].capabilities == frozenset()
    assert edition.limits_for("free", "my/ears")["ASH"] == 7200
    assert str(edition.models[OSS].retired) == "2026-07-01"
    assert edition.models[OSS].context == groq.models[OSS].context


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"contxt": 1}, "unknown field of model 'm' 'contxt'. Did you mean 'context'? accepted: "),
        ({"context": "wide"}, "model 'm' in models=: context: "),
        ({"prices": {"inputs": 1}}, "model 'm' in models=: prices.inputs: "),
        ({"type": "chatty"}, "model 'm' in models=: type: "),
    ],
)
def test_models_that_are_none(groq, fields, says):
    with pytest.raises(BadInput) as caught:
        groq.with_models({"m": fields})
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_new_model_can_be_limited(groq):
    edition = groq.with_models(["my/model"]).with_limits({"my/model": {"RPM": 1}})
    assert edition.limits_for("free", "my/model")["RPM"] == 1


def test_hosts(groq):
    edition = groq.with_hosts(["gateway.example", "https://Proxy.example/groq/v1", "gateway.example"])
    assert edition.hosts == ("api.groq.com", "gateway.example", "proxy.example")


def test_switches(groq):
    assert groq.with_dialect(requested_prefix="~").dialect.requested_prefix == "~"
    with pytest.raises(BadInput, match="unknown groq dialect key 'prefix'"):
        groq.with_dialect(prefix="~")
