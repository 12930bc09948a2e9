"""Together's money: random lives against a plain reference, and one jump of the clock against many small steps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.errors import BadInput, PaymentDeclined
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.kept.schedule import Schedule
from pytest_llmcontract.providers.together.account import TogetherAccount
from pytest_llmcontract.providers.together.dialect import dialect_of

START = datetime(2026, 1, 20, 12, tzinfo=UTC)
TERMS = {
    "postpaid": dialect_of(load_edition("together", "2026-01-20")),
    "prepaid": dialect_of(load_edition("together", "2026-10-07")),
}
MINUTE = 60


def account_of(kind, balance=25):
    clock = VirtualClock(START)
    return clock, TogetherAccount(TERMS[kind], Schedule(clock), 1, balance)


class Plain:
    """The same rules told once more, in whole millionths of a dollar, a minute at a time; no ledger, no schedule."""

    def __init__(self, kind, balance=25):
        self.postpaid = kind == "postpaid"
        self.floor = -100_000_000 if self.postpaid else 0
        self.balance = balance * 1_000_000
        self.used = 0  # of this month, beyond credits or not
        self.paid = 5_000_000
        self.owed = 0
        self.overdue = False
        self.recharge = None
        self.declines = 0
        self.machines = {}
        self.now = START

    def card(self):
        if self.declines:
            self.declines -= 1
            return False
        return True

    def buy(self, amount):
        if not self.card():
            return False
        self.paid += amount
        self.balance += amount
        return True

    def watch(self):
        while self.recharge and self.balance < self.recharge[1]:
            amount, _ = self.recharge
            need = amount if self.postpaid else max(amount - self.balance, 5_000_000)
            if not self.buy(need):
                self.recharge = None
                break
            if not self.postpaid:
                break
        if self.machines and not self.overdue and self.balance <= self.floor and not self.is_unlimited():
            self.machines.clear()

    def is_unlimited(self):
        return False

    def use(self, amount):
        self.balance -= amount
        self.watch()

    def month(self):
        """What is below nothing is invoiced, in whole cents."""
        if self.balance < 0:
            cents = -self.balance // 10_000 * 10_000
            self.balance += cents
            self.owed += cents

    def third(self):
        if self.owed:
            self.settle()

    def settle(self):
        if self.card():
            self.paid += self.owed
            self.owed, self.overdue = 0, False
        else:
            self.overdue = True

    def advance(self, seconds):
        end = self.now + timedelta(seconds=seconds)
        while True:
            ticks = [since + timedelta(minutes=done + 1) for since, done, _ in self.machines.values()]
            first = (self.now.replace(day=1, hour=0, minute=0, second=0) + timedelta(days=32)).replace(day=1)
            third = self.now.replace(day=3, hour=0, minute=0, second=0)
            third = third if third > self.now else first.replace(day=3)
            next_ = min([*ticks, first, third])
            if next_ > end:
                break
            self.now = next_
            spent = 0
            for name, (since, done, rate) in list(self.machines.items()):
                if since + timedelta(minutes=done + 1) == next_:
                    self.machines[name] = (since, done + 1, rate)
                    spent += rate
            if spent:
                self.use(spent)
            if next_ == first:
                self.month()
            if next_ == third:
                self.third()
        self.now = end


CENTS = st.integers(1, 4000)
ACTS = st.one_of(
    st.tuples(st.just("spend"), CENTS),
    st.tuples(st.just("buy"), st.integers(500, 9000)),
    st.tuples(st.just("grant"), CENTS),
    st.tuples(st.just("recharge"), st.integers(500, 5000), st.integers(0, 4000)),
    st.tuples(st.just("decline"), st.integers(0, 2)),
    st.tuples(st.just("start"), st.integers(60, 1200)),
    st.tuples(st.just("stop"), st.integers(0, 3)),
    st.tuples(st.just("pay"), st.just(0)),
    st.tuples(st.just("wait"), st.integers(1, 3 * 86400)),
)
LIVES = st.lists(ACTS, max_size=60)


def act(account, clock, what, *numbers, steps=1):
    """One thing that happens to *account*; what may not be is no thing."""
    try:
        match what:
            case "spend":
                account.spend(Decimal(numbers[0]) / 100, clock.seconds, "call")
            case "buy":
                account.buy_credits(Decimal(numbers[0]) / 100)
            case "grant":
                account.grant_credits(Decimal(numbers[0]) / 100)
            case "recharge":
                account.set_auto_recharge(Decimal(numbers[0]) / 100, Decimal(numbers[1]) / 100)
            case "decline":
                account.decline_payments(numbers[0])
            case "start":
                account.start_endpoint("m", Decimal(numbers[0]) / 10)
            case "stop":
                running = list(account.endpoints)
                account.stop_endpoint(running[numbers[0] % len(running)] if running else "none")
            case "pay":
                account.pay()
            case "wait":
                whole, rest = divmod(numbers[0], steps)
                for _ in range(steps):
                    clock.advance(seconds=whole)
                clock.advance(seconds=rest)
    except (BadInput, PaymentDeclined):
        pass


def act_plainly(plain, account, what, *numbers):
    """The same to the reference. What an account refuses is asked of *account*, before it acts."""
    match what:
        case "spend":
            plain.use(numbers[0] * 10_000)
        case "buy":
            if plain.buy(numbers[0] * 10_000):
                plain.watch()
        case "grant":
            plain.balance += numbers[0] * 10_000
            plain.watch()
        case "recharge":
            if plain.postpaid or numbers[0] > numbers[1]:
                plain.recharge = (numbers[0] * 10_000, numbers[1] * 10_000)
                plain.watch()
        case "decline":
            plain.declines = numbers[0]
        case "start":
            if account.status == "active":
                plain.machines[f"endpoint-{len(account.events)}"] = (plain.now, 0, numbers[0] * 100_000 // 60)
                plain.watch()
        case "stop":
            if plain.machines:
                del plain.machines[list(plain.machines)[numbers[0] % len(plain.machines)]]
        case "pay":
            if plain.owed:
                plain.settle()
                plain.watch()
        case "wait":
            plain.advance(numbers[0])


def dollars(units):
    return Decimal(units) / 1_000_000


@pytest.mark.parametrize("kind", TERMS)
@given(life=LIVES)
@settings(max_examples=60)
def test_every_cent_is_where_a_plain_reference_has_it(kind, life):
    clock, account = account_of(kind)
    plain = Plain(kind)
    for what, *numbers in life:
        if what == "start":
            numbers = [numbers[0] // 6 * 6]  # a price of whole millionths a minute
        act_plainly(plain, account, what, *numbers)
        act(account, clock, what, *numbers)
        assert account.balance == dollars(plain.balance), what
        assert account.past_due == dollars(plain.owed)
        assert account.lifetime_spend == dollars(plain.paid)
        assert len(account.endpoints) == len(plain.machines)


@pytest.mark.parametrize("kind", TERMS)
@given(life=LIVES, steps=st.integers(2, 300))
@settings(max_examples=40)
def test_one_jump_is_many_small_steps(kind, life, steps):
    ledgers = []
    for each in (1, steps):
        clock, account = account_of(kind)
        for what, *numbers in life:
            act(account, clock, what, *numbers, steps=each if what == "wait" else 1)
            assert account.balance is not None  # to look changes nothing
        ledgers.append((account.entries, account.events, account.invoices))
    assert ledgers[0] == ledgers[1]


@pytest.mark.parametrize("kind", TERMS)
@given(life=LIVES)
@settings(max_examples=40)
def test_the_balance_is_what_credits_and_the_bill_under_way_say(kind, life):
    clock, account = account_of(kind)
    for what, *numbers in life:
        act(account, clock, what, *numbers)
    funds, at = account._funds, clock.seconds
    assert funds.balance == funds.credits.left - funds.bills.outstanding
    assert account.balance == funds.balance - account._rents.accrued(at)
    assert account.past_due == sum((invoice.due for invoice in account.invoices), Decimal(0))
