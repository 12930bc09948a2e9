"""The way in for httpx and httpx2: which layer of them answers a call to a simulated provider.

The layer is ``handle_request`` of the transport *classes* (and of httpx-aiohttp's): it reaches clients that were
built at import time, it can wait in virtual time between two pieces of a stream, and it leaves ``MockTransport``,
``ASGITransport`` and other transports of the application alone. respx's own layer, httpcore, does not see httpx2.

Others patch the same methods: pytest-httpx, vcrpy, the user. Two rules keep us apart, in any order:

* *Outermost.* Whoever patches last is asked first, so we patch again when the call phase starts, and
  ``Client.send``, which comes before every transport, looks whether somebody has covered us since
  (a ``use_cassette`` inside the test). What is not ours goes down to whatever we covered.
* *Never restore what is not below us.* When somebody else lies on top as we leave, our wrapper stays where it is
  and only passes calls on; when he leaves and lays it bare, a later installation uses it again.

The routes of :attr:`Interception.router` are respx's and cover httpx2 as well. As long as there are none, respx
takes no part in a call.
"""

from __future__ import annotations

import functools
import importlib
import sys
import threading
import types
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn
from weakref import WeakKeyDictionary

import httpx
from respx.mocks import Mocker
from respx.models import AllMockedAssertionError, PassThrough
from respx.router import MockRouter, Router

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
_active: tuple[Interception, ...] = ()  # innermost first; replaced as a whole, so that a call reads it without the lock


class Interception:
    """Answers httpx and httpx2 calls to simulated hosts while it is installed.

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
        self._router = MockRouter(assert_all_called=False, using=TransportMocker.name)

    @property
    def router(self) -> MockRouter:
        """The user's own routes. A match wins over the simulation; ``pass_through`` leaves the call to it."""
        return self._router

    def install(self) -> None:
        """Answer from now on, before every interception installed earlier."""
        global _active
        with _lock:
            if self not in _active:
                _active = (self, *_active)
                self._router.start()

    def raise_to_top(self) -> None:
        """Lie above whatever was patched since :meth:`install`. For the start of the call phase."""
        with _lock:
            if self in _active:
                TransportMocker.start()

    def remove(self) -> None:
        """Stop answering. Routes added since :meth:`install` are dropped, as respx does."""
        global _active
        with _lock:
            if self in _active:
                _active = tuple(other for other in _active if other is not self)
                self._router.stop()

    def answer(self, request: Any, body: bytes) -> ApiReply | Disconnect | Forward:
        """What the simulation says to a request of either library."""
        with self.in_flight():
            return self.gateway.answer(_api_request(request, body))


def _api_request(request: Any, body: bytes) -> ApiRequest:
    fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.raw}
    return ApiRequest(request.method, str(request.url), masked(fields), body, application_site())


def _owner(host: str) -> Interception | None:
    if FORWARDING.get():
        return None
    for interception in _active:
        if interception.gateway.owns(host):
            return interception
    return None


@dataclass(frozen=True, slots=True)
class _Guard:
    """Somebody who objects to a call leaving the process, and why."""

    gateway: Gateway
    message: str

    def stop(self, library: _Library, request: Any, body: bytes) -> Exception:
        """The error the client meets: a connection error, so that the application does what it does offline.

        An SDK would wrap any other exception as well. What fails the test is that the gateway was told.
        """
        self.gateway.escaped(_api_request(request, body))
        return library.error("ConnectError", self.message, request)


def _guard(host: str) -> _Guard | None:
    if FORWARDING.get():
        return None
    for interception in _active:
        if (message := interception.gateway.blocked(host)) is not None:
            return _Guard(interception.gateway, message)
    return None


# One call, from request to response; None for a call that is not ours, a Forward for one that the provider itself shall
# answer. The two functions differ in `await` only.


def _handle(library: _Library, request: Any, *, routes: bool) -> Any:
    if routes and _has_routes():
        response = _route(library, request, request.read())
        if response is not None:
            return response
    host = request.url.host
    if (interception := _owner(host)) is None:
        if (guard := _guard(host)) is not None:
            raise guard.stop(library, request, request.read())
        return None
    outcome = interception.answer(request, request.read())
    if isinstance(outcome, Forward):
        return outcome
    for seconds in _before_reply(outcome, library, request):
        interception.wait(seconds)
    return library.response(outcome, request, interception)


