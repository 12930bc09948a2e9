"""What ``llmcontract scan`` found, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.secrets import scrubbed
from pytest_llmcontract.core.words import counted


def scan_text(violations: Sequence[Violation]) -> str:
    """A line for each finding, as compilers write them, and what to do about it below, told once for findings alike."""
    lines, told = [], set()
    for violation in violations:
        word = "" if violation.severity == "error" else f" {violation.severity}:"
        answer = f"; the API {violation.answer}" if violation.answer else ""
        lines.append(f"{violation.site}:{violation.column}: {violation.code}{word} {violation.message}{answer}")
        if violation.fix and (violation.code, violation.fix) not in told:
            told.add((violation.code, violation.fix))
            lines.append(f"    How to fix: {violation.fix}")
    return scrubbed("\n".join(lines))


def scan_totals(files: int, violations: Sequence[Violation], day: date, editions: Mapping[str, date]) -> str:
    """``214 files, 2026-11-28: 3 errors, 1 warning (facts: groq 2026-10-01, together 2026-10-07)``"""
    found = Counter(violation.severity for violation in violations)
    severities = ", ".join(
        counted(found[severity], severity) for severity in ("error", "warning", "note") if found[severity]
    )
    facts = ", ".join(f"{provider} {edition}" for provider, edition in editions.items())
    return f"{counted(files, 'file')}, {day}: {severities or 'nothing found'} (facts: {facts})"


def scan_json(files: int, violations: Sequence[Violation], day: date, editions: Mapping[str, date]) -> dict[str, Any]:
    """For scripts."""
    return {
        "files": files,
        "today": str(day),
        "editions": {provider: str(edition) for provider, edition in editions.items()},
        "violations": [_as_json(violation) for violation in violations],
    }


def _as_json(violation: Violation) -> dict[str, Any]:
    file, _, line = violation.site.rpartition(":")
    return {
        "code": violation.code,
        "severity": violation.severity,
        "file": file,
        "line": int(line),
        "column": violation.column,
        "provider": violation.provider,
        "sent": scrubbed(violation.sent),
        "allowed": violation.allowed,
        "answer": violation.answer,
        "message": scrubbed(violation.message),
        "fix": violation.fix,
    }
