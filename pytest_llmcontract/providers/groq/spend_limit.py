"""Groq's spend limit: dollars a month, tracked with a delay, so that some calls slip through; alerts on the way there.

It is for a whole organization and a calendar month (UTC). Once the tracked spending has reached it every key is
refused, until the month is over or the limit is raised. Source: Groq's documents on spend limits; that tracking takes
always the longest time they name, and that what credits pay counts too, is assumed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial

from pytest_llmcontract.core.clock import Appointment
from pytest_llmcontract.core.kept.schedule import Schedule
from pytest_llmcontract.core.money.account import shown
from pytest_llmcontract.core.money.book import Book, before
from pytest_llmcontract.core.money.months import month_of, next_month

Tell = Callable[[str, Decimal, str], object]
"""``(what, amount, sentence)``: notes an event."""
_MICROSECOND = 1e-6


class SpendLimit:
    """Watches what a month costs.

    Args:
        delay: Seconds until spending is tracked.
    """

    def __init__(self, book: Book, schedule: Schedule, delay: float, tell: Tell) -> None:
        self._book = book
        self._schedule = schedule
        self._delay = delay
        self._tell = tell
        self._marks: list[tuple[Decimal, Decimal]] = []
        self._watched = 0
        self._booked: list[Appointment] = []
        self._blocked = False
        self.amount: Decimal | None = None
        """Dollars a month; ``None``: no limit."""

    def set(self, amount: Decimal | None, alerts: Sequence[Decimal]) -> None:
        """Let another limit hold from now on, with alerts at these shares of it."""
        self._forget()
        self.amount = amount
        self._marks = [(share, share * amount) for share in (*sorted(alerts), Decimal(1))] if amount is not None else []
        if self._blocked and not self.reached(self._schedule.clock.seconds):
            self._let_in("The spend limit is another")
        self.watch()

    def spent(self) -> Decimal:
        """Dollars of this month so far, tracked or not."""
        return self._book.sum("usage") - self._before_this_month()

    def reached(self, at: float) -> bool:
        """Whether what was tracked by *at* has reached the limit."""
        return self.amount is not None and self._tracked(at) >= self.amount

    def watch(self) -> None:
        """Something was spent, or the limit is another: book what will be noticed once it is tracked."""
        while self._watched < len(self._marks):
            share, mark = self._marks[self._watched]
            if self.spent() < mark:
                return
            self._watched += 1
            # A limit of nothing is reached before anything is spent.
            moment = self._book.reached("usage", self._before_this_month() + mark) if mark else None
            wait = moment + self._delay - self._schedule.clock.seconds if moment is not None else 0
            if wait > 0:
                self._booked.append(self._schedule.after(wait, partial(self._notice, share, mark)))
            else:
                self._notice(share, mark)

    def month_ended(self) -> None:
        """A month begins: nothing is spent of it yet."""
        if self.amount == 0:
            return
        self._forget()
        if self._blocked:
            self._let_in("A new month begins")

    def _forget(self) -> None:
        for booked in self._booked:
            booked.cancel()
        self._booked.clear()
        self._watched = 0

    def _notice(self, share: Decimal, mark: Decimal) -> None:
        amount, tracked = self.amount, self._tracked(self._schedule.clock.seconds)
        assert amount is not None
        if share < 1:
            part = f"{(share * 100).normalize():f} % of the spend limit of {shown(amount)}"
            self._tell("alert", tracked, f"{part} are spent: {shown(tracked)} this month.")
            return
        self._blocked = True
        until = next_month(self._schedule.clock.now).date()
        reason = f"{shown(tracked)} are spent of a spend limit of {shown(amount)}"
        self._tell("blocked", tracked, f"{reason}: every key is refused until {until}.")

    def _let_in(self, why: str) -> None:
        self._blocked = False
        self._tell("unblocked", self.spent(), f"{why}: keys are let in again.")

    def _tracked(self, at: float) -> Decimal:
        by_then = self._book.sum("usage", until=before(at, self._delay))
        return max(by_then - self._before_this_month(), Decimal(0))

    def _before_this_month(self) -> Decimal:
        clock = self._schedule.clock
        gone = (clock.now - month_of(clock.now)).total_seconds()
        return self._book.sum("usage", until=before(clock.seconds, gone + _MICROSECOND))
