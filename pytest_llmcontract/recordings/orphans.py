"""Recordings whose test is gone or renamed: nothing replays them, and nobody notices that they age."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.recordings.cassette import Cassette

PATIENCE = 600.0
"""Seconds that pytest may collect for."""


@dataclass(frozen=True)
class Tests:
    """The tests of a project."""

    __test__ = False

    ids: frozenset[str]
    places: frozenset[Path]
    """Where pytest-recording has the cassette of each."""


def collected(arguments: Sequence[str] = ()) -> Tests:
    """The tests that pytest finds from the current folder.

    Args:
        arguments: More of pytest's.

    Raises:
        BadInput: pytest cannot collect them all: what is not collected would be called an orphan.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "collected.json"
        command = [sys.executable, "-m", "pytest", "-p", "pytest_llmcontract.collecting", "--collect-only", "-q"]
        env = {**os.environ, "LLMCONTRACT_COLLECTED": str(file)}
        try:
            done = subprocess.run(
                [*command, *arguments], env=env, capture_output=True, text=True, check=False, timeout=PATIENCE
            )
        except subprocess.TimeoutExpired:
            raise BadInput(f"--orphans: pytest collected for more than {PATIENCE:g} s") from None
        if (
            not file.exists()
            or (said := json.loads(file.read_text("utf-8")))["failed"]
            or done.returncode not in (0, 5)
        ):
            raise BadInput(f"--orphans: pytest cannot collect the tests: {_last_line(done)}; try pytest --collect-only")
    return _tests(said["tests"])


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return lines[-1].strip("= ") if lines else f"exit code {done.returncode}"


def _tests(items: Iterable[dict[str, Any]]) -> Tests:
    items = list(items)
    places = (Path(item["module"]).parent / "cassettes" / Path(item["module"]).stem / item["name"] for item in items)
    return Tests(frozenset(item["id"] for item in items), frozenset(places))


def orphaned(cassettes: Iterable[Cassette], tests: Tests) -> Iterator[Violation]:
    """A finding for each of *cassettes* that no test replays any more."""
    for cassette in cassettes:
        if (test := _missing(cassette, tests)) is not None:
            yield Violation(
                "LLM205",
                f"no test replays it: {test} is gone or renamed",
                site=f"{cassette.path}:1",
                call=0,
                fix="delete it, or rename it as the test is called now",
            )


def _missing(cassette: Cassette, tests: Tests) -> str | None:
    """The test that the cassette was of, where there is no such test; ``None`` where there is, or nothing tells."""
    told = cassette.metadata.test if cassette.metadata else ""
    if told:
        return None if told in tests.ids else told
    path = cassette.path.resolve()
    module = path.parent.parent.parent / f"{path.parent.name}.py"
    if path.parent.parent.name != "cassettes" or path.suffix != ".yaml":
        return None  # a place that somebody chose: vcrpy's default, or a shared one
    expected = {place for place in tests.places if place.parent == path.parent}
    if path.with_suffix("") in {place.resolve() for place in expected}:
        return None
    return f"{path.stem} of {module.name}" if expected or not module.exists() else None
