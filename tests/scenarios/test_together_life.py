"""A Together account over weeks, as applications with the real SDKs meet it."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal

import openai
import pytest
import together

from pytest_llmcontract import BadInput, PaymentDeclined, simulate

MODEL = "openai/gpt-oss-120b"
HELLO = [{"role": "user", "content": "Hello"}]
POSTPAID = "2026-01-20"
PREPAID = "2026-10-07"
on_a_tier = pytest.mark.together_api(tier=1, edition=POSTPAID)
prepaid = pytest.mark.together_api(balance=20, edition=PREPAID)


def ask(client=together.Together, **more):
    return client(api_key="key", max_retries=0, **more).chat.completions.create(model=MODEL, messages=HELLO)


def refused(call=ask):
    with pytest.raises(together.APIStatusError) as problem:
        call()
    return problem.value.status_code, problem.value.body["error"]["type"]


def kinds(api):
    return [event.what for event in api.account.events]


def through_openai():
    return ask(openai.OpenAI, base_url="https://api.together.xyz/v1")


# Without funds


@prepaid
def test_at_nothing_every_operation_of_every_client_is_refused_until_credits_come(together_api):
    account = together_api.account
    account.charge(20)

    assert refused() == (402, "credit_limit")
    with pytest.raises(openai.APIStatusError) as problem:
        through_openai()
    assert problem.value.status_code == 402
    assert {found.code for call in together_api.calls for found in call.violations} == {"LLM501"}

    account.grant_credits("0.01")
    assert ask().choices
    assert kinds(together_api) == ["charge", "suspended", "grant", "unblocked"]


@on_a_tier
def test_tiers_1_to_4_go_down_to_minus_a_hundred(together_api):
    together_api.account.charge("124.99")
    ask()
    together_api.account.charge("0.01")

    assert (together_api.account.status, refused()) == ("suspended", (402, "credit_limit"))


@pytest.mark.together_api(tier=5, edition=POSTPAID)
def test_tier_5_keeps_its_own_postpaid_limit(together_api, llm_clock):
    together_api.account.charge(5000)

    assert ask().choices
    llm_clock.travel_to(datetime(2026, 1, 3))
    assert (together_api.account.past_due, together_api.account.lifetime_spend) == (0, Decimal("5975.00"))
    assert -Decimal("0.01") < together_api.account.balance < 0  # less than a cent is carried over


@on_a_tier
def test_a_suspended_month_ends_with_its_invoice(together_api, llm_clock):
    together_api.account.charge(125)
    llm_clock.travel_to(datetime(2026, 1, 1))

    assert (together_api.account.status, together_api.account.past_due) == ("active", 100)
    llm_clock.travel_to(datetime(2026, 1, 3, 0, 15))
    assert (together_api.account.tier, together_api.account.lifetime_spend) == (3, 105)  # a paid bill counts


# Months


@on_a_tier
def test_a_month_within_the_credits_is_an_invoice_of_nothing(together_api, llm_clock):
    ask()
    llm_clock.travel_to(datetime(2026, 2, 5))

    invoices = together_api.account.invoices
    assert [(invoice.amount, invoice.reason) for invoice in invoices] == [(0, "usage of 2025-12")]


@on_a_tier
def test_who_pays_before_the_3rd_is_not_charged_again(together_api, llm_clock):
    together_api.account.charge(30)
    llm_clock.travel_to(datetime(2026, 1, 2))
    together_api.account.pay()
    llm_clock.travel_to(datetime(2026, 1, 9))

    assert together_api.account.lifetime_spend == 10
    assert kinds(together_api).count("payment") == 1


@on_a_tier
def test_a_declined_invoice_is_not_paid_by_the_next_one_either(together_api, llm_clock):
    account = together_api.account
    account.charge(30)
    account.decline_payments(reason="funds")
    llm_clock.travel_to(datetime(2026, 1, 4))
    account.buy_credits(50)
    assert refused() == (402, "credit_limit")
    assert "past due" in together_api.calls.last.violations[0].message

    llm_clock.travel_to(datetime(2026, 2, 4))
    assert (account.status, account.past_due) == ("past_due", 5)  # nothing was used since: no second charge
    account.pay()
    assert ask().choices


# Cards


@prepaid
def test_another_card_pays_where_the_first_is_declined(together_api):
    account = together_api.account
    account.decline_payments(times=99, reason="virtual")
    with pytest.raises(PaymentDeclined, match="virtual cards"):
        account.buy_credits(10)
    account.add_card("company", default=False)
    with pytest.raises(PaymentDeclined):
        account.buy_credits(10)
    account.set_default_card("company")
    account.buy_credits(10)

    assert (account.balance, account.cards) == (30, ("company", "card"))
    account.remove_card("card")
    assert account.cards == ("company",)


@on_a_tier
def test_until_april_2026_there_is_one_card(together_api):
    together_api.account.add_card("company", default=False)

    assert together_api.account.cards == ("company",)


# Machines


@prepaid
def test_a_machine_costs_by_the_minute_whoever_moves_the_clock(together_api, llm_clock):
    account = together_api.account
    first = account.start_endpoint(MODEL, hourly=6)
    llm_clock.advance(minutes=10, seconds=59)
    assert (account.balance, account.endpoints) == (19, {first: 6})
    account.stop_endpoint(first)
    llm_clock.advance(days=1)

    assert (account.balance, account.endpoints) == (19, {})
    assert sum(entry.amount for entry in account.entries if entry.source == first) == 1


@prepaid
def test_auto_recharge_keeps_a_forgotten_machine_running(together_api, llm_clock):
    account = together_api.account
    account.set_auto_recharge(amount=20, threshold=5)
    account.start_endpoint(MODEL, hourly="2.40")
    llm_clock.advance(days=7)

    assert len(account.endpoints) == 1
    assert account.lifetime_spend - 5 == sum(invoice.amount for invoice in account.invoices)
    assert account.balance == 20 + account.lifetime_spend - 5 - Decimal("2.40") * 24 * 7
    assert 5 <= account.balance <= 20


@prepaid
def test_a_reset_forgets_money_machines_and_what_is_to_happen(together_api, llm_clock):
    account = together_api.account
    account.start_endpoint(MODEL, hourly=6)
    account.delay_payments()
    account.buy_credits(5)
    together_api.reset()
    llm_clock.advance(days=60)

    fresh = together_api.account
    assert (fresh.balance, fresh.endpoints, fresh.events, fresh.invoices) == (20, {}, [], [])


# Bad input


@pytest.mark.parametrize("amount", [-1, float("nan"), "ten", float("inf"), True, [], "1e12", "0.0000000000001"])
@pytest.mark.parametrize("edition", [POSTPAID, PREPAID])
@pytest.mark.parametrize("deed", ["charge", "grant_credits", "buy_credits", "set_auto_recharge"])
def test_what_is_no_amount_is_refused_and_changes_nothing(deed, edition, amount):
    with simulate("together", edition=edition) as api:
        with pytest.raises(BadInput, match=r"(?s)dollars.*(accepted|must be 0 or more)"):
            getattr(api.account, deed)(amount)

        assert (api.account.events, api.account.invoices) == ([], [])


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        (lambda account: account.buy_credits("4.99"), "the minimum purchase is .5"),
        (lambda account: account.set_auto_recharge(amount=4), "the minimum purchase is .5"),
        (lambda account: account.set_auto_recharge(amount=20, threshold=20), "amount has to be above threshold"),
        (lambda account: account.decline_payments(-1), "a number of payments"),
        (
            lambda account: account.decline_payments(reason="mood"),
            "unknown reason of decline_payments.. 'mood'; accepted",
        ),
        (lambda account: account.delay_payments(16), "up to 15"),
        (lambda account: account.delay_payments(5, times=0), "a number of purchases from 1"),
        (lambda account: account.pay(), "nothing is due"),
        (lambda account: account.stop_endpoint("endpoint-7"), "unknown endpoint 'endpoint-7'"),
        (lambda account: account.start_endpoint(MODEL, hourly="much"), "dollars"),
        (lambda account: account.add_card(""), "a name of one line"),
        (lambda account: account.add_card("card"), "a card of that name already"),
        (lambda account: account.set_default_card("gold"), "unknown card of set_default_card.. 'gold'; accepted: card"),
        (lambda account: account.remove_card("card"), "the default card cannot be removed"),
    ],
)
def test_what_an_account_cannot_do_is_an_error_that_says_what_it_can(deed, words):
    with simulate("together", edition=PREPAID) as api:
        with pytest.raises(BadInput, match=words):
            deed(api.account)

        assert api.account.events == []


@prepaid
def test_a_machine_needs_funds(together_api):
    together_api.account.charge(20)

    with pytest.raises(BadInput, match="suspended; buy credits first"):
        together_api.account.start_endpoint(MODEL, hourly=1)


def test_an_attribute_that_an_account_has_not_cannot_be_set():
    with simulate("together") as api, pytest.raises(AttributeError):
        api.account.balanc = 5


# The ledger


def test_machines_and_purchases_are_in_the_ledger(run_pytest, pytester):
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.together_api(balance=20, edition="2026-10-07")
        def test_weekend(together_api, llm_clock):
            together_api.account.set_auto_recharge(amount=20, threshold=5)
            together_api.account.start_endpoint("openai/gpt-oss-120b", hourly=6)
            llm_clock.advance(hours=3)
        """
    )
    run_pytest("--llmcontract-report=ledger.json")
    ledger = json.loads((pytester.path / "ledger.json").read_text())

    assert [event["what"] for event in ledger["events"]] == ["auto_recharge", "endpoint", "purchase"]
    assert {entry["source"] for entry in ledger["money"] if entry["what"] == "usage"} == {"endpoint-1"}
