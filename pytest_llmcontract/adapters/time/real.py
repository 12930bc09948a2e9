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


class UnsupportedLoopWarning(UserWarning):
    """An event loop whose time cannot be made virtual; sleeps in it take real seconds."""
