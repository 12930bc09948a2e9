"""What was found in a test, and what becomes of it: its outcome, sections of its report, and what travels on.

A :class:`Verdict` looks at one test from its setup to its teardown. Loading this module imports pytest only.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from pytest_llmcontract import failure, options, process
from pytest_llmcontract.core.journal import Journal

if TYPE_CHECKING:
    from pytest_llmcontract.core.battery.verdict import Verdict as VerdictOfBattery
    from pytest_llmcontract.core.findings.rules import Violation
    from pytest_llmcontract.core.workload.budget import Budget
    from pytest_llmcontract.simulated_provider import SimulatedProvider
    from pytest_llmcontract.simulation import Stage

OPTIONS = pytest.StashKey[options.Options]()
"""Of the config: what flags and ini say."""
GUARD = pytest.StashKey["Stage"]()
"""Of a test: what stops its calls where ``--llmcontract-guard=always`` says so."""
_OF_BUDGETS = "LLM4"
"""Codes of what says nothing about why a call failed."""
_VERDICT = pytest.StashKey["Verdict"]()

CARRIED = "llmcontract_warnings"
"""The attribute of a test report that holds warnings; reports travel with their attributes."""
RECORDED = "llmcontract_recorded"
"""As well, for what changed in the recordings."""
BATTERY = "llmcontract_battery"
"""As well, for what the battery says of a client, as dicts."""
PART = "llmcontract_part"
"""As well, for what the phase did, as JSON for the session's ledger."""


def verdict_of(item: pytest.Item) -> Verdict:
    """What looks at *item*; a test that was skipped before its setup has it too."""
    return item.stash[_VERDICT] if _VERDICT in item.stash else new_verdict(item)


def new_verdict(item: pytest.Item) -> Verdict:
    """Look at *item* from the beginning: a rerun is a test of its own."""
    item.stash[_VERDICT] = verdict = Verdict(item)
    return verdict


def forget(item: pytest.Item) -> None:
    """All that was kept of *item*: it is reported, and items live as long as the session."""
    if _VERDICT in item.stash:
        del item.stash[_VERDICT]
    if GUARD in item.stash:
        del item.stash[GUARD]
    process.watch(None)


