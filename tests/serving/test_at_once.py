"""What a server answers at once, in its event loop, and what it leaves to a thread so that others need not wait."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest

from pytest_llmcontract.core.exchange import heard
from pytest_llmcontract.serving.scopes import SHORT, Scopes, ServerSettings

ASKED = {"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
def scope():
    return Scopes(ServerSettings(virtual=True)).named("")


def request(path="/openai/v1/chat/completions", body=ASKED, **headers):
    headers = {"authorization": "Bearer k", "content-type": "application/json", **headers}
    return heard("POST", f"https://api.groq.com{path}", headers, json.dumps(body).encode(), "")


def test_a_short_question_to_a_model_is_answered_at_once(scope):
    call, reply = scope.answer_now(request(), None)
    assert (call.operation, reply.status) == ("chat.completions", 200)


@pytest.mark.parametrize(
    "asked",
    [
        request(body={**ASKED, "user": "x" * SHORT}),
        request("/openai/v1/batches", {"input_file_id": "file_1", "endpoint": "/v1/chat/completions"}),
    ],
    ids=["long", "a batch"],
)
def test_what_may_take_a_while_is_not(scope, asked):
    assert scope.answer_now(asked, None) is None
    assert scope.answer(asked, None).call.request is asked


def test_what_comes_again_is_not_since_virtual_time_moves_for_it(scope):
    scope.providers["groq"].fail(503)
    assert scope.answer_now(request(), None).reply.status == 503
    assert scope.answer_now(request(), None) is None
    assert scope.answer(request(), None).reply.status == 200
    assert scope.answer_now(request(), None).reply.status == 200


def test_nothing_is_while_somebody_else_is_answered(scope):
    lock, held, done = scope.world.clock.lock, threading.Event(), threading.Event()

    def hold():
        with lock:
            held.set()
            done.wait(60)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(60)
    try:
        assert scope.answer_now(request(), None) is None
    finally:
        done.set()
        other.join()
    assert scope.answer_now(request(), None) is not None


def test_nothing_is_while_something_is_due():
    scope = Scopes(ServerSettings()).named("")
    clock, happened = scope.world.clock, []
    clock.at(clock.now + timedelta(days=1), lambda: happened.append("later"))
    assert scope.answer_now(request(), None) is not None
    clock.at(clock.now + timedelta(milliseconds=300), lambda: happened.append("now"))
    while not clock.is_behind:
        pass
    assert scope.answer_now(request(), None) is None
    assert happened == []
    scope.answer(request(), None)
    assert happened == ["now"]
