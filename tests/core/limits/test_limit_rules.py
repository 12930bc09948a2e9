"""The arithmetic of one limit, as tables over time and as properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmcontract.core.limits.rules import Level, LimitState, Refill, Rule, Window


class Counted:
    """One limit as calls see it: a rule, and what it has seen."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.level = Level()

    @property
    def limit(self) -> float:
        return self.rule.limit

    def add(self, amount: float, now: float) -> None:
        self.level = self.rule.added(self.level, amount, now)

    def drain(self, now: float) -> None:
        self.level = self.rule.drained(self.level, now)

    def used(self, now: float) -> float:
        return self.rule.used(self.level, now)

    def wait(self, amount: float, now: float) -> float:
        return self.rule.wait(self.level, amount, now)

    def state(self, now: float) -> LimitState:
        return self.rule.state(self.level, now)

    def remaining(self, now: float) -> int:
        return self.state(now).remaining

    def reset(self, now: float) -> float:
        return self.state(now).reset_seconds


def test_a_full_bucket_of_tokens_refills_continuously():
    bucket = Counted(Refill(8000, 60))
    bucket.add(80, now=0)

    assert bucket.remaining(0) == 7920
    assert bucket.reset(0) == pytest.approx(0.6)
    assert bucket.used(0.3) == pytest.approx(40)
    assert bucket.remaining(0.3) == 7960
    assert bucket.used(0.6) == 0


def test_remaining_is_the_floor_of_what_is_left():
    bucket = Counted(Refill(1000, 86400))
    bucket.add(1, now=0)

    assert bucket.remaining(43.2) == 999  # half a request is used still
    assert bucket.remaining(86.4) == 1000


@pytest.mark.parametrize(
    ("limit", "window", "used", "requested", "wait"),
    [
        pytest.param(200_000, 86400, 199_682, 672, 152.928, id="TPD, pasted 2025"),
        pytest.param(6000, 60, 5034, 1443, 4.77, id="TPM, pasted 2025-03"),
        pytest.param(30, 60, 30, 1, 2.0, id="RPM: exactly full"),
        pytest.param(1000, 86400, 1000, 1, 86.4, id="RPD: exactly full"),
        pytest.param(7200, 3600, 6619, 1200, 309.5, id="seconds of audio an hour, pasted 2026-07"),
    ],
)
def test_the_wait_is_the_time_in_which_the_overage_refills(limit, window, used, requested, wait):
    bucket = Counted(Refill(limit, window))
    bucket.add(used, now=0)

    assert bucket.wait(requested, now=0) == pytest.approx(wait)


def test_a_bucket_may_run_into_debt_where_the_edition_says_so():
    indebted, clean = Counted(Refill(5000, 60, debt=True)), Counted(Refill(5000, 60))
    for bucket in (indebted, clean):
        bucket.add(5747, now=0)

    assert indebted.used(0) == 5747
    assert clean.used(0) == 5000
    assert indebted.remaining(0) == clean.remaining(0) == 0


amounts = st.floats(min_value=0.001, max_value=5000)


@given(st.lists(st.tuples(st.floats(min_value=0, max_value=100), amounts), min_size=1))
def test_what_was_announced_as_wait_is_enough_and_less_is_not(steps):
    bucket, now = Counted(Refill(6000, 60)), 0.0
    for pause, amount in steps:
        now += pause
        wait = bucket.wait(amount, now)
        if wait:
            assert bucket.wait(amount, now + wait + 1e-6) == 0
            assert bucket.wait(amount, now + wait * 0.99 - 1e-6) > 0 or wait < 1e-3
            now += wait + 1e-6
        bucket.add(amount, now)

        assert 0 <= bucket.used(now) <= 6000 + 1e-6
        assert bucket.remaining(now) <= 6000


# Together's windows: the first reply under each recorded rate, what it leaves and when the window is full again.


@pytest.mark.parametrize(
    ("a_minute", "left_after_first", "reset"),
    [(600, 19, 2), (1800, 59, 2), (240, 7, 2), (60, 1, 2), (10, 0, 6), (6, 0, 10)],
)
def test_the_first_request_leaves_what_was_recorded(a_minute, left_after_first, reset):
    bucket = Counted(Window(a_minute, 60))
    bucket.add(1, now=100)

    assert bucket.remaining(100) == left_after_first
    assert bucket.reset(100) == pytest.approx(reset)


def test_a_window_opens_with_its_first_request_and_ends_as_a_whole():
    bucket = Counted(Window(60, 60))
    bucket.add(1, now=10.0)
    bucket.add(1, now=11.5)

    assert bucket.wait(1, now=11.5) == pytest.approx(0.5)
    assert bucket.wait(1, now=12.0) == 0
    assert bucket.remaining(12.0) == 2
    assert bucket.reset(12.0) == 0


@pytest.mark.parametrize("bucket", [Counted(Refill(8000, 60)), Counted(Window(600, 60)), Counted(Window(6, 60))])
def test_a_drained_bucket_has_nothing_left_and_refills(bucket):
    bucket.add(1, now=5)
    bucket.drain(now=5)

    assert bucket.remaining(5) == 0
    assert bucket.wait(1, now=5) > 0
    assert bucket.state(5) == (bucket.limit, bucket.used(5), bucket.remaining(5), bucket.reset(5))
    assert bucket.remaining(5 + bucket.reset(5)) > 0
