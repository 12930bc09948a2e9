"""Calls that met no reply at all: which fault of the connection an exception's words mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from pytest_llmcontract.core.facts.load import edition_date, edition_on
from pytest_llmcontract.core.facts.registry import provider_names, title_of
from pytest_llmcontract.reproduce.paste import without_prefixes
from pytest_llmcontract.reproduce.requests import chat, default_model
from pytest_llmcontract.reproduce.scenario import Fault, Request, Scenario
from pytest_llmcontract.reproduce.signs import owner_of

# What is the most telling first: a chain of exceptions ends in "Connection error.", whatever began it.
_FAULTS = (
    (
        "dns_error",
        r"ENOTFOUND|EAI_AGAIN|getaddrinfo|gaierror|[Nn]ame or service not known|name resolution|nodename nor servname"
        r"|NameResolutionError|Failed to resolve|no such host|No address associated",
        "ConnectError",
    ),
    (
        "connect_timeout",
        r"ConnectTimeout|UND_ERR_CONNECT_TIMEOUT|[Cc]onnect(?:ion)? timed? ?out|ConnectionTimeoutError"
        r"|timed out while connecting",
        "ConnectTimeout",
    ),
    (
        "connection_reset",
        r"ConnectionReset|ECONNRESET|[Cc]onnection reset|RemoteProtocolError|[Ss]erver disconnected|socket hang up"
        r"|Connection aborted|RemoteDisconnected|BrokenPipe|EPIPE|httpx\.ReadError|httpcore\.ReadError|UND_ERR_SOCKET"
        r"|peer closed connection|other side closed|ServerDisconnectedError",
        "ReadError",
    ),
    (
        "read_timeout",
        r"ReadTimeout|[Rr]ead timed out|[Rr]equest timed out|APITimeoutError|APIConnectionTimeoutError"
        r"|UND_ERR_HEADERS_TIMEOUT|UND_ERR_BODY_TIMEOUT|ETIMEDOUT"
        r"|ESOCKETTIMEDOUT|timeout of \d+ ?ms exceeded|The operation timed out",
        "ReadTimeout",
    ),
    (
        "connect_error",
        r"APIConnectionError|Connection error\.|ECONNREFUSED|[Cc]onnection refused|ConnectError"
        r"|All connection attempts failed|ClientConnectorError|NewConnectionError|fetch failed"
        r"|Error communicating with API|ENETUNREACH"
        r"|Max retries exceeded|Failed to connect to",
        "ConnectError",
    ),
)
_PATTERNS = tuple((name, re.compile(pattern), exception) for name, pattern, exception in _FAULTS)


@dataclass(frozen=True)
class Connection:
    """A call that meets no reply."""

    scenario: Scenario
    exception: str
    """What httpx raises."""
    notes: tuple[str, ...]
    text: str

    def with_notes(self, *notes: str) -> Connection:
        return Connection(self.scenario, self.exception, (*self.notes, *notes), self.text)


def connection_in(text: str, provider: str | None, edition: str | None) -> Connection | None:
    """The fault of the connection that *text* tells of, if it is one, and nobody else's."""
    text = without_prefixes(text)
    fault = next(((name, exception) for name, pattern, exception in _PATTERNS if pattern.search(text)), None)
    owner = owner_of(text, text, "")
    if fault is None or (provider is None and owner.other is not None):
        return None
    named = provider or next((name for name in provider_names() if name in owner.providers), None)
    name = named or provider_names()[0]
    notes = [] if named else [f"The text names no provider: {title_of(name)} is taken (--provider decides)."]
    day: date = edition_date(name, edition)
    scenario = Scenario(
        name, day, fault[0], Request(body=chat(default_model(edition_on(name, day)))), fault=Fault(fault[0])
    )
    return Connection(scenario, fault[1], tuple(notes), text)
