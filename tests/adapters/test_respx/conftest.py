"""Both libraries; a real server on loopback; other plugins; and nothing may stay patched."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import fake_gateway
import httpx
import httpx2
import httpx_aiohttp
import pytest
from fake_gateway import simulate, simulation
from ways import Way

__all__ = ["simulate", "simulation"]

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
