"""What ``llmcontract verify`` found, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from pytest_llmcontract.core.rules import Violation
from pytest_llmcontract.core.secrets import scrubbed


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


def totals(files: int, checked: int, elsewhere: int, skipped: int, violations: Sequence[Violation]) -> str:
    """``1,943 interactions in 23 files: 310 errors, 22 warnings; 3 files are no cassettes``"""
    found = Counter(violation.severity for violation in violations)
    counts = ", ".join(
        _counted(found[severity], severity) for severity in ("error", "warning", "note") if found[severity]
    )
    parts = [f"{_counted(checked, 'interaction')} in {_counted(files, 'file')}: {counts or 'nothing found'}"]
    if elsewhere:
        parts.append(f"{_counted(elsewhere, 'interaction')} with other hosts not judged")
    if skipped:
        parts.append(f"{_counted(skipped, 'file')} passed over: no cassettes")
    return "; ".join(parts)


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
