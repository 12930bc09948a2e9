"""What happens on the wire, in time: generators of the seconds to wait, which raise what the client meets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from pytest_llmcontract.adapters.interception import CONNECT_SECONDS, STALL_SECONDS, system_error
from pytest_llmcontract.core.exchange import BEFORE_SENDING, ApiReply, Disconnect, StreamEvent


class Errors(Protocol):
    """A library, as far as its exceptions go."""

    def error(self, name: str, message: str, request: Any) -> Exception: ...


def before_reply(outcome: ApiReply | Disconnect, library: Errors, request: Any) -> Iterator[float]:
    if isinstance(outcome, Disconnect):
        if outcome.how in BEFORE_SENDING:
            return _not_connected(outcome, library, request)
        return _broken(outcome, library, request, "Server disconnected without sending a response.")
    return _quiet(outcome.delay, library, request) if outcome.delay else iter(())


def pieces(reply: ApiReply, library: Errors, request: Any) -> Iterator[bytes | float]:
    """A streamed body: pieces to hand over, and between them the seconds to wait."""
    for event in reply.events if reply.events is not None else (StreamEvent(reply.body),):
        if event.delay:
            yield from _quiet(event.delay, library, request)
        yield event.data
    if reply.cut:
        message = "peer closed connection without sending complete message body (incomplete chunked read)"
        yield from _broken(reply.cut, library, request, message)


def _quiet(seconds: float, library: Errors, request: Any) -> Iterator[float]:
    """Nothing comes for so long, unless the client loses patience before."""
    patience = _timeout(request, "read")
    if patience is not None and patience < seconds:
        yield from _positive(patience)
        raise library.error("ReadTimeout", "The read operation timed out", request)
    yield from _positive(seconds)


def _broken(disconnect: Disconnect, library: Errors, request: Any, message: str) -> Iterator[float]:
    if disconnect.how == "stall":
        patience = _timeout(request, "read")
        yield from _positive(STALL_SECONDS if patience is None else patience)
        raise library.error("ReadTimeout", "The read operation timed out", request)
    yield from _quiet(disconnect.delay, library, request)
    if disconnect.how == "connection_reset":
        raise library.error("ReadError", str(system_error(disconnect)), request)
    raise library.error("RemoteProtocolError", message, request)


def _not_connected(disconnect: Disconnect, library: Errors, request: Any) -> Iterator[float]:
    """Nobody listens yet, so it is the connect timeout that may come first."""
    patience = _timeout(request, "connect")
    if disconnect.how == "connect_timeout":
        yield from _positive(CONNECT_SECONDS if patience is None else patience)
        raise library.error("ConnectTimeout", "timed out", request)
    if patience is not None and patience < disconnect.delay:
        yield from _positive(patience)
        raise library.error("ConnectTimeout", "timed out", request)
    yield from _positive(disconnect.delay)
    raise library.error("ConnectError", str(system_error(disconnect)), request)


def _positive(seconds: float) -> Iterator[float]:
    if seconds > 0:
        yield seconds


def _timeout(request: Any, phase: str) -> float | None:
    seconds: float | None = request.extensions.get("timeout", {}).get(phase)
    return seconds
