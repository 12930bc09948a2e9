"""Findings as text for a person: the first line stands alone, the rest says where, what is allowed, how to fix it."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.secrets import excerpt, scrubbed

_LABELS = (
    ("sent", "sent"),
    ("allowed", "allowed"),
    ("contract", "contract"),
    ("sent by", "site"),
    ("provider", "answer"),
)
_OF_RECORDINGS = ("LLM201", "LLM202", "LLM203")
"""Codes whose place is a line of a cassette, not of the application."""
ALLOW_IN_TEST = 'Allow it in this test: @pytest.mark.llm_allow("{code}")'
_SCHEMAS = "schemas/"
"""What the place of a contract begins with, if it is a schema."""
_LONGEST = 200
"""Characters of a value."""
_SEVERITY_ORDER = {"error": 0, "warning": 1, "note": 2}


def render(findings: Sequence[Violation], calls: int | None = None, *, allow: str = ALLOW_IN_TEST) -> str:
    """All *findings*, the gravest first; equal ones once, with how often they came.

    Args:
        calls: How many calls there were, to say ``call 2 of 3``.
        allow: How an error can be allowed where it was found, with a place for its code.
    """
    ordered = sorted(findings, key=lambda finding: _SEVERITY_ORDER[finding.severity])
    groups: dict[tuple[str, str], list[Violation]] = {}
    for finding in ordered:
        groups.setdefault((finding.code, finding.message), []).append(finding)
    return scrubbed("\n\n".join(_block(group, calls, allow) for group in groups.values()))


def _block(group: Sequence[Violation], calls: int | None, allow: str) -> str:
    finding = group[0]
    lines = [f"{finding.code} {finding.message}{_which(group, calls)}"]
    values = ((_label(finding, label), getattr(finding, name)) for label, name in _LABELS)
    parts = [(label, value) for label, value in values if value not in ("", "nothing")]
    if parts:
        lines.append("")
        lines += [f"  {label:<10}{excerpt(' '.join(value.split()), _LONGEST)}" for label, value in parts]
    for text in (finding.difference, finding.timeline, _fix(finding, allow)):
        if text:
            lines.append("")
            lines += [f"  {line}" if line else "" for line in text.splitlines()]
    return "\n".join(lines)


def _label(finding: Violation, label: str) -> str:
    return "found in" if label == "sent by" and finding.code in _OF_RECORDINGS else label


def _which(group: Sequence[Violation], calls: int | None) -> str:
    # A budget's own message says which call was too much.
    of_calls = not group[0].code.startswith("LLM4")
    numbers = [finding.call + 1 for finding in group if of_calls and finding.call is not None]
    if not numbers:
        return f" ({len(group)} times)" if len(group) > 1 else ""
    total = f" of {calls}" if calls and calls > 1 else ""
    if len(numbers) == 1:
        return f" (call {numbers[0]}{total})" if total else ""
    shown = ", ".join(map(str, numbers[:5])) + (", …" if len(numbers) > 5 else "")
    return f" (calls {shown}{total})"


def _fix(finding: Violation, allow: str) -> str:
    lines = [f"How to fix: {finding.fix}"] if finding.fix else []
    if finding.severity == "error":
        lines.append(allow.format(code=finding.code))
    else:
        lines.append(f"This is a {finding.severity}: it fails no test")
    lines.append(f"More about it: llmcontract explain {finding.code}")
    if finding.contract.startswith(_SCHEMAS):
        lines.append(f"               {schema_command(finding.contract)}")
    return "\n".join(lines)


def schema_command(contract: str) -> str:
    """The command that prints what *contract* points at, such as ``schemas/groq/error.json#/properties/error``."""
    import shlex

    file, _, pointer = contract.removeprefix(_SCHEMAS).partition("#")
    provider, _, name = file.removesuffix(".json").partition("/")
    return f"llmcontract schema {provider} {shlex.quote(f'{name}#{pointer}') if pointer else name}"
