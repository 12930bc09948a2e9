"""The guard: which calls must not leave this machine, and what is said of one that would have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from pytest_llmcontract.core.facts.registry import provider_hosts, provider_names
from pytest_llmcontract.core.hosts import is_loopback, matches, service_at

if TYPE_CHECKING:
    from pytest_llmcontract.core.exchange import ApiRequest
    from pytest_llmcontract.core.findings.rules import Severity, Violation

Mode = Literal["fixture", "always", "network", "off"]


class Guard:
    """What may be called.

    Args:
        mode: ``network`` lets nothing but this machine be called, ``off`` everything; the others, which differ in the
            tests that they hold for, all but providers and well-known LLM services.
        allowed: Hosts that may be called nevertheless, perhaps with ``*``.
    """

    def __init__(self, mode: Mode = "fixture", allowed: Iterable[str] = ()) -> None:
        self.mode = mode
        self.allowed = tuple(allowed)

    def provider(self, host: str) -> str | None:
        """The provider that can be simulated at *host*."""
        return next((name for name in provider_names() if host in provider_hosts(name)), None)

    def blocked(self, host: str) -> str | None:
        """Why nobody may answer a call to *host*: it is a provider's; ``None``: somebody may."""
        provider = None if self._open(host) else self.provider(host)
        return provider and f"{_stopped(host)}: {provider} is not simulated in this test"

    def barred(self, host: str) -> str | None:
        """Why no connection to *host* may be opened; ``None``: it may."""
        if self._open(host):
            return None
        if service := self.provider(host) or service_at(host):
            return f"{_stopped(host)}: {service} would have been called for real"
        if self.mode == "network" and not is_loopback(host):
            return f"{_stopped(host)}: the guard lets nothing but this machine be called"
        return None

    def _open(self, host: str) -> bool:
        return self.mode == "off" or matches(host, self.allowed)

    def escape(self, request: ApiRequest, *, simulated: bool = False, whose: str | None = None) -> Violation:
        """The finding about a call that was stopped.

        Args:
            simulated: Its host is; the call went past the simulation.
            whose: The test, over by now, that left behind who made it.
        """
        from pytest_llmcontract.core.findings.rules import Violation

        host, provider = request.host, self.provider(request.host)
        name = provider or service_at(host) or "network"
        severity: Severity = "error" if whose is None else "warning"
        return Violation(
            "LLM204",
            f"{name}: a call to {host} would have left this machine"
            + (f"; it is of {whose}, which is over" if whose else ""),
            severity=severity,
            provider=provider or "",
            path="url",
            sent=f"{request.method} {request.url} by {request.client or 'an unnamed client'}",
            allowed="calls to simulated providers",
            fix=_fix(host, provider, simulated=simulated, whose=whose),
            site=request.site,
        )


def _stopped(host: str) -> str:
    return f"pytest-llmcontract stopped a call to {host}"


def _fix(host: str, provider: str | None, *, simulated: bool, whose: str | None) -> str:
    if whose is not None:
        return "end what that test started before it ends"
    if simulated:
        return "call by a client that is simulated: httpx, requests, urllib3, http.client or aiohttp"
    if provider is not None:
        asked = f"ask for the fixture {provider}_api, or open the guard with --llmcontract-guard=off"
        return f"{asked}\nor for this host alone: llmcontract_allow_hosts = {host} (ini)"
    return f"mock the call, or let it pass: llmcontract_allow_hosts = {host} (ini)"
