"""A Together account on its Build Tier: credits, lifetime spend, and when a tier is in force.

Source: Together's documents on billing; see the switches of ``dialect.json``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.errors import BadInput, PaymentDeclined
from pytest_llmcontract.core.exchange import ApiRequest
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.limits.limiter import Limiter
from pytest_llmcontract.core.money.account import Money, NoAccess, Remark, as_money
from pytest_llmcontract.core.money.bills import Invoice
from pytest_llmcontract.core.money.book import Book, Event
from pytest_llmcontract.core.refusal import Refusal

_NO_TIERS = 99
"""Where there are no tiers, every model is open."""


class TogetherAccount:
    """A Together account on its Build Tier, or prepaid where there are none.

    Args:
        tier: 0 (Limited) to 5. It begins with that tier's required lifetime spend.
        balance: Dollars of credit to begin with.
        thresholds: Lifetime spend by tier, ``{1: 5, 2: 50, …}``; empty where there are no tiers.
        delay: Seconds until a purchase changes the tier in force.
        minimum: Dollars of the smallest purchase.
        floor: Balance below which calls are refused; ``None`` for never.
    """

    __slots__ = (
        *("_clock", "_declines", "_delay", "_floor", "_minimum", "_thresholds"),
        *("book", "invoices"),
    )

    def __init__(
        self,
        clock: VirtualClock,
        tier: int,
        balance: Money,
        thresholds: Mapping[int, Decimal],
        delay: float,
        minimum: Decimal,
        floor: Callable[[int], Decimal | None],
    ) -> None:
        self._clock = clock
        self._thresholds = thresholds
        self._delay = delay
        self._minimum = minimum
        self._floor = floor
        self.book = Book()
        self.book.enter("spent before", thresholds.get(tier, Decimal(0)), float("-inf"))
        self.book.enter("balance before", as_money(balance, "balance"), float("-inf"))
        self._declines = 0
        self.invoices: list[Invoice] = []

    @property
    def names(self) -> Mapping[str, str]:
        return {}

    @property
    def events(self) -> list[Event]:
        """What happened, in order."""
        return self.book.events

    @property
    def balance(self) -> Decimal:
        """Dollars of credit left; usage lowers it as it happens."""
        came = self.book.sum("balance before", "purchase", "grant")
        return came - self.book.sum("usage", "charge")

    @property
    def lifetime_spend(self) -> Decimal:
        """Dollars of purchased credits; granted ones do not count."""
        return self._bought_until(self._clock.seconds)

    @property
    def tier(self) -> int | None:
        """The Build Tier in force; a purchase changes it after fifteen minutes. ``None`` where there are none."""
        return self.tier_in_force(self._clock.seconds) if self._thresholds else None

    @property
    def status(self) -> str:
        """``active``, or ``suspended`` below the floor of the balance."""
        return "suspended" if self.refusal(self._clock.seconds) else "active"

    def buy_credits(self, amount: Money) -> None:
        """Buy credits by card; the balance has them at once, the tier follows after fifteen minutes.

        Raises:
            BadInput: Less than the minimum (a ``ValueError``).
            PaymentDeclined: :meth:`decline_payments` asked for it.
        """
        value = as_money(amount, "buy_credits")
        if value < self._minimum:
            raise BadInput(f"buy_credits({amount}): the minimum purchase is ${self._minimum}")
        if self._declines:
            self._declines -= 1
            self._note("declined", value)
            raise PaymentDeclined(f"the card was declined for ${value}")
        self.invoices.append(Invoice(self._clock.now, value, "credit purchase"))
        self._enter("purchase", value)

    def grant_credits(self, amount: Money) -> None:
        """Give promotional credits: they pay for calls and never raise a tier."""
        self._enter("grant", as_money(amount, "grant_credits"))

    def charge(self, amount: Money) -> None:
        """Take *amount* from the balance, as usage elsewhere would."""
        self._enter("charge", as_money(amount, "charge"))

    def decline_payments(self, times: int = 1) -> None:
        """Let the bank refuse the next *times* purchases."""
        if isinstance(times, bool) or not isinstance(times, int) or times < 0:
            raise BadInput(f"decline_payments(times={times!r}); accepted: a number of purchases from 0")
        self._declines = times

    def _enter(self, what: str, amount: Decimal) -> None:
        self.book.enter(what, amount, self._clock.seconds)
        self._note(what, amount)

    def _note(self, what: str, amount: Decimal) -> None:
        self.book.happened(Event(self._clock.now, what, amount))

    def _bought_until(self, at: float) -> Decimal:
        return self.book.sum("spent before", "purchase", until=at)

    def plan_name(self, at: float) -> str:
        return f"tier{self.tier_in_force(at)}" if self._thresholds else "prepaid"

    def tier_in_force(self, at: float) -> int:
        """The Build Tier that access and limits go by at *at*."""
        if not self._thresholds:
            return _NO_TIERS
        bought = self._bought_until(at - self._delay)
        return max((tier for tier, needed in self._thresholds.items() if bought >= needed), default=0)

    def refusal(self, at: float) -> Refusal | None:
        floor = self._floor(self.tier_in_force(at))
        return Refusal("credit_limit") if floor is not None and self.balance <= floor else None

    def remark(self, refusal: Refusal, at: float) -> Remark:
        return Remark("LLM501", "the account has no funds left", fix="buy credits before calling on")

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
        self.book.enter("usage", cost, at, source)

    def afford(self, amount: Decimal, at: float) -> Refusal | None:
        return None

    def rent(self, source: str, per_minute: Decimal, at: float, ended: Callable[[], object]) -> None:
        """Nothing is rented yet."""

    def end_rent(self, source: str, at: float) -> None:
        """Nothing is rented yet."""
