"""Threads and tasks that outlive their test: whose they are, so that they do not act in the next one.

What waits for others when its test ends (a pool's idle worker, a server's loop) works for whoever wakes it, in
whatever test that is. What sleeps, computes or calls then is still at its own test's work. Such a thread is known
again by the function in which it stood; a task by its context, which it took from its test.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from types import FrameType
from typing import Any

from pytest_llmcontract.core.errors import SimulationEnded
from pytest_llmcontract.core.locks import new_lock


class Scope:
    """One test, while it is called.

    Args:
        name: Of the test.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.over = False
        self._before = set(threading.enumerate())

    def end(self) -> None:
        """The test is over: note who of its own goes on."""
        self.over = True
        frames = sys._current_frames()
        with _lock:
            _forget_finished(frames)
            for thread in set(threading.enumerate()) - self._before:
                innermost = frames.get(thread.ident or 0)
                if innermost is not None and (work := _work(innermost)):
                    _left[work] = self.name
        self._before.clear()


_scope: ContextVar[Scope | None] = ContextVar("llmcontract_scope", default=None)
_left: dict[FrameType, str] = {}
"""The function in which a thread stood -> the test that it is of."""
_lock = new_lock()


def begin(name: str) -> Scope:
    """A test is called."""
    scope = Scope(name)
    _scope.set(scope)
    return scope


def whose() -> str | None:
    """The test that left behind the thread or task which runs here; ``None``: nobody did."""
    scope = _scope.get()
    if scope is not None and scope.over and _in_task():
        return scope.name
    if not _left:
        return None
    return next((_left[frame] for frame in _outwards(sys._getframe()) if frame in _left), None)


def _in_task() -> bool:
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return False
    try:
        return asyncio.current_task() is not None
    except RuntimeError:
        return False


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


_DISPATCHERS = frozenset(
    {
        ("threading", "_bootstrap"),
        ("threading", "_bootstrap_inner"),
        ("threading", "run"),
        ("concurrent.futures.thread", "_worker"),
        ("concurrent.futures.thread", "run"),
        ("multiprocessing.pool", "worker"),
    }
)
"""What calls a thread's work, and goes on with other work when that is done."""
_LOOPS = frozenset(
    {
        ("asyncio.base_events", "run_forever"),
        ("socketserver", "serve_forever"),
        ("trio._core._run", "run"),
        ("trio._core._thread_cache", "_work"),
        ("queue", "get"),
        ("selectors", "select"),
        ("multiprocessing.pool", "_handle_tasks"),
        ("multiprocessing.pool", "_handle_results"),
        ("multiprocessing.pool", "_handle_workers"),
    }
)
"""Whoever stands in one of these waits for others' work."""


def _work(innermost: FrameType) -> FrameType | None:
    """The outermost function of a thread's work; ``None`` where it waits for others."""
    if _waits_without_end(innermost):
        return None
    work = None
    for frame in _outwards(innermost):
        name = (frame.f_globals.get("__name__"), frame.f_code.co_name)
        if name in _LOOPS:
            return None
        if name in _DISPATCHERS:
            return work
        work = frame
    return work


def _waits_without_end(frame: FrameType) -> bool:
    """In a lock's, an event's or a thread's ``wait`` that has no timeout."""
    inside = frame.f_globals.get("__name__") == "threading" and frame.f_code.co_name in ("wait", "join", "__enter__")
    return inside and frame.f_locals.get("timeout") is None


def _forget_finished(frames: dict[int, FrameType]) -> None:
    """A frame keeps all its variables alive, so none stays for longer than it runs."""
    running = {frame for innermost in frames.values() for frame in _outwards(innermost)}
    for frame in set(_left) - running:
        del _left[frame]


def hush() -> None:
    """A thread that ends because its simulation did says nothing of it: that is how it is ended."""
    if not getattr(threading.excepthook, "_llmcontract", False):
        threading.excepthook = _hushed(threading.excepthook)


def _hushed(below: Any) -> Any:
    def excepthook(args: Any, /) -> None:
        if not (args.exc_type and issubclass(args.exc_type, SimulationEnded)):
            below(args)

    excepthook._llmcontract = True  # type: ignore[attr-defined]
    return excepthook
