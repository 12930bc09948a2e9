"""One call: what the gateway is asked and what the client is given."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import groq
import httpx
import httpx2
import httpx_aiohttp
import openai
import pytest
import together
import trio
from fake_gateway import Simulation
from ways import URL, Way

from pytest_llmcontract.adapters.respx import patching
from pytest_llmcontract.core.exchange import ApiReply, Disconnect

COMPLETION = ApiReply(
    200,
    {"Content-Type": "application/json", "X-Request-ID": "req_1"},
    b'{"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0,'
    b' "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}]}',
)
MESSAGES: Any = [{"role": "user", "content": "Hi"}]
HOSTS = ("api.groq.com", "api.together.ai", "api-inference.together.ai")

# An application's clients, made long before any test.
CLIENTS = {
    "groq": groq.Groq(api_key="gsk_secret", max_retries=0),
    "together": together.Together(api_key="secret", max_retries=0),
    "openai": openai.OpenAI(api_key="gsk_secret", base_url="https://api.groq.com/openai/v1", max_retries=0),
}
ASYNC_CLIENTS: dict[str, Callable[[], Any]] = {
    "groq": lambda: groq.AsyncGroq(api_key="gsk_secret", max_retries=0),
    "groq over aiohttp": lambda: groq.AsyncGroq(
        api_key="gsk_secret", max_retries=0, http_client=httpx_aiohttp.HttpxAiohttpClient()
    ),
    "together": lambda: together.AsyncTogether(api_key="secret", max_retries=0),
    "openai": lambda: openai.AsyncOpenAI(
        api_key="gsk_secret", base_url="https://api.groq.com/openai/v1", max_retries=0
    ),
}


@pytest.mark.parametrize("name", CLIENTS)
def test_clients_built_at_import_are_reached(name: str, simulate: Callable[..., Simulation]) -> None:
    simulation = simulate(COMPLETION, hosts=HOSTS)

    answer: Any = CLIENTS[name].chat.completions.create(model="m", messages=MESSAGES)

    assert answer.choices[0].message.content == "Hello"
    assert simulation.gateway.requests[0].json["messages"] == MESSAGES


@pytest.mark.parametrize("name", ASYNC_CLIENTS)
def test_async_clients_are_reached(name: str, simulate: Callable[..., Simulation]) -> None:
    simulation = simulate(COMPLETION, hosts=HOSTS)

    async def ask() -> Any:
        async with ASYNC_CLIENTS[name]() as client:
            return await client.chat.completions.create(model="m", messages=MESSAGES)

    assert asyncio.run(ask()).choices[0].message.content == "Hello"
    assert simulation.gateway.requests[0].json["messages"] == MESSAGES


def test_an_error_is_the_sdks_own(simulate: Callable[..., Simulation]) -> None:
    simulate(ApiReply(498, {"content-type": "application/json"}, b'{"error": {"message": "no capacity"}}'))

    with pytest.raises(groq.APIStatusError, match="no capacity") as caught:
        CLIENTS["groq"].chat.completions.create(model="m", messages=MESSAGES)

    assert caught.value.status_code == 498


def test_a_request_is_given_as_the_provider_would_receive_it(way: Way, simulation: Simulation) -> None:
    way.ask(f"{URL}?a=1", method="POST", json={"n": 1}, headers={"Authorization": "Bearer gsk_secret", "X-A": "b"})

    request = simulation.gateway.requests[0]
    assert request.method == "POST"
    assert request.url == f"{URL}?a=1"
    assert request.json == {"n": 1}
    assert request.headers["authorization"] == "Bearer ***"
    assert request.headers["x-a"] == "b"
    assert "gsk_secret" not in repr(request)
    assert "ways.py" in request.site


def test_a_multipart_body_is_read(way: Way, simulation: Simulation) -> None:
    way.ask(method="POST", files={"file": ("a.wav", b"RIFF" * 10)}, data={"model": "whisper"})

    assert b"RIFF" * 10 in simulation.gateway.requests[0].body


def test_a_chunked_body_is_read(way: Way, simulation: Simulation) -> None:
    way.ask(method="POST", content=way.chunked(b"one ", b"two"))

    assert simulation.gateway.requests[0].body == b"one two"


def test_the_reply_is_given_exactly(way: Way, simulate: Callable[..., Simulation]) -> None:
    simulate(ApiReply(529, {"Retry-After": "7", "x-accent": "né"}, b"busy"))

    response = way.ask()

    assert response.status_code == 529
    assert response.content == b"busy"
    assert response.headers.raw == [(b"Retry-After", b"7"), (b"x-accent", "né".encode()), (b"content-length", b"4")]
    assert response.elapsed.total_seconds() >= 0
    assert response.request.url == URL


def test_a_length_that_is_given_stays(way: Way, simulate: Callable[..., Simulation]) -> None:
    simulate(ApiReply(200, {"Content-Length": "4"}, b"body"))

    assert way.ask().headers.raw == [(b"Content-Length", b"4")]


def test_no_body_has_no_length(way: Way, simulate: Callable[..., Simulation]) -> None:
    simulate(ApiReply(204))

    assert way.ask().headers.raw == []


def test_a_recordings_content_encoding_is_left_out(way: Way, simulate: Callable[..., Simulation]) -> None:
    """The body is decoded already, and httpx would try to do it again."""
    simulate(ApiReply(200, {"Content-Encoding": "gzip", "Content-Type": "text/plain"}, b"plain"))

    response = way.ask()

    assert response.text == "plain"
    assert "content-encoding" not in response.headers


def test_big_bodies_pass_both_ways(way: Way, simulate: Callable[..., Simulation]) -> None:
    big = bytes(range(256)) * 40_000
    simulation = simulate(ApiReply(200, body=big))

    assert way.ask(method="POST", content=big).content == big
    assert simulation.gateway.requests[0].body == big


def test_the_gateway_answers_in_flight(way: Way, simulation: Simulation) -> None:
    way.ask()

    assert simulation.log == ["take off", "answer", "land"]


def test_a_reply_waits_its_delay_after_it_landed(way: Way, simulate: Callable[..., Simulation]) -> None:
    simulation = simulate(ApiReply(200, delay=1.5))

    way.ask()

    assert simulation.log == ["take off", "answer", "land", "wait 1.5"]


def test_the_client_waits_no_longer_than_its_read_timeout(way: Way, simulate: Callable[..., Simulation]) -> None:
    simulation = simulate(ApiReply(200, delay=90))

    with pytest.raises(way.library.ReadTimeout) as caught:
        way.ask(timeout=60)

    assert simulation.waits == [60]
    assert caught.value.request.url == URL


def test_a_delay_as_long_as_the_timeout_is_in_time(way: Way, simulate: Callable[..., Simulation]) -> None:
    simulation = simulate(ApiReply(200, delay=60))

    assert way.ask(timeout=60).status_code == 200
    assert simulation.waits == [60]


def test_a_timeout_of_zero_is_not_waited_for(way: Way, simulate: Callable[..., Simulation]) -> None:
    simulation = simulate(ApiReply(200, delay=1))

    with pytest.raises(way.library.ReadTimeout):
        way.ask(timeout=0)

    assert simulation.waits == []


@pytest.mark.parametrize(
    ("disconnect", "timeout", "error", "message", "waits"),
    [
        pytest.param(
            Disconnect(), 5, "RemoteProtocolError", "Server disconnected without sending a response.", [], id="at once"
        ),
        pytest.param(Disconnect(delay=2), 5, "RemoteProtocolError", "Server disconnected", [2.0], id="later"),
        pytest.param(Disconnect(delay=9), 5, "ReadTimeout", "The read operation timed out", [5.0], id="too late"),
        pytest.param(
            Disconnect("connect_error"), 5, "ConnectError", "[Errno 111] Connection refused", [], id="refused"
        ),
        pytest.param(Disconnect("connect_error", 2), 5, "ConnectError", "[Errno 111]", [2.0], id="refused later"),
        pytest.param(Disconnect("connect_error", 9), 5, "ConnectTimeout", "timed out", [5.0], id="refused too late"),
        pytest.param(Disconnect("stall"), 5, "ReadTimeout", "The read operation timed out", [5.0], id="stall"),
        pytest.param(Disconnect("stall"), None, "ReadTimeout", "timed out", [600.0], id="stall, patient client"),
    ],
)
def test_a_connection_breaks_as_the_library_tells_it(
    disconnect: Disconnect,
    timeout: float | None,
    error: str,
    message: str,
    waits: list[float],
    way: Way,
    simulate: Callable[..., Simulation],
) -> None:
    simulation = simulate(disconnect)

    with pytest.raises(getattr(way.library, error)) as caught:
        way.ask(timeout=timeout)

    assert type(caught.value).__name__ == error
    assert message in str(caught.value)
    assert caught.value.request.url == URL
    assert simulation.waits == waits


def test_an_sdk_retries_a_broken_connection(simulate: Callable[..., Simulation], monkeypatch: Any) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    simulation = simulate(Disconnect(), Disconnect("connect_error"), COMPLETION)

    CLIENTS["groq"].with_options(max_retries=2).chat.completions.create(model="m", messages=MESSAGES)

    assert len(simulation.gateway.requests) == 3


def test_a_blocked_host_looks_offline_and_the_gateway_is_told(way: Way, simulation: Simulation) -> None:
    with pytest.raises(way.library.ConnectError, match=r"api\.together\.ai is not simulated") as caught:
        way.ask("https://api.together.ai/v1/models", headers={"Authorization": "Bearer secret"}, method="POST")

    assert caught.value.request.url.host == "api.together.ai"
    assert [request.path for request in simulation.gateway.stopped] == ["/v1/models"]
    assert simulation.gateway.stopped[0].headers["authorization"] == "Bearer ***"
    assert simulation.gateway.requests == []


def test_the_innermost_interception_answers(way: Way, simulate: Callable[..., Simulation]) -> None:
    outer = simulate(ApiReply(200, body=b"outer"))
    inner = simulate(ApiReply(200, body=b"inner"))
    assert way.ask().text == "inner"

    inner.interception.remove()

    assert way.ask().text == "outer"
    assert (len(outer.gateway.requests), len(inner.gateway.requests)) == (1, 1)


def test_a_host_is_not_blocked_if_another_interception_owns_it(way: Way, simulate: Callable[..., Simulation]) -> None:
    simulate(ApiReply(200, body=b"outer"), hosts=("api.together.ai",))
    simulate(blocked=("api.together.ai",))

    assert way.ask("https://api.together.ai/v1/models").text == "outer"


def test_interceptions_may_leave_in_any_order(way: Way, simulate: Callable[..., Simulation]) -> None:
    outer, inner = simulate(ApiReply(200, body=b"outer")), simulate(ApiReply(200, body=b"inner"))

    outer.interception.remove()

    assert way.ask().text == "inner"
    assert inner.interception.router is not outer.interception.router


def test_installing_and_removing_twice_is_as_once(way: Way, simulation: Simulation, loopback: str) -> None:
    simulation.interception.install()
    assert way.ask().text == "simulated"
    simulation.interception.remove()
    simulation.interception.remove()
    simulation.interception.raise_to_top()

    assert way.ask(loopback).text == "real "
    assert vars(way.library.HTTPTransport)["handle_request"].__module__ == f"{way.library.__name__}._transports.default"


def test_threads_share_one_interception(way: Way, simulation: Simulation) -> None:
    start = threading.Barrier(8)

    def work(number: int) -> list[str]:
        start.wait()
        return [way.ask(method="POST", content=f"{number}-{turn}".encode()).text for turn in range(10)]

    with ThreadPoolExecutor(8) as pool:
        texts = [text for texts in pool.map(work, range(8)) for text in texts]

    bodies = {request.body.decode() for request in simulation.gateway.requests}
    assert texts == ["simulated"] * 80
    assert bodies == {f"{number}-{turn}" for number in range(8) for turn in range(10)}


def test_trio_is_served(library: Any, simulate: Callable[..., Simulation]) -> None:
    simulation = simulate(ApiReply(200, body=b"simulated", delay=1))

    async def ask() -> Any:
        async with library.AsyncClient() as client:
            return await client.get(URL)

    assert trio.run(ask).text == "simulated"
    assert simulation.waits == [1]


def test_a_proxys_transport_is_reached_as_well(way: Way, simulation: Simulation, monkeypatch: Any) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")

    assert way.ask().text == "simulated"


def test_other_hosts_reach_the_network(way: Way, simulation: Simulation, loopback: str) -> None:
    assert way.ask(loopback, method="POST", content=b"body").text == "real body"
    assert simulation.gateway.requests == []


def test_a_client_without_aiohttp_extra_or_httpx2_is_served(monkeypatch: Any, simulate: Any) -> None:
    imported = patching._imported
    monkeypatch.setattr(patching, "_imported", lambda name: imported(name) if name == "httpx" else None)
    simulate()

    assert httpx.get(URL).text == "simulated"
    assert not hasattr(httpx2.HTTPTransport.handle_request, "__wrapped__")


def test_what_is_not_installed_is_no_error() -> None:
    assert patching._imported("no_such_library") is None
