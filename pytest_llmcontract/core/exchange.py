"""What travels between a client and a provider, as frozen values: nothing here knows an HTTP library.

An adapter turns its library's request into an :class:`ApiRequest`, asks the simulation, and turns the
:class:`ApiReply` (or :class:`Disconnect`) back. A delay is in *virtual* seconds and is waited out by the adapter.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Callable, Hashable, ItemsView, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, Protocol, TypeVar, overload
from urllib.parse import urlsplit

from pytest_llmcontract.core.hosts import normal_host
from pytest_llmcontract.core.secrets import has_secrets, is_secret, masked_value, says_secret, scrubbed, without_user

T = TypeVar("T", bound=Hashable)


class Headers(Mapping[str, str]):
    """Header fields by name, whatever the case; a later duplicate wins.

    A long test keeps very many of them that are nearly alike, so their names are kept once.
    """

    __slots__ = ("_places", "_values")

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._places = _places(tuple(fields))
        self._values = tuple(fields.values())

    def __getitem__(self, name: str) -> str:
        return self._values[self._places[name.lower()]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def items(self) -> ItemsView[str, str]:
        # The inherited one looks up name after name: every reply is read so.
        return {name: self._values[place] for name, place in self._places.items()}.items()

    def __repr__(self) -> str:
        return scrubbed(repr(dict(self)))


@lru_cache(maxsize=1024)
def _secret_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of *names* that a credential may stand under."""
    return tuple(name for name in names if says_secret(name))


@lru_cache(maxsize=1024)
def _places(names: tuple[str, ...]) -> Mapping[str, int]:
    """Lower-case name -> index of its value; the same object for the same *names*."""
    return {name.lower(): index for index, name in enumerate(names)}


def masked(headers: Mapping[str, str]) -> Headers:
    """The headers with what their names call a credential replaced by ``***``; a known scheme, ``Bearer``, stays.

    Adapters call this before anything else sees a request, so that no key can reach a report.
    """
    return _masked(Headers(headers))


def _masked(shown: Headers) -> Headers:
    """*shown* itself, with its credentials replaced."""
    values = list(shown._values)
    for name in _secret_names(tuple(shown._places)):
        place = shown._places[name]
        if is_secret(name, values[place]):
            values[place] = masked_value(values[place])
    # Each of them kept_once() too: there are some twenty in every request.
    shown._values = kept_once(tuple([_REPEATED.setdefault(value, value) for value in values]))
    return shown


_REPEATED: dict[Any, Any] = {}


def kept_once(value: T) -> T:
    """*value*, as the one object that all its repetitions share: for what most calls of a long test have in common."""
    if len(_REPEATED) >= 4096:  # what does not repeat must not stay for ever
        _REPEATED.clear()
    shared: T = _REPEATED.setdefault(value, value)
    return shared


