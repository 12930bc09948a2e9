"""What is called outside any test: while conftests and test modules are imported, between tests, when a session ends.

No test fails for it, so what it stands in does: the module that is collected, or the session.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llmcontract import options

if TYPE_CHECKING:
    from pytest_llmcontract.core.findings.rules import Violation
    from pytest_llmcontract.core.findings.selection import Selection

_FOUND = "llmcontract_outside"
"""In what a worker of pytest-xdist sends when it ends."""


def guard_session(config: pytest.Config) -> None:
    """Where ``--llmcontract-guard`` says always, from now on; else the guard begins with the first simulation."""
    guard = options.chosen_guard(config)
    if guard.always:
        from pytest_llmcontract.simulation import guard_outside

        guard_outside(guard, config.add_cleanup)


def redirect_session(config: pytest.Config) -> None:
    """Where ``--llmcontract-redirect`` says so, from now on: clients read their environment when they are made.

    Raises:
        pytest.UsageError: What it needs is not installed.
    """
    if options.chosen_redirect(config):
        from pytest_llmcontract.core.errors import BadInput
        from pytest_llmcontract.simulation import begin_redirect

        try:
            begin_redirect(config.add_cleanup)
        except BadInput as problem:
            raise pytest.UsageError(f"--llmcontract-redirect=on: {problem}") from None


class Outside:
    """What the guard stopped outside tests, as a plugin.

    Args:
        selection: Which rules count; ``None``: all.
    """

    def __init__(self, selection: Selection | None) -> None:
        self._selection = selection
        self._found: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        self._found += self._stopped()

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """A module that calls a provider when it is imported is an error of its collection."""
        report = yield
        if stopped := self._stopped():
            text = "\n".join(stopped)
            if report.outcome == "failed":
                report.sections.append(("llmcontract", text))
            else:
                report.outcome, report.longrepr, report.result = "failed", text, []
        return report

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._found += self._stopped()
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[_FOUND] = self._found
        if self._found and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self._found += getattr(node, "workeroutput", {}).get(_FOUND, [])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._found:
            terminalreporter.section("llmcontract: outside any test", red=True)
            for text in dict.fromkeys(self._found):
                terminalreporter.write_line(text)

    def _stopped(self) -> list[str]:
        """The errors among what nobody asked for yet, in words."""
        simulation = sys.modules.get("pytest_llmcontract.simulation")
        found: list[Violation] = simulation.escapes_afterwards() if simulation else []
        if self._selection:
            found = self._selection.kept(found)
        errors = [finding for finding in found if finding.severity == "error"]
        if not errors:
            return []
        from pytest_llmcontract.report.findings import render

        return [render(errors, allow="Or call it in a test or a fixture, where the provider can be simulated")]
