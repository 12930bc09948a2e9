"""Cassettes: recorded exchanges, as vcrpy and its kin write them, in the terms of :mod:`core.exchange`.

Read are the YAML and JSON of every vcrpy, with what its users' serializers make of them: bodies as text, bytes,
``{string: …}``, ``{base64_string: …}``, parsed (``parsed_body``) or packed (gzip, deflate, brotli, zstd), requests and
responses in two lists, files packed as a whole; and what other recorders write in the same shape (``url``, a status
without a message). Bodies come out unpacked, credentials in request headers masked.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import repeat
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Disconnect, Headers, StreamEvents, masked
from pytest_llmcontract.recordings.documents import Places, plain_json, read_document
from pytest_llmcontract.recordings.encodings import unpacked

_Keys = tuple[str | int, ...]
_EVENT = re.compile(rb"(?:(?!\r?\n)[^\n]+\n)*\r?\n|(?s:.+)")
"""Lines up to an empty one, or what is left."""
_BEGINS_LIKE_A_STREAM = (b"data:", b"event:")


class NoCassette(BadInput):
    """The file is well formed, and something else than a cassette."""


class Metadata(BaseModel):
    """The header block of our own recordings: vcrpy's ``metadata``, under ``llmcontract``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    recorded_at: datetime | None = None
    source: str = ""
    """``simulator`` or ``live``."""
    provider: tuple[str, ...] = ()
    edition: tuple[date, ...] = ()
    """One for each provider, in its order."""
    plan: tuple[str, ...] = ()
    """One for each provider, in its order: ``free``, ``tier1``."""
    client: tuple[str, ...] = ()
    """Who called: ``groq-python 1.7.0``."""
    test: str = ""
    """Node id of the test it was recorded in."""
    scripted: tuple[int, ...] = ()
    """Interactions, from 0, that a script of the test answered, not the source."""
    cut: Mapping[int, Literal["disconnect", "stall"]] = {}
    """Interactions, from 0, whose stream broke off, and how."""
    shows: str = ""
    """In the library: the behaviour."""
    facts: tuple[str, ...] = ()
    """In the library: what the behaviour is known from."""

    @field_validator("provider", "edition", "plan", "client", mode="before")
    @classmethod
    def _several(cls, value: object) -> object:
        """One alone may be written without a list."""
        return (value,) if isinstance(value, str | date) else value


@dataclass(frozen=True, slots=True)
class Interaction:
    """One recorded request and its reply."""

    index: int
    """From 0, as the file has them."""
    request: ApiRequest
    """Body unpacked; credentials in its headers masked."""
    reply: ApiReply
    """Body unpacked; a stream as its events."""
    recorded_at: datetime | None = None
    """As the interaction itself says; most recorders leave it out."""
    recorded_by: str = ""
    """Node id of the test, in a cassette that several share."""
    recorded_headers: tuple[Mapping[str, str], Mapping[str, str]] = field(default=({}, {}), repr=False)
    """The headers of request and response as the file has them, credentials and all: for who looks for those."""


@dataclass(frozen=True, slots=True)
class Cassette:
    """A file of recorded exchanges."""

    path: Path
    interactions: tuple[Interaction, ...]
    metadata: Metadata | None = None
    _line: Callable[..., int] = field(default=lambda index, *keys: 1, repr=False, compare=False)

    def line(self, index: int, *keys: str) -> int:
        """The line, from 1, where interaction *index* begins, or a part of it: ``line(0, "response", "body")``."""
        return self._line(index, *keys)


def read_cassette(path: str | Path) -> Cassette:
    """The cassette in *path*, YAML or JSON, whatever its name ends with.

    Raises:
        NoCassette: It is something else: the recording of another tool, or none at all.
        BadInput: It cannot be read, or is damaged. One line that names the file, the place and what was expected.
    """
    path = Path(path)
    document, places = read_document(path)
    exchanges = list(_exchanges(path, document, places))
    metadata = _metadata(path, document, places)
    broken = metadata.cut if metadata else {}
    interactions = tuple(_cut(_interaction(path, places, exchange), broken) for exchange in exchanges)

    def line(index: int, *keys: str) -> int:
        exchange = exchanges[index]
        if not keys:
            return places.line(*exchange.keys)
        return places.line(*(exchange.request_keys if keys[0] == "request" else exchange.response_keys), *keys[1:])

    return Cassette(path, interactions, metadata, line)


