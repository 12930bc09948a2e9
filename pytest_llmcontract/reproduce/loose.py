"""Objects in a text, however they were printed: JSON, Python, JavaScript's ``util.inspect``, Ruby; whole or cut.

Nothing is refused: what cannot be read is passed over, what stops in the middle is read as far as it goes and marked
(:class:`CutObject`, :class:`CutText`). Every reading is one pass over at most :data:`LONGEST` characters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

LONGEST = 50_000
"""Characters of one object that are read where it is no plain JSON."""
OBJECTS = 40
"""How many braces are tried as the beginning of an object."""
DEEPEST = 40


class CutText(str):
    """A string that stops before its end."""

    __slots__ = ()


class CutObject(dict[str, Any]):
    """An object that stops before its end."""


def objects(text: str) -> Iterator[tuple[dict[str, Any], int, int]]:
    """Every outermost object in *text*, and where it begins and ends."""
    start = tries = 0
    while tries < OBJECTS and (found := _OPENING.search(text, start)) is not None:
        tries += 1
        value, end = _object_at(text, found)
        if value:
            yield value, found.start(), end
        # What never closes may be a stray brace, with a body behind it.
        start = found.end() if not value or isinstance(value, CutObject) else max(end, found.end())


def unescaped(text: str) -> str:
    r"""*text* with one level of escapes taken off: ``\"`` is ``"``."""
    return _ESCAPE.sub(_meant, text)


_OPENING = re.compile(r"\{(?:\s|\\+[nrt]){0,40}(?:(\\*)[\"']|[A-Za-z_$][\w$-]{0,60}\s?:\s)")
_JSON = json.JSONDecoder()
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|\n|.)", re.S)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0", "\n": ""}


def _meant(found: re.Match[str]) -> str:
    letter = found[1]
    if letter[0] in "ux" and len(letter) > 1:
        return chr(int(letter[1:], 16))
    return _LETTERS.get(letter, letter)


def _object_at(text: str, found: re.Match[str]) -> tuple[dict[str, Any] | None, int]:
    start = found.start()
    if slashes := len(found[1] or ""):
        # The whole object is inside a string: one level of escapes, or two, or three.
        inner = text[start : start + LONGEST]
        for _ in range((slashes + 1).bit_length() - 1):
            inner = unescaped(inner)
        value, _ = _Reader(inner).object(0, 0)
        return value, start + 1
    try:
        value, end = _JSON.raw_decode(text, start)
        return (value if isinstance(value, dict) else None), end
    except (ValueError, RecursionError):
        return _Reader(text, start + LONGEST).object(start, 0)


_SPACE = re.compile(r"[\s,;]*")
_KEY = re.compile(r"(\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|\[[\w ().]{1,60}\]|[\w$.-]{1,80})\s*(?:=>|:|=)\s*")
_STRING = {quote: re.compile(rf"(?:[^{quote}\\]|\\.)*+", re.S) for quote in "\"'`"}
_JOINED = re.compile(r"\s*\+?\s*(?=[\"'`])")
_BARE = re.compile(r"[^,{}\[\]\n\"'`]*")
_LINE = re.compile(r"[^\n,}\]]*")
_MORE = re.compile(r"\s*(?:\.\.\.(?:\s*[0-9]+ more [\w ]+)?|…|\[truncated\])", re.I)
_WORDS = {"true": True, "True": True, "false": False, "False": False}
_NOTHING = {"null", "None", "nil", "undefined", "NaN"}
_WRAP = re.compile(r"[ \t]*\r?\n[ \t]*")


class _Reader:
    """Reads one text; each method gives what it read, and where it stopped."""

    def __init__(self, text: str, stop: int = LONGEST) -> None:
        self.text = text
        self.stop = min(len(text), stop)

    def object(self, place: int, depth: int) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        place += 1
        while True:
            place = self._space(place)
            if place >= self.stop:
                return CutObject(found), place
            if self.text[place] == "}":
                return found, place + 1
            if _MORE.match(self.text, place):
                return CutObject(found), place
            key = _KEY.match(self.text, place, self.stop)
            if key is None:
                place = max(place + 1, self._after(_LINE, place))
                continue
            value, place = self._value(key.end(), depth + 1)
            found.setdefault(key[1].strip("\"'[]"), value)
            if isinstance(value, CutText | CutObject):
                return CutObject(found), place

    def _value(self, place: int, depth: int) -> tuple[Any, int]:
        place = self._after(_BLANK, place)
        if place >= self.stop or depth > DEEPEST:
            return CutText(), self.stop
        mark = self.text[place]
        if mark in "\"'`":
            return self._strings(place)
        if mark == "{":
            return self.object(place, depth)
        if mark == "[":
            return self._list(place, depth)
        end = self._after(_BARE, place)
        if end < self.stop and self.text[end] == "{" and self.text[place:end].strip().isidentifier():
            # A name before the braces: ``Headers {…}``.
            return self.object(end, depth)
        return _word(self.text[place:end].strip()), end

    def _list(self, place: int, depth: int) -> tuple[list[Any], int]:
        found: list[Any] = []
        place += 1
        while True:
            place = self._space(place)
            if place >= self.stop or self.text[place] in "]}":
                return found, place + (place < self.stop and self.text[place] == "]")
            before = place
            value, place = self._value(place, depth + 1)
            found.append(value)
            place = max(place, before + 1)

    def _strings(self, place: int) -> tuple[str, int]:
        """A string, and those joined to it: long ones are printed in pieces."""
        value, place = self._string(place)
        while not isinstance(value, CutText):
            joint = _JOINED.match(self.text, place, self.stop)
            if joint is None or (joint.end() == place) or self._is_key(joint.end()):
                break
            more, place = self._string(joint.end())
            value = CutText(value + more) if isinstance(more, CutText) else value + more
        return value, place

    def _is_key(self, place: int) -> bool:
        return _KEY.match(self.text, place, self.stop) is not None

    def _string(self, place: int) -> tuple[str, int]:
        quote = self.text[place]
        end = self._after(_STRING[quote], place + 1)
        value = self.text[place + 1 : end]
        if "\n" in value and quote != "`":
            # No notation has a bare line break in such a string: a terminal made it.
            value = _WRAP.sub(" ", value)
        value = unescaped(value) if "\\" in value else value
        if end >= self.stop:
            return CutText(value), self.stop
        return (CutText(value.rstrip(" .…")) if _ends_open(value) else value), end + 1

    def _space(self, place: int) -> int:
        return self._after(_SPACE, place)

    def _after(self, pattern: re.Pattern[str], place: int) -> int:
        found = pattern.match(self.text, place, self.stop)
        return found.end() if found else place


_BLANK = re.compile(r"\s*")


def _ends_open(value: str) -> bool:
    """Whether a string ends as something that was shortened does."""
    return value.endswith(("...", "…")) and len(value) > 12


def _word(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if text in _NOTHING:
        return None
    try:
        return int(text)
    except ValueError:
        return text
