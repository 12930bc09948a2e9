"""A wait that can never end, beside somebody who sleeps again and again.

In real time such a test hangs, and a time limit ends it. In virtual time the clock would run for years while a core
burns. So from time to time the jumps are looked at: if for ``PATIENCE`` real seconds nothing happened but sleeps
that began after the last look, and the test itself waited all the time for somebody else, it is told who waits where.

Not a deadlock is: a sleep or timeout that was there before (it will end), a call of a provider, work of another
process, a thread or task of the test that goes on.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, Protocol

from pytest_llmcontract.adapters.time.threads import waits_for_others
from pytest_llmcontract.core.attention import Attention
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.errors import Deadlock
from pytest_llmcontract.core.site import application_site

PATIENCE = 5.0
"""Real seconds."""
BETWEEN_LOOKS = 250
"""Jumps of the clock."""
_LISTED = 10


class Loop(Protocol):
    """An event loop, as far as it is asked here."""

    thread: int

    def pending(self) -> Iterable[Hashable]:
        """All its timers that may fire, recognisable by who asks again."""

    def waits_for(self) -> list[object] | None:
        """What the task for which the loop runs waits for in the end; None if that goes on by itself."""

    def tasks(self) -> Iterable[tuple[str, FrameType | None]]:
        """Names of its tasks that do not sleep, and where each stands."""

    def runs(self) -> bool:
        """Does it run, or did it only once?"""

    def interrupt(self, error: Deadlock) -> None:
        """Let the task for which the loop runs fail; called in its thread."""


class Watch:
    """Looks after the thread in which a simulation began."""

    def __init__(self, clock: VirtualClock, attention: Attention) -> None:
        self._clock = clock
        self._attention = attention
        self._thread = threading.current_thread()
        self._jumps = 0
        self._signal = _Alarm()
        self.told = False
        self.progress()

    def install(self) -> None:
        self._signal.install()

    def uninstall(self) -> None:
        self._signal.uninstall()
        self.progress()

    def progress(self) -> None:
        """Something happened that is no mere sleep."""
        self._since = self._attention.look()
        self._from = self._clock.seconds
        self._pending: set[Hashable] = set()
        self._place: list[object] | None = None

    def jumped(self) -> bool:
        """The clock jumped: is it time to look? Mostly it is not, and nothing has to be gathered for it."""
        self._jumps += 1
        return self._jumps % BETWEEN_LOOKS == 0 and not self.told

    def look(self, sleeping: Iterable[Hashable], loops: Sequence[Loop], busy: Callable[[], bool]) -> None:
        """The clock jumped for whoever calls; has anything else happened since the last look?

        Args:
            sleeping: The threads' sleeps.
            loops: All loops.
            busy: May anybody go on by itself? Asked only in doubt.

        Raises:
            Deadlock: In the thread of the test, if that is the one that calls.
        """
        pending = {*sleeping, *(timer for loop in loops for timer in loop.pending())}
        place = self._where(loops)
        if place is None or place != self._place or pending & self._pending or busy():
            self.progress()
        self._place, self._pending = place, pending
        if place is not None and self._attention.look() - self._since > PATIENCE:
            self._tell(loops)

    def _where(self, loops: Sequence[Loop]) -> list[object] | None:
        """What the test waits for, comparable with what it waited for before; None if it goes on by itself."""
        for loop in self._mine(loops):
            return loop.waits_for()
        frame = sys._current_frames().get(self._thread.ident or 0)
        if frame is None or not waits_for_others(frame):
            return None
        return [frame]

    def _mine(self, loops: Sequence[Loop]) -> list[Loop]:
        """The loop that runs in the thread of the test, if one does."""
        return [loop for loop in loops if loop.thread == self._thread.ident and loop.runs()][:1]

    def _tell(self, loops: Sequence[Loop]) -> None:
        self.told = True
        text = self._text(loops)
        if threading.get_ident() == self._thread.ident:
            for loop in self._mine(loops):
                loop.interrupt(Deadlock(text))
                return
            raise Deadlock(text)
        if not self._signal.raise_in(self._thread, text):
            print(text, file=sys.__stderr__, flush=True)

    def _text(self, loops: Sequence[Loop]) -> str:
        frames = sys._current_frames()
        waits: list[tuple[str, FrameType | None]] = [
            (f"thread {thread.name}", frame)
            for thread in threading.enumerate()
            if (frame := frames.get(thread.ident or 0)) is not None and waits_for_others(frame)
        ]
        waits += [task for loop in loops for task in loop.tasks()]
        sites = {f"{name} at {site}": None for name, frame in waits if (site := application_site(frame))}
        ticks = {f"{sleep.site or 'a sleep'} ({sleep.seconds:g} s)": None for sleep in self._clock.sleeps[-100:]}
        return "\n".join(
            (
                "llm_clock: a deadlock. The test waits for what never comes, while others sleep again and again "
                f"({self._clock.seconds - self._from:,.0f} virtual seconds by now).",
                *(f"  waits: {site}" for site in list(sites)[:_LISTED]),
                *(f"  sleeps again and again: {site}" for site in list(ticks)[:_LISTED]),
                '  If something outside this process is to end the wait: @pytest.mark.llm_clock(mode="real").',
            )
        )


class _Alarm:
    """Gets an exception into the main thread while it waits for a lock: only a signal ends that."""

    def __init__(self) -> None:
        self._number: int = getattr(signal, "SIGRTMAX", getattr(signal, "SIGUSR2", 0))
        self._text = ""
        self._installed = False

    def install(self) -> None:
        if not self._number or threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(self._number) is signal.SIG_DFL:
            signal.signal(self._number, self._ring)
            self._installed = True

    def uninstall(self) -> None:
        if self._installed and threading.current_thread() is threading.main_thread():
            self._installed = False
            if signal.getsignal(self._number) == self._ring:
                signal.signal(self._number, signal.SIG_DFL)

    def raise_in(self, thread: threading.Thread, text: str) -> bool:
        """Raise a :class:`Deadlock` there; False if that cannot be done."""
        if not self._installed or thread is not threading.main_thread() or thread.ident is None:
            return False
        self._text = text
        with suppress(OSError):
            signal.pthread_kill(thread.ident, self._number)
            return True
        return False

    def _ring(self, *_: Any) -> None:
        raise Deadlock(self._text)
