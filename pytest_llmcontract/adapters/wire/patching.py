"""The patches: thin wrappers that look at the host, and pass on what is nobody's business."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from pytest_llmcontract.adapters.patches import Patches
from pytest_llmcontract.adapters.wire.installed import INSTALLED
from pytest_llmcontract.adapters.wire.sockets import Socket, plug_in, target_of, unplug
from pytest_llmcontract.core.exchange import FORWARDING, heard
from pytest_llmcontract.core.hosts import normal_host
from pytest_llmcontract.core.site import application_site


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
        def initialise(self: Any, *args: Any, **kwargs: Any) -> None:
            _cover(type(self))
            below(self, *args, **kwargs)

        return initialise

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

    PATCHES.replace(root, "__init__", wrap_init)
    PATCHES.replace(root, "putrequest", wrap_putrequest)
    for kind in _subclasses(root):
        _cover(kind)


def _subclasses(root: Any) -> list[Any]:
    return [root, *(kind for child in root.__subclasses__() for kind in _subclasses(child))]


def _cover(kind: Any) -> None:
    """Every class that connects in a way of its own asks us first: ``HTTPSConnection``, and an application's."""
    for owner in kind.__mro__:
        there = owner.__dict__.get("connect")
        if there is not None and not getattr(there, "_asks_first", False) and owner.__module__ != "vcr.stubs":
            PATCHES.replace(owner, "connect", _wrap_connect)
        there = owner.__dict__.get("is_connected")
        if isinstance(there, property) and not getattr(there.fget, "_asks_first", False):
            PATCHES.replace(owner, "is_connected", _wrap_is_connected)


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
    if method == "POST" and not FORWARDING.get() and (interception := INSTALLED.innermost):
        interception.told(heard(method, url, {}, b"", application_site()))


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

    PATCHES.replace(module.TCPConnector, "_create_connection", wrap)


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

    PATCHES.replace(module.Cassette, "can_play_response_for", unless_ours(False))
    PATCHES.replace(module.Cassette, "filter_request", unless_ours(None))
    PATCHES.replace(module.Cassette, "append", unless_ours(None))


PATCHES = Patches(
    {
        "http.client": _patch_http_client,
        "aiohttp.connector": _patch_aiohttp,
        "vcr.cassette": _patch_cassettes,
    }
)
