"""The way in for requests, urllib3, http.client and aiohttp: vcrpy's stand-ins, asked one call at a time.

vcrpy knows how each of these libraries makes a request and takes a response; its stubs ask a *cassette* for the answer.
Ours (:class:`_Answer`) asks the simulation. But vcrpy patches a library as a whole, and what is not recorded passes
through it: read to its end before the client sees a byte. So its stubs come in for simulated hosts only, chosen call by
call at the narrowest place of each library:

==================  =====================================================================
urllib3, requests   ``HTTPConnectionPool.urlopen``: which class the pool's connections are
http.client         ``HTTPConnection.request``, ``putrequest``: which class the connection is
aiohttp             ``ClientSession._request``
a user's cassette   ``Cassette.can_play_response_for``: simulated hosts belong to the simulation
==================  =====================================================================

vcrpy imports every HTTP library there is (0.2 s). So it is imported by the first call that needs it, and a library that
is imported later is patched then.

A stream comes event by event, in virtual time; only inside a user's own cassette it comes as a whole.
"""

from __future__ import annotations

import http.client
import importlib.machinery
import io
import json
import queue
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache, wraps
from http import HTTPStatus
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

from pytest_llmcontract.core.exchange import (
    FORWARDING,
    ApiReply,
    ApiRequest,
    Disconnect,
    Forward,
    Gateway,
    StreamEvent,
    masked,
)
from pytest_llmcontract.core.site import application_site

STALL_SECONDS = 600.0
"""How long a client without a read timeout waits for a stalled provider, before we end it nevertheless."""

_lock = threading.RLock()
_active: tuple[Interception, ...] = ()  # innermost first


class Interception:
    """Answers calls to simulated hosts while it is installed. They nest; the innermost that owns a host answers.

    Args:
        gateway: The simulation.
        wait: Waits virtual seconds, in a thread.
        wait_async: Waits virtual seconds, in an event loop.
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

    def install(self) -> None:
        global _active
        with _lock:
            if not _active:
                _patch()
            _active = (self, *_active)

    def remove(self) -> None:
        global _active
        with _lock:
            _active = tuple(other for other in _active if other is not self)
            if not _active:
                _unpatch()


def _concerned(host: str | None) -> Interception | None:
    """Who answers a call to *host*, or stops it. ``None``: it is nobody's business."""
    if host is None or FORWARDING.get():
        return None
    for interception in _active:
        if interception.gateway.owns(host):
            return interception
    for interception in _active:
        if interception.gateway.blocked(host) is not None:
            return interception
    return None


# One call, in vcrpy's terms.


class _Answer:
    """What vcrpy's stubs take for a cassette: the answer to one call."""

    write_protected = False

    def __init__(self, interception: Interception) -> None:
        self._interception = interception
        self.outcome: ApiReply | Disconnect | Forward | None = None
        self.stopped = ""
        """Why the call must not leave, where it must not."""

    def ask(self, request: Any, agent: str = "") -> None:
        """Ask for the answer to a request of vcrpy's.

        Args:
            agent: What the library calls itself where the application says nothing else.
        """
        asked = _api_request(request, agent)
        gateway = self._interception.gateway
        if gateway.owns(asked.host):
            with self._interception.in_flight():
                self.outcome = gateway.answer(asked)
            return
        self.stopped = gateway.blocked(asked.host) or ""
        self.outcome = Disconnect("refused")
        gateway.escaped(asked)

    def can_play_response_for(self, request: Any) -> bool:
        if self.outcome is None:
            self.ask(request)
        return not isinstance(self.outcome, Forward)

    def play_response(self, request: Any) -> dict[str, Any]:
        del request
        assert isinstance(self.outcome, ApiReply)  # a Disconnect has raised before
        return _vcr_response(self.outcome)

    def filter_request(self, request: Any) -> Any:
        return request

    def append(self, request: Any, response: Mapping[str, Any]) -> None:
        """The provider itself answered, and vcrpy took it down."""
        del request
        assert isinstance(self.outcome, Forward)
        body = response["body"].get("string") or b""
        self.outcome.answered(_heard_reply(response["status"]["code"], _fields(response["headers"]), body))


