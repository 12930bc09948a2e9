"""What travels between a client and a provider, as frozen values: nothing here knows an HTTP library.

An adapter turns its library's request into an :class:`ApiRequest`, asks the simulation, and turns the
:class:`ApiReply` (or :class:`Disconnect`) back. A delay is in *virtual* seconds and is waited out by the adapter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "x-api-key", "api-key", "cookie"})


class Headers(Mapping[str, str]):
    """Header fields by name, whatever the case; a later duplicate wins."""

    __slots__ = ("_fields",)

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = {name.lower(): value for name, value in fields.items()}

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return repr(self._fields)


def masked(headers: Mapping[str, str]) -> Headers:
    """The headers with every credential replaced by ``***``; the scheme of ``Authorization`` stays.

    Adapters call this before anything else sees a request, so that no key can reach a report.
    """
    shown = Headers(headers)
    for name in SECRET_HEADERS & shown._fields.keys():
        shown._fields[name] = _mask(shown._fields[name])
    return shown


def _mask(value: str) -> str:
    scheme, _, secret = value.strip().partition(" ")
    if not secret:
        return "***" if scheme and scheme.lower() != "bearer" else scheme
    return f"{scheme} ***" if secret.strip() else scheme


_NOT_YET = object()


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One HTTP request as the provider would receive it."""

    method: str
    """Upper case."""
    url: str
    """Absolute, with query."""
    headers: Headers
    """Credentials are masked already (:func:`masked`)."""
    body: bytes = b""
    site: str = ""
    """The application's own line, ``app/client.py:41 in ask``; empty if no such frame was on the stack."""

    _parsed: Any = field(default=_NOT_YET, init=False, repr=False, compare=False)

    # No cached_property: with Python 3.11 it takes a lock each time, and a dict for every request of a long test.

    @property
    def json(self) -> Any:
        """The parsed body, or ``None`` if it is empty or no JSON."""
        if self._parsed is _NOT_YET:
            object.__setattr__(self, "_parsed", _json_or_none(self.body))
        return self._parsed

    def forget(self) -> None:
        """Keep the bytes of the body only; it is parsed again when somebody asks."""
        object.__setattr__(self, "_parsed", _NOT_YET)

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def client(self) -> str:
        """The SDK and its version, ``groq-python 1.7.0``, as far as the user agent tells."""
        agent = self.headers.get("user-agent", "")
        if sdk := re.match(r"(?:Async)?([A-Za-z]+)/Python (\S+)", agent):
            return f"{sdk[1].lower()}-python {sdk[2]}"
        name, _, version = agent.split(" ")[0].partition("/")
        return f"{name} {version}".strip()


def _json_or_none(text: str | bytes) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One piece of a streamed body, sent as a whole."""

    data: bytes
    delay: float = 0.0
    """Virtual seconds before it is sent."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The connection broke: before a reply, or in the middle of one (:attr:`ApiReply.cut`)."""

    how: Literal["disconnect", "stall", "refused"] = "disconnect"
    """``stall`` never sends again: the client's own read timeout ends it."""
    delay: float = 0.0
    """Virtual seconds before it happens."""


@dataclass(frozen=True, slots=True)
class ApiReply:
    """One HTTP reply as the client would receive it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    events: tuple[StreamEvent, ...] | None = None
    """The pieces of a streamed body, in place of ``body``."""
    cut: Disconnect | None = None
    """How a stream ends too early, after its last event."""
    delay: float = 0.0
    """Virtual seconds before the status line."""
    error: str | None = None
    """Name in the provider's error catalogue; ``None`` for a success."""
    scripted: bool = False
    """True if the test asked for exactly this reply."""

    @property
    def text(self) -> str:
        """The body as text, a stream's pieces joined; what is no UTF-8 is replaced."""
        raw = self.body if self.events is None else b"".join(event.data for event in self.events)
        return raw.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        """The parsed body, or ``None`` if it is no JSON (a stream, an HTML error page)."""
        return _json_or_none(self.text)

    @property
    def retry_after(self) -> float | None:
        """The ``retry-after`` header in seconds, or ``None``."""
        try:
            return float(self.headers["retry-after"])
        except (KeyError, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. Cached tokens are part of the input tokens."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


class Gateway(Protocol):
    """What an adapter needs from a simulation. Hosts are lower case, without a port."""

    def owns(self, host: str) -> bool:
        """True for a simulated host: :meth:`answer` answers it. Asked for every request of the process: be quick."""
        ...

    def answer(self, request: ApiRequest) -> ApiReply | Disconnect: ...

    def finished(self, reply: ApiReply) -> None:
        """A streamed *reply* was read to its end, broke or was closed; told once a stream."""
        ...

    def blocked(self, host: str) -> str | None:
        """Why a call to *host* must not leave: a provider's host that nobody simulates. ``None``: let it through."""
        ...

    def escaped(self, request: ApiRequest) -> None:
        """A call to a blocked host was stopped."""
        ...
