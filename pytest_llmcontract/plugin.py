"""The pytest plugin: hooks and fixtures, nothing else. What they do is in modules that know no pytest.

Loading this module imports the standard library and pytest only; a simulation imports the rest when it starts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmcontract import options
from pytest_llmcontract.adapters.time import install_trampoline
from pytest_llmcontract.core.keys import DUMMY_KEY, key_names
from pytest_llmcontract.core.session import SESSION, Watch

if TYPE_CHECKING:
    from pytest_llmcontract.core.clock import VirtualClock
    from pytest_llmcontract.core.ledger import Calls
    from pytest_llmcontract.core.rules import Violation
    from pytest_llmcontract.core.workload.budget import Budget
    from pytest_llmcontract.recordings.tape import CassetteTape
    from pytest_llmcontract.report.session import SessionLedger
    from pytest_llmcontract.simulated_provider import SimulatedProvider
    from pytest_llmcontract.simulation import Stage

# Before conftest and application: both may keep a reference to time.sleep.
install_trampoline()

OPTIONS = pytest.StashKey[options.Options]()
APIS = pytest.StashKey["list[SimulatedProvider]"]()
GUARD = pytest.StashKey["Stage"]()
WATCH = pytest.StashKey["Watch"]()
"""What looks at the test."""
BUDGET = pytest.StashKey["tuple[Budget, str] | None"]()
"""The test's budget and where it stands."""
SENT = pytest.StashKey["tuple[int, int, int]"]()
"""How much of what was watched went with the reports of earlier phases."""
PASSED = pytest.StashKey[bool]()
"""Whether the call phase did: what a failing test recorded is not kept."""
SAID = pytest.StashKey["list[str]"]()
"""What changed in the recordings, for the session's summary."""
TOLD = pytest.StashKey["list[Violation]"]()
"""What the phase under way told without failing."""
CARRIED = "llmcontract_warnings"
"""The attribute of a test report that holds them; reports travel with their attributes."""
RECORDED = "llmcontract_recorded"
"""As well, for what changed in the recordings."""
PART = "llmcontract_part"
"""As well, for what the phase did, as JSON for the session's ledger."""


# Session.


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """``llmcontract_dummy_keys``: before any conftest imports an application that builds its client."""
    if early_config.getini("llmcontract_dummy_keys"):
        for provider in options.PROVIDERS:
            for name in key_names(provider):
                os.environ.setdefault(name, DUMMY_KEY)


def pytest_configure(config: pytest.Config) -> None:
    options.add_markers(config)
    config.stash[OPTIONS] = read = options.read_options(config)
    edition = read.edition_flag or read.edition_ini
    for name, value in (
        ("edition", edition),
        ("guard", read.guard != "off"),
        ("retires_within", read.retires_within),
        ("selection", read.selection),
        ("record_flag", read.record_flag),
        ("record_ini", read.record_ini),
        ("source_flag", read.source_flag),
        ("source_ini", read.source_ini),
        ("assumed_output", None),
        ("watch", None),
    ):
        config.add_cleanup(partial(setattr, SESSION, name, getattr(SESSION, name)))
        setattr(SESSION, name, value)
    config.pluginmanager.register(_SessionSummary(_session_ledger(config, read)), "llmcontract-summary")


def _session_ledger(config: pytest.Config, read: options.Options) -> SessionLedger | None:
    """What all tests did, if anybody wants to know; with xdist's controller, which hears of all of them."""
    if not read.collects or hasattr(config, "workerinput"):
        return None
    from pytest_llmcontract.core.errors import BadInput
    from pytest_llmcontract.report.session import SessionLedger

    try:
        return SessionLedger(read.reports, read.budget or {})
    except BadInput as problem:
        raise pytest.UsageError(str(problem)) from None


def pytest_report_header(config: pytest.Config) -> str:
    read = config.stash[OPTIONS]
    day = read.edition_flag or read.edition_ini
    return f"llmcontract: {options.editions_in_force(day)}"


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """A marker named as a fixture asks for it, so that unittest classes and whole modules can."""
    names = getattr(item, "fixturenames", None)
    if names is None:
        return
    for name in ("groq_api", "together_api", "llm_clock", "llm_contract"):
        fixture = "_llm_contract" if name == "llm_contract" else name
        if fixture not in names and item.get_closest_marker(name):
            names.append(fixture)


# Fixtures.


