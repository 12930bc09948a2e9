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
from pytest_llmcontract.core.session import SESSION

if TYPE_CHECKING:
    from pytest_llmcontract.core.clock import VirtualClock
    from pytest_llmcontract.core.ledger import Calls
    from pytest_llmcontract.core.rules import Violation
    from pytest_llmcontract.simulated_provider import SimulatedProvider
    from pytest_llmcontract.simulation import Stage

# Before conftest and application: both may keep a reference to time.sleep.
install_trampoline()

OPTIONS = pytest.StashKey[options.Options]()
APIS = pytest.StashKey["list[SimulatedProvider]"]()
GUARD = pytest.StashKey["Stage"]()
TOLD = pytest.StashKey["list[Violation]"]()
"""What the phase under way told without failing."""
CARRIED = "llmcontract_warnings"
"""The attribute of a test report that holds them; reports travel with their attributes."""


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
    ):
        config.add_cleanup(partial(setattr, SESSION, name, getattr(SESSION, name)))
        setattr(SESSION, name, value)
    config.pluginmanager.register(_SessionWarnings(), "llmcontract-warnings")


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
    for name in ("groq_api", "together_api", "llm_clock"):
        if name not in names and item.get_closest_marker(name):
            names.append(name)


# Fixtures.


@pytest.fixture
def _llm_stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """What the simulations of a test share; opened as its ``llm_clock`` marker says."""
    from pytest_llmcontract.simulation import clock_settings, staged

    with _clear_errors() as errors:
        given, errors.where = options.marker_settings(request.node, "llm_clock")
        staging = staged(clock_settings({**given, **_param(request, "llm_clock")}))
        stage = staging.__enter__()
    try:
        yield stage
    finally:
        staging.__exit__(None, None, None)


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
    """A simulation of wider scope looks at a new test; a typo in ``llm_allow`` shows before it."""
    with _clear_errors():
        options.allowed_codes(item)
    if stage := _stage_of(item):
        stage.begin_test()


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
        _tell(item, _counted(item, _findings(item, passed=False)))
        if weather := [line for api in item.stash.get(APIS, []) for line in api.weather()]:
            item.add_report_section("call", "llmcontract", "\n".join(weather))
        if stage and stage.journal:
            from pytest_llmcontract.report.calls import listed

            item.add_report_section("call", "llmcontract calls", listed(stage.journal))
        raise
    _fail_for(item, _findings(item, passed=True))
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
    return found


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
    return [finding.softened("note") if finding.code in allowed else finding for finding in findings]


def _tell(item: pytest.Item, findings: list[Violation]) -> None:
    """Put findings into a section of the test's report."""
    if findings:
        item.add_report_section("call", "llmcontract", _rendered(item, findings))
        item.stash.setdefault(TOLD, []).extend(findings)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Warnings travel with the report of their phase to the session's summary."""
    report = yield
    if told := item.stash.get(TOLD, []):
        from pytest_llmcontract.report.summary import carried

        setattr(report, CARRIED, carried(told))
        item.stash[TOLD] = []
    return report


class _SessionWarnings:
    """Collects what reports carry; one with xdist's controller, idle in its workers."""

    def __init__(self) -> None:
        self._collected: list[tuple[str, list[str]]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._collected += [(report.nodeid, warning) for warning in getattr(report, CARRIED, ())]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._collected:
            from pytest_llmcontract.report.summary import summary

            terminalreporter.section("llmcontract")
            terminalreporter.write_line(summary(self._collected))


def _rendered(item: pytest.Item, findings: list[Violation]) -> str:
    from pytest_llmcontract.report.findings import render

    stage = _stage_of(item)
    return render(findings, calls=len(stage.journal) if stage else None)
