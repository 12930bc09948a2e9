"""The patches: thin wrappers that look at the host, and pass on what is nobody's business."""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Callable, Mapping
from functools import partial, wraps
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any

from pytest_llmcontract.adapters.wire.installed import INSTALLED
from pytest_llmcontract.adapters.wire.sockets import Socket, plug_in, target_of, unplug
from pytest_llmcontract.core.exchange import ApiRequest, Headers
from pytest_llmcontract.core.hosts import normal_host
from pytest_llmcontract.core.site import application_site

_done: list[tuple[Any, str, Any, Any]] = []
"""Owner, name, what was there, what is there now."""


def patch() -> None:
    sys.meta_path.insert(0, _later)
    for name, patch_module in _PATCHES.items():
        if module := sys.modules.get(name):
            patch_module(module)


def unpatch() -> None:
    if _later in sys.meta_path:
        sys.meta_path.remove(_later)
    while _done:
        owner, name, before, ours = _done.pop()
        if owner.__dict__.get(name) is ours:  # else somebody lies on top: ours passes on
            setattr(owner, name, before)


def _replace(owner: Any, name: str, wrap: Callable[[Any], Any]) -> None:
    before = owner.__dict__[name]
    ours = wrap(before)
    setattr(owner, name, ours)
    _done.append((owner, name, before, ours))


def _defined(module: Any, name: str) -> Any:
    """The class that *module* itself defines as *name*, whatever stands under its name now: vcrpy swaps classes."""
    there = getattr(module, name)
    if there.__module__ == module.__name__:
        return there
    known = (kind for kind in object.__subclasses__() if kind.__module__ == module.__name__)
    return next(kind for kind in known if kind.__name__ == name)


# http.client, and with it urllib3 and requests.


def _patch_http_client(module: Any) -> None:
    root = _defined(module, "HTTPConnection")

    def wrap_init(below: Any) -> Any:
        @wraps(below)
        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
            _cover(type(self))
            below(self, *args, **kwargs)

        return __init__

    def wrap_putrequest(below: Any) -> Any:
        @wraps(below)
        def putrequest(self: Any, method: str, url: Any, *args: Any, **kwargs: Any) -> Any:
            host = target_of(self, url)
            if interception := INSTALLED.at_the_exit(host):
                plug_in(self, interception, host)
            else:
                unplug(self)
                _tell(method, f"//{host}{url}" if str(url).startswith("/") else str(url))
            return below(self, method, url, *args, **kwargs)

        return putrequest

    _replace(root, "__init__", wrap_init)
    _replace(root, "putrequest", wrap_putrequest)
    for kind in _subclasses(root):
        _cover(kind)


def _subclasses(root: Any) -> list[Any]:
    return [root, *(kind for child in root.__subclasses__() for kind in _subclasses(child))]


def _cover(kind: Any) -> None:
    """Every class that connects in a way of its own asks us before it does, ``HTTPSConnection`` and an application's."""
    for owner in kind.__mro__:
        there = owner.__dict__.get("connect")
        if there is not None and not getattr(there, "_asks_first", False) and owner.__module__ != "vcr.stubs":
            _replace(owner, "connect", _wrap_connect)
        there = owner.__dict__.get("is_connected")
        if isinstance(there, property) and not getattr(there.fget, "_asks_first", False):
            _replace(owner, "is_connected", _wrap_is_connected)


def _wrap_connect(below: Any) -> Any:
    @wraps(below)
    def connect(self: Any, *args: Any, **kwargs: Any) -> Any:
        host = target_of(self)
        if interception := INSTALLED.at_the_exit(host):
            return plug_in(self, interception, host)
        return below(self, *args, **kwargs)

    connect._asks_first = True  # type: ignore[attr-defined]
    return connect


def _wrap_is_connected(below: property) -> property:
    def is_connected(self: Any) -> bool:
        there = getattr(self, "sock", None)
        return there.lives if isinstance(there, Socket) else below.__get__(self)

    is_connected._asks_first = True  # type: ignore[attr-defined]
    return property(is_connected)


def _tell(method: str, url: str) -> None:
    """A call goes to a host that nobody here knows."""
    if method == "POST" and (interception := INSTALLED.innermost):
        interception.told(ApiRequest(method, url, Headers({}), b"", application_site()))


# aiohttp.


def _patch_aiohttp(module: Any) -> None:
    def wrap(below: Any) -> Any:
        @wraps(below)
        async def _create_connection(self: Any, req: Any, traces: Any, timeout: Any) -> Any:
            if interception := INSTALLED.at_the_exit(req.url.host):
                from pytest_llmcontract.adapters.wire.transports import connected

                return connected(self, req, timeout, interception, partial(below, self, req, traces, timeout))
            _tell(req.method, str(req.url))
            return await below(self, req, traces, timeout)

        return _create_connection

    _replace(module.TCPConnector, "_create_connection", wrap)


# A user's cassette: what is for a simulated host is neither played from it nor recorded into it, and goes below.


def _patch_cassettes(module: Any) -> None:
    def ours(request: Any) -> bool:
        return INSTALLED.concerned(normal_host(request.uri)) is not None

    def unless_ours(otherwise: Any) -> Callable[[Any], Any]:
        def wrap(below: Any) -> Any:
            @wraps(below)
            def method(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
                return otherwise if ours(request) else below(self, request, *args, **kwargs)

            return method

        return wrap

    _replace(module.Cassette, "can_play_response_for", unless_ours(False))
    _replace(module.Cassette, "filter_request", unless_ours(None))
    _replace(module.Cassette, "append", unless_ours(None))


_PATCHES: Mapping[str, Callable[[Any], None]] = {
    "http.client": _patch_http_client,
    "aiohttp.connector": _patch_aiohttp,
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
            if INSTALLED:
                _PATCHES[module.__name__](module)

        return exec_module


_later = _Later()
