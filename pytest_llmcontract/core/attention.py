"""Patience in real seconds that no machine's slowness uses up."""

from __future__ import annotations

from collections.abc import Callable


class Attention:
    """Real seconds in which somebody was there to see that nothing happened.

    Between two looks at most :attr:`LONGEST` passes: if it was more, this process was stopped or got no processor, and
    so, likely, did those for whom it waits. Whoever was not there has waited for nobody.

    Threads that look at one moment may count what lies between two looks twice.

    Args:
        monotonic: Real time.
    """

    LONGEST = 0.1

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._seconds, self._looked = 0.0, monotonic()

    def look(self) -> float:
        """The seconds by now."""
        now = self._monotonic()
        self._seconds += min(now - self._looked, self.LONGEST)
        self._looked = now
        return self._seconds
