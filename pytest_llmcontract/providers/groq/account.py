"""A Groq organization: its plan, what it spends and pays, its projects.

Source: Groq's documents on spend limits, projects and billing; see the figures of money in ``dialect.json``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from pytest_llmcontract.core.errors import BadInput, unknown
from pytest_llmcontract.core.exchange import ApiRequest
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.kept.schedule import Schedule
from pytest_llmcontract.core.limits.limiter import Limiter
from pytest_llmcontract.core.limits.rules import Rule
from pytest_llmcontract.core.money.account import Money, NoAccess, Remark, Rented, as_money, shown
from pytest_llmcontract.core.money.bills import Credits, Invoice
from pytest_llmcontract.core.money.book import Book, Entry, Event
from pytest_llmcontract.core.money.months import Monthly, next_month
from pytest_llmcontract.core.refusal import Refusal
from pytest_llmcontract.providers.groq.billing import Billing
from pytest_llmcontract.providers.groq.dialect import dialect_of
from pytest_llmcontract.providers.groq.projects import Projects, Scopes
from pytest_llmcontract.providers.groq.spend_limit import SpendLimit

PLANS = ("free", "developer")


class GroqAccount:
    """A Groq organization. An attribute that it does not have cannot be set.

    Args:
        plan: ``free`` or ``developer``.
        spend_limit: Dollars a month after which calls are refused; paid plans only.
        rule: How a limit of a project counts.
    """

    __slots__ = (
        *("_billing", "_credits", "_limit", "_months", "_organization", "_plan", "_projects", "_schedule", "_terms"),
        "book",
    )

    def __init__(
        self,
        edition: Edition,
        schedule: Schedule,
        plan: str,
        spend_limit: Money | None,
        rule: Callable[[str, float, float], Rule],
    ) -> None:
        self._terms = dialect_of(edition)
        self._schedule = schedule
        self.book = Book()
        self._plan = _known(plan)
        self._organization = ""
        self._credits = Credits(self.book)
        self._billing = Billing(self.book, schedule, self._terms, self._tell)
        self._limit = SpendLimit(self.book, schedule, self._terms.tracking_delay_seconds, self._tell)
        self._months = Monthly(schedule, self._month_ended)
        self._projects = Projects(edition, lambda: self._plan, rule, self._terms.project_limits)
        if spend_limit is not None:
            self._limit.set(self._checked_limit(spend_limit), self._terms.alert_shares)

    # What it is

    @property
    def plan(self) -> str:
        """``free`` or ``developer``; to set it is to :meth:`upgrade` or to :meth:`downgrade`."""
        return self._plan

    @plan.setter
    def plan(self, plan: str) -> None:
        if _known(plan) != self._plan:
            self.downgrade() if plan == "free" else self.upgrade()

    @property
    def status(self) -> str:
        """``active``; or who refuses every key: ``restricted`` (not paid), ``blocked`` (spend limit)."""
        if self._billing.restricted:
            return "restricted"
        return "blocked" if self._limit.reached(self._schedule.clock.seconds) else "active"

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
    def projects(self) -> Mapping[str, Scopes]:
        """Name -> the limits of each project, by model (``*``: all) and kind."""
        return self._projects.limits

    def add_project(self, name: str, *, limits: Mapping[str, Any], keys: Iterable[str] | str) -> None:
        """Group *keys* in a project with limits of its own, beside those of the organization that all keys share.

        Args:
            limits: As ``limits=`` of ``groq_api``, of requests only: ``{"RPM": 10}`` or ``{"model": {"RPD": "1K"}}``.
            keys: API keys as the application sends them. Others belong to no project.

        Raises:
            BadInput: A limit is above the organization's or not of requests, or a key belongs to a project already.
        """
        with self._now():
            self._projects.add(name, limits, keys)

    # What it costs

    @property
    def spent(self) -> Decimal:
        """Dollars of usage in this calendar month, at once; 0 on the free plan. What the spend limit is about."""
        return self._limit.spent()

    @property
    def lifetime_spend(self) -> Decimal:
        """Dollars of all usage. What thresholds are about."""
        return self.book.sum("usage")

    @property
    def outstanding(self) -> Decimal:
        """Dollars of usage that no invoice has and no credit paid."""
        return self._billing.bills.outstanding

    @property
    def spend_limit(self) -> Decimal | None:
        """Dollars a month after which calls are refused, or ``None``; to set it is to :meth:`set_spend_limit`."""
        return self._limit.amount

    @spend_limit.setter
    def spend_limit(self, limit: Money | None) -> None:
        self.set_spend_limit(limit)

    @property
    def invoices(self) -> list[Invoice]:
        """Every invoice so far: ``date``, ``amount``, ``reason``, ``paid``, ``due``."""
        return self._billing.bills.invoices()

    @property
    def credits(self) -> Decimal:
        """Dollars of promotional credits that are left."""
        return self._credits.left

    @property
    def entries(self) -> list[Entry]:
        """Every cent that moved: ``at`` (seconds), ``what``, ``amount``, ``source``, ``against``."""
        return self.book.entries

    @property
    def events(self) -> list[Event]:
        """What happened, in order: ``at``, ``what``, ``amount``, ``sentence``."""
        return self.book.events

    # What its owner does

    def upgrade(self, payment_method: str | None = "card") -> None:
        """Go to the developer plan; its limits hold from the next call on.

        Args:
            payment_method: ``card``, ``us_bank_account`` or ``sepa_debit``.

        Raises:
            BadInput: It is on that plan, or there is no such payment method.
        """
        if payment_method not in self._terms.payment_methods:
            raise unknown("payment_method of upgrade(), which needs one,", payment_method, self._terms.payment_methods)
        with self._now():
            if self._plan != "free":
                raise BadInput(f"upgrade(): the plan is {self._plan!r} already; accepted: upgrade() on the free plan")
            self._plan = "developer"
            self._tell(
                "upgrade", Decimal(0), f"The organization is on the developer plan, and pays by {payment_method}."
            )

    def downgrade(self) -> None:
        """Go back to the free plan; a final invoice bills what is outstanding.

        Raises:
            BadInput: It is on that plan.
        """
        with self._now():
            self._require_paid("downgrade()")
            self._limit.set(None, ())
            self._billing.bill("final invoice")
            self._plan = "free"
            self._tell("downgrade", Decimal(0), "The organization is on the free plan.")

    def charge(self, amount: Money) -> None:
        """Let it use *amount* dollars more, as calls elsewhere would.

        Raises:
            BadInput: It is no amount, or the plan is free: that spends nothing.
        """
        value = as_money(amount, "charge")
        with self._now():
            self._require_paid("charge()")
            if value:
                self._tell("charge", value, f"{shown(value)} are used elsewhere.")
                self._use(value, self._schedule.clock.seconds, "charge")

    def set_spend_limit(self, amount: Money | None, *, alerts: Sequence[Money] | None = None) -> None:
        """Let another limit hold from now on: dollars a month; ``None``: no limit.

        Args:
            alerts: Shares of it at which an alert is sent, ``(0.5, 0.9)``; default those that Groq suggests.

        Raises:
            BadInput: It is no amount, a share is not between 0 and 1, or the plan is free.
        """
        limit = None if amount is None else self._checked_limit(amount)
        shares = self._terms.alert_shares if alerts is None else _shares(alerts)
        with self._now():
            sentence = "There is no spend limit." if limit is None else f"The spend limit is {shown(limit)} a month."
            self._tell("spend_limit", limit or Decimal(0), sentence)
            self._limit.set(limit, shares)

    def grant_credits(self, amount: Money) -> None:
        """Give promotional credits: they pay for usage from now on, before anything is billed.

        Raises:
            BadInput: It is no amount.
        """
        value = as_money(amount, "grant_credits")
        with self._now():
            self._credits.add("grant", value, self._schedule.clock.now, self._schedule.clock.seconds)
            self._tell("grant", value, f"Credits of {shown(value)} are granted.")

    def fail_payment(self) -> None:
        """Let the payment method be refused, now and until :meth:`pay`.

        The payment of the newest invoice comes back, later invoices are not paid. Reminders follow, and after seven
        days the restriction (assumed).

        Raises:
            BadInput: On the free plan, with nothing invoiced: nothing is to be paid.
        """
        with self._now():
            if not self._billing.bills.invoices():
                self._require_paid("fail_payment()")
            self._billing.fail()

    def pay(self) -> None:
        """Pay everything that was invoiced, with a payment method that works; a restriction ends at once.

        Raises:
            BadInput: No payment failed.
        """
        with self._now():
            if not self._billing.failing:
                raise BadInput(
                    "pay(): no payment failed, invoices are paid by themselves; accepted: after fail_payment()"
                )
            self._billing.settle()

    # What the path of a call asks

    @property
    def names(self) -> Mapping[str, str]:
        return {"organization": self.organization} if self.organization else {}

    def plan_name(self, at: float) -> str:
        return self._plan

    def refusal(self, at: float) -> Refusal | None:
        if self._billing.restricted:
            return Refusal("organization_restricted")
        return Refusal("spend_limit_reached") if self._limit.reached(at) else None

    def remark(self, refusal: Refusal, at: float) -> Remark:
        if refusal.error == "spend_limit_reached":
            until = next_month(self._schedule.clock.now).date()
            limit = shown(self.spend_limit or Decimal(0))
            return Remark(
                "LLM503", f"the spend limit of {limit} a month refuses every key until {until}", fix=_LIMIT_FIX
            )
        owed = shown(self._billing.owed)
        return Remark("LLM501", f"the organization is restricted: {owed} are owed", fix=_RESTRICTED_FIX)

    def access(self, model: Model, at: float) -> NoAccess | None:
        return None

    def share(self, request: ApiRequest) -> Limiter | None:
        return self._projects.of_key(request.key_mark)

    def spend(self, cost: Decimal, at: float, source: str = "") -> None:
        if self._plan != "free" and cost:
            self._use(cost, at, source)

    def afford(self, amount: Decimal, at: float) -> Refusal | None:
        return None

    def rent(self, machine: Rented, hourly: Decimal, at: float) -> None:
        """Nothing is rented at Groq."""

    def end_rent(self, source: str, at: float) -> None:
        """Nothing is rented at Groq."""

    def settle(self, at: float) -> None:
        """Nothing accrues unseen at Groq."""

    # How it comes about

    def _use(self, amount: Decimal, at: float, source: str) -> None:
        self._credits.use(amount, at, source, self._billing.bills.open)
        self._months.expect()
        self._billing.pass_thresholds()
        self._limit.watch()

    def _month_ended(self) -> None:
        self._billing.month_ended()
        self._limit.month_ended()

    def _tell(self, what: str, amount: Decimal, sentence: str) -> None:
        self.book.happened(Event(self._schedule.clock.now, what, amount, sentence))

    @contextmanager
    def _now(self) -> Iterator[None]:
        """Nobody calls or moves the clock meanwhile, and what is due has happened."""
        self._schedule.clock.pass_due()
        with self._schedule.clock.lock:
            yield

    def _require_paid(self, what: str) -> None:
        if self._plan == "free":
            raise BadInput(f"{what} needs plan='developer': the free plan spends nothing")

    def _checked_limit(self, limit: Money) -> Decimal:
        self._require_paid("spend_limit")
        return as_money(limit, "spend_limit")


_LIMIT_FIX = (
    "stop calling when a call is answered 400 spend_limit_reached: no retry and no other key helps before the\n"
    "month is over or the limit is raised; act on the alerts before it, tell somebody, fall back to another provider"
)
_RESTRICTED_FIX = (
    "stop calling when a call is answered 400 organization_restricted: no retry and no other key helps before the\n"
    "invoice is paid; tell somebody, fall back to another provider"
)


def _shares(alerts: Sequence[Money]) -> list[Decimal]:
    if not isinstance(alerts, Sequence) or isinstance(alerts, str):
        raise BadInput(f"alerts of set_spend_limit: {alerts!r}; accepted: shares between 0 and 1, such as (0.5, 0.9)")
    shares = [as_money(share, "alerts of set_spend_limit") for share in alerts]
    if wrong := [share for share in shares if not 0 < share < 1]:
        raise BadInput(f"alerts of set_spend_limit: {wrong[0]}; accepted: shares between 0 and 1, such as 0.9")
    return shares


def _known(plan: str) -> str:
    if plan not in PLANS:
        raise unknown("plan of groq_api", plan, PLANS)
    return plan
