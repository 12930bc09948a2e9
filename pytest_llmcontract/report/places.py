"""Where a finding is: its site as a file and a line, for other tools."""

from __future__ import annotations

import re
from pathlib import Path

from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.site import file_of

_LINE = re.compile(r":([0-9]+)(?: in [^/]*)?$")

NOWHERE = "pyproject.toml"
"""Stands for the project, where a finding is about no line: GitHub refuses a report with a result that has no place."""


def place(finding: Violation, root: Path | None = None) -> tuple[str, int]:
    """File and line of *finding*; the file as it is seen from *root* (default: the working directory), with slashes."""
    line = _LINE.search(finding.site)
    if line is None:
        return NOWHERE, 1
    root, file = (root or Path.cwd()).resolve(), Path(file_of(finding.site)).resolve()
    return (file.relative_to(root) if file.is_relative_to(root) else file).as_posix(), max(int(line[1]), 1)
