"""``llmcontract verify``: cassettes in files and folders, whoever recorded them, held to the contracts of their day.

How one cassette is judged is in :mod:`.judge`.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from os import PathLike
from pathlib import Path

from pytest_llmcontract.core.age import USUAL
from pytest_llmcontract.core.errors import BadInput, unknown
from pytest_llmcontract.core.facts.load import parsed_date
from pytest_llmcontract.core.facts.registry import provider_names
from pytest_llmcontract.core.files import is_there
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.recordings.cassette import Cassette, LeftOut, NoCassette, read_cassette
from pytest_llmcontract.recordings.judge import judge
from pytest_llmcontract.recordings.summary import Summary

SUFFIXES = (".yaml", ".yml", ".json", ".yaml.gz", ".json.gz")

Told = Callable[[int, int], None]
"""Told after each file how many of how many are done."""


def _nobody(done: int, total: int) -> None:
    pass


@dataclass
class Reading:
    """Which of the files given could be read as cassettes."""

    files: int = 0
    skipped: list[Path] = field(default_factory=list)
    """Files in the folders given that are no cassettes."""
    problems: list[str] = field(default_factory=list)
    """Files that should be cassettes and could not be read, and damaged interactions of the others, one line each."""
    unread: int = 0
    """How many of these are files."""
    left_out: list[LeftOut] = field(default_factory=list)
    """Interactions that are not in the recording as a whole, or are damaged."""

    def cassettes(self, paths: Iterable[str | PathLike[str]], progress: Told = _nobody) -> Iterator[Cassette]:
        """Every cassette in *paths*. What is wrong with a file ends up in ``problems``; the others go on.

        Raises:
            BadInput: A path does not exist.
        """
        found = list(cassette_files(paths))
        for done, (path, named) in enumerate(found, 1):
            try:
                cassette = read_cassette(path, whole=False)
            except BadInput as problem:
                if named or _means_to_be_one(path, problem):
                    self.problems.append(str(problem))
                    self.unread += 1
                else:
                    self.skipped.append(path)
            else:
                self.files += 1
                self.left_out += cassette.left_out
                self.problems += [str(one) for one in cassette.left_out if one.damaged]
                yield cassette
            progress(done, len(found))


@dataclass
class Verification(Reading):
    """What came out."""

    checked: int = 0
    """Interactions that were judged."""
    elsewhere: int = 0
    """Interactions with hosts that are no provider's."""
    older: int = 0
    """How many of those that were judged are older than our facts."""
    violations: list[Violation] = field(default_factory=list)
    """``site`` is ``file:line``, ``call`` the interaction, from 0."""

    @property
    def clean(self) -> bool:
        """Nothing that fails: warnings do not."""
        return all(violation.severity != "error" for violation in self.violations)


def verify(
    *paths: str | PathLike[str],
    provider: str | None = None,
    edition: str | date | None = None,
    today: date | None = None,
    expires_after: int = USUAL,
    progress: Told = _nobody,
) -> Verification:
    """Hold the cassettes in *paths*, files and folders, to the contracts of their providers.

    Args:
        provider: Whose the interactions with unknown hosts are: behind a gateway, say. They are judged where their
            address ends like one of the provider's.
        edition: The day whose facts hold (default: that of each recording).
        today: What the age of a recording is counted to.
        expires_after: Days from which a recording is stale.
        progress: Told after each file how many of how many are done.

    Raises:
        BadInput: A path does not exist, or an argument is not known. What is wrong with a file is in ``problems``.
    """
    if provider is not None and provider not in provider_names():
        raise unknown("provider", provider, provider_names())
    day = None if edition is None else parsed_date(edition)
    verification = Verification()
    with _no_collection():
        for cassette in verification.cassettes(paths, progress):
            judged = judge(cassette, provider=provider, edition=day, today=today, expires_after=expires_after)
            verification.checked += judged.checked
            verification.elsewhere += judged.elsewhere
            verification.older += judged.older
            verification.violations += judged.violations
    return verification


def summarise(
    *paths: str | PathLike[str], edition: str | date | None = None, progress: Told = _nobody
) -> tuple[Summary, Reading]:
    """What the cassettes in *paths* show that their application relies on.

    Args:
        edition: The day whose facts they are compared with (default: today).
        progress: Told after each file how many of how many are done.

    Raises:
        BadInput: A path does not exist, or *edition* is no date.
    """
    reading, summary = Reading(), Summary(date.today() if edition is None else parsed_date(edition))
    for cassette in reading.cassettes(paths, progress):
        summary.add(cassette)
    return summary, reading


@contextmanager
def _no_collection() -> Iterator[None]:
    """What a file is read into is large, makes no cycles and is gone before the next one: there is nothing to collect.

    Looking for it all the same would take a fifth of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


# Files


def cassette_files(paths: Iterable[str | PathLike[str]]) -> Iterator[tuple[Path, bool]]:
    """Each file in *paths*, and whether it was named itself; of a folder, what may be a cassette by its name.

    Raises:
        BadInput: There is no such file or folder.
    """
    for path in map(Path, paths):
        if os.path.isdir(path):
            yield from ((file, False) for file in sorted(_files_in(path)))
        elif is_there(path):
            yield path, True
        else:
            raise BadInput(f"{path} does not exist; expected a cassette or a folder with cassettes")


def _files_in(folder: Path) -> list[Path]:
    """What may be a cassette by its name; and the folders that are closed to us, for who reads one is told so."""
    closed: list[OSError] = []
    found: list[Path] = []
    for here, folders, names in os.walk(folder, onerror=closed.append):
        folders[:] = [name for name in folders if not _hidden(name)]
        named = (Path(here, name) for name in names if name.endswith(SUFFIXES) and not _hidden(name))
        found += filter(_is_file, named)
    return found + [Path(error.filename) for error in closed]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError:  # of its folder we see the names only
        return True


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "node_modules"


def _means_to_be_one(path: Path, problem: BadInput) -> bool:
    """Whether a file that nobody named should be read as a cassette, though it cannot.

    Folders hold other files too, and broken ones among them are none of our business.
    """
    if isinstance(problem, NoCassette):
        return False
    try:
        with path.open("rb") as stream:
            return b"interactions" in stream.read(65536)
    except OSError:  # nobody can tell
        return True
