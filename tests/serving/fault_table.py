"""Clients, faults, and a provider that really fails so: a socket of this machine that sends the same bytes and then
breaks in the same way."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest
import requests
import urllib3

from pytest_llmcontract import simulate

BASE = "https://api.groq.com/openai/v1"
MODEL = "openai/gpt-oss-120b"
WORDS = "Zürich — 東京"
HEADERS = {"authorization": "Bearer k"}
PATIENCE = 5.0
"""Seconds that a client waits for more where they really pass. What comes before has to be there by then."""
AMPLE = 60.0
"""Seconds for all else: it comes by itself, however slow the machine."""


def asked(user: str) -> dict[str, Any]:
    """The body of a call; whose it is tells it from others of one server."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}], "stream": True}
    return {**body, "user": user} if user else body


@dataclass
class Seen:
    """What a client saw."""

    status: int | None = None
    body: bytes = b""
    errors: list[str] = field(default_factory=list)
    """What it raised, and what lies below that."""


@contextlib.contextmanager
def seeing(seen: Seen) -> Iterator[None]:
    try:
        yield
    except Exception as problem:
        error: BaseException | None = problem
        while error is not None:
            seen.errors.append(type(error).__name__)
            error = error.__cause__ if isinstance(error, pytest.fail.Exception) else None


# The clients: each posts a body, hears the answer piece by piece with so many seconds of patience, and keeps what came.

Body = dict[str, Any]
Client = Callable[[str, Body, float], Seen]


def streamed(by: Client, base: str, patience: float, user: str = "") -> Seen:
    """What a client sees of the chat whose faults are in the table."""
    return by(f"{base}/chat/completions", asked(user), patience)


def httpx_like(name: str) -> Client:
    def by(url: str, body: Body, patience: float) -> Seen:
        library, seen = pytest.importorskip(name), Seen()
        sent = library.stream("POST", url, json=body, headers=HEADERS, timeout=patience)
        with seeing(seen), sent as reply:
            seen.status = reply.status_code
            for piece in reply.iter_raw():
                seen.body += piece
        return seen

    return by


async def _httpx_async(url: str, body: Body, patience: float) -> Seen:
    seen = Seen()
    async with httpx.AsyncClient(timeout=patience) as client:
        with seeing(seen):
            async with client.stream("POST", url, json=body, headers=HEADERS) as reply:
                seen.status = reply.status_code
                async for piece in reply.aiter_raw():
                    seen.body += piece
    return seen


def by_httpx_asyncio(url: str, body: Body, patience: float) -> Seen:
    return asyncio.run(_httpx_async(url, body, patience))


def by_httpx_trio(url: str, body: Body, patience: float) -> Seen:
    return pytest.importorskip("trio").run(_httpx_async, url, body, patience)


def by_requests(url: str, body: Body, patience: float) -> Seen:
    seen = Seen()
    with (
        seeing(seen),
        requests.Session() as session,
        session.post(url, json=body, headers=HEADERS, timeout=patience, stream=True) as reply,
    ):
        seen.status = reply.status_code
        for piece in reply.iter_content(None):
            seen.body += piece
    return seen


def by_urllib3(url: str, body: Body, patience: float) -> Seen:
    seen = Seen()
    with seeing(seen), urllib3.PoolManager(retries=False, timeout=patience) as pool:
        reply = pool.request("POST", url, json=body, headers=HEADERS, preload_content=False)
        seen.status = reply.status
        for piece in reply.stream(None):
            seen.body += piece
    return seen


def by_http_client(url: str, body: Body, patience: float) -> Seen:
    seen, parts = Seen(), urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    with seeing(seen), contextlib.closing(kind(parts.netloc, timeout=patience)) as connection:
        headers = {**HEADERS, "content-type": "application/json"}
        connection.request("POST", parts.path, json.dumps(body), headers)
        reply = connection.getresponse()
        seen.status = reply.status
        while piece := reply.read1(65536):
            seen.body += piece
    return seen


def by_aiohttp(url: str, body: Body, patience: float) -> Seen:
    async def call() -> Seen:
        seen, timeout = Seen(), aiohttp.ClientTimeout(sock_connect=AMPLE, sock_read=patience)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            with seeing(seen):
                async with session.post(url, json=body, headers=HEADERS) as reply:
                    seen.status = reply.status
                    async for piece in reply.content.iter_any():
                        seen.body += piece
        return seen

    return asyncio.run(call())


def by_curl_cffi(url: str, body: Body, patience: float) -> Seen:
    curl_cffi, seen = pytest.importorskip("curl_cffi"), Seen()

    def keep(piece: bytes) -> None:
        seen.body += piece

    with seeing(seen), curl_cffi.Session() as session:
        reply = session.post(url, json=body, headers=HEADERS, timeout=patience, content_callback=keep)
        seen.status = reply.status_code
    return seen


