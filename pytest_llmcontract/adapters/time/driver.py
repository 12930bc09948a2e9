"""One list of everybody who waits on the clock, and the rule by which it jumps.

The rule is driven by sleeps. Whoever waits for a moment on the clock, a sleeping thread or an event loop with its
earliest timer, is a :class:`Waiter`. The earliest one moves the clock to its moment, itself, when

* at least one of them really sleeps (timeouts alone do not make time pass while somebody may still answer),
* no simulated request is in flight, and
* every other thread is idle.

Then the next one looks. So those who wake at the same moment go one after the other, in the order in which they went
to sleep, and a test comes out the same every time.
"""

from __future__ import annotations

import enum
import itertools
import math
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_llmcontract.adapters.time.real import Real
from pytest_llmcontract.adapters.time.threads import BETWEEN_LOOKS, BLOCKED, Threads
from pytest_llmcontract.core.clock import Sleep, VirtualClock
from pytest_llmcontract.core.errors import SimulationEnded
from pytest_llmcontract.core.site import application_site

if TYPE_CHECKING:
    from pytest_llmcontract.adapters.time.asyncio_loops import AsyncioTime
    from pytest_llmcontract.adapters.time.trio_runs import TrioTime

# While somebody computes, the next in line looks less and less often, down to this many real seconds.
_LONGEST_PAUSE = 0.005


class Turn(enum.Enum):
    """What a waiter may do."""

    GO = enum.auto()
    """Its moment has come."""
    LOOK_AGAIN = enum.auto()
    """It is the next, but somebody is busy; ask again after ``Driver.pause`` real seconds."""
    WAIT = enum.auto()
    """Somebody else is the next; it will be woken."""
    WAIT_REALLY = enum.auto()
    """Nobody sleeps, but somebody outside may answer: timeouts run in real time."""


class Waiter:
    """A thread or an event loop that waits for a moment on the clock."""

    __slots__ = ("due", "looking_since", "order", "sleeps", "sockets", "thread", "timeout", "wake")

    def __init__(
        self, due: float, order: int, wake: Callable[[], None], *, sleeps: bool, timeout: bool, sockets: bool
    ) -> None:
        self.due = due  # seconds on the clock
        self.order = order  # among those of the same moment
        self.wake = wake  # callable from any thread
        self.sleeps = sleeps  # somebody sleeps here, if perhaps longer than until `due`
        self.timeout = timeout  # what is due is no sleep but a timeout
        self.sockets = sockets  # it listens to the outside too
        self.thread = threading.get_ident()
        self.looking_since: float | None = None  # real, as the next in line


