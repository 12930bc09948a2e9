"""Machines that cost money by the minute until they are stopped: dedicated endpoints, hosted fine-tuned models.

Whole minutes are billed (assumed). Between two entries the money is counted, not entered: what has accrued is entered
before anything else moves the balance, at each full hour, when the balance comes to a mark, and when the machine
stops. So the ledger is the same however the clock gets there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal

from pytest_llmcontract.core.clock import Appointment
from pytest_llmcontract.core.kept.schedule import Schedule
from pytest_llmcontract.core.money.account import Rented
from pytest_llmcontract.core.money.book import exactly

MINUTE = 60
MINUTES = 60
"""Of an hour."""
_SLACK = 1e-6
"""Seconds by which a moment may lie before a whole minute and still be it."""


@dataclass(slots=True)
class Machine:
    """One that runs."""

    rented: Rented
    hourly: Decimal
    since: float
    entered: Decimal = Decimal(0)
    """Dollars that are entered already."""
    before: tuple[int, Decimal] = (0, Decimal(0))
    """Minutes, and what they cost, before it got this price."""

    def minutes(self, at: float) -> int:
        """Whole minutes that it ran by *at*."""
        return int((at - self.since + _SLACK) // MINUTE)

    def cost(self, at: float) -> Decimal:
        """Dollars by *at*: a sum of its own, so that no rounding of single entries adds up."""
        minutes, cost = self.before
        return cost + exactly((self.minutes(at) - minutes) * self.hourly / MINUTES)

    def accrued(self, at: float) -> Decimal:
        """Dollars that are not entered yet."""
        return self.cost(at) - self.entered

    def reprice(self, hourly: Decimal, at: float) -> None:
        """It costs as much from now on."""
        self.before = self.minutes(at), self.cost(at)
        self.hourly = hourly


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
        return sum((machine.accrued(at) for machine in self.running.values()), Decimal(0))

    def start(self, rented: Rented, hourly: Decimal, at: float) -> None:
        """It costs money from now on; of one that did, the minute under way has the new price already (assumed)."""
        machine = self.running.setdefault(rented.source, Machine(rented, hourly, at))
        machine.reprice(hourly, at)
        self.look_ahead()

    def stop(self, source: str, at: float) -> Rented:
        """It costs nothing any more."""
        self.settle(at)
        stopped = self.running.pop(source)
        self.look_ahead()
        return stopped.rented

    def settle(self, at: float) -> None:
        """Enter what has accrued."""
        for source, machine in self.running.items():
            if cost := machine.accrued(at):
                machine.entered += cost
                self._enter(cost, at, source)
                machine.rented.paid(cost)

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
        """Seconds until the next full hour, or until the first whole minute at which the next mark can be reached."""
        now = self._schedule.clock.now
        until = ((now + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0) - now).total_seconds()
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
