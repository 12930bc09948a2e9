"""``scan --fix``: ids in the place of which the provider named another are replaced, each file whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import unified_diff
from itertools import groupby
from pathlib import Path

from pytest_llmcontract.scan.scan import Scan
from pytest_llmcontract.scan.sources import Source

Mended = tuple[Path, str, str]
"""A file, its text, and what is to be its text."""


def mended(scan: Scan) -> Iterator[Mended]:
    """The files in which something can be replaced."""
    wanted = [(source, found) for source, found in scan.found if found.replacement and source.encoding == "utf-8"]
    for _, group in groupby(wanted, key=lambda pair: pair[0].path):
        pairs = list(group)
        source = pairs[0][0]
        yield source.path, source.text, _replaced(source, ((f.start, f.end, f.replacement) for _, f in pairs))


def _replaced(source: Source, places: Iterable[tuple[int, int, str]]) -> str:
    text = source.text
    for start, end, replacement in sorted(places, reverse=True):
        text = text[:start] + replacement + text[end:]
    return text


def difference(path: Path, before: str, after: str) -> str:
    """What would change, as ``diff -u`` writes it."""
    name = path.as_posix()
    lines = unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), name, name, n=1)
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