class Driver:
    """What :func:`running` starts and stops: the connection of one clock to the process."""

    def __init__(self, clock: VirtualClock, bystanders: set[int]) -> None:
        self.clock = clock
        self.holders = 0
        self.ended = False
        self.pause = BETWEEN_LOOKS
        self.trio: TrioTime | None = None
        self._bystanders = bystanders
        self._lock = threading.RLock()
        self._waiters: list[Waiter] = []
        self._resting: dict[int, bool] = {}  # threads of loops without timers: do they listen to sockets?
        self._calls: dict[int, int] = {}  # threads: simulated requests in flight
        self._orders = itertools.count()
        self._threads = Threads()
        self._jumping = False
        self._moved_by_hand_to = -math.inf

    def start(self) -> None:
        from pytest_llmcontract.adapters.time.asyncio_loops import AsyncioTime
        from pytest_llmcontract.adapters.time.trio_runs import watch_for_trio

        self.asyncio: AsyncioTime = AsyncioTime(self)
        self.asyncio.install()
        self._forget_trio = watch_for_trio(self)
        self._forget_clock = self.clock.on_move(self._clock_moved)

    def stop(self) -> None:
        """Whoever waits is let go: threads with SimulationEnded, loops into real time."""
        with self._lock:
            self.ended = True
            self._forget_clock()
            self._forget_trio()
            self.asyncio.uninstall()
            if self.trio is not None:
                self.trio.uninstall()
            for waiter in self._waiters:
                waiter.wake()

    # Threads

    def sleep(self, seconds: float) -> None:
        """``time.sleep``."""
        if not 0 < seconds < math.inf or threading.get_ident() in self._bystanders:
            Real.sleep(seconds)  # nothing to wait for, or its own complaint
            return
        sleep, began = self.note_sleep(seconds)
        try:
            self.wait(seconds)
        except BaseException:
            sleep.seconds = self.clock.seconds - began
            raise

    def note_sleep(self, seconds: float) -> tuple[Sleep, float]:
        """A sleep of the application begins: its entry, and when that was on the clock."""
        sleep = Sleep(float(seconds), application_site())
        self.clock.sleeps.append(sleep)
        return sleep, self.clock.seconds

    def wait(self, seconds: float) -> None:
        """Block this thread until the clock has moved on by *seconds*.

        Raises:
            SimulationEnded: The simulation was left before that.
        """
        with self._lock:
            due = self.clock.after(seconds)
            if len(sys._current_frames()) == 1 and not self.ended:
                self._jump(due)  # nobody else there: the usual case, and it should cost nothing
                return
            self._threads.take_part(threading.get_ident())
            asleep = threading.Lock()
            asleep.acquire()
            waiter = Waiter(due, self.next_order(), _releaser(asleep), sleeps=True, timeout=False, sockets=False)
            self.enlist(waiter)
        try:
            while (turn := self.turn(waiter)) is not Turn.GO:
                asleep.acquire(timeout=self.pause if turn is Turn.LOOK_AGAIN else -1)
        finally:
            self.delist(waiter)
        if self.ended:
            raise SimulationEnded(f"a sleep of {seconds:g} s outlived the simulation it began in")

    def call_begins(self, thread: int) -> None:
        self.asyncio.warn_if_unsupported()
        with self._lock:
            self._threads.take_part(thread)
            self._calls[thread] = self._calls.get(thread, 0) + 1

    def call_ends(self, thread: int) -> None:
        with self._lock:
            left = self._calls[thread] - 1
            if left:
                self._calls[thread] = left
            else:
                del self._calls[thread]

    def is_bystander(self, thread: int) -> bool:
        return thread in self._bystanders

    # Waiters

    def next_order(self) -> int:
        return next(self._orders)

    def enlist(self, waiter: Waiter) -> None:
        with self._lock:
            self._threads.take_part(waiter.thread)
            self._waiters.append(waiter)
            self._tell_next(but=waiter)

    def delist(self, waiter: Waiter) -> None:
        with self._lock:
            self._waiters.remove(waiter)
            self._tell_next()

    def turn(self, waiter: Waiter) -> Turn:
        """May *waiter* go on? If so, the clock has reached its moment."""
        with self._lock:
            if self.ended or waiter.due <= self._moved_by_hand_to:
                return Turn.GO
            asleep = {other.thread for other in self._waiters}
            if not any(other.sleeps for other in self._waiters) and self._outside_may_answer(asleep):
                return Turn.WAIT_REALLY
            if waiter is not self._next():
                waiter.looking_since = None
                return Turn.WAIT
            if any(thread not in asleep and thread not in self._resting for thread in self._calls):
                return self._look_again(waiter)
            if not self._threads.quiet(asleep | self._bystanders):
                return self._look_again(waiter)
            # A timeout while a socket is open: the answer may be on its way. Not for ever: somebody sleeps too.
            if waiter.timeout and waiter.sockets and not self._looked_for(waiter, BLOCKED):
                return self._look_again(waiter)
            self._jump(waiter.due)
            return Turn.GO

    @contextmanager
    def resting(self, *, sockets: bool) -> Iterator[None]:
        """This thread's loop has no timer: it waits for others."""
        thread = threading.get_ident()
        with self._lock:
            self._resting[thread] = sockets
            if self._waiters:
                self._tell_next()
        try:
            yield
        finally:
            with self._lock:
                self._resting.pop(thread, None)

    def _next(self) -> Waiter:
        return min(self._waiters, key=lambda waiter: (waiter.due, waiter.order))

    def _tell_next(self, but: Waiter | None = None) -> None:
        if not self._waiters:
            return
        self.pause = BETWEEN_LOOKS
        driven = any(waiter.sleeps for waiter in self._waiters)
        # Where nobody sleeps, each may have to wait in real time from now on.
        for waiter in [self._next()] if driven else self._waiters:
            if waiter is not but:
                waiter.wake()

    def _look_again(self, waiter: Waiter) -> Turn:
        if waiter.looking_since is None:
            waiter.looking_since = Real.monotonic()
        elif self._looked_for(waiter, 10 * BETWEEN_LOOKS):
            self.pause = min(_LONGEST_PAUSE, self.pause * 2)
        return Turn.LOOK_AGAIN

    def _looked_for(self, waiter: Waiter, seconds: float) -> bool:
        return waiter.looking_since is not None and Real.monotonic() - waiter.looking_since >= seconds

    def _outside_may_answer(self, asleep: set[int]) -> bool:
        if any(waiter.sockets for waiter in self._waiters) or any(self._resting.values()):
            return True
        return self._threads.may_answer(asleep | self._bystanders | self._resting.keys())

    # The clock

    def _jump(self, seconds: float) -> None:
        self._jumping = True
        try:
            self.clock.move_to(seconds)
        finally:
            self._jumping = False
        self._threads.jumped()

    def _clock_moved(self) -> None:
        """A jump of ours, or the test called ``advance``: then every sleep that ended meanwhile ends now."""
        with self._lock:
            if self._jumping:
                return
            self._moved_by_hand_to = self.clock.seconds
            for waiter in self._waiters:
                if waiter.due <= self.clock.seconds:
                    waiter.wake()


def _releaser(lock: threading.Lock) -> Callable[[], None]:
    def wake() -> None:
        # Only ever called under the driver's lock, so nobody releases in between.
        if lock.locked():
            lock.release()

    return wake