def _api_request(request: Any, agent: str) -> ApiRequest:
    fields = {"user-agent": agent} | {name.lower(): value for name, value in _fields(request.headers).items()}
    return ApiRequest(request.method.upper(), request.uri, masked(fields), _whole(request.body), application_site())


def _fields(headers: Mapping[Any, Any]) -> dict[str, str]:
    return {_text(name): ", ".join(map(_text, _several(value))) for name, value in headers.items()}


def _whole(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray):
        return bytes(body)
    return b"".join(_whole(part) for part in body)  # a file, or an iterator


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _vcr_response(reply: ApiReply) -> dict[str, Any]:
    known = {status.value: status.phrase for status in HTTPStatus}
    return {
        "status": {"code": reply.status, "message": known.get(reply.status, "")},
        "headers": {name: [value] for name, value in reply.headers.items()},
        "body": {"string": b"".join(event.data for event in _events(reply))},
    }


def _events(reply: ApiReply) -> Iterator[StreamEvent]:
    yield from (StreamEvent(reply.body),) if reply.events is None else reply.events


def _patience(delay: float, timeout: float | None) -> tuple[float, bool]:
    """How long to wait for something that takes *delay*, and whether the client gives up then."""
    late = timeout is not None and timeout < delay
    return (timeout if late and timeout is not None else delay), late


# http.client and urllib3: connections without a socket.


@cache
def _connection_class(real: Any, scheme: str) -> type[Any]:
    """vcrpy's stand-in for connections of the class *real*, for simulated hosts."""
    if real.__module__ == "http.client":
        from vcr.stubs import VCRHTTPConnection as Plain
        from vcr.stubs import VCRHTTPSConnection as Secure
    else:
        from vcr.stubs.urllib3_stubs import VCRRequestsHTTPConnection as Plain
        from vcr.stubs.urllib3_stubs import VCRRequestsHTTPSConnection as Secure
    base = Secure if scheme == "https" else Plain
    return type(base.__name__, (_Connection, base), {"_baseclass": real})


class _Connection:
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
        interception = _concerned(urlsplit(me._vcr_request.uri).hostname)
        if interception is None:  # a connection that was kept from a simulation
            raise ConnectionResetError("the simulation that this connection belongs to has ended")
        me.cassette = answer = _Answer(interception)
        urllib3 = sys.modules.get("urllib3") if self._baseclass.__module__.startswith("urllib3") else None
        answer.ask(me._vcr_request, agent=f"python-urllib3/{urllib3.__version__}" if urllib3 else "")
        seconds = getattr(me, "timeout", None)
        timeout = seconds if isinstance(seconds, int | float) else None
        if isinstance(answer.outcome, Forward):
            return _response(me, _heard(me, answer.outcome), interception, timeout)
        if isinstance(answer.outcome, Disconnect):
            raise _broken(answer, interception, timeout)
        assert isinstance(answer.outcome, ApiReply)
        _wait(interception, answer.outcome.delay, timeout)
        return _response(me, answer.outcome, interception, timeout)


def _heard(connection: Any, forward: Forward) -> ApiReply:
    """What the provider itself says, whole; uncompressed, so that a recording can be read and scrubbed."""
    request, real = connection._vcr_request, connection.real_connection
    headers = {name: value for name, value in _fields(request.headers).items() if name.lower() != "accept-encoding"}
    headers["accept-encoding"] = "identity"
    token = FORWARDING.set(True)
    try:
        real.request(request.method, connection._url(request.uri), body=_whole(request.body) or None, headers=headers)
        response = real.getresponse()
        body = response.data if hasattr(response, "data") else response.read()
    except BaseException:
        forward.answered(Disconnect())
        raise
    finally:
        FORWARDING.reset(token)
    reply = _heard_reply(response.status, dict(response.headers.items()), body)
    forward.answered(reply)
    return reply


