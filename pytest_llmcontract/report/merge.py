"""Reads ledgers and makes one of several: of the shards of a CI run, or of any runs. Sums stay exact.

A ledger that cannot be read is a problem of its own; the others are counted all the same. Every session has an id, so
one that is given twice is counted once. A test that ran in two sessions was paid for twice, and is counted twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from pydantic import ValidationError

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.facts.records import first_problem
from pytest_llmcontract.core.words import visible_json
from pytest_llmcontract.report.collect import TOOL
from pytest_llmcontract.report.document import (
    BudgetEntry,
    CallEntry,
    EventEntry,
    LedgerDocument,
    MoneyEntry,
    SessionEntry,
    TestEntry,
    TotalsEntry,
    VerdictEntry,
    ViolationEntry,
)
from pytest_llmcontract.report.session_budget import SUMS, held_session, limits_of


def read_ledger(path: Path) -> LedgerDocument:
    """The ledger in a file.

    Raises:
        BadInput: It cannot be read, or is none; the message says what is wrong with it.
    """
    try:
        text = visible_json(path.read_text("utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path}: is no JSON, but bytes that are no text") from None
    try:
        ledger = LedgerDocument.model_validate_json(text)
    except ValidationError as error:
        _look_closer(path, text)
        problem = first_problem(error).removeprefix("Value error, ")
        raise BadInput(f"{path}: is no ledger as {TOOL} knows it: {problem}") from None
    for budget in ledger.budgets:
        if budget.scope == "session" and budget.name not in SUMS:
            raise BadInput(f"{path}: a session has no budget {budget.name!r}; accepted: {', '.join(SUMS)}")
    return ledger


def _look_closer(path: Path, text: str) -> None:
    """Whether a *text* that is no ledger is something else altogether.

    Raises:
        BadInput: It is: cut off, no JSON, of another format.
    """
    if not text.strip():
        raise BadInput(f"{path}: is empty: its run did not get to writing it")
    try:
        data = json.loads(text)
    except RecursionError:
        raise BadInput(f"{path}: is no ledger: nested too deeply") from None
    except ValueError as error:
        whole, at = text.strip(), getattr(error, "pos", 0)
        if whole.startswith("{") and (not whole.endswith("}") or at >= len(whole) - 1):
            raise BadInput(f"{path}: is cut off after {len(text):,} characters: copy it again") from None
        raise BadInput(f"{path}: is no JSON: {error}") from None
    if not isinstance(data, dict) or "format" not in data:
        raise BadInput(f"{path}: is JSON, but no ledger: it has no 'format'; --llmcontract-report=….json writes one")
    if data["format"] != 1:
        wrote = f" by {data['tool']}" if isinstance(data.get("tool"), str) else ""
        raise BadInput(f"{path}: was written{wrote} in format {data['format']!r}; {TOOL} reads format 1")


@dataclass(frozen=True)
class Merged:
    """What came of reading several ledgers."""

    document: LedgerDocument | None
    """``None`` if none could be read."""
    notes: tuple[str, ...]
    """What a reader should know about the sums."""
    problems: tuple[str, ...]
    """Why a file is not in them."""


def merged(
    paths: Sequence[Path], budget: Mapping[str, Decimal], progress: Callable[[int, int], None] | None = None
) -> Merged:
    """One ledger of several, held to the budgets they carry and to *budget*; of one name the smallest holds.

    Args:
        progress: Is told how many of how many are read.
    """
    sum_, problems = _Sum(), []
    for number, path in enumerate(paths, start=1):
        try:
            sum_.add(path, read_ledger(path))
        except BadInput as problem:
            problems.append(str(problem))
        if progress:
            progress(number, len(paths))
    if not sum_.sessions:
        return Merged(None, tuple(sum_.notes), tuple(problems))
    return Merged(sum_.document(budget), (*sum_.notes, *sum_.remarks()), tuple(problems))


class _Sum:
    """The lists of all ledgers read so far, one behind the other."""

    def __init__(self) -> None:
        self.sessions: dict[str, SessionEntry] = {}
        self.tests: list[TestEntry] = []
        self.calls: list[CallEntry] = []
        self.violations: list[ViolationEntry] = []
        self.budgets: list[BudgetEntry] = []
        self.limits: list[BudgetEntry] = []
        self.money: list[MoneyEntry] = []
        self.events: list[EventEntry] = []
        self.battery: list[VerdictEntry] = []
        self.editions: dict[str, set[str]] = {}
        self.tools: dict[str, Path] = {}
        self.notes: list[str] = []

    def add(self, path: Path, ledger: LedgerDocument) -> None:
        fresh = [session for session in ledger.sessions if session.id not in self.sessions]
        for session in ledger.sessions:
            if session not in fresh:
                before = self.sessions[session.id].shard
                self.notes.append(f"{path}: session {session.id[:8]} is counted already, from {before}: left out")
        if not fresh:
            return
        places = {session.id: len(self.sessions) + index for index, session in enumerate(fresh)}
        for session in fresh:
            self.sessions[session.id] = session.model_copy(update={"shard": session.shard or path.name})
        self._take(ledger, places)
        self.tools.setdefault(ledger.tool, path)
        self.limits += [entry for entry in ledger.budgets if entry.scope == "session"]
        for provider, days in ledger.editions.items():
            self.editions.setdefault(provider, set()).update(days)

    def _take(self, ledger: LedgerDocument, places: Mapping[str, int]) -> None:
        """Everything of the sessions in *places*, with indexes as they are here."""
        tests: dict[int, int] = {}
        for index, test in enumerate(ledger.tests):
            if (place := places.get(ledger.sessions[test.session].id)) is not None:
                tests[index] = len(self.tests)
                self.tests.append(test.model_copy(update={"session": place}))
        calls: dict[int | None, int] = {}
        for index, call in enumerate(ledger.calls):
            if call.test in tests:
                calls[index] = len(self.calls)
                self.calls.append(call.model_copy(update={"test": tests[call.test]}))
        for found in ledger.violations:
            if found.test in tests:
                update = {"test": tests[found.test], "call": calls.get(found.call)}
                self.violations.append(found.model_copy(update=update))
        for budget in ledger.budgets:
            if budget.test is not None and budget.test in tests:
                self.budgets.append(budget.model_copy(update={"test": tests[budget.test]}))
        for entry in ledger.money:
            if entry.test in tests:
                self.money.append(entry.model_copy(update={"test": tests[entry.test], "call": calls.get(entry.call)}))
        for event in ledger.events:
            if event.test in tests:
                self.events.append(event.model_copy(update={"test": tests[event.test]}))
        for verdict in ledger.battery:
            if verdict.test in tests:
                self.battery.append(verdict.model_copy(update={"test": tests[verdict.test]}))

    def remarks(self) -> Iterable[str]:
        """What is remarkable about the whole."""
        if len(self.tools) > 1:
            tools = ", ".join(f"{tool} ({path})" for tool, path in self.tools.items())
            yield f"written by different versions, whose facts may differ: {tools}"
        sessions: dict[str, set[int]] = {}
        for test in self.tests:
            sessions.setdefault(test.id, set()).add(test.session)
        twice = [test for test, ran_in in sessions.items() if len(ran_in) > 1]
        if twice:
            more = f" and {len(twice) - 1:,} more" if len(twice) > 1 else ""
            yield f"ran in more than one session, and is counted each time: {twice[0]}{more}"

    def document(self, budget: Mapping[str, Decimal]) -> LedgerDocument:
        totals = TotalsEntry.of(self.tests, self.calls, self.violations)
        limits = limits_of(self.limits)
        for name, limit in budget.items():
            limits[name] = min(limit, limits.get(name, limit))
        return LedgerDocument(
            tool=TOOL,
            sessions=tuple(self.sessions.values()),
            editions={provider: tuple(sorted(days)) for provider, days in sorted(self.editions.items())},
            tests=tuple(self.tests),
            calls=tuple(self.calls),
            totals=totals,
            violations=tuple(self.violations),
            budgets=(*held_session(limits, totals), *self.budgets),
            money=tuple(self.money),
            events=tuple(self.events),
            battery=tuple(self.battery),
        )