@pytest.fixture
def _llm_stage(request: pytest.FixtureRequest, _llm_tape: CassetteTape | None) -> Iterator[Stage]:
    """What the simulations of a test share; opened as its ``llm_clock`` marker says."""
    from pytest_llmcontract.simulation import clock_settings, staged

    with _clear_errors() as errors:
        given, errors.where = options.marker_settings(request.node, "llm_clock")
        if _llm_tape and _llm_tape.forwards:
            given |= {"mode": "real", "wall": False}  # the provider itself is asked: nobody's wait may be shortened
        staging = staged(clock_settings({**given, **_param(request, "llm_clock")}))
        stage = staging.__enter__()
    stage.play(_llm_tape)
    try:
        yield stage
    finally:
        stage.play(None)
        staging.__exit__(None, None, None)


@pytest.fixture
def _llm_tape(request: pytest.FixtureRequest) -> Iterator[CassetteTape | None]:
    """The recordings of a test marked ``llm_contract``; what it recorded is written when all else is torn down."""
    if not request.node.get_closest_marker("llm_contract"):
        yield None
        return
    from pytest_llmcontract.contracting import TestPlace, close_tape, open_tape

    item, read = request.node, request.config.stash[OPTIONS]
    with _clear_errors() as errors:
        given, errors.where = options.marker_settings(item, "llm_contract")
        # flag > marker > ini > default
        given["record"] = read.record_flag or given.get("record") or read.record_ini
        given["source"] = read.source_flag or given.get("source") or read.source_ini
        name = item.name if item.cls is None else f"{item.cls.__qualname__}.{item.name}"
        tape = open_tape(given, TestPlace(item.path, name, item.nodeid))
    item.stash[PASSED] = False
    yield tape
    with _clear_errors() as errors:
        _say(item, close_tape(tape, passed=item.stash.get(PASSED, False)))


@pytest.fixture
def _llm_contract(request: pytest.FixtureRequest, _llm_stage: Stage) -> None:
    """The marker on its own: whichever of our providers the test calls, its recordings answer."""
    if _llm_stage.providers or {"groq_api", "together_api"} & set(request.fixturenames):
        return
    from pytest_llmcontract.contracting import has_real_key

    live = _llm_stage.tape is not None and _llm_stage.tape.forwards
    # Where the providers themselves are asked, those that there is a key for; the guard stops calls to others.
    asked = list(filter(has_real_key, options.PROVIDERS)) if live else []
    for provider in asked or options.PROVIDERS:
        request.getfixturevalue(f"{provider}_api")


@pytest.fixture
def groq_api(request: pytest.FixtureRequest, _llm_stage: Stage) -> Iterator[SimulatedProvider]:
    """A simulated Groq: calls to its hosts are answered by it while the test runs."""
    yield from _simulated(request, "groq", _llm_stage)


@pytest.fixture
def together_api(request: pytest.FixtureRequest, _llm_stage: Stage) -> Iterator[SimulatedProvider]:
    """A simulated Together AI: calls to its hosts are answered by it while the test runs."""
    yield from _simulated(request, "together", _llm_stage)


@pytest.fixture
def llm_clock(_llm_stage: Stage) -> VirtualClock:
    """The virtual clock that clients and providers share."""
    return _llm_stage.clock


@pytest.fixture
def llm_calls(_llm_stage: Stage) -> Calls:
    """Every call of this test to any simulated provider, in order."""
    from pytest_llmcontract.core.ledger import Calls

    return Calls(_llm_stage.journal)


def _simulated(request: pytest.FixtureRequest, provider: str, stage: Stage) -> Iterator[SimulatedProvider]:
    from pytest_llmcontract.simulation import provider_settings, simulated

    name = f"{provider}_api"
    read = request.config.stash[OPTIONS]
    with _clear_errors() as errors:
        given, errors.where = options.marker_settings(request.node, name)
        merged = {**given, **_param(request, name)}
        # flag > marker > ini > default
        edition = read.edition_flag or merged.get("edition") or read.edition_ini
        settings = provider_settings(provider, {**merged, **({"edition": edition} if edition else {})})
        if stage.tape and stage.tape.forwards:
            from pytest_llmcontract.contracting import require_real_key

            require_real_key(provider)
        simulation = simulated(provider, settings, stage)
        api = simulation.__enter__()
    request.node.stash.setdefault(APIS, []).append(api)
    try:
        yield api
    finally:
        simulation.__exit__(None, None, None)
    _fail_for(request.node, api.findings())


