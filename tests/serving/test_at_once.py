"""What a server answers at once, in its event loop, and what it leaves to a thread so that others need not wait."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from datetime import timedelta

import pytest

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import heard
from pytest_llmcontract.serving.running import listening
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


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_answer_is_sent_without_waiting_until_the_piece_before_it_was_acknowledged(host):
    async def accepted() -> int:
        made = loop.create_future()

        class Noting(asyncio.Protocol):
            def connection_made(self, transport):
                made.set_result(transport)

        async with await loop.create_server(Noting, sock=there):
            _, writer = await asyncio.open_connection(host, there.getsockname()[1])
            transport = await made
            nodelay = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            transport.close()
            writer.close()
            return nodelay

    try:
        there = listening(host, 0)
    except BadInput:
        pytest.skip(f"this machine has no {host}")
    loop = asyncio.new_event_loop()
    try:
        assert loop.run_until_complete(accepted())
    finally:
        loop.close()