def _heard_reply(status: int, headers: Mapping[str, str], body: bytes) -> ApiReply:
    kept = {name.lower(): value for name, value in headers.items()}
    if kept.get("content-type", "").startswith("text/event-stream"):
        return ApiReply(status, kept, events=(StreamEvent(body),))
    return ApiReply(status, kept, body)


def _wait(interception: Interception, delay: float, timeout: float | None) -> None:
    seconds, late = _patience(delay, timeout)
    if seconds > 0:
        interception.wait(seconds)
    if late:
        raise TimeoutError("timed out")


def _broken(answer: _Answer, interception: Interception, timeout: float | None) -> Exception:
    """What the standard library raises for a connection that broke before a reply, in its time."""
    assert isinstance(answer.outcome, Disconnect)
    if answer.outcome.how == "stall":
        interception.wait(STALL_SECONDS if timeout is None else timeout)
        return TimeoutError("timed out")
    _wait(interception, answer.outcome.delay, timeout)
    if answer.outcome.how == "refused":
        return ConnectionRefusedError(answer.stopped or "[Errno 111] Connection refused")
    return http.client.RemoteDisconnected("Remote end closed connection without response")


def _response(connection: Any, reply: ApiReply, interception: Interception, timeout: float | None) -> Any:
    response = _response_class()(_vcr_response(reply), connection._vcr_request.uri)
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
        events = list(_events(reply))
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


# aiohttp.


async def _ask_aiohttp(
    session: Any, below: Any, method: str, url: Any, kwargs: dict[str, Any], by: Interception
) -> Any:
    import aiohttp
    from vcr.request import Request
    from vcr.stubs.aiohttp_stubs import vcr_request

    await _as_bytes(session, kwargs)
    answer = _Answer(by)
    asked = Request(
        method, str(url.update_query(kwargs.get("params") or {})), kwargs["data"], _headers(session, kwargs)
    )
    answer.ask(asked, agent=aiohttp.http.SERVER_SOFTWARE)
    through_vcr = vcr_request(answer, below)
    if isinstance(answer.outcome, Forward):
        token = FORWARDING.set(True)
        try:
            return await through_vcr(session, method, url, **kwargs)
        except BaseException:
            answer.outcome.answered(Disconnect())
            raise
        finally:
            FORWARDING.reset(token)
    timeout = _read_timeout(session, kwargs)
    if isinstance(answer.outcome, Disconnect):
        raise await _broken_async(answer, by, timeout, aiohttp)
    assert isinstance(answer.outcome, ApiReply)
    await _wait_async(by, answer.outcome.delay, timeout, aiohttp)
    response = await through_vcr(session, method, url, **kwargs)
    if answer.outcome.events is not None:
        response.content = _stream_class()(answer.outcome, by, timeout)
        response.read = response.content.read
    return response


async def _as_bytes(session: Any, kwargs: dict[str, Any]) -> None:
    """Turn ``json=``, forms and files of a call into the bytes that aiohttp would send, as ``data=``."""
    import aiohttp

    headers = dict(kwargs.get("headers") or {})
    data: Any = kwargs.get("data")
    if (value := kwargs.pop("json", None)) is not None:
        data = session._json_serialize(value)
        headers.setdefault("Content-Type", "application/json")
    elif isinstance(data, Mapping | list | tuple):
        data = aiohttp.FormData(data)
    if isinstance(data, aiohttp.FormData):
        payload = data()
        headers.setdefault("Content-Type", payload.headers["Content-Type"])
        data = await _written(payload)
    elif hasattr(data, "__aiter__"):
        data = b"".join([part async for part in data])
    kwargs["data"] = _whole(data)
    kwargs["headers"] = headers


async def _written(payload: Any) -> bytes:
    parts: list[bytes] = []

    class Writer:
        async def write(self, part: bytes) -> None:
            parts.append(bytes(part))

    await payload.write(Writer())
    return b"".join(parts)


def _headers(session: Any, kwargs: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): value for name, value in session._prepare_headers(kwargs["headers"]).items()}


def _read_timeout(session: Any, kwargs: Mapping[str, Any]) -> float | None:
    """What the client gives a reply: its own ``timeout=``, else the session's."""
    given: Any = kwargs.get("timeout")
    timeout = given if hasattr(given, "total") else session._timeout
    limits = [limit for limit in (timeout.sock_read, timeout.total) if limit]
    return min(limits, default=None)


