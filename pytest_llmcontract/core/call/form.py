"""A provider's form: what its package must be able to say, and the tools to say it with.

Steps and operations decide *what* is answered; a :class:`Form` puts one kind of answer into one provider's shape, its
:class:`Envelope` what all replies of the provider share. Everything that is a number, a text or a date comes from the
edition's data; a form holds only what data cannot say.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol

from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.facts.dialect import Dialect
from pytest_llmcontract.core.facts.records import ErrorSpec

DONE = b"data: [DONE]\n\n"
"""The event that ends a whole stream (``Operation.says_done``)."""


class Form(Protocol):
    """The shape of one operation's answers: JSON, unless it says otherwise in ``turn.content_type``."""

    def body(self, turn: Turn, answer: Any) -> bytes:
        """The whole body."""


class StreamForm(Form, Protocol):
    """Of an operation that streams too (``Operation.streams``)."""

    def events(self, turn: Turn, answer: Any) -> Iterator[bytes]:
        """The events of a stream, without ``[DONE]``."""


class TypedForm:
    """Of an operation whose answers are no JSON, whoever makes them: a test that scripts a body, too."""

    def type_of(self, turn: Turn) -> str:
        """The content type; empty: the provider's usual one."""
        raise NotImplementedError


class Envelope(Protocol):
    """What all replies of one provider share."""

    forms: Mapping[str, Form]
    """By operation; one that has no form here is not simulated."""

    def request_id(self, moment: datetime) -> str:
        """A new id for a request of that moment."""

    def new_id(self, kind: str, moment: datetime) -> str:
        """A new id for something that lasts, made at that moment: a ``file``, a ``batch`` …"""

    def encoded(self, body: Any) -> bytes:
        """JSON in the provider's layout; text and bytes as they are."""

    def refusal(self, turn: Turn, spec: ErrorSpec, values: Mapping[str, Any], message: str | None) -> bytes:
        """The body of an error, its placeholders filled; *message* replaces its text."""

    def error_events(self, turn: Turn, spec: ErrorSpec) -> Iterator[bytes]:
        """The events with which a stream breaks off in the error *spec*."""

    def shortage_error(self, turn: Turn) -> str:
        """Which error of the catalogue refuses for ``turn.shortage``."""

    def shortage_values(self, turn: Turn) -> Mapping[str, Any]:
        """What fills the text of a refusal by a limit (``turn.shortage``)."""

    def headers(self, turn: Turn, status: int, body: bytes | None) -> dict[str, str]:
        """All headers of a reply; *body* is ``None`` for a stream."""


RAY_EPOCH, RAY_SECONDS = 1_350_000_000, 0.16
"""``cf-ray`` begins with the time since then, in these steps: a line through 1,810 recorded replies that say when they
were created (2025-01 to 2026-05), none more than 40 s off it."""


class Ids:
    """Ids that look right and come out the same in every run."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def hex(self, digits: int) -> str:
        return f"{self._random.getrandbits(4 * digits):0{digits}x}"

    def letters(self, count: int, alphabet: str) -> str:
        # One draw for all of them: choices() takes several times as long.
        size = len(alphabet)
        return "".join([alphabet[byte % size] for byte in self._random.randbytes(count)])

    def number(self, bits: int) -> int:
        return self._random.getrandbits(bits)

    def ray(self, moment: datetime) -> str:
        """The id that Cloudflare gives a request: 16 digits, of which the first eight count the time."""
        ticks = int((moment.timestamp() - RAY_EPOCH) / RAY_SECONDS) % 2**32
        return f"{ticks:08x}{self.hex(8)}"

    def uuid(self) -> str:
        h = self.hex(32)
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-{'89ab'[int(h[16], 16) % 4]}{h[17:20]}-{h[20:]}"


_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def compact(value: Any) -> str:
    """JSON without a space, other alphabets as they are."""
    return _compact(value)


def event(body: Any, name: str = "") -> bytes:
    """One event of a stream with *body* as its data: JSON on one line, bare words on as many as they have."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    lines = text.splitlines() if isinstance(text, str) else [compact(text)]
    head = [f"event: {name}"] if name else []
    return "\n".join([*head, *(f"data: {line}" for line in lines), "", ""]).encode()


