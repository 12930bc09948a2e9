"""The pytest plugin: hooks and fixtures, nothing else. What they do is in modules that know no pytest.

Loading this module imports the standard library and pytest only; a simulation imports the rest when it starts.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Generator, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmcontract import options, outside, process
from pytest_llmcontract.adapters import leftovers
from pytest_llmcontract.adapters.time import install_trampoline
from pytest_llmcontract.core import site as _site  # noqa: F401  notes the folder that pytest was started in
from pytest_llmcontract.core.facts.registry import DUMMY_KEY, key_names, provider_names, title_of
from pytest_llmcontract.failure import caught_by_unittest
from pytest_llmcontract.verdict import (
    BATTERY,
    CARRIED,
    GUARD,
    OPTIONS,
    PART,
    RECORDED,
    clear_errors,
    forget,
    new_verdict,
    verdict_of,
)

if TYPE_CHECKING:
    from pytest_llmcontract.core.clock import VirtualClock
    from pytest_llmcontract.core.ledger import Calls
    from pytest_llmcontract.recordings.tape import CassetteTape
    from pytest_llmcontract.report.session import SessionLedger
    from pytest_llmcontract.simulated_provider import SimulatedProvider
    from pytest_llmcontract.simulation import Stage

# Before conftest and application: both may keep a reference to time.sleep.
install_trampoline()


# Session.


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Before any conftest imports an application: dummies for keys, a guard for always, the way to the redirect."""
    outside.guard_session(early_config)
    outside.redirect_session(early_config)
    if early_config.getini("llmcontract_dummy_keys"):
        for provider in provider_names():
            for name in key_names(provider):
                os.environ.setdefault(name, DUMMY_KEY)


def pytest_configure(config: pytest.Config) -> None:
    options.add_markers(config)
    config.stash[OPTIONS] = read = options.read_options(config)
    restore = process.use_defaults(
        process.Defaults(
            edition=read.edition_flag or read.edition_ini,
            guard=read.guard,
            retires_within=read.retires_within,
            expire_after=read.expire_after,
            on_expiry=read.on_expiry,
            unplayed=read.unplayed,
            selection=read.selection,
            seed=read.seed,
            requests_per_call=read.requests_per_call,
            attempts_per_call=read.attempts_per_call,
            record_flag=read.record_flag,
            record_ini=read.record_ini,
            source_flag=read.source_flag,
            source_ini=read.source_ini,
        )
    )
    config.add_cleanup(restore)
    outside.guard_session(config)
    outside.redirect_session(config)
    config.pluginmanager.register(outside.Outside(read.selection), "llmcontract-outside")
    options.lay_facts_over(config)
    config.pluginmanager.register(_provider_fixtures(), "llmcontract-providers")
    config.pluginmanager.register(_SessionSummary(_session_ledger(config, read)), "llmcontract-summary")


def _session_ledger(config: pytest.Config, read: options.Options) -> SessionLedger | None:
    """What all tests did, if anybody wants to know; with xdist's controller, which hears of all of them.

    A session that only collects would replace good reports with empty ones.
    """
    if not read.collects or config.option.collectonly or hasattr(config, "workerinput"):
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
    for name in (*options.provider_markers(), "llm_clock", "llm_contract"):
        fixture = "_llm_contract" if name == "llm_contract" else name
        if fixture not in names and item.get_closest_marker(name):
            names.append(fixture)


