"""Who is busy: may the clock jump, or does some thread still have something to do at this moment?

Python has no list of runnable threads. What it has is the line at which each thread stands, and on Linux the
operating system's word on whether it ran. The rules, for every thread that does not sleep on the clock:

* It stands in a function that only waits (``Condition.wait``, ``Thread.join``, an executor's idle worker, a selector),
  or blocks on sockets (whether an answer of another process is on its way there, :mod:`.connections` asks):
  **idle**, once it has been seen there, not running and without having run in between, over a few looks with the
  interpreter lock given up. From then on the number of its context switches proves that it never woke.
* It is a bystander, and does not run: **idle** likewise, wherever it stands. While it runs, it serves one of us.
* It is older than the simulation and stands where it stood then: **parked**, it has nothing to do with us (xdist's
  and debuggers' threads, servers). A pool's worker of an earlier test counts as soon as it is given work.
* Anything else is **busy**. It holds the clock for at most ``BLOCKED`` seconds if it does not move (a real socket, a
  lock, a subprocess), for at most ``COMPUTING`` if it does or has a processor, so that nothing can hang.
"""

from __future__ import annotations

import opcode
import os
import sys
import threading
from collections.abc import Iterator, Set
from types import CodeType, FrameType

from pytest_llmcontract.adapters.time.connections import Awaited, blocks_on, blocks_on_sockets
from pytest_llmcontract.core.attention import Attention

LOOKS_WITH_PROOF = 2
LOOKS_WITHOUT = 6
BETWEEN_LOOKS = 0.001
"""Real seconds."""
BLOCKED = 0.5
COMPUTING = 5.0

_WAITING = frozenset(
    {
        ("threading", "wait"),
        ("threading", "join"),
        ("threading", "_wait_for_tstate_lock"),
        ("threading", "__enter__"),
        ("queue", "get"),
        ("selectors", "select"),
        ("socketserver", "serve_forever"),
        ("asyncio.windows_events", "_poll"),
        ("trio._core._io_epoll", "get_events"),
        ("trio._core._io_kqueue", "get_events"),
        ("trio._core._io_windows", "get_events"),
    }
)
_WORKERS = frozenset(
    {
        ("concurrent.futures.thread", "_worker"),
        ("multiprocessing.pool", "worker"),
        ("multiprocessing.pool", "_handle_tasks"),
        ("multiprocessing.pool", "_handle_results"),
        ("multiprocessing.pool", "_wait_for_updates"),
        ("trio._core._thread_cache", "_work"),
    }
)
_IDLE = _WAITING | _WORKERS
# `with lock:` is where threads of one client queue up; the lock is written in C and has no frame of its own.
_ENTERING = opcode.opmap.get("BEFORE_WITH", -1)

_Spot = tuple[CodeType, int]
_RUNNING = b"running"


