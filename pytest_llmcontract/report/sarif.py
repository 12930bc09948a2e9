"""Findings as SARIF 2.1.0, the form in which GitHub's code scanning and editors take what analysers find.

GitHub wants of it: places relative to the repository, a level, the rules with their help. Which finding is still the
same one after lines have moved, GitHub works out from the file itself (``primaryLocationLineHash``, added by its upload
action); for others there is a fingerprint of ours, of all that a finding says but its line.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pytest_llmcontract import __version__
from pytest_llmcontract.core.facts.places import find_rule_pages
from pytest_llmcontract.core.findings.rules import RULES, Violation
from pytest_llmcontract.core.secrets import scrubbed
from pytest_llmcontract.report.places import place

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif_log(findings: Iterable[Violation], root: Path | None = None) -> dict[str, Any]:
    """The SARIF log of *findings*; places are seen from *root* (default: the working directory)."""
    findings = list(findings)
    codes = sorted({finding.code for finding in findings})
    seen: Counter[str] = Counter()
    driver = {"name": "pytest-llmcontract", "version": __version__, "rules": [_rule(code) for code in codes]}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, codes.index(finding.code), root, seen) for finding in findings],
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    rule = RULES[code]
    described: dict[str, Any] = {
        "id": code,
        "name": rule.title.title().replace(" ", "").replace("`", ""),
        "shortDescription": {"text": rule.title},
        "defaultConfiguration": {"level": rule.severity},
    }
    page = find_rule_pages() / f"{code}.md"
    text = page.read_text(encoding="utf-8") if page.exists() else f"llmcontract explain {code}"
    _, _, finds = text.partition("## What it finds\n\n")
    described["fullDescription"] = {"text": finds.partition("\n\n")[0] or rule.title}
    return described | {"help": {"text": text, "markdown": text}}


def _result(finding: Violation, rule: int, root: Path | None, seen: Counter[str]) -> dict[str, Any]:
    file, line = place(finding, root)
    region = {"startLine": line} | ({"startColumn": finding.column} if finding.column else {})
    said = hashlib.sha256("\0".join((finding.code, file, finding.message, finding.path)).encode()).hexdigest()[:32]
    seen[said] += 1
    return {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": finding.severity,
        "message": {"text": scrubbed(_text(finding))},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(file)}, "region": region}}],
        "partialFingerprints": {"llmcontract/v1": f"{said}:{seen[said]}"},
    }


def _text(finding: Violation) -> str:
    """The message, and below it what helps; viewers show the first sentence alone where there is little room."""
    parts = (
        ("sent", finding.sent),
        ("allowed", finding.allowed),
        ("provider", finding.answer),
        ("How to fix", finding.fix),
    )
    return "\n".join([f"{finding.message}.", *(f"{label}: {value}" for label, value in parts if value)])


def _uri(file: str) -> str:
    return Path(file).as_uri() if Path(file).is_absolute() else quote(file)
