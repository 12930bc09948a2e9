"""The tables of limits, prices and workloads that an article of 2026-06-04 prints of Groq, row by row, and its bills.

What fits a day and what a workload costs stands in ``core/workload/test_fit.py`` and ``test_costs.py`` too, as ``fit``
and ``cost`` say it; here it is what limits, calls and invoices of a simulated organization make of it.
"""

from __future__ import annotations

from decimal import Decimal

import groq
import pytest

from pytest_llmcontract import cost, simulate
from pytest_llmcontract.core.facts.load import load_edition

JUNE = "2026-06-04"
OSS = "openai/gpt-oss-120b"
SMALL = "openai/gpt-oss-20b"

LIMITS = [
    ("llama-3.1-8b-instant", {"RPM": 30, "RPD": 14_400, "TPM": 6_000, "TPD": 500_000}),
    ("llama-3.3-70b-versatile", {"RPM": 30, "RPD": 1_000, "TPM": 12_000, "TPD": 100_000}),
    (OSS, {"RPM": 30, "RPD": 1_000, "TPM": 8_000, "TPD": 200_000}),
    (SMALL, {"RPM": 30, "RPD": 1_000, "TPM": 8_000, "TPD": 200_000}),
    ("meta-llama/llama-4-scout-17b-16e-instruct", {"RPM": 30, "RPD": 1_000, "TPM": 30_000, "TPD": 500_000}),
    ("qwen/qwen3-32b", {"RPM": 60, "RPD": 1_000, "TPM": 6_000, "TPD": 500_000}),
    ("groq/compound", {"RPM": 30, "RPD": 250, "TPM": 70_000}),
    ("whisper-large-v3-turbo", {"RPM": 20, "RPD": 2_000}),
]


@pytest.mark.parametrize(("model", "printed"), LIMITS)
def test_the_limits_of_the_free_plan(model, printed):
    limits = load_edition("groq", JUNE).limits_for("free", model)

    assert {kind: limits[kind] for kind in printed} == printed
    assert limits.keys() - printed.keys() <= {"ASH", "ASD"}  # audio has seconds of sound, and the table does not


PRICES = [
    (SMALL, {"input": "0.075", "cached_input": "0.0375", "output": "0.30"}, 131_072),
    (OSS, {"input": "0.15", "cached_input": "0.075", "output": "0.60"}, 131_072),
    ("llama-3.1-8b-instant", {"input": "0.05", "output": "0.08"}, 131_072),
    ("llama-3.3-70b-versatile", {"input": "0.59", "output": "0.79"}, 131_072),
    ("meta-llama/llama-4-scout-17b-16e-instruct", {"input": "0.11", "output": "0.34"}, 131_072),
    ("qwen/qwen3-32b", {"input": "0.29", "output": "0.59"}, 131_072),
    ("whisper-large-v3", {"audio_hour": "0.111"}, None),
    ("whisper-large-v3-turbo", {"audio_hour": "0.04"}, None),
]


@pytest.mark.parametrize(("model", "printed", "context"), PRICES)
def test_the_prices(model, printed, context):
    known = load_edition("groq", JUNE).models[model]

    assert {name: getattr(known.prices, name) for name in printed} == {
        name: Decimal(dollars) for name, dollars in printed.items()
    }
    assert context in (None, known.context)


@pytest.mark.parametrize(
    ("tool", "unit", "dollars"), [("web_search", "thousand_requests", "5"), ("code_interpreter", "hour", "0.18")]
)
def test_the_prices_of_tools(tool, unit, dollars):
    assert getattr(load_edition("groq", JUNE).tools[tool], unit) == Decimal(dollars)


# Millions of tokens a month: input, of it cached, output; and what they cost. Half of 100M cached is $23.25: the $19.50
# that the article prints contradicts its own prices.
WORKLOADS = [
    (SMALL, (10, 0, 2), "1.35"),
    (OSS, (10, 0, 2), "2.70"),
    (OSS, (100, 0, 20), "27.00"),
    (OSS, (100, 50, 20), "23.25"),
    ("llama-3.1-8b-instant", (100, 0, 10), "5.80"),
    ("qwen/qwen3-32b", (50, 0, 25), "29.25"),
    ("llama-3.3-70b-versatile", (50, 0, 25), "49.25"),
    (SMALL, (3, 0, "0.75"), "0.45"),
    (OSS, (90, 0, 30), "31.50"),
    ("llama-3.3-70b-versatile", (60, 0, 12), "44.88"),
    (OSS, (60, 0, 12), "16.20"),
]


@pytest.mark.parametrize(("model", "millions", "dollars"), WORKLOADS)
def test_a_month_of_a_workload_is_billed_to_the_cent(model, millions, dollars):
    """In 25 calls, a day apart: what thresholds and the month bill is the printed sum, less what is carried over."""
    input_, cached, output = (int(Decimal(amount) * 1_000_000 / 25) for amount in millions)
    usage = {"prompt_tokens": input_, "completion_tokens": output, "prompt_tokens_details": {"cached_tokens": cached}}
    with simulate("groq", plan="developer", edition=JUNE) as api:
        api.reply("…", usage=usage, times=25)
        for _ in range(25):
            groq.Groq().chat.completions.create(model=model, messages=[{"role": "user", "content": "…"}])
            api.clock.advance(days=1)
        api.clock.advance(days=5)

        assert api.account.lifetime_spend == Decimal(dollars)
        billed = sum(invoice.amount for invoice in api.account.invoices)
        assert billed + api.account.outstanding == Decimal(dollars)
        assert api.account.outstanding < Decimal("0.50")


def test_batch_and_cache_discounts_do_not_add_up():
    batch = cost("groq", OSS, input_tokens="100M", batch=True, edition=JUNE)
    cached = cost("groq", OSS, input_tokens="100M", cached_tokens="100M", batch=True, edition=JUNE)

    assert (batch.cost, cached.cost) == (Decimal("7.50"), Decimal("7.50"))


DAYS = [
    (OSS, 500, 400, "TPD"),  # the article prints RPD and 1,000, against its own table of limits
    (OSS, 2_000, 100, "TPD"),
    (OSS, 8_000, 25, "TPD"),
    ("llama-3.1-8b-instant", 500, 1_000, "TPD"),
    ("llama-3.3-70b-versatile", 1_000, 100, "TPD"),
    ("qwen/qwen3-32b", 500, 1_000, "RPD"),
]


@pytest.mark.parametrize(("model", "tokens", "calls", "binds"), DAYS)
def test_a_day_of_the_free_plan_ends_where_its_table_says(model, tokens, calls, binds):
    """From full buckets, without what refills meanwhile."""
    with simulate("groq", plan="free", edition=JUNE) as api:
        for _ in range(calls):
            api.use("TPD", tokens, model=model)
            api.use("RPD", 1, model=model)
        left = api.limits(model)
        short = [kind for kind, next_call in (("RPD", 1), ("TPD", tokens)) if left[kind].remaining < next_call]

        assert short[0] == binds  # of Qwen both are used up with the same call
