"""``cost``: list prices, exactly."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pytest_llmcontract import BadInput, cost
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.money.prices import token_cost
from pytest_llmcontract.core.workload.costs import money_text
from pytest_llmcontract.report.workload import cost_text

JUNE = "2026-06-04"

# Tables of an article of 2026-06-04. Half of 100M cached costs $23.25; its $19.50 contradicts its own prices.
PUBLISHED = [
    ("openai/gpt-oss-20b", {"input_tokens": "10M", "output_tokens": "2M"}, "1.35", "0.675"),
    ("openai/gpt-oss-120b", {"input_tokens": "10M", "output_tokens": "2M"}, "2.70", "1.35"),
    ("openai/gpt-oss-120b", {"input_tokens": "100M", "output_tokens": "20M"}, "27", "13.50"),
    (
        "openai/gpt-oss-120b",
        {"input_tokens": "100M", "cached_tokens": "50M", "output_tokens": "20M"},
        "23.25",
        "13.50",  # no cache discount on top of the batch's
    ),
    ("llama-3.1-8b-instant", {"input_tokens": "100M", "output_tokens": "10M"}, "5.80", "2.90"),
    ("qwen/qwen3-32b", {"input_tokens": "50M", "output_tokens": "25M"}, "29.25", "14.625"),
    ("llama-3.3-70b-versatile", {"input_tokens": "50M", "output_tokens": "25M"}, "49.25", "24.625"),
    ("whisper-large-v3-turbo", {"audio_hours": 1000}, "40", "20"),
    ("openai/gpt-oss-20b", {"input_tokens": "3M", "output_tokens": "0.75M"}, "0.45", "0.225"),
    ("openai/gpt-oss-120b", {"input_tokens": "90M", "output_tokens": "30M"}, "31.50", "15.75"),
]


@pytest.mark.parametrize(("model", "work", "listed", "batch"), PUBLISHED)
def test_published_examples(model, work, listed, batch):
    for is_batch, dollars_ in ((False, listed), (True, batch)):
        answer = cost("groq", model, **work, batch=is_batch, edition=JUNE)

        assert answer.cost == Decimal(dollars_)
        assert sum(answer.parts.values()) == answer.cost


def test_the_json_answer_has_money_as_decimal_strings():
    answer = cost(
        "groq", "openai/gpt-oss-120b", input_tokens="100M", cached_tokens="50M", output_tokens="20M", edition=JUNE
    )

    assert answer.as_json() == {
        "cost": "23.25",
        "parts": {"input": "7.50", "cached_input": "3.75", "output": "12.00"},
        "edition": "2026-06-04",
    }


def test_one_arithmetic_for_a_call_and_a_workload():
    prices = load_edition("groq", JUNE).models["openai/gpt-oss-120b"].prices
    usage = Usage(input_tokens=1234567, output_tokens=891, cached_tokens=1024)

    answer = cost(
        "groq", "openai/gpt-oss-120b", input_tokens=1234567, cached_tokens=1024, output_tokens=891, edition=JUNE
    )

    assert answer.cost == token_cost(prices, usage)


def test_it_is_exact_however_small_or_large():
    small = cost("groq", "openai/gpt-oss-20b", cached_tokens=1, input_tokens=1, edition=JUNE)
    assert small.as_json()["cost"] == "0.0000000375"

    large = cost("groq", "openai/gpt-oss-20b", input_tokens=10**17 + 1, output_tokens=3, edition=JUNE)
    assert large.as_json()["cost"] == "7500000000.000000975"

    hours = cost("groq", "whisper-large-v3", audio_hours="0.000000001", edition=JUNE)
    assert hours.as_json()["cost"] == "0.000000000111"


def test_nothing_costs_nothing():
    assert cost("groq", "openai/gpt-oss-20b", edition=JUNE).as_json() == {
        "cost": "0.00",
        "parts": {},
        "edition": "2026-06-04",
    }


def test_built_in_tools_by_request_and_by_hour_cost_the_same_in_a_batch():
    for batch in (False, True):
        tools = {"web_search": "1.5K", "code_interpreter": 2.5}
        answer = cost("groq", "openai/gpt-oss-120b", tools=tools, batch=batch, edition=JUNE)

        assert answer.parts == {"web_search": Decimal("7.5"), "code_interpreter": Decimal("0.45")}


def test_speech_pictures_and_films():
    assert cost("groq", "canopylabs/orpheus-v1-english", characters="500K", edition=JUNE).cost == 11
    flux = cost("together", "black-forest-labs/FLUX.1.1-pro", megapixels="2.5", edition=JUNE)
    assert flux.parts == {"megapixels": Decimal("0.1")}
    assert cost("together", "black-forest-labs/FLUX.2-dev", images=10, edition=JUNE).cost == Decimal("0.154")


def test_an_audio_price_by_the_minute_counts_for_hours():
    edition = load_edition("together")
    by_minute = next((m for m in edition.models.values() if m.prices.audio_minute is not None), None)
    if by_minute is None:
        pytest.skip("no model is priced by the minute")

    assert cost("together", by_minute.id, audio_hours=2).cost == 120 * by_minute.prices.audio_minute


def test_prices_are_those_of_the_edition():
    assert cost("groq", "openai/gpt-oss-20b", edition="2026-07-01").edition.isoformat() == "2026-06-04"


def test_notes_say_what_a_figure_rests_on():
    plain = cost("groq", "qwen/qwen3-32b", input_tokens=10, cached_tokens=5, edition=JUNE)
    assert plain.cost == Decimal("0.0000029")
    assert plain.notes == ("no cached price of qwen/qwen3-32b is known: cached tokens cost as much as other input",)

    batch = cost("groq", "openai/gpt-oss-20b", input_tokens=10, cached_tokens=5, batch=True, edition=JUNE)
    assert batch.notes == ("a batch costs the same with cached tokens: the discounts do not stack",)

    gone = cost("groq", "qwen/qwen3-32b", input_tokens=10, edition="2026-10-01")
    assert gone.notes[0].startswith("qwen/qwen3-32b is retired since 2026-")


@pytest.mark.parametrize(
    ("model", "work", "words"),
    [
        ("whisper-large-v3", {"input_tokens": 1}, "no price for input tokens .*; known: an audio hour \\$0.111"),
        ("openai/gpt-oss-20b", {"audio_hours": 1}, "no price for audio .*; known: 1M input tokens \\$0.075, 1M cached"),
        ("openai/gpt-oss-20b", {"images": 1}, "no price for images"),
        ("groq/compound", {"output_tokens": 1}, "no price for output tokens .*; known: none"),
        ("openai/gpt-oss-20b", {"cached_tokens": 2, "input_tokens": 1}, "cached_tokens is 2, more than input_tokens"),
        ("openai/gpt-oss-20b", {"input_tokens": 1.5}, "input_tokens is 1.5; expected a whole number"),
        ("openai/gpt-oss-20b", {"input_tokens": "-1"}, "input_tokens is '-1'; expected a number from 0"),
        ("openai/gpt-oss-20b", {"audio_hours": "1e3"}, "audio_hours is '1e3'; expected a number such as"),
        ("openai/gpt-oss-20b", {"tools": {"web_serch": 1}}, "unknown groq tool 'web_serch'.*Did you mean 'web_search'"),
        ("canopylabs/orpheus-v1-english", {"characters": 1, "batch": True}, "a batch takes tokens and audio, not char"),
        ("gpt-oss-20b", {}, "unknown groq model 'gpt-oss-20b'"),
    ],
)
def test_bad_input(model, work, words):
    with pytest.raises(BadInput, match=words):
        cost("groq", model, **work, edition=JUNE)


def test_together_prices_no_tools():
    with pytest.raises(BadInput, match="no built-in tool of together has one"):
        cost("together", "openai/gpt-oss-20b", tools={"web_search": 1})


def test_a_provider_without_batches(monkeypatch):
    edition = load_edition("groq", JUNE).model_copy(update={"lanes": {}})
    monkeypatch.setattr("pytest_llmcontract.core.workload.costs.load_edition", lambda provider, when: edition)

    with pytest.raises(BadInput, match="knows no batch price"):
        cost("groq", "openai/gpt-oss-20b", batch=True)


# As text


@pytest.mark.parametrize(
    ("amount", "text"), [("27", "27.00"), ("2.70", "2.70"), ("0.0154", "0.0154"), ("1E+2", "100.00"), ("0", "0.00")]
)
def test_dollars(amount, text):
    assert money_text(Decimal(amount)) == text


def test_the_sum_comes_first_then_what_it_is_made_of():
    answer = cost(
        "groq",
        "openai/gpt-oss-120b",
        input_tokens="100M",
        cached_tokens="50M",
        output_tokens="20M",
        batch=True,
        tools={"web_search": 20},
        edition=JUNE,
    )

    assert cost_text(answer) == (
        "$13.60\n"
        "\n"
        "                           amount  price              cost\n"
        "  input         50,000,000 tokens  $0.15 / 1M x 0.5  $3.75\n"
        "  cached input  50,000,000 tokens  $0.15 / 1M x 0.5  $3.75\n"
        "  output        20,000,000 tokens  $0.60 / 1M x 0.5  $6.00\n"
        "  web_search          20 requests  $5.00 / 1K        $0.10\n"
        "\n"
        "  model    openai/gpt-oss-120b\n"
        "  prices   groq, edition 2026-06-04\n"
        "  note     a batch costs the same with cached tokens: the discounts do not stack"
    )
