"""A scripted fault of the connection: every client meets the exception that a real one gives it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import struct
import threading
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import groq
import httpx
import httpx2
import openai
import pytest
import requests
import together
import urllib3

from pytest_llmcontract import simulate
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import CONNECTION_FAULTS

BASE = "https://api.groq.com/openai/v1"
PATH = "/chat/completions"
MODEL = "openai/gpt-oss-120b"
PATIENCE = {"connect_timeout": 0.5, "read_timeout": 0.5}
"""Seconds that each client gives a server where they really pass."""
AMPLE = 60.0
"""Seconds for every other fault: it comes by itself, however slow the machine."""
Client = Callable[[str, float], None]
HEADERS = {"authorization": "Bearer k", "content-type": "application/json"}


def body(**fields: Any) -> bytes:
    return json.dumps({"model": MODEL, "messages": [{"role": "user", "content": "Hello"}], **fields}).encode()


# The clients: each makes one call, impatiently, and reads all of the reply.


def by_httpx(base: str, patience: float = AMPLE) -> None:
    httpx.post(base + PATH, content=body(), headers=HEADERS, timeout=patience)


def by_httpx_streamed(base: str, patience: float = AMPLE) -> None:
    with httpx.stream("POST", base + PATH, content=body(stream=True), headers=HEADERS, timeout=patience) as reply:
        list(reply.iter_bytes())


def by_httpx_async(base: str, patience: float = AMPLE) -> None:
    async def call() -> None:
        async with httpx.AsyncClient(timeout=patience) as client:
            await client.post(base + PATH, content=body(), headers=HEADERS)

    asyncio.run(call())


def by_httpx2(base: str, patience: float = AMPLE) -> None:
    httpx2.post(base + PATH, content=body(), headers=HEADERS, timeout=patience)


def by_requests(base: str, patience: float = AMPLE) -> None:
    requests.post(base + PATH, data=body(), headers=HEADERS, timeout=patience)


def by_requests_streamed(base: str, patience: float = AMPLE) -> None:
    with requests.post(base + PATH, data=body(stream=True), headers=HEADERS, timeout=patience, stream=True) as reply:
        list(reply.iter_content(None))


def by_urllib3(base: str, patience: float = AMPLE) -> None:
    urllib3.PoolManager(retries=False, timeout=patience).request("POST", base + PATH, body=body(), headers=HEADERS)


def by_http_client(base: str, patience: float = AMPLE) -> None:
    scheme, _, rest = base.partition("://")
    host, _, path = rest.partition("/")
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    with contextlib.closing(kind(host, timeout=patience)) as connection:
        connection.request("POST", f"/{path}{PATH}", body(), HEADERS)
        connection.getresponse().read()


def by_urllib_request(base: str, patience: float = AMPLE) -> None:
    urllib.request.urlopen(urllib.request.Request(base + PATH, body(), HEADERS), timeout=patience)


def by_aiohttp(base: str, patience: float = AMPLE) -> None:
    async def call() -> None:
        timeout = aiohttp.ClientTimeout(sock_connect=patience, sock_read=patience)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(base + PATH, data=body(), headers=HEADERS) as reply,
        ):
            await reply.read()

    asyncio.run(call())


def _by_sdk(client: Any, **more: Any) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hello"}], **more)
    if more:
        list(answer)


def by_groq(base: str, patience: float = AMPLE) -> None:
    _by_sdk(groq.Groq(api_key="k", base_url=base.removesuffix("/openai/v1"), max_retries=0, timeout=patience))


def by_groq_streamed(base: str, patience: float = AMPLE) -> None:
    client = groq.Groq(api_key="k", base_url=base.removesuffix("/openai/v1"), max_retries=0, timeout=patience)
    _by_sdk(client, stream=True)


def by_openai(base: str, patience: float = AMPLE) -> None:
    _by_sdk(openai.OpenAI(api_key="k", base_url=base, max_retries=0, timeout=patience))


def by_openai_async(base: str, patience: float = AMPLE) -> None:
    async def call() -> None:
        client = openai.AsyncOpenAI(api_key="k", base_url=base, max_retries=0, timeout=patience)
        await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hello"}])

    asyncio.run(call())


def by_together(base: str, patience: float = AMPLE) -> None:
    _by_sdk(together.Together(api_key="k", base_url=base, max_retries=0, timeout=patience))


CLIENTS: list[Client] = [
    by_httpx, by_httpx_streamed, by_httpx_async, by_httpx2, by_requests, by_requests_streamed, by_urllib3,
    by_http_client, by_urllib_request, by_aiohttp, by_groq, by_groq_streamed, by_openai, by_openai_async, by_together,
]  # fmt: skip


# Real faults, on this machine.


@pytest.fixture
def broken_server() -> Iterator[Callable[[str], str]]:
    """Gives the base address of something that breaks so."""
    left: list[socket.socket] = []

    def listening(backlog: int = 8) -> tuple[socket.socket, str]:
        server = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        left.append(server)
        return server, f"http://127.0.0.1:{server.getsockname()[1]}/openai/v1"

    def resets(server: socket.socket) -> None:
        try:
            connection = server.accept()[0]
        except OSError:
            return
        with connection.makefile("rb") as request:  # all of it: else the client may meet the reset as it writes
            length = int(next(line for line in request if line.lower().startswith(b"content-length")).split(b":")[1])
            while request.readline().strip():
                pass
            request.read(length)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    def base(fault: str) -> str:
        if fault == "dns_error":
            return "http://nowhere.invalid/openai/v1"
        server, address = listening(0 if fault == "connect_timeout" else 8)
        if fault == "connect_error":
            server.close()
        elif fault == "connect_timeout":  # nobody takes the connections, and no more of them are kept waiting
            for _ in range(3):
                waiting = socket.socket()
                waiting.setblocking(False)
                waiting.connect_ex(server.getsockname())
                left.append(waiting)
        elif fault == "connection_reset":
            threading.Thread(target=resets, args=(server,), daemon=True).start()
        return address

    yield base
    for one in left:
        one.close()


def met(call: Client, base: str, fault: str) -> list[type]:
    """What *call* raises, and what lies below it as far as that is the library's."""
    with pytest.raises(Exception) as caught:
        call(base, PATIENCE.get(fault, AMPLE))
    error: Any = caught.value
    found = [type(error)]
    while (error := _below(error)) is not None:
        found.append(type(error))
    return found


