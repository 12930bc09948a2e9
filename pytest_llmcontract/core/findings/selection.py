"""Which findings count: rules that a project selects or ignores, everywhere or on some paths, as linters do it.

An ignored finding is dropped: no test fails for it and no report has it. ``llm_allow`` is the other way to live with
one: there it stays, as a note.

Codes may be cut short: ``LLM1`` means every rule whose code begins so, ``ALL`` every rule. Where one rule is both
selected and ignored, the longer of the two prefixes decides, and of equal ones the ignored. On a path, to ignore
always wins.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pytest_llmcontract.core.errors import BadInput, unknown
from pytest_llmcontract.core.findings.rules import RULES, Violation
from pytest_llmcontract.core.site import file_of

ALL = "ALL"

Codes = tuple[str, ...]
"""Codes and beginnings of codes, each of which means at least one rule."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a project selects and ignores."""

    select: Codes = (ALL,)
    ignore: Codes = ()
    per_path: tuple[tuple[str, Codes], ...] = ()
    """Patterns of paths below ``root``, and what is ignored there."""
    root: str = ""
    """The folder that patterns start from."""

    def kept(self, findings: Iterable[Violation], place: str = "") -> list[Violation]:
        """Those of *findings* that count.

        Args:
            place: The file of the test or recording they came up in. The application's own line is a place too.
        """
        return [finding for finding in findings if self.counts(finding, place)]

    def counts(self, finding: Violation, place: str = "") -> bool:
        if _grip(finding.code, self.select) <= _grip(finding.code, self.ignore):
            return False
        patterns = [pattern for pattern, codes in self.per_path if _grip(finding.code, codes) >= 0]
        places = [self._below_root(path) for path in (place, file_of(finding.site)) if path] if patterns else ()
        return not any(_lies_in(path, pattern) for path in places for pattern in patterns)

    def _below_root(self, path: str) -> str:
        root = os.path.join(os.path.abspath(self.root), "")
        return os.path.abspath(path).removeprefix(root).replace(os.sep, "/")


def read_selection(
    select: str | None, ignore: str | None, ini: Callable[[str], Any], *, root: str = "", flag: str = "--"
) -> Selection:
    """What flags and ini keys say together. A flag goes before its ini key, and ``select`` before both of them.

    Args:
        select: The flag of this name as it was given, ``None`` if it was not; ``ignore`` likewise.
        ini: Gives the value of an ini key, something false where it is not set.
        root: The folder that patterns of paths start from.
        flag: How the flags begin, for messages.

    Raises:
        BadInput: A code means no rule, or a line is no pattern with its codes.
    """

    def of_ini(key: str) -> Codes:
        return read_codes(ini(key) or (), f"{key} (ini)")

    selected = of_ini("llmcontract_select") if select is None else read_codes(select, f"{flag}select")
    if ignore is not None:
        ignored = read_codes(ignore, f"{flag}ignore")
    else:
        ignored = of_ini("llmcontract_ignore") if select is None else ()
    on_paths = "llmcontract_per_path_ignores"
    per_path = read_per_path(ini(on_paths) or (), f"{on_paths} (ini)")
    return Selection(selected or (ALL,), ignored, per_path, root)


def read_codes(text: str | Iterable[str], where: str) -> Codes:
    """Codes as a person writes them: ``LLM1, LLM207``, or a list.

    Args:
        where: What to call the place in a message.

    Raises:
        BadInput: One means no rule.
    """
    parts = [text] if isinstance(text, str) else text
    codes = tuple(code for part in parts for code in re.split(r"[,\s]+", part) if code)
    for code in codes:
        if code != ALL and not (code.startswith("LLM") and any(known.startswith(code) for known in RULES)):
            raise unknown("rule", code, (ALL, *{known[:4] for known in RULES}, *RULES), where=where)
    return codes


def read_per_path(text: str | Iterable[str], where: str) -> tuple[tuple[str, Codes], ...]:
    """Lines such as ``tests/legacy/*: LLM101, LLM108``, in one text or as a list.

    Raises:
        BadInput: A line has another form, or a code means no rule.
    """
    read = []
    for line in text.split("\n") if isinstance(text, str) else text:
        if not line.strip():
            continue
        pattern, colon, codes = (part.strip() for part in line.rpartition(":"))
        if not (colon and pattern and codes):
            raise BadInput(
                f"{where}: {line!r} is not understood; expected PATTERN: CODES, such as tests/legacy/*: LLM101, LLM108"
            )
        read.append((pattern.removeprefix("./").rstrip("/"), read_codes(codes, where)))
    return tuple(read)


def _grip(code: str, prefixes: Codes) -> int:
    """How exactly *prefixes* name *code*: the length of the longest that fits, 0 for ``ALL``, -1 for none."""
    return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=0 if ALL in prefixes else -1)


def _lies_in(path: str, pattern: str) -> bool:
    """A folder means what is below it; a pattern without a slash fits a file of that name in any folder."""
    names = (path, path.rpartition("/")[2])
    return any(fnmatchcase(name, pattern) for name in names) or fnmatchcase(path, f"{pattern}/*")
