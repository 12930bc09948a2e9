"""Warnings of a whole session, each once, for the end of pytest's output. A test that warns does not fail.

Every test report carries its own warnings as plain lists, so that they come home from pytest-xdist's workers too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.secrets import scrubbed
from pytest_llmcontract.core.words import counted

Carried = list[str]
"""Code, message, site and fix of one warning."""


def carried(findings: Iterable[Violation]) -> list[Carried]:
    """The warnings among *findings*, in a form that travels with a test report."""
    return [
        [scrubbed(text) for text in (found.code, found.message, found.site, found.fix)]
        for found in findings
        if found.severity == "warning"
    ]


@dataclass
class _Warning:
    site: str
    fix: str
    tests: list[str] = field(default_factory=list)


def summary(collected: Iterable[tuple[str, Carried]]) -> str:
    """Each warning of *collected* (node id and warning) once, with the tests it came up in."""
    found: dict[tuple[str, str], _Warning] = {}
    for nodeid, (code, message, site, fix) in collected:
        known = found.setdefault((code, message), _Warning(site, fix))
        if nodeid not in known.tests[-1:]:
            known.tests.append(nodeid)
    return scrubbed("\n\n".join(_block(*item) for item in found.items()))


def _block(key: tuple[str, str], warning: _Warning) -> str:
    code, message = key
    more = len(warning.tests) - 1
    others = f" and {counted(more, 'more test')}" if more else ""
    lines = [f"{code} {message}", f"  in        {warning.tests[0]}{others}"]
    if warning.site:
        lines.append(f"  sent by   {warning.site}")
    if warning.fix:
        lines += [f"  {line}" for line in f"How to fix: {warning.fix}".splitlines()]
    return "\n".join(lines)
