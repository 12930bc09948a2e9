"""Who asks again: of two attempts, the innermost frame that lives through both owns the loop that made the second.

The rule needs no list of libraries that retry: a loop in ``tenacity`` is tenacity's, one in the application's own
function is the application's, and one in an SDK is the SDK's, by whatever means it repeats itself.

A frame is known again by being the same object, so the frames of a failed attempt are held until the next attempt or
the test's end; frames of HTTP libraries, which hold replies and connections, are not.

Assumptions: installed packages lie below ``site-packages`` or ``dist-packages``. What runs below an event loop, a pool
of threads or a test runner has no more to do with what else runs there.
"""

from __future__ import annotations

import os
import sys
import threading
from asyncio.events import _get_running_loop
from asyncio.tasks import Task, all_tasks, current_task
from collections.abc import Hashable
from functools import lru_cache
from types import FrameType
from typing import Any, NamedTuple

from pytest_llmcontract.core.site import is_application, is_ours

_BOTTOMS = (
    ("asyncio", "events.py"),
    ("asyncio", "base_events.py"),
    ("asyncio", "runners.py"),
    ("futures", "thread.py"),
    ("_core", "_run.py"),
)
"""Ends of the paths of what runs tasks: asyncio, concurrent.futures, trio."""
_RUNNERS = frozenset(
    {"_pytest", "pluggy", "pytest", "pytest_asyncio", "hypothesis", "nest_asyncio", "gevent", "uvicorn"}
)
_HTTP = frozenset({"httpx", "httpcore", "h11", "h2", "anyio", "sniffio", "trio", "uvloop", "greenlet"})
"""Installed packages that never ask again by themselves."""
_SDKS = frozenset({"groq", "together", "openai", "anthropic", "mistralai"})
_CLIENTS = frozenset({"urllib3", "requests", "aiohttp", "niquests", "httpx_retries", "aiohttp_retry"})
"""HTTP libraries, and what makes them ask again."""

_TOOLS = frozenset({"tenacity", "backoff", "stamina", "retrying", "retry", "opnieuw", "retry2", "redo", "asyncstdlib"})
"""Packages that repeat what they are given, as whoever uses them says."""

_DEEPEST = 8
"""Tasks that wait for one another."""

_BOTTOM = "bottom"
_NOBODY = ""
_APPLICATION = "application"


class Step(NamedTuple):
    """One frame of an attempt that may own a loop."""

    frame: FrameType
    line: int
    package: str
    """``application``, or the installed package."""


class Owner(NamedTuple):
    """Who made an attempt."""

    kind: str
    """``sdk``, ``framework``, ``application``, or ``unknown``."""
    name: str
    """Its package; of the application its function."""

    @property
    def blamed(self) -> str:
        """Whose decision it was: a kind; of a tool that the application uses, the application."""
        return _APPLICATION if self.name in _TOOLS else self.kind

    def __str__(self) -> str:
        if self.kind == "application":
            return f"the application ({self.name})" if self.name else "the application"
        return f"{self.name} (SDK)" if self.kind == "sdk" else self.name or "somebody unknown"


UNKNOWN = Owner("unknown", "")


def steps() -> tuple[Step, ...]:
    """The frames that led here and may own a loop, innermost first, down to where the task or thread began."""
    found = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        package = _package(frame.f_code.co_filename)
        if package == _BOTTOM:
            found += _of_waiters()
            break
        if package:
            found.append(Step(frame, frame.f_lineno, package))
        frame = frame.f_back
    return tuple(found)


def _of_waiters() -> list[Step]:
    """Those of the task that waits for this one and nothing else, and so on: ``wait_for`` until Python 3.11 makes one.

    A ``gather`` or a group waits for several, and is none of them.
    """
    loop = _get_running_loop()
    task = current_task(loop) if loop is not None else None
    found: list[Step] = []
    for _ in range(_DEEPEST):
        if task is None or (task := _waiter_of(task)) is None:
            break
        frames = _suspended(task.get_coro())
        packages = ((frame, _package(frame.f_code.co_filename)) for frame in reversed(frames))
        found += [Step(frame, frame.f_lineno, package) for frame, package in packages if package and package != _BOTTOM]
    return found


def _waiter_of(task: Task[Any]) -> Task[Any] | None:
    callbacks = getattr(task, "_callbacks", None) or ()
    awaited = [task, *(given for callback, _ in callbacks for given in getattr(callback, "args", ()))]
    for other in all_tasks():
        waits_for = getattr(other, "_fut_waiter", None)
        if any(waits_for is one for one in awaited):
            return other
    return None


def _suspended(coroutine: Any) -> list[FrameType]:
    """Frames of a coroutine that waits, outermost first."""
    frames = []
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        frames.append(frame)
        coroutine = coroutine.cr_await
    return frames


def owner_of(before: tuple[Step, ...], now: tuple[Step, ...]) -> Owner | None:
    """Who made the attempt *now* after the one *before*; ``None``: nothing lives through both of them."""
    lines = {id(step.frame): step.line for step in before}
    for place, step in enumerate(now):
        if id(step.frame) in lines:
            if step.package != _APPLICATION:
                return _library(step.package, [outer.package for outer in now[place:] if id(outer.frame) in lines])
            apart = lines[id(step.frame)] != step.line and sys.exception() is None
            if apart and _is_test(step.frame.f_code.co_filename):
                return None  # two calls that a test writes one after the other; not the second because of the first
            return Owner(_APPLICATION, step.frame.f_code.co_name)
    return None


def _is_test(file: str) -> bool:
    name = os.path.basename(file)
    return name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"


def _library(package: str, outwards: list[str]) -> Owner:
    """An installed package; of a tool, the framework that uses it, if one does."""
    if package in _TOOLS:
        user = next((outer for outer in outwards if outer not in _TOOLS), _APPLICATION)
        package = package if user == _APPLICATION else user
    return Owner("sdk" if package in _SDKS | _CLIENTS else "framework", package)


@lru_cache(maxsize=4096)
def _package(file: str) -> str:
    """Whose code *file* is: a package, the application, nobody who matters, or what runs tasks and tests."""
    parts = os.path.normpath(file).split(os.sep)
    if tuple(parts[-2:]) in _BOTTOMS:
        return _BOTTOM
    for folder in ("site-packages", "dist-packages"):
        if folder in parts[:-1]:
            package = parts[len(parts) - parts[::-1].index(folder)].removesuffix(".py")
            return _BOTTOM if package in _RUNNERS else _NOBODY if package in _HTTP else package
    if is_ours(file) or not is_application(file):
        return _NOBODY
    return _APPLICATION


def tasks() -> frozenset[str]:
    """Names of the tasks of asyncio that are there."""
    return frozenset(task.get_name() for task in all_tasks()) if _get_running_loop() is not None else frozenset()


def runner() -> Hashable:
    """What runs the caller: the name of its task, or its thread. Tasks of asyncio and trio have names of their own."""
    loop = _get_running_loop()
    if loop is not None and (task := current_task(loop)) is not None:
        return task.get_name()
    trio = sys.modules.get("trio")
    if trio is not None:
        try:
            return id(trio.lowlevel.current_task())
        except RuntimeError:
            pass
    return threading.get_ident()