async def _handle_async(library: _Library, request: Any, *, routes: bool) -> Any:
    if routes and _has_routes():
        response = await _route_async(library, request, await request.aread())
        if response is not None:
            return response
    host = request.url.host
    if (interception := _owner(host)) is None:
        if (guard := _guard(host)) is not None:
            raise guard.stop(library, request, await request.aread())
        return None
    outcome = interception.answer(request, await request.aread())
    if isinstance(outcome, Forward):
        return outcome
    for seconds in _before_reply(outcome, library, request):
        await interception.wait_async(seconds)
    return library.response(outcome, request, interception)


# The user's own routes: respx's business.


def _has_routes() -> bool:
    for router in TransportMocker.routers:  # noqa: SIM110 - a generator expression costs a call ten times as much
        if router.routes:
            return True
    return False


def _route(library: _Library, request: Any, body: bytes) -> Any:
    """The response of the first route that matches, or ``None``."""
    asked = _as_httpx(request, body)
    refused = None
    for router in TransportMocker.routers:
        try:
            return library.translated(router.handler(asked))
        except AllMockedAssertionError as error:
            refused = refused or _refusal(router, request, error)
        except PassThrough:
            return None
        except httpx.RequestError as error:
            library.reraise(error, request)
    if refused:
        raise refused
    return None


async def _route_async(library: _Library, request: Any, body: bytes) -> Any:
    asked = _as_httpx(request, body)
    refused = None
    for router in TransportMocker.routers:
        try:
            return library.translated(await router.async_handler(asked))
        except AllMockedAssertionError as error:
            refused = refused or _refusal(router, request, error)
        except PassThrough:
            return None
        except httpx.RequestError as error:
            library.reraise(error, request)
    if refused:
        raise refused
    return None


def _refusal(router: Router, request: Any, error: AllMockedAssertionError) -> AllMockedAssertionError | None:
    """A ``respx.mock(using="llmcontract")`` of the user's is strict, as respx is; our own routers never are."""
    ours = any(interception.router is router for interception in _active)
    return None if ours or _owner(request.url.host) else error


def _as_httpx(request: Any, body: bytes) -> httpx.Request:
    if isinstance(request, httpx.Request):
        return request
    copy = httpx.Request(
        request.method,
        str(request.url),
        headers=request.headers.raw,
        stream=httpx.ByteStream(body),
        extensions=request.extensions,
    )
    copy.read()
    return copy


# A call that goes on to the provider, to be recorded. Uncompressed, so that a recording can be read and scrubbed.


def _send_on(library: _Library, below: Callable[[Any], Any], request: Any, forward: Forward) -> Any:
    request.headers["accept-encoding"] = "identity"
    token = FORWARDING.set(True)
    try:
        response = below(request)
    except BaseException:
        forward.answered(Disconnect())
        raise
    finally:
        FORWARDING.reset(token)
    response.stream = library.heard_body(response, forward)
    return response


async def _send_on_async(library: _Library, below: Callable[[Any], Any], request: Any, forward: Forward) -> Any:
    request.headers["accept-encoding"] = "identity"
    token = FORWARDING.set(True)
    try:
        response = await below(request)
    except BaseException:
        forward.answered(Disconnect())
        raise
    finally:
        FORWARDING.reset(token)
    response.stream = library.heard_body(response, forward)
    return response


# What happens on the wire, in time: generators of the seconds to wait, which raise what the client meets.


def _before_reply(outcome: ApiReply | Disconnect, library: _Library, request: Any) -> Iterator[float]:
    if isinstance(outcome, Disconnect):
        if outcome.how == "refused":
            return _refused(outcome, library, request)
        return _broken(outcome, library, request, "Server disconnected without sending a response.")
    return _quiet(outcome.delay, library, request) if outcome.delay else iter(())


