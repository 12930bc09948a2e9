"""How an event loop waits while the clock drives it: the same for asyncio and trio.

A loop asks the operating system for events, with a timeout until its next timer. There, with nothing ready, it stands
in line with everybody else who waits on the clock, and keeps listening: events end the wait at any time.

A loop's own time is a constant plus the clock. It counts real seconds only where a wait was real
(``Move.WAIT_REALLY``), so that a read timeout on a real socket still fires, and a virtual timeout of 45 seconds
fires at 45 exactly.
"""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from types import FrameType
from typing import Any

from pytest_llmcontract.adapters.time.connections import Awaited
from pytest_llmcontract.adapters.time.driver import Driver, Move, Waiter
from pytest_llmcontract.adapters.time.real import Real
from pytest_llmcontract.core.attention import Attention
from pytest_llmcontract.core.errors import Deadlock
from pytest_llmcontract.core.site import application_site

# A loop that is not next yet, at a moment that has come already, sees so many seconds less. More than the 1e-9 by which
# asyncio runs timers early.
_NOT_YET = 4e-9

# In a real wait, how often to see whether it still has to be one. Real seconds.
_PIECE = 0.05


def innermost(coroutine: Any) -> FrameType | None:
    """Where a coroutine that is suspended stands: the frame of the one that all the others wait for."""
    frame: FrameType | None = None
    while coroutine is not None:
        for kind in ("cr", "gi", "ag"):
            if (here := getattr(coroutine, f"{kind}_frame", None)) is not None:
                # Frames of suspended coroutines have no f_back: the application's own last one is what we are after.
                frame = here if frame is None or application_site(here) else frame
                coroutine = getattr(coroutine, f"{kind}_yieldfrom" if kind == "gi" else f"{kind}_await", None)
                break
        else:
            break
    return frame


@dataclass(slots=True)
class Timer:
    """A loop's earliest timer."""

    when: float
    """In the loop's own time."""
    due: float
    """In seconds on the clock. Kept apart from ``when``: differences of large floats are not exact."""
    order: float
    sleep: bool
    """It is a sleep, not a timeout."""
    timeout: bool = False
    """A timeout fires at that moment, perhaps beside sleeps."""


class LoopWait(ABC):
    """One loop's waiting."""

    def __init__(self, driver: Driver, now: float) -> None:
        self.driver = driver
        self._base = now - driver.clock.seconds
        self._limit = math.inf
        self.thread = threading.get_ident()
        driver.loops.add(self)

    def time(self) -> float:
        """The loop's own time."""
        return min(self._base + self.driver.clock.seconds, self._limit)

    @abstractmethod
    def poll(self, seconds: float | None) -> Any:
        """Ask the operating system, for so many real seconds at most. Empty if nothing came."""

    @abstractmethod
    def next_timer(self) -> Timer | None:
        """The earliest timer; None if there is none, or none that will ever come."""

    @abstractmethod
    def has_sleepers(self) -> bool:
        """Does anybody sleep here, if perhaps longer than until the earliest timer?"""

    @abstractmethod
    def listens(self) -> bool:
        """Is a real socket or pipe registered?"""

    @abstractmethod
    def awaits(self) -> Iterable[Awaited]:
        """The files from which somebody here waits to read."""

    @abstractmethod
    def pending(self) -> Iterable[Hashable]:
        """All timers that may fire."""

    @abstractmethod
    def waits_for(self) -> list[object] | None:
        """What the task for which the loop runs waits for in the end; None if that goes on by itself."""

    @abstractmethod
    def tasks(self) -> Iterable[tuple[str, FrameType | None]]:
        """Names of the tasks that do not sleep, and where each stands."""

    @abstractmethod
    def runs(self) -> bool:
        """Does it run?"""

    def interrupt(self, error: Deadlock) -> None:
        """Let the task for which the loop runs fail; called in its thread."""
        raise error

    @abstractmethod
    def wake(self) -> None:
        """End ``poll``, from any thread."""

    def wait(self, seconds: float | None) -> Any:
        """What ``poll`` does, on the clock's time. *seconds* is what the loop would wait by itself."""
        driver = self.driver
        self.thread = threading.get_ident()
        self._limit = math.inf
        timer = None if driver.ended else self.next_timer()
        if timer is None:
            with driver.resting(sockets=self.listens()):
                return self.poll(seconds)
        if events := self.poll(0):  # what came while the loop was at work, before any time passes
            return self._first(events, timer)
        waiter = self._enlisted(timer)
        try:
            while (move := driver.move(waiter)) is not Move.GO:
                if move is Move.WAIT_REALLY:
                    events = self._poll_really(timer, waiter)
                    if events or self.time() >= timer.when:
                        return events
                elif events := self.poll(driver.pause if move is Move.LOOK_AGAIN else None):
                    return self._first(events, timer)
            if not driver.ended:
                self.reach(timer.when)
            return self.poll(0)
        finally:
            driver.delist(waiter)

    def _first(self, events: Any, timer: Timer) -> Any:
        """*events*, before *timer*: should its moment have come, its turn is yet to come."""
        if self.driver.clock.seconds >= timer.due:
            self._limit = timer.when - _NOT_YET
        return events

    def nudge(self) -> None:
        """The loop is never idle: if it is the next in line nevertheless, move the clock."""
        self._limit = math.inf
        timer = self.next_timer()
        if timer is None or not self.has_sleepers():
            return
        waiter = self._enlisted(timer)
        try:
            if self.driver.move(waiter) is Move.GO and not self.driver.ended:
                self.reach(timer.when)
        finally:
            self.driver.delist(waiter)

    def reach(self, when: float) -> None:
        """The clock is at the timer's moment: the loop's own time is, too, whatever its last bits say."""
        while (behind := when - self.time()) > 0:
            self._base += max(behind, math.ulp(when))

    def _enlisted(self, timer: Timer) -> Waiter:
        waiter = Waiter(
            timer.due,
            timer.order,
            self.wake,
            sleeps=timer.sleep or self.has_sleepers(),
            timeout=timer.timeout or not timer.sleep,
            sockets=self.listens(),
        )
        self.driver.enlist(waiter)
        return waiter

    def _poll_really(self, timer: Timer, waiter: Waiter) -> Any:
        left = timer.when - self.time()
        attention = Attention(Real.monotonic)  # of this loop's own thread: a timeout must not pass while it was held up
        while True:
            passed = attention.look()
            if passed >= left:
                self.reach(timer.when)
                return self.poll(0)
            events = self.poll(min(_PIECE, left - passed))
            if events:
                # Threads of ours that answer take no virtual time; what comes over a socket does.
                if waiter.sockets:
                    self._base += min(left, attention.look())
                return events
            if self.driver.move(waiter) is not Move.WAIT_REALLY:
                return events
