"""The patches of httpx, httpx2 and httpx-aiohttp, which come and go in any order with those of others."""

from __future__ import annotations

import functools
import importlib
import sys
import types
import warnings
from collections.abc import Callable
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import httpx
from respx.mocks import Mocker
from respx.router import Router

from pytest_llmcontract.adapters.respx.calls import handle, handle_async, send_on, send_on_async
from pytest_llmcontract.adapters.respx.libraries import Library
from pytest_llmcontract.core.exchange import Forward
from pytest_llmcontract.core.locks import new_lock

LOCK = new_lock()
"""Held by who installs and removes."""


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


def _transport(library: Library, patch: _Patch, below: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(below, updated=())
    def handle_request(self: Any, request: Any) -> Any:
        routers = TransportMocker.routers if patch.ours is handle_request else ()
        response = handle(library, request, routers)
        if isinstance(response, Forward):
            return send_on(library, functools.partial(below, self), request, response)
        return below(self, request) if response is None else response

    return handle_request


def _async_transport(library: Library, patch: _Patch, below: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(below, updated=())
    async def handle_async_request(self: Any, request: Any) -> Any:
        routers = TransportMocker.routers if patch.ours is handle_async_request else ()
        response = await handle_async(library, request, routers)
        if isinstance(response, Forward):
            return await send_on_async(library, functools.partial(below, self), request, response)
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
    with LOCK:
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
    library = Library(module)
    sync = _Patch(module.HTTPTransport, "handle_request", functools.partial(_transport, library))
    wrap_async = functools.partial(_async_transport, library)
    in_loop = _Patch(module.AsyncHTTPTransport, "handle_async_request", wrap_async)
    send = _Patch(module.Client, "send", functools.partial(_send, sync))
    async_send = _Patch(module.AsyncClient, "send", functools.partial(_async_send, in_loop))
    return sync, in_loop, send, async_send


@functools.cache
def _aiohttp_patch(module: types.ModuleType) -> _Patch:
    """The ``aiohttp`` extra of the groq and together SDKs: another transport for httpx."""
    wrap = functools.partial(_async_transport, Library(httpx))
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
        with LOCK:
            for patch in _patches():
                patch.start()
                if patch not in cls.started:
                    cls.started.append(patch)

    @classmethod
    def stop(cls, force: bool = False) -> None:
        with LOCK:
            if force or not cls.routers:
                while cls.started:
                    cls.started.pop().stop()