def _cut(interaction: Interaction, broken: Mapping[int, Literal["disconnect", "stall"]]) -> Interaction:
    how = broken.get(interaction.index)
    return replace(interaction, reply=replace(interaction.reply, cut=Disconnect(how))) if how else interaction


# The shape of the file


@dataclass(frozen=True, slots=True)
class _Exchange:
    """A request and a response as the file has them, and where."""

    index: int
    keys: _Keys
    request: Any
    response: Any
    request_keys: _Keys
    response_keys: _Keys
    recorded_at: Any = None
    recorded_by: str = ""


_EXPECTED = "expected vcrpy's form: under 'interactions' a list of 'request' and 'response'"
_OTHER_TOOLS = {
    "http_interactions": "Ruby's VCR and of betamax",
    "log": "HAR files",
    "consumer": "Pact",
    "mappings": "WireMock",
}
"""A key at the top that is found in the files of another recorder."""


def _exchanges(path: Path, document: Any, places: Places) -> Iterator[_Exchange]:
    if isinstance(document, list) and document and isinstance(document[0], Mapping) and "request" in document[0]:
        yield from _listed(path, places, document, ())  # vcrpy before 1.0
        return
    if not isinstance(document, Mapping):
        raise NoCassette(f"{path} {'is empty' if document is None else 'is no cassette'}; {_EXPECTED}")
    for key, tool in _OTHER_TOOLS.items():
        if key in document:
            raise NoCassette(f"{path}:{places.line(key)}: {key!r} is the form of {tool}; {_EXPECTED}")
    if isinstance(interactions := document.get("interactions"), list):
        yield from _listed(path, places, interactions, ("interactions",))
        return
    requests, responses = document.get("requests"), document.get("responses")
    if not isinstance(requests, list) or not isinstance(responses, list):
        raise NoCassette(f"{path} is no cassette; {_EXPECTED}")
    for index, (request, response) in enumerate(zip(requests, responses, strict=False)):  # langchain-tests
        yield _Exchange(index, ("requests", index), request, response, ("requests", index), ("responses", index))


def _listed(path: Path, places: Places, interactions: list[Any], keys: _Keys) -> Iterator[_Exchange]:
    for index, item in enumerate(interactions):
        here = (*keys, index)
        parts = item if isinstance(item, Mapping) else {}
        if not isinstance(parts.get("request"), Mapping) or not isinstance(parts.get("response"), Mapping):
            where = f"{path}:{places.line(*here)}: interaction {index}"
            raise BadInput(f"{where}: expected 'request' and 'response', each with its own parts")
        yield _Exchange(
            index,
            here,
            parts["request"],
            parts["response"],
            (*here, "request"),
            (*here, "response"),
            parts.get("recorded_at"),
            str(parts.get("recorded_by") or ""),
        )


def _metadata(path: Path, document: Any, places: Places) -> Metadata | None:
    block = document.get("metadata") if isinstance(document, Mapping) else None
    ours = block.get("llmcontract") if isinstance(block, Mapping) else None
    if ours is None:
        return None
    try:
        return Metadata.model_validate(ours)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        keys = ("metadata", "llmcontract", *problem["loc"])
        name = ".".join(map(str, keys))
        raise BadInput(f"{path}:{places.line(*keys)}: {name}: {problem['msg']}") from None


# One exchange


def _interaction(path: Path, places: Places, exchange: _Exchange) -> Interaction:
    try:
        keys, headers = exchange.request_keys, _headers(exchange.request.get("headers"))
        request = _request(exchange.request, headers)
        keys, reply_headers = exchange.response_keys, _headers(exchange.response.get("headers"))
        reply = _reply(exchange.response, reply_headers)
    except BadInput as problem:
        raise BadInput(f"{path}:{places.line(*keys, 'body')}: interaction {exchange.index}: {problem}") from None
    return Interaction(
        exchange.index,
        request,
        reply,
        recorded_at=_moment(exchange.recorded_at),
        recorded_by=exchange.recorded_by,
        recorded_headers=(headers, reply_headers),
    )


