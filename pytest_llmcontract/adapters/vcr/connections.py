"""http.client and urllib3: connections without a socket, and responses whose bodies come in virtual time."""

from __future__ import annotations

import http.client
import io
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from pytest_llmcontract.adapters.interception import STALL_SECONDS, Interception, forwarding, heard_reply, refusal
from pytest_llmcontract.adapters.vcr.answer import (
    INSTALLED,
    Answer,
    events_of,
    fields_of,
    patience,
    vcr_response,
    whole,
)
from pytest_llmcontract.core.exchange import ApiReply, Disconnect, Forward


@cache
def connection_class(real: Any, scheme: str) -> type[Any]:
    """vcrpy's stand-in for connections of the class *real*, for simulated hosts."""
    if real.__module__ == "http.client":
        from vcr.stubs import VCRHTTPConnection as Plain
        from vcr.stubs import VCRHTTPSConnection as Secure
    else:
        from vcr.stubs.urllib3_stubs import VCRRequestsHTTPConnection as Plain
        from vcr.stubs.urllib3_stubs import VCRRequestsHTTPSConnection as Secure
    base = Secure if scheme == "https" else Plain
    return type(base.__name__, (Connection, base), {"_baseclass": real})


class Connection:
    """Mixed into vcrpy's connections: it never connects, and its answer comes in its own time."""

    is_connected = True  # urllib3 would look at a socket
    _baseclass: type[Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # vcrpy's own takes all patches of the process back for a moment, under the feet of other threads.
        self.real_connection = self._baseclass(*args, **kwargs)
        self._sock = None

    def connect(self, *args: Any, **kwargs: Any) -> None:
        """Where the provider itself is asked, sending connects."""

    def getresponse(self, *args: Any, **kwargs: Any) -> Any:
        me: Any = self
        interception = INSTALLED.concerned(urlsplit(me._vcr_request.uri).hostname)
        if interception is None:  # a connection that was kept from a simulation
            raise ConnectionResetError("the simulation that this connection belongs to has ended")
        me.cassette = answer = Answer(interception)
        urllib3 = sys.modules.get("urllib3") if self._baseclass.__module__.startswith("urllib3") else None
        answer.ask(me._vcr_request, agent=f"python-urllib3/{urllib3.__version__}" if urllib3 else "")
        seconds = getattr(me, "timeout", None)
        timeout = seconds if isinstance(seconds, int | float) else None
        if isinstance(answer.outcome, Forward):
            return _response(me, _heard(me, answer.outcome), interception, timeout)
        if isinstance(answer.outcome, Disconnect):
            raise _broken(answer.outcome, interception, timeout)
        assert isinstance(answer.outcome, ApiReply)
        _wait(interception, answer.outcome.delay, timeout)
        return _response(me, answer.outcome, interception, timeout)


def _heard(connection: Any, forward: Forward) -> ApiReply:
    """What the provider itself says, whole; uncompressed, so that a recording can be read and scrubbed."""
    request, real = connection._vcr_request, connection.real_connection
    headers = {name: value for name, value in fields_of(request.headers).items() if name.lower() != "accept-encoding"}
    headers["accept-encoding"] = "identity"
    # Closed after each reply: the pool of the application closes only what it sees, and that is the stand-in.
    with forwarding(forward), closing(real):
        real.request(request.method, connection._url(request.uri), body=whole(request.body) or None, headers=headers)
        response = real.getresponse()
        body = response.data if hasattr(response, "data") else response.read()
    reply = heard_reply(response.status, dict(response.headers.items()), [body])
    forward.answered(reply)
    return reply


def _wait(interception: Interception, delay: float, timeout: float | None) -> None:
    seconds, late = patience(delay, timeout)
    if seconds > 0:
        interception.wait(seconds)
    if late:
        raise TimeoutError("timed out")


def _broken(disconnect: Disconnect, interception: Interception, timeout: float | None) -> Exception:
    """What the standard library raises for a connection that broke before a reply, in its time."""
    if disconnect.how == "stall":
        interception.wait(STALL_SECONDS if timeout is None else timeout)
        return TimeoutError("timed out")
    _wait(interception, disconnect.delay, timeout)
    if disconnect.how == "refused":
        return ConnectionRefusedError(refusal(disconnect))
    return http.client.RemoteDisconnected("Remote end closed connection without response")


def _response(connection: Any, reply: ApiReply, interception: Interception, timeout: float | None) -> Any:
    response = _response_class()(vcr_response(reply), connection._vcr_request.uri)
    response._content = _Content(reply, interception, timeout)
    if urllib3 := sys.modules.get("urllib3"):
        response.headers = urllib3.HTTPHeaderDict(response.getheaders())
    return response


@cache
def _response_class() -> type[Any]:
    from vcr.stubs import VCRHTTPResponse

    class Response(VCRHTTPResponse):  # type: ignore[misc]
        """vcrpy's, over a body that comes in pieces."""

        @property
        def data(self) -> bytes:
            self._content.complete()
            whole: bytes = super().data
            return whole

        def json(self) -> Any:
            return json.loads(self.data)

        def stream(self, amt: int | None = None, decode_content: object = None) -> Iterator[bytes]:
            del decode_content
            while piece := self.read(amt or 65536):
                yield piece

    return Response


class _Content(io.BytesIO):
    """A body that is read piece by piece, each when its time has come, and may break off."""

    def __init__(self, reply: ApiReply, interception: Interception, timeout: float | None) -> None:
        events = list(events_of(reply))
        super().__init__(b"".join(event.data for event in events))
        self._reply = reply
        self._left = iter(events)
        self._here = 0
        """How much of it has arrived."""
        self._interception = interception
        self._timeout = timeout

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            self.complete()
            return super().read()
        if self.tell() >= self._here and size:
            self._arrive()
        return super().read(min(size, self._here - self.tell()))

    def read1(self, size: int | None = -1, /) -> bytes:
        return self.read(65536 if size is None or size < 0 else size)

    def readinto(self, buffer: Any, /) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readline(self, size: int | None = -1, /) -> bytes:
        while b"\n" not in self.getvalue()[self.tell() : self._here] and self._arrive():
            pass
        return super().readline(size)

    def complete(self) -> None:
        """Wait for all that is still to come."""
        while self._arrive():
            pass

    def _arrive(self) -> bool:
        event = next(self._left, None)
        if event is None:
            self._interception.gateway.finished(self._reply)
            if self._reply.cut:
                raise self._cut(self._reply.cut)
            return False
        _wait(self._interception, event.delay, self._timeout)
        self._here += len(event.data)
        return True

    def _cut(self, cut: Disconnect) -> Exception:
        """As urllib3 tells it where that reads; as http.client does where it does not."""
        urllib3: Any = sys.modules.get("urllib3")
        if cut.how == "stall":
            self._interception.wait(STALL_SECONDS if self._timeout is None else self._timeout)
            return urllib3.exceptions.ReadTimeoutError(None, None, "Read timed out.") if urllib3 else TimeoutError()
        _wait(self._interception, cut.delay, self._timeout)
        partial = http.client.IncompleteRead(b"")
        return urllib3.exceptions.ProtocolError(f"Connection broken: {partial!r}", partial) if urllib3 else partial
