"""What happened in one test: every call to any provider, and what whoever judges the test made of it.

It outlives the simulations of its test, which may have been left by the time somebody looks. A plain class: this
module is imported at each start of pytest.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import date

    from pytest_llmcontract.core.battery.verdict import Verdict
    from pytest_llmcontract.core.clock import VirtualClock
    from pytest_llmcontract.core.findings.rules import Violation
    from pytest_llmcontract.core.ledger import Call
    from pytest_llmcontract.core.money.book import Entry, Event
    from pytest_llmcontract.core.workload.budget import BudgetLine


class Extent(NamedTuple):
    """How much a journal has of everything."""

    calls: int = 0
    found: int = 0
    budget_lines: int = 0
    events: int = 0
    entries: Mapping[str, int] = MappingProxyType({})
    """Of each provider's account."""
    verdicts: int = 0


class Journal:
    """One test's."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        """Every call to any provider, in order."""
        self.entries: dict[str, list[Entry]] = {}
        """Provider -> every cent that moved on the account there, in order."""
        self.events: list[tuple[str, Event]] = []
        """What happened to accounts, with the provider, in order."""
        self.editions: dict[str, date] = {}
        """Provider -> the edition that answered last."""
        self.clock: VirtualClock | None = None
        self.found: list[Violation] = []
        """As the test counts it."""
        self.budget_lines: list[BudgetLine] = []
        """The test's budget beside what was used of it, once the test is over."""
        self.verdicts: list[Verdict] = []
        """On what a client did, where the test is one of the battery."""
        self.assumed_output: int | None = None
        """Tokens of a completion that the simulator makes up; ``None``: as long as what it made up."""

    def begin_test(self) -> None:
        """Another test begins; those who note calls here keep doing so."""
        self.calls.clear()
        self.entries.clear()
        self.events.clear()
        self.found, self.budget_lines, self.verdicts = [], [], []
        self.assumed_output = None

    def extent(self) -> Extent:
        """How much of everything there is by now."""
        entries = {provider: len(moved) for provider, moved in self.entries.items()}
        return Extent(
            len(self.calls), len(self.found), len(self.budget_lines), len(self.events), entries, len(self.verdicts)
        )

    def is_quiet_since(self, told: Extent) -> bool:
        """Whether nothing happened since then. What an account begins with is no happening."""
        moved = any(entry.at > float("-inf") for _, entry in self.moved_since(told))
        return not moved and self.extent()._replace(entries=told.entries) == told

    def moved_since(self, told: Extent) -> list[tuple[str, Entry]]:
        """The entries since then, each with its provider, in the order of their moments."""
        fresh = ((name, entry) for name, all_ in self.entries.items() for entry in all_[told.entries.get(name, 0) :])
        return sorted(fresh, key=lambda named: named[1].at)

    def moved(self, provider: str, told: Entry | Event) -> None:
        """Money moved on the account at a provider, or something happened to it."""
        if isinstance(told, tuple):
            self.entries.setdefault(provider, []).append(told)
        else:
            self.events.append((provider, told))
