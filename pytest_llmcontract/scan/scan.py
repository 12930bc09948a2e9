"""A scan of a source tree: every file read, every rule asked, what is let be taken out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.facts.lifecycle import lifecycle_of
from pytest_llmcontract.core.facts.registry import provider_names
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.findings.selection import Selection
from pytest_llmcontract.scan.judge import Found, Question, judged
from pytest_llmcontract.scan.sources import Source, Unreadable, read
from pytest_llmcontract.scan.suppressed import let_be, unknown_codes
from pytest_llmcontract.scan.tree import files_of


@dataclass
class Scan:
    """What was found."""

    day: date
    files: int = 0
    found: list[tuple[Source, Found]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Files that could not be read, and comments that name rules there are not: a line each."""

    @property
    def violations(self) -> list[Violation]:
        return [found.violation for _, found in self.found]


def scan(
    paths: Sequence[str | Path],
    *,
    day: date,
    within: int = 30,
    selection: Selection | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Scan:
    """Scan the files at *paths*.

    Args:
        day: Which models answer.
        within: Days before its end from which a model is told of.
        progress: Told how many files of how many are done.

    Raises:
        BadInput: There is nothing at a path, or *within* is no number of days from 0.
    """
    if isinstance(within, bool) or not isinstance(within, int) or within < 0:
        raise BadInput(f"--within {within}: accepted is a number of days from 0")
    asked = Question(tuple(map(lifecycle_of, provider_names())), day, timedelta(within))
    result, chosen = Scan(day), selection or Selection()
    files = list(files_of(paths))
    for done, file in enumerate(files):
        progress(done, len(files))
        _scan(file, asked, chosen, result)
    return result


def _scan(file: Path, asked: Question, selection: Selection, result: Scan) -> None:
    try:
        source = read(file)
    except Unreadable as problem:
        result.problems.append(f"{file}: {problem}")
        return
    if source is None:
        return
    result.files += 1
    for found in sorted(judged(source, asked), key=lambda found: (found.start, found.violation.code)):
        line = source.lines[source.place(found.start)[0] - 1]
        if not let_be(line, found.violation.code) and selection.counts(found.violation):
            result.found.append((source, found))
    if "llmcontract:" in source.text:
        result.problems.extend(_wrong_marks(source))


def _wrong_marks(source: Source) -> list[str]:
    wheres = ((f"{source.path.as_posix()}:{number}", line) for number, line in enumerate(source.lines, start=1))
    return [told for where, line in wheres if "llmcontract:" in line and (told := unknown_codes(line, where))]
