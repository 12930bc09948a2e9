"""What a user's message says that an argument of a tool may be: numbers, and what stands in quotes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_QUOTED = re.compile(
    r"""(?<!\w)(?:'([^'\n]{1,200})'|"([^"\n]{1,200})"|`([^`\n]{1,200})`)(?!\w)|“([^”\n]{1,200})”|«([^»\n]{1,200})»"""
)
_NUMBER = re.compile(r"(?<![\w.,:/-])-?\d{1,15}(?:\.\d{1,15})?(?![\w:/%-]|[.,]\d)")
_KINDS: dict[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "number": (int, float)}
_READ = 10_000  # characters of a message, as of more nobody expects a made-up answer to heed any
_GIVEN = frozenset({"const", "enum", "default", "example", "examples", "format", "pattern"})


def with_said(schema: Mapping[str, Any], text: str) -> Mapping[str, Any]:
    """*schema* of a tool's arguments, its required ones exemplified by what *text* says: each once, in order.

    ``magic(3)`` gives a required integer its 3, ``named 'Ada'`` a required string its name. An example is no promise:
    where it does not conform, another value is found.
    """
    listed = schema.get("properties")
    required = schema.get("required")
    if not isinstance(listed, Mapping) or not isinstance(required, list) or not (said := list(_said(text[:_READ]))):
        return schema
    told = {name: taken for name in required if (taken := _taken(listed.get(name), said))}
    return {**schema, "properties": {**listed, **told}} if told else schema


def _said(text: str) -> Iterator[str | int | float]:
    for match in _QUOTED.finditer(text):
        yield next(filter(None, match.groups()))
    for number in _NUMBER.findall(_QUOTED.sub(" ", text)):
        yield float(number) if "." in number else int(number)


def _taken(part: Any, said: list[str | int | float]) -> dict[str, Any] | None:
    """*part* with the first value of its kind, which is taken off *said*; ``None``: it has none, or its own."""
    if not isinstance(part, Mapping) or _GIVEN.intersection(part):
        return None
    kinds = _KINDS.get(str(part.get("type")), ())
    value = next((value for value in said if isinstance(value, kinds)), None)
    if value is None:
        return None
    said.remove(value)
    return {**part, "examples": [value]}
