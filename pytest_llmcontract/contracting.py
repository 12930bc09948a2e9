"""What ``llm_contract`` does, without pytest: where a test's cassette is, what it is opened with, how it is closed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from shlex import quote
from typing import Any, cast, get_args

from pytest_llmcontract.core.age import USUAL
from pytest_llmcontract.core.errors import BadInput, unknown
from pytest_llmcontract.core.facts.registry import DUMMY_KEY, key_names
from pytest_llmcontract.core.files import is_there
from pytest_llmcontract.core.findings.rules import Severity, Violation
from pytest_llmcontract.core.secrets import without_secrets
from pytest_llmcontract.core.settings import settings_from
from pytest_llmcontract.core.words import counted, visible
from pytest_llmcontract.process import defaults
from pytest_llmcontract.recordings import library
from pytest_llmcontract.recordings.cassette import Cassette, read_cassette
from pytest_llmcontract.recordings.judge import judge
from pytest_llmcontract.recordings.match import Normalise, Tolerance
from pytest_llmcontract.recordings.tape import CassetteTape, Mode, Raw, Source
from pytest_llmcontract.recordings.write import locked, read_raw, write_recordings

_ON_LOAD = ("LLM201", "LLM202", "LLM203")
"""What a recording is judged for when it is read; requests are judged as they are made."""

_NOT_IN_NAMES = re.compile(r"""[<>?%*:|"'/\\\x00-\x1f]""")
"""Signs of a test's name that some file system refuses."""
_LONGEST_NAME = 200
"""Bytes of a file name; file systems take 255, with the suffix and what a temporary file adds."""


@dataclass(frozen=True, kw_only=True)
class ContractSettings:
    """What ``llm_contract`` takes."""

    path: str | Path | None = None
    """The cassette, from the folder of the test module; default ``cassettes/<module>/<test>.llm.yaml``.

    ``library:groq/over_capacity`` is one that comes with this package (:mod:`.recordings.library`).
    """
    record: Mode | None = None
    """What may be recorded; default ``none``."""
    source: Source | None = None
    """Who answers what is recorded; default ``simulator``."""
    ignore: Iterable[str] = ()
    """Fields that are not compared, by name or path: ``"seed"``, ``"$.messages[*].content"``."""
    normalise: Normalise | None = None
    """Regular expression -> replacement in every text that is compared; or a function of the body."""
    repeats: bool = False
    """Whether the last of equal recordings answers again and again."""

    def __post_init__(self) -> None:
        if self.path is not None and not isinstance(self.path, str | Path):
            raise BadInput(f"path of llm_contract is {self.path!r}; accepted is the path of a cassette")
        for name, accepted in (("record", get_args(Mode)), ("source", get_args(Source))):
            value = getattr(self, name)
            if value is not None and value not in accepted:
                raise unknown(f"{name} of llm_contract", value, accepted)
        if not isinstance(self.repeats, bool):
            raise BadInput(f"repeats of llm_contract is {self.repeats!r}; accepted is True or False")


@dataclass(frozen=True)
class TestPlace:
    """Where a test stands, for its cassette's name."""

    __test__ = False  # pytest would take it for a test

    module: Path
    name: str
    """With its classes and parameters, ``TestAgent.test_answer[short]``."""
    nodeid: str

    @property
    def cassette(self) -> Path:
        """pytest-recording's place and name, with a suffix of our own for tests that have both.

        Where the file cannot have the test's name, or must not since a parameter is a key, a number tells
        ``test_x[a/b]`` from ``test_x[a-b]``.
        """
        name = _NOT_IN_NAMES.sub("-", visible(without_secrets(self.name)))
        name = name.encode()[:_LONGEST_NAME].decode(errors="ignore")
        if name != self.name:
            name += f"-{sha256(self.name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"
        return self.module.parent / "cassettes" / self.module.stem / f"{name}.llm.yaml"


def open_tape(given: Mapping[str, Any], place: TestPlace) -> CassetteTape:
    """The recordings of a test, read.

    Args:
        given: The keywords of the marker.

    Raises:
        BadInput: One is not known or its value not accepted, or the cassette cannot be read.
    """
    settings = settings_from(ContractSettings, given, "llm_contract")
    if isinstance(settings.path, str) and settings.path.startswith(library.PREFIX):
        return _library_tape(settings.path, place)
    shared = settings.path is not None
    path = place.module.parent / settings.path if settings.path is not None else place.cassette
    settings = _renewed(settings, path)
    mode: Mode = settings.record or "none"
    raw: Raw = {}
    with locked(path) if mode != "none" else nullcontext():
        cassette = read_cassette(path) if is_there(path) else None
        if cassette is not None and (shared or mode in ("new_episodes", "all")):
            raw = read_raw(path)
    tape = CassetteTape(
        path,
        cassette,
        mode=mode,
        source=settings.source or "simulator",
        tolerance=Tolerance(settings.ignore, settings.normalise),
        repeats=settings.repeats,
        raw=raw.get("interactions", ()),
        shared=shared,
        test=without_secrets(place.nodeid),
        shown=shown(path),
        how=_how(place, live=_was_live(cassette) and settings.source != "live"),
        unplayed=cast("Severity", defaults().unplayed),
    )
    if cassette is not None and mode != "all":
        tape.found([_on_load(found) for found in _judged(cassette, path) if found.code in _ON_LOAD])
    return tape


