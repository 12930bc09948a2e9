"""A Groq organization: its plan, and what it spent.

Source: Groq's documents on spend limits and billing; see the switches of ``dialect.json``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.errors import BadInput, unknown
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.money.account import Money, NoAccess, Remark, as_money
from pytest_llmcontract.core.money.book import Book, Event
from pytest_llmcontract.core.refusal import Refusal

PLANS = ("free", "developer")


class GroqAccount:
    """A Groq organization. An attribute that it does not have cannot be set.

    Args:
        plan: ``free`` or ``developer``.
        spend_limit: Dollars a month after which calls are refused; paid plans only.
        tracking_delay: Seconds until spending counts against the limit (documented: 10 to 15 minutes).
    """

    __slots__ = ("_clock", "_organization", "_plan", "_spend_limit", "_tracking_delay", "book")

    def __init__(
        self, clock: VirtualClock, plan: str, spend_limit: Money | None = None, tracking_delay: float = 900
    ) -> None:
        self._clock = clock
        self._tracking_delay = tracking_delay
        self.book = Book()
        self._plan = _known(plan)
        self._spend_limit: Decimal | None = None
        self.spend_limit = spend_limit
        self._organization = ""

    @property
    def plan(self) -> str:
        """``free`` or ``developer``; what is set holds from the next call on."""
        return self._plan

    @plan.setter
    def plan(self, plan: str) -> None:
        self._plan = _known(plan)

    @property
    def spend_limit(self) -> Decimal | None:
        """Dollars a month after which calls are refused, or ``None``; it can be set, on a paid plan."""
        return self._spend_limit

    @spend_limit.setter
    def spend_limit(self, limit: Money | None) -> None:
        if self._plan == "free" and limit is not None:
            raise BadInput("spend_limit needs plan='developer': the free plan spends nothing")
        self._spend_limit = None if limit is None else as_money(limit, "spend_limit")

    @property
    def organization(self) -> str:
        """Id of the organization in error texts, ``org_…``; empty: one is made up."""
        return self._organization

    @organization.setter
    def organization(self, organization: str) -> None:
        if not isinstance(organization, str) or not organization.isprintable():
            raise BadInput(f"account.organization: {organization!r} is no id; accepted: a text, such as 'org_01m1'")
        self._organization = organization

    @property
    def names(self) -> Mapping[str, str]:
        return {"organization": self.organization} if self.organization else {}

    @property
    def events(self) -> list[Event]:
        """What happened, in order."""
        return self.book.events

    @property
    def spent(self) -> Decimal:
        """Dollars of calls so far; 0 on the free plan."""
        return self.book.sum("usage")

    def plan_name(self, at: float) -> str:
        return self._plan

    def refusal(self, at: float) -> Refusal | None:
        if self.spend_limit is None:
            return None
        tracked = self.book.sum("usage", until=at - self._tracking_delay)
        return Refusal("spend_limit_reached") if tracked >= self.spend_limit else None

    def remark(self, refusal: Refusal, at: float) -> Remark:
        return Remark("LLM503", "the spend limit is reached", fix="raise the limit, or wait for the 1st of the month")

    def access(self, model: Model, at: float) -> NoAccess | None:
        return None

    def spend(self, cost: Decimal, at: float, source: str = "") -> None:
        if self._plan != "free" and cost:
            self.book.enter("usage", cost, at, source)

    def afford(self, amount: Decimal, at: float) -> Refusal | None:
        return None

    def rent(self, source: str, per_minute: Decimal, at: float, ended: Callable[[], object]) -> None:
        """Nothing is rented at Groq."""

    def end_rent(self, source: str, at: float) -> None:
        """Nothing is rented at Groq."""


def _known(plan: str) -> str:
    if plan not in PLANS:
        raise unknown("plan of groq_api", plan, PLANS)
    return plan
