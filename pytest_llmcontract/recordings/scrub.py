"""What is recorded is scrubbed: credentials wherever they stand, ids of accounts, addresses of users.

Everything of a kind becomes the same text. So what is left reveals nothing, not even to somebody who guesses; and a
request still matches its recording when it is sent again with another key, if it is scrubbed before it is compared.

Scrubbed is the whole, as its reader has it: unpacked, the pieces of a stream joined. What holds no secret comes out
byte for byte; where one is found by its place only (in a form, in a list of headers), its document is written anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers, StreamEvent, masked
from pytest_llmcontract.core.secrets import (
    MASK,
    PUBLIC_HEADERS,
    has_secrets,
    is_secret,
    may_be_real,
    says_secret,
    secrets_in,
    without_query_secrets,
    without_secrets,
)
from pytest_llmcontract.recordings.encodings import unpacked

USER = "user@example.invalid"

SECRET_REPLY_HEADERS = frozenset({"set-cookie", "www-authenticate", "x-api-key"})
ACCOUNT_HEADERS = frozenset({"openai-organization", "openai-project", "x-groq-organization", "x-organization-id"})
"""Headers, of either direction, whose value is the id of an account whatever its shape."""

_USER = re.compile(r'("user"\s*:\s*")([^"\\@]+@[^"\\@]+)(")')


def scrubbed_request(request: ApiRequest) -> ApiRequest:
    """*request* as it may be recorded, and as a recorded one is compared with it: unpacked, what it was packed with."""
    headers = _headers(masked(request.headers))
    body = _readable(request.body, headers.pop("content-encoding", ""))
    kind = headers.get("content-type", "")
    return replace(
        request, url=scrubbed_url(request.url), headers=Headers(headers), body=Scrubbing(kind).body(body)
    )  # fmt: skip


def scrubbed_reply(reply: ApiReply) -> ApiReply:
    """*reply* as it may be recorded: a stream in one piece."""
    scrubbing = Scrubbing(reply.headers.get("content-type", ""))
    headers = {name: _reply_header(name, value) for name, value in reply.headers.items()}
    events = reply.events
    if events is not None:
        whole = b"".join(event.data for event in events)
        clean = scrubbing.stream(whole)
        events = events if clean == whole else (StreamEvent(clean),)
    return replace(reply, headers=_headers(headers), body=scrubbing.body(reply.body), events=events)


def _reply_header(name: str, value: str) -> str:
    return MASK if name.lower() in SECRET_REPLY_HEADERS or is_secret(name, value) else value


def scrubbed_url(url: str) -> str:
    """*url* without secrets, in its query also behind escapes."""
    head, mark, query = url.partition("?")
    return without_query_secrets(without_secrets(head) + mark + _query(without_secrets(query)))


def scrubbed_body(body: bytes, content_type: str = "") -> bytes:
    """*body* without secrets; what is no text comes out as it was, byte for byte."""
    return Scrubbing(content_type).body(body)


def hidden_in(body: bytes, content_type: str, *, streamed: bool = False) -> Iterator[str]:
    """What :func:`scrubbed_body` takes out by its place alone, and what is cut in two, where it may be real."""
    scrubbing = Scrubbing(content_type, everywhere=False)
    (scrubbing.stream if streamed else scrubbing.body)(body)
    yield from filter(may_be_real, scrubbing.found)


def _readable(body: bytes, packed: str) -> bytes:
    """*body* as it reads. What it is packed with, and nobody here can undo, nobody could look into."""
    try:
        return unpacked(body, packed)
    except BadInput:
        return MASK.encode()


class Scrubbing:
    """Scrubs one body, and keeps what it took out by its place.

    Args:
        content_type: As the headers say it.
        everywhere: Also what its shape gives away; else what its place alone does.
    """

    def __init__(self, content_type: str, *, everywhere: bool = True) -> None:
        self.found: list[str] = []
        self._everywhere = everywhere
        self._kind, _, self._rest = content_type.lower().partition(";")
        boundary = _BOUNDARY.search(content_type)
        self._boundary = boundary[1].encode("latin-1", "replace") if boundary else b""

    def body(self, body: bytes) -> bytes:
        """A body that is one document."""
        if not body:
            return body
        if self._boundary:
            return self._form(body)
        body = self._as_text(body)
        if self._kind.strip() == "application/x-www-form-urlencoded":
            return _query(body.decode("latin-1"), self.found).encode("latin-1", "replace")
        return self._document(body)

    def stream(self, body: bytes) -> bytes:
        """A body that is many documents, whose texts go on from one to the next."""
        body = self._as_text(body)
        lines = body.decode("utf-8", "surrogateescape").split("\n")
        numbers = [number for number, line in enumerate(lines) if line.startswith("data:") and "{" in line]
        events = _parsed([lines[number][5:] for number in numbers])
        for index in self._cut_in_two(events):
            lines[numbers[index]] = "data: " + _text(events[index])
        return "\n".join(lines).encode("utf-8", "surrogateescape")

    def _as_text(self, body: bytes) -> bytes:
        """*body* without what is known by its shape, its name beside it, or its place in an address."""
        if not self._everywhere:
            return body
        text = body.decode("latin-1")  # a letter a byte: shapes and addresses are ASCII, and everything else survives
        clean = _USER.sub(rf"\g<1>{USER}\g<3>", without_secrets(text))
        return body if clean == text else clean.encode("latin-1")

    # JSON.

    def _document(self, body: bytes) -> bytes:
        """*body*, written anew if it is JSON and a secret is in it by its place."""
        if body[:1] not in b"{[" or not _TELLING.search(body):
            return body
        try:
            parsed = json.loads(body)
            clean = self.cleaned(parsed)
        except (ValueError, RecursionError):
            return body
        return body if clean == parsed else _text(clean).encode()

    def cleaned(self, value: Any, name: str = "", *, headers: bool = False) -> Any:
        """*value* without what its name or its place says is secret.

        A schema is about values and holds none; ``headers`` (of a tool, of a gateway's target) hold little else.
        """
        if isinstance(value, dict):
            if says_secret(name) and _is_schema(value):
                name = ""
            inside = headers or name.lower().endswith("headers")
            around = name if says_secret(name) else _named_beside(value)
            return {
                key: self.cleaned(inner, key if says_secret(key) or not around else around, headers=inside)
                for key, inner in value.items()
            }
        if isinstance(value, list):
            return [self.cleaned(inner, name, headers=headers) for inner in value]
        return self._value(value, name, headers) if isinstance(value, str) else value

    def _value(self, value: str, name: str, headers: bool) -> str:
        if is_secret(name, value) or (headers and name.lower() not in PUBLIC_HEADERS and may_be_real(value)):
            return self._taken(value)
        if value[:1] in ("{", "["):  # the arguments of a tool, as a text that holds JSON
            raw = value.encode("utf-8", "surrogatepass")
            clean = self._document(raw)
            return value if clean is raw else clean.decode("utf-8", "surrogatepass")
        return value

    def _taken(self, value: str) -> str:
        """The mask, the scheme of an authorization kept."""
        scheme = re.match(r"(?i)(?:bearer|basic|token)\s+", value)
        secret = value[scheme.end() :] if scheme else value
        if not secret.strip("* "):
            return value
        self.found.append(secret)
        return f"{scheme[0] if scheme else ''}{MASK}"

    # Streams.

    def _cut_in_two(self, events: Sequence[Any]) -> list[int]:
        """Take out secrets that only the texts of several *events* joined show; which events that changed."""
        texts: _Pieces = {}
        for number, event in enumerate(events):
            _gather(texts, number, event)
        changed: set[int] = set()
        for pieces in texts.values():
            if len(pieces) < 2:
                continue
            whole = "".join([text for _, _, text in pieces])
            if not has_secrets(whole) or (clean := without_secrets(whole)) == whole:
                continue
            self.found += [whole[secret.start : secret.end] for secret in secrets_in(whole)]
            for (number, path, _), text in zip(pieces, (clean, *[""] * len(pieces)), strict=False):
                _put(events[number], path, text)
                changed.add(number)
        return sorted(changed)

    # Forms.

    def _form(self, body: bytes) -> bytes:
        parts = body.split(b"--" + self._boundary)
        return (b"--" + self._boundary).join([self._part(part) for part in parts])

    def _part(self, part: bytes) -> bytes:
        """A field or a file: unpacked if there is a secret in it, and only then."""
        head, gap, data = part.partition(b"\r\n\r\n")
        if not gap:
            return self._as_text(part)
        encoding, kind = (_field(head, name) for name in (b"content-encoding", b"content-type"))
        content, end = (data[:-2], b"\r\n") if data.endswith(b"\r\n") else (data, b"")
        plain = _readable(content, encoding)
        named = _NAME.search(head)
        name = named[1].decode("utf-8", "replace") if named else ""
        if is_secret(name, text := plain.decode("utf-8", "replace")):
            clean = self._taken(text).encode()
        else:
            inner = Scrubbing(
                "" if kind.startswith("multipart") else kind, everywhere=self._everywhere or plain is not content
            )
            clean = inner.body(plain)
            self.found += inner.found
            if plain is not content and clean != plain:
                self.found.append(text)
        if clean == plain:
            return self._as_text(head) + gap + data
        return _ENCODED.sub(b"", self._as_text(head)) + gap + clean + end


_BOUNDARY = re.compile(r"(?i)multipart/.*\bboundary=\"?([^\";\s]{1,70})")
_NAME = re.compile(rb"[; ]name=\"([^\"\r\n]*)\"")
_ENCODED = re.compile(rb"(?i)\r\ncontent-encoding:[^\r\n]*")
_TELLING = re.compile(rb"(?i)auth|token|key|secret|cookie|signature|passw|pwd|passphrase|credential|headers")


def _text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return json.dumps(value, separators=(",", ":"))
    return text


def _field(head: bytes, name: bytes) -> str:
    found = re.search(rb"(?i)\r\n" + name + rb":[ \t]*([^\r\n]*)", head)
    return found[1].decode("latin-1").strip() if found else ""


def _query(query: str, found: list[str] | None = None) -> str:
    """The fields of a query or a form, each as it means: what escapes hide is found."""
    return "&".join(_pair(pair, [] if found is None else found) for pair in query.split("&")) if "=" in query else query


def _pair(pair: str, found: list[str]) -> str:
    name, equals, value = pair.partition("=")
    if not equals or not value.strip("*"):
        return pair
    plain = unquote_plus(value)
    clean = MASK if is_secret(unquote_plus(name), plain) else without_secrets(plain)
    if clean == plain:
        return pair
    found.append(plain)
    return f"{name}={quote_plus(clean, safe='*')}"


_TYPES = frozenset({"string", "object", "array", "number", "integer", "boolean", "null"})


def _named_beside(value: Mapping[str, Any]) -> str:
    """The name of a secret that stands beside it, ``{"name": "api_key", "value": …}``; else empty."""
    name = value.get("name") or value.get("key")
    return name if "value" in value and isinstance(name, str) and says_secret(name) else ""


def _is_schema(value: Mapping[str, Any]) -> bool:
    """Whether it says what a value has to be, as the parameters of a tool do."""
    kind = value.get("type")
    typed = kind in _TYPES if isinstance(kind, str) else isinstance(kind, list)
    return typed or not {"$ref", "anyOf", "oneOf", "allOf", "enum", "properties"}.isdisjoint(value)


_Path = tuple[str | int, ...]


def _parsed(events: list[str]) -> list[Any]:
    """The JSON of each of *events*; ``None`` for one that is none."""
    try:
        whole: list[Any] = json.loads(f"[{','.join(events)}]")  # at once: ten times as fast
    except (ValueError, RecursionError):
        whole = []
    return whole if len(whole) == len(events) else [_json_or_none(event) for event in events]


def _json_or_none(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


_Pieces = dict[_Path, list[tuple[int, _Path, str]]]
"""Thread of texts -> of every piece: the event, where it is in that, and what."""


def _gather(pieces: _Pieces, event: int, value: Any, thread: _Path = (), path: _Path = ()) -> None:
    """Add every text in *value* to the thread of texts that it continues.

    The elements of a list, choices say, are told apart by the ``index`` they carry. No generator: a stream has
    hundreds of events of many texts, and each would be handed up through every level.
    """
    if isinstance(value, str):
        pieces.setdefault(thread, []).append((event, path, value))
    elif isinstance(value, dict):
        for key, inner in value.items():
            if inner.__class__ in _HOLD_TEXT:
                _gather(pieces, event, inner, (*thread, key), (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            index = inner.get("index") if isinstance(inner, dict) else None
            _gather(pieces, event, inner, (*thread, index if isinstance(index, int) else place), (*path, place))


_HOLD_TEXT = frozenset((str, dict, list))
"""Most of what is in an event are numbers and nulls."""


def _put(value: Any, path: tuple[str | int, ...], text: str) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = text


def user_address(text: str) -> re.Match[str] | None:
    """The first e-mail address under ``user`` in a JSON *text*, if it is somebody's."""
    return next(
        (found for found in _USER.finditer(text) if not found[2].endswith((".invalid", ".example", "@example.com"))),
        None,
    )


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: MASK if name.lower() in ACCOUNT_HEADERS else without_secrets(value) for name, value in headers.items()
    }
