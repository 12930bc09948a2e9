"""httpx and httpx2, sync and async, as one way to ask; a real server on loopback; and nothing may stay patched."""

from __future__ import annotations

import asyncio
import http.server
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import fake_gateway
import httpx
import httpx2
import httpx_aiohttp
import pytest
from fake_gateway import simulate, simulation

__all__ = ["simulate", "simulation"]

TLS = ssl.create_default_context()  # a client spends 20 ms on one of its own
URL = "https://api.groq.com/openai/v1/chat/completions"

PATCHED = [
    (httpx.HTTPTransport, "handle_request"),
    (httpx.AsyncHTTPTransport, "handle_async_request"),
    (httpx_aiohttp.AiohttpTransport, "handle_async_request"),
    (httpx.Client, "send"),
    (httpx.AsyncClient, "send"),
    (httpx2.HTTPTransport, "handle_request"),
    (httpx2.AsyncHTTPTransport, "handle_async_request"),
    (httpx2.Client, "send"),
    (httpx2.AsyncClient, "send"),
]
ORIGINALS = [vars(owner)[method] for owner, method in PATCHED]


@pytest.fixture(autouse=True)
def nothing_stays_patched() -> Iterator[None]:
    yield

    assert [vars(owner)[method] for owner, method in PATCHED] == ORIGINALS


@dataclass(frozen=True)
class Way:
    """One library, sync or async."""

    library: ModuleType
    is_async: bool

    def ask(self, url: str = URL, *, method: str = "GET", **options: Any) -> Any:
        """The response, read."""
        if not self.is_async:
            with self.library.Client(verify=TLS) as client:
                return client.request(method, url, **options)

        async def asked() -> Any:
            async with self.library.AsyncClient(verify=TLS) as client:
                return await client.request(method, url, **options)

        return asyncio.run(asked())

    def pieces(self, log: list[str], url: str = URL, *, stop_after: int | None = None, **options: Any) -> None:
        """Read a stream raw, noting each piece in *log*."""
        if not self.is_async:
            with self.library.Client(verify=TLS) as client, client.stream("GET", url, **options) as response:
                for number, piece in enumerate(response.iter_raw(), 1):
                    log.append(f"got {piece.decode()}")
                    if number == stop_after:
                        break
            return

        async def read() -> None:
            async with self.library.AsyncClient(verify=TLS) as client, client.stream("GET", url, **options) as response:
                number = 0
                async for piece in response.aiter_raw():
                    number += 1
                    log.append(f"got {piece.decode()}")
                    if number == stop_after:
                        break

        asyncio.run(read())

    def chunked(self, *pieces: bytes) -> Iterator[bytes] | AsyncIterator[bytes]:
        """A request body that is not known beforehand."""

        async def later() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece

        return later() if self.is_async else iter(pieces)


@pytest.fixture(params=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> ModuleType:
    return {"httpx": httpx, "httpx2": httpx2}[request.param]


@pytest.fixture(params=["sync", "async"])
def way(request: pytest.FixtureRequest, library: ModuleType) -> Way:
    return Way(library, request.param == "async")


@pytest.fixture
def loopback() -> Iterator[str]:
    """The network: a server that says ``real`` and what it was sent."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.respond(b"")

        def do_POST(self) -> None:
            self.respond(self.rfile.read(int(self.headers["content-length"])))

        def respond(self, sent: bytes) -> None:
            self.send_response(200)
            self.send_header("content-length", str(5 + len(sent)))
            self.end_headers()
            self.wfile.write(b"real " + sent)

        def log_message(self, *_: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def run(pytester: pytest.Pytester) -> Callable[[str], pytest.RunResult]:
    """Run a test file by pytest, with other plugins' fixtures, in this process."""

    def without(*plugins: str) -> list[str]:
        return [argument for plugin in plugins for argument in ("-p", f"no:{plugin}")]

    def run(source: str, *options: str) -> pytest.RunResult:
        pytester.makeconftest(Path(fake_gateway.__file__).read_text())
        pytester.makepyfile(source)
        return pytester.runpytest_inprocess(*without("cacheprovider", "asyncio", "llmcontract"), *options)

    return run
