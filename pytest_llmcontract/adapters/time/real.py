"""Real time, for the few places that mean it."""

from __future__ import annotations

import time


class Real:
    """The functions as they were when we were imported.

    In a class, since freezegun replaces what modules hold, and would freeze us with the application.
    """

    sleep = staticmethod(time.sleep)
    monotonic = staticmethod(time.monotonic)
    perf_counter = staticmethod(time.perf_counter)

    trampoline: object = None
    """What ``time.sleep`` is from now on, once that is replaced."""


class Attention:
    """Real seconds in which we were there to see that nothing happened.

    Between two looks at most :attr:`LONGEST` passes: if it was more, this process was stopped or got no processor, and
    so did those for whom it waits. Whoever was not there has waited for nobody.
    """

    LONGEST = 0.1

    def __init__(self) -> None:
        self._seconds, self._looked = 0.0, Real.monotonic()

    def look(self) -> float:
        """The seconds by now."""
        now = Real.monotonic()
        self._seconds += min(now - self._looked, self.LONGEST)
        self._looked = now
        return self._seconds


class UnsupportedLoopWarning(UserWarning):
    """An event loop whose time cannot be made virtual; sleeps in it take real seconds."""