def _pieces(reply: ApiReply, library: _Library, request: Any) -> Iterator[bytes | float]:
    """A streamed body: pieces to hand over, and between them the seconds to wait."""
    for event in reply.events if reply.events is not None else (StreamEvent(reply.body),):
        if event.delay:
            yield from _quiet(event.delay, library, request)
        yield event.data
    if reply.cut:
        message = "peer closed connection without sending complete message body (incomplete chunked read)"
        yield from _broken(reply.cut, library, request, message)


def _quiet(seconds: float, library: _Library, request: Any) -> Iterator[float]:
    """Nothing comes for so long, unless the client loses patience before."""
    patience = _timeout(request, "read")
    if patience is not None and patience < seconds:
        yield from _positive(patience)
        raise library.error("ReadTimeout", "The read operation timed out", request)
    yield from _positive(seconds)


def _broken(disconnect: Disconnect, library: _Library, request: Any, message: str) -> Iterator[float]:
    if disconnect.how == "stall":
        patience = _timeout(request, "read")
        yield from _positive(STALL_SECONDS if patience is None else patience)
        raise library.error("ReadTimeout", "The read operation timed out", request)
    yield from _quiet(disconnect.delay, library, request)
    raise library.error("RemoteProtocolError", message, request)


def _refused(disconnect: Disconnect, library: _Library, request: Any) -> Iterator[float]:
    """Nobody listens yet, so it is the connect timeout that may come first."""
    patience = _timeout(request, "connect")
    if patience is not None and patience < disconnect.delay:
        yield from _positive(patience)
        raise library.error("ConnectTimeout", "timed out", request)
    yield from _positive(disconnect.delay)
    raise library.error("ConnectError", "[Errno 111] Connection refused", request)


def _positive(seconds: float) -> Iterator[float]:
    if seconds > 0:
        yield seconds


def _timeout(request: Any, phase: str) -> float | None:
    seconds: float | None = request.extensions.get("timeout", {}).get(phase)
    return seconds


class _Body:
    """A streamed body of ours; it tells its end. Like httpx's own ``ByteStream``, sync and async in one."""

    def __init__(self, pieces: Iterator[bytes | float], reply: ApiReply, interception: Interception) -> None:
        self._pieces = pieces
        self._reply = reply
        self._interception = interception
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            for piece in self._pieces:
                if isinstance(piece, bytes):
                    yield piece
                else:
                    self._interception.wait(piece)
        finally:
            self.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            for piece in self._pieces:
                if isinstance(piece, bytes):
                    yield piece
                else:
                    await self._interception.wait_async(piece)
        finally:
            self.close()

    def close(self) -> None:
        if not self._ended:
            self._ended = True
            self._interception.gateway.finished(self._reply)

    async def aclose(self) -> None:
        self.close()


