"""A file of requests, line by line: which request each line is, and what is wrong with a line or with the file."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from pytest_llmcontract.core.exchange import can_travel
from pytest_llmcontract.core.facts.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Line:
    """One request of the file."""

    number: int
    """From 1."""
    custom_id: str
    text: bytes
    """As the file has it: parsed again when its turn comes."""

    @property
    def parsed(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)
        return found


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with the file or with one line of it."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None
    """From 1; ``None``: it is about the file."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A file of requests."""

    lines: tuple[Line, ...] = ()
    """All that can be told apart."""
    faults: tuple[Fault, ...] = ()
    """Of lines that fail alone."""
    failure: tuple[Fault, ...] = ()
    """Why the file fails as a whole; empty: it does not."""


def judged_file(data: bytes, endpoint: str, dialect: Dialect) -> Judged:
    """Read the file of a batch.

    Args:
        endpoint: What the batch is for; of a provider whose lines name no address of their own.
        dialect: How many and how long the lines may be, and whether a bad one fails the file.
    """
    if failure := _too_much(data, dialect):
        return Judged(failure=(failure,))
    lines: list[Line] = []
    faults: list[Fault] = []
    failures: list[Fault] = []
    known: set[str] = set()
    for number, text in enumerate(data.split(b"\n"), 1):
        if not text.strip():
            continue
        line, fault = _line(number, text, known, dialect)
        if line is None:
            failures.append(fault)
            continue
        known.add(line.custom_id)
        lines.append(line)
        (failures if dialect.batch_strict else faults).extend(_wrong_with(line, dialect))
        faults.extend(_wrong_alone(line, endpoint, dialect))
    if not lines and not failures:
        failures.append(Fault("empty_file", "The file holds no requests"))
    return Judged(tuple(lines), tuple(faults), tuple(failures))


def _too_much(data: bytes, dialect: Dialect) -> Fault | None:
    if dialect.batch_bytes is not None and len(data) > dialect.batch_bytes:
        said = f"The file has {len(data)} bytes, more than the {dialect.batch_bytes} allowed"
        return Fault("file_too_large", said)
    lines = sum(1 for line in data.split(b"\n") if line.strip()) if dialect.batch_lines is not None else 0
    if dialect.batch_lines is not None and lines > dialect.batch_lines:
        return Fault("too_many_requests", f"The file has {lines} requests, more than the {dialect.batch_lines} allowed")
    return None


def _line(number: int, text: bytes, known: Collection[str], dialect: Dialect) -> tuple[Line | None, Fault]:
    """The request of a line; or what keeps it from being told apart from others, which no provider gets over."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None, Fault("invalid_json", "The line is not valid JSON", None, number)
    if not can_travel(parsed):
        return None, Fault("invalid_json", "The line holds what no JSON can", None, number)
    if not isinstance(parsed, dict):
        return None, Fault("invalid_json", "The line is not a JSON object", None, number)
    id = parsed.get("custom_id")
    if not isinstance(id, str) or not id:
        return None, Fault("missing_custom_id", "Missing required parameter: 'custom_id'", "custom_id", number)
    if id in known:
        return None, Fault("duplicate_custom_id", f"Duplicate value: {id!r}", "custom_id", number)
    most = dialect.batch_id_characters
    if most is not None and len(id) > most:
        said = f"Invalid value: the id has {len(id)} characters, more than {most}"
        return None, Fault("invalid_custom_id", said, "custom_id", number)
    return Line(number, id, text), Fault("", "")


def _wrong_with(line: Line, dialect: Dialect) -> Iterator[Fault]:
    """What is malformed."""
    parsed = line.parsed
    if not isinstance(parsed.get("body"), dict):
        yield Fault("invalid_body", "Invalid value: 'body' must be an object", "body", line.number)
    if dialect.batch_lines_addressed:
        if (method := parsed.get("method")) != "POST":
            said = f"Invalid value: {_quoted(method)}. Supported values are: 'POST'"
            yield Fault("invalid_method", said, "method", line.number)
        if (url := parsed.get("url")) not in dialect.batch_endpoints:
            values = ", ".join(f"'{value}'" for value in dialect.batch_endpoints)
            said = f"Invalid value: {_quoted(url)}. Supported values are: {values}"
            yield Fault("invalid_url", said, "url", line.number)


def _wrong_alone(line: Line, endpoint: str, dialect: Dialect) -> Iterator[Fault]:
    """What is well formed and will not be answered: sound goes as a form, and a line has to say so."""
    sound = not dialect.batch_lines_addressed and endpoint.startswith("/v1/audio/")
    if sound and line.parsed.get("method") != "FILE":
        yield Fault("invalid_request_error", "Content-Type must be multipart/form-data", "method", line.number)


def _quoted(value: object) -> str:
    return f"'{value[:80]}'" if isinstance(value, str) else json.dumps(value)[:80]
