"""A session's sums and budgets as lines: for the end of pytest's output, and for ``llmcontract report``."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.secrets import scrubbed
from pytest_llmcontract.core.words import counted
from pytest_llmcontract.core.workload.costs import money_text
from pytest_llmcontract.report.document import BudgetEntry, LedgerDocument, TotalsEntry
from pytest_llmcontract.report.session_budget import CODES, exceeded, figure_text
from pytest_llmcontract.report.table import aligned
from pytest_llmcontract.report.use import Use, used_by

MOST = 10
"""Tests and findings that are listed."""


def session_lines(document: LedgerDocument, reports: Sequence[Path] = (), problems: Sequence[str] = ()) -> list[str]:
    """What the session used, how that stands to its budget, and where more is to be read."""
    rows = [("used", totals_text(document.totals, failed_tests(document)))]
    for budget in document.budgets:
        if budget.scope == "session":
            used, limit = figure_text(budget.name, budget.used), figure_text(budget.name, budget.limit)
            name = budget.name.replace("_", " ")
            rows.append(("budget", f"{name}: {used} of {limit}" + ("" if budget.ok else ", exceeded")))
    rows += [("report", os.path.relpath(path)) for path in reports]
    lines, above = [], ""
    for label, text in rows:
        lines.append(f"{'' if label == above else label:<8}{text}")
        above = label
    return [*lines, *map(verdict, exceeded(document.budgets)), *problems]


def failed_tests(document: LedgerDocument) -> int:
    """How many of the tests in it turn a build red."""
    return sum(test.outcome in ("failed", "error", "crashed") for test in document.tests)


def totals_text(totals: TotalsEntry, failed: int = 0) -> str:
    """``12 calls (2 retries) in 3 tests (1 failed), 3,400 tokens, $0.0012``."""
    retries = f" ({counted(totals.retries, 'retry', 'retries')})" if totals.retries else ""
    calls, tests = counted(totals.calls, "call"), counted(totals.tests, "test")
    tests += f" ({failed:,} failed)" if failed else ""
    return f"{calls}{retries} in {tests}, {counted(totals.tokens, 'token')}, ${money_text(totals.cost)}"


def verdict(budget: BudgetEntry) -> str:
    """``LLM403 budget of the session: $0.62 of $0.50, exceeded``: why the session fails."""
    finding = session_finding(budget)
    return f"{finding.code} {finding.message}"


def session_finding(budget: BudgetEntry) -> Violation:
    """A broken budget of the session as a finding, which is about no line."""
    code = CODES.get(budget.name, "LLM402")
    unit = "" if budget.name in ("cost", "seconds") else " " + budget.name.replace("_", " ")
    used, limit = figure_text(budget.name, budget.used), figure_text(budget.name, budget.limit)
    return Violation(code, f"budget of the session: {used} of {limit}{unit}, exceeded")


def ledger_text(document: LedgerDocument) -> str:
    """The sums, what is behind them, and what was found, in 80 columns."""
    blocks = ["\n".join(session_lines(document)), _by_session(document), _by_test(document), _found(document)]
    return scrubbed("\n\n".join(block for block in blocks if block))


def _by_session(document: LedgerDocument) -> str:
    """What each session used, where there are several."""
    if len(document.sessions) < 2:
        return ""
    uses = used_by(document, lambda test: test.session)
    names = (session.shard or session.id[:8] for session in document.sessions)
    rows = [_row(name, uses.get(index, Use())) for index, name in enumerate(names)]
    return aligned(("shard", "calls", "tokens", "cost"), rows, right={1, 2, 3})


def _by_test(document: LedgerDocument) -> str:
    """The tests that cost most."""
    uses = used_by(document, lambda test: test.id)
    if not uses:
        return ""
    more = [f"… and {counted(len(uses) - MOST, 'more test')}"] if len(uses) > MOST else []
    dearest = sorted(uses.items(), key=lambda item: item[1].cost, reverse=True)[:MOST]
    table = aligned(("test", "calls", "tokens", "cost"), [_row(*item) for item in dearest], right={1, 2, 3})
    return "\n".join([table, *more])


def _row(name: str, use: Use) -> tuple[str, ...]:
    return name, f"{use.calls:,}", f"{use.tokens:,}", f"${money_text(use.cost)}"


def _found(document: LedgerDocument) -> str:
    """Each finding once, errors first, with how often it came."""
    order = ("error", "warning", "note")
    times = Counter((order.index(entry.severity), entry.code, entry.message) for entry in document.violations)
    lines = [
        f"{order[severity]:<8}{code} {message}" + (f" ({number:,} times)" if number > 1 else "")
        for (severity, code, message), number in sorted(times.items())
    ]
    more = [f"… and {counted(len(lines) - MOST, 'more finding')}"] if len(lines) > MOST else []
    return "\n".join([*lines[:MOST], *more])
