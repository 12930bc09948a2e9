"""How one limit counts: the arithmetic of a single bucket, nothing else.

Two ways are known. Groq refills continuously (``ContinuousBucket``); Together counts in windows of two seconds
(``WindowBucket``). Time is an argument, in seconds, and must not run backwards.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

EPSILON = 1e-6
"""Units of a limit. A bucket is exact to this much; it hides the rounding of binary fractions."""


class LimitState(NamedTuple):
    """One limit at one moment, in its own unit (requests, tokens, seconds of audio)."""

    limit: float
    used: float
    remaining: int
    reset_seconds: float
    """Until nothing of it is used any more."""


class Bucket(Protocol):
    """What one limit of one model has seen."""

    limit: float
    window: float

    @property
    def capacity(self) -> float:
        """How much it holds at once, in the limit's unit."""

    @property
    def span(self) -> float:
        """Seconds in which it counts that much."""

    def used(self, now: float) -> float:
        """How much counts at *now*, in the limit's unit."""

    def wait(self, amount: float, now: float) -> float:
        """Seconds until *amount* would be there; 0.0 if it is."""

    def add(self, amount: float, now: float) -> None:
        """Count *amount* (negative: give back). Never below empty."""

    def level(self, now: float) -> float:
        """How full it is, scaled to the limit's unit and window: ``limit`` where nothing is left."""

    def drain(self, now: float) -> None:
        """Leave nothing."""

    def remaining(self, now: float) -> int:
        """Whole units left."""

    def reset(self, now: float) -> float:
        """Seconds until nothing counts any more."""

    def state(self, now: float) -> LimitState:
        """All of it at once."""


class ContinuousBucket:
    """Holds ``limit`` and refills continuously at ``limit / window`` a second.

    Over 1,300 recorded header sets agree with ``remaining = floor(limit - used)`` and
    ``reset = used * window / limit`` for a fractional ``used``.

    Args:
        limit: Units it holds.
        window: Seconds in which an empty one is full again.
        debt: Whether more than ``limit`` may count (Groq until late 2025: ``Limit 5000, Used 5747``).
    """

    __slots__ = ("_level", "_seen", "debt", "limit", "window")

    def __init__(self, limit: float, window: float, *, debt: bool = False) -> None:
        self.limit = limit
        self.window = window
        self.debt = debt
        self._level = 0.0
        self._seen = 0.0

    @property
    def capacity(self) -> float:
        return self.limit

    @property
    def span(self) -> float:
        return self.window

    def used(self, now: float) -> float:
        if now != self._seen:
            self._level = max(0.0, self._level - (now - self._seen) * self.limit / self.window)
            self._seen = now
        return self._level

    def level(self, now: float) -> float:
        return self.used(now)

    def wait(self, amount: float, now: float) -> float:
        over = self.used(now) + amount - self.limit
        return over / self.limit * self.window if over > EPSILON else 0.0

    def add(self, amount: float, now: float) -> None:
        level = max(0.0, self.used(now) + amount)
        self._level = level if self.debt else min(level, self.limit)

    def drain(self, now: float) -> None:
        self._level = max(self.limit, self.used(now))

    def remaining(self, now: float) -> int:
        return max(0, math.floor(self.limit - self.used(now) + EPSILON))

    def reset(self, now: float) -> float:
        return self.used(now) * self.window / self.limit

    def state(self, now: float) -> LimitState:
        # As remaining() and reset(), with one look at the level: this runs for every limit of every call.
        used, limit = self.used(now), self.limit
        return LimitState(limit, used, max(0, math.floor(limit - used + EPSILON)), used * self.window / limit)


class WindowBucket:
    """Counts within a window that the first request opens; a rate below one a second allows one at a time.

    Recorded of Together: the first reply under 10 a second leaves 19, so the quota is two seconds' worth over
    two seconds; under 0.1 a second it leaves 0 and the window is 10 s.

    Args:
        limit: Requests a ``window`` of seconds, as published (600 a minute).
        seconds: How long the window that counts is, for a rate of one a second or more.
    """

    __slots__ = ("_count", "_opened", "_seconds", "limit", "window")

    def __init__(self, limit: float, window: float, seconds: float = 2.0) -> None:
        self.limit = limit
        self.window = window
        self._seconds = seconds
        self._count = 0.0
        self._opened = -math.inf

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.limit / self.window

    @property
    def capacity(self) -> float:
        return max(1.0, self._seconds * self.rate) if self.rate >= 1 else 1.0

    @property
    def span(self) -> float:
        """Length of the window that counts, in seconds."""
        return self._seconds if self.rate >= 1 else 1 / self.rate

    def used(self, now: float) -> float:
        return self._count if now < self._opened + self.span - EPSILON else 0.0

    def level(self, now: float) -> float:
        return self.used(now) / self.capacity * self.limit

    def wait(self, amount: float, now: float) -> float:
        return self.reset(now) if self.used(now) + amount > self.capacity + EPSILON else 0.0

    def add(self, amount: float, now: float) -> None:
        used = self.used(now)
        if not used:
            self._opened = now
        self._count = max(0.0, used + amount)

    def drain(self, now: float) -> None:
        self.add(max(0.0, self.capacity - self.used(now)), now)

    def remaining(self, now: float) -> int:
        return max(0, math.floor(self.capacity - self.used(now) + EPSILON))

    def reset(self, now: float) -> float:
        return max(0.0, self._opened + self.span - now) if self.used(now) else 0.0

    def state(self, now: float) -> LimitState:
        return LimitState(self.limit, self.used(now), self.remaining(now), self.reset(now))
