"""What was pasted, read: the error's own words, its status and headers, and what speaks for a provider.

People paste what they have: a JSON body, an SDK's exception, a line of a log with that inside, an HTTP dump. Nothing
here knows an error; it finds where one stands. Every search is a single pass over the text.
"""

from __future__ import annotations

import ast
import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import unquote

OBJECTS = 40
"""How many braces are tried as the beginning of a body."""
LONGEST_LITERAL = 50_000
"""Characters of a Python literal that are still read."""
NESTING = 4
"""How deep a body may sit in the strings of another: logs that are JSON themselves."""


@dataclass(frozen=True)
class Paste:
    """One pasted error."""

    text: str
    """All of it."""
    message: str | None = None
    """The error's text, where a body says exactly which it is."""
    type: str | None = None
    code: str | None = None
    status: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What else the error holds: ``param``, ``failed_generation`` …"""
    id: str | None = None
    """Together's, beside the error."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Those that tell of limits and requests."""
    providers: frozenset[str] = frozenset()
    """Providers that are named in it."""

    @property
    def words(self) -> str:
        """Where to look for the error's text."""
        return self.text if self.message is None else self.message

    @cached_property
    def plain(self) -> str:
        """The same without what copying does to it."""
        return plain(self.words)

    @cached_property
    def whole(self) -> str:
        """The error's text, if there is nothing around it."""
        return self.text.strip() if self.message is None else self.message

    @cached_property
    def plain_whole(self) -> str:
        return plain(self.whole)

    @property
    def in_stream(self) -> bool:
        """Whether the error came within a stream that had begun well."""
        return self.status == 200 or "status_code" in self.fields


def read_paste(text: str) -> Paste:
    """Find the error in *text*."""
    body = next(_errors(text), None)
    headers = {name.lower(): value for name, value in _HEADER.findall(text)}
    told = frozenset(name for name, mark in _MARKS.items() if mark.search(text))
    if body is None:
        return Paste(text, status=_status(text), headers=headers, providers=told)
    error, around = body
    message = error.get("message")
    if isinstance(message, dict):
        # Some of Together's servers put an error into the error.
        message = message.get("message")
    known = {"message", "type", "type_", "code"}
    status = _status(text) or _int(around.get("status")) or _int(around.get("status_code"))
    return Paste(
        text,
        _clean(message) if isinstance(message, str) else None,
        _word(error.get("type", error.get("type_"))),
        _word(error.get("code")),
        status,
        {_clean(str(name)): _clean(value) for name, value in error.items() if name not in known},
        _word(around.get("id")),
        headers,
        told,
    )


def unwrapped(line: str) -> str:
    """A line in which ``\\n`` stands for a new line, as the text it stands for."""
    return line.replace("\\n", "\n")


def plain(text: str) -> str:
    """*text* without what copying does to it: markup, quotes, escapes, line breaks."""
    if "&" in text:
        text = html.unescape(text)
    if "%" in text:
        text = unquote(text)
    text = re.sub(r"\n[ \t]*>+", " ", text).translate(_TYPOGRAPHY)
    return " ".join(text.split())


def half_json(text: str) -> bool:
    """Whether *text* begins as JSON and does not end as such."""
    text = text.strip()
    if text[:1] not in ("{", "["):
        return False
    try:
        json.loads(text, strict=False)
    except RecursionError:
        return True
    except ValueError:
        return True
    return False


_TYPOGRAPHY = str.maketrans({"`": None, "*": None, "’": "'", "‘": "'", "“": '"', "”": '"', "\xa0": " "})
_HEADER = re.compile(
    r"\b(retry-after|x-ratelimit-[a-z-]{1,40}|x-request-id)[\"']?\s{0,3}[:=]\s{0,3}[\"']?([^\s\"',}]{1,80})", re.I
)
_STATUS = re.compile(
    r"(?:Error code:|HTTP/[0-9.]{1,3}|status[ _-]?code\W{0,4}|\bstatus\W{1,4}|\bHTTP\b)\s{0,3}([1-5][0-9]{2})\b", re.I
)
_MARKS = {
    "groq": re.compile(r"groq|\borg_[0-9a-z]{26}\b", re.I),
    "together": re.compile(r"together(?:\.(?:ai|xyz|error)|ai\b|computer|exception|_)|\btogether ai\b", re.I),
}


def _status(text: str) -> int | None:
    found = _STATUS.search(text)
    return int(found[1]) if found else None


def _int(value: Any) -> int | None:
    return value if isinstance(value, int) and 100 <= value <= 599 else None


def _word(value: Any) -> str | None:
    return None if value is None else str(_clean(str(value)))


def _clean(value: Any) -> Any:
    """*value* without halves of characters, which no reply can hold."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _errors(text: str, depth: int = 0) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Every error object in *text*, with the object around it."""
    for value in _objects(text):
        yield from _errors_of(value, depth)


def _errors_of(value: Mapping[str, Any], depth: int) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    error = value.get("error")
    if isinstance(error, dict) and "message" in error:
        yield error, value
    elif isinstance(error, str) and "{" not in error:
        yield {"message": error}, value
    elif "choices" in value and (broken := _broken_choice(value["choices"])):
        yield {"message": broken, "status_code": None}, value
    elif "message" in value and value.keys() & {"type", "type_", "code"}:
        yield value, {}
    elif depth < NESTING:
        for inner in value.values():
            if isinstance(inner, dict):
                yield from _errors_of(inner, depth + 1)
            elif isinstance(inner, str) and "{" in inner:
                yield from _errors(inner, depth + 1)


def _broken_choice(choices: Any) -> str | None:
    """The error that a chunk of Together's streams has in its choice."""
    first = choices[0] if isinstance(choices, list) and choices else None
    error = first.get("error") if isinstance(first, dict) else None
    return error if isinstance(error, str) else None


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Every outermost JSON or Python dict in *text*."""
    start, tries = 0, 0
    while tries < OBJECTS:
        found = _OPENING.search(text, start)
        if found is None:
            return
        tries += 1
        value, end = _read_json(text, found.start())
        if value is None:
            value, end = _read_literal(text, found.start())
        if isinstance(value, dict):
            yield value
            start = end
        else:
            start = found.end()


_OPENING = re.compile(r"\{\s{0,20}(?=[\"'])")
_JSON = json.JSONDecoder(strict=False)


def _read_json(text: str, start: int) -> tuple[Any, int]:
    try:
        return _JSON.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None, start


def _read_literal(text: str, start: int) -> tuple[Any, int]:
    end = _closing(text, start)
    if end is None:
        return None, start
    try:
        return ast.literal_eval(text[start:end]), end
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None, start


def _closing(text: str, start: int) -> int | None:
    """Where the bracket that opens at *start* closes, strings skipped."""
    depth, stop = 0, min(len(text), start + LONGEST_LITERAL)
    for token in _TOKEN.finditer(text, start, stop):
        mark = token[0]
        depth += (mark in "{[") - (mark in "}]") if len(mark) == 1 else 0
        if depth == 0:
            return token.end()
        if depth > 90:
            return None
    return None


# A string, also one that never ends, or a bracket: whatever stands there is passed once.
_TOKEN = re.compile(r"'(?:[^'\\\n]|\\.)*+'?|\"(?:[^\"\\\n]|\\.)*+\"?|[{}\[\]]", re.S)