def encoded(body: Any, dialect: Dialect) -> bytes:
    """A body in the provider's layout; text and bytes as they are."""
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    text = (
        compact(body)
        if dialect.body_indent is None
        else json.dumps(body, ensure_ascii=False, indent=dialect.body_indent)
    )
    return (text + dialect.body_end).encode()


@lru_cache(maxsize=1024)
def whole(number: float) -> str:
    """A limit as providers print it: ``8000``, ``0.6``."""
    return str(int(number)) if number == int(number) else f"{number:g}"


def content_type(turn: Turn, body: bytes | None, usual: str) -> str:
    """What an error's entry says, ``text/event-stream`` for a stream, else what the form said or the *usual*."""
    if turn.error is not None:
        return turn.error.content_type
    return "text/event-stream" if body is None else turn.content_type or usual


def edge_headers(turn: Turn, ray: str) -> dict[str, str] | None:
    """All headers of a reply that Cloudflare gives in place of the provider; ``None`` if it is not one.

    Read off pasted refusals of 2024 to 2026: none has the provider's ``x-request-id``, ``via`` or limits.
    """
    error = turn.error
    if error is None or not error.edge:
        return None
    headers = {
        "date": http_date(turn.now),
        "content-type": error.content_type,
        "cache-control": "max-age=15"
        if error.status < 500
        else "private, max-age=0, no-store, no-cache, must-revalidate",
        "referrer-policy": "same-origin",
        "x-frame-options": "SAMEORIGIN",
        "server": "cloudflare",
        "cf-ray": ray,
        **error.headers,
    }
    if turn.retry_after is not None:
        headers["retry-after"] = f"{turn.retry_after:g}"
    return headers


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(moment: datetime) -> str:
    """*moment* (UTC) as a ``date`` header has it, whatever the locale."""
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    clock = f"{moment.hour:02}:{moment.minute:02}:{moment.second:02}"
    return f"{day}, {moment.day:02} {month} {moment.year} {clock} GMT"


# Braces that hold anything else mean something else: JSON, code.
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def filled(template: Any, values: Mapping[str, Any]) -> Any:
    """A copy of *template* with ``{placeholders}`` replaced in its strings.

    A string that is one placeholder becomes the value itself, of whatever type; without a value its key is left out.
    """
    if isinstance(template, dict):
        pairs = ((key, filled(value, values)) for key, value in template.items())
        return {key: value for key, value in pairs if value is not MISSING}
    if isinstance(template, list):
        return [filled(value, values) for value in template]
    if not isinstance(template, str) or "{" not in template:
        return template
    if alone := _PLACEHOLDER.fullmatch(template):
        return values.get(alone[1], MISSING)
    return _PLACEHOLDER.sub(lambda found: str(values.get(found[1], found[0])), template)


def worded(body: Any, text: str) -> Any:
    """The *body* of an error with *text* in place of its own; ``None``: it has none."""
    if not isinstance(body, Mapping):
        return text
    error = body.get("error")
    if isinstance(error, Mapping):
        return {**body, "error": {**error, "message": text}}
    return {**body, "error": text} if isinstance(error, str) else None


def placeholders(template: Any) -> frozenset[str]:
    """The names that :func:`filled` looks for in *template*."""
    if isinstance(template, dict):
        return frozenset[str]().union(*(placeholders(value) for value in template.values()))
    if isinstance(template, list):
        return frozenset[str]().union(*(placeholders(value) for value in template))
    if not isinstance(template, str):
        return frozenset()
    return frozenset(_PLACEHOLDER.findall(template))


MISSING = object()
"""What :func:`filled` finds for a placeholder without a value: its key is left out."""
