"""Who may pass: every exit asks here, with the host that is called, before anybody is asked for its address."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from typing import Any

from pytest_llmcontract.adapters.interception import Installed, forwards_under_way
from pytest_llmcontract.core.exchange import ApiRequest, Detour, heard
from pytest_llmcontract.core.hosts import is_loopback, normal_host
from pytest_llmcontract.core.site import application_site, called_library

INSTALLED = Installed()


def refusal(host: str, request: ApiRequest | None = None, *, client: str = "") -> str | None:
    """Why nobody may connect to *host*, after whom it concerns was told; ``None``: it is nobody's business.

    Args:
        request: What is called, where that is known.
        client: Who calls, ``niquests/3.21``; default what the application called.
    """
    name = normal_host(host)
    if is_loopback(name) or (interception := INSTALLED.at_the_exit(name)) is None:
        return None
    gateway = interception.gateway
    gateway.escaped(request or _connecting(name, client))
    known = None if gateway.owns(name) else gateway.blocked(name) or gateway.barred(name)
    return known or f"pytest-llmcontract stopped a call to {name}: no client that is simulated made it"


def look_up_refusal(host: Any, *, client: str = "") -> str | None:
    """As :func:`refusal`, where the name alone is known: a provider that is asked itself is looked up here too."""
    return None if not host or forwards_under_way() else refusal(text_of(host), client=client)


def detour_of(host: Any) -> Detour | None:
    """Where *host* is found instead; ``None``: where it always is."""
    if not host or forwards_under_way() or (found := INSTALLED.detour(text_of(host))) is None:
        return None
    found.last_site = site_here() or found.last_site
    return found


def follows(client: str) -> bool:
    """Whether *client*, with sockets of its own, goes where a host is found instead."""
    interception = INSTALLED.innermost
    return interception is not None and interception.gateway.follows(client)


def child_refusal(command: str, environ: Mapping[Any, Any], client: str) -> str | None:
    """Why no child process may be started with *environ*; ``None``: one may.

    Args:
        client: The installed package that starts it; "": the application itself.
    """
    interception = INSTALLED.innermost
    return interception.gateway.inherited(command, environ, site_here(), client) if interception else None


def _connecting(name: str, client: str) -> ApiRequest:
    shown = f"[{name}]" if ":" in name else name
    return heard("CONNECT", f"//{shown}", {"user-agent": client or called_library() or "socket"}, b"", site_here())


def site_here() -> str:
    """The application's line behind what happens here; in a thread that has none, the one that waits for it."""
    return application_site() or application_site(sys._current_frames().get(threading.main_thread().ident or 0))


def text_of(host: Any) -> str:
    return host.decode("latin-1") if isinstance(host, bytes | bytearray) else str(host)
