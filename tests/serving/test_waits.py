"""Virtual time of a server: who tries again has waited really, whether it says that it tries again or not."""

from __future__ import annotations

import json

import pytest

from pytest_llmcontract.core.exchange import ApiReply, heard
from pytest_llmcontract.serving import scopes
from pytest_llmcontract.serving.scopes import Scopes, ServerSettings


class Real:
    """Real time, as slow as the test wants it."""

    def __init__(self):
        self.seconds = 1000.0

    def monotonic(self):
        return self.seconds


@pytest.fixture
def real(monkeypatch):
    real = Real()
    monkeypatch.setattr(scopes, "time", real)
    return real


@pytest.fixture
def scope(real):
    return Scopes(ServerSettings(virtual=True, providers={"groq": {"limits": {"RPM": 60}}})).named("")


def ask(scope, text="Hello"):
    body = {"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": text}]}
    headers = {"authorization": "Bearer k", "content-type": "application/json"}
    url = "https://api.groq.com/openai/v1/chat/completions"
    reply = scope.answer(heard("POST", url, headers, json.dumps(body).encode(), "", line=1), None).reply
    return reply.status if isinstance(reply, ApiReply) else None


@pytest.mark.parametrize(
    "begin",
    [
        lambda api: api.exhaust("RPM"),
        lambda api: api.fail(429, retry_after=1),
        lambda api: api.outage(seconds=1),
        lambda api: api.outage(seconds=1, error="connection_reset"),
    ],
    ids=["exhausted", "told to wait", "out", "unreachable"],
)
def test_who_has_waited_gets_through_and_who_is_hasty_does_not(scope, real, begin):
    begin(scope.providers["groq"])
    first = ask(scope)
    real.seconds += 0.4
    hasty = ask(scope)
    real.seconds += 1  # a part of a second that is left is announced as a whole one
    patient = ask(scope)

    assert first == hasty != 200
    assert patient == 200
    assert scope.world.clock.elapsed == pytest.approx(1.4)


def test_time_that_nobody_waited_in_does_not_count(scope, real):
    assert ask(scope) == 200
    real.seconds += 60
    assert ask(scope) == 200
    assert scope.world.clock.elapsed == 0


def test_time_that_was_told_to_move_is_not_counted_twice(scope, real):
    scope.providers["groq"].fail(429, retry_after=30)
    ask(scope)
    scope.world.clock.advance(seconds=30)
    real.seconds += 5
    assert ask(scope) == 200
    assert scope.world.clock.elapsed == 30


def test_another_question_in_the_place_of_the_refused_one_is_not_recognized(scope, real):
    scope.providers["groq"].outage(seconds=1)
    ask(scope)
    real.seconds += 60
    assert ask(scope, "Another") == 503
