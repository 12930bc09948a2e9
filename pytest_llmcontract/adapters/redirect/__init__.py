"""The redirect: simulated hosts are found on this machine, for clients that no patch reaches.

Their names are looked up to addresses that stand for them, and connections to these lead to a port that speaks TLS
with a certificate of ours; ``adapters/exits/`` asks for both where Python looks up, connects and makes a TLS
connection. Compiled clients have sockets of their own: most of them ask the proxy that ``HTTPS_PROXY`` names, and
read the roots that they trust from the file that ``SSL_CERT_FILE`` or one of its kind names.

Assumption: a compiled client reads these variables when it is made, or later.
"""

from __future__ import annotations

import os
import ssl
import sys
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, NamedTuple

from pytest_llmcontract.adapters.redirect.authority import Authority
from pytest_llmcontract.adapters.redirect.front import Address, Entered, Front, Ways
from pytest_llmcontract.core.site import application_site

FOLLOWING = frozenset({"curl_cffi", "impit", "primp", "pycurl", "pyqwest", "pyreqwest"})
"""Compiled clients that were seen to ask the proxy, and to trust the roots."""
_ROOTS = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_OURS = "_LLMCONTRACT_PROXY"
"""The proxy of the redirect whose environment this is: a worker of pytest-xdist has that of its controller."""
_FIRST = 0x7F530001
"""127.83.0.1: the addresses from here on stand for hosts. Nobody listens there."""
_LOOPS = frozenset({"run_forever", "unrolled_run"})


class Redirect:
    """The ways to the simulation past every patch, from now on until :meth:`stop`.

    Args:
        ways: Who is simulated, and where.
        bystander: Entered in each thread of the redirect, whose time is real.
        in_flight: Entered while a redirected call is under way, so that the virtual clock stands still meanwhile.
        outside: Entered while a redirected client is there, so that its timeouts alone do not move the clock.

    Raises:
        BadInput: trustme is not installed.
    """

    def __init__(self, ways: Ways, *, bystander: Entered, in_flight: Entered, outside: Entered) -> None:
        self.authority = Authority()
        self._ways = ways
        self._detours: dict[str, Detour] = {}
        self._addresses: dict[str, Detour] = {}
        self._callers: dict[Address, _Caller] = {}
        self._front = Front(ways, self.authority.context(), self._host_of, bystander, in_flight, outside)
        self._bundle = self.authority.bundle(_known_roots(os.environ))

    def stop(self) -> None:
        self._front.stop()
        with suppress(OSError):
            os.unlink(self._bundle)

    def environ(self, before: Mapping[str, str]) -> dict[str, str]:
        """What compiled clients are to find in their environment, *before* being there: a proxy of the user's stays."""
        found = dict.fromkeys(_ROOTS, self._bundle)
        if all(before.get(name) in (None, "", before.get(_OURS)) for name in _PROXIES):
            found |= dict.fromkeys((*_PROXIES[:2], _OURS), self._proxy)
        return found

    def leads(self, client: str, environ: Mapping[str, str]) -> bool:
        """Whether *client*, compiled, asks the proxy of this redirect and trusts its roots."""
        proxies = [environ[name] for name in _PROXIES if environ.get(name)]
        return client in FOLLOWING and all(proxy == self._proxy for proxy in proxies) and bool(proxies)

    @property
    def _proxy(self) -> str:
        return f"http://127.0.0.1:{self._front.proxy_port}"

    def detour(self, host: str) -> Detour:
        """For a simulated *host*."""
        if host not in self._detours:
            detour = Detour(self, host, _dotted(_FIRST + len(self._detours)), self._bundle)
            self._detours[host] = self._addresses[detour.address] = detour
        return self._detours[host]

    def behind(self, address: str) -> str | None:
        """The host for which *address* stands."""
        found = self._addresses.get(address)
        return found.host if found else None

    def port(self, host: str, asked: int) -> int:
        """The port of this machine that is *host*'s port *asked*."""
        return (self._ways.port_of(host) or 0) if asked == 80 else self._front.port

    def expect(self) -> None:
        """As :meth:`.Front.expect`."""
        self._front.expect()

    def connected(self, local: Address, host: str, site: str) -> None:
        self._callers[local] = _Caller(host, threading.get_ident(), site)
        if len(self._callers) > 4096:  # ports are used again
            del self._callers[next(iter(self._callers))]

    def caller(self, address: Address) -> Address:
        """As :meth:`.Front.caller`."""
        return self._front.caller(address)

    def waits(self, address: Address) -> AbstractContextManager[object]:
        """Entered while the simulation waits on the clock before it answers a call that comes from *address*."""
        hold = self._front.hold(address)
        return hold.paused() if hold else nullcontext()

    def answered(self, address: Address) -> None:
        """The call that comes from *address* is answered, or will never be."""
        if hold := self._front.hold(address):
            hold.answered()

    def site(self, address: Address) -> str:
        """The application's line that called on a connection that comes from *address*; "": unknown."""
        found = self._callers.get(self.caller(address))
        if found is None:  # a client with sockets of its own
            detour = self._detours.get(self._front.called(address))
            return detour.last_site if detour else ""
        frame = sys._current_frames().get(found.thread)
        return (application_site(frame) if frame and not _in_a_loop(frame) else "") or found.site

    def _host_of(self, address: Address) -> str:
        found = self._callers.get(address)
        return found.host if found else ""


class _Caller(NamedTuple):
    """Who connected."""

    host: str
    thread: int
    site: str


class Detour:
    """Where a simulated host is found."""

    def __init__(self, redirect: Redirect, host: str, address: str, roots: str) -> None:
        self.host = host
        self.address = address
        self.roots = roots
        self.last_site = ""
        self._redirect = redirect

    def target(self, port: int) -> Address:
        return "127.0.0.1", self._redirect.port(self.host, port)

    def trusted_by(self, context: ssl.SSLContext) -> None:
        self._redirect.authority.trusted_by(context)

    def expect(self) -> None:
        self._redirect.expect()

    def connected(self, local: Address, site: str) -> None:
        self._redirect.connected(local, self.host, site or self.last_site)


def _in_a_loop(frame: Any) -> bool:
    while frame is not None:
        if frame.f_code.co_name in _LOOPS:
            return True
        frame = frame.f_back
    return False


def _dotted(number: int) -> str:
    return ".".join(str(byte) for byte in number.to_bytes(4, "big"))


def _known_roots(environ: Mapping[str, str]) -> list[str]:
    """The files of roots that hold without the redirect."""
    named = [environ[name] for name in _ROOTS if environ.get(name)]
    found = [path for path in dict.fromkeys(named) if os.path.isfile(path)]
    default = ssl.get_default_verify_paths().cafile
    if not found and default:
        found.append(default)
    return found
