"""Groq's money never drifts: random lives of an organization against a reference that counts plainly, in whole numbers.

The reference knows no schedule, no books and no sums until a moment: it walks through time from one thing that happens
to the next, and looks at everything anew each time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.kept.schedule import Schedule
from pytest_llmcontract.core.provider import provider_called

START = datetime(2026, 6, 4, 12, tzinfo=UTC)
DOLLAR = 10**12
CENT = 10**10
DAY = timedelta(days=1)


class Act(NamedTuple):
    """Something that somebody does, *after* so many microseconds."""

    after: int
    what: str
    amount: Decimal = Decimal(0)


# The reference


@dataclass
class Plain:
    """An organization on the developer plan, in trillionths of dollars."""

    now: datetime = START
    usage: list[tuple[datetime, int]] = field(default_factory=list)
    credits: list[int] = field(default_factory=list)
    open: int = 0
    thresholds: list[int] = field(default_factory=lambda: [1, 10, 100])
    invoices: list[list[int]] = field(default_factory=list)
    """Amount and what is paid, in cents."""
    limit: int | None = None
    limit_since: datetime = START
    failed: datetime | None = None
    events: list[tuple[datetime, str]] = field(default_factory=list)
    noticed: list[int] = field(default_factory=list)
    blocked: bool = False
    developer: bool = True

    def spent(self, until: datetime, since: datetime) -> int:
        return sum(amount for at, amount in self.usage if since <= at <= until)

    def month(self) -> datetime:
        return datetime(self.now.year, self.now.month, 1, tzinfo=UTC)

    def tracked(self) -> int:
        return self.spent(self.now - timedelta(minutes=15), self.month())

    def restricted(self) -> bool:
        return self.failed is not None and self.now >= self.failed + 7 * DAY

    def status(self) -> str:
        if self.restricted():
            return "restricted"
        return "blocked" if self.limit is not None and self.tracked() >= self.limit else "active"

    # Time passes.

    def moments(self, until: datetime) -> Iterator[datetime]:
        """Every moment up to *until* at which something may come about by itself."""
        first = (self.now.replace(day=28) + timedelta(days=4)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        found = [first]
        found += [at + timedelta(minutes=15) for at, _ in self.usage[-400:]]
        if self.failed:
            found += [self.failed + days * DAY for days in (1, 3, 5, 7)]
        yield from sorted({at for at in found if self.now < at <= until})

    def pass_to(self, until: datetime) -> None:
        while (at := next(self.moments(until), None)) is not None:
            self.now = at
            if at == self.month():
                self.month_ends()
            self.notice()
            self.dun()
        self.now = until

    def month_ends(self) -> None:
        last = self.now - timedelta(microseconds=1)
        if any(at.year == last.year and at.month == last.month for at, _ in self.usage):
            self.bill()
        if self.limit == 0:
            return  # reached in every month before anything is spent
        self.noticed = []
        if self.blocked:
            self.blocked = False
            self.tell("unblocked")

    def notice(self) -> None:
        if self.limit is None:
            return
        for percent in (50, 75, 90, 100):
            if percent not in self.noticed and self.tracked() * 100 >= self.limit * percent:
                self.noticed.append(percent)
                self.tell("alert" if percent < 100 else "blocked")
                self.blocked = self.blocked or percent == 100

    def dun(self) -> None:
        for days in (1, 3, 5, 7):
            if self.failed and self.now == self.failed + days * DAY:
                self.tell("reminder" if days < 7 else "restricted")

    def tell(self, what: str) -> None:
        self.events.append((self.now, what))

    # What somebody does.

    def use(self, amount: int) -> None:
        if not self.developer or not amount:
            return
        self.usage.append((self.now, amount))
        for index, left in enumerate(self.credits):
            paid = min(left, amount)
            self.credits[index] -= paid
            amount -= paid
        self.open += amount
        lifetime, passed = sum(amount for _, amount in self.usage), False
        while self.thresholds and lifetime >= self.thresholds[0] * DOLLAR:
            self.thresholds.pop(0)
            passed = True
        if passed:
            self.tell("threshold")
            self.bill()

    def bill(self) -> None:
        if self.open < DOLLAR // 2:
            if self.open:
                self.tell("carried_over")
            return
        cents = self.open // CENT
        self.open -= cents * CENT
        self.invoices.append([cents, 0])
        self.tell("invoice")
        if self.failed is None:
            self.invoices[-1][1] = cents
            self.tell("payment")
        else:
            self.tell("payment_failed")

    def act(self, act: Act) -> None:
        amount = int(act.amount * DOLLAR)
        if act.what == "call":
            self.use(amount)
        elif act.what == "charge":
            if amount:
                self.tell("charge")
            self.use(amount)
        elif act.what == "grant":
            self.credits.append(amount)
            self.tell("grant")
        elif act.what == "limit":
            self.set_limit(amount)
        elif act.what == "no limit":
            self.set_limit(None)
        elif act.what == "fail":
            if self.invoices:
                self.invoices[-1][1] = 0
            self.tell("payment_failed")
            self.failed = self.failed or self.now
        elif act.what == "pay":
            self.pay()
        elif act.what == "downgrade":
            self.set_limit(None, silent=True)
            self.bill()
            self.developer = False
            self.tell("downgrade")
        elif act.what == "upgrade":
            self.developer = True
            self.tell("upgrade")

    def set_limit(self, amount: int | None, *, silent: bool = False) -> None:
        if not silent:
            self.tell("spend_limit")
        self.limit, self.noticed = amount, []
        if self.blocked and (amount is None or self.tracked() < amount):
            self.blocked = False
            self.tell("unblocked")
        self.notice()

    def pay(self) -> None:
        restricted, self.failed = self.restricted(), None
        for invoice in self.invoices:
            if invoice[1] < invoice[0]:
                invoice[1] = invoice[0]
                self.tell("payment")
        if restricted:
            self.tell("unrestricted")


# The account


class Life:
    """The same, of the account that is tested.

    Args:
        steps: Gives the pieces that a step of the clock falls into.
    """

    def __init__(self, steps) -> None:
        self.clock = VirtualClock(START)
        provider = provider_called("groq")
        settings = provider.plan_settings("developer")
        self.account = provider.account(load_edition("groq", "2026-06-04"), settings, Schedule(self.clock))
        self.steps = steps
        self.statuses = []

    def live(self, acts) -> Life:
        for act in acts:
            for step in self.steps(act.after):
                self.clock.advance(seconds=step / 1e6)
            self.statuses.append(self.account.status)
            self.act(act)
        return self

    def act(self, act: Act) -> None:
        account = self.account
        if act.what == "call":
            account.spend(act.amount, self.clock.seconds, "call 1")
        elif act.what == "limit":
            account.set_spend_limit(act.amount)
        elif act.what == "no limit":
            account.set_spend_limit(None)
        else:
            names = {"grant": account.grant_credits, "charge": account.charge}
            plain = {"fail": account.fail_payment, "pay": account.pay}
            plain |= {"upgrade": account.upgrade, "downgrade": account.downgrade}
            names[act.what](act.amount) if act.what in names else plain[act.what]()

    def told(self):
        return [(event.at, event.what) for event in self.account.events]


def whole(step: int) -> list[int]:
    return [step]


def possible(acts) -> list[Act]:
    """Only what the owner of such an organization can do."""
    kept, developer, failing, invoiced = [], True, False, False
    for act in acts:
        needs_plan = act.what in ("charge", "limit", "no limit", "downgrade") or (act.what == "fail" and not invoiced)
        if (
            (needs_plan and not developer)
            or (act.what == "upgrade" and developer)
            or (act.what == "pay" and not failing)
        ):
            act = act._replace(what="call")
        developer = {"upgrade": True, "downgrade": False}.get(act.what, developer)
        failing = {"fail": True, "pay": False}.get(act.what, failing)
        kept.append(act)
    return kept


def is_told_alike(life: Life, plain: Plain) -> None:
    account = life.account
    assert [(int(invoice.amount * 100), int(invoice.paid * 100)) for invoice in account.invoices] == [
        tuple(invoice) for invoice in plain.invoices
    ]
    assert account.outstanding * DOLLAR == plain.open
    assert account.lifetime_spend * DOLLAR == sum(amount for _, amount in plain.usage)
    assert account.spent * DOLLAR == plain.spent(plain.now, plain.month())
    assert account.credits * DOLLAR == sum(plain.credits)
    assert life.told() == plain.events
    every_cent_is_somewhere(account)


def every_cent_is_somewhere(account) -> None:
    """All sums can be read off the entries alone."""
    sums: dict[tuple[str, str], Decimal] = {}
    for entry in account.entries:
        sums[entry.what, entry.against] = sums.get((entry.what, entry.against), Decimal(0)) + entry.amount
    usage = {against: amount for (what, against), amount in sums.items() if what == "usage"}
    assert sum(usage.values()) == account.lifetime_spend
    for invoice in account.invoices:
        assert invoice.amount == usage[invoice.id] + sums.get(("carried", invoice.id), 0)
    granted = {against: amount for (what, against), amount in sums.items() if what == "grant"}
    of_credits = sum(usage.get(credit, Decimal(0)) for credit in granted)
    assert sum(granted.values()) - of_credits == account.credits
    assert all(0 <= usage.get(credit, 0) <= amount for credit, amount in granted.items())
    billed = sum(invoice.amount for invoice in account.invoices)
    assert billed + of_credits + account.outstanding == account.lifetime_spend


def lived(acts) -> tuple[Plain, list[str]]:
    plain, statuses = Plain(), []
    for act in acts:
        plain.pass_to(plain.now + timedelta(microseconds=act.after))
        statuses.append(plain.status())
        plain.act(act)
    return plain, statuses


DEEDS = (
    ["call"] * 12
    + ["charge"] * 3
    + ["grant", "limit", "limit", "no limit", "fail", "pay", "pay", "upgrade", "downgrade"]
)
GAPS = [0, 1, 10**6, 60 * 10**6, 900 * 10**6, 3600 * 10**6, 86400 * 10**6, 8 * 86400 * 10**6, 40 * 86400 * 10**6]
acts_of_any_kind = st.lists(
    st.builds(
        Act,
        st.sampled_from(GAPS) | st.integers(0, 10 * 86400 * 10**6),
        st.sampled_from(DEEDS),
        st.decimals(0, 12, places=2) | st.decimals(0, 1, places=12),
    ),
    max_size=60,
).map(possible)


@given(acts_of_any_kind)
def test_a_life_is_what_a_plain_count_makes_of_it(acts):
    plain, statuses = lived(acts)
    life = Life(whole).live(acts)

    assert life.statuses == statuses
    is_told_alike(life, plain)


def random_acts(seed: int, count: int) -> list[Act]:
    chance = random.Random(seed)
    amounts = [Decimal(chance.randrange(10**10)) / DOLLAR, Decimal(chance.randrange(300)) / 100]
    return possible(
        Act(
            chance.choice([0, chance.randrange(10**9), chance.randrange(10**10), chance.randrange(4 * 10**11)]),
            chance.choice(["call"] * 60 + DEEDS),
            chance.choice(amounts) if chance.random() < 0.9 else Decimal(chance.randrange(30)),
        )
        for _ in range(count)
    )


@settings(max_examples=5)
@given(st.integers(0, 2**32))
def test_a_long_life_never_drifts_by_a_cent(seed):
    acts = random_acts(seed, 4000)
    plain, statuses = lived(acts)
    life = Life(whole).live(acts)

    assert life.statuses == statuses
    is_told_alike(life, plain)


@settings(max_examples=10)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_one_jump_gives_the_same_ledger_as_many_small_steps(seed, pieces):
    acts = random_acts(seed, 300)
    chance = random.Random(seed + pieces)

    def small(step: int) -> list[int]:
        cuts = sorted(chance.randrange(step + 1) for _ in range(pieces))
        return [after - before for before, after in zip([0, *cuts], [*cuts, step], strict=True)]

    jumped, walked = Life(whole).live(acts), Life(small).live(acts)

    assert walked.account.entries == jumped.account.entries
    assert walked.account.events == jumped.account.events
    assert walked.statuses == jumped.statuses


@pytest.mark.parametrize("steps", [1, 1000])
def test_a_month_is_the_same_in_one_jump_and_in_a_thousand_steps(steps):
    life = Life(lambda step: [step // steps] * steps + [step % steps])
    month = 31 * 86400 * 10**6
    life.live(
        [
            Act(0, "call", Decimal("0.75")),
            Act(0, "limit", Decimal("0.7")),
            Act(0, "fail"),
            Act(month, "call", Decimal(1)),
        ]
    )

    assert [event.what for event in life.account.events] == [
        *("spend_limit", "payment_failed", "alert", "alert", "alert", "blocked"),
        *("reminder", "reminder", "reminder", "restricted"),
        *("invoice", "payment_failed", "unblocked", "threshold", "invoice", "payment_failed"),
    ]
