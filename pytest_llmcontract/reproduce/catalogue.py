"""Which error of the catalogue a text is: every text that a provider ever had, looked for in what was pasted.

A template is looked for piece by piece, each at its first place after the one before: what lies between are the values
of its placeholders. There is no going back, so that no input can make it slow.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.load import error_history
from pytest_llmcontract.core.facts.records import ErrorSpec
from pytest_llmcontract.reproduce.paste import Paste, plain
from pytest_llmcontract.reproduce.scenario import page_title
from pytest_llmcontract.reproduce.signs import signs_of

LONGEST_VALUE = 300
SHORTEST_PIECE = 5
"""Letters by which a text that was cut off is still known to have gone on."""
BEGINNINGS = 20
"""Places at which a template is tried."""
TELLING = 24
"""Letters of a text that nobody writes by chance; shorter ones need more to speak for them."""


@dataclass(frozen=True)
class Template:
    """A text of the catalogue, in pieces."""

    literals: tuple[str, ...]
    """One more than there are names: what stands before, between and after them."""
    names: tuple[str, ...]

    @property
    def weight(self) -> int:
        return sum(map(len, self.literals))

    def find(self, text: str) -> tuple[dict[str, str], bool] | None:
        """The values in *text*, and whether it is the whole of it; ``None`` if it is not there."""
        first, start = self.literals[0], 0
        if not first and self.names:
            return self._led_by_value(text)
        for _ in range(BEGINNINGS):
            begin = text.find(first, start)
            if begin < 0:
                cut_off = not self.names and len(text) >= TELLING and first.startswith(text)
                return ({}, False) if cut_off else None
            found = self._from(text, begin + len(first), 1)
            if found is not None:
                values, end = found
                return values, begin == 0 and end == len(text)
            start = begin + 1
        return None

    def _led_by_value(self, text: str) -> tuple[dict[str, str], bool] | None:
        """A text that begins with a value: the last word before its first piece."""
        place = text.find(self.literals[1])
        head = text[max(0, place - LONGEST_VALUE) : max(0, place)]
        value = head.rpartition(" ")[2].lstrip("\"'([{")
        found = self._from(text, place + len(self.literals[1]), 2) if place > 0 and value else None
        if found is None:
            return None
        values, end = found
        return {self.names[0]: value, **values}, place == len(value) and end == len(text)

    def _from(self, text: str, place: int, piece: int) -> tuple[dict[str, str], int] | None:
        values: dict[str, str] = {}
        for name, literal in zip(self.names[piece - 1 :], self.literals[piece:], strict=True):
            end = text.find(literal, place, place + LONGEST_VALUE + len(literal)) if literal else _word_end(text, place)
            if end < 0:
                return self._cut_off(text, place, piece + len(values), values)
            if values.setdefault(name, text[place:end]) != text[place:end]:
                return None
            place = end + len(literal)
        return values, place

    def _cut_off(self, text: str, place: int, piece: int, values: dict[str, str]) -> tuple[dict[str, str], int] | None:
        """The same for a text that stops before its end, within the literal *piece*."""
        tail, literal = text[place:], self.literals[piece]
        if sum(map(len, self.literals[:piece])) < TELLING or len(tail) > LONGEST_VALUE:
            return None
        for letters in range(min(len(tail), len(literal)), SHORTEST_PIECE - 1, -1):
            if tail.endswith(literal[:letters]):
                return {**values, self.names[piece - 1]: tail[:-letters]}, len(text)
        return None


def template(text: str) -> Template:
    """*text* with ``{placeholders}``, in pieces."""
    pieces = re.split(r"\{([a-z_]+)(?::g)?\}", plain(text))
    return Template(tuple(pieces[::2]), tuple(pieces[1::2]))


def _word_end(text: str, place: int) -> int:
    end = text.find(" ", place)
    return len(text) if end < 0 else end


@dataclass(frozen=True)
class Reading:
    """An error that a paste may be."""

    provider: str
    spec: ErrorSpec
    """One of the versions it has had."""
    values: Mapping[str, str]
    whole: bool
    """The text is the error's and nothing more."""
    family: bool = False
    """It is of a family of texts of which the catalogue has no entry of their own."""

    @property
    def name(self) -> str:
        return self.spec.name


def readings(paste: Paste, providers: tuple[str, ...]) -> list[Reading]:
    """What *paste* may be, the likeliest first."""
    text = paste.plain
    if not text and paste.fields:
        return list(_without_words(paste, providers))
    found = [
        (_likely(paste, provider, spec, whole, pattern.weight), -index, Reading(provider, spec, values, whole, family))
        for index, (provider, spec, pattern, family) in enumerate(_templates(providers))
        if (match := pattern.find(text)) is not None
        for values, whole in [match]
        if _telling(paste, provider, spec, pattern, whole) and _possible(paste, spec) and not _goes_on(pattern, text)
    ]
    found.sort(key=lambda row: row[:2], reverse=True)
    distinct: dict[tuple[str, str], Reading] = {}
    for _, _, reading in found:
        distinct.setdefault((reading.provider, reading.name), reading)
    return list(distinct.values())


