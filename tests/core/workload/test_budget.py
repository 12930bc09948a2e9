"""Budgets against calls: what counts, which call was too much, where figures come from."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from pytest_llmcontract import simulate
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import ApiRequest, Headers
from pytest_llmcontract.core.workload.budget import SESSION_NAMES, Budget, held, session_budget

MODEL = "openai/gpt-oss-20b"
EDITION = "2026-06-04"


@pytest.fixture
def api():
    with simulate("groq", edition=EDITION, check=False) as api:
        yield api


def ask(api, *, usage=None, model=MODEL, retry=0, **fields):
    """One call, answered with that usage; virtual time stands still."""
    if usage is not None:
        api.reply("x", usage={"prompt_tokens": usage[0], "completion_tokens": usage[1]})
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], **fields}
    headers = Headers({"authorization": "Bearer ***", "x-stainless-retry-count": str(retry)})
    url = "https://api.groq.com/openai/v1/chat/completions"
    api.simulator.answer(ApiRequest("POST", url, headers, json.dumps(body).encode(), "app.py:3 in ask"))


def hear(api):
    """A second of silence, transcribed."""
    api.reply(body={"text": "Hello"})
    fields = b'Content-Disposition: form-data; name="model"\r\n\r\nwhisper-large-v3-turbo\r\n'
    sound = b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + b"\0" * 100 + b"\r\n"
    body = b"--x\r\n" + fields + b"--x\r\n" + sound + b"--x--\r\n"
    headers = Headers({"authorization": "Bearer ***", "content-type": "multipart/form-data; boundary=x"})
    url = "https://api.groq.com/openai/v1/audio/transcriptions"
    api.simulator.answer(ApiRequest("POST", url, headers, body))


def lines(api, *, elapsed=0.0, began=0.0, **budget):
    places = {name: f"marker llm_budget at test_{name}" for name in budget}
    return held(Budget(**budget), api.calls, elapsed=elapsed, began=began, places=places)


def only(api, **budget):
    (line,) = lines(api, **budget)
    return line


# Sums


@pytest.mark.parametrize(
    ("budget", "used"),
    [
        ({"calls": 3}, 3),
        ({"tokens": 660}, 660),
        ({"input_tokens": "0.6K"}, 600),
        ({"output_tokens": 60}, 60),
        ({"cost": "0.000063"}, Decimal("0.000063")),
        ({"retries": 1}, 1),
    ],
    ids=str,
)
def test_a_sum_is_kept_up_to_the_last_unit_and_not_beyond(api, budget, used):
    ask(api, usage=(200, 20))
    ask(api, usage=(300, 30), retry=1)
    ask(api, usage=(100, 10))
    ((name, limit),) = budget.items()
    less = {"0.6K": 599, "0.000063": Decimal("0.0000629")}.get(limit, used - 1)

    assert only(api, **budget).ok
    assert only(api, **budget).used == used
    assert not only(api, **{name: less}).ok


def test_the_message_names_the_call_that_was_too_much_and_when(api):
    for _ in range(4):
        ask(api, usage=(1_000, 200))
        api.clock.advance(seconds=9.5)

    finding = only(api, tokens=3_000).finding

    assert finding.message == "budget: 4,800 of 3,000 tokens, exceeded at call 3, t = 19.0 s"
    assert (finding.code, finding.call, finding.site) == ("LLM402", 2, "app.py:3 in ask")
    assert finding.sent == "4,800 tokens in 4 calls: 4,800 scripted"
    assert "tokens= of marker llm_budget at test_tokens" in finding.fix


def test_time_counts_from_the_beginning_of_the_test(api):
    api.clock.advance(hours=2)
    ask(api)

    assert only(api, calls=0, began=7_190.0).finding.message.endswith("exceeded at call 1, t = 10.0 s")


@pytest.mark.llm_allow("LLM101")
def test_refused_calls_are_calls_and_use_nothing(api):
    api.fail("over_capacity")
    ask(api)
    ask(api, n=2)

    assert [line.used for line in lines(api, calls=9, tokens=9, cost=0)] == [2, 0, 0]


def test_retries_are_told_beside_calls(api):
    api.fail("over_capacity")
    ask(api)
    ask(api, retry=1)

    assert only(api, calls=1).finding.sent == "2 calls, 1 of them a retry"
    assert only(api, retries=0).finding.message.startswith("budget: 1 of 0 retries, exceeded at call 2")


@pytest.mark.parametrize(
    ("more", "source"),
    [
        ({"content": "known text", "usage": {"prompt_tokens": 5, "completion_tokens": 6}}, "scripted"),
        ({"content": "known text"}, "estimated"),
        ({"content": "known text", "usage": {"completion_tokens": 6}}, "estimated"),
        ({"usage": {"prompt_tokens": 5}}, "assumed"),
        (None, "assumed"),
    ],
    ids=str,
)
def test_every_figure_says_how_sure_it_is(api, more, source):
    ask(api, usage=(5, 6))
    if more:
        api.reply(**more)
    ask(api)

    assert only(api, tokens=10_000).source == source
    assert api.calls.last.usage.source == source


def test_the_sources_of_a_sum_are_told_apart(api):
    ask(api, usage=(1_000, 200))
    api.reply("Some text.")
    ask(api)
    known = api.calls.last.usage.total_tokens

    assert only(api, tokens=0).finding.sent == f"{1_200 + known:,} tokens in 2 calls: 1,200 scripted, {known} estimated"


def test_models_without_a_known_price_are_named():
    with simulate("groq", edition=EDITION, models=["our/model"], check=False) as api:
        ask(api, usage=(1_000, 10), model="our/model")
        ask(api, usage=(1_000, 10))

        assert only(api, cost=1).detail == "free, or without a price that is counted: our/model"
        assert only(api, tokens="1M").detail == ""


def test_audio_is_named_as_what_costs_nothing_here_and_refused_calls_are_not():
    with simulate("groq", edition=EDITION, check=False) as api:
        hear(api)
        api.fail("internal_server_error")
        ask(api)

        assert only(api, cost=1).detail == "free, or without a price that is counted: whisper-large-v3-turbo"


def test_seconds_are_those_of_the_test(api):
    ask(api)
    api.clock.advance(seconds=61.2)
    ask(api)

    assert only(api, seconds=75, elapsed=75.0).ok
    finding = only(api, seconds=60, elapsed=75.0).finding
    assert finding.message == "budget: 75.0 of 60 s, exceeded at call 2, t = 61.2 s"


def test_waiting_after_the_last_call_counts_too(api):
    ask(api)

    assert only(api, seconds=60, elapsed=75.0).finding.message == "budget: 75.0 of 60 s, exceeded"


# Share


def test_share_is_that_of_the_fullest_limit_at_its_peak(api):
    ask(api, usage=(5_000, 1_000))
    api.clock.advance(minutes=1)
    ask(api, usage=(100, 20))

    line = only(api, share=0.5)

    assert line.used == 0.75
    assert line.finding.message == (
        "budget: 75% of TPM, 50% allowed (6,000 of 8,000 tokens in one minute; groq, plan free, openai/gpt-oss-20b), "
        "exceeded at call 1, t = 0.0 s"
    )
    assert only(api, share=0.75).ok


def test_a_little_of_a_limit_is_not_told_as_nothing(api):
    ask(api, usage=(40, 1))

    assert "0.5% of TPM, 0.01% allowed" in only(api, share={"TPM": 0.0001}).finding.message


def test_a_share_of_a_limit_that_no_call_was_held_to_says_so(api):
    ask(api)

    line = only(api, share={"OTPM": 0.5})

    assert (line.ok, line.detail) == (True, "no call was held to such a limit")


def test_shares_by_kind_are_held_one_by_one(api):
    ask(api, usage=(5_000, 1_000))

    assert [(line.name, line.ok) for line in lines(api, share={"TPM": 0.5, "RPM": "0.5", "ASH": 0})] == [
        ("share TPM", False),
        ("share RPM", True),
        ("share ASH", True),
    ]


def test_tokens_are_in_the_level_after_the_call_that_took_them(api):
    ask(api, usage=(1_000, 600))

    assert api.calls.last.limits == {
        "RPM": (1.0, 30),
        "RPD": (1.0, 1_000),
        "TPM": (1_600.0, 8_000),
        "TPD": (1_600.0, 200_000),
    }


def test_requests_counted_in_short_windows_are_scaled_to_the_limit():
    with simulate("together", edition=EDITION, check=False) as api:
        body = {"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": "Hello"}]}
        url, headers = "https://api.together.xyz/v1/chat/completions", Headers({"authorization": "Bearer ***"})
        for _ in range(10):
            api.simulator.answer(ApiRequest("POST", url, headers, json.dumps(body).encode()))

        assert api.calls.last.limits["RPM"] == (300.0, 600)  # 10 of 20 in two seconds


# Bad input


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"calls": "many"}, r"llm_budget\(calls=\) is 'many'; expected a number such as 12000"),
        ({"calls": True}, r"llm_budget\(calls=\) is True"),
        ({"tokens": 1.5}, r"llm_budget\(tokens=\) is 1.5; expected a whole number"),
        ({"cost": -1}, r"llm_budget\(cost=\) is -1; expected a number from 0"),
        ({"cost": "$1"}, r"llm_budget\(cost=\) is '\$1'; expected a number"),
        ({"share": "50%"}, r"llm_budget\(share=\) is '50%'; expected a fraction of the limit from 0 to 1"),
        ({"share": {}}, r"llm_budget\(share=\) is empty; expected limits and fractions"),
        ({"seconds": "1m"}, r"llm_budget\(seconds=\) is '1m'; expected seconds as a number without a unit"),
        ({"fits": "groq/free", "per_day": 0}, r"llm_budget\(per_day=\) is 0; expected a number above 0"),
        ({"share": 50}, r"llm_budget\(share=\) is 50; expected a fraction of the limit from 0 to 1"),
        ({"share": {"TMP": 0.5}}, r"unknown limit in llm_budget\(share=\) 'TMP'.*Did you mean 'TPM'"),
        ({"share": {"TPM": 2}}, r"llm_budget\(share=\{'TPM': …\}\) is 2"),
        ({"fits": "groq"}, r"llm_budget\(fits=\) is 'groq'; expected PROVIDER/PLAN"),
        ({"fits": 3}, r"llm_budget\(fits=\) is 3; expected PROVIDER/PLAN"),
        ({"fits": "grok/free"}, r"unknown provider 'grok'.*Did you mean 'groq'"),
        ({"fits": "groq/fre"}, r"unknown plan in llm_budget\(fits=\) 'groq/fre'.*Did you mean 'groq/free'"),
        ({"per_day": 100}, r"per_minute and per_day need fits="),
        ({"fits": "groq/free", "per_minute": "often"}, r"llm_budget\(per_minute=\) is 'often'"),
    ],
    ids=str,
)
def test_what_is_not_accepted_is_said(given, words):
    with pytest.raises(BadInput, match=words):
        Budget(**given)


def test_numbers_may_be_written_short():
    budget = Budget(tokens="6K", cost=0.002, share=0.5, fits="groq/free", per_day="1.5K", output="1K")

    assert (budget.tokens, budget.cost, budget.share) == (6_000, Decimal("0.002"), {"*": Decimal("0.5")})
    assert (budget.per_day, budget.output) == (1_500, 1_000)


# Of a session


def test_a_session_budget_is_names_and_numbers():
    assert session_budget("cost=0.50, tokens=200K", "--flag") == {"cost": Decimal("0.50"), "tokens": Decimal(200_000)}
    assert [*session_budget(",".join(f"{name}=1" for name in SESSION_NAMES), "--flag")] == [*SESSION_NAMES]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cost", r"--flag: 'cost' is not understood; expected NAME=NUMBER"),
        ("cost=1,", r"--flag: '' is not understood"),
        ("costs=1", r"unknown budget in --flag 'costs'; accepted: calls, cost.*Did you mean 'cost'"),
        ("cost=cheap", r"--flag: cost is 'cheap'; expected a number"),
        ("tokens=0.5", r"--flag: tokens is '0.5'; expected a whole number"),
        ("seconds=5s", r"--flag: seconds is '5s'; expected seconds as a number without a unit"),
        ("cost=1,cost=2", r"--flag: 'cost' is given twice"),
    ],
)
def test_a_session_budget_that_does_not_parse_says_why(text, words):
    with pytest.raises(BadInput, match=words):
        session_budget(text, "--flag")