def _on_load(found: Violation) -> Violation:
    """What is wrong with a recording is of no call; that it is stale is as grave as the project has it."""
    fails = found.code == "LLM203" and defaults().on_expiry != "warn"
    return replace(found, call=None, severity="error" if fails else found.severity)


def _renewed(settings: ContractSettings, path: Path) -> ContractSettings:
    """``on_expiry = rerecord``: a stale recording is made anew, by whoever answered it then.

    Where that was the provider and there is no key of it, nothing can be: the test fails for it, as with ``fail``.
    """
    if defaults().on_expiry != "rerecord" or settings.record not in (None, "none", "once") or not is_there(path):
        return settings
    cassette = read_cassette(path)
    if all(found.code != "LLM203" for found in _judged(cassette, path)):
        return settings
    live = _was_live(cassette)
    if live and not any(has_real_key(name) for name in _providers_of(cassette)):
        return settings
    return replace(settings, record="all", source="live" if live else "simulator")


def _providers_of(cassette: Cassette) -> tuple[str, ...]:
    return cassette.metadata.provider if cassette.metadata else ()


def _how(place: TestPlace, *, live: bool) -> str:
    """What records the test; *live* if it has to be said, lest simulated answers take the place of real ones."""
    if place.nodeid:
        test = quote(without_secrets(place.nodeid)).replace("{", "{{").replace("}", "}}")
        return f"pytest --llmcontract-record={{mode}}{' --llmcontract-source=live' * live} {test}"
    return "record={mode}" + ", source=live" * live


def _was_live(cassette: Cassette | None) -> bool:
    return cassette is not None and cassette.metadata is not None and cassette.metadata.source == "live"


def _library_tape(name: str, place: TestPlace) -> CassetteTape:
    """A behaviour of the library: it answers every call of its operation, however often, and is never recorded over."""
    path = library.find(name)
    cassette = read_cassette(path)
    return CassetteTape(
        path,
        cassette,
        mode="none",
        source="simulator",
        tolerance=Tolerance(normalise=library.what_counts(cassette)),
        repeats=True,
        test=place.nodeid,
        shown=name,
        how="(none of the library is: choose the behaviour that fits there, or record a cassette of your own)",
    )


def open_contract(given: str | Path | Mapping[str, Any]) -> CassetteTape:
    """The recordings of a ``simulate(contract=…)``: a path from the current folder, or the marker's keywords.

    Raises:
        BadInput: As :func:`open_tape`.
    """
    keywords: dict[str, Any] = dict(given) if isinstance(given, Mapping) else {"path": given}
    if keywords.get("path") is None:
        raise BadInput("simulate(contract=…) needs the path of a cassette, alone or as {'path': …}")
    # flag > keyword > ini > default
    usual = defaults()
    keywords["record"] = usual.record_flag or keywords.get("record") or usual.record_ini
    keywords["source"] = usual.source_flag or keywords.get("source") or usual.source_ini
    return open_tape(keywords, TestPlace(Path.cwd() / "-", "", ""))


def close_tape(tape: CassetteTape, *, passed: bool) -> list[str]:
    """Write what was recorded; a line for each thing that changed.

    A contract is what a passing test relies on: what a failing one recorded is half a conversation, perhaps, and would
    answer the next run.
    """
    if passed:
        return write_recordings(tape)
    if not tape.taken:
        return []
    return [f"{counted(len(tape.taken), 'call')} of {tape.name} not recorded: the test failed"]


def _judged(cassette: Cassette, path: Path) -> list[Violation]:
    days = defaults().expire_after or USUAL
    return judge(replace(cassette, path=Path(shown(path))), expires_after=days).violations


def shown(path: Path) -> str:
    """*path* as it reads best: from where pytest was started."""
    here = os.getcwd()
    return os.path.relpath(path, here) if path.is_relative_to(here) else str(path)


def has_real_key(provider: str) -> bool:
    """Whether the environment holds a key of *provider* that is not our dummy."""
    return any((os.environ.get(name) or DUMMY_KEY) != DUMMY_KEY for name in key_names(provider))


def require_real_key(provider: str) -> None:
    """For a live recording.

    Raises:
        BadInput: There is no key of *provider* but our dummy.
    """
    if not has_real_key(provider):
        raise BadInput(
            f"llm_contract: source=live calls {provider} itself, and {key_names(provider)[0]} holds no key; "
            "set it, or record from the simulator: --llmcontract-source=simulator"
        )