def by_niquests(url: str, body: Body, patience: float) -> Seen:
    niquests, seen = pytest.importorskip("niquests"), Seen()
    with (
        seeing(seen),
        niquests.Session() as session,
        session.post(url, json=body, headers=HEADERS, timeout=patience, stream=True) as reply,
    ):
        seen.status = reply.status_code
        for piece in reply.iter_raw():
            seen.body += piece
    return seen


WITHIN = {
    "httpx": httpx_like("httpx"), "httpx2": httpx_like("httpx2"), "httpx-asyncio": by_httpx_asyncio,
    "httpx-trio": by_httpx_trio, "requests": by_requests, "urllib3": by_urllib3, "http.client": by_http_client,
    "aiohttp": by_aiohttp,
}  # fmt: skip
"""Clients that are simulated where they send."""
ANY = {**WITHIN, "curl_cffi": by_curl_cffi, "niquests": by_niquests}


# The faults.


@dataclass(frozen=True)
class Fault:
    """What is scripted, by the names and keys that Python and the control API share."""

    steps: tuple[tuple[str, dict[str, Any]], ...]
    ends: str
    """How the answer ends: ``disconnect``, ``stall``, ``reset``, ``slow``; "": as it should."""
    arrives: Callable[[bytes], bytes] = bytes
    """What arrives of the whole stream."""
    status: int | None = 200

    @property
    def patience(self) -> float:
        return PATIENCE if self.ends in ("stall", "slow") else AMPLE


def cut(ends: str, arrives: Callable[[bytes], bytes], **given: Any) -> Fault:
    return Fault((("cut_stream", given),), ends, arrives)


def first(count: int) -> Callable[[bytes], bytes]:
    """So many events of a stream."""
    return lambda whole: b"".join(part + b"\n\n" for part in whole.split(b"\n\n")[:count])


def up_to(place: bytes, more: int = 0) -> Callable[[bytes], bytes]:
    return lambda whole: whole[: whole.index(place) + more]


def with_error(before: Callable[[bytes], bytes], event: bytes) -> Callable[[bytes], bytes]:
    return lambda whole: before(whole) + event


PAGE = "<html>Bad gateway</html>"
SAID = "upstream said no"
BARE = b'event: error\ndata: {"error":"upstream said no"}\n\n'
WORDS_ALONE = b"event: error\ndata: upstream said no\n\n"


def edge(whole: bytes) -> bytes:
    return b"error code: 521"


FAULTS: dict[str, Fault] = {
    "nothing": Fault((), ""),
    "disconnect after an event": cut("disconnect", first(1), after=1),
    "disconnect before any": cut("disconnect", first(0), after=0),
    "disconnect within a character": cut("disconnect", up_to("ü".encode(), 1), at_byte="ü+1"),
    "disconnect behind data:": cut("disconnect", lambda whole: whole[:5], at_byte=5),
    "disconnect between the ends of an event": cut("disconnect", up_to(b"\n\n", 1), at_byte="end+1"),
    "disconnect after the last byte": cut("disconnect", bytes, at_byte=100_000),
    "truncate": cut("disconnect", up_to("—".encode(), 1), after=2, how="truncate"),
    "truncate at a byte": cut("disconnect", lambda whole: whole[:9], at_byte=9, how="truncate"),
    "stall after an event": cut("stall", first(2), after=2, how="stall"),
    "stall within a character": cut("stall", up_to("ü".encode(), 1), at_byte="ü+1", how="stall"),
    "error event": cut("", with_error(first(2), BARE), after=2, how="error_event", body={"error": SAID}),
    "error event, words": cut("", with_error(first(1), WORDS_ALONE), after=1, how="error_event", body=SAID),
    "error event within a character": cut(
        "", with_error(up_to("ü".encode(), 1), BARE), at_byte="ü+1", how="error_event", body={"error": SAID}
    ),
    "slow first token": Fault((("latency", {"first_token": 30}),), "slow", first(0), None),
    "slow tokens": Fault((("latency", {"per_token": 30}),), "stall", first(1)),
    "reset": Fault((("fail", {"error": "connection_reset"}),), "reset", first(0), None),
    "no reply": Fault((("fail", {"error": "read_timeout"}),), "slow", first(0), None),
    "Cloudflare": Fault((("fail", {"error": 521}),), "", edge, 521),
    "a page": Fault((("fail", {"error": 502, "body": PAGE}),), "", lambda whole: PAGE.encode(), 502),
    "chaos": Fault((("chaos", {"rate": 1, "errors": ["connection_reset"], "seed": 3}),), "reset", first(0), None),
    "outage": Fault((("outage", {"seconds": 60, "error": "read_timeout"}),), "slow", first(0), None),
    # Composed.
    "slow first token, then a cut": Fault(
        (("latency", {"first_token": 0.02}), ("cut_stream", {"after": 1})), "disconnect", first(1)
    ),
    "an outage before chaos": Fault(
        (("chaos", {"rate": 1, "errors": ["connection_reset"]}), ("outage", {"seconds": 60, "error": 521})),
        "", edge, 521,
    ),
    "another's outage, and a cut": Fault(
        (("outage", {"seconds": 60, "when": {"model": "x"}}), ("cut_stream", {"after": 1, "when": {"model": MODEL}})),
        "disconnect", first(1),
    ),
    "a stall before an error event": Fault(
        (("cut_stream", {"after": 1, "how": "stall"}), ("cut_stream", {"after": 2, "how": "error_event"})),
        "stall", first(1),
    ),
    "a cut waits for a stream": Fault(
        (("fail", {"error": 521}), ("cut_stream", {"after": 1})), "", edge, 521
    ),
}  # fmt: skip


