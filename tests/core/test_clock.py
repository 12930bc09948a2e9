"""core/clock.py: the clock itself, which nothing but calls moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pytest_llmcontract.core.clock import Sleep, VirtualClock
from pytest_llmcontract.core.errors import BadInput

NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOON)


def test_it_stands_still_by_itself(clock):
    assert (clock.now, clock.seconds, clock.elapsed, clock.slept) == (NOON, 0, 0, 0)


def test_advance_adds_all_its_units(clock):
    clock.advance(seconds=1, minutes=2, hours=3, days=4)

    assert clock.now - NOON == timedelta(seconds=1, minutes=2, hours=3, days=4)
    assert clock.seconds == 1 + 2 * 60 + 3 * 3600 + 4 * 86400


def test_time_does_not_run_backwards(clock):
    clock.advance(seconds=10)

    with pytest.raises(BadInput, match="go back in time: -1 seconds"):
        clock.advance(seconds=-1)
    with pytest.raises(BadInput, match="go back in time"):
        clock.travel_to(NOON)
    clock.move_to(5)
    assert clock.seconds == 10


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 6, 4, 13, tzinfo=UTC),
        datetime(2026, 6, 4, 15, tzinfo=timezone(timedelta(hours=2))),
        datetime(2026, 6, 4, 13),
    ],
    ids=["utc", "elsewhere", "naive is utc"],
)
def test_travel_to_a_moment(clock, moment):
    clock.travel_to(moment)

    assert clock.seconds == 3600


def test_listeners_hear_of_jumps_and_of_another_beginning_until_they_leave(clock):
    heard = []
    forget = clock.on_move(lambda: heard.append(clock.now))
    clock.rebase(NOON - timedelta(days=1))
    clock.advance(seconds=1)
    forget()
    clock.advance(seconds=1)

    assert heard == [NOON - timedelta(days=1), NOON - timedelta(days=1) + timedelta(seconds=1)]


def test_a_clock_that_has_moved_keeps_its_beginning(clock):
    clock.advance(seconds=1)
    clock.rebase(NOON - timedelta(days=1))

    assert clock.now == NOON + timedelta(seconds=1)


def test_a_clock_on_which_something_is_booked_keeps_its_beginning(clock):
    clock.at(NOON + timedelta(days=1), lambda: None)
    clock.rebase(NOON - timedelta(days=1))

    assert clock.now == NOON


def test_a_test_counts_from_where_it_began(clock):
    clock.advance(seconds=100)
    clock.sleeps.append(Sleep(100.0))
    clock.begin_test()
    clock.advance(seconds=5)
    clock.sleeps += [Sleep(2.0), Sleep(3.0)]

    assert (clock.elapsed, clock.slept, clock.seconds) == (5, 5, 105)


def test_a_clock_that_ticks_by_itself_counts_both():
    ticked = [1000.0]
    clock = VirtualClock(NOON, ticks=lambda: ticked[0])
    ticked[0] += 3
    clock.advance(seconds=60)
    ticked[0] += 3

    assert clock.seconds == 66


def test_it_shows_where_it_stands(clock):
    clock.advance(seconds=1.5)

    assert repr(clock) == "<VirtualClock 2026-06-04T12:00:01.500000+00:00 after 1.5 s>"
