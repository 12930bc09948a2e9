"""Virtual time: one clock that the clients' sleeps move and the provider's windows read.

It only ever jumps; no real second is read, unless a test asks for it. How a sleeping thread or event loop comes to
move it is the business of ``adapters/time``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.locks import new_lock


@dataclass(slots=True)
class Sleep:
    """One sleep of the application or its SDK."""

    seconds: float
    """As asked for; what was really slept if it was cancelled."""
    site: str = ""
    """The application's own line, ``app/client.py:41 in ask``."""


class VirtualClock:
    """The time that clients and providers of one test share.

    Args:
        start: Aware datetime of second 0.
        ticks: Seconds that pass by themselves, for a clock that follows real time; default none do.
    """

    def __init__(self, start: datetime, ticks: Callable[[], float] | None = None) -> None:
        self._start = _aware(start)
        self._ticks = ticks
        self._ticks_at_start = ticks() if ticks else 0.0
        self._seconds = 0.0
        self._test_began = 0.0
        self._lock = new_lock()
        self._listeners: list[Callable[[], None]] = []
        self.sleeps: list[Sleep] = []

    def __repr__(self) -> str:
        return f"<VirtualClock {self.now.isoformat()} after {self.elapsed:g} s>"

    @property
    def now(self) -> datetime:
        """The current moment, aware, in UTC."""
        return self._start + timedelta(seconds=self.seconds)

    @property
    def seconds(self) -> float:
        """Seconds since the clock was made; never less than before. What limits are counted in."""
        return self._seconds + self._ticked

    @property
    def _ticked(self) -> float:
        return self._ticks() - self._ticks_at_start if self._ticks else 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since the test began."""
        return self.seconds - self._test_began

    @property
    def slept(self) -> float:
        """The sum of all sleeps in seconds; sleeps side by side count each."""
        return sum(sleep.seconds for sleep in self.sleeps)

    def advance(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Move on by the sum of the arguments. Sleeps that end meanwhile end.

        Raises:
            BadInput: The sum is negative: time does not run backwards.
        """
        step = seconds + 60 * minutes + 3600 * hours + 86400 * days
        if step < 0:
            raise BadInput(f"llm_clock.advance() cannot go back in time: {step:g} seconds")
        self.move_to(self.seconds + step)

    def travel_to(self, moment: datetime) -> None:
        """Move on to *moment* (a naive one is taken as UTC).

        Raises:
            BadInput: *moment* is in the clock's past.
        """
        seconds = (_aware(moment) - self._start).total_seconds()
        if seconds < self.seconds:
            raise BadInput(f"llm_clock.travel_to() cannot go back in time: {moment} is before {self.now}")
        self.move_to(seconds)

    # What follows is for the rest of this project.

    def move_to(self, seconds: float) -> None:
        """Jump to *seconds* unless the clock is there already, and tell who waits for that."""
        with self._lock:
            self._seconds = max(self._seconds, seconds - self._ticked)
        for listener in tuple(self._listeners):
            listener()

    def on_move(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call *listener* after every jump; the returned function ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def rebase(self, start: datetime) -> None:
        """Begin at another date; only before anything has moved the clock."""
        if self._seconds == 0:
            self._start = _aware(start)
            self._tell()

    def begin_test(self) -> None:
        """A new test looks at the clock: its elapsed seconds and sleeps count from here."""
        self._test_began = self.seconds
        self.sleeps = []

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
