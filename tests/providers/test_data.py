"""The shipped facts: every one has a source, the figures are those the sources give, an edition is of one day."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.load import edition_dates, load_edition
from pytest_llmcontract.core.facts.places import PACKAGE, find_schemas
from pytest_llmcontract.core.facts.records import LIMIT_KINDS
from pytest_llmcontract.core.facts.registry import provider_names

EDITIONS = [(provider, day) for provider in ("groq", "together") for day in edition_dates(provider)]
every_edition = pytest.mark.parametrize(("provider", "day"), EDITIONS, ids=lambda value: str(value))


def records(provider: str, file: str) -> list[dict]:
    return json.loads((PACKAGE / "providers" / provider / file).read_text("utf-8"))


# Sources


@pytest.mark.parametrize("provider", provider_names())
def test_every_record_says_where_it_is_from(provider):
    sources = records(provider, "sources.json")
    for file in (
        "models.json",
        "limits.json",
        "errors.json",
        "tools.json",
        "dialect.json",
        "editions.json",
        "lanes.json",
        "refusals.json",
    ):
        for record in records(provider, file):
            named = [record["source"], *record.get("sources", {}).values()]
            named += [change["source"] for change in record.get("changes", ())]
            assert set(named) <= sources.keys(), record


@pytest.mark.parametrize("provider", provider_names())
def test_every_source_is_dated_and_used(provider):
    sources = records(provider, "sources.json")
    text = "".join(
        file.read_text("utf-8")
        for file in (PACKAGE / "providers" / provider).glob("*.json")
        if file.name != "sources.json"
    )
    for key, source in sources.items():
        assert date(2024, 1, 1) <= date.fromisoformat(source["read"]), key
        assert f'"{key}"' in text, f"{key} is nobody's source"
        if key.startswith("assumed"):
            assert source["kind"] == "assumed"


@pytest.mark.parametrize("provider", provider_names())
def test_models_are_sorted_one_a_line(provider):
    lines = (PACKAGE / "providers" / provider / "models.json").read_text("utf-8").splitlines()
    models = [json.loads(line.rstrip(",")) for line in lines[1:-1]]
    assert [model["id"] for model in models] == sorted((model["id"] for model in models), key=str.lower)


# Editions


@every_edition
def test_an_edition_holds_together(provider, day):
    edition = load_edition(provider, day)
    assert edition.date == day
    assert edition.path[-1] == "answer"
    for model in edition.models.values():
        assert model.since <= day, model.id
        assert model.retired is None or model.retired > model.since, model.id
        for plan in edition.plans:
            limits = edition.limits_for(plan, model.id)
            assert limits, (plan, model.id)
            assert list(limits) == [kind for kind in LIMIT_KINDS if kind in limits]


@pytest.mark.parametrize(
    ("provider", "asked", "given"),
    [
        ("groq", "2024-12-01", "2024-12-01"),
        ("groq", "2025-01-15", "2024-12-01"),
        ("groq", "2026-06-04", "2026-06-04"),
        ("groq", date(2026, 6, 30), "2026-06-04"),
        ("groq", "2099-01-01", "2026-10-01"),
        ("groq", None, "2026-10-01"),
        ("together", "2025-08-31", "2025-08-01"),
        ("together", "2026-06-01", "2026-06-01"),
        ("together", None, "2026-10-07"),
    ],
)
def test_the_newest_edition_not_after_the_date(provider, asked, given):
    assert str(load_edition(provider, asked).date) == given


def test_an_edition_is_loaded_once():
    assert load_edition("groq", "2026-06-04") is load_edition("groq", "2026-06-05")


@pytest.mark.parametrize(
    ("provider", "when", "says"),
    [
        ("groq", "2024-03-31", "the first is 2024-04-01 (editions: 2024-04-01, 2024-07-16, "),
        ("together", "2024-05-31", "the first is 2024-06-01"),
        ("groq", "2026-13-01", "expected YYYY-MM-DD, such as 2026-06-04"),
        ("groq", "newest", "edition 'newest' is no date"),
        ("groq", "20260604", "edition '20260604' is no date"),
        ("groq", 20260604, "edition 20260604 is no date"),
        ("grok", None, "unknown provider 'grok'; accepted: groq, together. Did you mean 'groq'?"),
    ],
)
def test_what_is_no_edition(provider, when, says):
    with pytest.raises(BadInput) as caught:
        load_edition(provider, when)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_schemas_are_found():
    assert find_schemas().name == "schemas"


# Figures

FREE_2026 = {
    "allam-2-7b": {"RPM": 30, "RPD": 7_000, "TPM": 6_000, "TPD": 500_000},
    "canopylabs/orpheus-v1-english": {"RPM": 10, "RPD": 100, "TPM": 1_200, "TPD": 3_600},
    "canopylabs/orpheus-arabic-saudi": {"RPM": 10, "RPD": 100, "TPM": 1_200, "TPD": 3_600},
    "groq/compound": {"RPM": 30, "RPD": 250, "TPM": 70_000},
    "groq/compound-mini": {"RPM": 30, "RPD": 250, "TPM": 70_000},
    "llama-3.1-8b-instant": {"RPM": 30, "RPD": 14_400, "TPM": 6_000, "TPD": 500_000},
    "llama-3.3-70b-versatile": {"RPM": 30, "RPD": 1_000, "TPM": 12_000, "TPD": 100_000},
    "meta-llama/llama-4-scout-17b-16e-instruct": {"RPM": 30, "RPD": 1_000, "TPM": 30_000, "TPD": 500_000},
    "meta-llama/llama-prompt-guard-2-22m": {"RPM": 30, "RPD": 14_400, "TPM": 15_000, "TPD": 500_000},
    "meta-llama/llama-prompt-guard-2-86m": {"RPM": 30, "RPD": 14_400, "TPM": 15_000, "TPD": 500_000},
    "openai/gpt-oss-120b": {"RPM": 30, "RPD": 1_000, "TPM": 8_000, "TPD": 200_000},
    "openai/gpt-oss-20b": {"RPM": 30, "RPD": 1_000, "TPM": 8_000, "TPD": 200_000},
    "openai/gpt-oss-safeguard-20b": {"RPM": 30, "RPD": 1_000, "TPM": 8_000, "TPD": 200_000},
    "qwen/qwen3-32b": {"RPM": 60, "RPD": 1_000, "TPM": 6_000, "TPD": 500_000},
    "whisper-large-v3": {"RPM": 20, "RPD": 2_000, "ASH": 7_200, "ASD": 28_800},
    "whisper-large-v3-turbo": {"RPM": 20, "RPD": 2_000, "ASH": 7_200, "ASD": 28_800},
}


@pytest.mark.parametrize("model", FREE_2026)
def test_groq_free_plan_as_the_seed_has_it(model):
    edition = load_edition("groq", "2026-06-04")
    assert edition.limits_for("free", model) == FREE_2026[model]
    retired = edition.models[model].retired
    assert retired is None or retired > edition.date


@pytest.mark.parametrize(
    ("model", "input", "cached", "output"),
    [
        ("openai/gpt-oss-20b", "0.075", "0.0375", "0.30"),
        ("openai/gpt-oss-120b", "0.15", "0.075", "0.60"),
        ("llama-3.1-8b-instant", "0.05", None, "0.08"),
        ("llama-3.3-70b-versatile", "0.59", None, "0.79"),
        ("meta-llama/llama-4-scout-17b-16e-instruct", "0.11", None, "0.34"),
        ("qwen/qwen3-32b", "0.29", None, "0.59"),
    ],
)
def test_groq_prices_as_the_seed_has_them(model, input, cached, output):
    prices = load_edition("groq", "2026-06-04").models[model].prices
    assert prices.input == Decimal(input)
    assert prices.cached_input == (cached and Decimal(cached))
    assert prices.output == Decimal(output)


@pytest.mark.parametrize(
    ("when", "plan", "model", "limits"),
    [
        ("2024-12-01", "free", "llama-3.3-70b-versatile", {"TPM": 6_000}),
        ("2025-03-01", "free", "llama-3.3-70b-versatile", {"TPM": 6_000}),
        ("2025-08-01", "free", "llama-3.3-70b-versatile", {"TPM": 12_000, "TPD": 100_000}),
        ("2024-12-01", "free", "llama3-70b-8192", {"RPD": 14_400, "TPM": 6_000}),
        ("2024-12-01", "free", "whisper-large-v3", {"ASH": 7_200, "ASD": 28_800}),
        ("2025-08-01", "free", "moonshotai/kimi-k2-instruct", {"TPM": 10_000}),
        ("2025-08-01", "free", "meta-llama/llama-4-maverick-17b-128e-instruct", {"TPM": 6_000, "TPD": 500_000}),
        ("2025-12-31", "developer", "openai/gpt-oss-120b", {"RPD": 500_000, "TPM": 250_000}),
        ("2025-12-31", "developer", "groq/compound", {"RPM": 200, "RPD": 20_000, "TPM": 200_000}),
        ("2026-10-01", "free", "qwen/qwen3.8-27b", {"TPM": 8_000, "ITPM": 7_000, "OTPM": 1_000}),
        ("2026-10-01", "developer", "qwen/qwen3.8-27b", {"OTPM": 32_000}),
    ],
)
def test_groq_limits_of_other_days(when, plan, model, limits):
    assert limits.items() <= load_edition("groq", when).limits_for(plan, model).items()


@pytest.mark.parametrize(
    ("tier", "chat", "embedding", "rerank", "images"),
    [
        (1, (600, 180_000), (3_000, 2_000_000), (2_500, 500_000), 240),
        (2, (1_800, 250_000), (5_000, 2_000_000), (3_500, 1_500_000), 480),
        (3, (3_000, 500_000), (5_000, 10_000_000), (4_000, 2_000_000), 600),
        (4, (4_500, 1_000_000), (10_000, 10_000_000), (7_500, 3_000_000), 960),
        (5, (6_000, 2_000_000), (10_000, 20_000_000), (9_000, 5_000_000), 1_200),
    ],
)
@pytest.mark.parametrize("when", ["2025-08-01", "2026-04-16"])
def test_together_limits_by_tier_and_type(when, tier, chat, embedding, rerank, images):
    edition, plan = load_edition("together", when), f"tier{tier}"
    assert tuple(edition.limits_for(plan, "meta-llama/Llama-3.3-70B-Instruct-Turbo").values()) == chat
    assert tuple(edition.limits_for(plan, "intfloat/multilingual-e5-large-instruct").values()) == embedding
    assert tuple(edition.limits_for(plan, "Salesforce/Llama-Rank-V1").values()) == rerank
    assert edition.limits_for(plan, "black-forest-labs/FLUX.1.1-pro") == {"RPM": images}


def test_together_limits_of_single_models():
    edition = load_edition("together", "2025-08-01")
    turbo_free = "meta-llama/Llama-3.3-70B-Instruct-Turbo-Free"
    assert edition.limits_for("tier0", turbo_free)["RPM"] == 0.6
    assert edition.limits_for("tier1", turbo_free)["RPM"] == 3
    assert edition.limits_for("tier3", "deepseek-ai/DeepSeek-R1") == {"RPM": 400, "TPM": 500_000}
    assert edition.limits_for("tier1", "black-forest-labs/FLUX.1-kontext-pro") == {"RPM": 57}


# What changed


@pytest.mark.parametrize(
    ("model", "day"),
    [
        ("llama3-70b-8192", "2025-08-30"),
        ("gemma2-9b-it", "2025-10-08"),
        ("meta-llama/llama-4-maverick-17b-128e-instruct", "2026-03-09"),
        ("moonshotai/kimi-k2-instruct-0905", "2026-04-15"),
        ("meta-llama/llama-4-scout-17b-16e-instruct", "2026-07-17"),
        ("llama-3.3-70b-versatile", "2026-08-16"),
        ("groq/compound", "2026-09-21"),
    ],
)
def test_retirements_are_known_before_and_remembered_after(model, day):
    retired = date.fromisoformat(day)
    before = load_edition("groq", retired - timedelta(days=1))
    assert before.models[model].retired == retired
    assert load_edition("groq").models[model].retired == retired


def test_newest_groq_models():
    models = load_edition("groq").models
    current = {model.id for model in models.values() if not model.retired}
    assert {"openai/gpt-oss-120b", "qwen/qwen3.8-27b", "whisper-large-v3"} <= current
    assert not any(name.startswith("llama-3") for name in current)


def test_groq_capabilities():
    models = load_edition("groq", "2025-12-13").models
    assert "json_schema" in models["openai/gpt-oss-120b"].capabilities
    assert "json_schema" in models["meta-llama/llama-4-scout-17b-16e-instruct"].capabilities
    assert "json_schema" not in models["llama-3.3-70b-versatile"].capabilities
    assert "tools" not in models["groq/compound"].capabilities
    assert "image" in models["meta-llama/llama-4-scout-17b-16e-instruct"].input_modalities
    assert models["meta-llama/llama-4-scout-17b-16e-instruct"].max_images == 5


def test_what_changed_about_a_model_has_its_own_source():
    old = load_edition("groq", "2025-10-03").models["openai/gpt-oss-120b"]
    new = load_edition("groq", "2025-12-13").models["openai/gpt-oss-120b"]
    assert (old.max_output, new.max_output) == (32766, 65536)
    turbo = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
    assert load_edition("together", "2026-06-01").models[turbo].prices.input == Decimal("0.88")
    newest = load_edition("together").models[turbo]
    assert newest.prices.input == Decimal("1.04")
    assert newest.source_of("prices") == "docs-2026-07"


@pytest.mark.parametrize("day", edition_dates("together")[1:], ids=str)
def test_flux_pro_needs_tier_2_as_long_as_there_are_tiers_and_is_always_there(day):
    model = load_edition("together", day).models["black-forest-labs/FLUX.1.1-pro"]
    assert model.serverless
    assert model.tier == (2 if day < date(2026, 4, 22) else 0)
    assert model.retired is None


def test_listed_is_not_callable():
    models = load_edition("together", "2025-12-14").models
    assert not models["Qwen/Qwen2.5-72B-Instruct"].serverless
    assert models["meta-llama/Llama-3.3-70B-Instruct-Turbo"].serverless
    assert load_edition("together", "2025-08-01").models["meta-llama/Llama-3-8b-chat-hf"].serverless
    assert not load_edition("together", "2025-09-01").models["meta-llama/Llama-3-8b-chat-hf"].serverless


# Texts and switches

GROQ_NAMES = """
    bad_request unsupported_property tool_use_failed json_validate_failed model_decommissioned context_length_exceeded
    organization_restricted spend_limit_reached invalid_api_key model_permission_blocked access_denied model_not_found
    unknown_url request_too_large payload_too_large unprocessable_entity failed_dependency rate_limit_exceeded
    flex_capacity_exceeded internal_server_error bad_gateway over_capacity gateway_timeout
