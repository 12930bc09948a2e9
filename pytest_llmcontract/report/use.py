"""What the calls of a ledger used, added up: by test, by session, and of each limit."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple, TypeVar

from pytest_llmcontract.report.document import CallEntry, LedgerDocument, TestEntry

Key = TypeVar("Key", bound=Hashable)


@dataclass
class Use:
    """What some calls used."""

    calls: int = 0
    tokens: int = 0
    """Input and output."""
    cost: Decimal = field(default_factory=Decimal)
    """US dollars."""

    def add(self, call: CallEntry) -> None:
        self.calls += 1
        self.tokens += call.usage.input_tokens + call.usage.output_tokens
        self.cost += call.cost


def used_by(ledger: LedgerDocument, group: Callable[[TestEntry], Key]) -> dict[Key, Use]:
    """What each group of tests used, in the order of the ledger; also those that called nobody.

    Args:
        group: Which group a test belongs to.
    """
    uses = {group(test): Use() for test in ledger.tests}
    for call in ledger.calls:
        uses[group(ledger.tests[call.test])].add(call)
    return uses


class LimitKey(NamedTuple):
    """One limit of one model."""

    kind: str
    """``TPM``."""
    provider: str
    plan: str
    model: str


@dataclass(frozen=True)
class Level:
    """How much of a limit is used."""

    used: float
    limit: float

    @property
    def share(self) -> float:
        return self.used / self.limit if self.limit else 0.0


def peaks(ledger: LedgerDocument) -> dict[LimitKey, Level]:
    """Each limit at its fullest, as calls filled it: what a test filled itself says nothing of the application."""
    fullest: dict[LimitKey, Level] = {}
    for call in ledger.calls:
        for kind, (used, limit) in call.limits.items():
            if kind in call.staged:
                continue
            key, level = LimitKey(kind, call.provider, call.plan, call.model), Level(used, limit)
            if key not in fullest or level.share > fullest[key].share:
                fullest[key] = level
    return fullest
