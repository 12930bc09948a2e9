"""The day of an interaction that does not tell it: never before its model, never before a key of its reply."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers, StreamEvent
from pytest_llmcontract.core.facts.load import edition_dates
from pytest_llmcontract.recordings.cassette import Cassette, Interaction, Metadata
from pytest_llmcontract.recordings.guessed_days import Day, guessed_days

HELLO = [{"role": "user", "content": "Hello"}]
MAY = datetime(2025, 5, 5, tzinfo=UTC)
AUTUMN = datetime(2025, 10, 3, tzinfo=UTC)
NEWEST = edition_dates("groq")[-1]


def interaction(model="llama-3.1-8b-instant", status=200, said=None, at=None, stream=False, **sent):
    body = json.dumps({"model": model, "messages": HELLO, **sent}).encode()
    request = ApiRequest("POST", "https://api.groq.com/openai/v1/chat/completions", Headers({}), body)
    answer = json.dumps(said or {"error": {"message": "x"}}).encode()
    events = (StreamEvent(b"data: " + answer + b"\n\n"),) if stream else None
    return Interaction(0, request, ApiReply(status, Headers({}), b"" if stream else answer, events=events), at)


def completion(**more):
    choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "logprobs": None, "finish_reason": "stop"}
    usage = dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), 1)
    usage |= dict.fromkeys(("queue_time", "prompt_time", "completion_time", "total_time"), 0.1)
    body = {"id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": "x", "choices": [choice]}
    return {**body, "usage": usage, "system_fingerprint": "fp_1", "x_groq": {"id": "x"}, **more}


def days(*interactions, metadata=None):
    cassette = Cassette(Path("x.yaml"), interactions, metadata)
    return guessed_days(cassette, ["groq"] * len(interactions))


def test_what_is_told_is_no_guess():
    assert days(interaction(at=MAY)) == [Day(MAY.date())]
    assert days(interaction(), metadata=Metadata(recorded_at=MAY)) == [Day(MAY.date())]


def test_what_is_told_beside_it_is_taken_where_it_is_possible():
    assert days(interaction(at=MAY), interaction(said=completion()))[1] == Day(MAY.date(), guessed=True)


def test_never_before_its_model_existed():
    """gpt-oss is of August 2025."""
    _, day = days(interaction(at=MAY), interaction("openai/gpt-oss-120b", said=completion()))

    assert day == Day(date(2025, 8, 28), guessed=True)


def test_never_after_its_model_was_gone():
    """Llama 3 was shut down on 2025-08-30."""
    _, day = days(interaction(at=AUTUMN), interaction("llama3-8b-8192", said=completion()))

    assert day.date < date(2025, 8, 30)


@pytest.mark.parametrize("stream", [False, True])
def test_never_before_a_key_of_its_reply_had_its_first_day(stream):
    """Replies name the service tier since July 2025."""
    said = completion(service_tier="on_demand", usage_breakdown=None)
    if stream:
        choice = {"index": 0, "delta": {"content": "x"}, "logprobs": None, "finish_reason": None}
        said = {**{key: said[key] for key in ("id", "created", "model", "system_fingerprint", "service_tier")}}
        said |= {"object": "chat.completion.chunk", "choices": [choice]}
    _, day = days(interaction(at=MAY), interaction(said=said, stream=stream))

    assert day.date >= date(2025, 7, 1)
    assert day.guessed


def test_never_before_a_field_of_its_request_was_accepted():
    thought = [{"role": "assistant", "content": "x", "reasoning": "y"}, *HELLO]
    _, day = days(interaction(at=MAY), interaction(messages=thought, said=completion()))

    assert day.date >= date(2025, 8, 1)


@pytest.mark.parametrize("status", [400, 401, 404, 429, 503])
def test_a_refusal_dates_no_model(status):
    _, day = days(interaction(at=MAY), interaction("openai/gpt-oss-120b", status))

    assert day == Day(MAY.date(), guessed=True)


def test_without_any_date_it_is_the_newest_day_that_all_allow():
    old = interaction("llama3-8b-8192", said=completion())

    assert days(interaction("openai/gpt-oss-120b", said=completion())) == [Day(NEWEST, guessed=True)]
    assert len(set(days(old, interaction(said=completion())))) == 1
    assert days(interaction("nobody/nothing", said=completion())) == [Day(NEWEST, guessed=True)]


def test_what_is_before_the_first_edition_is_older_than_the_facts():
    before = datetime(2023, 6, 5, tzinfo=UTC)

    assert days(interaction(at=before)) == [Day(before.date(), older=True)]


def test_what_is_with_nobody_has_no_day():
    assert guessed_days(Cassette(Path("x.yaml"), (interaction(),)), [None]) == [None]
