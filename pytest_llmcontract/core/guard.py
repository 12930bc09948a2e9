"""The guard: which calls must not leave this machine, and what is said of one that would have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

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

    @property
    def always(self) -> bool:
        """Whether it holds the whole session through, with a simulation and without."""
        return self.mode in ("always", "network")

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

    def escape(
        self, request: ApiRequest, *, simulated: bool = False, redirected: bool = False, whose: str | None = None
    ) -> Violation:
        """The finding about a call that was stopped.

        Args:
            simulated: Its host is; the call went past the simulation.
            redirected: Clients that no patch reaches are led to the simulation; this one did not follow.
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
            fix=_fix(host, provider, simulated=simulated, redirected=redirected, whose=whose),
            site=request.site,
        )

    def inherited(self, command: str, environ: Mapping[Any, Any], site: str, client: str) -> list[Violation]:
        """Findings about a child process that would take real keys along; as :meth:`.Gateway.inherited`.

        What the application starts is not started, and an error. What an installed package starts for itself may have
        nothing to do with a provider: it is started, and a warning.
        """
        from pytest_llmcontract.core.child import real_keys
        from pytest_llmcontract.core.findings.rules import Violation

        return [
            Violation(
                "LLM204",
                f"{provider}: a child process would take {key} along, a real key; what it calls nobody here sees",
                severity="warning" if client else "error",
                provider=provider,
                sent=f"{_named(command)}{f', started by {client}' if client else ''}",
                allowed="children whose keys are dummies",
                fix=f"start it with env={provider}_api.env: its calls are answered by the simulation\n"
                f"or without the key: env={{**os.environ, {key!r}: ''}}",
                site=site,
            )
            for provider, key in ([] if self.mode == "off" else real_keys(environ))
            if any(not self._open(host) for host in provider_hosts(provider))
        ]

    def distrusted(self, host: str) -> Violation:
        """The finding about a redirected client that does not trust our certificate of *host*."""
        from pytest_llmcontract.core.findings.rules import Violation

        provider = self.provider(host) or host
        return Violation(
            "LLM204",
            f"{provider}: a client does not trust the certificate that the redirect shows for {host}",
            provider=self.provider(host) or "",
            sent="it has roots of its own, or pins the provider's certificate",
            allowed="clients that read their roots from SSL_CERT_FILE, REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE",
            fix=f"let it trust the file that $SSL_CERT_FILE names, or have it call {provider}_api.url as its base URL",
        )

    def bypassing(self, client: str, *, watched: bool) -> Violation:
        """The finding about a client that opens connections past Python's sockets; as :meth:`.Gateway.bypassing`."""
        from pytest_llmcontract.core.findings.rules import Violation

        name = client.partition("/")[0]
        seen = "the guard sees its calls where Python makes them" if watched else "the guard does not see its calls"
        return Violation(
            "LLM204",
            f"{name} opens connections past Python's sockets: {seen}",
            severity="note" if watched else "warning",
            sent=f"import {name}",
            allowed="clients that are simulated",
            fix=f"have {name} call the url of the simulation (groq_api.url) as its base URL",
        )


def _named(command: str) -> str:
    from pytest_llmcontract.core.secrets import scrubbed
    from pytest_llmcontract.core.words import shortened

    return scrubbed(shortened(command.partition("\n")[0], 100))


def _stopped(host: str) -> str:
    return f"pytest-llmcontract stopped a call to {host}"


def _fix(host: str, provider: str | None, *, simulated: bool, redirected: bool, whose: str | None) -> str:
    if whose is not None:
        return "end what that test started before it ends"
    if simulated:
        return (
            "call by a client that is simulated: httpx, requests, urllib3, http.client or aiohttp\n"
            "(urllib3-future, which niquests puts in urllib3's place, and requests over it, are not)\n"
            f"or have this one call {provider}_api.url as its base URL"
            + ("" if redirected else ", or lead it to the simulation: --llmcontract-redirect=on")
        )
    if provider is not None:
        asked = f"ask for the fixture {provider}_api, or open the guard with --llmcontract-guard=off"
        return f"{asked}\nor for this host alone: llmcontract_allow_hosts = {host} (ini)"
    return f"mock the call, or let it pass: llmcontract_allow_hosts = {host} (ini)"
