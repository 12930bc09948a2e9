"""How a session's ledger comes together: each test sends home what it did, and one place puts it in order.

A part is what a test did in one phase (setup, call, teardown), as JSON text that travels with the test's report. So
nothing that was reported is lost when a worker of pytest-xdist dies, and nothing is parsed before the end.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from pydantic import ValidationError

from pytest_llmcontract import __version__
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.exchange import ApiRequest
from pytest_llmcontract.core.facts.records import first_problem
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.journal import Extent, Journal
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.money.book import Entry, Event
from pytest_llmcontract.core.secrets import excerpt, scrubbed
from pytest_llmcontract.core.words import in_line, visible_json
from pytest_llmcontract.core.workload.budget import BudgetLine
from pytest_llmcontract.core.workload.costs import money_text
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
from pytest_llmcontract.report.exchanges import Kept, kept_exchanges
from pytest_llmcontract.report.levels import staged_limits
from pytest_llmcontract.report.session_budget import figure, held_session

TOOL = f"pytest-llmcontract {__version__}"
LONGEST = 4096
"""Characters of a body that a finding shows."""
_LONGEST_FAILURE = 300
_LOST = "… (%d more characters)"


# What a test sends


def packed(journal: Journal, told: Extent, *, exchanges: bool = False) -> str:
    """What happened in a phase of a test, as JSON; why not, where it cannot be told. It never raises.

    Args:
        journal: Of the test.
        told: How much of it went with earlier phases.
        exchanges: Whether it says too what was said in the calls.
    """
    try:
        return _packed(journal, told, exchanges=exchanges)
    except Exception as problem:  # whatever a test makes of its clock and its replies, the session goes on
        return json.dumps({"untold": in_line(scrubbed(f"{type(problem).__name__}: {problem}"))})


def _packed(journal: Journal, told: Extent, *, exchanges: bool) -> str:
    clock, (calls, found, held, events, _, judged) = journal.clock, told
    began = _began(clock)
    staged = staged_limits(journal.calls)[calls:]
    said = kept_exchanges(journal.calls[calls:]) if exchanges else {}
    part = {
        "began": _start(clock).isoformat(),
        "seconds": round(clock.elapsed, 6) if clock else 0.0,
        "editions": {name: str(day) for name, day in journal.editions.items()},
        "calls": [
            _call(call, began) | {"staged": staged[index], "exchange": said.get(index)}
            for index, call in enumerate(journal.calls[calls:])
        ],
        "violations": [_violation(finding, journal.calls) for finding in journal.found[found:]],
        "budgets": [_budget(line) for line in journal.budget_lines[held:]],
        "money": [_entry(provider, entry, began) for provider, entry in journal.moved_since(told)],
        "events": [_event(provider, event, _start(clock)) for provider, event in journal.events[events:]],
        "battery": [asdict(verdict) for verdict in journal.verdicts[judged:]],
    }
    return visible_json(scrubbed(json.dumps(part, ensure_ascii=False, separators=(",", ":"))))


def _began(clock: VirtualClock | None) -> float:
    """What the clock counted when the test began: more than 0 in simulations of wider scope."""
    return clock.seconds - clock.elapsed if clock else 0.0


def _start(clock: VirtualClock | None) -> datetime:
    return clock.now - timedelta(seconds=clock.elapsed) if clock else datetime.now(UTC)


def _call(call: Call, began: float) -> dict[str, Any]:
    reply, short = call.reply, call.shortage
    refused = short and {
        "limit": short.kind,
        "requested": short.requested,
        "wait": 0 if short.too_large else round(short.wait, 3),
    }
    usage = call.usage
    return {
        "provider": call.provider,
        "plan": call.plan,
        "operation": call.operation,
        "model": call.model,
        "status": call.status,
        "error": reply.error if reply else None,
        "at": round(call.at - began, 6),
        "took": round(call.took, 6),
        "attempt": call.attempt,
        "made_by": call.made_by,
        "tier": call.tier,
        "stream": call.stream,
        "client": call.client,
        "site": call.site,
        "usage": {
            "input_tokens": usage.input_tokens,
            "cached_tokens": usage.cached_tokens,
            "output_tokens": usage.output_tokens,
            "tools": list(usage.tools),
            "source": usage.source,
        },
        "cost": money_text(call.cost),
        "scripted": bool(reply and reply.scripted),
        "recorded": call.recorded,
        "retry_after": reply.retry_after if reply else None,
        "limits": {kind: [round(used, 3), limit] for kind, (used, limit) in call.limits.items()},
        "refused": refused,
        "cut": reply.cut.how if reply and reply.cut else "",
        "taken": {kind: round(amount, 3) for kind, amount in call.taken.items()},
    }


def _entry(provider: str, entry: Entry, began: float) -> dict[str, Any]:
    number = entry.source.removeprefix("call ")
    by_call = number.isdecimal() and number != entry.source
    return {
        "provider": provider,
        "at": round(max(entry.at - began, 0), 6),
        "what": entry.what,
        "amount": money_text(entry.amount),
        "call": int(number) if by_call else None,
        "source": "" if by_call else entry.source,
        "against": entry.against,
    }


def _event(provider: str, event: Event, began: datetime) -> dict[str, Any]:
    return {
        "provider": provider,
        "at": max((event.at - began).total_seconds(), 0),
        "what": event.what,
        "amount": money_text(event.amount),
        "sentence": event.sentence,
    }


def _violation(finding: Violation, calls: Sequence[Call]) -> dict[str, Any]:
    call = None if finding.call is None or finding.call >= len(calls) else calls[finding.call]
    reply = call.reply.text if call is not None and call.reply else ""
    texts = ("path", "sent", "allowed", "contract", "answer", "fix", "site", "provider", "operation")
    return {
        "code": finding.code,
        "severity": finding.severity,
        "message": finding.message,
        "call": None if call is None else finding.call,
        **{name: getattr(finding, name) for name in texts},
        "request": _shortened(_readable(call.request)) if call is not None else "",
        "reply": _shortened(reply),
        "difference": _shortened(finding.difference or _difference(finding)),
        "timeline": finding.timeline,
    }


def _difference(finding: Violation) -> str:
    """What was expected and what was sent, below each other."""
    if not (finding.path and finding.sent):
        return ""
    allowed = f"- {finding.allowed}\n" if finding.allowed else ""
    return f"{finding.path}\n{allowed}+ {finding.sent}"


def _readable(request: ApiRequest) -> str:
    """The body as text; what is packed is none."""
    packed = request.headers.get("content-encoding", "identity")
    return request.body.decode("utf-8", "replace") if packed == "identity" else f"({packed})"


def _shortened(text: str) -> str:
    text = scrubbed(text)  # as a whole: where it is cut, half of a key would be left
    return text if len(text) <= LONGEST else text[:LONGEST] + _LOST % (len(text) - LONGEST)


def _budget(line: BudgetLine) -> dict[str, Any]:
    return {
        "name": line.name,
        "limit": figure(line.name, line.limit),
        "used": figure(line.name, line.used),
        "ok": line.ok,
        "source": line.source,
        "detail": line.detail,
    }


# What a session makes of it


class Report(Protocol):
    """What is read of a report of pytest."""

    @property
    def nodeid(self) -> str: ...
    @property
    def when(self) -> str | None: ...
    @property
    def outcome(self) -> str: ...


@dataclass
class _Test:
    """A test under way, or done."""

    id: str
    worker: str
    outcome: str = "passed"
    failure: str = ""
    parts: list[str] = field(default_factory=list)


class Collector:
    """Takes the reports of all tests, in whatever order workers send them."""

    def __init__(self) -> None:
        self._session = {"id": uuid.uuid4().hex, "started": datetime.now(UTC).isoformat(), "shard": ""}
        self._under_way: dict[tuple[str, str], _Test] = {}
        self._done: list[_Test] = []
        self.untold: list[str] = []
        """Tests that the document could not take in, a line each."""

    def add(self, report: Report, part: str | None) -> None:
        """The report of one phase of a test, and what came with it."""
        worker = _worker(report)
        crashed = report.when not in ("setup", "call", "teardown")
        key = next((key for key in self._under_way if key[1] == report.nodeid), None) if crashed else None
        key = key or (worker, report.nodeid)
        if report.when == "setup":
            self._finish(key)
        test = self._under_way.setdefault(key, _Test(report.nodeid, worker))
        test.outcome = "crashed" if crashed else _outcome(report, test.outcome)
        if report.outcome == "failed" and not test.failure:
            test.failure = _failure(report)
        if part is not None:
            test.parts.append(part)
        if crashed or report.when == "teardown":
            self._finish(key)

    def interrupted(self, nodeid: str, part: str | None) -> None:
        """What a test did until it was interrupted: there is no report that could bring it."""
        test = self._under_way.setdefault(("", nodeid), _Test(nodeid, ""))
        test.outcome = "crashed"
        if part is not None:
            test.parts.append(part)
        self._finish(("", nodeid))

    def _finish(self, key: tuple[str, str]) -> None:
        test = self._under_way.pop(key, None)
        if test is not None and (test.parts or test.outcome == "crashed"):
            self._done.append(test)

    def document(self, budget: Mapping[str, Decimal]) -> LedgerDocument:
        """The ledger of all that was reported so far, held to *budget*."""
        for key in list(self._under_way):
            self._finish(key)
        ledger = _Ledger()
        for test in self._done:
            ledger.add(test)
        self.untold = ledger.untold
        return ledger.document([self._session], budget)


def _worker(report: Report) -> str:
    """``gw0``; the report of a crash knows the worker itself only."""
    gateway = getattr(getattr(report, "node", None), "gateway", None)
    return str(getattr(report, "worker_id", "") or getattr(gateway, "id", ""))


def _failure(report: Report) -> str:
    """What pytest calls the failure, in one line."""
    crash = getattr(getattr(report, "longrepr", None), "reprcrash", None)
    line: str = crash.message.partition("\n")[0] if crash else ""
    return excerpt(line, _LONGEST_FAILURE)


def _outcome(report: Report, so_far: str) -> str:
    """The outcome of a test after one more of its phases."""
    expected = hasattr(report, "wasxfail")
    if report.outcome == "failed":
        return "failed" if report.when == "call" else "error"
    if report.outcome == "skipped":
        return "xfailed" if expected else "skipped"
    if report.outcome == "rerun":
        return "rerun"
    return ("xpassed" if expected else "passed") if report.when == "call" else so_far


_Entries = tuple[
    list[TestEntry],
    list[CallEntry],
    list[ViolationEntry],
    list[BudgetEntry],
    list[MoneyEntry],
    list[EventEntry],
    list[VerdictEntry],
]


class _Ledger:
    """The lists of a document, as they grow."""

    def __init__(self) -> None:
        self.tests: list[TestEntry] = []
        self.calls: list[CallEntry] = []
        self.violations: list[ViolationEntry] = []
        self.budgets: list[BudgetEntry] = []
        self.money: list[MoneyEntry] = []
        self.events: list[EventEntry] = []
        self.battery: list[VerdictEntry] = []
        self.editions: dict[str, set[str]] = {}
        self.untold: list[str] = []
        self._kept = Kept()

    def add(self, test: _Test) -> None:
        """Take in what *test* did, all of it or nothing."""
        name = in_line(scrubbed(test.id))
        parts = [json.loads(part) for part in test.parts] or [{"began": datetime.now(UTC).isoformat(), "seconds": 0}]
        problem = next((part["untold"] for part in parts if "untold" in part), "")
        try:
            entries = None if problem else self._entries(name, test, parts)
        except ValidationError as error:
            problem, entries = first_problem(error), None
        if entries is None:
            self.untold.append(f"{name} is in no report and no sum: what it did cannot be told ({problem})")
            return
        self.tests += entries[0]
        self.calls += entries[1]
        self.violations += entries[2]
        self.budgets += entries[3]
        self.money += entries[4]
        self.events += entries[5]
        self.battery += entries[6]
        for part in parts:
            for provider, day in part.get("editions", {}).items():
                self.editions.setdefault(provider, set()).add(day)

    def _entries(self, name: str, test: _Test, parts: Sequence[dict[str, Any]]) -> _Entries:
        """What goes into each list.

        Raises:
            ValidationError: A figure is none, or none that adds up.
        """
        index, first, latest = len(self.tests), len(self.calls), parts[-1]
        about = {"id": name, "outcome": test.outcome, "worker": test.worker, "failure": in_line(test.failure)}
        tests = [TestEntry.model_validate({**about, "began": latest["began"], "seconds": latest["seconds"]})]
        calls, violations, budgets, money, events, battery = [], [], [], [], [], []
        for part in parts:
            for made in part.get("calls", ()):
                said = self._kept.of(made, test.outcome)
                calls.append(CallEntry.model_validate({**made, "test": index, "exchange": said}))
            for found in part.get("violations", ()):
                call = None if found["call"] is None else first + found["call"]
                violations.append(ViolationEntry.model_validate({**found, "test": index, "call": call}))
            for line in part.get("budgets", ()):
                budgets.append(BudgetEntry.model_validate({**line, "scope": "test", "test": index}))
            for moved in part.get("money", ()):
                call = None if moved.get("call") is None else first + moved["call"]
                money.append(MoneyEntry.model_validate({**moved, "test": index, "call": call}))
            for event in part.get("events", ()):
                events.append(EventEntry.model_validate({**event, "test": index}))
            battery += [VerdictEntry.model_validate({**verdict, "test": index}) for verdict in part.get("battery", ())]
        return tests, calls, violations, budgets, money, events, battery

    def document(self, sessions: list[dict[str, Any]], budget: Mapping[str, Decimal]) -> LedgerDocument:
        totals = TotalsEntry.of(self.tests, self.calls, self.violations)
        return LedgerDocument(
            tool=TOOL,
            sessions=tuple(SessionEntry.model_validate(session) for session in sessions),
            editions={provider: tuple(sorted(days)) for provider, days in sorted(self.editions.items())},
            tests=tuple(self.tests),
            calls=tuple(self.calls),
            totals=totals,
            violations=tuple(self.violations),
            budgets=(*held_session(budget, totals), *self.budgets),
            money=tuple(self.money),
            events=tuple(self.events),
            battery=tuple(self.battery),
        )
