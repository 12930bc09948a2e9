"""The server: a port of this machine, its start and its end."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.serving.app import App
from pytest_llmcontract.serving.connections import Connections
from pytest_llmcontract.serving.scopes import Worlds

if TYPE_CHECKING:
    import uvicorn

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0: any free one.

    Raises:
        BadInput: The port is taken, or the address is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio lets a socket send at once only where it is told that this is TCP; else an answer waits 40 ms for an ACK.
    there = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    there.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        there.bind((host, port))
        there.listen(1024)
    except OSError as problem:
        there.close()
        raise BadInput(f"cannot listen on {host}:{port}: {problem.strerror}; --port 0 takes any free port") from None
    except OverflowError:
        there.close()
        raise BadInput(f"--port {port}; accepted: 0 to 65535") from None
    return there


def server_of(worlds: Worlds, hosts: tuple[str, ...] = (), *, log_level: str = "error") -> uvicorn.Server:
    """A server over *worlds*, not yet running.

    Args:
        hosts: More names that requests may call it by.
        log_level: Of uvicorn's own log.

    Raises:
        BadInput: uvicorn is not installed.
    """
    try:
        import uvicorn
    except ImportError:
        raise BadInput("the server runs on uvicorn: pip install 'pytest-llmcontract[server]'") from None
    connections = Connections()
    app = App(worlds, (*LOOPBACK, *hosts), connections)

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            """It ends at SIGINT and SIGTERM, and that is no death: what comes after it is still to be done."""
            if threading.current_thread() is not threading.main_thread():
                yield
                return
            before = {sign: signal.signal(sign, self.handle_exit) for sign in (signal.SIGINT, signal.SIGTERM)}
            try:
                yield
            finally:
                for sign, handler in before.items():
                    signal.signal(sign, handler)

    config = uvicorn.Config(
        app,
        http=_protocol(connections),
        interface="asgi3",
        proxy_headers=False,  # who is connected is who is meant: a connection is broken by its address
        ws="none",
        lifespan="off",
        log_config=None,
        log_level=log_level,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=2,
    )
    return Server(config)


def _protocol(connections: Connections) -> type[asyncio.Protocol]:
    """uvicorn's HTTP/1.1, which also tells of its connections."""
    # h11 on purpose, also where httptools is installed. That takes 28 % less CPU, but it answered wrongly or not at
    # all: a field without an end, a request without Host, an absolute address of another server (a way round the look
    # at Host), two equal content-lengths, the body of a request with `upgrade: h2c` (Java's HTTP client), a
    # websocket's upgrade. tests/serving/test_attacks.py has them.
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Told(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            connections.opened(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            connections.closed(self.transport)
            super().connection_lost(exc)

    return Told
