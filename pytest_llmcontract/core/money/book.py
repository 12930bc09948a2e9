"""A book of money: what came and went, when. Balances and sums are read off it; nothing else keeps a number.

Amounts are US dollars; moments are seconds on the virtual clock, and entries are made in their order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple


class Entry(NamedTuple):
    """One thing that moved money."""

    at: float
    what: str
    """``usage``, ``purchase``, ``grant`` …"""
    amount: Decimal
    source: str = ""
    """What moved it: ``call 12``, the id of a job."""
    against: str = ""
    """The invoice or credit that it counts against."""


class Book:
    """Entries, and their sums until a moment: each is a look, however many entries there are."""

    def __init__(self) -> None:
        self._moments: dict[str, list[float]] = {}
        self._sums: dict[str, list[Decimal]] = {}
        self._order: list[tuple[str, int, str, str]] = []

    def enter(self, what: str, amount: Decimal, at: float, source: str = "", against: str = "") -> None:
        """Note that *amount* moved at the moment *at*."""
        moments, sums = self._moments.setdefault(what, []), self._sums.setdefault(what, [])
        sums.append((sums[-1] if sums else Decimal(0)) + amount)
        moments.append(at)
        self._order.append((what, len(sums) - 1, source, against))

    def sum(self, *what: str, until: float | None = None) -> Decimal:
        """The sum of all entries of these kinds; with *until* of those that were made by then."""
        total = Decimal(0)
        for kind in what:
            sums = self._sums.get(kind, ())
            count = len(sums) if until is None else bisect_right(self._moments.get(kind, ()), until)
            total += sums[count - 1] if count else 0
        return total

    def __iter__(self) -> Iterator[Entry]:
        """Every entry, in the order they were made."""
        for what, index, source, against in self._order:
            sums = self._sums[what]
            amount = sums[index] - (sums[index - 1] if index else 0)
            yield Entry(self._moments[what][index], what, amount, source, against)
