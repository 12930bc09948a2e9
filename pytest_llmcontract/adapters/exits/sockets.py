"""Names and addresses: who looks one up, and who connects to it, with Python's sockets or with uvloop's."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from pytest_llmcontract.adapters.exits.audit import Events
from pytest_llmcontract.adapters.exits.door import detour_of, look_up_refusal
from pytest_llmcontract.adapters.patches import Patches
from pytest_llmcontract.core.exchange import Detour
from pytest_llmcontract.core.hosts import is_loopback, normal_host
from pytest_llmcontract.core.site import application_site

_INTERNET = (socket.AF_INET, socket.AF_INET6)


def _may_be_found(host: Any) -> None:
    """Raises:
    socket.gaierror: Nobody may ask for the address of *host*.
    """
    if host and (refused := look_up_refusal(host)):
        raise socket.gaierror(socket.EAI_FAIL, refused)


def _may_connect(sock: Any, address: Any) -> None:
    """Raises:
    ConnectionRefusedError: Nobody may connect to *address*, or to whom *sock* will ask there for a certificate.
    """
    if address is None or sock.family not in _INTERNET:
        return
    for host in _hosts(address[0], getattr(sock, "server_hostname", None)):
        if refused := look_up_refusal(host):
            raise ConnectionRefusedError(refused)


def _hosts(host: Any, named: Any) -> Iterator[Any]:
    """Whom a connection to *host* is for. Behind an address is who is *named* there, unless that is this machine."""
    yield host
    if named and host and not is_loopback(normal_host(str(host))):
        yield named


# Threads.


def _patch_socket(module: Any) -> None:
    def wrap_look_up(below: Any) -> Any:
        @wraps(below)
        def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
            if detour := detour_of(host):
                return below(detour.address, *args, **kwargs)
            _may_be_found(host)
            return below(host, *args, **kwargs)

        return look_up

    def wrap_connect(below: Any) -> Any:
        @wraps(below)
        def connect(self: Any, address: Any) -> Any:
            if self.family in _INTERNET and (detour := detour_of(address[0])):
                return _led(below, self, address, detour)
            _may_connect(self, address)
            return below(self, address)

        return connect

    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
        PATCHES.replace(module, name, wrap_look_up)
    for name in ("connect", "connect_ex"):
        PATCHES.replace(module.socket, name, wrap_connect)


def _led(below: Any, sock: Any, address: Any, detour: Detour) -> Any:
    try:
        return below(sock, detour.target(address[1]))
    finally:  # also where the connection is only begun
        detour.connected(sock.getsockname()[:2], application_site())


def _patch_ssl(module: Any) -> None:
    """A connection to an address that was found elsewhere is known by the name that its certificate shall have."""

    def wrap(below: Any) -> Any:
        @wraps(below)
        def wrap_socket(self: Any, sock: Any, *args: Any, **kwargs: Any) -> Any:
            named = kwargs.get("server_hostname")
            if detour := detour_of(named):
                detour.trusted_by(self)
            elif named and (peer := _peer(sock)):
                for host in _hosts(peer, named):
                    if refused := look_up_refusal(host):
                        raise ConnectionRefusedError(refused)
            return below(self, sock, *args, **kwargs)

        return wrap_socket

    def wrap_memory(below: Any) -> Any:
        @wraps(below)
        def wrap_bio(self: Any, *args: Any, **kwargs: Any) -> Any:
            if detour := detour_of(kwargs.get("server_hostname")):
                detour.trusted_by(self)
            return below(self, *args, **kwargs)

        return wrap_bio

    PATCHES.replace(module.SSLContext, "wrap_socket", wrap)
    PATCHES.replace(module.SSLContext, "wrap_bio", wrap_memory)


def _peer(sock: Any) -> str | None:
    try:
        return str(sock.getpeername()[0]) if sock.family in _INTERNET else None
    except OSError:
        return None


# Event loops, which look up and connect in threads or in C: here who asks is still on the stack.


def _wrap_look_up(below: Callable[..., Any]) -> Any:
    @wraps(below)
    async def getaddrinfo(*args: Any, **kwargs: Any) -> Any:
        host = next((given for given in (*args, kwargs.get("host")) if isinstance(given, str | bytes)), None)
        if detour := detour_of(host):
            kwargs = {name: detour.address if given is host else given for name, given in kwargs.items()}
            return await below(*(detour.address if given is host else given for given in args), **kwargs)
        _may_be_found(host)
        return await below(*args, **kwargs)

    return getaddrinfo


def _wrap_create_connection(below: Callable[..., Any]) -> Any:
    @wraps(below)
    async def create_connection(
        self: Any, protocol_factory: Any, host: Any = None, port: Any = None, **kwargs: Any
    ) -> Any:
        if detour_of(host):
            return await below(self, protocol_factory, host, port, **kwargs)
        there = host or (_peer(kwargs["sock"]) if kwargs.get("sock") is not None else None)
        for name in _hosts(there, kwargs.get("server_hostname")):
            _may_be_found(name)
        return await below(self, protocol_factory, host, port, **kwargs)

    return create_connection


def _patch_asyncio(module: Any) -> None:
    PATCHES.replace(module.BaseEventLoop, "getaddrinfo", _wrap_look_up)
    PATCHES.replace(module.BaseEventLoop, "create_connection", _wrap_create_connection)


def _patch_uvloop(module: Any) -> None:
    """It connects in C: it has to be told where."""

    def wrap_create_connection(below: Any) -> Any:
        refusing = _wrap_create_connection(below)

        @wraps(below)
        async def create_connection(self: Any, factory: Any, host: Any = None, port: Any = None, **kwargs: Any) -> Any:
            if (detour := detour_of(host)) is None:
                return await refusing(self, factory, host, port, **kwargs)
            if kwargs.get("ssl") and kwargs.get("server_hostname") is None:
                kwargs["server_hostname"] = host
            return await below(self, factory, *detour.target(port), **kwargs)

        return create_connection

    PATCHES.replace(module.Loop, "getaddrinfo", _wrap_look_up)
    PATCHES.replace(module.Loop, "sock_connect", _wrap_sock_connect)
    PATCHES.replace(module.Loop, "create_connection", wrap_create_connection)


def _wrap_sock_connect(below: Callable[..., Any]) -> Any:
    @wraps(below)
    async def sock_connect(self: Any, sock: Any, address: Any) -> Any:
        if sock.family in _INTERNET and (detour := detour_of(address[0])):
            return await below(self, sock, detour.target(address[1]))
        _may_connect(sock, address)
        return await below(self, sock, address)

    return sock_connect


def _patch_trio(module: Any) -> None:
    PATCHES.replace(module, "getaddrinfo", _wrap_look_up)  # below it is that of threads


PATCHES = Patches(
    {
        "socket": _patch_socket,
        "ssl": _patch_ssl,
        "asyncio.base_events": _patch_asyncio,
        "uvloop": _patch_uvloop,
        "trio.socket": _patch_trio,
        "trio._highlevel_open_tcp_stream": _patch_trio,
    }
)


# What Python itself tells.


def _looked_up(host: Any, *_: Any) -> None:
    _may_be_found(host)


EVENTS: Events = {
    "socket.getaddrinfo": _looked_up,
    "socket.gethostbyname": _looked_up,
    "socket.gethostbyaddr": _looked_up,
    "socket.connect": _may_connect,
    "socket.sendto": _may_connect,
    "socket.sendmsg": _may_connect,
}
