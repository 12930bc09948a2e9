"""One list of everybody who waits on the clock, and the rule by which it jumps.

The rule is driven by sleeps. Whoever waits for a moment on the clock, a sleeping thread or an event loop with its
earliest timer, is a :class:`Waiter`. The earliest one moves the clock to its moment, itself, when

* at least one of them really sleeps (timeouts alone do not make time pass while somebody may still answer),
* no simulated request is in flight,
* every other thread is idle, and
* no other process is at work for us: no real request is under way (:mod:`.connections`), no child is waited for
  (:mod:`.children`). While one is, the clock is held, and goes on at the pace of real time if that takes longer.

Then the next one looks. So those who wake at the same moment go one after the other, in the order in which they went
to sleep, and a test comes out the same every time.
"""

from __future__ import annotations

import enum
import itertools
import math
import random
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from pytest_llmcontract.adapters.time import deadlock
from pytest_llmcontract.adapters.time.children import Children
from pytest_llmcontract.adapters.time.connections import Awaited, Connections
from pytest_llmcontract.adapters.time.real import Real
from pytest_llmcontract.adapters.time.remarks import Remarks
from pytest_llmcontract.adapters.time.threads import BETWEEN_LOOKS, Threads
from pytest_llmcontract.core.attention import Attention
from pytest_llmcontract.core.clock import Sleep, VirtualClock
from pytest_llmcontract.core.errors import SimulationEnded
from pytest_llmcontract.core.locks import new_lock
from pytest_llmcontract.core.site import application_site

# While somebody computes, the next in line looks less and less often, down to this many real seconds.
_LONGEST_PAUSE = 0.005


# What two looks at real work under way may lie apart and still be one wait. Real seconds.
_ONE_WAIT = 0.1


# Who waits for a moment drawn by lot comes after all who went to sleep before there were calls.
_FIRST_DRAWN = 1e15
_MOMENTS = 1000  # so many are remembered, to notice that two are the same


class Move(enum.Enum):
    """What a waiter may do."""

    GO = enum.auto()
    """Its moment has come."""
    LOOK_AGAIN = enum.auto()
    """It is the next, but somebody is busy; ask again after ``Driver.pause`` real seconds."""
    WAIT = enum.auto()
    """Somebody else is the next; it will be woken."""
    WAIT_REALLY = enum.auto()
    """Nobody sleeps, but somebody outside may answer: timeouts run in real time."""


class Part(Protocol):
    """One kind of event loops on the clock."""

    def install(self) -> None:
        """Hook in."""

    def uninstall(self) -> None:
        """Take the hooks out again; loops go on in real time from where their time stands."""

    def runs_here(self) -> bool:
        """Does the caller run inside one of its loops?"""

    def call_begins(self) -> None:
        """A simulated request begins here."""

    async def delay(self, seconds: float) -> None:
        """Sleep without a note."""


class Loop(deadlock.Loop, Protocol):
    """One event loop, as far as others ask it."""

    def awaits(self) -> Iterable[Awaited]:
        """The files from which it waits to read."""


class Waiter:
    """A thread or an event loop that waits for a moment on the clock."""

    __slots__ = ("due", "looking_since", "order", "sleeps", "sockets", "thread", "timeout", "wake")

    def __init__(
        self, due: float, order: float, wake: Callable[[], None], *, sleeps: bool, timeout: bool, sockets: bool
    ) -> None:
        self.due = due  # seconds on the clock
        self.order = order  # among those of the same moment
        self.wake = wake  # callable from any thread
        self.sleeps = sleeps  # somebody sleeps here, if perhaps longer than until `due`
        self.timeout = timeout  # what is due is no sleep but a timeout
        self.sockets = sockets  # it listens to the outside too
        self.thread = threading.get_ident()
        self.looking_since: float | None = None  # as the next in line


