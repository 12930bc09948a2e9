"""Months, as bills know them: from the first of one to the first of the next, in UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pytest_llmcontract.core.kept.schedule import Schedule


def month_of(moment: datetime) -> datetime:
    """When the month of *moment* began."""
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(moment: datetime) -> datetime:
    """When the month after that of *moment* begins."""
    first = month_of(moment)
    return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)


def month_name(moment: datetime) -> str:
    """``2026-06``."""
    return f"{moment:%Y-%m}"


class Monthly:
    """What is done at the beginning of a day of the month, but only if somebody expects it: idle months cost nothing.

    Args:
        day: Of the month, from 1 to 28.
    """

    def __init__(self, schedule: Schedule, action: Callable[[], object], day: int = 1) -> None:
        self._schedule = schedule
        self._action = action
        self._day = day
        self._booked = False

    def expect(self) -> None:
        """Let it be done the next time that day begins."""
        if not self._booked:
            self._booked = True
            self._schedule.at(self._next_time(self._schedule.clock.now), self._happen)

    def _next_time(self, now: datetime) -> datetime:
        this_month = month_of(now).replace(day=self._day)
        return this_month if now < this_month else next_month(now).replace(day=self._day)

    def _happen(self) -> None:
        self._booked = False
        self._action()
