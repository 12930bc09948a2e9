"""What ``llmcontract verify`` found, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.secrets import scrubbed
from pytest_llmcontract.core.words import counted


def verification_json(checked: int, violations: Iterable[Violation], **apart: int) -> dict[str, Any]:
    """For scripts.

    Args:
        apart: What else there is to count, ``left_out`` or ``older``; told unless it is 0.
    """
    counts = {"checked": checked, **{name: count for name, count in apart.items() if count}}
    return {**counts, "violations": [_as_json(violation) for violation in violations]}


def _as_json(violation: Violation) -> dict[str, Any]:
    return {
        "code": violation.code,
        "file": violation.site.rpartition(":")[0],
        "interaction": violation.call,
        "path": violation.path,
        "message": scrubbed(violation.message),
        "severity": violation.severity,
    }


def verification_text(violations: Sequence[Violation]) -> str:
    """A line for each finding, as compilers write them, and how to fix it below, told once for findings alike."""
    lines, told = [], set()
    for violation in violations:
        word = "" if violation.severity == "error" else f" {violation.severity}:"
        lines.append(f"{violation.site}: {violation.code}{word} {violation.message} (interaction {violation.call})")
        if violation.fix and (violation.code, violation.fix) not in told:
            told.add((violation.code, violation.fix))
            lines.append(f"    How to fix: {violation.fix}")
    return scrubbed("\n".join(lines))


@dataclass(frozen=True)
class Counts:
    """What was read and judged, and what was not."""

    files: int
    checked: int
    elsewhere: int
    older: int
    left_out: Sequence[str]
    """Why each interaction was left out that is not in its recording as a whole."""
    skipped: int
    unread: int
    damaged: int


def totals(counts: Counts, violations: Sequence[Violation]) -> str:
    """``1,943 interactions in 23 files: 310 errors, 22 warnings; 3 files passed over: no cassettes``"""
    found = Counter(violation.severity for violation in violations)
    severities = ", ".join(
        counted(found[severity], severity) for severity in ("error", "warning", "note") if found[severity]
    )
    nothing = "nothing found" if counts.checked or counts.elsewhere else "nothing to judge"
    head = f"{counted(counts.checked, 'interaction')} in {counted(counts.files, 'file')}: {severities or nothing}"
    return "; ".join([head, *_apart(counts)])


def _apart(counts: Counts) -> Iterator[str]:
    if counts.older:
        yield f"{counts.older} of them older than our facts, so that what only the day makes wrong is a warning"
    if counts.elsewhere:
        yield f"{counted(counts.elsewhere, 'interaction')} with other hosts not judged"
    for reason, count in Counter(counts.left_out).most_common():
        yield f"{counted(count, 'interaction')} left out: {reason}"
    if counts.skipped:
        yield f"{counted(counts.skipped, 'file')} passed over: no cassettes"
    if counts.damaged:
        yield f"{counted(counts.damaged, 'interaction')} could not be read"
    if counts.unread:
        yield f"{counted(counts.unread, 'file')} could not be read"