async def _wait_async(by: Interception, delay: float, timeout: float | None, aiohttp: Any) -> None:
    seconds, late = _patience(delay, timeout)
    if seconds > 0:
        await by.wait_async(seconds)
    if late:
        raise aiohttp.ServerTimeoutError("Timeout on reading data from socket")


async def _broken_async(answer: _Answer, by: Interception, timeout: float | None, aiohttp: Any) -> Any:
    assert isinstance(answer.outcome, Disconnect)
    if answer.outcome.how == "stall":
        await by.wait_async(STALL_SECONDS if timeout is None else timeout)
        return aiohttp.ServerTimeoutError("Timeout on reading data from socket")
    await _wait_async(by, answer.outcome.delay, timeout, aiohttp)
    if answer.outcome.how == "refused":
        return aiohttp.ClientConnectionError(answer.stopped or "Connection refused")
    return aiohttp.ServerDisconnectedError()


@cache
def _stream_class() -> type[Any]:
    import asyncio

    import aiohttp

    class NoProtocol:
        """The connection that a stream reader would pause and resume."""

        _reading_paused = False
        connected = False

        def pause_reading(self) -> None: ...
        def resume_reading(self, *args: object, **kwargs: object) -> None: ...

    class Stream(aiohttp.StreamReader):
        """aiohttp's own, fed when somebody waits for more."""

        def __init__(self, reply: ApiReply, by: Interception, timeout: float | None) -> None:
            events = list(_events(reply))
            # aiohttp refuses lines that are longer.
            longest = max((len(event.data) for event in events), default=0)
            super().__init__(NoProtocol(), max(longest, 2**16), loop=asyncio.get_running_loop())  # type: ignore[arg-type]
            self._reply = reply
            self._events = iter(events)
            self._by = by
            self._timeout = timeout

        async def _wait(self, func_name: str) -> None:
            del func_name
            event = next(self._events, None)
            if event is not None:
                await _wait_async(self._by, event.delay, self._timeout, aiohttp)
                self.feed_data(event.data)
                return
            self._by.gateway.finished(self._reply)
            if self._reply.cut is None:
                self.feed_eof()
                return
            if self._reply.cut.how == "stall":
                await self._by.wait_async(STALL_SECONDS if self._timeout is None else self._timeout)
                raise aiohttp.ServerTimeoutError("Timeout on reading data from socket")
            await _wait_async(self._by, self._reply.cut.delay, self._timeout, aiohttp)
            raise aiohttp.ClientPayloadError("Response payload is not completed")

    return Stream


# Patching: thin wrappers that look at the host, and pass on what is nobody's business.

_done: list[tuple[Any, str, Any, Any]] = []
"""Owner, name, what was there, what is there now."""
_pools: WeakSet[Any] = WeakSet()
"""Of urllib3, whose connections are ours."""


def _patch() -> None:
    sys.meta_path.insert(0, _later)
    for name, patch in _PATCHES.items():
        if module := sys.modules.get(name):
            patch(module)


def _unpatch() -> None:
    sys.meta_path.remove(_later)
    for pool in list(_pools):
        _choose_connections(pool)
    while _done:
        owner, name, before, ours = _done.pop()
        if owner.__dict__.get(name) is ours:  # else somebody lies on top: ours passes on
            setattr(owner, name, before)


