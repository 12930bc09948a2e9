"""What a whole session may use, held against what it used: sums of a ledger, or of several that were merged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from pytest_llmcontract.core.workload.costs import money_text
from pytest_llmcontract.report.document import BudgetEntry, TotalsEntry

CODES = {"calls": "LLM401", "cost": "LLM403", "retries": "LLM406", "seconds": "LLM407"}
"""Name -> rule; every other name is about tokens, LLM402."""

SUMS = ("calls", "tokens", "input_tokens", "cached_tokens", "output_tokens", "cost", "retries", "seconds")
"""What a session may have a budget of."""


def held_session(limits: Mapping[str, Decimal], totals: TotalsEntry) -> tuple[BudgetEntry, ...]:
    """Each of *limits* beside what was used of it."""
    return tuple(_entry(name, limit, Decimal(str(getattr(totals, name)))) for name, limit in limits.items())


def _entry(name: str, limit: Decimal, used: Decimal) -> BudgetEntry:
    return BudgetEntry(
        scope="session", name=name, limit=figure(name, limit), used=figure(name, used), ok=used <= limit
    )  # fmt: skip


def figure(name: str, amount: float | Decimal) -> int | float | str:
    """A figure of the budget *name* as a ledger has it: money as a decimal string, what is whole without a point."""
    if name == "cost":
        return money_text(Decimal(amount))
    return int(amount) if amount == int(amount) else round(float(amount), 6)


def limits_of(budgets: Iterable[BudgetEntry]) -> dict[str, Decimal]:
    """The limits that ledgers carry for their session; of several of one name the smallest holds."""
    limits: dict[str, Decimal] = {}
    for budget in budgets:
        if budget.scope == "session":
            limit = Decimal(str(budget.limit))
            limits[budget.name] = min(limit, limits.get(budget.name, limit))
    return limits


def exceeded(budgets: Iterable[BudgetEntry]) -> list[BudgetEntry]:
    """The session's budgets that are not kept."""
    return [budget for budget in budgets if budget.scope == "session" and not budget.ok]


def figure_text(name: str, amount: int | float | str) -> str:
    """``$0.62``, ``54,321``, ``12.5 s``."""
    if name == "cost":
        return f"${money_text(Decimal(str(amount)))}"
    return f"{amount:,} s" if name == "seconds" else f"{amount:,}"
