"""Who calls: what the provider knows of the account, as far as calls depend on it.

Money is ``Decimal`` US dollars; moments are seconds on the virtual clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.errors import BadInput, PaymentDeclined

Money = Decimal | int | float | str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an account."""

    at: datetime
    what: str
    """``purchase``, ``grant``, ``charge``, ``declined``, ``tier`` …"""
    amount: Decimal = Decimal(0)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Invoice:
    """What the provider billed."""

    date: datetime
    amount: Decimal
    reason: str


class Account(Protocol):
    """What the path of a call asks of an account."""

    @property
    def names(self) -> Mapping[str, str]:
        """What error texts call it, by placeholder; empty where the provider makes it up."""

    def plan_name(self, at: float) -> str:
        """The plan or tier whose limits hold at *at*, as limits are listed by: ``free``, ``tier2``."""

    def tier_in_force(self, at: float) -> int:
        """The Build Tier that model access goes by; high where the provider has none."""

    def refusal(self, at: float, service_tier: Any = None) -> str | None:
        """The catalogue name of the error with which a call is refused at *at*, for the service tier it asks for."""

    def spend(self, cost: Decimal, at: float) -> None:
        """A call cost this much."""


def dollars(amount: Money, what: str) -> Decimal:
    """*amount* as exact dollars.

    Raises:
        BadInput: It is no number, or negative.
    """
    try:
        value = Decimal(str(amount))
    except ArithmeticError:
        raise BadInput(f"{what}: {amount!r} is no amount of dollars; accepted: 25, '0.50', Decimal('1')") from None
    if not value.is_finite() or value < 0:
        raise BadInput(f"{what}: {amount!r} is no amount of dollars; it must be 0 or more")
    return value


class GroqAccount:
    """A Groq organization.

    Args:
        plan: ``free`` or ``developer``.
        spend_limit: Dollars a month after which calls are refused; paid plans only.
        tracking_delay: Seconds until spending counts against the limit (documented: 10 to 15 minutes).
    """

    def __init__(
        self, clock: VirtualClock, plan: str, spend_limit: Money | None = None, tracking_delay: float = 900
    ) -> None:
        self._clock = clock
        self._tracking_delay = tracking_delay
        self._spending: list[tuple[float, Decimal]] = []
        self.plan = plan
        self.spend_limit = None if spend_limit is None else dollars(spend_limit, "spend_limit")
        self.organization = ""
        """Id of the organization in error texts, ``org_…``; empty: one is made up."""
        self.events: list[Event] = []
        if plan == "free" and spend_limit is not None:
            raise BadInput("spend_limit needs plan='developer': the free plan spends nothing")

    @property
    def names(self) -> Mapping[str, str]:
        return {"organization": self.organization} if self.organization else {}

    @property
    def spent(self) -> Decimal:
        """Dollars of calls so far; 0 on the free plan."""
        return sum((cost for _, cost in self._spending), Decimal(0))

    def plan_name(self, at: float) -> str:
        return self.plan

    def tier_in_force(self, at: float) -> int:
        return 99

    def refusal(self, at: float, service_tier: Any = None) -> str | None:
        # Seen by a probe in 2026-10; what `auto` and `performance` need beyond a paid plan is not simulated.
        if self.plan == "free" and service_tier in ("flex", "auto", "performance"):
            return "service_tier_unavailable"
        if self.spend_limit is None:
            return None
        tracked = sum((cost for when, cost in self._spending if when + self._tracking_delay <= at), Decimal(0))
        return "spend_limit_reached" if tracked >= self.spend_limit else None

    def spend(self, cost: Decimal, at: float) -> None:
        if self.plan != "free" and cost:
            self._spending.append((at, cost))


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
        self._purchases: list[tuple[float, Decimal]] = [(float("-inf"), thresholds.get(tier, Decimal(0)))]
        self._declines = 0
        self.balance = dollars(balance, "balance")
        """Dollars of credit left; usage lowers it as it happens."""
        self.invoices: list[Invoice] = []
        self.events: list[Event] = []

    @property
    def names(self) -> Mapping[str, str]:
        return {}

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
        value = dollars(amount, "buy_credits")
        if value < self._minimum:
            raise BadInput(f"buy_credits({amount}): the minimum purchase is ${self._minimum}")
        if self._declines:
            self._declines -= 1
            self._note("declined", value)
            raise PaymentDeclined(f"the card was declined for ${value}")
        self._purchases.append((self._clock.seconds, value))
        self.balance += value
        self.invoices.append(Invoice(self._clock.now, value, "credit purchase"))
        self._note("purchase", value)

    def grant_credits(self, amount: Money) -> None:
        """Give promotional credits: they pay for calls and never raise a tier."""
        value = dollars(amount, "grant_credits")
        self.balance += value
        self._note("grant", value)

    def charge(self, amount: Money) -> None:
        """Take *amount* from the balance, as usage elsewhere would."""
        value = dollars(amount, "charge")
        self.balance -= value
        self._note("charge", value)

    def decline_payments(self, times: int = 1) -> None:
        """Let the bank refuse the next *times* purchases."""
        self._declines = times

    def _note(self, what: str, amount: Decimal) -> None:
        self.events.append(Event(self._clock.now, what, amount))

    def _bought_until(self, at: float) -> Decimal:
        return sum((amount for when, amount in self._purchases if when <= at), Decimal(0))

    def plan_name(self, at: float) -> str:
        return f"tier{self.tier_in_force(at)}" if self._thresholds else "prepaid"

    def tier_in_force(self, at: float) -> int:
        if not self._thresholds:
            return _NO_TIERS
        bought = self._bought_until(at - self._delay)
        return max((tier for tier, needed in self._thresholds.items() if bought >= needed), default=0)

    def refusal(self, at: float, service_tier: Any = None) -> str | None:
        floor = self._floor(self.tier_in_force(at))
        return "credit_limit" if floor is not None and self.balance <= floor else None

    def spend(self, cost: Decimal, at: float) -> None:
        self.balance -= cost
