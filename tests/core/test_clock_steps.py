"""core/clock.py: whole microseconds and appointments. One large step and a thousand small ones end alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmcontract import simulate
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.errors import BadInput

NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)
YEAR = 365 * 86_400 * 1_000_000
"""Microseconds."""


def clock_at_noon() -> VirtualClock:
    return VirtualClock(NOON)


def test_small_steps_add_up():
    clock = clock_at_noon()
    for _ in range(3000):
        clock.advance(seconds=0.3)

    assert (clock.seconds, clock.now) == (900.0, NOON + timedelta(minutes=15))


def test_the_clock_may_travel_to_where_it_is():
    clock = clock_at_noon()
    clock.advance(seconds=0.1)
    clock.advance(seconds=0.2)

    clock.travel_to(clock.now)

    assert clock.now == NOON + timedelta(milliseconds=300)


@pytest.mark.parametrize("seconds", [0.3, 0.1, 1.8])
def test_a_tier_is_in_force_after_so_many_small_steps(seconds):
    with simulate("together", tier=1, edition="2025-08-01") as api:
        api.account.buy_credits(50)
        for _ in range(round(900 / seconds)):
            assert api.account.tier == 1
            api.clock.advance(seconds=seconds)

        assert api.account.tier == 2


@given(st.floats(0, 1e6), st.floats(1e-9, 1e6))
def test_what_is_waited_for_has_come_when_the_clock_was_moved_there(start, wait):
    clock = clock_at_noon()
    clock.move_to(start)
    due = clock.after(wait)
    clock.move_to(due)

    assert clock.seconds == due


moments = st.lists(st.integers(0, YEAR), max_size=20)


def told(booked: list[int], steps: list[int]) -> list[tuple[str, datetime]]:
    """What happens, and when, if the clock is moved to each of *steps*: every appointment books another once."""
    clock, heard = clock_at_noon(), []

    def happen(name: str, again: bool) -> None:
        heard.append((name, clock.now))
        if again:
            clock.at(clock.now + timedelta(hours=1), lambda: happen(f"{name} later", False))

    for number, moment in enumerate(booked):
        clock.at(NOON + timedelta(microseconds=moment), lambda number=number: happen(str(number), True))
    for step in sorted(steps):
        clock.travel_to(NOON + timedelta(microseconds=step))
    clock.travel_to(NOON + timedelta(days=366))
    return heard


@given(moments, moments)
def test_one_jump_of_a_year_tells_the_story_of_many_small_steps(booked, steps):
    at_once = told(booked, [])

    assert told(booked, steps) == at_once
    assert [moment for _, moment in at_once] == sorted(moment for _, moment in at_once)
    assert len(at_once) == 2 * len(booked)


def test_of_two_at_one_moment_the_first_booked_goes_first():
    clock, heard = clock_at_noon(), []
    for name in "ab":
        clock.at(NOON + timedelta(seconds=1), lambda name=name: heard.append(name))
    clock.advance(seconds=1)

    assert heard == ["a", "b"]


def test_what_was_cancelled_does_not_happen():
    clock, heard = clock_at_noon(), []
    booked = clock.at(NOON + timedelta(seconds=1), lambda: heard.append("x"))
    booked.cancel()
    clock.advance(seconds=2)

    assert heard == []


def test_listeners_hear_once_a_jump_however_much_happens_on_the_way():
    clock, heard = clock_at_noon(), []
    clock.on_move(lambda: heard.append(clock.now))
    for second in range(5):
        clock.at(NOON + timedelta(seconds=second), lambda: None)
    clock.advance(seconds=10)

    assert heard == [NOON + timedelta(seconds=10)]


def test_nothing_is_booked_in_the_past():
    clock = clock_at_noon()
    clock.advance(seconds=10)

    with pytest.raises(BadInput, match="booked in the past"):
        clock.at(NOON, lambda: None)


def test_a_clock_that_follows_real_time_passes_what_is_due_when_it_is_asked():
    ticks = [0.0]
    clock, heard = VirtualClock(NOON, ticks=lambda: ticks[0]), []
    clock.at(NOON + timedelta(seconds=5), lambda: heard.append("x"))

    clock.pass_due()
    assert heard == []
    ticks[0] = 5.0
    clock.pass_due()
    assert heard == ["x"]


@pytest.mark.parametrize("step", [{"seconds": float("nan")}, {"days": 10**9}, {"seconds": "x"}])
def test_a_step_that_is_no_time_is_bad_input(step):
    clock = clock_at_noon()

    with pytest.raises(BadInput, match=r"llm_clock\.advance\(\) takes numbers"):
        clock.advance(**step)
    assert clock.now == NOON
