"""Texts that match a regular expression, spelled out along it: ``^[A-Z]{3}-\\d{4}$`` gives ``ABC-1234``.

Python's own parser of patterns does the reading (the ``re._parser`` behind ``re``), so that no dependency is needed;
``rstr`` and ``exrex`` choose at random or enumerate without end. What is spelled is a proposal: look-arounds,
back-references and anchors in the middle are not followed, so hold each text to the pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from importlib import import_module
from itertools import islice, product
from typing import Any


def matches(pattern: str, text: str) -> bool:
    """Whether *pattern* is found in *text*; false for a pattern that cannot be read.

    By Rust's regular expressions: Python's go back and forth for ever in some of a few letters.
    """
    try:
        return _compiled(pattern)(text)
    except ValueError:
        return False


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Callable[[object], bool]:
    import jsonschema_rs  # here, not above: pytest starts without it

    return jsonschema_rs.Draft202012Validator({"type": "string", "pattern": pattern}).is_valid


def pythonic(pattern: str) -> str:
    """An ECMA-262 *pattern* in Python's words, as far as form validators use it: named groups, letter classes."""
    pattern = re.sub(r"\(\?<(?![=!])", "(?P<", pattern)
    return re.sub(r"\\p\{(\w+)\}", lambda found: _PROPERTIES.get(found[1][:2], "[A-Za-z]"), pattern)


_PROPERTIES = {"Lu": "[A-Z]", "Ll": "[a-z]", "N": "[0-9]", "Nd": "[0-9]", "Nu": "[0-9]"}


def spell(pattern: str, least: int) -> Iterator[str]:
    """Texts spelled out along *pattern*: what may repeat does so once, then not at all, then often enough."""
    try:
        tree = import_module("re._parser").parse(pythonic(pattern))
    except (re.error, OverflowError):
        return
    left = PIECES
    for repeats, stride in product((1, 0, 4, least, 12), (1, 27)):
        for shift in (0, 1, 2, 26, 52, 7, 11):
            pieces = list(islice(_spelled(tree, repeats, stride, shift), left))
            left -= len(pieces)
            if not left:  # {1000000}, or that in a group that repeats
                return
            yield "".join(pieces)


PIECES = 20_000
"""Characters and repetitions that are spelled out for one pattern, all proposals together."""


READABLE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ1234567890_-. /:@#+,;=!?*&%$^~'\"()[]{}<>|\\`"
"""Characters in the order in which they are preferred."""


def _spelled(tree: Iterable[tuple[Any, Any]], repeats: int, stride: int, index: int) -> Iterator[str]:
    """Pieces of a text for the parsed pattern *tree*; look-arounds are left to the check.

    The *index* chooses among characters and branches; it grows by *stride* from one repetition to the next.
    """
    for op, value in tree:
        kind = str(op)
        if kind == "LITERAL":
            yield chr(value)
        elif kind in ("ANY", "NOT_LITERAL", "IN"):
            some = [char for char in READABLE if _allows(kind, value, char)] or _first(value)
            yield some[index % len(some)]
        elif kind.endswith("_REPEAT"):
            low, high, inner = value
            wanted = repeats if high > 1 else repeats // 4
            for number in range(max(low, min(int(high), wanted))):
                yield ""  # what repeats may be nothing
                yield from _spelled(inner, repeats, stride, index + number * stride)
        elif kind == "BRANCH":
            yield from _spelled(value[1][index % len(value[1])], repeats, stride, index)
        elif kind in ("SUBPATTERN", "ATOMIC_GROUP"):
            yield from _spelled(value[-1] if kind == "SUBPATTERN" else value, repeats, stride, index)


def _allows(kind: str, value: Any, char: str) -> bool:
    """Whether a one-character node of a parsed pattern matches *char*."""
    code = ord(char)
    if kind == "ANY":
        return True
    if kind == "NOT_LITERAL":
        return bool(code != value)
    negated = False
    for op, item in value:
        name = str(op)
        if name == "NEGATE":
            negated = True
        elif (
            (name == "LITERAL" and code == item)
            or (name == "RANGE" and item[0] <= code <= item[1])
            or (name == "CATEGORY" and re.match(CATEGORIES.get(str(item), "(?!)"), char))
        ):
            return not negated
    return negated


def _first(items: Any) -> list[str]:
    """The first character of a class without readable ones."""
    return [chr(item[0] if str(op) == "RANGE" else item) for op, item in items if str(op) in ("RANGE", "LITERAL")] or [
        "a"
    ]


CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
