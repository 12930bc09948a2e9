"""What the ways in share: interceptions that nest, and a provider that is asked itself."""

from __future__ import annotations

import errno
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from pytest_llmcontract.core.exchange import (
    FORWARDING,
    ApiReply,
    ApiRequest,
    Detour,
    Disconnect,
    Forward,
    Gateway,
    StreamEvent,
)
from pytest_llmcontract.core.hosts import normal_host
from pytest_llmcontract.core.locks import new_lock

MODEL_CALLS = ("/chat/completions", "/v1/messages", "/v1/responses")
"""How addresses end to which a chat goes, whoever serves them."""

STALL_SECONDS = 600.0
"""How long a client without a read timeout waits for a stalled provider, before we end it nevertheless."""


CONNECT_SECONDS = 130.0
"""How long a client without a connect timeout waits for a host that does not answer: until the system gives up."""


@dataclass(frozen=True, slots=True)
class Stopped(Disconnect):
    """The call must not leave the process. To the client nobody listens there, so that it does what it does offline.

    An SDK would wrap any other error as well. What fails the test is that the gateway was told.
    """

    message: str = ""


def stopped(message: str) -> Stopped:
    return Stopped("connect_error", message=message)


def system_error(disconnect: Disconnect) -> OSError:
    """What the operating system says of a fault: the error below the one of the client's library."""
    if isinstance(disconnect, Stopped):
        return ConnectionRefusedError(disconnect.message)
    match disconnect.how:
        case "connect_error":
            return ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        case "connection_reset":
            return ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
        case "dns_error":
            return socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        case _:
            return TimeoutError("timed out")


class Interception:
    """Answers the calls of some libraries to simulated hosts while it is installed.

    Interceptions nest; the innermost that owns a host answers. Waiting is given from outside, in virtual seconds,
    and never asked for zero of them.

    Args:
        gateway: The simulation.
        wait: Waits, in a thread.
        wait_async: Waits, in an event loop.
        in_flight: Entered while the gateway answers, so that the virtual clock stands still meanwhile.
    """

    def __init__(
        self,
        gateway: Gateway,
        *,
        wait: Callable[[float], None],
        wait_async: Callable[[float], Awaitable[None]],
        in_flight: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self.gateway = gateway
        self.wait = wait
        self.wait_async = wait_async
        self.in_flight = in_flight

    def ask(self, request: ApiRequest) -> ApiReply | Disconnect | Forward:
        """What the simulation says; to a host that it only guards, :class:`Stopped`."""
        if self.gateway.owns(request.host):
            with self.in_flight():
                return self.gateway.answer(request)
        self.gateway.escaped(request)
        return stopped(self.gateway.blocked(request.host) or self.gateway.barred(request.host) or "")

    def told(self, request: ApiRequest) -> None:
        """*request* goes to somebody else. Only what looks like a call to a model is worth a word."""
        if request.method == "POST" and request.path.endswith(MODEL_CALLS):
            self.gateway.passed(request)


class Installed:
    """The interceptions of one way in that are installed."""

    def __init__(self) -> None:
        self._innermost_first: tuple[Interception, ...] = ()  # replaced as a whole: a call reads it without a lock

    def __bool__(self) -> bool:
        return bool(self._innermost_first)

    def __contains__(self, interception: Interception) -> bool:
        return interception in self._innermost_first

    def add(self, interception: Interception, *, outermost: bool = False) -> None:
        there = self._innermost_first
        self._innermost_first = (*there, interception) if outermost else (interception, *there)

    def remove(self, interception: Interception) -> None:
        self._innermost_first = tuple(other for other in self._innermost_first if other is not interception)

    @property
    def innermost(self) -> Interception | None:
        return self._innermost_first[0] if self._innermost_first else None

    def owner(self, host: str) -> Interception | None:
        """Who answers a call to *host*, in whatever spelling, as all of these."""
        if FORWARDING.get():
            return None
        name = normal_host(host)
        for interception in self._innermost_first:
            if interception.gateway.owns(name):
                return interception
        return None

    def concerned(self, host: str | None) -> Interception | None:
        """Who answers a call to *host*, or stops it. ``None``: it is nobody's business."""
        if not host or FORWARDING.get():
            return None
        if (owner := self.owner(host)) is not None:
            return owner
        name = normal_host(host)
        for interception in self._innermost_first:
            if interception.gateway.blocked(name) is not None:
                return interception
        return None

    def detour(self, host: str | None) -> Detour | None:
        """Where *host*, in whatever spelling, or the host that this address stands for, is found instead."""
        if not host or not self._innermost_first or FORWARDING.get():
            return None
        name = normal_host(host)
        found = (interception.gateway.detour(name) for interception in self._innermost_first)
        return next(filter(None, found), None)

    def at_the_exit(self, host: str | None) -> Interception | None:
        """As :meth:`concerned`, where nobody but the network would answer any more: also who bars the way there."""
        if not host or FORWARDING.get():
            return None
        if (found := self.concerned(host)) is not None:
            return found
        name = normal_host(host)
        for interception in self._innermost_first:
            if interception.gateway.barred(name) is not None:
                return interception
        return None


_forwards = 0
_counting = new_lock()


def forwards_under_way() -> bool:
    """Whether some provider is asked itself: names are looked up in threads of which nobody knows for whom."""
    return _forwards > 0


@contextmanager
def _counted() -> Iterator[None]:
    global _forwards
    with _counting:
        _forwards += 1
    try:
        yield
    finally:
        with _counting:
            _forwards -= 1


@contextmanager
def forwarding(forward: Forward) -> Iterator[None]:
    """While the provider itself is asked: nothing of ours answers below, and a failure is told."""
    token = FORWARDING.set(True)
    try:
        with _counted():
            yield
    except BaseException:
        forward.answered(Disconnect())
        raise
    finally:
        FORWARDING.reset(token)


def heard_reply(status: int, headers: Mapping[str, str], pieces: Iterable[bytes]) -> ApiReply:
    """What the provider itself said, its body in *pieces*: a stream keeps them."""
    kept = {name.lower(): value for name, value in headers.items()}
    if kept.get("content-type", "").startswith("text/event-stream"):
        return ApiReply(status, kept, events=tuple(map(StreamEvent, pieces)))
    return ApiReply(status, kept, b"".join(pieces))
