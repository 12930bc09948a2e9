"""How one limit counts: arithmetic alone. What was counted so far is a :class:`Level`, an argument like the time.

Two ways are known. Groq refills continuously (:class:`Refill`); Together counts in windows of two seconds
(:class:`Window`). Time is in seconds and must not run backwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

EPSILON = 1e-6
"""Units of a limit. Arithmetic is exact to this much; it hides the rounding of binary fractions."""


class Level(NamedTuple):
    """What one limit of one model has seen."""

    amount: float = 0.0
    """Units that counted at that moment."""
    since: float = -math.inf
    """When: of a refill the last look, of a window its opening."""


class LimitState(NamedTuple):
    """One limit at one moment, in its own unit (requests, tokens, seconds of audio)."""

    limit: float
    used: float
    remaining: int
    reset_seconds: float
    """Until nothing of it is used any more."""


class Rule(Protocol):
    """How a limit counts."""

    @property
    def limit(self) -> float:
        """Units a window, as published."""

    @property
    def window(self) -> float:
        """Seconds."""

    @property
    def capacity(self) -> float:
        """How much it holds at once, in the limit's unit."""

    @property
    def span(self) -> float:
        """Seconds in which it counts that much."""

    def used(self, level: Level, now: float) -> float:
        """How much counts at *now*, in the limit's unit."""

    def scaled(self, level: Level, now: float) -> float:
        """How full it is, scaled to the limit's unit and window: ``limit`` where nothing is left."""

    def wait(self, level: Level, amount: float, now: float) -> float:
        """Seconds until *amount* would be there; 0.0 if it is."""

    def passes_in(self, used: float, amount: float, level: Level, now: float) -> float:
        """Seconds that a refusal announces, computed from *used* units as it prints them."""

    def added(self, level: Level, amount: float, now: float) -> Level:
        """With *amount* more (negative: given back). Never below empty."""

    def drained(self, level: Level, now: float) -> Level:
        """With nothing left."""

    def state(self, level: Level, now: float) -> LimitState:
        """What can be told of it."""


@dataclass(frozen=True, slots=True)
class Refill:
    """Holds ``limit`` and refills continuously at ``limit / window`` a second.

    Over 1,300 recorded header sets agree with ``remaining = floor(limit - used)`` and
    ``reset = used * window / limit`` for a fractional ``used``.
    """

    limit: float
    """Units it holds."""
    window: float
    """Seconds in which an empty one is full again."""
    debt: bool = False
    """Whether more than ``limit`` may count (Groq until late 2025: ``Limit 5000, Used 5747``)."""

    @property
    def capacity(self) -> float:
        return self.limit

    @property
    def span(self) -> float:
        return self.window

    def used(self, level: Level, now: float) -> float:
        amount, since = level
        if not amount or now == since:
            return amount
        left = amount - (now - since) * self.limit / self.window
        return left if left > 0 else 0.0

    def scaled(self, level: Level, now: float) -> float:
        return self.used(level, now)

    def wait(self, level: Level, amount: float, now: float) -> float:
        over = self.used(level, now) + amount - self.limit
        return over / self.limit * self.window if over > EPSILON else 0.0

    def passes_in(self, used: float, amount: float, level: Level, now: float) -> float:
        return (used + amount - self.limit) / self.limit * self.window

    def added(self, level: Level, amount: float, now: float) -> Level:
        full = self.used(level, now) + amount
        if full > self.limit and not self.debt:
            full = self.limit
        return Level(full if full > 0 else 0.0, now)

    def drained(self, level: Level, now: float) -> Level:
        return Level(max(self.limit, self.used(level, now)), now)

    def state(self, level: Level, now: float) -> LimitState:
        used, limit = self.used(level, now), self.limit
        return LimitState(limit, used, max(0, math.floor(limit - used + EPSILON)), used * self.window / limit)


@dataclass(frozen=True, slots=True)
class Window:
    """Counts within a window that the first request opens; a rate below one a second allows one at a time.

    Recorded of Together: the first reply under 10 a second leaves 19, so the quota is two seconds' worth over
    two seconds; under 0.1 a second it leaves 0 and the window is 10 s.
    """

    limit: float
    """Requests a ``window`` of seconds, as published (600 a minute)."""
    window: float
    seconds: float = 2.0
    """How long the window that counts is, for a rate of one a second or more."""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.limit / self.window

    @property
    def capacity(self) -> float:
        return max(1.0, self.seconds * self.rate) if self.rate >= 1 else 1.0

    @property
    def span(self) -> float:
        """Length of the window that counts, in seconds."""
        return self.seconds if self.rate >= 1 else 1 / self.rate

    def used(self, level: Level, now: float) -> float:
        return level.amount if now < level.since + self.span - EPSILON else 0.0

    def scaled(self, level: Level, now: float) -> float:
        return self.used(level, now) / self.capacity * self.limit

    def wait(self, level: Level, amount: float, now: float) -> float:
        return self._reset(level, now) if self.used(level, now) + amount > self.capacity + EPSILON else 0.0

    def passes_in(self, used: float, amount: float, level: Level, now: float) -> float:
        return self.wait(level, amount, now)

    def added(self, level: Level, amount: float, now: float) -> Level:
        used = self.used(level, now)
        return Level(max(0.0, used + amount), level.since if used else now)

    def drained(self, level: Level, now: float) -> Level:
        return self.added(level, max(0.0, self.capacity - self.used(level, now)), now)

    def _reset(self, level: Level, now: float) -> float:
        return max(0.0, level.since + self.span - now) if self.used(level, now) else 0.0

    def state(self, level: Level, now: float) -> LimitState:
        used = self.used(level, now)
        left = max(0, math.floor(self.capacity - used + EPSILON))
        return LimitState(self.limit, used, left, self._reset(level, now))