def _param(request: pytest.FixtureRequest, name: str) -> dict[str, Any]:
    """The keywords of ``parametrize(name, [{…}], indirect=True)``."""
    callspec = getattr(request.node, "callspec", None)
    given = callspec.params.get(name) if callspec and name in callspec.indices else None
    if given is None:
        return {}
    if not isinstance(given, dict):
        pytest.fail(f"{name} through indirect=True takes a dict of keywords, not {given!r}", pytrace=False)
    return given


class _clear_errors:  # noqa: N801 - read as a statement
    """Bad input of a person becomes a setup error of one message, with its place, without our frames."""

    where = ""

    def __enter__(self) -> _clear_errors:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        from pytest_llmcontract.core.errors import BadInput

        if isinstance(error, BadInput):
            place = f" ({self.where})" if self.where and self.where not in str(error) else ""
            raise pytest.fail.Exception(f"llmcontract: {error}{place}", pytrace=False) from None


# The verdict.


def _stage_of(item: pytest.Item) -> Stage | None:
    simulation = sys.modules.get("pytest_llmcontract.simulation")
    stage: Stage | None = simulation.current_stage() if simulation else None
    return stage or item.stash.get(GUARD, None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A simulation of wider scope looks at a new test; a typo in a marker shows before it."""
    SESSION.watch = Watch()
    if stage := _stage_of(item):
        stage.begin_test()
        SESSION.watch = stage.watch
    item.stash[WATCH] = SESSION.watch
    item.stash[SENT] = (0, 0, 0)
    with _clear_errors():
        options.allowed_codes(item)
    item.stash[BUDGET] = read = _read_budget(item)
    SESSION.assumed_output = read[0].output if read else None


def _read_budget(item: pytest.Item) -> tuple[Budget, str] | None:
    """The test's budget, from all its ``llm_budget`` markers, and where they stand."""
    if not item.get_closest_marker("llm_budget"):
        return None
    from pytest_llmcontract.core.settings import settings_from
    from pytest_llmcontract.core.workload.budget import Budget

    with _clear_errors() as errors:
        given, errors.where = options.marker_settings(item, "llm_budget")
        return settings_from(Budget, given, "llm_budget"), errors.where


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """``--llmcontract-guard=always``: also a test without a fixture of ours must not reach a provider."""
    if item.config.stash[OPTIONS].guard != "always":
        return (yield)
    from pytest_llmcontract.simulation import guarded

    with guarded() as stage:
        item.stash[GUARD] = stage
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test for what was found, also if the application swallowed every error it met."""
    if stage := _stage_of(item):
        stage.interception.raise_to_top()
    try:
        result = yield
    except BaseException:
        _tell(item, _counted(item, _findings(item, passed=False) + _over_budget(item)))
        if weather := [line for api in item.stash.get(APIS, []) for line in api.weather()]:
            item.add_report_section("call", "llmcontract", "\n".join(weather))
        if stage and stage.journal:
            from pytest_llmcontract.report.calls import listed

            item.add_report_section("call", "llmcontract calls", listed(stage.journal))
        raise
    _fail_for(item, _findings(item, passed=True) + _over_budget(item))
    item.stash[PASSED] = True
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """What a wider simulation meets while a test is torn down is an error of that test."""
    result = yield
    _fail_for(item, _findings(item, passed=False))
    return result


def _findings(item: pytest.Item, *, passed: bool) -> list[Violation]:
    """New findings, as this test counts them; scripts nobody used only if it passed."""
    stage = _stage_of(item)
    found = stage.findings() if stage else []
    if passed:
        found += [finding for api in item.stash.get(APIS, []) for finding in api.unused_scripts()]
        found += stage.tape.unmade() if stage and stage.tape else []
    return found


def _over_budget(item: pytest.Item) -> list[Violation]:
    """What the test used beyond its ``llm_budget``, its fixtures included as far as they were set up for it."""
    watch = item.stash[WATCH]
    if (budget := item.stash[BUDGET]) is None or watch.clock is None:
        return []
    from pytest_llmcontract.core.workload.budget import held

    elapsed, now = watch.clock.elapsed, watch.clock.seconds
    with _clear_errors():
        watch.held = held(
            budget[0], watch.journal, elapsed=elapsed, began=now - elapsed, editions=watch.editions, where=budget[1]
        )
    return [line.finding for line in watch.held if line.finding]


def _fail_for(item: pytest.Item, findings: list[Violation]) -> None:
    __tracebackhide__ = True
    counted = _counted(item, findings)
    errors = [finding for finding in counted if finding.severity == "error"]
    _tell(item, [finding for finding in counted if finding.severity != "error"])
    if errors:
        pytest.fail(_rendered(item, errors), pytrace=False)


def _counted(item: pytest.Item, findings: list[Violation]) -> list[Violation]:
    """Those of *findings* that the session selects, as this test's ``llm_allow`` counts them."""
    if selection := item.config.stash[OPTIONS].selection:
        findings = selection.kept(findings, str(item.path))
    allowed = options.allowed_codes(item) if findings else frozenset()
    counted = [finding.softened("note") if finding.code in allowed else finding for finding in findings]
    if watch := item.stash.get(WATCH, None):
        watch.found += counted
    return counted


def _tell(item: pytest.Item, findings: list[Violation]) -> None:
    """Put findings into a section of the test's report."""
    if findings:
        item.add_report_section("call", "llmcontract", _rendered(item, findings))
        item.stash.setdefault(TOLD, []).extend(findings)


def _say(item: pytest.Item, lines: list[str]) -> None:
    """What changed in the recordings, in the test's report and in the session's summary."""
    if lines:
        item.add_report_section("teardown", "llmcontract recordings", "\n".join(lines))
        item.stash.setdefault(SAID, []).extend(lines)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Warnings and the parts of the ledger travel with the report of their phase to where the session ends."""
    _note_properties(item)
    report = yield
    if told := item.stash.get(TOLD, []):
        from pytest_llmcontract.report.summary import carried

        setattr(report, CARRIED, carried(told))
        item.stash[TOLD] = []
    if said := item.stash.get(SAID, []):
        setattr(report, RECORDED, said)
        item.stash[SAID] = []
    if item.config.stash[OPTIONS].collects and (part := _part(item)):
        setattr(report, PART, part)
    return report


def _note_properties(item: pytest.Item) -> None:
    """Calls, tokens and cost of a test that made any, for JUnit and whoever else reads ``user_properties``."""
    if not (watch := item.stash.get(WATCH, None)) or not watch.journal:
        return
    from pytest_llmcontract.core.ledger import Calls
    from pytest_llmcontract.core.workload.costs import dollars

    calls = Calls(watch.journal)
    values = {"calls": str(len(calls)), "tokens": str(calls.tokens), "cost": dollars(calls.cost)}
    properties = {f"llmcontract.{name}": value for name, value in values.items()}
    item.user_properties[:] = [known for known in item.user_properties if known[0] not in properties]
    item.user_properties.extend(properties.items())


def _part(item: pytest.Item) -> str | None:
    """What the phase did, for the session's ledger."""
    watch, sent = item.stash.get(WATCH, None), item.stash.get(SENT, None)
    if watch is None or sent is None or sent == (seen := (len(watch.journal), len(watch.found), len(watch.held))):
        return None
    from pytest_llmcontract.report.collect import packed

    item.stash[SENT] = seen
    return packed(watch, *sent)


class _SessionSummary:
    """Collects what reports carry; one with xdist's controller, idle in its workers."""

    def __init__(self, ledger: SessionLedger | None) -> None:
        self._ledger = ledger
        self._collected: list[tuple[str, list[str]]] = []
        self._recorded: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._ledger:
            self._ledger.add(report, getattr(report, PART, None))
        self._collected += [(report.nodeid, warning) for warning in getattr(report, CARRIED, ())]
        self._recorded += getattr(report, RECORDED, ())

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Reports are written before the terminal sums up; a session over its budget does not pass."""
        if self._ledger is None:
            return
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        say = reporter.write_line if reporter else print
        self._ledger.finish(say, os.environ)
        if not self._ledger.failed:
            return
        if session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if reporter is None or reporter.no_summary:
            for line in self._ledger.failed:
                say(f"llmcontract: {line}")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        lines = self._ledger.lines() if self._ledger else []
        if self._collected:
            from pytest_llmcontract.report.summary import summary

            lines += [*([""] if lines else []), summary(self._collected)]
        if lines:
            terminalreporter.section("llmcontract")
            for line in lines:
                terminalreporter.write_line(line)
        if self._recorded:
            terminalreporter.section("llmcontract recordings")
            for line in self._recorded:
                terminalreporter.write_line(line)


def _rendered(item: pytest.Item, findings: list[Violation]) -> str:
    from pytest_llmcontract.report.findings import render

    stage = _stage_of(item)
    return render(findings, calls=len(stage.journal) if stage else None)
