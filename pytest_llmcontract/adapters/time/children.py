"""Children of this process that need real time: virtual time must not run past them either.

A child is waited for while somebody polls for its end between sleeps (``while p.poll() is None: sleep(0.1)``). One
that began with the simulation holds the clock also while it computes: a server that starts up, for whose port
somebody tries again and again. A child that idles, and one that was there before, holds nothing.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pytest_llmcontract.core.attention import Attention

STILL_WORKS = 0.02
"""Real seconds since it was last seen to run: it may stand between two reads of a disk."""
PATIENCE = 30.0
"""Real seconds after which one that computes all the time holds the clock no longer."""


class Children:
    """The children of one simulation, asked for in ``Popen.poll`` and ``os.waitpid``."""

    def __init__(self, attention: Attention) -> None:
        self._attention = attention
        self._before = set(_descendants())
        self._jumps = 0
        self._asked: dict[int, int] = {}  # child: jumps of the clock until it was last asked for
        self._awaited: set[int] = set()  # asked for before and after a sleep
        self._ran: dict[int, tuple[str, float]] = {}
        self._began: dict[int, float] = {}

    def install(self) -> None:
        poll, waitpid = subprocess.Popen.poll, getattr(os, "waitpid", None)

        def noting_poll(popen: Any) -> int | None:
            code: int | None = poll(popen)
            if code is None:
                self.asked_for(popen.pid)
            return code

        def noting_waitpid(child: int, options: int, /) -> tuple[int, int]:
            assert waitpid is not None
            ended: tuple[int, int] = waitpid(child, options)
            if ended == (0, 0) and child > 0:
                self.asked_for(child)
            return ended

        self._hooks: list[tuple[Any, str, Any, Any]] = [(subprocess.Popen, "poll", noting_poll, poll)]
        if waitpid is not None:
            self._hooks.append((os, "waitpid", noting_waitpid, waitpid))
        for owner, name, hook, _ in self._hooks:
            setattr(owner, name, hook)

    def uninstall(self) -> None:
        for owner, name, hook, original in self._hooks:
            if getattr(owner, name) is hook:
                setattr(owner, name, original)

    def jumped(self) -> None:
        """The clock moved: who waits for a child asks again."""
        self._jumps += 1
        self._awaited.clear()

    def asked_for(self, child: int) -> None:
        """Somebody asked whether *child* has ended, and it has not. Once is a look; again after a sleep is waiting."""
        if self._asked.get(child, self._jumps) < self._jumps:
            self._awaited.add(child)
        self._asked[child] = self._jumps

    def waited_for(self) -> list[int]:
        """Those that hold the clock now."""
        if not self._awaited and not _any():
            return []  # the usual case, at every sleep
        polled = [child for child in self._awaited if (_activity(child) or "Z")[0] not in "ZX"]
        return polled + [child for child in _descendants() if child not in self._before and self._computes(child)]

    def alive(self) -> list[int]:
        """Those that began with the simulation and have not ended."""
        return [child for child in _descendants() if child not in self._before and (_activity(child) or "Z")[0] != "Z"]

    def _computes(self, child: int) -> bool:
        activity, now = _activity(child), self._attention.look()
        if activity is None or activity[0] in "ZX" or now - self._began.setdefault(child, now) > PATIENCE:
            return False
        if activity[0] in "RD" or self._ran.get(child, ("", 0.0))[0] != activity:
            self._ran[child] = (activity, now)
        return now - self._ran[child][1] < STILL_WORKS


def _descendants() -> Iterator[int]:
    """The children of this process and theirs, as far as Linux tells; none elsewhere."""
    return _children_of("self") if _any() else iter(())


def _any() -> bool:
    """Has this process children at all? Mostly it has none, and this should cost nothing."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except (AttributeError, ChildProcessError):
        return False
    return True


def _children_of(process: int | str) -> Iterator[int]:
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{process}/task"):
            with suppress(OSError):
                for child in _read(f"/proc/{process}/task/{thread}/children").split():
                    yield int(child)
                    yield from _children_of(child)


def _activity(child: int) -> str | None:
    """The state of *child* and how much it ran so far, as one text; None if it is no more."""
    try:
        # pid (name) state … utime stime: fields 14 and 15, counted from 1
        fields = _read(f"/proc/{child}/stat").rpartition(")")[2].split()
        switches = _read(f"/proc/{child}/status").partition("\nvoluntary_ctxt_switches:")[2].split()
    except OSError:
        return None
    return " ".join((fields[0], *fields[11:13], *switches))


def _read(path: str) -> str:
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, 16384).decode("utf-8", "replace")
    finally:
        os.close(file)
