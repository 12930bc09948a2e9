"""What one provider has booked on the clock: batches that run, files that expire, invoices, endpoints that are billed.

What is booked happens when the clock gets there, whoever moves it, in the order of its moments. Only what touches
something else is booked; what merely follows from the past is computed when somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from pytest_llmcontract.core.clock import Appointment, VirtualClock


class Schedule:
    """The appointments of one provider.

    Args:
        clock: Where they are booked.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self._booked: dict[int, Appointment] = {}

    def at(self, moment: datetime, action: Callable[[], object]) -> Appointment:
        """Let *action* happen at *moment*, with the clock at that moment and the world's lock held.

        Raises:
            BadInput: *moment* is in the clock's past.
        """

        def happen() -> None:
            del self._booked[booked.number]
            action()

        booked = self.clock.at(moment, happen)
        self._booked[booked.number] = booked
        return booked

    def after(self, seconds: float, action: Callable[[], object]) -> Appointment:
        """The same, so many seconds from now."""
        return self.at(self.clock.now + timedelta(seconds=seconds), action)

    def forget(self) -> None:
        """Nothing of it happens any more."""
        for booked in self._booked.values():
            booked.cancel()
        self._booked.clear()
