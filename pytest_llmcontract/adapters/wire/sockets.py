"""http.client and everything that is built on it: what stands in for the socket of a connection."""

from __future__ import annotations

import io
import socket
import sys
from contextlib import closing
from typing import Any
from weakref import WeakSet

from pytest_llmcontract.adapters.interception import (
    CONNECT_SECONDS,
    STALL_SECONDS,
    Interception,
    forwarding,
    heard_reply,
    system_error,
)
from pytest_llmcontract.adapters.wire.http import Written, pieces, read_request
from pytest_llmcontract.adapters.wire.installed import INSTALLED
from pytest_llmcontract.core.exchange import BEFORE_SENDING, ApiReply, Disconnect, Forward
from pytest_llmcontract.core.site import application_site

_open: WeakSet[Socket] = WeakSet()


class Socket:
    """What a connection of ``http.client`` takes for a connected socket. It is asked for one reply a request.

    Args:
        connection: Whose it is.
        interception: Who answers.
        origin: Where the connection leads, ``https://api.groq.com``.
    """

    def __init__(self, connection: Any, interception: Interception, origin: str) -> None:
        self.connection = connection
        self._interception = interception
        self._origin = origin
        self._sent = b""
        self._reply: _Reply | None = None
        self.closed = False
        given = getattr(connection, "timeout", None)
        _open.add(self)
        self.timeout: float | None = given if isinstance(given, int | float) else socket.getdefaulttimeout()

    @property
    def lives(self) -> bool:
        """Whether who answers still does: a connection that is kept outlives its simulation."""
        return not self.closed and self._interception in INSTALLED

    # A request is written.

    def sendall(self, data: Any, flags: int = 0) -> None:
        if not self.lives:
            raise ConnectionResetError("the simulation that this connection belongs to has ended")
        self._sent += bytes(data)
        if written := read_request(self._sent):
            self._ask(written)

    def send(self, data: Any, flags: int = 0) -> int:
        self.sendall(data)
        return len(data)

    def _ask(self, written: Written) -> None:
        self._sent = b""
        outcome = self._interception.ask(written.seen(self._origin, application_site()))
        if isinstance(outcome, Forward):
            outcome = _heard(self.connection, written, outcome)
        if isinstance(outcome, Disconnect) and outcome.how in BEFORE_SENDING:
            raise self._not_connected(outcome)
        self._reply = _Reply(outcome, written.method, self)

    def _not_connected(self, fault: Disconnect) -> Exception:
        """As the library tells it, in its time. urllib3 has names of its own for what it meets when it connects."""
        if fault.how == "connect_timeout":
            self.wait(CONNECT_SECONDS if self.timeout is None else self.timeout)
        error, connection = system_error(fault), self.connection
        if not _is_urllib3(connection):
            return error
        from urllib3 import exceptions

        told: Exception
        if isinstance(error, socket.gaierror):
            told = exceptions.NameResolutionError(connection.host, connection, error)
        elif fault.how == "connect_timeout":
            message = f"Connection to {connection.host} timed out. (connect timeout={self.timeout})"
            told = exceptions.ConnectTimeoutError(connection, message)
        else:
            told = exceptions.NewConnectionError(connection, f"Failed to establish a new connection: {error}")
        told.__cause__ = error
        return told

    # A reply is read.

    def makefile(self, mode: str = "r", buffering: int | None = None, **kwargs: Any) -> io.BufferedReader:
        if self._reply is None and (written := read_request(self._sent, ended=True)):
            self._ask(written)
        return io.BufferedReader(self._reply or io.BytesIO())

    def recv(self, size: int, flags: int = 0) -> bytes:
        return self.makefile().read1(size)

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        data = self.recv(size or len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def wait(self, seconds: float) -> None:
        if seconds > 0:
            self._interception.wait(seconds)

    def arrives(self, seconds: float) -> None:
        """Wait for what comes in so many seconds, unless the client loses patience before.

        Raises:
            TimeoutError: It did.
        """
        if self.timeout is not None and self.timeout < seconds:
            self.wait(self.timeout)
            raise TimeoutError("timed out")
        self.wait(seconds)

    def breaks(self, fault: Disconnect) -> None:
        """What happens where nothing more comes; an end where it does not raise.

        Raises:
            OSError: What the system says of it.
        """
        if fault.how == "stall":
            self.arrives(STALL_SECONDS if self.timeout is None else self.timeout)
            raise TimeoutError("timed out")
        self.arrives(fault.delay)
        if fault.how != "disconnect":
            raise system_error(fault)

    def finished(self, reply: ApiReply) -> None:
        self._interception.gateway.finished(reply)

    # What else is done with a socket.

    def settimeout(self, seconds: float | None) -> None:
        self.timeout = seconds

    def gettimeout(self) -> float | None:
        return self.timeout

    def setblocking(self, blocking: bool) -> None: ...
    def setsockopt(self, *args: Any) -> None: ...

    def shutdown(self, how: int) -> None:
        self.closed = True

    def close(self) -> None:
        self.closed = True

    def fileno(self) -> int:
        return -1

    def getpeername(self) -> tuple[str, int]:
        return ("127.0.0.1", 0)

    getsockname = getpeername

    def getpeercert(self, binary_form: bool = False) -> Any:
        return b"" if binary_form else {}

    def version(self) -> str | None:
        return None

    cipher = selected_alpn_protocol = compression = version

    def unwrap(self) -> Socket:
        return self


class _Reply(io.RawIOBase):
    """What comes back, each piece when its time has come."""

    def __init__(self, outcome: ApiReply | Disconnect, method: str, wire: Socket) -> None:
        self._outcome = outcome
        self._wire = wire
        self._left = iter(()) if isinstance(outcome, Disconnect) else pieces(outcome, method)
        self._piece = b""
        self._told = isinstance(outcome, Disconnect)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if not self._piece:
            self._piece = self._next()
        data, self._piece = self._piece[: len(buffer)], self._piece[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)

    def _next(self) -> bytes:
        event = next(self._left, None)
        if event is not None:
            self._wire.arrives(event.delay)
            return event.data
        self._tell()
        broken = self._outcome if isinstance(self._outcome, Disconnect) else self._outcome.cut
        if broken is not None:
            self._wire.breaks(broken)
        return b""

    def _tell(self) -> None:
        if not self._told and isinstance(self._outcome, ApiReply):
            self._told = True
            self._wire.finished(self._outcome)

    def close(self) -> None:
        self._tell()
        super().close()


def _is_urllib3(connection: Any) -> bool:
    urllib3 = sys.modules.get("urllib3.connection")
    return urllib3 is not None and isinstance(connection, urllib3.HTTPConnection)


def _heard(connection: Any, written: Written, forward: Forward) -> ApiReply:
    """What the provider itself says, whole; uncompressed, so that a recording can be read and scrubbed."""
    real: Any = object.__new__(type(connection))
    real.__dict__.update(connection.__dict__, sock=None)
    real._HTTPConnection__response, real._HTTPConnection__state = None, "Idle"
    headers = {name: value for name, value in written.fields if name.lower() not in _OF_THE_WIRE}
    headers["accept-encoding"] = "identity"
    with forwarding(forward), closing(real):
        real.request(written.method, written.target, body=written.body or None, headers=headers)
        response = real.getresponse()
        body = response.data if hasattr(response, "data") else response.read()
        response.close()
    reply = heard_reply(response.status, dict(response.headers.items()), [body])
    forward.answered(reply)
    return reply


_OF_THE_WIRE = ("accept-encoding", "transfer-encoding", "content-length", "host")


# Where a connection learns whom it is for.


def plug_in(connection: Any, interception: Interception, host: str) -> None:
    """Let *connection*, which is for *host*, lead to the simulation."""
    there = getattr(connection, "sock", None)
    if isinstance(there, Socket) and there.lives:
        return
    if there is not None:
        there.close()
    connection.sock = Socket(connection, interception, _origin(connection, host))
    if _is_urllib3(connection):
        connection.is_verified = True  # else it warns of a connection without a certificate
        connection._has_connected_to_proxy = bool(connection.proxy)
        connection.proxy_is_verified = True if connection.proxy else None


def unplug(connection: Any) -> None:
    """Let *connection* connect really, where it led to a simulation before."""
    if isinstance(getattr(connection, "sock", None), Socket):
        connection.sock.close()
        connection.sock = None


def unplug_ended() -> None:
    """A connection that an application keeps outlives its simulation: the next call connects anew."""
    for there in list(_open):
        if not there.lives and there.connection.sock is there:
            there.connection.sock = None


def target_of(connection: Any, url: Any = "") -> str:
    """The host for which *connection* is: not a proxy's, where *url* or its tunnel tell another."""
    text = url.decode("latin-1") if isinstance(url, bytes) else str(url)
    if "://" in text.partition("?")[0]:
        return text.partition("://")[2].partition("/")[0].partition("?")[0]
    tunnel = getattr(connection, "_tunnel_host", None)
    return str(tunnel or connection.host)


def _origin(connection: Any, host: str) -> str:
    tunnelled = bool(getattr(connection, "_tunnel_host", None))
    scheme = "https" if tunnelled or connection.default_port == 443 else "http"
    port = connection._tunnel_port if tunnelled else connection.port
    shown = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
    return f"{scheme}://{shown}" + (f":{port}" if port not in (None, 80, 443) else "")