class Verdict:
    """What one test did, and what is held against it.

    Args:
        item: The test.
    """

    def __init__(self, item: pytest.Item) -> None:
        self.apis: list[SimulatedProvider] = []
        """The simulations that the test asked for."""
        self.passed = False
        """Whether its call phase did: what a failing test recorded is not kept."""
        self._item = item
        self._options = item.config.stash[OPTIONS]
        self._journal = Journal()
        self._budget: Budget | None = None
        self._budget_places: dict[str, str] = {}
        """Keyword -> where it stands."""
        self._sent = self._journal.extent()
        """How much of what was watched went with the reports of earlier phases."""
        self._told: list[Violation] = []
        """What the phase under way told without failing."""
        self._said: list[str] = []
        """What changed in the recordings."""
        self._judged: list[dict[str, object]] = []
        """What the battery says."""
        self._first: list[Violation] = []
        """What explains the error of the phase under way, and stands before it."""
        self._name = ""
        """What the failure of this phase is called, where that is no error of the test."""
        self._codes: list[str] = []
        """Of the errors that stand beside it."""
        self._folded = ""
        """What was left out of its traceback."""

    @property
    def stage(self) -> Stage | None:
        """What the simulations under way share, those of wider scope included."""
        simulation = sys.modules.get("pytest_llmcontract.simulation")
        stage: Stage | None = simulation.current_stage() if simulation else None
        return stage or self._item.stash.get(GUARD, None)

    # The phases of a test.

    def begin(self) -> None:
        """A simulation of wider scope looks at a new test; a typo in a marker shows before it."""
        if stage := self.stage:
            stage.world.begin_test()
            stage.remarks()  # those of an earlier test are nobody's now
            self._journal = stage.world.journal
        process.watch(self._journal)
        with clear_errors():
            options.allowed_codes(self._item)
        if self._item.get_closest_marker("llm_budget"):
            self._read_budget()

    def _read_budget(self) -> None:
        """From all ``llm_budget`` markers of the test."""
        from pytest_llmcontract.core.settings import settings_from
        from pytest_llmcontract.core.workload.budget import Budget

        with clear_errors() as errors:
            given, errors.where = options.marker_settings(self._item, "llm_budget")
            self._budget = settings_from(Budget, given, "llm_budget")
        self._budget_places = options.keyword_places(self._item, "llm_budget")
        self._journal.assumed_output = self._budget.output

    def call_passed(self) -> None:
        """Fail the test nevertheless for what was found, also if the application swallowed every error it met."""
        __tracebackhide__ = True
        stage = self.stage
        found = self._findings()  # what children did, too: it may have used a script
        unused = [finding for api in self.apis for finding in api.unused_scripts()]
        unmade = stage.world.tape.unmade() if stage and stage.world.tape else []
        self.fail_for([*found, *unused, *unmade, *self._over_budget()])
        self.passed = True

    def call_failed(self, error: BaseException) -> None:
        """Tell what was found beside the test's own *error*, and what it called.

        What was found in calls explains an error that the application let through, and stands before it; what the
        test says itself it says first.
        """
        counted = self._counted([*self._findings(), *self._over_budget()])
        errors = [finding for finding in counted if finding.severity == "error"]
        if not failure.is_of_the_test(error):
            self._first = [finding for finding in errors if not finding.code.startswith(_OF_BUDGETS)]
        self._codes = list(dict.fromkeys(finding.code for finding in errors))
        self._tell([finding for finding in counted if finding not in self._first])
        stage = self.stage
        remarks = [line for api in self.apis for line in api.weather()] + (stage.remarks() if stage else [])
        if remarks:
            self._item.add_report_section("call", "llmcontract", _scrubbed("\n".join(remarks)))
        if stage and stage.world.journal.calls:
            from pytest_llmcontract.report.calls import listed

            self._item.add_report_section("call", "llmcontract calls", listed(stage.world.journal.calls))

    def torn_down(self) -> None:
        """What a wider simulation meets while a test is torn down is an error of that test."""
        __tracebackhide__ = True
        self.fail_for(self._findings())

    # What is held against it.

    def fail_for(self, findings: list[Violation]) -> None:
        """Fail for errors among *findings*, as this test counts them; tell the others."""
        __tracebackhide__ = True
        counted = self._counted(findings)
        errors = [finding for finding in counted if finding.severity == "error"]
        self._tell([finding for finding in counted if finding.severity != "error"])
        if errors:
            text = self._rendered(errors)
            self._name = _headline(text, errors)
            pytest.fail(text, pytrace=False)

    def say(self, lines: list[str]) -> None:
        """What changed in the recordings, for the test's report and the session's summary."""
        lines = list(map(_scrubbed, lines))
        if lines:
            self._item.add_report_section("teardown", "llmcontract recordings", "\n".join(lines))
            self._said += lines

    def judged(self, verdict: VerdictOfBattery) -> None:
        """What the battery says, for the ledger and the session's summary."""
        self._journal.verdicts.append(verdict)
        self._judged.append({name: _clean(value) for name, value in asdict(verdict).items()})

    def _findings(self) -> list[Violation]:
        """Those that nobody asked for yet."""
        stage = self.stage
        if stage:
            stage.world.settle()
        simulation = sys.modules.get("pytest_llmcontract.simulation")
        afterwards: list[Violation] = simulation.escapes_afterwards() if simulation else []
        return [*(stage.findings() if stage else ()), *afterwards]

    def _over_budget(self) -> list[Violation]:
        """What the test used beyond its ``llm_budget``, its fixtures included as far as they were set up for it."""
        journal = self._journal
        if self._budget is None or journal.clock is None:
            return []
        from pytest_llmcontract.core.workload.budget import held

        elapsed, now = journal.clock.elapsed, journal.clock.seconds
        with clear_errors():
            journal.budget_lines = held(
                self._budget,
                journal.calls,
                elapsed=elapsed,
                began=now - elapsed,
                editions=journal.editions,
                places=self._budget_places,
            )
        return [line.finding for line in journal.budget_lines if line.finding]

    def _counted(self, findings: list[Violation]) -> list[Violation]:
        """Those of *findings* that the session selects, as this test's ``llm_allow`` counts them."""
        if selection := self._options.selection:
            findings = selection.kept(findings, str(self._item.path))
        allowed = options.allowed_codes(self._item) if findings else frozenset()
        counted = [finding.softened("note") if finding.code in allowed else finding for finding in findings]
        self._journal.found += counted
        return counted

    def _tell(self, findings: list[Violation]) -> None:
        """Put findings into a section of the test's report."""
        if findings:
            self._item.add_report_section("call", "llmcontract", self._rendered(findings))
            self._told += findings

    # Its report.

    def look_at(self, call: pytest.CallInfo[None]) -> None:
        """Before the report of a phase is made: a setup that failed, and frames that nobody wants to read."""
        caught = failure.caught_by_unittest(self._item)
        excinfo = caught[0] if caught else call.excinfo
        if excinfo is None:
            return
        error = excinfo.value
        if call.when == "setup":
            self.call_failed(error)
        if self._item.config.getoption("fulltrace"):
            return
        self._folded = failure.fold(error, {made.client for made in self._journal.calls})
        if self._folded and caught:
            caught[0] = pytest.ExceptionInfo.from_exception(error)
        elif self._folded:
            call.excinfo = pytest.ExceptionInfo.from_exception(error)

    def say_first(self, report: pytest.TestReport) -> None:
        """In the *report* of a phase, what was found stands before the error that came of it, and names it."""
        first, name, codes, folded = self._first, self._name, self._codes, self._folded
        self._first, self._name, self._codes, self._folded = [], "", [], ""
        text = self._rendered(first) if first else ""
        if not report.failed:
            report.sections += [("llmcontract", text)] * bool(text)
            return
        if first:
            name = _headline(text, first)
        elif codes and (own := failure.crash_message(report)):
            name = f"{own} ({', '.join(codes)})"
        if name or folded:
            failure.rewrite(report, first=text, name=name, note=folded)

    def _rendered(self, findings: list[Violation]) -> str:
        from pytest_llmcontract.report.findings import render

        stage = self.stage
        return render(findings, calls=len(stage.world.journal.calls) if stage else None)

    # What travels with the reports of its phases, to where the session ends.

    def note_properties(self) -> None:
        """Calls, tokens and cost, for JUnit and whoever else reads ``user_properties``; nothing without a call."""
        if not self._journal.calls:
            return
        from pytest_llmcontract.core.ledger import Calls
        from pytest_llmcontract.core.workload.costs import money_text

        calls = Calls(self._journal.calls)
        try:
            values = {"calls": str(len(calls)), "tokens": str(calls.tokens), "cost": money_text(calls.cost)}
        except (ArithmeticError, ValueError, TypeError):  # a script may say that a reply cost no number
            return
        ours = {f"llmcontract.{name}": value for name, value in values.items()}
        properties = self._item.user_properties
        properties[:] = [*(known for known in properties if known[0] not in ours), *ours.items()]

    def send_with(self, report: pytest.TestReport) -> None:
        """Warnings, changes of recordings, and the phase's part of the ledger."""
        if self._told:
            from pytest_llmcontract.report.warnings import carried

            setattr(report, CARRIED, carried(self._told))
            self._told = []
        if self._said:
            setattr(report, RECORDED, self._said)
            self._said = []
        if self._judged:
            setattr(report, BATTERY, self._judged)
            self._judged = []
        if part := self.unsent():
            setattr(report, PART, part)

    def unsent(self) -> str | None:
        """The part of the ledger that no report has taken along yet."""
        journal = self._journal
        seen = journal.extent()
        if not self._options.collects or journal.is_quiet_since(self._sent):
            return None
        from pytest_llmcontract.report.collect import packed

        part = packed(journal, self._sent, exchanges=self._options.keeps_exchanges)
        self._sent = seen
        return part


def _headline(text: str, findings: list[Violation]) -> str:
    """What findings are called where there is one line for all of them."""
    more = len({(finding.code, finding.message) for finding in findings}) - 1
    return text.partition("\n")[0] + (f" (and {more} more)" if more else "")


class clear_errors:  # noqa: N801 - read as a statement
    """Bad input of a person becomes a setup error of one message, with its place, without our frames."""

    where = ""

    def __enter__(self) -> clear_errors:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        from pytest_llmcontract.core.errors import BadInput

        if isinstance(error, BadInput):
            place = f" ({self.where})" if self.where and self.where not in str(error) else ""
            raise pytest.fail.Exception(f"llmcontract: {_scrubbed(str(error))}{place}", pytrace=False) from None


def _clean(value: object) -> object:
    return _scrubbed(value) if isinstance(value, str) else value


def _scrubbed(text: str) -> str:
    # Imported where it is needed: to compile its patterns takes longer than to load the rest of the plugin.
    from pytest_llmcontract.core.secrets import scrubbed

    return scrubbed(text)
