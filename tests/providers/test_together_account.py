"""Together's account: money, tiers, and when it refuses."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.errors import PaymentDeclined
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.kept.schedule import Schedule
from pytest_llmcontract.core.refusal import Refusal
from pytest_llmcontract.providers.together.account import TogetherAccount
from pytest_llmcontract.providers.together.dialect import dialect_of

POSTPAID = dialect_of(load_edition("together", "2026-01-20"))


@pytest.fixture
def clock():
    return VirtualClock(datetime(2026, 1, 20, 12, tzinfo=UTC))


def together(clock, tier=1, balance=25, floor=Decimal(0)):
    terms = POSTPAID.model_copy(update={"balance_floor": floor})
    return TogetherAccount(terms, Schedule(clock), tier, balance)


def test_a_purchase_is_in_the_balance_at_once_and_in_the_tier_after_fifteen_minutes(clock):
    account = together(clock)
    account.buy_credits(50)

    assert (account.balance, account.lifetime_spend, account.tier) == (75, 55, 1)
    clock.advance(minutes=14, seconds=59)
    assert account.tier == 1
    clock.advance(seconds=1)
    assert account.tier == 2
    assert [invoice.amount for invoice in account.invoices] == [50]
    assert [event.what for event in account.events] == ["purchase", "tier"]


def test_granted_credits_never_raise_a_tier(clock):
    account = together(clock)
    account.grant_credits(1000)
    clock.advance(hours=1)

    assert (account.tier, account.balance) == (1, 1025)


@pytest.mark.parametrize("tier", range(6))
def test_an_account_begins_on_the_tier_it_was_asked_for(clock, tier):
    assert together(clock, tier).tier == tier


def test_a_declined_card_is_an_error_and_an_event(clock):
    account = together(clock)
    account.decline_payments(times=1)

    with pytest.raises(PaymentDeclined, match=r"\$10"):
        account.buy_credits(10)
    account.buy_credits(10)

    assert [event.what for event in account.events] == ["declined", "purchase"]
    assert account.balance == 35


@pytest.mark.parametrize("amount", [4.99, 0, -5, "ten", float("nan"), float("inf")])
def test_a_purchase_below_the_minimum_or_no_amount_is_bad_input(clock, amount):
    with pytest.raises(ValueError, match="buy_credits"):
        together(clock).buy_credits(amount)


def test_without_balance_calls_are_refused(clock):
    account = together(clock, balance="0.50")
    assert (account.refusal(0), account.status) == (None, "active")

    account.spend(Decimal("0.50"), 0)

    assert (account.refusal(0), account.status) == (Refusal("credit_limit"), "suspended")


def test_the_postpaid_editions_let_the_balance_go_down_to_minus_a_hundred(clock):
    account = together(clock, balance=0, floor=Decimal(-100))
    account.charge(99)
    assert account.refusal(0) is None

    account.charge(1)

    assert account.refusal(0) == Refusal("credit_limit")