class Threads:
    """What is known about the threads of this process since the simulation began. Not thread-safe by itself."""

    def __init__(self, attention: Attention) -> None:
        self._attention = attention
        me = threading.get_ident()
        self._parked: dict[int, tuple[_Spot, bytes | None]] = {
            thread: (_spot(frame), None) for thread, frame in sys._current_frames().items() if thread != me
        }
        self._before = {thread: spot for thread, (spot, _) in self._parked.items()}
        self._idle: dict[int, tuple[_Spot, bytes]] = {}
        self._sample: dict[int, tuple[_Spot, bytes | None]] | None = None
        self._looks = 0
        self._held: dict[int, tuple[_Spot, bytes | None, float]] = {}
        self._busy_since: float | None = None

    def take_part(self, thread: int) -> None:
        """*thread* slept or called: from now on it holds the clock while it is busy."""
        self._parked.pop(thread, None)
        self._before.pop(thread, None)

    def jumped(self) -> None:
        """The clock moved: who is busy has all the time again."""
        self._busy_since = None
        self._held.clear()

    def quiet(self, asleep: Set[int], bystanders: Set[int]) -> bool:
        """Is every thread but this one and those *asleep* idle? Ask again after ``BETWEEN_LOOKS`` if not."""
        now = self._attention.look()
        me = threading.get_ident()
        native: dict[int, int | None] = {}
        busy = False
        for thread in threading.enumerate():
            if thread.ident is None:
                busy = True  # started, but not on its feet yet: it has no frame to look at
            else:
                native[thread.ident] = thread.native_id
        unproven: dict[int, tuple[_Spot, bytes | None]] = {}
        for ident, frame in sys._current_frames().items():
            if ident == me or ident in asleep:
                continue
            spot = _spot(frame)
            idle = ident in bystanders or _is_idle(frame) or blocks_on_sockets(native.get(ident))
            parked = self._parked.get(ident)
            if not idle and parked == (spot, None):
                continue
            ran = _switches(native.get(ident))
            if ran is _RUNNING:
                busy = self._holds(ident, spot, ran, now) or busy
            elif idle:
                if ran is None or self._idle.get(ident) != (spot, ran):
                    unproven[ident] = (spot, ran)
            elif parked != (spot, ran):
                busy = self._holds(ident, spot, ran, now) or busy
        if busy:
            self._sample = None
            if self._busy_since is None:
                self._busy_since = now
            return now - self._busy_since >= COMPUTING
        if unproven and not self._seen_often_enough(unproven, bystanders):
            return False
        self._busy_since = None
        return True

    def may_answer(self, asleep: Set[int]) -> bool:
        """Is there another thread that could do something on its own, without anyone's sleep or timeout ending?"""
        me = threading.get_ident()
        return any(thread.ident is None for thread in threading.enumerate()) or any(
            ident != me
            and ident not in asleep
            and not waits_for_others(frame)
            and self._parked.get(ident, (None, None))[0] != _spot(frame)
            for ident, frame in sys._current_frames().items()
        )

    def await_files(self, but: Set[int]) -> Iterator[Awaited]:
        """The files for which threads block, those left aside that stand where they stood when it all began."""
        but = but | {threading.get_ident()}
        others = [
            ident
            for ident, frame in sys._current_frames().items()
            if ident not in but and self._before.get(ident) != _spot(frame)
        ]
        if others:
            native = {thread.ident: thread.native_id for thread in threading.enumerate()}
            for ident in others:
                yield from blocks_on(native.get(ident))

    def blocked(self) -> list[str]:
        """The names of threads that were left behind where they block, for the time being."""
        frames = sys._current_frames()
        return [thread.name for thread in threading.enumerate() if self._blocks(thread.ident, frames)]

    def _blocks(self, ident: int | None, frames: dict[int, FrameType]) -> bool:
        if ident not in frames or ident not in self._parked:
            return False
        spot = _spot(frames[ident])
        return self._parked[ident][0] == spot != self._before.get(ident)

    def _holds(self, ident: int, spot: _Spot, ran: bytes | None, now: float) -> bool:
        held = self._held.get(ident)
        if held is None or held[:2] != (spot, ran):
            self._held[ident] = (spot, ran, now)
        elif now - held[2] >= (COMPUTING if ran is _RUNNING else BLOCKED):
            self._parked[ident] = (spot, None if ran is _RUNNING else ran)
            return False
        return True

    def _seen_often_enough(self, unproven: dict[int, tuple[_Spot, bytes | None]], bystanders: Set[int]) -> bool:
        # A server of ours may look around between two looks (it ticks): that it does not run is enough.
        sample = {ident: seen for ident, seen in unproven.items() if ident not in bystanders}
        if sample != self._sample:
            self._sample, self._looks = sample, 0
            return False
        self._looks += 1
        proven = {ident: (spot, ran) for ident, (spot, ran) in unproven.items() if ran is not None}
        if self._looks < (LOOKS_WITH_PROOF if len(proven) == len(unproven) else LOOKS_WITHOUT):
            return False
        self._idle.update(proven)
        self._sample = None
        return True


def _spot(frame: FrameType) -> _Spot:
    return frame.f_code, frame.f_lasti


def _name(frame: FrameType) -> tuple[object, str]:
    return frame.f_globals.get("__name__"), frame.f_code.co_name


def _is_idle(frame: FrameType) -> bool:
    return _name(frame) in _IDLE or frame.f_code.co_code[frame.f_lasti] == _ENTERING


def waits_for_others(frame: FrameType) -> bool:
    """Does a thread that stands there go on only when somebody else acts?"""
    name = _name(frame)
    if name in _WORKERS:
        return True
    # Without a timeout, somebody else must act first. (-1: the same, for _wait_for_tstate_lock.)
    return name in _WAITING and name[0] == "threading" and frame.f_locals.get("timeout", None) in (None, -1)


def _switches(native_id: int | None) -> bytes | None:
    """How often the thread was scheduled, as Linux tells it; running; or None where nobody tells."""
    if native_id is None:
        return None
    try:
        file = os.open(f"/proc/self/task/{native_id}/status", os.O_RDONLY)
    except OSError:
        return None
    try:
        status = os.read(file, 8192)
    except OSError:
        return None
    finally:
        os.close(file)
    counted = status.rfind(b"\nvoluntary_ctxt_switches:")
    if counted < 0:
        return None
    return status[counted:] if b"\nState:\tS" in status else _RUNNING