@cache
def whole_stream() -> bytes:
    """What arrives where nothing fails."""
    with simulate("groq") as api:
        api.reply(WORDS, reasoning="")
        return streamed(WITHIN["httpx"], BASE, AMPLE).body


def placed(steps: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """*steps* with the places of a stream that they name."""
    whole = whole_stream()
    places = {"ü+1": whole.index("ü".encode()) + 1, "end+1": whole.index(b"\n\n") + 1}
    for method, given in steps:
        place = given.get("at_byte")
        yield method, {**given, "at_byte": places[place]} if isinstance(place, str) else given


# The real one.


class Real:
    """Sends *events*, and then ends as a provider would that fails so."""

    def __init__(self, status: int | None, events: list[bytes], ends: str, tls: ssl.SSLContext | None = None) -> None:
        self._status, self._events, self._ends = status, events, ends
        self._listener = socket.create_server(("127.0.0.1", 0))
        if tls:
            self._listener = tls.wrap_socket(self._listener, server_side=True)
        port = self._listener.getsockname()[1]
        self.base = f"https://localhost:{port}/openai/v1" if tls else f"http://127.0.0.1:{port}/openai/v1"
        self._over = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError), self._listener.accept()[0] as there:
            with there.makefile("rb") as request:
                fields = {}
                while line := request.readline().strip():
                    name, _, value = line.partition(b":")
                    fields[name.lower()] = value
                request.read(int(fields[b"content-length"]))
            if self._status is not None:
                self._answer(there)
            if self._ends in ("stall", "slow"):
                self._over.wait(AMPLE)
            elif self._ends == "reset":
                there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _answer(self, there: socket.socket) -> None:
        head = f"HTTP/1.1 {self._status} X\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        there.sendall(head.encode())
        for event in filter(None, self._events):
            there.sendall(b"%x\r\n%b\r\n" % (len(event), event))
        if not self._ends:
            there.sendall(b"0\r\n\r\n")

    def stop(self) -> None:
        self._over.set()
        self._listener.close()


def of_a_real_one(client: str, name: str, call: Client | None = None, tls: ssl.SSLContext | None = None) -> Seen:
    fault = FAULTS[name]
    real = Real(fault.status, [fault.arrives(whole_stream())], fault.ends, tls)
    try:
        return streamed(call or ANY[client], real.base, fault.patience)
    finally:
        real.stop()


def waiting_together(see: Callable[[str, str], Seen], clients: Iterable[str]) -> Callable[[str, str], Seen]:
    """*see*, by client and fault; but all that have to wait for their patience to end do so at once."""

    @cache
    def waited() -> dict[tuple[str, str], Future[Seen]]:
        whole_stream()  # by one thread alone
        asked = [(client, name) for client in clients for name in FAULTS if FAULTS[name].patience == PATIENCE]
        with ThreadPoolExecutor(len(asked)) as pool:
            return {one: pool.submit(see, *one) for one in asked}

    return lambda *one: waited()[one].result() if FAULTS[one[1]].patience == PATIENCE else see(*one)


really = waiting_together(of_a_real_one, ANY)
"""What a client sees of a provider that really fails."""


def check(client: str, name: str, seen: Seen) -> None:
    check_alike(seen, really(client, name))


def check_alike(seen: Seen, real: Seen) -> None:
    assert (seen.status, seen.errors) == (real.status, real.errors)
    assert _OWN.sub(b"", seen.body) == _OWN.sub(b"", real.body)


_OWN = re.compile(rb'req_[0-9a-z]{26}|"created":[0-9]{10}')
"""What each answer has of its own, as long in all of them."""
