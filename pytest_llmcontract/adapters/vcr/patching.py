"""The patches: thin wrappers that look at the host, and pass on what is nobody's business."""

from __future__ import annotations

import importlib.machinery
import queue
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

from pytest_llmcontract.adapters.interception import Stopped
from pytest_llmcontract.adapters.vcr.aiohttp_calls import ask_aiohttp
from pytest_llmcontract.adapters.vcr.answer import INSTALLED, Answer, vcr_response
from pytest_llmcontract.adapters.vcr.connections import Connection, connection_class
from pytest_llmcontract.core.exchange import ApiReply

_done: list[tuple[Any, str, Any, Any]] = []
"""Owner, name, what was there, what is there now."""
_pools: WeakSet[Any] = WeakSet()
"""Of urllib3, whose connections are ours."""


def patch() -> None:
    sys.meta_path.insert(0, _later)
    for name, patch_module in _PATCHES.items():
        if module := sys.modules.get(name):
            patch_module(module)


def unpatch() -> None:
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
            if type(self) in plain and INSTALLED.concerned(self.host):
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
    connection.__class__ = connection_class(real, scheme)
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
    ours = connection_class(type(pool).ConnectionCls, pool.scheme) if INSTALLED.concerned(pool.host) else None
    if pool.__dict__.get("ConnectionCls") is ours:
        return
    if ours is not None:
        pool.ConnectionCls = ours
        _pools.add(pool)
    elif issubclass(pool.ConnectionCls, Connection):
        del pool.ConnectionCls
    else:
        return  # a class that the application chose
    _close_connections(pool.pool)


def _close_connections(waiting: Any) -> None:
    """Close the connections that wait in a pool to be used again; their places are left, empty."""
    places = 0
    try:
        while True:
            if connection := waiting.get(block=False):
                connection.close()
            places += 1
    except queue.Empty:
        for _ in range(places):
            waiting.put(None, block=False)


def _patch_aiohttp(module: Any) -> None:
    def wrap(below: Any) -> Any:
        @wraps(below)
        async def _request(self: Any, method: str, str_or_url: Any, **kwargs: Any) -> Any:
            url = self._build_url(str_or_url)
            if interception := INSTALLED.concerned(url.host):
                return await ask_aiohttp(self, below, method, url, kwargs, interception)
            return await below(self, method, str_or_url, **kwargs)

        return _request

    _replace(module.ClientSession, "_request", wrap)


def _patch_cassettes(module: Any) -> None:
    """A user's ``use_cassette``: what is for a simulated host is neither played from it nor recorded into it."""

    def wrap_can_play(below: Any) -> Any:
        @wraps(below)
        def can_play_response_for(self: Any, request: Any) -> Any:
            return INSTALLED.concerned(urlsplit(request.uri).hostname) is not None or below(self, request)

        return can_play_response_for

    def wrap_play(below: Any) -> Any:
        @wraps(below)
        def play_response(self: Any, request: Any) -> Any:
            interception = INSTALLED.concerned(urlsplit(request.uri).hostname)
            if interception is None:
                return below(self, request)
            answer = Answer(interception)
            answer.ask(request)
            outcome = answer.outcome
            if isinstance(outcome, ApiReply):
                return vcr_response(outcome)
            raise ConnectionError(outcome.message if isinstance(outcome, Stopped) else "the connection broke")

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
            if INSTALLED:
                _PATCHES[module.__name__](module)

        return exec_module


_later = _Later()
