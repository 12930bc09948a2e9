"""Findings as GitHub annotations: lines of a workflow's output that GitHub shows beside the code.

GitHub shows ten errors and ten warnings of a step, so the gravest come first.
"""

from collections.abc import Iterable
from pathlib import Path

from pytest_llmcontract.core.findings.rules import RULES, Violation
from pytest_llmcontract.core.secrets import scrubbed
from pytest_llmcontract.report.places import place

_LEVELS = {"error": "error", "warning": "warning", "note": "notice"}


def annotations(findings: Iterable[Violation], root: Path | None = None) -> list[str]:
    """A line for each of *findings*; places are seen from *root* (default: the working directory)."""
    gravest_first = sorted(findings, key=lambda finding: list(_LEVELS).index(finding.severity))
    return [_annotation(finding, root) for finding in gravest_first]


def _annotation(finding: Violation, root: Path | None) -> str:
    file, line = place(finding, root)
    title = f"{finding.code} {RULES[finding.code].title}"
    text = f"{finding.message}\nHow to fix: {finding.fix}" if finding.fix else finding.message
    column = f",col={finding.column}" if finding.column else ""
    place_and_title = f"file={_property(file)},line={line}{column},title={_property(title)}"
    return f"::{_LEVELS[finding.severity]} {place_and_title}::{_data(text)}"


def _data(text: str) -> str:
    """As the runner wants it; scrubbed last, so that what it decodes is no sign that a terminal obeys."""
    return scrubbed(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
