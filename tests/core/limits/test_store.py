"""core/limits/store.py: to ask and to take is one act, against a plain reference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_llmcontract.core.limits.rules import Refill, Window
from pytest_llmcontract.core.limits.store import Memory

STORES = [Memory]
"""Whatever keeps levels is held to the same histories."""
RULES = {"RPM": Window(60, 60), "TPM": Refill(1000, 60), "TPD": Refill(5000, 86_400)}

calls = st.lists(st.tuples(st.floats(0, 30), st.integers(0, 1200), st.integers(0, 1200)), max_size=30)


@pytest.mark.parametrize("store", STORES)
@given(calls)
def test_a_call_is_let_in_if_all_of_it_is_left_and_else_counts_nothing(store, calls):
    levels, now = store(), 0.0
    seen = {kind: levels.levels("m", RULES)[kind] for kind in RULES}
    for pause, asked, taken in calls:
        now += pause
        wanted = {"RPM": 1, "TPM": asked, "TPD": asked}
        counted = {"RPM": 1, "TPM": taken, "TPD": taken}
        short = [
            kind
            for kind, rule in RULES.items()
            if wanted[kind] and (wanted[kind] > rule.limit or rule.wait(seen[kind], wanted[kind], now))
        ]
        admission = levels.admit("m", RULES, wanted, counted, now)

        assert admission.short == (short[0] if short else "")
        for kind in () if short else RULES:
            if counted[kind]:
                seen[kind] = RULES[kind].added(seen[kind], counted[kind], now)
        assert {kind: levels.levels("m", RULES)[kind] for kind in RULES} == seen


@pytest.mark.parametrize("store", STORES)
def test_keys_do_not_share_levels(store):
    levels = store()
    levels.add("m", RULES, {"TPM": 1000}, 0)

    assert levels.admit("m", RULES, {"TPM": 1}, {}, 0).short == "TPM"
    assert levels.admit("n", RULES, {"TPM": 1}, {}, 0).short == ""


@pytest.mark.parametrize("store", STORES)
def test_what_there_is_no_rule_for_is_passed_over(store):
    levels = store()
    levels.add("m", RULES, {"ASH": 5}, 0)

    assert levels.admit("m", RULES, {"ASH": 10**9}, {"ASH": 1}, 0).short == ""


@pytest.mark.parametrize("store", STORES)
def test_a_drained_limit_refuses(store):
    levels = store()
    levels.drain("m", "TPM", RULES["TPM"], 0)

    assert levels.admit("m", RULES, {"TPM": 1}, {}, 0).short == "TPM"
