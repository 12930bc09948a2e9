"""Machines that cost money by the minute until they are stopped: dedicated endpoints, hosted fine-tuned models.

Whole minutes are billed (assumed). Between two entries the money is counted, not entered: what has accrued is entered
before anything else moves the balance, at midnight, when the balance comes to a mark, and when the machine stops. So
the ledger is the same however the clock gets there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal

from pytest_llmcontract.core.clock import Appointment
from pytest_llmcontract.core.kept.schedule import Schedule

MINUTE = 60
MINUTES = 60
"""Of an hour."""
_SLACK = 1e-6
"""Seconds by which a moment may lie before a whole minute and still be it."""


@dataclass(slots=True)
class Machine:
    """One that runs."""

    hourly: Decimal
    since: float
    ended: Callable[[], object]
    """The provider takes it away."""
    entered: int = 0
    """Minutes that are entered already."""

    def minutes(self, at: float) -> int:
        """Whole minutes that it ran by *at* and that are not entered."""
        return int((at - self.since + _SLACK) // MINUTE) - self.entered

    def cost(self, at: float) -> Decimal:
        """Dollars of those minutes."""
        return self.minutes(at) * self.hourly / MINUTES


class Rents:
    """The machines of one account.

    Args:
        enter: Takes money off the balance, and looks no further: ``(amount, moment, source)``.
        margin: Dollars until the balance comes to the next mark; ``None``: there is none.
        passed: Called when it may have come there.
    """

    def __init__(
        self,
        schedule: Schedule,
        enter: Callable[[Decimal, float, str], object],
        margin: Callable[[], Decimal | None],
        passed: Callable[[], object],
    ) -> None:
        self._schedule = schedule
        self._enter = enter
        self._margin = margin
        self._passed = passed
        self._next: Appointment | None = None
        self.running: dict[str, Machine] = {}

    def accrued(self, at: float) -> Decimal:
        """Dollars that no entry has yet."""
        return sum((machine.cost(at) for machine in self.running.values()), Decimal(0))

    def start(self, source: str, hourly: Decimal, at: float, ended: Callable[[], object]) -> None:
        """It costs money from now on; of one that did, the minute under way has the new price already (assumed)."""
        machine = self.running.setdefault(source, Machine(hourly, at, ended))
        machine.hourly = hourly
        self.look_ahead()

    def stop(self, source: str, at: float) -> Machine:
        """It costs nothing any more."""
        self.settle(at)
        stopped = self.running.pop(source)
        self.look_ahead()
        return stopped

    def settle(self, at: float) -> None:
        """Enter what has accrued."""
        for source, machine in self.running.items():
            if minutes := machine.minutes(at):
                cost = machine.cost(at)
                machine.entered += minutes
                self._enter(cost, at, source)

    def look_ahead(self) -> None:
        """Book the next moment at which something is to be entered."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self.running:
            self._next = self._schedule.after(self._wait(), self._happen)

    def _happen(self) -> None:
        self._next = None
        self.settle(self._schedule.clock.seconds)
        self._passed()
        self.look_ahead()

    def _wait(self) -> float:
        """Seconds until midnight, or until the first whole minute at which the next mark can be reached."""
        now = self._schedule.clock.now
        midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        until = (midnight - now).total_seconds()
        margin, total = self._margin(), sum((one.hourly for one in self.running.values()), Decimal(0))
        if margin is None or not total:
            return until
        minutes = max(int((margin / total * MINUTES).to_integral_value(ROUND_DOWN)), 0)
        return min(until, self._minute_after(minutes))

    def _minute_after(self, minutes: int) -> float:
        """Seconds until some machine completes a minute, *minutes* of all of them from now at the earliest."""
        at = self._schedule.clock.seconds
        left = (MINUTE - ((at - one.since + _SLACK) % MINUTE - _SLACK) for one in self.running.values())
        first = min(second if second > 2 * _SLACK else float(MINUTE) for second in left)
        return first + max(minutes - 1, 0) * MINUTE
