"""Virtual time: one clock that the clients' sleeps move and the provider's windows read.

It only ever jumps; no real second is read, unless a test asks for it. How a sleeping thread or event loop comes to
move it is the business of ``adapters/time``.

Inside it counts whole microseconds, as ``datetime`` does: a thousand small steps end where one large one does.
What is to happen later is an appointment (:meth:`VirtualClock.at`); whoever moves the clock passes each of them once,
at its own moment, in order.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.locks import new_lock

_MICROSECOND = timedelta(microseconds=1)
_SECOND = 1_000_000
"""In microseconds."""
_ROUNDING = 1e-4
"""Microseconds by which a sum of binary fractions may lie above a whole one and still mean it."""


@dataclass(slots=True)
class Sleep:
    """One sleep of the application or its SDK."""

    seconds: float
    """As asked for; what was really slept if it was cancelled."""
    site: str = ""
    """The application's own line, ``app/client.py:41 in ask``."""


@dataclass(slots=True, order=True)
class Appointment:
    """Something that happens when the clock gets there."""

    moment: int
    """Microseconds on the clock."""
    number: int
    """Of two at one moment, the one booked first goes first."""
    action: Callable[[], object] | None

    def cancel(self) -> None:
        """It does not happen; nothing if it has already."""
        self.action = None


class VirtualClock:
    """The time that clients and providers of one test share.

    Args:
        start: Aware datetime of second 0.
        ticks: Seconds that pass by themselves, for a clock that follows real time; default none do. Appointments of
            such a clock are passed when somebody asks (:meth:`pass_due`): before each call is answered.
    """

    def __init__(self, start: datetime, ticks: Callable[[], float] | None = None) -> None:
        self._start = _aware(start)
        self._ticks = ticks
        self._ticks_at_start = ticks() if ticks else 0.0
        self._moved = 0  # microseconds
        self._test_began = 0.0
        self.lock = new_lock()
        """Held while it moves and what is due happens; who answers calls on this clock holds it too."""
        self._listeners: list[Callable[[], None]] = []
        self._appointments: list[Appointment] = []
        self._booked = 0
        self.sleeps: list[Sleep] = []
        self.deeds = 0
        """How often the test itself moved it, or scripted something: a call after that is of its own making."""

    def __repr__(self) -> str:
        return f"<VirtualClock {self.now.isoformat()} after {self.elapsed:g} s>"

    @property
    def now(self) -> datetime:
        """The current moment, aware, in UTC."""
        return self._start + timedelta(microseconds=self._microseconds)

    @property
    def is_real(self) -> bool:
        """Whether it follows real time, so that who is to wait has to."""
        return self._ticks is not None

    @property
    def seconds(self) -> float:
        """Seconds since the clock was made; never less than before. What limits are counted in."""
        return self._moved / _SECOND if self._ticks is None else self._microseconds / _SECOND

    @property
    def is_behind(self) -> bool:
        """Whether something is due that did not happen yet, on a clock that follows real time."""
        return bool(self._appointments) and self._appointments[0].moment <= self._microseconds

    @property
    def _microseconds(self) -> int:
        return self._moved + self._ticked

    @property
    def _ticked(self) -> int:
        return round((self._ticks() - self._ticks_at_start) * _SECOND) if self._ticks else 0

    @property
    def elapsed(self) -> float:
        """Seconds since the test began."""
        return self.seconds - self._test_began

    @property
    def slept(self) -> float:
        """The sum of all sleeps in seconds; sleeps side by side count each."""
        return sum(sleep.seconds for sleep in self.sleeps)

    def advance(self, *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Move on by the sum of the arguments, to the microsecond. Sleeps that end meanwhile end.

        Raises:
            BadInput: The sum is negative: time does not run backwards. Or it is no number, or beyond the year 9999.
        """
        try:
            step = timedelta(seconds=seconds, minutes=minutes, hours=hours, days=days)
            arrival = self.now + step
        except (OverflowError, ValueError, TypeError) as problem:
            raise BadInput(f"llm_clock.advance() takes numbers, up to the year 9999: {problem}") from None
        if step < timedelta(0):
            raise BadInput(f"llm_clock.advance() cannot go back in time: {step.total_seconds():g} seconds")
        self.deeds += 1
        self._move((arrival - self._start) // _MICROSECOND)

    def travel_to(self, moment: datetime) -> None:
        """Move on to *moment* (a naive one is taken as UTC).

        Raises:
            BadInput: *moment* is in the clock's past.
        """
        wanted = self._moment(moment)
        if wanted < self._microseconds:
            raise BadInput(f"llm_clock.travel_to() cannot go back in time: {moment} is before {self.now}")
        self.deeds += 1
        self._move(wanted)

    # What follows is for the rest of this project.

    def after(self, seconds: float) -> float:
        """The moment *seconds* from now, in seconds on the clock: the first whole microsecond not before it."""
        return (self._microseconds + _whole(seconds)) / _SECOND

    def move_to(self, seconds: float) -> None:
        """Jump to *seconds* unless the clock is there already, and tell who waits for that."""
        self._move(_whole(seconds))

    def at(self, moment: datetime, action: Callable[[], object]) -> Appointment:
        """Let *action* happen when the clock gets to *moment*, with the clock at that moment.

        It is for what touches something else (an invoice, a top-up, a batch that runs). What merely follows from the
        past is computed when somebody asks.

        Raises:
            BadInput: *moment* is in the clock's past.
        """
        wanted = self._moment(moment)
        with self.lock:
            if wanted < self._microseconds:
                raise BadInput(f"nothing can be booked in the past: {moment} is before {self.now}")
            self._booked += 1
            booked = Appointment(wanted, self._booked, action)
            heapq.heappush(self._appointments, booked)
        return booked

    def pass_due(self) -> None:
        """Let happen what is due by now, on a clock that follows real time."""
        if self._appointments:
            self._move(self._microseconds)

    def on_move(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call *listener* after every jump; the returned function ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def rebase(self, start: datetime) -> None:
        """Begin at another date; only before anything has moved the clock, or is booked on it."""
        if self._moved == 0 and not self._appointments:
            self._start = _aware(start)
            self._tell()

    def begin_test(self) -> None:
        """A new test looks at the clock: its elapsed seconds and sleeps count from here."""
        self._test_began = self.seconds
        self.sleeps = []

    def _move(self, wanted: int) -> None:
        with self.lock:
            while self._appointments and self._appointments[0].moment <= wanted:
                due = heapq.heappop(self._appointments)
                self._moved = max(self._moved, due.moment - self._ticked)
                if due.action is not None:
                    due.action()
            self._moved = max(self._moved, wanted - self._ticked)
        # Told without the lock: the time driver takes its own first, and moves the clock while it holds it.
        self._tell()

    def _moment(self, moment: datetime) -> int:
        return (_aware(moment) - self._start) // _MICROSECOND

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()


def _whole(seconds: float) -> int:
    """*seconds* in microseconds, up to the next whole one; what is one but for its binary fraction stays."""
    return math.ceil(seconds * _SECOND - _ROUNDING)


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