_NOT_YET = object()


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One HTTP request as the provider would receive it."""

    method: str
    """Upper case."""
    url: str
    """Absolute, with query; credentials are masked already (:func:`.secrets.without_user`)."""
    headers: Headers
    """Credentials are masked already (:func:`masked`)."""
    body: bytes = b""
    site: str = ""
    """The application's own line, ``app/client.py:41 in ask``; empty if no such frame was on the stack."""

    key_mark: int = field(default=0, repr=False, compare=False)
    """Tells its credential from others, and gives none of it away (:func:`key_mark`); 0: it has none."""
    reached: str = field(default="", repr=False, compare=False)
    """What the caller has in place of the scheme and host of :attr:`url`, if that is not what it called."""
    line: int = field(default=0, repr=False, compare=False)
    """Of a request that came to a server: the number of its connection among those that are open, from 1. No stack of
    this process tells who asked; 0: the stack does."""
    _parsed: Any = field(default=_NOT_YET, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("method", "url", "site"):
            object.__setattr__(self, name, kept_once(getattr(self, name)))

    def __repr__(self) -> str:
        """Without secrets: a failing assertion prints it."""
        shown = f"method={self.method!r}, url={self.url!r}, headers={self.headers!r}, body={_shown(self.body)}"
        return scrubbed(f"ApiRequest({shown}, site={self.site!r})")

    # No cached_property: with Python 3.11 it takes a lock each time, and a dict for every request of a long test.

    @property
    def json(self) -> Any:
        """The parsed body, or ``None`` if it is empty or no JSON that a provider would read."""
        if self._parsed is _NOT_YET:
            object.__setattr__(self, "_parsed", _sent_json(self.body))
        return self._parsed

    def forget(self) -> None:
        """Keep the bytes of the body only; it is parsed again when somebody asks."""
        object.__setattr__(self, "_parsed", _NOT_YET)

    @property
    def origin(self) -> str:
        """Where the caller has this provider: what addresses begin with that lead back to it."""
        parts = urlsplit(self.url)
        return self.reached or f"{parts.scheme}://{parts.netloc}"

    @property
    def host(self) -> str:
        """In the form in which hosts are compared."""
        return _located(self.url)[0]

    @property
    def path(self) -> str:
        return _located(self.url)[1]

    @property
    def client(self) -> str:
        """The SDK and its version, ``groq-python 1.7.0``, as far as the user agent tells."""
        agent = self.headers.get("user-agent", "")
        if sdk := re.match(r"(?:Async)?([A-Za-z]+)/Python (\S+)", agent):
            return f"{sdk[1].lower()}-python {sdk[2]}"
        name, _, version = agent.split(" ")[0].partition("/")
        return f"{name} {version}".strip()


LONGEST_REPR = 4096
"""Bytes of a body that a ``repr`` shows."""


def _shown(body: bytes) -> str:
    more = f"… {len(body) - LONGEST_REPR:,} more bytes" if len(body) > LONGEST_REPR else ""
    # As text: what letters beyond ASCII look like escaped, no secret can be told from.
    return f"b{scrubbed(body.decode('utf-8', 'replace'))[:LONGEST_REPR]!r}{more}"


# Python reads more than JSON, and more than other languages have: NaN, numbers beyond what a float holds, halves of
# surrogate pairs. A provider refuses them as it refuses what is no JSON at all.
_DOUBTFUL = re.compile(rb"[0-9]{300}|[0-9][eE]\+?[0-9]{3}|NaN|Infinity|\\u[dD][89a-fA-F]")
_MARK = b"\xef\xbb\xbf"
"""What some put before UTF-8."""


def _sent_json(body: bytes) -> Any:
    try:
        text = body.removeprefix(_MARK).decode()  # Python reads UTF-16 and UTF-32 as well, and no provider does
    except UnicodeDecodeError:
        return None
    parsed = _json_or_none(text)
    return parsed if parsed is None or not _DOUBTFUL.search(body) or can_travel(parsed) else None


NO_JSON = "what no JSON can: NaN, a number beyond 10^300, or half of a surrogate pair"
"""What :func:`can_travel` finds."""


def can_travel(value: Any) -> bool:
    """Whether other languages read *value* as JSON too: no half of a surrogate pair, no NaN, no endless number."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=dict).encode()
    except (ValueError, RecursionError):
        return False
    except TypeError:
        return True  # no JSON at all: not for us to judge
    return not re.search(rb"[:\[, \n]-?[0-9]{300}", b" " + text) or all(map(_has_float, _numbers(value)))


def _numbers(value: Any) -> Iterator[Any]:
    if isinstance(value, int):
        yield value
    for inner in value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ():
        yield from _numbers(inner)


def _has_float(number: int) -> bool:
    return abs(number) < 10**300


def heard(
    method: str, url: str, fields: Mapping[str, str], body: bytes, site: str, *, reached: str = "", line: int = 0
) -> ApiRequest:
    """A request as an adapter met it: nothing that sees it has seen its credentials, in header fields or address."""
    headers = Headers(fields)
    mark = key_mark(headers.get("authorization", ""))
    return ApiRequest(method, _address(url), _masked(headers), body, site, mark, reached, line)


def key_mark(key: str) -> int:
    """What tells one credential from another in this process, with or without its scheme; no way leads back to it."""
    return hash(key.rpartition(" ")[2]) if key else 0


@lru_cache(maxsize=1024)
def _address(url: str) -> str:
    return without_user(url)


@lru_cache(maxsize=1024)
def _located(url: str) -> tuple[str, str]:
    """Host, in normal form, and path."""
    parts = urlsplit(url)
    return normal_host(parts.hostname or ""), parts.path


def _json_or_none(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One piece of a streamed body, sent as a whole."""

    data: bytes
    delay: float = 0.0
    """Virtual seconds before it is sent."""


class StreamEvents(Sequence[StreamEvent]):
    """The pieces of a streamed body, kept as one text: a long test keeps very many of them.

    Args:
        data: The pieces.
        delays: Of each, as :attr:`StreamEvent.delay`.
    """

    __slots__ = ("_delays", "_lengths", "data")

    def __init__(self, data: Sequence[bytes], delays: Iterable[float]) -> None:
        self.data = b"".join(data)
        self._lengths = array("I", [len(piece) for piece in data])
        self._delays = kept_once(tuple(delays))

    def __iter__(self) -> Iterator[StreamEvent]:
        end = 0
        for length, delay in zip(self._lengths, self._delays, strict=True):
            start, end = end, end + length
            yield StreamEvent(self.data[start:end], delay)

    @overload
    def __getitem__(self, index: int) -> StreamEvent: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[StreamEvent, ...]: ...
    def __getitem__(self, index: int | slice) -> StreamEvent | tuple[StreamEvent, ...]:
        return tuple(self)[index]

    def __len__(self) -> int:
        return len(self._lengths)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(self.data)

    def __repr__(self) -> str:
        # A secret may be cut in two: then the pieces are shown as one.
        hidden = has_secrets(self.data.decode("utf-8", "replace"))
        return f"StreamEvents({_shown(self.data)}, {len(self)} pieces)" if hidden else repr(tuple(self))


How = Literal["disconnect", "stall", "connection_reset", "connect_error", "connect_timeout", "dns_error"]
"""What breaks a connection. The last three are met before anything was sent."""

BEFORE_SENDING: frozenset[How] = frozenset({"connect_error", "connect_timeout", "dns_error"})
"""What a client meets before it could send anything, and who has reached a server not any more."""

CONNECTION_FAULTS: Mapping[str, How] = {
    "connect_error": "connect_error",
    "connect_timeout": "connect_timeout",
    "read_timeout": "stall",
    "connection_reset": "connection_reset",
    "dns_error": "dns_error",
}
"""The faults of a connection that a test scripts, by name -> what happens then."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The connection broke: before a reply, or in the middle of one (:attr:`ApiReply.cut`)."""

    how: How = "disconnect"
    """``stall`` never sends again: the client's own read timeout ends it. A ``connect_timeout`` is the same before
    there is a connection."""
    delay: float = 0.0
    """Virtual seconds before it happens."""


@dataclass(frozen=True, slots=True)
class ApiReply:
    """One HTTP reply as the client would receive it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    events: Sequence[StreamEvent] | None = None
    """The pieces of a streamed body, in place of ``body``."""
    cut: Disconnect | None = None
    """How a stream ends too early, after its last event."""
    delay: float = 0.0
    """Virtual seconds before the status line."""
    error: str | None = None
    """Name in the provider's error catalogue; ``None`` for a success."""
    scripted: bool = False
    """True if the test asked for exactly this reply."""

    def __repr__(self) -> str:
        """Without secrets, as that of a request."""
        content = f"body={_shown(self.body)}" if self.events is None else f"events={self.events!r}"
        shown = f"{self.status}, headers={dict(self.headers)!r}, {content}, cut={self.cut!r}, delay={self.delay!r}"
        return scrubbed(f"ApiReply({shown}, error={self.error!r}, scripted={self.scripted!r})")

    def __post_init__(self) -> None:
        if self.events is not None and not isinstance(self.events, StreamEvents):
            packed = StreamEvents([event.data for event in self.events], [event.delay for event in self.events])
            object.__setattr__(self, "events", packed)

    @property
    def text(self) -> str:
        """The body as text, a stream's pieces joined; what is no UTF-8 is replaced."""
        raw = self.events.data if isinstance(self.events, StreamEvents) else self.body
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


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """Send the request on to the provider itself: its answer is to be recorded."""

    answered: Callable[[ApiReply | Disconnect], None]
    """To be told once what came back, whole: a stream as the pieces it came in."""


FORWARDING: ContextVar[bool] = ContextVar("llmcontract_forwarding", default=False)
"""True while an adapter sends a request on, so that the layer below it (aiohttp below httpx) lets it pass."""


UsageSource = Literal["reported", "scripted", "estimated", "assumed"]
"""Where a number of tokens comes from, the surest first: a recording of the provider reported it; the test scripted it;
the simulator counted a known text; the simulator made the answer up and so its length."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one call used. Cached tokens are part of the input tokens."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    seconds: float = 0
    """Of sound that was listened to."""
    characters: int = 0
    """That were spoken."""
    tools: tuple[str, ...] = ()
    """Built-in tools that the provider ran, each time anew."""
    parts: tuple[tuple[str, int, int], ...] = ()
    """Of a system of several models: which used how many tokens of input and of output."""
    source: UsageSource = field(default="estimated", compare=False)
    """Where the least sure of these figures comes from."""

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


class Detour(Protocol):
    """Where a simulated host is found on this machine, for who connects by himself."""

    address: str
    """What stands for it: nobody listens there, but connections to it are led to :meth:`target`."""
    last_site: str
    """The application's line that looked it up last."""
    roots: str
    """The file of roots that a client has to trust which finds it."""

    def target(self, port: int) -> tuple[str, int]:
        """Where its *port* is."""
        ...

    def trusted_by(self, context: Any) -> None:
        """Let an ``ssl.SSLContext`` trust what is found there."""
        ...

    def expect(self) -> None:
        """A client with sockets of its own is about to connect to it."""
        ...

    def connected(self, local: tuple[str, int], site: str) -> None:
        """A line of the application has connected to it from the address *local*."""
        ...


class Gateway(Protocol):
    """What an adapter needs from a simulation. Hosts come in their normal form (:func:`.hosts.normal_host`)."""

    def owns(self, host: str) -> bool:
        """True for a simulated host: :meth:`answer` answers it. Asked for every request of the process: be quick."""
        ...

    def answer(self, request: ApiRequest) -> ApiReply | Disconnect | Forward: ...

    def finished(self, reply: ApiReply) -> None:
        """A streamed *reply* was read to its end, broke or was closed; told once a stream."""
        ...

    def blocked(self, host: str) -> str | None:
        """Why a call to *host* must not leave: a provider's host that nobody simulates. ``None``: let it through."""
        ...

    def barred(self, host: str) -> str | None:
        """Why no connection to *host* may be opened, though others may answer for it: a well-known LLM service, or
        any but this machine. ``None``: it may."""
        ...

    def escaped(self, request: ApiRequest) -> None:
        """A call to a blocked or barred host was stopped."""
        ...

    def detour(self, host: str) -> Detour | None:
        """Where *host*, or the host that this address stands for, is found instead. ``None``: nowhere."""
        ...

    def follows(self, client: str) -> bool:
        """Whether *client*, ``pyreqwest``, with sockets of its own, finds simulated hosts where they are redirected."""
        ...

    def inherited(self, command: str, environ: Mapping[Any, Any], site: str, client: str) -> str | None:
        """Why no child process may be started with *environ*, a real key being in it; ``None``: one may.

        Args:
            command: What is started.
            site: By which line.
            client: By which installed package; "": by the application itself.
        """
        ...

    def bypassing(self, client: str, *, watched: bool) -> None:
        """*client*, ``pyreqwest/0.15.1``, is there, which opens connections past Python's sockets.

        Args:
            watched: Its calls are seen none the less, where Python makes them.
        """
        ...

    def passed_over(self, request: ApiRequest, mock: str) -> None:
        """*mock* of the user's would have answered *request* too, and was not asked."""
        ...

    def passed(self, request: ApiRequest) -> None:
        """A call that looks like one to a model went to somebody else; told before it is sent."""
        ...
