"""core/money/months.py: from the first of a month to the first of the next."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.kept.schedule import Schedule
from pytest_llmcontract.core.money.months import Monthly, month_of, next_month


@pytest.mark.parametrize(
    ("moment", "began", "ends"),
    [
        ("2026-06-04T12:00+00:00", "2026-06-01", "2026-07-01"),
        ("2026-12-31T23:59:59.999999+00:00", "2026-12-01", "2027-01-01"),
        ("2028-02-01T00:00+00:00", "2028-02-01", "2028-03-01"),
    ],
)
def test_a_month_goes_from_its_first_to_the_next(moment, began, ends):
    midnight = "T00:00:00+00:00"
    at = datetime.fromisoformat(moment)

    assert (month_of(at).isoformat(), next_month(at).isoformat()) == (began + midnight, ends + midnight)


@pytest.mark.parametrize(
    ("day", "first"), [(1, datetime(2026, 7, 1, tzinfo=UTC)), (5, datetime(2026, 6, 5, tzinfo=UTC))]
)
def test_what_is_expected_once_is_done_once_however_the_clock_gets_there(day, first):
    clock = VirtualClock(datetime(2026, 6, 4, 12, tzinfo=UTC))
    done = []
    monthly = Monthly(Schedule(clock), lambda: done.append(clock.now), day)

    monthly.expect()
    monthly.expect()
    clock.advance(days=100)
    assert done == [first]

    monthly.expect()
    clock.advance(days=31)
    assert len(done) == 2
