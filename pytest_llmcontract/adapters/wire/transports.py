"""aiohttp: what stands in for the transport of a connection. It is imported by the first call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import aiohttp

from pytest_llmcontract.adapters.interception import (
    CONNECT_SECONDS,
    STALL_SECONDS,
    Interception,
    Stopped,
    forwarding,
    system_error,
)
from pytest_llmcontract.adapters.wire.http import Written, pieces, read_reply, read_request
from pytest_llmcontract.core.exchange import BEFORE_SENDING, ApiReply, Disconnect, Forward
from pytest_llmcontract.core.site import application_site

_ROUNDS = 10
"""Of the loop, in which a client reads what has come before it learns that no more does: it raises that at once, and
forgets what it had not read."""


def connected(
    connector: Any, request: Any, timeout: Any, interception: Interception, really: Callable[[], Awaitable[Any]]
) -> Any:
    """The protocol of a connection to the simulation, for *request* alone: the next one connects anew.

    Args:
        timeout: The client's.
        really: Connects to the provider itself.
    """
    protocol = connector._factory()
    transport = Transport(protocol, request, timeout, interception, really)
    protocol.connection_made(transport)
    protocol.force_close()
    return protocol


class Transport(asyncio.Transport):
    """Takes the bytes of one request, and gives those of its reply, each piece when its time has come."""

    def __init__(
        self,
        protocol: Any,
        request: Any,
        timeout: Any,
        interception: Interception,
        really: Callable[[], Awaitable[Any]],
    ) -> None:
        super().__init__()
        self._protocol = protocol
        self._request = request
        self._timeout = timeout
        self._waited = 0.0
        self._interception = interception
        self._really = really
        self._site = application_site()
        self._origin = str(request.url.origin())
        self._loop = asyncio.get_running_loop()
        self._sent = b""
        self._answering: asyncio.Task[None] | None = None
        self._closing = False
        self._lost = False
        self._open = asyncio.Event()
        self._open.set()
        self._streamed: ApiReply | None = None

    # A request is written.

    def write(self, data: Any) -> None:
        self._sent += bytes(data)
        if self._answering is None and not self._closing and (written := read_request(self._sent)):
            self._answering = self._loop.create_task(self._answer(written))

    def writelines(self, list_of_data: Iterable[Any]) -> None:
        self.write(b"".join(map(bytes, list_of_data)))

    async def _answer(self, written: Written) -> None:
        outcome: Any = self._interception.ask(written.seen(self._origin, self._site))
        try:
            if isinstance(outcome, Forward):
                outcome = await self._heard(outcome)
            if isinstance(outcome, Disconnect):
                await self._break(outcome)
            else:
                await self._send(outcome, written.method)
        except TimeoutError as error:
            self._give_up(error)
        except Exception as error:
            self._lose(error)

    # A reply is read.

    async def _send(self, reply: ApiReply, method: str) -> None:
        self._streamed = reply
        for event in pieces(reply, method):
            await self._pause(event.delay)
            await self._open.wait()
            self._protocol.data_received(event.data)
        self._tell()
        if reply.cut is not None:
            for _ in range(_ROUNDS):
                await asyncio.sleep(0)
            await self._break(reply.cut)

    async def _break(self, fault: Disconnect) -> None:
        """What the client meets."""
        if fault.how == "connect_timeout":
            self._protocol.read_timeout = None  # nothing was sent yet, so there is nothing to wait for
            self._protocol.start_timeout()
            await self._wait(self._timeout.sock_connect or CONNECT_SECONDS)
        await self._pause(STALL_SECONDS if fault.how == "stall" else fault.delay)
        if fault.how in BEFORE_SENDING:
            self._protocol.set_exception(self._not_connected(fault))
        else:
            self._lose(system_error(fault) if fault.how == "connection_reset" else None)

    async def _pause(self, seconds: float) -> None:
        """Nothing comes for so long, unless the client loses patience before.

        aiohttp does so by itself, but moves timers of five seconds and more to the next whole one of its loop, so that
        a test would not come out the same every time.

        Raises:
            TimeoutError: It did.
        """
        left = self._timeout.total and max(0.0, self._timeout.total - self._waited)
        read = self._timeout.sock_read
        patience = min((limit for limit in (read, left) if limit), default=seconds)
        await self._wait(min(seconds, patience))
        if patience < seconds:
            silent = aiohttp.ServerTimeoutError("Timeout on reading data from socket")
            raise silent if patience == read else TimeoutError()

    async def _wait(self, seconds: float) -> None:
        if seconds > 0:
            await self._interception.wait_async(seconds)
            self._waited += seconds

    def _give_up(self, error: Exception) -> None:
        """The client waits no longer: whoever reads, the status or the body, learns it."""
        self._tell()
        self._protocol.set_exception(error)
        if (body := self._protocol._payload) is not None:
            body.set_exception(error)

    def _not_connected(self, fault: Disconnect) -> Exception:
        error, key = system_error(fault), self._request.connection_key
        if fault.how == "connect_timeout":
            return aiohttp.ConnectionTimeoutError(f"Connection timeout to host {self._request.url}")
        if fault.how == "dns_error":
            return getattr(aiohttp, "ClientConnectorDNSError", aiohttp.ClientConnectorError)(key, error)
        if isinstance(fault, Stopped):
            error = ConnectionRefusedError(None, fault.message)
        return aiohttp.ClientConnectorError(key, error)

    async def _heard(self, forward: Forward) -> ApiReply:
        """What the provider itself says, whole: the bytes go on as they are, but for what a recording needs."""
        with forwarding(forward):
            protocol = await self._really()
            ended: asyncio.Future[bytes] = self._loop.create_future()
            transport = protocol.transport
            transport.set_protocol(_Listener(ended))
            transport.write(_for_a_recording(self._sent))
            try:
                heard = await ended
            finally:
                transport.close()
            reply = read_reply(heard, self._request.method)
        forward.answered(reply)
        return reply

    def _tell(self) -> None:
        if self._streamed is not None:
            self._interception.gateway.finished(self._streamed)
            self._streamed = None

    # What else is done with a transport.

    def _lose(self, error: Exception | None) -> None:
        """The connection is gone; the protocol is told once."""
        self._closing = True
        if not self._lost:
            self._lost = True
            self._tell()
            self._protocol.connection_lost(error)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        if self._answering is not None:
            self._answering.cancel()
        if not self._loop.is_closed():
            self._loop.call_soon(self._lose, None)

    abort = close

    def pause_reading(self) -> None:
        self._open.clear()

    def resume_reading(self) -> None:
        self._open.set()

    def is_reading(self) -> bool:
        return self._open.is_set()

    def get_write_buffer_size(self) -> int:
        return 0

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def get_protocol(self) -> Any:
        return self._protocol


class _Listener(asyncio.Protocol):
    """Hears what a provider sends until it hangs up."""

    def __init__(self, ended: asyncio.Future[bytes]) -> None:
        self._ended = ended
        self._heard = b""

    def data_received(self, data: bytes) -> None:
        self._heard += data

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended.done():
            if exc is not None:
                self._ended.set_exception(exc)
            else:
                self._ended.set_result(self._heard)


def _for_a_recording(request: bytes) -> bytes:
    """*request* for a reply that is not compressed and ends with the connection."""
    head, found, body = request.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    kept = [
        line for line in lines if line.partition(b":")[0].strip().lower() not in (b"accept-encoding", b"connection")
    ]
    return b"\r\n".join([first, *kept, b"accept-encoding: identity", b"connection: close"]) + found + body
