"""``llmcontract: ignore[LLM104]`` in a comment of the line: the finding is let be. Without codes every finding is."""

from __future__ import annotations

import re

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.findings.selection import Codes, read_codes

_MARK = re.compile(r"llmcontract:\s*ignore(?:\[(?P<codes>[^\]\n]*)\])?", re.IGNORECASE)


def let_be(line: str, code: str) -> bool:
    """Whether *line* says that a finding of this code is to be let be."""
    return any(code.startswith(tuple(codes)) for codes in _codes(line))


def unknown_codes(line: str, where: str) -> str:
    """What is wrong with the codes that *line* names, for a person; empty if nothing is."""
    for mark in _MARK.finditer(line):
        try:
            read_codes(mark["codes"] or "LLM", where)
        except BadInput as problem:
            return str(problem)
    return ""


def _codes(line: str) -> list[Codes]:
    marks = (mark["codes"] for mark in _MARK.finditer(line))
    return [tuple(re.split(r"[,\s]+", codes.strip())) if codes and codes.strip() else ("LLM",) for codes in marks]
