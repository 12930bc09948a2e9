"""Is a request body what the provider accepts? And if not: what is wrong, and what would the provider say?

The contract of an operation is a JSON Schema, ``schemas/<provider>/<operation>.request.json``, and what a schema
cannot say (which model takes what), which is the provider's :class:`Wording`.

How a schema is read, cut down to a day and asked is in :mod:`.schemas`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pytest_llmcontract.core.contract.mismatch import Mismatch, allowed, fix, json_path, message, shown
from pytest_llmcontract.core.contract.schemas import NOTHING, Failure, Path, dated_schema, schema_files
from pytest_llmcontract.core.refusal import Refusal

if TYPE_CHECKING:
    from pytest_llmcontract.core.facts.records import Model

# What a provider adds


@dataclass(frozen=True, slots=True)
class Text:
    """A provider's words, with ``{placeholders}``, and how we know them."""

    template: str
    source: Literal["recorded", "pasted", "documented", "assumed"]
    """From a recorded exchange, an error that somebody pasted, the provider's documents, our guess."""
    note: str = ""

    def __call__(self, **values: object) -> str:
        return self.template.format(**values)


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken rule that no schema can express, mostly because it depends on the model."""

    path: Path
    message: str
    """As :attr:`Mismatch.message`, without the path: ``asks for 9000 tokens``."""
    refusal: Refusal | None
    """``None``: nobody saw it refused. It is a warning then, and the call goes on."""
    allowed: str = ""
    fix: str = ""
    code: str = "LLM102"


class Wording(Protocol):
    """What a provider says, on the day of an edition."""

    def refusal(self, operation: str, failure: Failure) -> Refusal | None:
        """Its answer to a body that breaks the schema; ``None`` if it tolerates it."""

    def breaches(self, operation: str, body: Mapping[str, Any], model: Model | None) -> Iterable[Breach]:
        """What else is wrong with a body whose form is right. *model* is ``None`` if nobody knows it."""


class PlainWording:
    """For a provider whose words nobody has written down."""

    def refusal(self, operation: str, failure: Failure) -> Refusal | None:
        del operation
        return None if failure.ignored else Refusal("bad_request", {"message": message(failure), "param": failure.name})

    def breaches(self, operation: str, body: Mapping[str, Any], model: Model | None) -> Iterable[Breach]:
        del operation, body, model
        return ()


# The contract

SUFFIX = ".request.json"
MOST = 100
"""Mismatches of one body that are told."""


class RequestContract:
    """What one operation of one provider accepts on one day.

    Args:
        provider: Name of the folder in ``schemas/``.
        operation: ``chat.completions``.
        edition: The day; a recording is judged by the day it was made.
        wording: What the provider says. Without one, mismatches have plain texts.
    """

    def __init__(self, provider: str, operation: str, edition: date, wording: Wording | None = None) -> None:
        self.provider = provider
        self.operation = operation
        self.edition = edition
        self.file = f"schemas/{provider}/{operation}.request.json"
        self._wording = wording or PlainWording()
        self.form = dated_schema(f"{provider}/{operation}{SUFFIX}", edition)

    @property
    def fields(self) -> Iterable[str]:
        """The names of the fields that a body may have."""
        return self.form.fields

    def check(self, body: object, model: Model | None = None) -> tuple[Mismatch, ...]:
        """Everything wrong with *body*, in the order in which the provider would meet it; ``()`` if nothing is.

        The first mismatch that has an ``error`` is what the provider answers. What depends on the model is looked
        at only if the provider would accept the body's form.
        """
        found = () if self.form.accepts(body) else tuple(self._found(self.form.failures(body)))
        if any(mismatch.error for mismatch in found) or not isinstance(body, Mapping):
            return found
        breaches = tuple(self._wording.breaches(self.operation, body, model))
        return found + tuple(self._described(breach, body) for breach in breaches) if breaches else found

    def _found(self, failures: Sequence[Failure]) -> Iterator[Mismatch]:
        """Each of *failures* in words; of very many the first ones, and the first that the provider refuses."""
        told = [self._worded(failure) for failure in failures[:MOST]]
        rest = failures[MOST:]
        if rest and not any(mismatch.error for mismatch in told):
            refused = (failure for failure in rest if self._wording.refusal(self.operation, failure))
            told += map(self._worded, islice(refused, 1))
        if rest:
            told[-1] = replace(told[-1], message=f"{told[-1].message} (and {len(rest):,} more are wrong)")
        yield from told

    @property
    def schema(self) -> dict[str, Any]:
        """The schema of this day, with all it refers to."""
        return self.form.document

    def _worded(self, failure: Failure) -> Mismatch:
        refusal = self._wording.refusal(self.operation, failure)
        return Mismatch(
            code="LLM101" if failure.unknown or failure.unsupported else "LLM102",
            path=json_path(failure.path),
            message=message(failure),
            sent=shown(failure.sent, failure.name),
            allowed=allowed(failure),
            schema=failure.place,
            fix=fix(failure),
            error=refusal.error if refusal else None,
            detail=refusal.values if refusal else {},
        )

    # The rest.

    def _described(self, breach: Breach, body: Mapping[str, Any]) -> Mismatch:
        path = json_path(breach.path)
        return Mismatch(
            code=breach.code,
            path=path,
            message=f"{path} {breach.message}",
            sent=shown(_at(body, breach.path), str(breach.path[-1])),
            allowed=breach.allowed,
            schema=f"{self.file}#/properties/{breach.path[0]}",
            fix=breach.fix,
            error=breach.refusal.error if breach.refusal else None,
            detail=breach.refusal.values if breach.refusal else {},
            certain=breach.refusal is not None,
        )


@cache
def contract_for(
    provider: str, operation: str, edition: date, wording: Callable[[date], Wording] | None = None
) -> RequestContract | None:
    """The contract of *operation* on the day *edition*, or ``None`` if there is no schema for it.

    The same one every time: compiling takes a millisecond, and waits for the first body. *wording* makes the
    provider's words of that day.
    """
    if operation not in operations_with_contract(provider):
        return None
    return RequestContract(provider, operation, edition, wording(edition) if wording else None)


@cache
def operations_with_contract(provider: str) -> tuple[str, ...]:
    """Operations whose request has a schema."""
    files = schema_files(provider)
    return tuple(sorted(name.removesuffix(SUFFIX) for name in files if name.endswith(SUFFIX)))


def _at(body: Any, path: Path) -> Any:
    for part in path:
        try:
            body = body[part]
        except (KeyError, IndexError, TypeError):
            return NOTHING
    return body