"""
TOGETHER_NAMES = """
    invalid_request model_not_serverless context_length_exceeded dedicated_endpoint_not_running invalid_api_key
    credit_limit tier_restricted model_not_found payload_too_large unprocessable_entity rate_limit model_rate_limit
    dynamic_request_limited dynamic_token_limited server_error bad_gateway overloaded gateway_timeout origin_down
    origin_timeout server_busy
"""


@every_edition
def test_the_catalogue_is_whole(provider, day):
    edition = load_edition(provider, day)
    assert set((GROQ_NAMES if provider == "groq" else TOGETHER_NAMES).split()) <= edition.errors.keys()


@pytest.mark.parametrize(
    ("provider", "status", "name"),
    [
        ("groq", 400, "bad_request"),
        ("groq", 413, "request_too_large"),
        ("groq", 429, "rate_limit_exceeded"),
        ("groq", 498, "flex_capacity_exceeded"),
        ("groq", 503, "over_capacity"),
        ("together", 403, "tier_restricted"),
        ("together", 429, "rate_limit"),
        ("together", 503, "overloaded"),
        ("together", 521, "origin_down"),
    ],
)
def test_a_status_means_one_error(provider, status, name):
    assert load_edition(provider).error(status) is load_edition(provider).error(name)


def test_errors_there_are_none_of():
    with pytest.raises(BadInput, match=r"unknown groq error 'over_capasity'\. Did you mean 'over_capacity'\?"):
        load_edition("groq").error("over_capasity")
    with pytest.raises(BadInput, match=r"unknown groq error status 418; accepted: 400, 401, "):
        load_edition("groq").error(418)


def text_of(edition: Edition, error: str) -> str:
    body = edition.errors[error].body
    assert isinstance(body, dict)
    return body["error"]["message"]


def test_texts_change_with_the_day():
    def link(when: str) -> str:
        return text_of(load_edition("together", when), "invalid_api_key")

    assert "api.together.xyz" in link("2025-08-01")
    assert "api.together.ai" in link("2025-09-01")
    assert text_of(load_edition("groq", "2025-05-02"), "content_not_a_string").startswith("message[")
    assert text_of(load_edition("groq", "2025-12-13"), "content_not_a_string").startswith("messages[")


def test_absent_keys_are_absent_at_groq_and_null_at_together():
    groq = load_edition("groq").errors["over_capacity"].body
    together = load_edition("together").errors["overloaded"].body
    assert isinstance(groq, dict)
    assert isinstance(together, dict)
    assert list(groq["error"]) == ["message", "type"]
    assert list(together) == ["id", "error"]
    assert list(together["error"].items())[2:] == [("param", None), ("code", None)]


def test_groq_dialect_through_the_years():
    first, spring, newest = (load_edition("groq", when).dialect for when in ("2024-12-01", "2025-03-01", None))
    assert (first.service_tier_in_text, spring.service_tier_in_text) == (False, True)
    assert first.upsell == spring.upsell
    assert newest.upsell["free"].endswith("Upgrade to Dev Tier today at https://console.groq.com/settings/billing")
    assert (first.used_integer, newest.used_integer) == (False, True)
    assert (first.debt_allowed, newest.debt_allowed) == (True, False)
    assert (first.duration_truncate_ms, newest.duration_truncate_ms) == (False, True)
    assert (first.body_end, newest.body_indent) == ("\n", None)


def test_together_dialect_through_the_years():
    first, last, prepaid = (load_edition("together", day).dialect for day in ("2025-08-01", "2026-04-16", "2026-06-01"))
    assert (first.rate_headers, last.rate_headers, prepaid.rate_headers) == ("per_second", "per_second", "none")
    assert (first.retry_after_on_success, prepaid.retry_after_on_success) == (True, False)
    assert (last.balance_floor, prepaid.balance_floor) == (Decimal(-100), Decimal(0))
    assert (first.tier_spend, prepaid.tier_spend) == ((5, 50, 100, 250, 1000), ())
    assert (first.tier_delay_seconds, first.body_indent) == (900, 2)


@pytest.mark.parametrize(
    ("model", "answered", "ended"),
    [
        ("moonshotai/kimi-k2-instruct", date(2026, 2, 17), date(2026, 4, 15)),
        ("compound-beta", date(2026, 7, 7), date(2026, 9, 21)),
    ],
)
def test_what_went_on_answering_after_its_announced_end_ends_with_its_successor(model, answered, ended):
    fact = load_edition("groq").models[model]

    assert not fact.is_retired(answered)
    assert fact.is_retired(ended)