def _request(part: Mapping[Any, Any], headers: Mapping[str, str]) -> ApiRequest:
    body = _body(part, headers.get("content-encoding", ""))
    return ApiRequest(str(part.get("method") or "GET").upper(), _url(part), masked(headers), body)


def _url(part: Mapping[Any, Any]) -> str:
    url = part.get("uri", part.get("url"))
    if url is None and {"protocol", "host", "path"} <= part.keys():  # vcrpy before 1.0
        url = f"{part['protocol']}://{part['host']}{part['path']}"
    if not isinstance(url, str):
        raise BadInput("expected the address of the request, under 'uri'")
    try:
        urlsplit(url).path.encode()  # half of a surrogate pair: nobody can have sent it
    except ValueError:
        raise BadInput(f"{url[:60]!r} is no address") from None
    return url


def _reply(part: Mapping[Any, Any], recorded: Mapping[str, str]) -> ApiReply:
    packed = recorded.get("content-encoding", "")
    body = _body(part, packed)
    headers = {name: value for name, value in recorded.items() if name != "content-encoding"}
    if packed and "content-length" in headers:
        headers["content-length"] = str(len(body))
    streamed = headers.get("content-type", "").startswith("text/event-stream") or body.startswith(_BEGINS_LIKE_A_STREAM)
    if not streamed:
        return ApiReply(_status(part), Headers(headers), body)
    events = _EVENT.findall(body)
    return ApiReply(_status(part), Headers(headers), events=StreamEvents(events, repeat(0.0, len(events))))


def _status(part: Mapping[Any, Any]) -> int:
    status = part.get("code", part.get("status"))
    if isinstance(status, Mapping):
        status = status.get("code")
    try:
        return int(str(status).split(" ")[0])
    except ValueError:
        raise BadInput(f"{str(status)[:40]!r} is no status; expected a number under 'status', 'code'") from None


def _headers(part: Any) -> dict[str, str]:
    """Names in lower case; several values of one name as HTTP joins them."""
    if isinstance(part, list):  # vcrpy before 1.0: lines of the wire, or pairs
        part = dict(_pair(line) for line in part)
    if not isinstance(part, Mapping):
        return {}
    return {str(name).lower(): _value(value) for name, value in part.items()}


def _pair(line: Any) -> tuple[str, str]:
    if isinstance(line, list | tuple) and len(line) == 2:
        return _value(line[0]), _value(line[1])
    name, _, value = _value(line).partition(":")
    return name, value.strip()


def _value(value: Any) -> str:
    if isinstance(value, list) and len(value) == 1:  # as vcrpy writes nearly all of them
        value = value[0]
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    return value.decode("latin-1") if isinstance(value, bytes) else str("" if value is None else value)


def _body(part: Mapping[Any, Any], encoding: str) -> bytes:
    if not part.get("body") and "parsed_body" in part:
        return plain_json(part["parsed_body"])
    content, text = _content(part.get("body"))
    return content if text else unpacked(content, encoding)


def _content(body: Any) -> tuple[bytes, bool]:
    """A recorded body, and whether it was text: that has been unpacked already."""
    if body is None:
        return b"", True
    if isinstance(body, str):
        return body.encode("utf-8", "surrogatepass"), True
    if isinstance(body, bytes):
        return body, False
    if isinstance(body, Mapping):
        if "base64_string" in body:
            return _base64(body["base64_string"]), False
        if body.get("type") == "json" and len(body) == 2 and "content" in body:  # what some serializers write
            return plain_json(body["content"]), True
        return _content(body["string"]) if "string" in body else (plain_json(body), True)
    if isinstance(body, list) and all(isinstance(piece, str | bytes) for piece in body):  # of an iterator
        return b"".join(_content(piece)[0] for piece in body), False
    raise BadInput(f"a body is {type(body).__name__}; expected a text, bytes, or either under 'string'")


def _base64(text: Any) -> bytes:
    try:
        return b64decode("".join(str(text).split()), validate=True)
    except (ValueError, binascii.Error):
        raise BadInput("the body under 'base64_string' is no base64, or not all of it") from None


def _moment(value: Any) -> datetime | None:
    """What another recorder wrote as time, if it is one."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)