def _below(error: Any) -> Any:
    """urllib3's below that of requests, the system's below that of urllib."""
    inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
    return inner if isinstance(inner, Exception) and not isinstance(inner, str) else None


@pytest.mark.parametrize("fault", CONNECTION_FAULTS)
@pytest.mark.parametrize("call", CLIENTS, ids=lambda call: call.__name__)
def test_a_scripted_fault_is_met_as_a_real_one(call, fault, broken_server):
    real = met(call, broken_server(fault), fault)

    with simulate("groq", hosts=["127.0.0.1"]) as api:
        script = api.fail(fault)
        assert met(call, BASE, fault) == real
        (made,) = api.calls
        assert (made.reply, made.status, made.model) == (None, None, MODEL)
        assert list(script.calls) == [made]
        assert api.calls.statuses == [None]


@pytest.mark.parametrize("fault", CONNECTION_FAULTS)
def test_it_takes_the_time_that_the_client_gives(fault):
    with simulate("groq") as api:
        api.fail(fault, times=2)
        for call in (by_httpx, by_requests):
            before = api.clock.elapsed
            met(call, BASE, fault)
            assert api.clock.elapsed - before == pytest.approx(PATIENCE.get(fault, 0), abs=1e-6)


def test_a_fault_strikes_before_the_contract_does_and_counts_nothing(groq_api):
    groq_api.fail("connect_error", when={"model": MODEL})
    before = groq_api.limits(MODEL)["RPD"].used

    with pytest.raises(httpx.ConnectError):
        by_httpx(BASE)

    assert groq_api.limits(MODEL)["RPD"].used == before
    by_httpx(BASE)
    assert groq_api.calls.statuses == [None, 200]


def test_when_and_times_hold_for_them(groq_api, together_api):
    groq_api.fail("read_timeout", when={"model": "another"}, times=None)
    together_api.fail("connection_reset", times=2)

    by_httpx(BASE)
    for _ in range(2):
        with pytest.raises(httpx.ReadError):
            by_httpx("https://api.together.xyz/v1")
    by_httpx("https://api.together.xyz/v1")

    assert together_api.calls.statuses == [None, None, 200]


def test_an_outage_of_the_connection_ends_with_it(groq_api, llm_clock):
    groq_api.outage(seconds=60, error="connect_error")
    with pytest.raises(httpx.ConnectError):
        by_httpx(BASE)
    llm_clock.advance(seconds=60)
    by_httpx(BASE)
    assert groq_api.calls.statuses == [None, 200]


def test_chaos_brings_them(groq_api):
    groq_api.chaos(1, errors=["dns_error"])
    with pytest.raises(requests.ConnectionError, match="resolve"):
        by_requests(BASE)


def test_an_sdk_tries_again_and_gets_through(groq_api):
    groq_api.fail("connection_reset")
    groq_api.reply("At last.")

    answer = groq.Groq().chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x"}])

    assert answer.choices[0].message.content == "At last."
    assert groq_api.calls.statuses == [None, 200]
    assert [call.attempt for call in groq_api.calls] == [1, 2]


def test_no_reply_can_be_given_to_a_fault_of_the_connection(groq_api):
    with pytest.raises(
        BadInput, match=r"fail\('connect_error', retry_after=\): no reply comes; accepted: when=, times="
    ):
        groq_api.fail("connect_error", retry_after=3)
    with pytest.raises(BadInput, match="or a fault of the connection: connect_error, connect_timeout, read_timeout"):
        groq_api.fail("conect_error")
