"""What a ledger keeps of what was said, and which levels of limits it calls the test's own."""

from __future__ import annotations

import groq
import pytest

from pytest_llmcontract import simulate
from pytest_llmcontract.report import exchanges
from pytest_llmcontract.report.exchanges import Kept, exchange, kept_exchanges, shortened
from pytest_llmcontract.report.levels import staged_limits

MODEL = "openai/gpt-oss-120b"


def ask(text="x", **more):
    messages = [{"role": "user", "content": text}]
    return groq.Groq(max_retries=0).chat.completions.create(model=MODEL, messages=messages, **more)


def test_a_call_is_kept_with_both_bodies_and_headers_and_without_its_key():
    with simulate("groq") as api:
        api.reply("A tower.")
        ask("What is a lighthouse?")

    said = exchange(api.calls[0])

    assert "What is a lighthouse?" in said["request"]
    assert "A tower." in said["reply"]
    assert said["request_headers"]["authorization"] == "Bearer ***"
    assert "x-ratelimit-limit-requests" in said["reply_headers"]


def test_a_stream_is_kept_as_it_was_sent():
    with simulate("groq") as api:
        list(ask(stream=True))

    assert exchange(api.calls[0])["reply"].endswith("data: [DONE]\n\n")


def test_of_too_much_those_that_failed_are_kept(monkeypatch):
    monkeypatch.setattr(exchanges, "MOST_OF_A_PHASE", 1)
    with simulate("groq") as api:
        ask()
        api.fail(503)
        with pytest.raises(groq.InternalServerError):
            ask()

    assert list(kept_exchanges(list(api.calls))) == [1]


def test_of_a_session_that_says_too_much_failures_are_kept(monkeypatch):
    monkeypatch.setattr(exchanges, "MOST_OF_A_SESSION", 1)
    said = {"request_headers": {}, "request": "long", "reply_headers": {}, "reply": ""}
    call, kept = {"exchange": said, "status": 200, "cut": ""}, Kept()

    outcomes = ("passed", "passed", "failed")

    assert [kept.of(call, outcome) for outcome in outcomes] == [said, None, said]


def test_long_texts_and_files_inside_them_are_cut():
    embedded = '{"url": "data:image/png;base64,' + "A" * 5000 + '"}'

    assert shortened("x" * 10, longest=4) == "xxxx… (6 more characters)"
    assert shortened(embedded).endswith('A… (4,968 more characters)"}')


def test_a_limit_that_the_test_filled_itself_is_staged_from_then_on():
    with simulate("groq", check=False) as api:
        ask()
        api.exhaust("TPM", model=MODEL)
        with pytest.raises(groq.RateLimitError):
            ask()
        api.clock.advance(minutes=2)
        ask()

    assert staged_limits(list(api.calls)) == [[], ["TPM"], ["TPM"]]


@pytest.mark.parametrize("provider", ["groq", "together"])
def test_what_calls_took_alone_is_never_staged(provider):
    import together

    with simulate(provider) as api:
        for _ in range(3):
            if provider == "groq":
                ask()
            else:
                client = together.Together(api_key="x")
                client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x"}])

    first = api.calls[0]
    assert staged_limits(list(api.calls)) == [[], [], []]
    assert all(first.limits[kind][0] == pytest.approx(amount) for kind, amount in first.taken.items())
