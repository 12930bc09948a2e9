"""What ``llmcontract verify`` found, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.secrets import scrubbed
from pytest_llmcontract.core.words import counted


def verification_json(checked: int, violations: Iterable[Violation]) -> dict[str, Any]:
    return {"checked": checked, "violations": [_as_json(violation) for violation in violations]}


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


def totals(files: int, checked: int, elsewhere: int, skipped: int, unread: int, violations: Sequence[Violation]) -> str:
    """``1,943 interactions in 23 files: 310 errors, 22 warnings; 3 files passed over: no cassettes``"""
    found = Counter(violation.severity for violation in violations)
    counts = ", ".join(
        counted(found[severity], severity) for severity in ("error", "warning", "note") if found[severity]
    )
    nothing = "nothing found" if checked or elsewhere else "nothing to judge"
    parts = [f"{counted(checked, 'interaction')} in {counted(files, 'file')}: {counts or nothing}"]
    if elsewhere:
        parts.append(f"{counted(elsewhere, 'interaction')} with other hosts not judged")
    if skipped:
        parts.append(f"{counted(skipped, 'file')} passed over: no cassettes")
    if unread:
        parts.append(f"{counted(unread, 'file')} could not be read")
    return "; ".join(parts)
