"""A Together account: credits, tiers by what was really paid, invoices, machines by the minute.

Until 2026-04-22 it is on a Build Tier and pays what goes beyond its credits at the month's end; since then it is
prepaid, without tiers. Source: Together's documents on billing; see the figures of money in ``dialect.json``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import ROUND_UP, Decimal

from pytest_llmcontract.core.errors import BadInput, unknown
from pytest_llmcontract.core.exchange import ApiRequest
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.kept.schedule import Schedule
from pytest_llmcontract.core.limits.limiter import Limiter
from pytest_llmcontract.core.money.account import Money, NoAccess, Remark, Rented, as_money, shown
from pytest_llmcontract.core.money.bills import Invoice
from pytest_llmcontract.core.money.book import CENT, Book, Entry, Event, before
from pytest_llmcontract.core.refusal import Refusal
from pytest_llmcontract.providers.together.dialect import TogetherDialect
from pytest_llmcontract.providers.together.funds import NOTHING, Funds
from pytest_llmcontract.providers.together.recharge import Recharge
from pytest_llmcontract.providers.together.rents import MINUTE, Rents

_NO_TIERS = 99
"""Where there are no tiers, every model is open."""
_UNLIMITED_TIER = 5
"""Kept its own postpaid limits when $100 became the limit of the others."""


class TogetherAccount:
    """A Together account. An attribute that it does not have cannot be set.

    Args:
        tier: 0 (Limited) to 5. It begins with that tier's required lifetime spend.
        balance: Dollars of credit to begin with.
    """

    __slots__ = (
        *("_count", "_funds", "_recharge", "_rents", "_schedule", "_suspended", "_terms", "_thresholds", "_tier_told"),
        "book",
    )

    def __init__(self, terms: TogetherDialect, schedule: Schedule, tier: int, balance: Money) -> None:
        self._terms = terms
        self._schedule = schedule
        self._thresholds = dict(enumerate(terms.tier_spend, start=1))
        self.book = Book()
        self._funds = Funds(self.book, schedule, terms, self._balance_changed)
        self._recharge = Recharge(self._funds, terms)
        self._rents = Rents(schedule, self._funds.enter, self._margin, self._balance_changed)
        self._count = 0
        begins = as_money(balance, "balance")
        # A prepaid account that has a balance has bought its first credits.
        opened = terms.minimum_purchase if begins else NOTHING
        self._funds.begin(self._thresholds.get(tier, NOTHING if self._thresholds else opened), begins)
        self._tier_told = self.tier_in_force(schedule.clock.seconds)
        self._suspended = self._status(schedule.clock.seconds) == "suspended"

    # What it is

    @property
    def tier(self) -> int | None:
        """The Build Tier in force; what is paid changes it after fifteen minutes. ``None`` where there are none."""
        return self.tier_in_force(self._now_seconds()) if self._thresholds else None

    @property
    def status(self) -> str:
        """``active``; or why every call is refused: ``limited`` (nothing bought), ``suspended`` (no funds),
        ``past_due`` (an invoice that the card did not pay)."""
        return self._status(self._now_seconds())

    @property
    def balance(self) -> Decimal:
        """Dollars of credit left; usage lowers it as it happens, below nothing where the month's end bills it."""
        return self._balance_at(self._now_seconds())

    @property
    def lifetime_spend(self) -> Decimal:
        """Dollars that were really paid, for credits and for bills; granted credits do not count."""
        return self._funds.paid

    @property
    def past_due(self) -> Decimal:
        """Dollars of invoices that the card did not pay; credits do not either."""
        return self._funds.past_due

    @property
    def invoices(self) -> list[Invoice]:
        """Every invoice so far, of purchases and of months: ``date``, ``amount``, ``reason``, ``paid``, ``due``."""
        return self._funds.bills.invoices()

    @property
    def cards(self) -> tuple[str, ...]:
        """Names of the cards; the first one pays."""
        return self._funds.cards.names

    @property
    def endpoints(self) -> Mapping[str, Decimal]:
        """What costs money by the minute now: id -> dollars an hour."""
        return {source: one.hourly for source, one in self._rents.running.items()}

    @property
    def entries(self) -> list[Entry]:
        """Every cent that moved: ``at`` (seconds), ``what``, ``amount``, ``source``, ``against``."""
        return self.book.entries

    @property
    def events(self) -> list[Event]:
        """What happened, in order: ``at``, ``what``, ``amount``, ``sentence``."""
        return self.book.events

    # What its owner does

    def buy_credits(self, amount: Money) -> None:
        """Buy credits by card; the balance has them at once, the tier follows after fifteen minutes.

        Raises:
            BadInput: Less than the minimum (a ``ValueError``).
            PaymentDeclined: :meth:`decline_payments` asked for it.
        """
        value = as_money(amount, "buy_credits")
        if value < self._terms.minimum_purchase:
            raise BadInput(f"buy_credits({amount}): the minimum purchase is ${self._terms.minimum_purchase}")
        with self._now():
            self._funds.buy(value)

    def grant_credits(self, amount: Money) -> None:
        """Give promotional credits: they pay for calls and never raise a tier."""
        value = as_money(amount, "grant_credits")
        with self._now():
            self._funds.grant(value)

    def charge(self, amount: Money) -> None:
        """Take *amount* from the balance, as usage elsewhere would."""
        value = as_money(amount, "charge")
        with self._now() as at:
            if value:
                self._funds.tell("charge", value, f"{shown(value)} are used elsewhere.")
                self._funds.use(value, at, "charge")

    def set_auto_recharge(self, amount: Money | None = None, threshold: Money = 0) -> None:
        """Let credits be bought by themselves when the balance is below *threshold*; at once if it is already.

        Args:
            amount: Dollars of each purchase, until the threshold is met; since 2026-04-22 the balance that one purchase
                brings it to. ``None``: the default of $25, with a *threshold* of 0 off.

        Raises:
            BadInput: Less than the minimum purchase; a target that is not above the threshold.
        """
        limit = as_money(threshold, "threshold of set_auto_recharge")
        value = as_money(self._terms.recharge_amount if amount is None else amount, "amount of set_auto_recharge")
        if amount is None and not limit:
            value = NOTHING
        elif value < self._terms.minimum_purchase:
            raise BadInput(
                f"set_auto_recharge(amount={amount}): the minimum purchase is ${self._terms.minimum_purchase}"
            )
        elif self._terms.recharge_to_target and value <= limit:
            raise BadInput(
                f"set_auto_recharge(amount={amount}, threshold={threshold}): amount has to be above threshold"
            )
        with self._now():
            self._recharge.set(value, limit)
            self._funds.tell("auto_recharge", value, self._recharge.words())
            self._balance_changed()

    def decline_payments(self, times: int = 1, *, reason: str = "") -> None:
        """Let the bank refuse the next *times* payments by card: purchases, recharges, invoices.

        Args:
            reason: What the message says: ``prepaid``, ``address``, ``recurring``, ``expired`` and others.

        Raises:
            BadInput: No number of payments, or no such reason.
        """
        if isinstance(times, bool) or not isinstance(times, int) or times < 0:
            raise BadInput(f"decline_payments(times={times!r}); accepted: a number of payments from 0")
        if reason and reason not in self._terms.decline_reasons:
            raise unknown("reason of decline_payments()", reason, self._terms.decline_reasons)
        self._funds.cards.decline(times, reason)

    def delay_payments(self, minutes: float = 15, *, times: int = 1) -> None:
        """Let the next *times* purchases be pending so long before the credits are there.

        Who buys again meanwhile buys twice.

        Raises:
            BadInput: More than the fifteen minutes that a payment takes at most, or no number.
        """
        longest = self._terms.pending_seconds / MINUTE
        if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 < minutes <= longest:
            raise BadInput(f"delay_payments({minutes!r}); accepted: minutes above 0 and up to {longest:g}")
        if isinstance(times, bool) or not isinstance(times, int) or times < 1:
            raise BadInput(f"delay_payments(times={times!r}); accepted: a number of purchases from 1")
        self._funds.pend(minutes * MINUTE, times)

    def require_approval(self, required: bool = True) -> None:
        """Let the bank ask for an approval of each payment at the month's start, as in some territories.

        A link is sent with the invoice, and nothing is charged on the 3rd until :meth:`pay` follows it.
        """
        self._funds.links = bool(required)

    def add_card(self, name: str, *, default: bool = True) -> None:
        """Link another card, which pays from now on. Until 2026-04-22 it replaces the one there was.

        Raises:
            BadInput: A name that is taken, or no name.
        """
        with self._now():
            self._funds.cards.add(name, default)
            self._funds.tell("card", NOTHING, f"A card is linked: {name}.")

    def set_default_card(self, name: str) -> None:
        """Let another of :attr:`cards` pay."""
        self._funds.cards.make_default(name)

    def remove_card(self, name: str) -> None:
        """Remove a card that is not the one that pays."""
        self._funds.cards.remove(name)

    def pay(self) -> None:
        """Pay every invoice that is due, by card: one that is past due, or that waits for an approval.

        Raises:
            BadInput: Nothing is due.
        """
        with self._now():
            if not self._funds.past_due:
                raise BadInput("pay(): nothing is due; invoices are charged to the card on the 3rd by themselves")
            self._funds.settle("its owner paid")

    def start_endpoint(self, model: str, hourly: Money) -> str:
        """Start a machine of one's own, which costs money by the minute until it is stopped. The money of it alone:
        the API's own operations make one that answers.

        Args:
            hourly: Dollars an hour.

        Returns:
            Its id.

        Raises:
            BadInput: No amount, or the account has no funds.
        """
        price = as_money(hourly, "hourly of start_endpoint")
        with self._now() as at:
            if self.refusal(at) is not None:
                raise BadInput(f"start_endpoint({model!r}): the account is {self._status(at)}; buy credits first")
            self._count += 1
            source = f"endpoint-{self._count}"
            self.rent(Rented(source, model, ended=lambda: None), price, at)
        return source

    def stop_endpoint(self, id: str) -> None:
        """Stop what costs money by the minute: one of :meth:`start_endpoint`, or one that the API made, which answers
        no more then.

        Raises:
            BadInput: There is none of that id.
        """
        with self._now() as at:
            if id not in self._rents.running:
                raise unknown("endpoint", id, self._rents.running or ("none runs",))
            self._stop(id, at)
            self._balance_changed()

    # What the path of a call asks

    @property
    def names(self) -> Mapping[str, str]:
        return {}

    def plan_name(self, at: float) -> str:
        return f"tier{max(self.tier_in_force(at), 1)}" if self._thresholds else "prepaid"

    def tier_in_force(self, at: float) -> int:
        """The Build Tier that access and limits go by at *at*."""
        if not self._thresholds:
            return _NO_TIERS
        paid = self._funds.paid_until(before(at, self._terms.tier_delay_seconds))
        return max((tier for tier, needed in self._thresholds.items() if paid >= needed), default=0)

    def refusal(self, at: float) -> Refusal | None:
        status = self._status(at)
        if status == "active":
            return None
        return Refusal("tier_restricted", {"tier": 1}) if status == "limited" else Refusal("credit_limit")

    def remark(self, refusal: Refusal, at: float) -> Remark:
        status = self._status(at)
        if refusal.error == "insufficient_balance":
            needed = refusal.values["amount"]
            said, fix = f"{shown(self._balance_at(at))} do not pay for it: it needs ${needed}", _TOO_LITTLE_FIX
        elif status == "limited":
            said, fix = "the account is Limited: nothing was bought yet", _LIMITED_FIX
        elif status == "past_due":
            said, fix = f"{shown(self._funds.past_due)} are past due", _PAST_DUE_FIX
        else:
            said, fix = f"the account has no funds left: its balance is {shown(self._balance_at(at))}", _NO_FUNDS_FIX
        return Remark("LLM501", said, fix=fix)

    def access(self, model: Model, at: float) -> NoAccess | None:
        tier = self.tier_in_force(at)
        if model.tier <= tier:
            return None
        return NoAccess(
            Refusal("tier_restricted", {"tier": model.tier}),
            f"{model.id} needs Build Tier {model.tier}; tier {tier} is in force",
            fix="buy credits up to the tier's lifetime spend, and wait until it is in force",
        )

    def share(self, request: ApiRequest) -> Limiter | None:
        return None

    def spend(self, cost: Decimal, at: float, source: str = "") -> None:
        if cost:
            self._rents.settle(at)
            self._funds.use(cost, at, source)

    def afford(self, amount: Decimal, at: float) -> Refusal | None:
        floor = self._floor(at)
        if floor is None or self._balance_at(at) - floor >= amount:
            return None
        return Refusal("insufficient_balance", {"amount": str(amount.quantize(CENT, ROUND_UP))})

    def rent(self, machine: Rented, hourly: Decimal, at: float) -> None:
        self._rents.settle(at)
        said = f"{machine.source} of {machine.model} runs for {shown(hourly)} an hour."
        self._funds.tell("endpoint", NOTHING, said)
        self._rents.start(machine, hourly, at)
        self._balance_changed()

    def end_rent(self, source: str, at: float) -> None:
        if source in self._rents.running:
            self._stop(source, at)
            self._balance_changed()

    def settle(self, at: float) -> None:
        self._rents.settle(at)

    # How it comes about

    def _balance_at(self, at: float) -> Decimal:
        return self._funds.balance - self._rents.accrued(at)

    def _floor(self, at: float) -> Decimal | None:
        """The balance at which calls are refused; ``None``: never."""
        postpaid = self._terms.balance_floor < 0
        if postpaid and self.tier_in_force(at) == _UNLIMITED_TIER:
            return None
        return self._terms.balance_floor

    def _status(self, at: float) -> str:
        opened = self._funds.paid_until(before(at, self._terms.tier_delay_seconds if self._thresholds else 0))
        if opened < self._terms.minimum_purchase:
            return "limited" if self._thresholds else "suspended"
        if self._funds.past_due and self._is_overdue():
            return "past_due"
        floor = self._floor(at)
        return "suspended" if floor is not None and self._balance_at(at) <= floor else "active"

    def _is_overdue(self) -> bool:
        """Whether an invoice was charged to the card and not paid; one that waits for its day is not."""
        told = next((event.what for event in reversed(self.book.events) if event.what in ("past_due", "payment")), "")
        return told == "past_due"

    def _margin(self) -> Decimal | None:
        """Dollars until the balance comes to where something happens: a recharge, or the end of the money."""
        at = self._schedule.clock.seconds
        balance, floor = self._balance_at(at), self._floor(at)
        margins = []
        if floor is not None and balance > floor:
            margins.append(balance - floor)
        if self._recharge.is_on and balance >= self._recharge.threshold:
            # It is below the threshold, not at it, that credits are bought.
            margins.append(balance - self._recharge.threshold)
        return min(margins, default=None)

    def _balance_changed(self) -> None:
        self._recharge.watch()
        at = self._schedule.clock.seconds
        suspended = self._status(at) == "suspended"
        if suspended != self._suspended:
            self._suspended = suspended
            self._tell_suspension(at)
        if suspended and self._rents.running:
            self._take_away(at)
        self._rents.look_ahead()
        self._expect_tier()

    def _tell_suspension(self, at: float) -> None:
        if self._suspended:
            self._funds.tell("suspended", NOTHING, f"No call is let in: the balance is {shown(self._balance_at(at))}.")
        else:
            self._funds.tell("unblocked", NOTHING, "Calls are let in again.")

    def _take_away(self, at: float) -> None:
        """The money is gone: nothing runs any longer."""
        for source in list(self._rents.running):
            self._stop(source, at, ": there are no funds")

    def _stop(self, source: str, at: float, why: str = "") -> None:
        machine = self._rents.stop(source, at)
        self._funds.tell("endpoint_stopped", NOTHING, f"{source} is stopped{why}.")
        machine.ended()

    def _expect_tier(self) -> None:
        """A tier that what was paid leads to is told when it is in force."""
        if not self._thresholds:
            return
        paid = self._funds.paid
        coming = max((tier for tier, needed in self._thresholds.items() if paid >= needed), default=0)
        if coming > self._tier_told:
            self._tier_told = coming
            self._schedule.after(self._terms.tier_delay_seconds, lambda: self._tell_tier(coming))

    def _tell_tier(self, tier: int) -> None:
        self._funds.tell("tier", NOTHING, f"Build Tier {tier} is in force.")

    def _now_seconds(self) -> float:
        self._schedule.clock.pass_due()
        return self._schedule.clock.seconds

    @contextmanager
    def _now(self) -> Iterator[float]:
        """Nobody calls or moves the clock meanwhile, what is due has happened, and what has accrued is entered."""
        self._schedule.clock.pass_due()
        with self._schedule.clock.lock:
            at = self._schedule.clock.seconds
            self._rents.settle(at)
            yield at


_LIMITED_FIX = "buy credits, $5 at least: granted ones open nothing; the tier is in force after fifteen minutes"
_PAST_DUE_FIX = "pay the invoice with a card that works: credits do not pay what is past due"
_TOO_LITTLE_FIX = "buy credits before jobs, batches and machines are begun: what cannot be paid is refused"
_NO_FUNDS_FIX = (
    "stop calling when a call is answered 402 credit_limit: no retry helps before credits are bought;\n"
    "tell somebody, set auto-recharge, fall back to another provider"
)
