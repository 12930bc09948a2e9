"""Where the levels of limits are kept: in memory, or somewhere that several processes share.

To ask and to take is one act (:meth:`Store.admit`): two who look at the same moment are not both let in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from pytest_llmcontract.core.limits.rules import Level, Rule

Amounts = Mapping[str, float]
"""Kind of limit -> how much of it, in its own unit. A kind that there is no rule for is passed over."""
Rules = Mapping[str, Rule]
"""Kind of limit -> how it counts, in the order in which the first that is exceeded is named."""


class Admission(NamedTuple):
    """Whether a call is let in."""

    levels: Mapping[str, Level]
    """Of every kind: with what was taken, or as they stood when it was refused."""
    short: str = ""
    """The kind that refuses it; empty: it was let in."""


class Store(Protocol):
    """Levels by key (a model) and kind. Moments are seconds on the clock."""

    def admit(self, key: str, rules: Rules, asked: Amounts, taken: Amounts, now: float) -> Admission:
        """Count *taken* if *asked* is left of every limit; else nothing."""

    def add(self, key: str, rules: Rules, amounts: Amounts, now: float) -> None:
        """Count *amounts*; a negative one gives back."""

    def drain(self, key: str, kind: str, rule: Rule, now: float) -> None:
        """Leave nothing of one limit."""

    def levels(self, key: str, rules: Rules) -> Mapping[str, Level]:
        """What was counted so far, by kind."""


class Memory:
    """The levels of one process. Whoever calls holds the lock of its world."""

    def __init__(self) -> None:
        self._levels: dict[str, _Levels] = {}

    def admit(self, key: str, rules: Rules, asked: Amounts, taken: Amounts, now: float) -> Admission:
        levels = self.levels(key, rules)
        for kind, rule in rules.items():
            if (amount := asked.get(kind, 0)) and (amount > rule.limit or rule.wait(levels[kind], amount, now)):
                return Admission(levels, kind)
        _count(levels, rules, taken, now)
        return Admission(levels)

    def add(self, key: str, rules: Rules, amounts: Amounts, now: float) -> None:
        _count(self.levels(key, rules), rules, amounts, now)

    def drain(self, key: str, kind: str, rule: Rule, now: float) -> None:
        levels = self.levels(key, {kind: rule})
        levels[kind] = rule.drained(levels[kind], now)

    def levels(self, key: str, rules: Rules) -> dict[str, Level]:
        known = self._levels.get(key)
        if known is None:
            known = self._levels[key] = _Levels()
        return known


def _count(levels: dict[str, Level], rules: Rules, amounts: Amounts, now: float) -> None:
    for kind, rule in rules.items():
        if amount := amounts.get(kind):
            levels[kind] = rule.added(levels[kind], amount, now)


class _Levels(dict[str, Level]):
    """Of one model; empty where nothing was counted yet."""

    def __missing__(self, kind: str) -> Level:
        return _EMPTY


_EMPTY = Level()
