"""``llmcontract models``: what is known, each with its source, in 100 columns."""

from __future__ import annotations

import json

import pytest

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.facts.load import edition_dates, load_edition
from pytest_llmcontract.report.models import models_json, models_table

OSS = "openai/gpt-oss-120b"


@pytest.mark.parametrize(
    ("provider", "day"), [(provider, day) for provider in ("groq", "together") for day in edition_dates(provider)]
)
def test_the_table_is_whole_and_fits_the_screen(provider, day):
    edition = load_edition(provider, day)
    table = models_table(edition)
    assert max(map(len, table.splitlines())) <= 100
    for model in edition.models:
        assert model in table
    assert not any(line != line.rstrip() for line in table.splitlines())


def test_a_line_of_the_table():
    lines = models_table(load_edition("groq", "2026-06-04")).splitlines()
    model = next(line for line in lines if line.startswith("llama-3.3-70b-versatile"))
    assert "131072   32768  0.59 / 0.79" in model
    assert "until 2026-08-16" in model
    limits = next(line for line in lines if line.startswith("llama-3.3-70b-versatile") and " free " in line)
    assert limits.split()[2:6] == ["30", "1K", "12K", "100K"]


def test_one_model_with_source_and_date_of_every_fact():
    text = models_table(load_edition("groq", "2026-06-04"), OSS)
    assert "prices             0.15 / 0.60 (0.075)" in text
    assert "models-list, 2026-06-04" in text
    assert "free       TPD    200K  docs-2026, 2026-06-04" in text
    assert "documented 2026-06-04: console.groq.com/docs/rate-limits" in text


def test_json():
    answer = models_json(load_edition("groq", "2026-06-04"), OSS)
    assert json.loads(json.dumps(answer)) == answer
    (model,) = answer["models"]
    assert model["prices"] == {"input": "0.15", "cached_input": "0.075", "output": "0.60"}
    assert model["limits"]["free"] == {"RPM": 30, "RPD": 1000, "TPM": 8000, "TPD": 200_000}
    assert answer["sources"][model["sources"]["limits"]["free"]["TPM"]]["read"] == "2026-06-04"
    assert answer["sources"][model["sources"]["prices"]]["kind"] == "recorded"


def test_limits_of_ones_own_say_so():
    edition = load_edition("groq", "2026-06-04").with_limits({"TPM": 1})
    (model,) = models_json(edition, OSS)["models"]
    assert model["sources"]["limits"]["free"]["TPM"] == "user"
    assert "free       TPM       1  user" in models_table(edition, OSS)


def test_a_model_there_is_not():
    with pytest.raises(
        BadInput, match=r"unknown groq model 'gpt-oss-120b'\. Did you mean 'openai/gpt-oss-120b'\? .*; accepted: "
    ):
        models_table(load_edition("groq"), "gpt-oss-120b")
