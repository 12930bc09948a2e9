"""Streams: one piece at a time, in time, and every way to end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import groq
import openai
import pytest
from fake_gateway import Simulation
from ways import Way

from pytest_llmcontract.core.exchange import ApiReply, Disconnect, StreamEvent

THREE = (StreamEvent(b"a", 0.5), StreamEvent(b"b", 0.25), StreamEvent(b"c"))
PEER_CLOSED = "peer closed connection without sending complete message body (incomplete chunked read)"


def sse(*deltas: str) -> tuple[StreamEvent, ...]:
    def event(delta: str) -> StreamEvent:
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        choices = [{"index": 0, "delta": {"content": delta}}]
        return StreamEvent(b"data: " + json.dumps(chunk | {"choices": choices}).encode() + b"\n\n", delay=1)

    return (*map(event, deltas), StreamEvent(b"data: [DONE]\n\n"))


def test_pieces_come_one_by_one(way: Way, simulate: Callable[..., Simulation]) -> None:
    """The consumer has a piece before the next one is waited for."""
    simulation = simulate(ApiReply(200, {"content-type": "text/event-stream"}, events=THREE, delay=2))

    way.pieces(simulation.log)

    expected = ["take off", "answer", "land", "wait 2", "wait 0.5", "got a", "wait 0.25", "got b", "got c", "finished"]
    assert simulation.log == expected


def test_a_stream_has_no_length(way: Way, simulate: Callable[..., Simulation]) -> None:
    simulate(ApiReply(200, {"content-type": "text/event-stream"}, events=THREE))

    response = way.ask()

    assert response.content == b"abc"
    assert response.headers.raw == [(b"content-type", b"text/event-stream")]


def test_an_empty_stream_ends(way: Way, simulate: Callable[..., Simulation]) -> None:
    simulation = simulate(ApiReply(200, events=()))

    assert way.ask().content == b""
    assert simulation.gateway.ended == [ApiReply(200, events=())]


def test_a_stream_that_is_closed_early_is_finished_once(way: Way, simulate: Callable[..., Simulation]) -> None:
    simulation = simulate(ApiReply(200, events=THREE))

    way.pieces(simulation.log, stop_after=1)

    assert simulation.log == ["take off", "answer", "land", "wait 0.5", "got a", "finished"]


def test_a_stream_that_is_never_read_is_finished_by_closing_it(way: Way, simulate: Callable[..., Simulation]) -> None:
    simulation = simulate(ApiReply(200, events=THREE))

    if way.is_async:

        async def close() -> None:
            async with way.library.AsyncClient() as client, client.stream("GET", "https://api.groq.com/"):
                pass

        asyncio.run(close())
    else:
        with way.library.Client() as client, client.stream("GET", "https://api.groq.com/"):
            pass

    assert simulation.log == ["take off", "answer", "land", "finished"]


@pytest.mark.parametrize(
    ("cut", "timeout", "error", "message", "waits"),
    [
        pytest.param(Disconnect(), 5, "RemoteProtocolError", PEER_CLOSED, [], id="disconnect"),
        pytest.param(Disconnect(delay=2), 5, "RemoteProtocolError", PEER_CLOSED, ["wait 2"], id="later"),
        pytest.param(Disconnect("connect_error"), 5, "RemoteProtocolError", PEER_CLOSED, [], id="refused"),
        pytest.param(Disconnect("stall"), 5, "ReadTimeout", "The read operation timed out", ["wait 5"], id="stall"),
        pytest.param(Disconnect("stall"), None, "ReadTimeout", "timed out", ["wait 600"], id="stall, patient client"),
        pytest.param(Disconnect(delay=9), 5, "ReadTimeout", "timed out", ["wait 5"], id="too late"),
    ],
)
def test_a_cut_stream_ends_as_the_library_tells_it(
    cut: Disconnect,
    timeout: float | None,
    error: str,
    message: str,
    waits: list[str],
    way: Way,
    simulate: Callable[..., Simulation],
) -> None:
    simulation = simulate(ApiReply(200, events=(StreamEvent(b"a"), StreamEvent("é".encode()[:1])), cut=cut))
    log: list[str] = []

    with pytest.raises(getattr(way.library, error)) as caught:
        way.ask(timeout=timeout)

    assert type(caught.value).__name__ == error
    assert message in str(caught.value)
    assert caught.value.request.url.host == "api.groq.com"
    assert simulation.log == ["take off", "answer", "land", *waits, "finished"]
    assert log == []


def test_what_came_before_the_cut_was_delivered(way: Way, simulate: Callable[..., Simulation]) -> None:
    simulation = simulate(ApiReply(200, events=THREE, cut=Disconnect()))

    with pytest.raises(way.library.RemoteProtocolError):
        way.pieces(simulation.log)

    assert [entry for entry in simulation.log if entry.startswith("got")] == ["got a", "got b", "got c"]


def test_a_body_without_events_can_be_cut_too(way: Way, simulate: Callable[..., Simulation]) -> None:
    simulation = simulate(ApiReply(200, body=b"half", cut=Disconnect()))

    with pytest.raises(way.library.RemoteProtocolError):
        way.pieces(simulation.log)

    assert "got half" in simulation.log


def test_a_pause_longer_than_the_read_timeout_ends_the_stream(way: Way, simulate: Callable[..., Simulation]) -> None:
    simulation = simulate(ApiReply(200, events=(StreamEvent(b"a"), StreamEvent(b"b", 61))))

    with pytest.raises(way.library.ReadTimeout):
        way.pieces(simulation.log, timeout=60)

    assert simulation.log == ["take off", "answer", "land", "got a", "wait 60", "finished"]


def test_groq_sees_a_chunk_before_the_next_is_waited_for(simulate: Callable[..., Simulation]) -> None:
    simulation = simulate(ApiReply(200, {"content-type": "text/event-stream"}, events=sse("one", "two")))
    client = groq.Groq(api_key="none")

    for chunk in client.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}], stream=True):
        simulation.log.append(f"got {chunk.choices[0].delta.content}")

    assert simulation.log == ["take off", "answer", "land", "wait 1", "got one", "wait 1", "got two", "finished"]


def test_openai_on_httpx2_sees_a_chunk_before_the_next_is_waited_for(simulate: Callable[..., Simulation]) -> None:
    simulation = simulate(ApiReply(200, {"content-type": "text/event-stream"}, events=sse("one", "two")))

    async def read() -> None:
        async with openai.AsyncOpenAI(api_key="none", base_url="https://api.groq.com/openai/v1") as client:
            messages: Any = [{"role": "user", "content": "?"}]
            async for chunk in await client.chat.completions.create(model="m", messages=messages, stream=True):
                simulation.log.append(f"got {chunk.choices[0].delta.content}")

    asyncio.run(read())

    assert simulation.log == ["take off", "answer", "land", "wait 1", "got one", "wait 1", "got two", "finished"]


def test_a_cancelled_stream_is_finished(library: Any, simulate: Callable[..., Simulation]) -> None:
    simulation = simulate(ApiReply(200, events=(StreamEvent(b"a"), StreamEvent(b"b", 3600))))

    async def for_ever(seconds: float) -> None:
        await asyncio.Event().wait()

    simulation.interception.wait_async = for_ever

    async def read() -> None:
        async with (
            library.AsyncClient(timeout=None) as client,
            client.stream("GET", "https://api.groq.com/") as response,
        ):
            async for _ in response.aiter_raw():
                pass

    async def give_up() -> None:
        async with asyncio.timeout(0.02):
            await read()

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())

    assert simulation.log[-1] == "finished"
    assert simulation.log.count("finished") == 1