def _replace(owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
    before = owner.__dict__[name]
    ours = wrap(before)
    setattr(owner, name, ours)
    _done.append((owner, name, before, ours))


def _patch_http_client(module: Any) -> None:
    """Not the classes themselves: ``super(HTTPSConnection, self)`` in that module means whatever has the name."""
    plain = {module.HTTPConnection: "http"}
    if hasattr(module, "HTTPSConnection"):  # a Python without OpenSSL has none
        plain[module.HTTPSConnection] = "https"

    def wrap(below: Any) -> Any:
        @wraps(below)
        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            if type(self) in plain and _concerned(self.host):
                _stand_in(self, plain[type(self)])
                return getattr(self, below.__name__)(*args, **kwargs)
            return below(self, *args, **kwargs)

        return method

    for name in ("request", "putrequest"):
        _replace(module.HTTPConnection, name, wrap)


def _stand_in(connection: Any, scheme: str) -> None:
    """Turn a connection of ``http.client`` into vcrpy's, around a copy of itself."""
    real: Any = type(connection)
    copy = object.__new__(real)
    copy.__dict__.update(connection.__dict__)
    connection.__class__ = _connection_class(real, scheme)
    connection.__dict__.update(real_connection=copy, _sock=None)


def _patch_urllib3(module: Any) -> None:
    def wrap(below: Any) -> Any:
        @wraps(below)
        def urlopen(self: Any, *args: Any, **kwargs: Any) -> Any:
            _choose_connections(self)
            return below(self, *args, **kwargs)

        return urlopen

    _replace(module.HTTPConnectionPool, "urlopen", wrap)


def _choose_connections(pool: Any) -> None:
    """A pool is for one host: its connections are ours or its own."""
    ours = _connection_class(type(pool).ConnectionCls, pool.scheme) if _concerned(pool.host) else None
    if pool.__dict__.get("ConnectionCls") is ours:
        return
    if ours is not None:
        pool.ConnectionCls = ours
        _pools.add(pool)
    elif issubclass(pool.ConnectionCls, _Connection):
        del pool.ConnectionCls
    else:
        return  # a class that the application chose
    places = 0
    try:
        while True:
            if connection := pool.pool.get(block=False):
                connection.close()
            places += 1
    except queue.Empty:
        for _ in range(places):
            pool.pool.put(None, block=False)


def _patch_aiohttp(module: Any) -> None:
    def wrap(below: Any) -> Any:
        @wraps(below)
        async def _request(self: Any, method: str, str_or_url: Any, **kwargs: Any) -> Any:
            url = self._build_url(str_or_url)
            if interception := _concerned(url.host):
                return await _ask_aiohttp(self, below, method, url, kwargs, interception)
            return await below(self, method, str_or_url, **kwargs)

        return _request

    _replace(module.ClientSession, "_request", wrap)


def _patch_cassettes(module: Any) -> None:
    """A user's ``use_cassette``: what is for a simulated host is neither played from it nor recorded into it."""

    def wrap_can_play(below: Any) -> Any:
        @wraps(below)
        def can_play_response_for(self: Any, request: Any) -> Any:
            return _concerned(urlsplit(request.uri).hostname) is not None or below(self, request)

        return can_play_response_for

    def wrap_play(below: Any) -> Any:
        @wraps(below)
        def play_response(self: Any, request: Any) -> Any:
            interception = _concerned(urlsplit(request.uri).hostname)
            if interception is None:
                return below(self, request)
            answer = _Answer(interception)
            answer.ask(request)
            if isinstance(answer.outcome, ApiReply):
                return _vcr_response(answer.outcome)
            raise ConnectionError(answer.stopped or "the connection broke")

        return play_response

    _replace(module.Cassette, "can_play_response_for", wrap_can_play)
    _replace(module.Cassette, "play_response", wrap_play)


_PATCHES: Mapping[str, Callable[[Any], None]] = {
    "http.client": _patch_http_client,
    "urllib3.connectionpool": _patch_urllib3,
    "aiohttp.client": _patch_aiohttp,
    "vcr.cassette": _patch_cassettes,
}


class _Later(MetaPathFinder):
    """Patches a library that is imported while a simulation lasts, as soon as it is there."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name not in _PATCHES:
            return None
        others = (finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec"))
        spec = next(filter(None, (finder.find_spec(name, path, target) for finder in others)), None)
        loader: Any = spec.loader if spec else None
        if loader is not None:
            loader.exec_module = self._then_patch(loader.exec_module)
        return spec

    def _then_patch(self, execute: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
        def exec_module(module: ModuleType) -> None:
            execute(module)
            if _active:
                _PATCHES[module.__name__](module)

        return exec_module


_later = _Later()
