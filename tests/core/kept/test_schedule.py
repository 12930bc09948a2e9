"""core/kept/schedule.py: what a provider has booked happens when the clock gets there, and is forgotten with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pytest_llmcontract import simulate
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.kept.schedule import Schedule
from pytest_llmcontract.core.kept.shelf import Kept

START = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def schedule():
    return Schedule(VirtualClock(START))


def test_what_is_booked_happens_at_its_moment_and_in_order(schedule):
    seen = []
    schedule.after(20, lambda: seen.append(("second", schedule.clock.seconds)))
    schedule.after(10, lambda: seen.append(("first", schedule.clock.seconds)))
    schedule.clock.advance(hours=1)
    assert seen == [("first", 10), ("second", 20)]


def test_what_happens_may_book_what_comes_next(schedule):
    seen = []

    def every_minute():
        seen.append(schedule.clock.seconds)
        schedule.after(60, every_minute)

    schedule.after(60, every_minute)
    schedule.clock.advance(minutes=5)
    assert seen == [60, 120, 180, 240, 300]


def test_what_is_forgotten_does_not_happen(schedule):
    seen = []
    schedule.after(10, lambda: seen.append("booked"))
    alone = schedule.clock.at(START + timedelta(seconds=10), lambda: seen.append("of another"))
    schedule.forget()
    schedule.clock.advance(minutes=1)
    assert seen == ["of another"]
    assert alone.moment == 10_000_000


def test_nothing_can_be_booked_in_the_past(schedule):
    schedule.clock.advance(days=1)
    with pytest.raises(BadInput, match="nothing can be booked in the past"):
        schedule.at(START, lambda: None)


@pytest.mark.parametrize("how", ["reset", "end"])
def test_a_provider_that_is_gone_does_nothing_later(how):
    seen = []
    with simulate("groq") as groq, simulate("together") as together:
        with simulate("groq") as inner:
            provider = inner if how == "end" else groq
            provider.simulator.state.schedule.after(10, lambda: seen.append(how))
        if how == "reset":
            groq.reset()
        together.clock.advance(minutes=1)
    assert seen == []


def test_each_kind_of_things_has_a_shelf_of_its_own():
    kept = Kept()
    kept["files"].put("f-1", "a file")
    assert kept["files"].get("f-1", 0) == "a file"
    assert kept["batches"].get("f-1", 0) is None