@pytest.hookimpl
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Asynchronous tests of a ``ClientContract`` that no plugin for event loops runs: they have one of their own."""
    if not hasattr(pyfuncitem.function, "llm_behaviour") or not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    import asyncio

    __tracebackhide__ = True
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}))
    return True


# Fixtures.


@pytest.fixture
def _llm_stage(request: pytest.FixtureRequest, _llm_tape: CassetteTape | None) -> Iterator[Stage]:
    """What the simulations of a test share; opened as its ``llm_clock`` marker says."""
    from pytest_llmcontract.simulation import clock_settings, staged

    with clear_errors() as errors:
        given, errors.where = options.marker_settings(request.node, "llm_clock")
        if _llm_tape and _llm_tape.forwards:
            given |= {"mode": "real", "wall": False}  # the provider itself is asked: nobody's wait may be shortened
        staging = staged(clock_settings({**given, **_param(request, "llm_clock")}))
        stage = staging.__enter__()
    try:
        stage.world.play(_llm_tape)
        yield stage
    finally:
        stage.world.play(None)
        staging.__exit__(None, None, None)


@pytest.fixture
def _llm_tape(request: pytest.FixtureRequest) -> Iterator[CassetteTape | None]:
    """The recordings of a test marked ``llm_contract``; what it recorded is written when all else is torn down."""
    if not request.node.get_closest_marker("llm_contract"):
        yield None
        return
    from pytest_llmcontract.contracting import TestPlace, close_tape, open_tape

    item, read = request.node, request.config.stash[OPTIONS]
    with clear_errors() as errors:
        given, errors.where = options.marker_settings(item, "llm_contract")
        # flag > marker > ini > default
        given["record"] = read.record_flag or given.get("record") or read.record_ini
        given["source"] = read.source_flag or given.get("source") or read.source_ini
        name = item.name if item.cls is None else f"{item.cls.__qualname__}.{item.name}"
        tape = open_tape(given, TestPlace(item.path, name, item.nodeid))
    yield tape
    verdict = verdict_of(item)
    with clear_errors():
        verdict.say(close_tape(tape, passed=verdict.passed))


@pytest.fixture
def _llm_contract(request: pytest.FixtureRequest, _llm_stage: Stage) -> None:
    """The marker on its own: whichever of our providers the test calls, its recordings answer."""
    if _llm_stage.providers or set(options.provider_markers()) & set(request.fixturenames):
        return
    from pytest_llmcontract.contracting import has_real_key

    live = _llm_stage.world.tape is not None and _llm_stage.world.tape.forwards
    # Where the providers themselves are asked, those that there is a key for; the guard stops calls to others.
    asked = list(filter(has_real_key, provider_names())) if live else []
    for provider in asked or provider_names():
        request.getfixturevalue(f"{provider}_api")


@pytest.fixture
def llm_clock(_llm_stage: Stage) -> VirtualClock:
    """The virtual clock that clients and providers share."""
    return _llm_stage.world.clock


@pytest.fixture
def llm_calls(_llm_stage: Stage) -> Calls:
    """Every call of this test to any simulated provider, in order."""
    from pytest_llmcontract.core.ledger import Calls

    return Calls(_llm_stage.world.journal.calls)


def _provider_fixtures() -> ModuleType:
    """``groq_api``, ``together_api`` and so on: a fixture for every provider that is registered, as a plugin."""
    plugin = ModuleType("llmcontract_providers")
    for name, provider in options.provider_markers().items():
        setattr(plugin, name, _provider_fixture(name, provider))
    return plugin


def _provider_fixture(name: str, provider: str) -> object:
    def simulation(request: pytest.FixtureRequest, _llm_stage: Stage) -> Iterator[SimulatedProvider]:
        yield from _simulated(request, provider, _llm_stage)

    simulation.__doc__ = f"A simulated {title_of(provider)}: calls to its hosts are answered by it while the test runs."
    return pytest.fixture(name=name)(simulation)


def _simulated(request: pytest.FixtureRequest, provider: str, stage: Stage) -> Iterator[SimulatedProvider]:
    from pytest_llmcontract.core.asked import provider_settings
    from pytest_llmcontract.simulation import simulated

    name = f"{provider}_api"
    read = request.config.stash[OPTIONS]
    with clear_errors() as errors:
        given, errors.where = options.marker_settings(request.node, name)
        merged = {**given, **_param(request, name)}
        # flag > marker > ini > default
        edition = read.edition_flag or merged.get("edition") or read.edition_ini
        settings = provider_settings(provider, {**merged, **({"edition": edition} if edition else {})})
        if stage.world.tape and stage.world.tape.forwards:
            from pytest_llmcontract.contracting import require_real_key

            require_real_key(provider)
        simulation = simulated(provider, settings, stage)
        api = simulation.__enter__()
    verdict = verdict_of(request.node)
    verdict.apis.append(api)
    try:
        yield api
    finally:
        simulation.__exit__(None, None, None)
    verdict.fail_for(api.findings())


def _param(request: pytest.FixtureRequest, name: str) -> dict[str, Any]:
    """The keywords of ``parametrize(name, [{…}], indirect=True)``."""
    callspec = getattr(request.node, "callspec", None)
    given = callspec.params.get(name) if callspec and name in callspec.indices else None
    if given is None:
        return {}
    if not isinstance(given, dict):
        pytest.fail(f"{name} through indirect=True takes a dict of keywords, not {given!r}", pytrace=False)
    return given


# The phases of a test.


def pytest_runtest_setup(item: pytest.Item) -> None:
    new_verdict(item).begin()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """``--llmcontract-guard=always``: also a test without a fixture of ours must not reach a provider."""
    try:
        if not item.config.stash[OPTIONS].guard.always:
            return (yield)
        from pytest_llmcontract.simulation import guarded

        with guarded() as stage:
            item.stash[GUARD] = stage
            return (yield)
    except (KeyboardInterrupt, pytest.exit.Exception):  # pytest makes no report of the phase
        if summary := item.config.pluginmanager.get_plugin("llmcontract-summary"):
            summary.interrupted(item)
        raise
    finally:
        forget(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """The verdict falls in the call phase: a test that fails is no error of its teardown."""
    verdict = verdict_of(item)
    if stage := verdict.stage:
        stage.interception.raise_to_top()
    scope = leftovers.begin(item.nodeid)
    try:
        result = yield
    except BaseException as error:
        verdict.call_failed(error)
        raise
    finally:
        scope.end()
    if caught := caught_by_unittest(item):
        verdict.call_failed(caught[0].value)
    else:
        verdict.call_passed()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
    verdict_of(item).torn_down()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    verdict = verdict_of(item)
    verdict.note_properties()
    verdict.look_at(call)
    report = yield
    verdict.say_first(report)
    verdict.send_with(report)
    return report


# The end of a session.


class _SessionSummary:
    """Collects what reports carry; one with xdist's controller, idle in its workers."""

    def __init__(self, ledger: SessionLedger | None) -> None:
        self._ledger = ledger
        self._collected: list[tuple[str, list[str]]] = []
        self._recorded: list[str] = []
        self._judged: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._ledger:
            self._ledger.add(report, getattr(report, PART, None))
        self._collected += [(report.nodeid, warning) for warning in getattr(report, CARRIED, ())]
        self._recorded += getattr(report, RECORDED, ())
        self._judged += getattr(report, BATTERY, ())

    def interrupted(self, item: pytest.Item) -> None:
        """What *item* did until Ctrl-C."""
        if self._ledger:
            self._ledger.interrupted(item.nodeid, verdict_of(item).unsent())

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
            from pytest_llmcontract.report.warnings import summary

            lines += [*([""] if lines else []), summary(self._collected)]
        if lines:
            terminalreporter.section("llmcontract")
            for line in lines:
                terminalreporter.write_line(line)
        if self._judged:
            from pytest_llmcontract.report.battery import table

            terminalreporter.section("llmcontract battery")
            for line in table(self._judged, briefly=terminalreporter.config.option.verbose < 0):
                terminalreporter.write_line(line)
        if self._recorded:
            terminalreporter.section("llmcontract recordings")
            for line in self._recorded:
                terminalreporter.write_line(line)
