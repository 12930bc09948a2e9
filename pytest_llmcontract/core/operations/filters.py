"""The small language in which lists are filtered: ``name:"chat*" AND NOT created_at < "2026-08-01T00:00:00Z"``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from pytest_llmcontract.core.errors import BadInput

Test = Callable[[Mapping[str, Any]], bool]
Sign = Callable[[Any, Any], bool]

_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*"|\'[^\']*\')|(<=|>=|!=|=|<|>|:|\(|\))|([\w./*-]+))')
_ORDER: Mapping[str, Sign] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _like(has: str, wants: str) -> bool:
    """Only ``*`` stands for others."""
    return fnmatchcase(has, wants.replace("[", "[[]").replace("?", "[?]"))


_ALIKE: Mapping[str, Sign] = {
    **_ORDER,
    "=": _like,
    "!=": lambda has, wants: not _like(has, wants),
    ":": lambda has, wants: _like(has, wants) if "*" in wants else wants in has,
}
MOST = 2_000
"""Characters of a filter."""
_DEEP = 20
_YEARS = range(1970, 9000)
"""Of moments: those of the clock, and some more, so that days can be added and taken away."""


def read_moment(text: str) -> datetime:
    """A moment as RFC 3339 writes it.

    Raises:
        BadInput: It is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment.year not in _YEARS:
        raise BadInput(f"{text[:40]!r} is no time as RFC 3339 writes it, such as 2026-10-07T12:00:00Z")
    return moment


def read_filter(text: str, fields: frozenset[str]) -> Test:
    """Whether a thing passes the filter. Fields whose names end with ``_at`` are moments, all others texts.

    Raises:
        BadInput: The text is no filter, or names another field.
    """
    reader = _Reader(text, fields)
    found = reader.either(0)
    if reader.rest:
        raise BadInput("invalid filter expression")
    return found


class _Reader:
    def __init__(self, text: str, fields: frozenset[str]) -> None:
        self.fields = fields
        self.rest = _tokens(text)[::-1]

    def either(self, deep: int) -> Test:
        tests = [self.both(deep)]
        while self._has("OR"):
            tests.append(self.both(deep))
        return lambda thing: any(test(thing) for test in tests)

    def both(self, deep: int) -> Test:
        tests = [self.one(deep)]
        while self._has("AND"):
            tests.append(self.one(deep))
        return lambda thing: all(test(thing) for test in tests)

    def one(self, deep: int) -> Test:
        if deep > _DEEP:
            raise BadInput("invalid filter expression")
        if self._has("NOT"):
            test = self.one(deep + 1)
            return lambda thing: not test(thing)
        if self._has("("):
            inner = self.either(deep + 1)
            if not self._has(")"):
                raise BadInput("invalid filter expression")
            return inner
        return self._comparison()

    def _comparison(self) -> Test:
        parts = [self.rest.pop() for _ in range(min(3, len(self.rest)))]
        if len(parts) < 3 or parts[0] not in self.fields:
            raise BadInput("invalid filter expression")
        name, word, wanted = parts[0], parts[1], parts[2].strip("\"'")
        sign = (_ORDER if name.endswith("_at") else _ALIKE).get(word)
        if sign is None:
            raise BadInput("invalid filter expression")
        value = _value(name, wanted)
        return lambda thing: sign(thing[name], value)

    def _has(self, word: str) -> bool:
        if self.rest and self.rest[-1] == word:
            self.rest.pop()
            return True
        return False


def _value(name: str, wanted: str) -> Any:
    """What a field is held to; names of things may begin with those of what they lie in."""
    if not name.endswith("_at"):
        return wanted.rpartition("/")[2] if name == "name" else wanted
    try:
        return read_moment(wanted)
    except BadInput:
        raise BadInput("invalid filter expression") from None


def _tokens(text: str) -> list[str]:
    found, place = [], 0
    if len(text) > MOST:
        raise BadInput("invalid filter expression")
    text = text.rstrip()
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token is None:
            raise BadInput("invalid filter expression")
        found.append(token[token.lastindex or 0])
        place = token.end()
    return found
