"""Where calls leave the machine: what has passed every way in is stopped here, and nobody is answered.

That is a connection of httpcore, used by itself or below httpx, and the look-up of a name by whatever library. So a
call that no way in has seen reaches no provider, nor any of the well-known LLM services; with a gateway that bars
everything but this machine, connections to bare addresses are stopped too.

Assumption: libraries that look names up without Python (pycurl, uvloop, aiodns) are not seen.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

from pytest_llmcontract.adapters.interception import Installed, forwards_under_way
from pytest_llmcontract.adapters.interception import Interception as AnyInterception
from pytest_llmcontract.adapters.patches import Patches
from pytest_llmcontract.core.exchange import ApiRequest, heard
from pytest_llmcontract.core.hosts import is_loopback, normal_host
from pytest_llmcontract.core.locks import new_lock
from pytest_llmcontract.core.site import application_site

INSTALLED = Installed()
_UNDER_WAY: ContextVar[ApiRequest | None] = ContextVar("llmcontract_under_way", default=None)
"""The request for which httpcore connects, perhaps to a proxy."""
_lock = new_lock()


class Interception(AnyInterception):
    """Stops connections to guarded hosts while it is installed."""

    def install(self, *, outermost: bool = False) -> None:
        """Stop them from now on. It stands whole or not at all.

        Args:
            outermost: Whoever is installed already is asked first.
        """
        with _lock:
            if not INSTALLED:
                PATCHES.start()
            INSTALLED.add(self, outermost=outermost)

    def remove(self) -> None:
        """Let them pass again."""
        with _lock:
            if self in INSTALLED:
                INSTALLED.remove(self)
                if not INSTALLED:
                    PATCHES.stop()


def _refusal(host: str, request: ApiRequest | None = None) -> str | None:
    """Why nobody may connect to *host*, after whom it concerns was told; ``None``: it is nobody's business."""
    name = normal_host(host)
    if is_loopback(name) or (interception := INSTALLED.at_the_exit(name)) is None:
        return None
    shown = f"[{name}]" if ":" in name else name
    asked = request or heard("CONNECT", f"//{shown}", {}, b"", application_site())
    gateway = interception.gateway
    gateway.escaped(asked)
    stopped = f"pytest-llmcontract stopped a call to {name}: no client that is simulated made it"
    return gateway.blocked(name) or gateway.barred(name) or stopped


# Names and addresses.


def _patch_socket(module: Any) -> None:
    def wrap_look_up(below: Any) -> Any:
        @wraps(below)
        def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
            if host and not forwards_under_way() and (refusal := _refusal(_text(host))):
                raise socket.gaierror(socket.EAI_FAIL, refusal)
            return below(host, *args, **kwargs)

        return look_up

    def wrap_connect(below: Any) -> Any:
        @wraps(below)
        def connect(self: Any, address: Any) -> Any:
            named = self.family in (socket.AF_INET, socket.AF_INET6) and not forwards_under_way()
            if named and (refusal := _refusal(_text(address[0]))):
                raise ConnectionRefusedError(refusal)
            return below(self, address)

        return connect

    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
        PATCHES.replace(module, name, wrap_look_up)
    for name in ("connect", "connect_ex"):
        PATCHES.replace(module.socket, name, wrap_connect)


def _text(host: Any) -> str:
    return host.decode("latin-1") if isinstance(host, bytes | bytearray) else str(host)


# httpcore, which httpx has below it: here the request is still known, and who made it.


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
    if refusal := _refusal(request.host if request else _text(host), request):
        raise module.ConnectError(refusal)


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
    host = _text(request.url.host)
    if INSTALLED.at_the_exit(host) is None:
        return None
    fields = {_text(name): _text(value) for name, value in request.headers}
    scheme, path = _text(request.url.scheme), _text(request.url.target)
    return heard(_text(request.method), f"{scheme}://{host}{path}", fields, b"", application_site())


PATCHES = Patches({"socket": _patch_socket, "httpcore": _patch_httpcore, "httpcore2": _patch_httpcore})
