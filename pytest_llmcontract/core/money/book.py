"""A book of money: what came and went, when. Balances, bills and credits are sums of it; nothing else keeps a number.

Amounts are US dollars, exact to a trillionth of one; moments are seconds on the virtual clock, in whole microseconds.
What happened to the account stands beside the entries, a sentence each (:class:`Event`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from math import ceil
from typing import NamedTuple

CENT = Decimal("0.01")
_SMALLEST = Decimal("1E-12")
"""Of a dollar: what an entry is exact to. Prices of tokens are; an hour of sound has no end in seconds."""
NOTHING = Decimal(0)


def exactly(amount: Decimal) -> Decimal:
    """*amount* to a trillionth of a dollar, so that sums of any length are exact."""
    finest = amount.as_tuple().exponent
    return amount.quantize(_SMALLEST, ROUND_HALF_EVEN) if isinstance(finest, int) and finest < -12 else amount


def whole_cents(amount: Decimal) -> Decimal:
    """The cents that can be billed of *amount*: what is less than one stays for the next bill (assumed)."""
    return amount.quantize(CENT, ROUND_DOWN)


def _units(amount: Decimal) -> int:
    return int(amount.scaleb(12))


def _dollars(units: int) -> Decimal:
    """Without the zeros at its end."""
    amount = Decimal(units).scaleb(-12).normalize()
    return amount if int(amount.as_tuple().exponent) <= 0 else amount.quantize(Decimal(1))


def before(at: float, seconds: float) -> float:
    """The moment so many seconds before *at*, to the microsecond: who waits that long finds what happened then."""
    return round(at - seconds, 6)


class Entry(NamedTuple):
    """One thing that moved money."""

    at: float
    """Seconds on the virtual clock; minus infinity for what an account begins with."""
    what: str
    """``usage``, ``purchase``, ``grant``, ``invoice``, ``payment``, ``carried`` …"""
    amount: Decimal
    source: str = ""
    """What moved it: ``call 12``, the id of a job."""
    against: str = ""
    """The invoice or credit that it counts against: ``invoice 2``, ``credit 1``."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an account."""

    at: datetime
    what: str
    """``purchase``, ``grant``, ``charge``, ``declined``, ``tier`` …"""
    amount: Decimal = NOTHING
    sentence: str = ""
    """What happened, for people."""


Listener = Callable[[Entry | Event], object]


class Book:
    """Entries and events, and sums until a moment: each is a look, however many entries there are."""

    def __init__(self) -> None:
        self._moments: dict[str, list[float]] = {}
        self._sums: dict[str, list[int]] = {}  # in the smallest unit: a fraction of what a Decimal takes
        self._against: dict[tuple[str, str], Decimal] = {}
        self._listeners: list[Listener] = []
        self._last = float("-inf")
        self.entries: list[Entry] = []
        """Every entry, in the order they were made."""
        self.events: list[Event] = []
        """What happened, in order."""

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def enter(self, what: str, amount: Decimal, at: float, source: str = "", against: str = "") -> None:
        """Note that *amount* moved at the moment *at*; what is told late counts from when it is told."""
        at = self._last = max(at, self._last)
        entry = Entry(at, what, exactly(amount), source, against)
        sums = self._sums.setdefault(what, [])
        sums.append((sums[-1] if sums else 0) + _units(entry.amount))
        self._moments.setdefault(what, []).append(at)
        if against:
            self._against[what, against] = self._against.get((what, against), NOTHING) + entry.amount
        self.entries.append(entry)
        self._tell(entry)

    def happened(self, event: Event) -> None:
        """Note what happened to the account."""
        self.events.append(event)
        self._tell(event)

    def sum(self, *what: str, until: float | None = None) -> Decimal:
        """The sum of all entries of these kinds; with *until* of those that were made by then."""
        total = 0
        for kind in what:
            sums = self._sums.get(kind, ())
            count = len(sums) if until is None else bisect_right(self._moments.get(kind, ()), until)
            total += sums[count - 1] if count else 0
        return _dollars(total)

    def against(self, what: str, against: str) -> Decimal:
        """The sum of the entries of one kind that count against an invoice or a credit."""
        return self._against.get((what, against), NOTHING)

    def reached(self, what: str, total: Decimal) -> float | None:
        """The moment at which the entries of one kind, none of them negative, came to *total*; ``None``: not yet."""
        place = bisect_left(sums := self._sums.get(what, []), ceil(total.scaleb(12)))
        return self._moments[what][place] if place < len(sums) else None

    def listen(self, listener: Listener) -> None:
        """Call *listener* with each entry and event, those that are there already first."""
        for entry in self.entries:
            listener(entry)
        for event in self.events:
            listener(event)
        self._listeners.append(listener)

    def _tell(self, told: Entry | Event) -> None:
        for listener in self._listeners:
            listener(told)
