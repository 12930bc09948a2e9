"""Findings: what a rule of ours holds against a call, a recording or a whole test.

Every code is stable and documented (``llmcontract explain LLM101``). A finding is a value; the words for a
person are made from it in ``report/``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from pytest_llmcontract.core.words import in_line

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding."""

    code: str
    title: str
    severity: Severity = "error"
    """How a finding counts unless a test or option says otherwise."""


RULES: dict[str, Rule] = {
    rule.code: rule
    for rule in (
        Rule("LLM101", "unsupported or unknown field"),
        Rule("LLM102", "value outside the contract"),
        Rule("LLM103", "unknown model"),
        Rule("LLM104", "retired model"),
        Rule("LLM105", "wrong path or base URL"),
        Rule("LLM106", "credential missing or misplaced"),
        Rule("LLM107", "too large"),
        Rule("LLM108", "model retires soon", "warning"),
        Rule("LLM109", "a changing prefix defeats the prompt cache", "note"),
        Rule("LLM201", "recorded reply does not fit the schema"),
        Rule("LLM202", "secret in a recording"),
        Rule("LLM203", "stale recording", "warning"),
        Rule("LLM204", "unrecorded call"),
        Rule("LLM205", "recorded call never made", "warning"),
        Rule("LLM206", "request differs from its recording"),
        Rule("LLM207", "scripted answer never used"),
        Rule("LLM208", "the test's own part of a call failed"),
        Rule("LLM301", "retry-after ignored"),
        Rule("LLM302", "retry storm"),
        Rule("LLM303", "no backoff"),
        Rule("LLM304", "retried what must not be"),
        Rule("LLM305", "498 without fallback", "note"),
        Rule("LLM306", "burst above the plan"),
        Rule("LLM307", "retries multiplied by layers"),
        Rule("LLM401", "more calls than budgeted"),
        Rule("LLM402", "more tokens than budgeted"),
        Rule("LLM403", "costs more than budgeted"),
        Rule("LLM404", "larger share of a limit than budgeted"),
        Rule("LLM405", "does not fit the plan"),
        Rule("LLM406", "more retries than budgeted"),
        Rule("LLM407", "takes longer than budgeted"),
        Rule("LLM501", "account cannot pay or is restricted", "note"),
        Rule("LLM502", "tier not in force", "note"),
        Rule("LLM503", "spend limit reached", "note"),
    )
}
"""The rules this version knows, by code."""


ONE_LINE = ("provider", "operation", "path", "sent", "allowed", "contract", "answer", "site")
"""Texts of a finding that are one line."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One finding, of whatever severity. Texts are plain, one line each unless said otherwise; empty: none.

    Whatever a request or a recording put into them, one line they are: see :func:`.words.in_line`.
    """

    code: str
    message: str
    """Stands alone: ``groq chat.completions: $.logprobs is not supported``."""
    severity: Severity = "error"
    provider: str = ""
    operation: str = ""
    path: str = ""
    """JSON path in the request body, ``$.messages[0].role``."""
    sent: str = ""
    allowed: str = ""
    contract: str = ""
    """The schema that says so, ``schemas/groq/chat.completions.request.json#/properties/n``."""
    answer: str = ""
    """What the provider does about it, ``answers 400 bad_request``."""
    fix: str = ""
    """How to fix or allow it; may be several lines."""
    site: str = ""
    """The application's own line."""
    call: int | None = None
    """Index of the call among all of its test, from 0."""
    column: int = 0
    """Of the line that ``site`` ends with, from 1; 0: the line as a whole."""
    difference: str = ""
    """What is not as recorded, place by place; several lines."""
    timeline: str = ""
    """The attempts of a logical call: when, by whom, and what came of each; several lines."""

    def __post_init__(self) -> None:
        for name in ONE_LINE:
            if not (value := getattr(self, name)).isprintable():
                object.__setattr__(self, name, in_line(value))

    @classmethod
    def of(cls, code: str, message: str, **parts: Any) -> Violation:
        """A finding that counts as its rule says, unless *parts* give a severity."""
        return cls(code, message, **{"severity": RULES[code].severity, **parts})

    def softened(self, severity: Severity) -> Violation:
        return replace(self, severity=severity)
