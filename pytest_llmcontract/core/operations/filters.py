"""The small language in which lists are filtered: ``name:"chat*" AND NOT created_at < "2026-08-01T00:00:00Z"``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase

from pytest_llmcontract.core.errors import BadInput

Test = Callable[[Mapping[str, str]], bool]

_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*"|\'[^\']*\')|(<=|>=|!=|=|<|>|:|\(|\))|([\w./*-]+))')
_SIGNS: Mapping[str, Callable[[str, str], bool]] = {
    "=": lambda has, wants: fnmatchcase(has, wants),
    "!=": lambda has, wants: not fnmatchcase(has, wants),
    ":": lambda has, wants: fnmatchcase(has, wants) if "*" in wants else wants in has,
    "<": lambda has, wants: has < wants,
    "<=": lambda has, wants: has <= wants,
    ">": lambda has, wants: has > wants,
    ">=": lambda has, wants: has >= wants,
}
MOST = 2_000
"""Characters of a filter."""
_DEEP = 20


def read_filter(text: str, fields: frozenset[str]) -> Test:
    """Whether a thing, as its fields in text, passes the filter.

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
        if len(parts) < 3 or parts[0] not in self.fields or parts[1] not in _SIGNS:
            raise BadInput("invalid filter expression")
        name, sign, wanted = parts[0], _SIGNS[parts[1]], parts[2].strip("\"'")
        return lambda thing: sign(thing[name], wanted)

    def _has(self, word: str) -> bool:
        if self.rest and self.rest[-1] == word:
            self.rest.pop()
            return True
        return False


def _tokens(text: str) -> list[str]:
    found, place = [], 0
    text = text[:MOST].rstrip()
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token is None:
            raise BadInput("invalid filter expression")
        found.append(token[token.lastindex or 0])
        place = token.end()
    return found
