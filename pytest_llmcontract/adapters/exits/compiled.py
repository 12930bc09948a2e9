"""Clients and resolvers that open connections past Python's sockets: they are stopped where Python calls them.

What is compiled has its own sockets, its own look-up of names, often its own certificates; no audit event tells of
it. Its methods that take an address are functions of a module or of a class none the less, and are wrapped there.
"""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from types import ModuleType
from typing import Any

from pytest_llmcontract.adapters.exits.door import INSTALLED, detour_of, follows, look_up_refusal, text_of
from pytest_llmcontract.adapters.patches import Patches
from pytest_llmcontract.core.exchange import Detour
from pytest_llmcontract.core.site import named_package

CLIENTS = {
    "async_tls_client": "async_tls_client",
    "curl_cffi": "curl_cffi",
    "cycurl": "cycurl",
    "foghttp": "foghttp",
    "hrequests": "hrequests",
    "httpmorph": "httpmorph",
    "httpr": "httpr",
    "impit": "impit",
    "never_primp": "never_primp",
    "noble_tls": "noble_tls",
    "primp": "primp",
    "pycurl": "pycurl",
    "pyqwest": "pyqwest",
    "pyreqwest": "pyreqwest._pyreqwest",
    "rnet": "rnet",
    "ry": "ry",
    "tls_client": "tls_client",
    "wreq": "wreq",
}
"""Package -> the module of it whose import brings the others along."""

_CALL = re.compile(
    r"(?:^|_)(?:get|post|put|patch|delete|head|options|trace|request|stream|fetch|websocket|ws_connect|base_url"
    r"|execute|execute_sync)$"
)
_ADDRESS = re.compile(r"(?:https?|wss?)://", re.IGNORECASE)
_URL_OF_CURL = 10002
"""``CURLOPT_URL``: the one option that says whom to call."""
_ROOTS_OF_CURL = 10065
"""``CURLOPT_CAINFO``."""


def _stop(package: str, host: Any) -> Detour | None:
    """Where *host* is found instead, by a package that follows; ``None``: where it always is.

    Raises:
        ConnectionRefusedError: Nobody may call it.
    """
    if (detour := detour_of(host)) and follows(package):
        detour.expect()
        return detour
    if refused := look_up_refusal(host, client=named_package(package)):
        raise ConnectionRefusedError(refused)
    return None


# Clients.


def _patch_client(package: str) -> Callable[[Any], None]:
    def patch(module: Any) -> None:
        watched = sum(_watch(package, owner, name) for owner, name in set(_surface(module.__name__)))
        if interception := INSTALLED.innermost:
            interception.gateway.bypassing(named_package(package), watched=watched > 0)

    return patch


def _surface(root: str) -> Iterator[tuple[Any, str]]:
    """The classes and modules below the module *root*, each with the names in it that take an address."""
    modules = [module for name, module in list(sys.modules.items()) if f"{name}.".startswith(f"{root}.")]
    for module in modules:
        for name, value in list(vars(module).items()):
            if isinstance(value, type) and _is_of(root, value):
                yield from ((value, method) for method in vars(value) if _CALL.search(method) or method == "setopt")
            elif callable(value) and not isinstance(value, type) and _CALL.search(name):
                yield module, name


def _is_of(root: str, kind: type) -> bool:
    """Some compilers name a module that is none, or say of all their classes that they are builtins."""
    home = kind.__module__
    return f"{home}.".startswith(f"{root.partition('.')[0]}.") or (
        vars(sys.modules.get(home, builtins)).get(kind.__name__) is not kind
    )


def _watch(package: str, owner: Any, name: str) -> bool:
    """Wrap what *owner* has as *name*; False where it does not let itself be replaced."""
    there = vars(owner)[name]
    if not callable(there) or isinstance(there, type):
        return False
    try:
        PATCHES.replace(owner, name, _wrap_setopt(package) if name == "setopt" else _wrap_call(package))
    except TypeError:
        return False
    return True


def _wrap_call(package: str) -> Callable[[Any], Any]:
    def wrap(below: Any) -> Any:
        @wraps(below)
        def call(*args: Any, **kwargs: Any) -> Any:
            for given in (*args, *kwargs.values()):
                text = _text(given)
                if _ADDRESS.match(text):
                    _stop(package, text)
            return below(*args, **kwargs)

        return call

    return wrap


def _text(given: Any) -> str:
    if isinstance(given, str | bytes):
        return text_of(given)
    if type(given).__name__.endswith("Request"):  # made before it is sent
        given = getattr(given, "url", "")
    return str(given) if isinstance(given, str) or type(given).__name__.lower() == "url" else ""


def _wrap_setopt(package: str) -> Callable[[Any], Any]:
    def wrap(below: Any) -> Any:
        @wraps(below)
        def setopt(self: Any, option: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
            if option == _URL_OF_CURL and (detour := _stop(package, value)) and package == "pycurl":
                below(self, _ROOTS_OF_CURL, detour.roots)  # it reads them from no variable
            return below(self, option, value, *args, **kwargs)

        return setopt

    return wrap


def _patch_pycurl(module: Any) -> None:
    """Its class does not let its methods be replaced: a subclass takes its place."""

    def wrap(below: Any) -> Any:
        return type("Curl", (below,), {"setopt": _wrap_setopt("pycurl")(below.setopt), "__module__": "pycurl"})

    PATCHES.replace(module, "Curl", wrap)
    if interception := INSTALLED.innermost:
        interception.gateway.bypassing(named_package("pycurl"), watched=True)


# Resolvers.

_RESOLVERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "aiodns": (("DNSResolver",), ("getaddrinfo", "gethostbyname", "query", "query_dns")),
    "pycares": (("Channel",), ("getaddrinfo", "gethostbyname", "query", "search")),
    "dns.resolver": (("Resolver",), ("resolve", "query", "resolve_name")),
    "dns.asyncresolver": (("Resolver",), ("resolve", "resolve_name")),
}
"""Module -> classes, and their methods whose first argument is a name."""


def _patch_resolver(module: ModuleType) -> None:
    def wrap(below: Any) -> Any:
        @wraps(below)
        def look_up(self: Any, name: Any, *args: Any, **kwargs: Any) -> Any:
            _stop(module.__name__.partition(".")[0], name)
            return below(self, name, *args, **kwargs)

        return look_up

    kinds, methods = _RESOLVERS[module.__name__]
    for kind in filter(None, (getattr(module, name, None) for name in kinds)):
        for method in methods:
            if hasattr(kind, method):
                PATCHES.replace(kind, method, wrap)


PATCHES = Patches(
    {module: _patch_client(package) for package, module in CLIENTS.items()}
    | {"pycurl": _patch_pycurl}
    | dict.fromkeys(_RESOLVERS, _patch_resolver)
)
