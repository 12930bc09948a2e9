"""How a provider's model ids are told from others', and which of them have gone: ``providers/<name>/ids.json``.

Not every provider has the file. It knows more ids than ``models.json``, which describes those that answer in some
edition; where both know one, they agree (a test holds them together).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date as Date  # noqa: N812  as in the data files
from fnmatch import fnmatchcase
from functools import cache, cached_property

from pydantic import ValidationError, field_validator

from pytest_llmcontract.core.errors import BadInput, DataError
from pytest_llmcontract.core.facts.load import edition_on, load_edition, read_json
from pytest_llmcontract.core.facts.overlay import forgets, overlay_file, records_of
from pytest_llmcontract.core.facts.records import Fact, Model, first_problem
from pytest_llmcontract.core.facts.registry import provider_folder


class Gone(Fact):
    """A model that the provider took, or takes, out of its usual service."""

    id: str
    on: Date
    """First day it does not answer."""
    replacements: tuple[str, ...] = ()
    """What the provider recommends in its place, best first."""
    source: str


class Ids(Fact):
    """``ids.json``."""

    prefixes: tuple[str, ...] = ()
    """How other software marks an id as this provider's: ``groq/``."""
    own: tuple[str, ...] = ()
    """Patterns of ids that no other host has."""
    named: str = ""
    """A regular expression: what names the provider in a line of code or configuration. Its name is in all of it, in
    whatever case."""
    gone: tuple[Gone, ...] = ()

    @field_validator("named")
    @classmethod
    def _compiles(cls, named: str) -> str:
        re.compile(named)
        return named


class Lifecycle:
    """What is known of a provider's model ids on every day."""

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self._ids = _ids(provider)
        self._named = re.compile(self._ids.named or re.escape(provider), re.MULTILINE)
        self._gone: Mapping[str, Gone] = {row.id: row for row in self._ids.gone}

    @property
    def prefixes(self) -> tuple[str, ...]:
        """How other software marks an id as this provider's."""
        return self._ids.prefixes

    @cached_property
    def models(self) -> Mapping[str, Model]:
        """Those of the newest edition, retired ones included."""
        return load_edition(self.provider).models

    @cached_property
    def known(self) -> frozenset[str]:
        """Every id that the provider has or had."""
        return frozenset({*self.models, *self._gone})

    def is_own(self, id: str) -> bool:
        """Whether the id alone tells the provider."""
        return any(fnmatchcase(id, pattern) for pattern in self._ids.own)

    def without_prefix(self, text: str) -> str | None:
        """The id in ``groq/llama-3.1-8b-instant``; ``None`` if *text* has no prefix of this provider's."""
        for prefix in self.prefixes:
            rest = text.removeprefix(prefix)
            # Groq has ids of its own that begin like its prefix: groq/compound.
            if rest != text and rest and (rest in self.known or text not in self.known):
                return rest
        return None

    def is_named(self, text: str) -> bool:
        """Whether *text*, a line or several, names the provider."""
        return self.provider in text.lower() and self._named.search(text) is not None

    def gone(self, id: str) -> Gone | None:
        """When *id* went or is to go, as far as somebody saw or the provider said; ``None`` if nothing is known."""
        row, model = self._gone.get(id), self.models.get(id)
        if model is None or model.retired is None or not model.is_seen("retired"):
            return row
        # What was seen goes before what was announced: some answered for months after their day.
        kept = row.replacements if row else ()
        return Gone(id=id, on=model.retired, replacements=kept, source=model.source_of("retired"))

    def answers(self, id: str, day: Date) -> bool:
        """Whether *id* answers everybody on *day*."""
        row, model = self.gone(id), edition_on(self.provider, day).models.get(id)
        return model is not None and model.serverless and not model.is_retired(day) and (row is None or day < row.on)

    def successors(self, id: str, day: Date) -> tuple[str, ...]:
        """What the provider recommends for *id* and still answers on *day*: also what it recommends for those that
        have gone themselves since. Best first."""
        found: list[str] = []
        waiting, seen = [id], {id}
        while waiting:
            row = self._gone.get(waiting.pop(0))
            for next_id in row.replacements if row else ():
                if next_id in seen:
                    continue
                seen.add(next_id)
                (found if self.answers(next_id, day) else waiting).append(next_id)
        return tuple(found)


@forgets
@cache
def lifecycle_of(provider: str) -> Lifecycle:
    """The ids of *provider*, read once a process.

    Raises:
        BadInput: There is no such provider.
        DataError: Its ``ids.json`` is broken.
    """
    return Lifecycle(provider)


def _ids(provider: str) -> Ids:
    file = provider_folder(provider) / "ids.json"
    try:
        ids = Ids.model_validate(read_json(file) if file.exists() else {})
    except (ValidationError, re.error) as problem:
        said = first_problem(problem) if isinstance(problem, ValidationError) else str(problem)
        raise DataError(f"{provider}/ids.json: {said}") from None
    own = _own_rows(provider)
    ids = ids.model_copy(update={"gone": (*ids.gone, *own)})
    sources = load_edition(provider).sources
    for row in ids.gone:
        if row.source not in sources:
            raise DataError(f"{provider}/ids.json: record {row.id!r}: no source {row.source!r} in sources.json")
    return ids


def _own_rows(provider: str) -> tuple[Gone, ...]:
    try:
        return tuple(Gone.model_validate(record) for record in records_of(provider, "gone"))
    except ValidationError as problem:
        raise BadInput(f"{overlay_file()}: {provider}: gone: {first_problem(problem)}") from None