class _ForeignBody:
    """A body of httpx, for httpx2: each accepts its own classes only."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            yield piece

    def close(self) -> None:
        self._stream.close()

    async def aclose(self) -> None:
        await self._stream.aclose()


class _HeardBody:
    """A body from the provider itself, told when it was read whole. What a client leaves unread is read for it."""

    def __init__(self, response: Any, forward: Forward) -> None:
        self._response = response
        self._stream = response.stream
        self._forward = forward
        self._heard: list[bytes] = []
        self._told = False
        self._left: Any = None

    def __iter__(self) -> Iterator[bytes]:
        self._left = iter(self._stream)
        try:
            for piece in self._left:
                self._heard.append(piece)
                yield piece
        except GeneratorExit:
            raise  # the client stops reading: close() reads the rest
        except BaseException:
            self._tell(Disconnect())
            raise
        self._tell(self._reply())

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._left = aiter(self._stream)
        try:
            async for piece in self._left:
                self._heard.append(piece)
                yield piece
        except GeneratorExit:
            raise  # the client stops reading: close() reads the rest
        except BaseException:
            self._tell(Disconnect())
            raise
        self._tell(self._reply())

    def close(self) -> None:
        try:
            if not self._told:
                self._heard += self._left or self._stream
                self._tell(self._reply())
        finally:
            self._tell(Disconnect())
            self._stream.close()

    async def aclose(self) -> None:
        try:
            if not self._told:
                async for piece in self._left or self._stream:
                    self._heard.append(piece)
                self._tell(self._reply())
        finally:
            self._tell(Disconnect())
            await self._stream.aclose()

    def _tell(self, outcome: ApiReply | Disconnect) -> None:
        if not self._told:
            self._told = True
            self._forward.answered(outcome)

    def _reply(self) -> ApiReply:
        status, headers = self._response.status_code, dict(self._response.headers)
        if headers.get("content-type", "").startswith("text/event-stream"):
            return ApiReply(status, headers, events=tuple(map(StreamEvent, self._heard)))
        return ApiReply(status, headers, b"".join(self._heard))


class _Library:
    """httpx or httpx2: the same names, but classes and exceptions of its own."""

    def __init__(self, module: types.ModuleType) -> None:
        bases = (module.SyncByteStream, module.AsyncByteStream)
        self.module = module
        self.body = type("Body", (_Body, *bases), {})
        self.foreign_body = type("ForeignBody", (_ForeignBody, *bases), {})
        self.heard_body = type("HeardBody", (_HeardBody, *bases), {})

    def error(self, name: str, message: str, request: Any) -> Exception:
        error: Exception = getattr(self.module, name)(message, request=request)
        return error

    def reraise(self, error: httpx.RequestError, request: Any) -> NoReturn:
        """What a route's side effect raised, as this library's clients know it."""
        if self.module is httpx:
            raise error
        known = next(kind.__name__ for kind in type(error).__mro__ if hasattr(self.module, kind.__name__))
        raise self.error(known, str(error), request) from error

    def response(self, reply: ApiReply | Disconnect, request: Any, interception: Interception) -> Any:
        """Never through ``content=``: httpx takes that for read already, and ``elapsed`` is missing."""
        assert isinstance(reply, ApiReply)  # a Disconnect raised before
        fields, sized = [], False
        for name, value in reply.headers.items():
            lower = name.lower()
            if lower == "content-encoding":
                continue  # left over from a recording: the body is as it reads, never compressed
            sized = sized or lower == "content-length"
            fields.append((name.encode(), value.encode()))
        if reply.events is not None or reply.cut:
            stream = self.body(_pieces(reply, self, request), reply, interception)
        else:
            stream = self.module.ByteStream(reply.body)
            if reply.body and not sized:
                fields.append((b"content-length", b"%d" % len(reply.body)))
        return self.module.Response(reply.status, headers=fields, stream=stream)

    def translated(self, response: httpx.Response) -> Any:
        """A route's response, as this library's transport would give it."""
        stream: Any = response.stream
        if not isinstance(stream, self.module.SyncByteStream | self.module.AsyncByteStream):
            stream = self.foreign_body(stream)
        return self.module.Response(
            response.status_code, headers=response.headers.raw, stream=stream, extensions=response.extensions
        )


# Patching.


class _Patch:
    """One method of one class, and our function in its place.

    ``start`` lays us on top of whatever is there, ``stop`` takes us away if we are on top. What we cover is whatever
    was there at the time: a function of ours that somebody else restores later finds its own way down.
    """

    def __init__(self, owner: type[Any], method: str, wrap: Callable[[_Patch, Callable[..., Any]], Any]) -> None:
        self._owner = owner
        self._method = method
        self._wrap = wrap
        self._below: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
        self.ours: Any = None

    def on_top(self) -> bool:
        return self._owner.__dict__.get(self._method) is self.ours

    def start(self) -> None:
        there = self._owner.__dict__[self._method]
        if there not in self._below:
            covered, there = there, self._wrap(self, _as_method(there))
            self._below[there] = covered
            setattr(self._owner, self._method, there)
        self.ours = there  # perhaps one of an earlier start, laid bare again

    def stop(self) -> None:
        there = self._owner.__dict__[self._method]
        if there in self._below:
            setattr(self._owner, self._method, self._below[there])
        self.ours = None


def _as_method(there: Any) -> Callable[..., Any]:
    """What lies in a class, callable with the instance: a mock takes none."""
    if isinstance(there, types.FunctionType):
        return there

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return (there.__get__(self, type(self)) if hasattr(there, "__get__") else there)(*args, **kwargs)

    return call


# Two functions of ours can lie above one another, with somebody between; the user's routes shall see a call once.


def _transport(library: _Library, patch: _Patch, below: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(below, updated=())
    def handle_request(self: Any, request: Any) -> Any:
        response = _handle(library, request, routes=patch.ours is handle_request)
        if isinstance(response, Forward):
            return _send_on(library, functools.partial(below, self), request, response)
        return below(self, request) if response is None else response

    return handle_request


def _async_transport(library: _Library, patch: _Patch, below: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(below, updated=())
    async def handle_async_request(self: Any, request: Any) -> Any:
        response = await _handle_async(library, request, routes=patch.ours is handle_async_request)
        if isinstance(response, Forward):
            return await _send_on_async(library, functools.partial(below, self), request, response)
        return await below(self, request) if response is None else response

    return handle_async_request


# A client sends: before its transport is looked up, look whether somebody covered us.


def _send(transport: _Patch, _: _Patch, below: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(below, updated=())
    def send(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not transport.on_top():
            _uncover()
        return below(self, *args, **kwargs)

    return send


def _async_send(transport: _Patch, _: _Patch, below: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(below, updated=())
    async def send(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not transport.on_top():
            _uncover()
        return await below(self, *args, **kwargs)

    return send


def _uncover() -> None:
    with _lock:
        if TransportMocker.routers:  # else we have left, and only ``send`` is left over
            TransportMocker.start()


def _patches() -> list[_Patch]:
    """All that there are to make. What is installed is imported: a call must find us whenever it is first imported."""
    libraries = filter(None, map(_imported, ("httpx", "httpx2")))
    patches = [patch for module in libraries for patch in _library_patches(module)]
    if aiohttp := _imported("httpx_aiohttp"):
        patches.append(_aiohttp_patch(aiohttp))
    return patches


@functools.cache
def _library_patches(module: types.ModuleType) -> tuple[_Patch, ...]:
    library = _Library(module)
    sync = _Patch(module.HTTPTransport, "handle_request", functools.partial(_transport, library))
    wrap_async = functools.partial(_async_transport, library)
    in_loop = _Patch(module.AsyncHTTPTransport, "handle_async_request", wrap_async)
    send = _Patch(module.Client, "send", functools.partial(_send, sync))
    async_send = _Patch(module.AsyncClient, "send", functools.partial(_async_send, in_loop))
    return sync, in_loop, send, async_send


@functools.cache
def _aiohttp_patch(module: types.ModuleType) -> _Patch:
    """The ``aiohttp`` extra of the groq and together SDKs: another transport for httpx."""
    wrap = functools.partial(_async_transport, _Library(httpx))
    return _Patch(module.AiohttpTransport, "handle_async_request", wrap)


def _imported(name: str) -> types.ModuleType | None:
    if module := sys.modules.get(name):
        return module
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a user's ``-W error`` is about imports of his own
            return importlib.import_module(name)
    except ImportError:
        return None


class TransportMocker(Mocker):
    """respx's handle on the patches: a router registered here is asked; ``respx.mock(using="llmcontract")`` too.

    The targets are not respx's dotted names, because :class:`_Patch` undoes itself in any order and respx's does not.
    """

    # pytester imports us anew beside a respx that stays, and respx wants names to be unique.
    name: ClassVar[str] = "llmcontract" + (f"-{len(Mocker.registry)}" if "llmcontract" in Mocker.registry else "")
    targets: ClassVar[list[str]] = []
    target_methods: ClassVar[list[str]] = []
    started: ClassVar[list[_Patch]] = []

    @classmethod
    def register(cls, router: Router) -> None:
        cls.routers.insert(0, router)  # the innermost is asked first

    @classmethod
    def start(cls) -> None:
        """Patch, or lie on top again."""
        with _lock:
            for patch in _patches():
                patch.start()
                if patch not in cls.started:
                    cls.started.append(patch)

    @classmethod
    def stop(cls, force: bool = False) -> None:
        with _lock:
            if force or not cls.routers:
                while cls.started:
                    cls.started.pop().stop()
