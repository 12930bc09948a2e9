"""Who calls: what the path of a call asks of an account. Each provider has its own; a plain one has a plan, no money.

Money is ``Decimal`` US dollars; moments are seconds on the virtual clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import ApiRequest
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.limits.limiter import Limiter
from pytest_llmcontract.core.money.book import CENT, Book, exactly
from pytest_llmcontract.core.refusal import Refusal

Money = Decimal | int | float | str


@dataclass(frozen=True, slots=True)
class NoAccess:
    """That an account may not use a model."""

    refusal: Refusal
    message: str
    """What a finding says of it."""
    fix: str
    code: str = "LLM502"


@dataclass(frozen=True, slots=True)
class Remark:
    """What a finding says of a call that the account refused."""

    code: str
    """LLM501: it cannot pay, or is restricted. LLM503: its spend limit."""
    message: str
    fix: str
    """What the application should have done."""


def _nobody(amount: Decimal) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Rented:
    """A machine that is paid by the minute."""

    source: str
    """Its id, which entries name."""
    model: str
    """What runs on it."""
    ended: Callable[[], object]
    """Called when it is taken away: the money ran out, or who owns the account stopped it."""
    paid: Callable[[Decimal], object] = _nobody
    """Called with the dollars of each of its entries."""


class Account(Protocol):
    """What the path of a call asks of an account."""

    @property
    def book(self) -> Book:
        """Every cent that moved on it, and what happened to it."""

    @property
    def names(self) -> Mapping[str, str]:
        """What error texts call it, by placeholder; empty where the provider makes it up."""

    def plan_name(self, at: float) -> str:
        """The plan or tier whose limits hold at *at*, as limits are listed by: ``free``, ``tier2``."""

    def refusal(self, at: float) -> Refusal | None:
        """How a call is refused at *at*; ``None``: it is let through."""

    def remark(self, refusal: Refusal, at: float) -> Remark:
        """What a finding says of a call that it refused so, be it by :meth:`refusal` or by :meth:`afford`."""

    def access(self, model: Model, at: float) -> NoAccess | None:
        """Why it may not use *model* at *at*; ``None``: it may."""

    def share(self, request: ApiRequest) -> Limiter | None:
        """Limits of the part of the account that the key is for, which hold beside its own; ``None``: for no part."""

    def spend(self, cost: Decimal, at: float, source: str = "") -> None:
        """Something cost this much: *source* says what (``call 12``, the id of a job)."""

    def afford(self, amount: Decimal, at: float) -> Refusal | None:
        """How something that will cost *amount* is refused before it begins; ``None``: the account is good for it."""

    def rent(self, machine: Rented, hourly: Decimal, at: float) -> None:
        """From *at* on, the machine costs so much an hour, billed by the minute; one that runs already has another
        price from now on."""

    def end_rent(self, source: str, at: float) -> None:
        """It costs nothing any more; nothing if it does not."""

    def settle(self, at: float) -> None:
        """Enter what has accrued by *at*: the test is over."""


@dataclass
class PlainAccount:
    """One that is on a plan and pays for nothing."""

    plan: str
    names: Mapping[str, str] = field(default_factory=dict)
    book: Book = field(default_factory=Book)

    def plan_name(self, at: float) -> str:
        return self.plan

    def refusal(self, at: float) -> Refusal | None:
        return None

    def remark(self, refusal: Refusal, at: float) -> Remark:
        return Remark(
            "LLM501", f"the account refuses it: {refusal.error}", fix="do not call again before it lets calls in"
        )

    def access(self, model: Model, at: float) -> NoAccess | None:
        return None

    def share(self, request: ApiRequest) -> Limiter | None:
        return None

    def spend(self, cost: Decimal, at: float, source: str = "") -> None:
        pass

    def afford(self, amount: Decimal, at: float) -> Refusal | None:
        return None

    def rent(self, machine: Rented, hourly: Decimal, at: float) -> None:
        pass

    def end_rent(self, source: str, at: float) -> None:
        pass

    def settle(self, at: float) -> None:
        pass


LARGEST = Decimal(10) ** 12
"""Dollars: beyond it, sums would not be exact any more."""


def as_money(amount: Money, what: str) -> Decimal:
    """*amount* as exact dollars.

    Raises:
        BadInput: It is no number, negative, too large to add up exactly or finer than a trillionth of a dollar.
    """
    accepted = "accepted: 25, '0.50', Decimal('1')"
    try:
        value = Decimal(str(amount))
    except ArithmeticError:
        raise BadInput(f"{what}: {amount!r} is no amount of dollars; {accepted}") from None
    if isinstance(amount, bool) or not value.is_finite() or value < 0:
        raise BadInput(f"{what}: {amount!r} is no amount of dollars; it must be 0 or more; {accepted}")
    if value >= LARGEST or exactly(value) != value:
        raise BadInput(f"{what}: {amount!r} dollars; accepted: below 10^12, with at most 12 decimal places")
    return value + 0  # minus zero is zero


def shown(amount: Decimal) -> str:
    """Dollars in a sentence: to the cent, or exactly where they are finer: ``$12.50``, ``$0.000375``, ``-$5.00``."""
    sign, size = ("-" if amount < 0 else ""), abs(amount)
    cents = size.quantize(CENT)
    return f"{sign}${cents:,}" if cents == size else f"{sign}${size.normalize():,f}"
