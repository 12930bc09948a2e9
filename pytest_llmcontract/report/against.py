"""What changed between two ledgers, say of the main branch and of a pull request: sums, tests, limits, findings.

Tests are known by their node ids; a test that ran several times counts with all its runs. A finding is the same one if
its code, its test and the place in the request are the same: its message may hold figures that move.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pytest_llmcontract.core.secrets import scrubbed
from pytest_llmcontract.core.workload.costs import money_text
from pytest_llmcontract.report.document import LedgerDocument, TotalsEntry, ViolationEntry
from pytest_llmcontract.report.markup import code, section, text
from pytest_llmcontract.report.table import aligned
from pytest_llmcontract.report.use import Use, peaks, used_by

MOST = 20
"""Tests, limits and findings that text shows; JSON has them all."""


@dataclass(frozen=True)
class TestChange:
    """A test that uses more or less than before; ``None`` on a side where it is not."""

    __test__ = False

    id: str
    before: Use | None
    after: Use | None

    @property
    def size(self) -> tuple[Decimal, int, int]:
        """How much changed, the cost first."""
        old, new = self.before or Use(), self.after or Use()
        return abs(new.cost - old.cost), abs(new.tokens - old.tokens), abs(new.calls - old.calls)


@dataclass(frozen=True)
class LimitChange:
    """A limit that is fuller or emptier at its peak than before; 0 where nothing asked for it."""

    limit: str
    """``TPM``."""
    provider: str
    plan: str
    model: str
    before: float
    """Share of the limit, 0 to 1."""
    after: float


@dataclass(frozen=True)
class Changes:
    """All that changed."""

    before: TotalsEntry
    after: TotalsEntry
    tests: Sequence[TestChange]
    """The most changed first."""
    limits: Sequence[LimitChange]
    new: Sequence[tuple[str, ViolationEntry]]
    """Test and finding."""
    gone: Sequence[tuple[str, ViolationEntry]]


def compared(before: LedgerDocument, after: LedgerDocument) -> Changes:
    """What is different in *after*."""
    old, new = (used_by(ledger, lambda test: test.id) for ledger in (before, after))
    tests = [TestChange(test, old.get(test), new.get(test)) for test in {**old, **new}]
    found, finds = _findings(before), _findings(after)
    return Changes(
        before.totals,
        after.totals,
        sorted((test for test in tests if test.before != test.after), key=lambda test: test.size, reverse=True),
        _limits(before, after),
        [finds[key] for key in finds if key not in found],
        [found[key] for key in found if key not in finds],
    )


def _limits(before: LedgerDocument, after: LedgerDocument) -> list[LimitChange]:
    old, new = ({limit: round(level.share, 4) for limit, level in peaks(ledger).items()} for ledger in (before, after))
    changes = [LimitChange(*limit, old.get(limit, 0.0), new.get(limit, 0.0)) for limit in {**old, **new}]
    changed = [change for change in changes if change.before != change.after]
    return sorted(changed, key=lambda change: abs(change.after - change.before), reverse=True)


def _findings(ledger: LedgerDocument) -> dict[tuple[str, ...], tuple[str, ViolationEntry]]:
    found: dict[tuple[str, ...], tuple[str, ViolationEntry]] = {}
    for entry in ledger.violations:
        test = ledger.tests[entry.test].id
        found.setdefault((entry.code, test, entry.operation, entry.path), (test, entry))
    return found


# For people and scripts


def changes_json(changes: Changes) -> dict[str, Any]:
    """All of it, money as decimal strings; every pair is before and after."""
    return {
        "totals": {name: list(_json_pair(name, changes)) for name in _TOTALS},
        "tests": [
            {
                "id": test.id,
                "calls": _pair(test, "calls"),
                "tokens": _pair(test, "tokens"),
                "cost": [None if cost is None else money_text(cost) for cost in _pair(test, "cost")],
            }
            for test in changes.tests
        ],
        "limits": [
            {
                "limit": change.limit,
                "provider": change.provider,
                "plan": change.plan,
                "model": change.model,
                "share": [change.before, change.after],
            }
            for change in changes.limits
        ],
        "violations": {"new": _findings_json(changes.new), "gone": _findings_json(changes.gone)},
    }


_TOTALS = ("tests", "calls", "tokens", "cost", "retries", "seconds", "violations")


def _json_pair(name: str, changes: Changes) -> Iterable[object]:
    for totals in (changes.before, changes.after):
        value = getattr(totals, name)
        yield money_text(value) if name == "cost" else value


def _pair(test: TestChange, name: str) -> list[Any]:
    return [None if use is None else getattr(use, name) for use in (test.before, test.after)]


def _findings_json(found: Sequence[tuple[str, ViolationEntry]]) -> list[dict[str, Any]]:
    return [
        {
            "code": entry.code,
            "severity": entry.severity,
            "test": test,
            "message": scrubbed(entry.message),
            "site": entry.site,
        }
        for test, entry in found
    ]


def changes_text(changes: Changes) -> str:
    """The sums, then what is behind them, in 80 columns."""
    head = ("", "before", "after", "change")
    blocks = [aligned(head, [_total(name, changes) for name in _TOTALS], right={1, 2, 3})]
    blocks.append(_listed("tests, the most changed first", [_test(test) for test in changes.tests]))
    blocks.append(_listed("limits at their peak", [_limit(change) for change in changes.limits]))
    blocks.append(_listed("new findings", [_finding(*found) for found in changes.new]))
    blocks.append(_listed("findings that are gone", [_finding(*found) for found in changes.gone]))
    shown = [block for block in blocks if block]
    return scrubbed("\n\n".join(shown if len(shown) > 1 else [*shown, "no test, limit or finding changed"]))


def _total(name: str, changes: Changes) -> tuple[str, ...]:
    before, after = (Decimal(str(getattr(totals, name))) for totals in (changes.before, changes.after))
    if before == after:
        return name, _figure(name, before), _figure(name, after), "same"
    share = f" ({(after - before) / before:+.1%})" if before else ""
    return name, _figure(name, before), _figure(name, after), _difference(name, after - before) + share


def _figure(name: str, amount: Decimal) -> str:
    return f"${money_text(amount)}" if name == "cost" else f"{amount.normalize():,f}"


def _difference(name: str, amount: Decimal) -> str:
    return ("+" if amount > 0 else "-") + _figure(name, abs(amount))


def _test(test: TestChange) -> str:
    if test.before is None or test.after is None:
        use = test.after or test.before or Use()
        state = "new" if test.before is None else "gone"
        return f"{test.id}\n    {state}: calls {use.calls:,}, tokens {use.tokens:,}, cost ${money_text(use.cost)}"
    parts = [
        f"{name} {_figure(name, Decimal(old))} -> {_figure(name, Decimal(new))}"
        for name in ("calls", "tokens", "cost")
        if (old := getattr(test.before, name)) != (new := getattr(test.after, name))
    ]
    return f"{test.id}\n    {', '.join(parts)}"


def _limit(change: LimitChange) -> str:
    where = f"{change.provider} {change.plan}, {change.model}"
    return f"{change.limit} of {where}: {change.before:.1%} -> {change.after:.1%}"


def _finding(test: str, entry: ViolationEntry) -> str:
    return "\n    ".join(part for part in (f"{entry.code} {entry.message}", test, entry.site) if part)


def _listed(title: str, items: Sequence[str]) -> str:
    if not items:
        return ""
    more = [f"  … {len(items) - MOST:,} more"] if len(items) > MOST else []
    return "\n".join([title, *(f"  {item}" for item in items[:MOST]), *more])


def changes_markdown(changes: Changes) -> str:
    """The same as tables, for a comment at a pull request."""
    totals = [tuple(map(text, _total(name, changes))) for name in _TOTALS]
    found = [("new", *finding) for finding in changes.new] + [("gone", *finding) for finding in changes.gone]
    parts = [
        section("What changed", ("", "before", "after", "change"), totals, right={1, 2, 3}),
        section("Tests", ("test", "calls", "tokens", "cost"), map(_row, changes.tests[:MOST]), right={1, 2, 3}),
        section("Limits at their peak", ("limit", "model", "before", "after"), _rows(changes), right={2, 3}),
        section(
            "Findings",
            ("", "code", "what", "test"),
            [(state, code(entry.code), text(entry.message), code(test)) for state, test, entry in found[:MOST]],
        ),
    ]
    return scrubbed("\n\n".join(part for part in parts if part)) + "\n"


def _row(test: TestChange) -> tuple[str, ...]:
    shown = []
    for name in ("calls", "tokens", "cost"):
        pair = ["–" if figure is None else _figure(name, Decimal(figure)) for figure in _pair(test, name)]
        shown.append(text(pair[0] if pair[0] == pair[1] else " → ".join(pair)))
    return code(test.id), *shown


def _rows(changes: Changes) -> Iterable[tuple[str, ...]]:
    for change in changes.limits[:MOST]:
        kind = f"{change.limit} ({change.provider} {change.plan})"
        yield text(kind), code(change.model), f"{change.before:.1%}", f"{change.after:.1%}"
