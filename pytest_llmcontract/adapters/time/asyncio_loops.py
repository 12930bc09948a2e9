"""asyncio on the virtual clock: every loop of the standard library's kinds, made before or after, running or not.

Not ``asyncio.sleep`` is replaced: anyio and others have it bound already, and timeouts would not agree. A loop is
adopted when it next runs or schedules something: its ``time`` and its selector's ``select`` are set on the
*instances*, since freezegun replaces ``time`` on the class.

Private parts used: ``BaseEventLoop._run_once`` (only to meet loops), ``_scheduled``, ``_selector``,
``TimerHandle._when``, ``_scheduled`` and ``_cancelled``, and ``futures._set_result_unless_cancelled``, the callback by
which ``asyncio.sleep`` is told from a timeout; ``_SelectorSocketTransport.write``, ``Handle._callback`` and
``pause_reading`` and ``transport._server``, by which a request that was not answered yet is told from all else a loop
listens to.
tests/adapters/test_time_asyncio.py pins them.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import selectors
import sys
import threading
import warnings
import weakref
from asyncio import base_events, events, futures, selector_events, transports
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from types import FrameType
from typing import Any

from pytest_llmcontract.adapters.time.connections import MORE_TO_COME, Awaited
from pytest_llmcontract.adapters.time.driver import Driver
from pytest_llmcontract.adapters.time.loops import LoopWait, Timer, innermost
from pytest_llmcontract.adapters.time.real import Real, UnsupportedLoopWarning
from pytest_llmcontract.adapters.time.refused import ForeignLoops
from pytest_llmcontract.core.attention import Attention

_end_of_sleep: Callable[[Any, Any], None] = futures._set_result_unless_cancelled  # type: ignore[attr-defined]

# A loop that went round so often without a pause, for so many real seconds, waits for time to pass (`sleep(0)` in a
# `while`). One that computes goes round rarely.
_SPINS = 10_000
_SPINNING = 0.5

# Real seconds since a piece of an answer came in which the next is waited for, on a connection that always listens:
# it may as well be idle now.
_REST = 0.1

_RESOLUTION = 1e-9  # a loop runs timers this much early


class _SleepTimer(asyncio.TimerHandle):
    """The timer of a sleep or delay. It knows its exact moment, and who went to sleep first wakes first.

    For timers of the same moment asyncio promises no order; in real time no two are of the same moment.
    """

    __slots__ = ("driver", "due", "order")

    def __init__(self, driver: Driver, seconds: float, args: Any, loop: Any, context: Any) -> None:
        super().__init__(loop.time() + seconds, _end_of_sleep, args, loop, context)
        self.driver = driver
        self.due = driver.clock.after(seconds)
        self.order = driver.next_order(self.due)
        # What loop.call_at does with a timer.
        heapq.heappush(loop._scheduled, self)
        self._scheduled = True

    def __lt__(self, other: object) -> bool:
        if type(other) is _SleepTimer and self.when() == other.when():
            return self.order < other.order
        return super().__lt__(other)  # type: ignore[operator]


class AsyncioTime:
    """The hooks of one simulation in asyncio."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._adopted: weakref.WeakSet[_AsyncioLoop] = weakref.WeakSet()
        self._warned: set[type] = set()
        self.traffic = Traffic(driver.attention)
        self._foreign = ForeignLoops(driver.is_bystander)

    def install(self) -> None:
        self._foreign.install()
        loops: Any = base_events.BaseEventLoop
        sockets: Any = selector_events._SelectorSocketTransport  # type: ignore[attr-defined]
        run_once, call_later = loops._run_once, loops.call_later
        adopt, driver = self.adopt, self._driver

        def adopting_run_once(loop: Any) -> None:
            adopt(loop)
            run_once(loop)

        def noting_call_later(loop: Any, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
            if adopt(loop) and callback is _end_of_sleep and 0 < delay < math.inf:
                _note(driver, delay, args[0])
                return _SleepTimer(driver, delay, args, loop, context)
            return call_later(loop, delay, callback, *args, context=context)

        self._hooks: list[tuple[Any, str, Any, Any]] = [
            (loops, "_run_once", adopting_run_once, run_once),
            (loops, "call_later", noting_call_later, call_later),
        ]
        for name in ("write", "writelines"):
            if original := vars(sockets).get(name):
                self._hooks.append((sockets, name, self.traffic.noting(original), original))
        pause: Any = sockets.pause_reading
        self._hooks.append((selector_events._SelectorTransport, "pause_reading", self.traffic.pausing(pause), pause))  # type: ignore[attr-defined]
        for owner, name, hook, _ in self._hooks:
            setattr(owner, name, hook)
        running = events._get_running_loop()
        if isinstance(running, base_events.BaseEventLoop):
            adopt(running)
        self.call_begins()

    def uninstall(self) -> None:
        self._foreign.uninstall()
        for owner, name, hook, original in self._hooks:
            # Somebody who came later (nest_asyncio) keeps theirs; our hook below it does no harm.
            if vars(owner).get(name) is hook:
                setattr(owner, name, original)
        for loop in tuple(self._adopted):
            loop.release()

    def adopt(self, loop: Any) -> bool:
        """Make *loop*'s time the clock's. False for a bystander's loop and after the simulation."""
        known = loop.__dict__.get("_llmcontract_time")
        if known is not None and known.driver is self._driver:
            return not self._driver.ended
        if self._driver.ended or self._driver.is_bystander(threading.get_ident()):
            return False
        if not hasattr(getattr(loop, "_selector", None), "select"):
            self._warn(loop)
            return False
        self._adopted.add(_AsyncioLoop(self._driver, loop, self.traffic))
        return True

    def runs_here(self) -> bool:
        return events._get_running_loop() is not None

    def call_begins(self) -> None:
        """A loop of another kind runs here: say so, once, rather than let a test wait without a word."""
        loop = events._get_running_loop()
        if loop is not None and not isinstance(loop, base_events.BaseEventLoop):
            self._warn(loop)

    def _warn(self, loop: object) -> None:
        kind = type(loop)
        if kind not in self._warned:
            self._warned.add(kind)
            warnings.warn(
                f"{kind.__module__}.{kind.__qualname__} keeps its own time: sleeps and timeouts in it take real "
                "seconds and do not move llm_clock. Run the test on an event loop of asyncio.",
                UnsupportedLoopWarning,
                stacklevel=2,
            )

    async def delay(self, seconds: float) -> None:
        """Sleep without a note."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        timer: asyncio.TimerHandle
        if isinstance(loop, base_events.BaseEventLoop) and self.adopt(loop):
            timer = _SleepTimer(self._driver, seconds, (future, None), loop, None)
        else:
            timer = loop.call_later(seconds, future.set_result, None)
        try:
            await future
        finally:
            timer.cancel()


class Traffic:
    """What travelled last on the connections that loops of this process opened."""

    def __init__(self, attention: Attention) -> None:
        self._attention = attention
        self._asked: weakref.WeakSet[Any] = weakref.WeakSet()
        self._heard: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()
        self._pauses: weakref.WeakSet[Any] = weakref.WeakSet()  # whose owners do not listen unless they wait (anyio)

    def noting(self, write: Callable[..., None]) -> Callable[..., None]:
        def noting_write(transport: Any, data: Any) -> None:
            write(transport, data)
            if transport._server is None:  # not accepted
                self._asked.add(transport)

        return noting_write

    def pausing(self, pause_reading: Callable[..., None]) -> Callable[..., None]:
        def noting_pause(transport: Any) -> None:
            pause_reading(transport)
            self._pauses.add(transport)

        return noting_pause

    def heard(self, ready: list[tuple[Any, int]]) -> None:
        """A selector says who may read."""
        for key, events_ in ready:
            if events_ & selectors.EVENT_READ and (transport := _transport(key)) is not None:
                self._asked.discard(transport)
                self._heard[transport] = self._attention.look()

    def on_its_way(self, transport: Any) -> bool:
        """Is an answer, or the rest of one?"""
        if getattr(transport, "_server", None) is not None:
            return False
        rest = MORE_TO_COME if transport in self._pauses else _REST
        return transport in self._asked or self._attention.look() - self._heard.get(transport, -math.inf) < rest


def _note(driver: Driver, seconds: float, future: asyncio.Future[Any]) -> None:
    sleep, began = driver.note_sleep(seconds)

    def ended(future: asyncio.Future[Any]) -> None:
        if future.cancelled():
            sleep.seconds = driver.clock.seconds - began

    future.add_done_callback(ended)


class _AsyncioLoop(LoopWait):
    """One adopted loop."""

    def __init__(self, driver: Driver, loop: Any, traffic: Traffic) -> None:
        # Timers that are pending, or code that read the time already, know the loop's time; a fresh loop's may as
        # well be right where freezegun stops everybody's.
        known = loop._scheduled or "time" in vars(loop)
        super().__init__(driver, loop.time() if known else Real.monotonic())
        self._loop = loop
        self._traffic = traffic
        self._selector = loop._selector
        self._select = self._selector.select
        self._select_was_set = "select" in vars(self._selector)
        self._rounds = 0
        self._busy_since = 0.0
        loop._llmcontract_time = self
        loop.time = self.time
        self._selector.select = self.select

    def release(self) -> None:
        """Real time again, from where the loop's time stands: it never runs backwards, pending timers stay right."""
        ahead = self.time() - Real.monotonic()
        if vars(self._loop).get("time") == self.time:
            if ahead > 0:
                monotonic = Real.monotonic
                self._loop.time = lambda: monotonic() + ahead
            else:
                del self._loop.time
        if vars(self._selector).get("select") == self.select:
            if self._select_was_set:
                self._selector.select = self._select
            else:
                del self._selector.select
        self._loop.__dict__.pop("_llmcontract_time", None)

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None or timeout > 0:
            self._rounds = 0
            return self.wait(timeout)
        self._rounds += 1
        if self._rounds == 1:
            self._busy_since = Real.monotonic()
        elif self._rounds > _SPINS and Real.monotonic() - self._busy_since > _SPINNING:
            self._rounds = 0
            self.nudge()
        return self.poll(timeout)

    def poll(self, seconds: float | None) -> Any:
        ready = self._select(seconds)
        if ready:
            self._traffic.heard(ready)
        return ready

    def next_timer(self) -> Timer | None:
        if not self._loop._scheduled:
            return None
        first = self._loop._scheduled[0]
        when = first._when
        if when == math.inf:
            return None
        timers = list(self._timers_until(when + _RESOLUTION))
        sleeps = [timer for timer in timers if _is_sleep(timer) and timer.driver is self.driver]
        timeout = any(not timer._cancelled and not _is_sleep(timer) for timer in timers)
        if sleeps:
            # All of these wake in one round of the loop, so none may be early, not by the last bit of a float.
            due, order = max(timer.due for timer in sleeps), min(timer.order for timer in sleeps)
            return Timer(when, due, order, sleep=True, timeout=timeout)
        due = self.driver.clock.after(max(0.0, round(when - self.time(), 9)))
        return Timer(when, due, -1, sleep=_is_sleep(first))

    def has_sleepers(self) -> bool:
        return any(map(_is_sleep, self._loop._scheduled))

    def listens(self) -> bool:
        return len(self._watched()) > 1  # one is the loop's own, by which `wake` reaches it

    def awaits(self) -> Iterator[Awaited]:
        if not self.listens():
            return  # the usual case, and at every tick: the kernel need not be asked about the loop's own socket
        for key in self._watched():
            transport = _transport(key)
            if transport is None:
                yield Awaited(key.fd)
            elif self._traffic.on_its_way(transport):
                yield Awaited(key.fd, sure=True)

    def pending(self) -> Iterator[Hashable]:
        return ((id(timer), timer._when) for timer in self._loop._scheduled if not timer._cancelled)

    def waits_for(self) -> list[object] | None:
        frame = sys._current_frames().get(self.thread)
        while frame is not None and frame.f_code.co_name != "run_until_complete":
            frame = frame.f_back
        return None if frame is None else _leaves(frame.f_locals.get("future"))

    def runs(self) -> bool:
        return bool(self._loop.is_running())

    def tasks(self) -> Iterator[tuple[str, FrameType | None]]:
        for task in asyncio.all_tasks(self._loop):
            if not any(map(_ends_a_sleep(task), self._loop._scheduled)):
                yield f"task {task.get_name()}", innermost(task.get_coro())

    def _watched(self) -> list[Any]:
        watched = self._selector.get_map() if hasattr(self._selector, "get_map") else None
        return list(watched.values()) if watched else []  # None, once closed

    def wake(self) -> None:
        with suppress(RuntimeError):  # closed meanwhile
            self._loop.call_soon_threadsafe(_nothing)

    def _timers_until(self, limit: float) -> Iterator[Any]:
        """Those up to *limit*, found from the top of the heap."""
        heap = self._loop._scheduled
        places = [0]
        while places:
            place = places.pop()
            if place < len(heap) and heap[place]._when <= limit:
                yield heap[place]
                places += (2 * place + 1, 2 * place + 2)


def _transport(key: Any) -> Any:
    """The transport behind what a selector watches; None for what somebody else put there."""
    reads = key.data[0] if isinstance(key.data, tuple) else None
    owner = getattr(getattr(reads, "_callback", None), "__self__", None)
    return owner if isinstance(owner, transports.BaseTransport) else None


def _leaves(future: Any) -> list[object] | None:
    """The futures for which *future* waits in the end; None if one of those that it waits for goes on by itself."""
    if future is None or future.done():
        return None
    children = getattr(future, "_children", None)  # of a gathering
    if children is None and isinstance(future, asyncio.Task):
        waiter = future._fut_waiter  # type: ignore[attr-defined]
        children = _of_group(future) or [waiter]
        if waiter is None:
            return None
    if children is None:
        return [future]
    leaves: list[object] = []
    for child in children:
        if child.done():
            continue
        below = _leaves(child)
        if below is None:
            return None
        leaves += below
    return leaves


def _of_group(task: asyncio.Task[Any]) -> list[Any]:
    """The tasks for which *task* waits in a TaskGroup or in ``asyncio.wait``."""
    coroutine: Any = task.get_coro()
    while getattr(inner := getattr(coroutine, "cr_await", None), "cr_frame", None) is not None:
        coroutine = inner
    frame = getattr(coroutine, "cr_frame", None)
    if frame is None or frame.f_globals.get("__name__") not in ("asyncio.taskgroups", "asyncio.tasks"):
        return []
    waited = getattr(frame.f_locals.get("self"), "_tasks", None) or frame.f_locals.get("fs") or ()
    return [one for one in waited if isinstance(one, asyncio.Future)]


def _ends_a_sleep(task: asyncio.Task[Any]) -> Callable[[Any], bool]:
    waiter = task._fut_waiter  # type: ignore[attr-defined]
    return lambda timer: _is_sleep(timer) and timer._args and timer._args[0] is waiter


def _is_sleep(timer: Any) -> bool:
    return type(timer) is _SleepTimer and not timer._cancelled


def _nothing() -> None:
    pass
