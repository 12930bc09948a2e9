"""A session as Markdown, short enough for a pull request's comment or a job's summary: the findings first."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from pytest_llmcontract.core.findings.rules import Severity
from pytest_llmcontract.core.secrets import scrubbed
from pytest_llmcontract.core.words import counted, percent
from pytest_llmcontract.core.workload.costs import money_text
from pytest_llmcontract.report.battery import VERDICTS
from pytest_llmcontract.report.document import BudgetEntry, LedgerDocument, VerdictEntry, ViolationEntry
from pytest_llmcontract.report.markup import code, section, text
from pytest_llmcontract.report.sums import failed_tests
from pytest_llmcontract.report.use import LimitKey, peaks, used_by

_MOST_FINDINGS = 10
_MOST_ROWS = 5
_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


def markdown(document: LedgerDocument) -> str:
    """The summary of *document*."""
    parts = [
        "## LLM calls",
        _totals(document),
        section("Budgets", ("budget", "of", "used", "limit", ""), _budgets(document), right={2, 3}),
        _findings(document),
        _battery(document),
        section("Fullest limits", ("limit", "model", "peak", "share", "refusals"), _limits(document), right={2, 3, 4}),
        section("Tests by cost", ("test", "calls", "tokens", "cost"), _tests(document), right={1, 2, 3}),
    ]
    return scrubbed("\n\n".join(part for part in parts if part)) + "\n"


def _totals(document: LedgerDocument) -> str:
    total = document.totals
    severities = Counter(entry.severity for entry in document.violations)
    found = [counted(severities[severity], severity) for severity in _SEVERITIES if severities[severity]]
    refused = sum(call.status is None or call.status >= 400 for call in document.calls)
    aside = [f"{refused:,} refused"] * bool(refused)
    aside += [counted(total.retries, "retry", "retries")] * bool(total.retries)
    calls = counted(total.calls, "call") + (f" ({', '.join(aside)})" if aside else "")
    facts = [counted(total.tests, "test"), calls, counted(total.tokens, "token"), _money(total.cost)]
    facts += [f"{counted(failed, 'test')} failed"] if (failed := failed_tests(document)) else []
    return f"{' · '.join(facts)}\n\n**{', '.join(found) if found else 'Nothing was found'}**"


def _findings(document: LedgerDocument) -> str:
    groups: dict[tuple[str, str, str], list[ViolationEntry]] = defaultdict(list)
    for entry in sorted(document.violations, key=lambda entry: _SEVERITIES.index(entry.severity)):
        groups[entry.code, entry.message, entry.site].append(entry)
    shown = list(groups.values())[:_MOST_FINDINGS]
    rows = [(*_finding(group), _whose(document, {entry.test for entry in group})) for group in shown]
    more = len(groups) - len(shown)
    table = section("Findings", ("", "code", "what", "where", "test"), rows)
    return f"{table}\n\nand {more} more" if more else table


def _finding(group: Sequence[ViolationEntry]) -> tuple[str, ...]:
    first = group[0]
    times = f" ({len(group)} times)" if len(group) > 1 else ""
    return first.severity, code(first.code), text(first.message) + times, code(first.site)


def _battery(document: LedgerDocument) -> str:
    """How each client did, and what it failed."""
    clients: dict[tuple[str, str], list[VerdictEntry]] = defaultdict(list)
    for verdict in document.battery:
        clients[verdict.client, verdict.provider].append(verdict)
    rows = [
        (code(client), text(provider), *(str(sum(row.verdict == known for row in rows)) for known in VERDICTS))
        for (client, provider), rows in clients.items()
    ]
    failed = [verdict for verdict in document.battery if verdict.verdict == "fail"][:_MOST_FINDINGS]
    lines = [(code(row.client), code(row.behaviour), text(row.reason)) for row in failed]
    tables = section("Battery", ("client", "provider", *VERDICTS), rows, right={2, 3, 4})
    return "\n\n".join(filter(None, [tables, section("Failed", ("client", "behaviour", "why"), lines)]))


def _whose(document: LedgerDocument, tests: set[int | None]) -> str:
    if len(tests) > 1:
        return counted(len(tests), "test")
    (test,) = tests
    return "" if test is None else code(document.tests[test].id)


def _budgets(document: LedgerDocument) -> Iterable[tuple[str, ...]]:
    """All of the session, and those of tests that are broken."""
    worth = [budget for budget in document.budgets if budget.scope == "session" or not budget.ok]
    for budget in sorted(worth, key=lambda budget: (budget.scope != "session", budget.ok))[:_MOST_FINDINGS]:
        of = "session" if budget.test is None else code(document.tests[budget.test].id)
        verdict = "kept" if budget.ok else "**broken**"
        yield text(budget.name), of, _figure(budget, budget.used), _figure(budget, budget.limit), verdict


def _figure(budget: BudgetEntry, value: int | float | str) -> str:
    if budget.name == "cost":
        return _money(Decimal(str(value)))
    if budget.name.startswith(("share", "fits")):
        return percent(float(value))
    return f"{value:,}" if isinstance(value, int) else text(str(value))


def _limits(document: LedgerDocument) -> Iterable[tuple[str, ...]]:
    refusals = Counter(
        LimitKey(call.refused.limit, call.provider, call.plan, call.model) for call in document.calls if call.refused
    )
    fullest = sorted(peaks(document).items(), key=lambda item: -item[1].share)
    for limit, peak in fullest[:_MOST_ROWS]:
        where = text(f"{limit.kind} ({limit.provider} {limit.plan})")
        level = f"{peak.used:,.0f} of {peak.limit:,.0f}"
        yield where, code(limit.model), level, f"{peak.share:.0%}", f"{refusals[limit]:,}"


def _tests(document: LedgerDocument) -> Iterable[tuple[str, ...]]:
    uses = used_by(document, lambda test: test.id)
    called = [(test, use) for test, use in uses.items() if use.calls]
    for test, use in sorted(called, key=lambda item: -item[1].cost)[:_MOST_ROWS]:
        yield code(test), f"{use.calls:,}", f"{use.tokens:,}", _money(use.cost)


def _money(amount: Decimal) -> str:
    return f"\\${money_text(round(amount, 6) or amount)}"  # what costs something is never shown as nothing