class Driver:
    """What :func:`running` starts and stops: the connection of one clock to the process.

    Args:
        clock: What is moved.
        bystanders: Threads that do not sleep on the clock, and hold it only while they run.
        seed: Of the order in which those go on who wait for one moment.
    """

    def __init__(self, clock: VirtualClock, bystanders: set[int], seed: int = 0) -> None:
        self.clock = clock
        self.holders = 0
        self.ended = False
        self.pause = BETWEEN_LOOKS
        self.parts: Sequence[Part] = ()
        self.loops: weakref.WeakSet[Loop] = weakref.WeakSet()
        self.remarks = Remarks(clock)
        self.attention = Attention(Real.monotonic)
        self.children = Children(self.attention)
        self._watch = deadlock.Watch(clock, self.attention)
        self._connections = Connections(self.attention)
        self._bystanders = bystanders
        self._lock = new_lock()
        self._orders = itertools.count()
        self._seed = seed
        self._random = random.Random(seed)
        self._moments: set[float] = set()
        self._calls_were_made = False
        self._jumping = False
        self._outside = 0  # clients at work that no socket of Python's tells of
        self._moved_by_hand_to = -math.inf
        self._work_seen: float | None = None  # when other processes were last seen at work for us
        self._work_lasted = 0.0  # real seconds of that since the clock moved
        self._begin()

    def _begin(self) -> None:
        self._waiters: list[Waiter] = []
        self._resting: dict[int, bool] = {}  # threads of loops without timers: do they listen to sockets?
        self._calls: dict[int, int] = {}  # threads: simulated requests in flight
        self._threads = Threads(self.attention)

    def start(self, parts: Sequence[Part]) -> None:
        """Hook into everything; *parts* are the kinds of event loops, the innermost first."""
        self.parts = parts
        for part in parts:
            part.install()
        self.children.install()
        self._watch.install()
        self._forget_clock = self.clock.on_move(self._clock_moved)

    def stop(self) -> None:
        """Whoever waits is let go: threads with SimulationEnded, loops into real time."""
        with self._lock:
            self.ended = True
            self._forget_clock()
            self._watch.uninstall()
            self.children.uninstall()
            for part in reversed(self.parts):
                part.uninstall()
            for waiter in self._waiters:
                waiter.wake()

    def forked(self) -> None:
        """This is a child: none of the other threads is here, whatever they waited for."""
        mine = self._calls.get(threading.get_ident())
        self._begin()
        if mine:
            self._calls[threading.get_ident()] = mine

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
            if len(sys._current_frames()) == 1 and not self.ended and not self.children.waited_for():
                self._jump(due)  # nobody else there: the usual case, and it should cost nothing
                return
            self._threads.take_part(threading.get_ident())
            asleep = threading.Lock()
            asleep.acquire()
            waiter = Waiter(due, self.next_order(due), _releaser(asleep), sleeps=True, timeout=False, sockets=False)
            self.enlist(waiter)
        try:
            while (move := self.move(waiter)) is not Move.GO:
                asleep.acquire(timeout=self.pause if move is Move.LOOK_AGAIN else -1)
        finally:
            self.delist(waiter)
        if self.ended:
            raise SimulationEnded(f"a sleep of {seconds:g} s outlived the simulation it began in")

    def call_begins(self, thread: int) -> None:
        self.remarks.look_for_mocks()
        for part in self.parts:
            part.call_begins()
        with self._lock:
            self._threads.take_part(thread)
            self._calls[thread] = self._calls.get(thread, 0) + 1
            self._calls_were_made = True
            self._watch.progress()

    def call_ends(self, thread: int) -> None:
        with self._lock:
            left = self._calls[thread] - 1
            if left:
                self._calls[thread] = left
            else:
                del self._calls[thread]

    def outside(self, more: int) -> None:
        """So many more clients have sockets that Python does not know: somebody may answer them."""
        with self._lock:
            self._outside += more

    def is_bystander(self, thread: int) -> bool:
        return thread in self._bystanders

    # Waiters

    def next_order(self, due: float) -> float:
        """The place among those who wait for the moment *due*; lower goes first.

        Who went to sleep first wakes first. But once calls were made, real latency would shuffle them: several workers
        that all wait for one limit would otherwise meet it in the same order for ever, and all but the first starve.
        """
        order = next(self._orders)
        if not self._calls_were_made:
            return order
        if due in self._moments:
            self.remarks.shuffled(self._seed)
        elif len(self._moments) > _MOMENTS:
            self._moments.clear()
        self._moments.add(due)
        return _FIRST_DRAWN + self._random.random()

    def enlist(self, waiter: Waiter) -> None:
        with self._lock:
            self._threads.take_part(waiter.thread)
            self._waiters.append(waiter)
            self._tell_next(but=waiter)

    def delist(self, waiter: Waiter) -> None:
        with self._lock:
            self._waiters.remove(waiter)
            self._tell_next()

    def move(self, waiter: Waiter) -> Move:
        """May *waiter* go on? If so, the clock has reached its moment."""
        with self._lock:
            if self.ended or waiter.due <= self._moved_by_hand_to:
                return Move.GO
            asleep = {other.thread for other in self._waiters}
            if not any(other.sleeps for other in self._waiters) and self._outside_may_answer(asleep):
                return Move.WAIT_REALLY
            if waiter is not self._next():
                waiter.looking_since = None
                return Move.WAIT
            if any(thread not in asleep and thread not in self._resting for thread in self._calls):
                return self._look_again(waiter)
            if not self._threads.quiet(asleep, self._bystanders):
                return self._look_again(waiter)
            if self._held_from_outside(waiter, asleep):
                return self._look_again(waiter)
            self._jump(waiter.due)
            self._look_for_a_deadlock(asleep)
            return Move.GO

    def _held_from_outside(self, waiter: Waiter, asleep: set[int]) -> bool:
        """Are other processes at work for us, for less real time than it is until *waiter*'s moment?"""
        peers, at_work = self._connections.unanswered(self._awaited(asleep))
        children = self.children.waited_for()
        now, seen = self.attention.look(), self._work_seen
        if at_work or children or self._watch.told:  # a deadlock that was told burns no core
            self._work_seen = now
            self._work_lasted += min(now - seen, _ONE_WAIT) if seen is not None else 0.0
            if self._work_lasted < waiter.due - self.clock.seconds:
                return True
        elif seen is not None:
            self._work_seen = None
            self._work_lasted = 0.0
            return True  # once more: what was answered just now has to be read first
        if waiter.timeout:
            left = waiter.due - self.clock.seconds
            self.remarks.timeout_fires(left, peers, self.children.alive(), self._threads.blocked())
        return False

    def _look_for_a_deadlock(self, asleep: set[int]) -> None:
        if not self._watch.jumped():
            return

        def busy() -> bool:
            peers, _ = self._connections.unanswered(self._awaited(asleep))
            return bool(peers or self.children.alive() or self._threads.blocked())

        sleeping = [(waiter.due, waiter.order) for waiter in self._waiters if waiter.sleeps and not waiter.timeout]
        self._watch.look(sleeping, tuple(self.loops), busy)

    def _awaited(self, asleep: set[int]) -> Iterator[Awaited]:
        """The files from which somebody waits to read, be it a loop or a thread that does not take part in the wait."""
        for loop in tuple(self.loops):
            yield from loop.awaits()
        yield from self._threads.await_files(asleep | self._bystanders | self._resting.keys())

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

    def _look_again(self, waiter: Waiter) -> Move:
        if waiter.looking_since is None:
            waiter.looking_since = self.attention.look()
        elif self._looked_for(waiter, 10 * BETWEEN_LOOKS):
            self.pause = min(_LONGEST_PAUSE, self.pause * 2)
        return Move.LOOK_AGAIN

    def _looked_for(self, waiter: Waiter, seconds: float) -> bool:
        return waiter.looking_since is not None and self.attention.look() - waiter.looking_since >= seconds

    def _outside_may_answer(self, asleep: set[int]) -> bool:
        if self._outside or any(waiter.sockets for waiter in self._waiters) or any(self._resting.values()):
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
        self.children.jumped()
        self._work_lasted = 0.0

    def _clock_moved(self) -> None:
        """A jump of ours, or the test called ``advance``: then every sleep that ended meanwhile ends now."""
        with self._lock:
            if self._jumping:
                return
            self._moved_by_hand_to = self.clock.seconds
            self._watch.progress()
            for waiter in self._waiters:
                if waiter.due <= self.clock.seconds:
                    waiter.wake()


def _releaser(lock: threading.Lock) -> Callable[[], None]:
    def wake() -> None:
        # Only ever called under the driver's lock, so nobody releases in between.
        if lock.locked():
            lock.release()

    return wake
