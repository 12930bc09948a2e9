"""Which word was meant: how far two names are apart."""

from __future__ import annotations

from collections.abc import Iterable


def edits(one: str, other: str) -> int:
    """Insertions, deletions and replacements of a character that make *one* into *other* (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        above, row = row, [i]
        for j, right in enumerate(other, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (left != right)))
    return row[-1]


def meant(name: str, known: Iterable[str]) -> str:
    """The one of *known* that *name* looks like a misspelling of; empty if it is a word of its own.

    A slip is a letter too many, too few or another, two of them in a long name, letters in another order, or the same
    words in another case: ``finishReason``.
    """
    return next((other for other in known if _looks_like(name, other)), "")


def _looks_like(name: str, other: str) -> bool:
    if abs(len(name) - len(other)) > 2:
        return False
    plain, other_plain = _plain(name), _plain(other)
    if sorted(plain) == sorted(other_plain):
        return True
    return edits(plain, other_plain) <= (2 if len(other) > 7 else 1)


def _plain(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "")
