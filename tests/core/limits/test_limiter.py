"""All buckets of an account together: which limit refuses, with which numbers, and that nothing is taken then."""

from __future__ import annotations

import pytest

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.limits.charges import Charges
from pytest_llmcontract.core.limits.limiter import Limiter
from pytest_llmcontract.core.limits.rules import Window

FREE = {"RPM": 30, "RPD": 1000, "TPM": 8000, "TPD": 200_000}


@pytest.fixture
def limiter():
    return Limiter(lambda model: FREE)


def test_a_call_is_counted_by_every_limit_it_touches(limiter):
    limiter.take("m", {"RPM": 1, "RPD": 1, "TPM": 80, "TPD": 80}, now=0)

    state = limiter.state("m", now=0)
    assert {kind: s.remaining for kind, s in state.items()} == {"RPM": 29, "RPD": 999, "TPM": 7920, "TPD": 199_920}
    assert state["RPD"].reset_seconds == pytest.approx(86.4)


def test_models_do_not_share_buckets(limiter):
    limiter.take("m", {"TPM": 8000}, now=0)

    assert limiter.admit("m", Charges({"TPM": 1}, {}), now=0) is not None
    assert limiter.admit("other", Charges({"TPM": 1}, {}), now=0) is None


def test_the_first_kind_that_is_exceeded_is_named(limiter):
    limiter.take("m", {"TPM": 8000, "RPD": 1000, "TPD": 200_000}, now=0)

    short = limiter.admit("m", Charges({"TPD": 5, "TPM": 5, "RPD": 1, "RPM": 1}, {}), now=0)

    assert short.kind == "RPD"
    assert not short.too_large


def test_a_refusal_counts_in_whole_used_units(limiter):
    """So that Used + Requested - Limit in the text explains the wait in the text."""
    limiter.take("m", {"TPM": 8000}, now=0)

    short = limiter.admit("m", Charges({"TPM": 100}, {}), now=0.001)  # 0.13 tokens are back

    assert (short.limit, short.used, short.requested) == (8000, 8000, 100)
    assert short.wait == 0.75


def test_more_than_a_limit_holds_is_too_large_even_for_an_empty_bucket(limiter):
    short = limiter.admit("m", Charges({"TPM": 8001}, {}), now=0)

    assert short.too_large


def test_asking_takes_nothing(limiter):
    limiter.admit("m", Charges({"RPM": 1, "TPM": 9000}, {}), now=0)

    assert limiter.state("m", now=0)["RPM"].used == 0


def test_a_window_says_when_it_ends():
    limiter = Limiter(lambda model: {"RPM": 60}, lambda kind, limit, window: Window(limit, window))
    limiter.take("m", {"RPM": 2}, now=0)

    assert limiter.admit("m", Charges({"RPM": 1}, {}), now=0.5).wait == pytest.approx(1.5)


def test_a_change_of_plan_changes_the_limits_and_keeps_what_is_used():
    limits = dict(FREE)
    current = [limits]
    limiter = Limiter(lambda model: current[0])
    limiter.take("m", {"TPM": 5000, "RPM": 1}, now=0)
    current[0] = {"RPM": 1000, "TPM": 250_000}

    state = limiter.state("m", now=0)

    assert state.keys() == {"RPM", "TPM"}
    assert (state["TPM"].limit, state["TPM"].used) == (250_000, 5000)


def test_a_limit_nobody_has_lists_those_there_are(limiter):
    with pytest.raises(BadInput, match=r"unknown limit of m 'ASH'; accepted: RPD, RPM, TPD, TPM"):
        limiter.rule("m", "ASH")