def _without_words(paste: Paste, providers: tuple[str, ...]) -> Iterator[Reading]:
    """The errors without words that have the very fields of *paste*."""
    for provider in providers:
        for spec in reversed(error_history(provider)):
            values = None if message_of(spec) else _values_of(spec.body, paste.fields)
            if values is not None and _possible(paste, spec):
                yield Reading(provider, spec, values, whole=True)


def _values_of(body: Any, fields: Mapping[str, Any]) -> dict[str, str] | None:
    """What *fields* have in the places of *body*'s placeholders; ``None`` if they are another body's."""
    if not isinstance(body, dict) or body.keys() != fields.keys():
        return None
    open_names = {name: found[1] for name, value in body.items() if (found := _OPEN.fullmatch(str(value)))}
    if any(value != fields[name] for name, value in body.items() if name not in open_names):
        return None
    return {placeholder: str(fields[name]) for name, placeholder in open_names.items()}


_OPEN = re.compile(r"\{([a-z_]+)\}")


def _possible(paste: Paste, spec: ErrorSpec) -> bool:
    """Whether the status that was pasted allows it."""
    return paste.status is None or paste.guessed_status or paste.in_stream or paste.status == spec.status


def _goes_on(pattern: Template, text: str) -> bool:
    """Whether the text says more in the same breath: then it is another's beginning."""
    last = pattern.literals[-1]
    if pattern.names or not last:
        return False
    place = text.find(last)
    return place >= 0 and bool(_GOES_ON.match(text, place + len(last)))


_GOES_ON = re.compile(r"[:;,] ?[\w`'\[]|\w")


def usual(paste: Paste, edition: Edition) -> ErrorSpec | None:
    """The error of words that nobody knows: by code, by status, by type."""
    stream = paste.in_stream
    specs = [spec for spec in edition.errors.values() if (spec.status == 200) == stream]
    if stream:
        return next((spec for spec in specs if paste.code and constants(spec).get("code") == paste.code), None) or (
            edition.stream_error
        )
    status = paste.status if paste.status and paste.status >= 400 else None
    fitting = [spec for spec in specs if status in (None, spec.status)]
    by_code = [spec for spec in fitting if paste.code and constants(spec).get("code") == paste.code]
    by_status = [spec for spec in fitting if status and spec.default_for_status]
    by_type = [spec for spec in fitting if paste.type and constants(spec).get("type") == paste.type]
    found = sorted(by_code, key=_is_open) or by_status or sorted(by_type, key=lambda spec: not spec.default_for_status)
    return found[0] if found else None


def _is_open(spec: ErrorSpec) -> bool:
    """Whether it has words of its own: last where the words are others."""
    return "{message}" not in message_of(spec)


def constants(spec: ErrorSpec) -> Mapping[str, Any]:
    """What an error's body always says, its text aside: ``type``, ``code`` …"""
    error = _error(spec)
    return {name: value for name, value in error.items() if name != "message" and "{" not in str(value)}


def message_of(spec: ErrorSpec) -> str:
    """The text of an error, with its placeholders; of a page what its title says."""
    if isinstance(spec.body, str) and not spec.body.startswith("{"):
        return page_title(spec.body) or spec.body
    message = _error(spec).get("message") or ""
    return str(message.get("message", "")) if isinstance(message, dict) else str(message)


def _error(spec: ErrorSpec) -> Mapping[str, Any]:
    body = json.loads(spec.body) if isinstance(spec.body, str) and spec.body.startswith("{") else spec.body
    if not isinstance(body, dict):
        return {}
    error = body.get("error")
    if error is None and body.get("choices"):
        error = body["choices"][0].get("error")
    return error if isinstance(error, dict) else {"message": error}


@cache
def _templates(providers: tuple[str, ...]) -> tuple[tuple[str, ErrorSpec, Template, bool], ...]:
    return tuple(_all_templates(providers))


def _all_templates(providers: tuple[str, ...]) -> Iterator[tuple[str, ErrorSpec, Template, bool]]:
    for provider in providers:
        specs = error_history(provider)
        for spec in specs:
            text = message_of(spec)
            if text == "{message}":
                text = spec.defaults.get("message") or ""
            if text:
                yield provider, spec, template(text), False
            for sentence in re.findall(r"<p>([^<]{20,})</p>", spec.body if isinstance(spec.body, str) else ""):
                yield provider, spec, template(sentence), False
        for text, name in signs_of(provider).texts:
            yield provider, next(spec for spec in reversed(specs) if spec.name == name), template(text), True


def _telling(paste: Paste, provider: str, spec: ErrorSpec, pattern: Template, whole: bool) -> bool:
    """Whether a text that was found says enough."""
    if whole or pattern.weight >= TELLING:
        return True
    return paste.message is None and (provider in paste.providers or paste.status == spec.status) and pattern.weight > 8


def _likely(paste: Paste, provider: str, spec: ErrorSpec, whole: bool, weight: int) -> tuple[int, int, bool]:
    fixed = constants(spec)
    known = [(paste.type, fixed.get("type", paste.type)), (paste.code, fixed.get("code"))]
    agreed = sum(1 if told == own else -2 for told, own in known if told is not None)
    if paste.status is not None:
        agreed += 2 if paste.status == spec.status else -2
    if paste.providers:
        agreed += 1 if provider in paste.providers else -1
    return 4 * whole + agreed, weight, not spec.source.startswith("assumed")
