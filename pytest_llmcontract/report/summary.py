"""Warnings of a whole session, each once, at the end of pytest's output. A test that warns does not fail.

Every test report carries its own warnings as plain lists, so that they come home from pytest-xdist's workers too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pytest_llmcontract.core.rules import Violation
from pytest_llmcontract.core.secrets import scrubbed

ATTRIBUTE = "llmcontract_warnings"
"""Of a test report."""


def attach(report: Any, findings: Iterable[Violation]) -> None:
    """Let *report* carry the warnings among *findings*; a report travels with its attributes."""
    warnings = [[found.code, found.message, found.site, found.fix] for found in findings if found.severity == "warning"]
    if warnings:
        setattr(report, ATTRIBUTE, warnings)


@dataclass
class _Warning:
    site: str
    fix: str
    tests: list[str] = field(default_factory=list)


class SessionWarnings:
    """Collects what reports carry, as a plugin of pytest's; one with xdist's controller, idle in its workers."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], _Warning] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        for code, message, site, fix in getattr(report, ATTRIBUTE, ()):
            known = self._found.setdefault((code, message), _Warning(site, fix))
            if report.nodeid not in known.tests[-1:]:
                known.tests.append(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._found:
            terminalreporter.section("llmcontract")
            terminalreporter.write_line(scrubbed("\n\n".join(_block(*item) for item in self._found.items())))


def _block(key: tuple[str, str], warning: _Warning) -> str:
    code, message = key
    more = len(warning.tests) - 1
    others = f" and {more} more {'test' if more == 1 else 'tests'}" if more else ""
    lines = [f"{code} {message}", f"  in        {warning.tests[0]}{others}"]
    if warning.site:
        lines.append(f"  sent by   {warning.site}")
    if warning.fix:
        lines += [f"  {line}" for line in f"How to fix: {warning.fix}".splitlines()]
    return "\n".join(lines)
