"""Cassettes: recorded exchanges, whoever recorded them, in the terms of :mod:`core.exchange`.

Whose files are read and how is in :mod:`.recorders`. Bodies come out unpacked, credentials in request headers masked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import repeat
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Disconnect, Headers, StreamEvents, masked
from pytest_llmcontract.recordings.documents import Places, read_document
from pytest_llmcontract.recordings.recorders import Recorder, recorder_of, refused_key
from pytest_llmcontract.recordings.recorders.parts import Exchange, NotKept, Received, moment

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
class LeftOut:
    """An interaction that could not be read."""

    index: int
    place: str
    """``file:line``."""
    reason: str
    damaged: bool
    """Else the recorder keeps it elsewhere, or in a way that is not known."""

    def __str__(self) -> str:
        return f"{self.place}: interaction {self.index}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Cassette:
    """A file of recorded exchanges."""

    path: Path
    interactions: tuple[Interaction, ...]
    metadata: Metadata | None = None
    _line: Callable[..., int] = field(default=lambda index, *keys: 1, repr=False, compare=False)
    left_out: tuple[LeftOut, ...] = ()
    """What could not be read, where the reader was content with the rest."""
    recorded_at: datetime | None = None
    """When the file was recorded, as another recorder says; none of our own, which say it in the metadata."""

    def line(self, index: int, *keys: str) -> int:
        """The line, from 1, where interaction *index* begins, or a part of it: ``line(0, "response", "body")``."""
        return self._line(index, *keys)


def read_cassette(path: str | Path, *, whole: bool = True) -> Cassette:
    """The cassette in *path*, whoever recorded it, whatever its name ends with (:mod:`.recorders`).

    Args:
        whole: Every interaction must be readable; else those that are not are in :attr:`Cassette.left_out`.

    Raises:
        NoCassette: It is something else.
        BadInput: It cannot be read, or is damaged. One line that names the file, the place and what was expected.
    """
    path = Path(path)
    document, places = read_document(path)
    recorder, exchanges = _recorded(path, document, places)
    metadata = _metadata(path, document, places)
    broken = metadata.cut if metadata else {}
    interactions, left_out = [], []
    for index, exchange in enumerate(exchanges):
        try:
            interactions.append(_cut(_interaction(path, places, recorder, exchange, index), broken))
        except _Unreadable as problem:
            left_out.append(problem.left_out)
            if whole:
                raise BadInput(str(problem.left_out)) from None

    def line(index: int, *keys: str) -> int:
        exchange = exchanges[index]
        if not keys:
            return places.line(*exchange.keys)
        return places.line(*(exchange.request_keys if keys[0] == "request" else exchange.response_keys), *keys[1:])

    return Cassette(path, tuple(interactions), metadata, line, tuple(left_out), _moment_of_file(document))


def _cut(interaction: Interaction, broken: Mapping[int, Literal["disconnect", "stall"]]) -> Interaction:
    how = broken.get(interaction.index)
    return replace(interaction, reply=replace(interaction.reply, cut=Disconnect(how))) if how else interaction


# The shape of the file


_EXPECTED = (
    "expected vcrpy's form: under 'interactions' a list of 'request' and 'response', or that of another recorder"
)


def _recorded(path: Path, document: Any, places: Places) -> tuple[Recorder, list[Exchange]]:
    if document is None:
        raise NoCassette(f"{path} is empty; {_EXPECTED}")
    if refused := refused_key(document):
        key, tool = refused
        raise NoCassette(f"{path}:{places.line(key)}: {key!r} is the form of {tool}; {_EXPECTED}")
    found = recorder_of(document)
    if found is None:
        raise NoCassette(f"{path} is no cassette; {_EXPECTED}")
    recorder, exchanges = found
    return recorder, list(exchanges)


def _moment_of_file(document: Any) -> datetime | None:
    """When the file as a whole was recorded, where another recorder says it at the top."""
    parts = [document.get(key) for key in ("metadata", "meta")] if isinstance(document, Mapping) else []
    said = [part.get(key) for part in parts if isinstance(part, Mapping) for key in _RECORDED_AT]
    return next(filter(None, map(moment, said)), None)


_RECORDED_AT = ("recordedAt", "recorded_at", "createdAt", "created_at")


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


class _Unreadable(Exception):
    def __init__(self, left_out: LeftOut) -> None:
        super().__init__(left_out)
        self.left_out = left_out


def _interaction(path: Path, places: Places, recorder: Recorder, exchange: Exchange, index: int) -> Interaction:
    if not isinstance(exchange.request, Mapping) or not isinstance(exchange.response, Mapping):
        place = f"{path}:{places.line(*exchange.keys)}"
        raise _Unreadable(LeftOut(index, place, "expected 'request' and 'response', each with its own parts", True))
    try:
        keys = exchange.request_keys
        sent = recorder.sent(exchange.request)
        sent = sent._replace(headers=_sound_headers(sent.headers))
        keys = exchange.response_keys
        received = recorder.received(exchange.response)
        received = received._replace(headers=_sound_headers(received.headers))
    except BadInput as problem:
        place = f"{path}:{places.line(*keys, 'body')}"
        raise _Unreadable(LeftOut(index, place, str(problem), not isinstance(problem, NotKept))) from None
    return Interaction(
        index,
        ApiRequest(sent.method, sent.url, masked(sent.headers), sent.body),
        _reply(received),
        recorded_at=moment(exchange.recorded_at),
        recorded_by=exchange.recorded_by,
        recorded_headers=(sent.headers, received.headers),
    )


def _sound_headers(headers: dict[str, str]) -> dict[str, str]:
    """Without halves of surrogate pairs, which no header can have."""
    return {_sound(name): _sound(value) for name, value in headers.items()}


def _sound(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _reply(received: Received) -> ApiReply:
    """As the application saw it, unpacked."""
    body = received.body
    headers = {name: value for name, value in received.headers.items() if name != "content-encoding"}
    if len(headers) < len(received.headers) and "content-length" in headers:
        headers["content-length"] = str(len(body))
    streamed = headers.get("content-type", "").startswith("text/event-stream") or body.startswith(_BEGINS_LIKE_A_STREAM)
    if not streamed:
        return ApiReply(received.status, Headers(headers), body)
    events = _EVENT.findall(body)
    return ApiReply(received.status, Headers(headers), events=StreamEvents(events, repeat(0.0, len(events))))
