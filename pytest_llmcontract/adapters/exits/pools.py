"""httpcore, which httpx has below it: here the request is still known, and who made it."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

from pytest_llmcontract.adapters.exits.door import INSTALLED, detour_of, refusal, text_of
from pytest_llmcontract.adapters.patches import Patches
from pytest_llmcontract.core.exchange import ApiRequest, heard
from pytest_llmcontract.core.site import application_site

_UNDER_WAY: ContextVar[ApiRequest | None] = ContextVar("llmcontract_under_way", default=None)
"""The request for which httpcore connects, perhaps to a proxy."""


def _patch_httpcore(module: Any) -> None:
    def wrap_connect(below: Any) -> Any:
        @wraps(below)
        def connect_tcp(self: Any, host: Any, *args: Any, **kwargs: Any) -> Any:
            _stop(module, host)
            return below(self, host, *args, **kwargs)

        return connect_tcp

    def wrap_connect_async(below: Any) -> Any:
        @wraps(below)
        async def connect_tcp(self: Any, host: Any, *args: Any, **kwargs: Any) -> Any:
            _stop(module, host)
            return await below(self, host, *args, **kwargs)

        return connect_tcp

    PATCHES.replace(module.ConnectionPool, "handle_request", _wrap_handle)
    PATCHES.replace(module.AsyncConnectionPool, "handle_async_request", _wrap_handle_async)
    for name, wrap in _BACKENDS.items():
        backend = getattr(module, name, None)
        if hasattr(backend, "connect_tcp"):  # without trio or anyio a stand-in is there, which has nothing
            PATCHES.replace(backend, "connect_tcp", wrap_connect if wrap == "sync" else wrap_connect_async)


_BACKENDS = {"SyncBackend": "sync", "AnyIOBackend": "async", "TrioBackend": "async"}


def _stop(module: Any, host: Any) -> None:
    request = _UNDER_WAY.get()
    called = request.host if request else text_of(host)
    if detour_of(called) is None and (refused := refusal(called, request)):
        raise module.ConnectError(refused)


def _wrap_handle(below: Callable[..., Any]) -> Any:
    @wraps(below)
    def handle_request(self: Any, request: Any) -> Any:
        token = _UNDER_WAY.set(_guarded(request))
        try:
            return below(self, request)
        finally:
            _UNDER_WAY.reset(token)

    return handle_request


def _wrap_handle_async(below: Callable[..., Any]) -> Any:
    @wraps(below)
    async def handle_async_request(self: Any, request: Any) -> Any:
        token = _UNDER_WAY.set(_guarded(request))
        try:
            return await below(self, request)
        finally:
            _UNDER_WAY.reset(token)

    return handle_async_request


def _guarded(request: Any) -> ApiRequest | None:
    """The request of httpcore's, if it must not leave."""
    host = text_of(request.url.host)
    if INSTALLED.at_the_exit(host) is None:
        return None
    fields = {text_of(name): text_of(value) for name, value in request.headers}
    scheme, path = text_of(request.url.scheme), text_of(request.url.target)
    return heard(text_of(request.method), f"{scheme}://{host}{path}", fields, b"", application_site())


PATCHES = Patches({"httpcore": _patch_httpcore, "httpcore2": _patch_httpcore})
