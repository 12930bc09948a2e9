"""Sequences of faults, to be scripted of a provider: what a client may meet in one bad hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from hypothesis import strategies as st

from pytest_llmcontract.core.call.script import Script
from pytest_llmcontract.core.exchange import CONNECTION_FAULTS
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.scripting import Scripting
from pytest_llmcontract.strategies.known import answers_with_files, edition_of, errors_of, known, streams_on

LONGEST_WAIT = 180
"""Seconds that a fault announces or lasts: beyond the 60 and 120 at which SDKs change their minds."""


def written(method: str, *given: Any, **named: Any) -> str:
    """The call of *api* as a test writes it."""
    return f"api.{method}({', '.join([*map(repr, given), *(f'{name}={value!r}' for name, value in named.items())])})"


class Printed:
    """Prints as its ``repr``, in Hypothesis' reports of what fails too: they print a dataclass by its fields."""

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


@dataclass(frozen=True)
class Fault(Printed):
    """One fault; it prints as what a test would write."""

    method: str
    """Of the provider: ``fail``, ``outage``, ``cut_stream``, ``latency`` or ``chaos``."""
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, api: Scripting) -> Script:
        """Script it of *api*: of ``groq_api``, ``together_api``, or what ``simulate()`` gives."""
        script: Script = getattr(api, self.method)(**self.arguments)
        return script

    def __repr__(self) -> str:
        return written(self.method, **self.arguments)


@dataclass(frozen=True)
class Faults(Printed):
    """Several of them, in the order in which they are scripted."""

    steps: tuple[Fault, ...]

    def apply(self, api: Scripting) -> list[Script]:
        """Script all of them of *api*."""
        return [fault.apply(api) for fault in self.steps]

    def __repr__(self) -> str:
        return "; ".join(map(repr, self.steps)) or "no faults"


def faults(
    provider: str,
    operation: str = "chat.completions",
    *,
    most: int = 4,
    streams: bool = True,
    edition: str | date | None = None,
) -> st.SearchStrategy[Faults]:
    """Sequences of faults: errors of the catalogue, broken connections, cut streams, slow answers, outages, chaos.

    Args:
        operation: What is called: errors that only others meet are left out.
        most: The most faults of one sequence.
        streams: Whether the application streams, or reads a file piece by piece; without it nothing is cut, which no
            call would use up.

    Raises:
        BadInput: No such provider, operation or day; the message lists those there are.
    """
    there = edition_of(provider, edition)
    known(operation, set(there.operations.values()), f"{provider} operation")
    one = st.one_of(_errors(there, operation), _connections, _outages, _latencies, _chaos)
    met = one | _cuts_of(there, operation) if streams else one
    return st.lists(met, max_size=most).map(lambda steps: Faults(tuple(steps)))


def _fault(
    method: str, optional: Mapping[str, st.SearchStrategy[Any]] | None = None, **needed: st.SearchStrategy[Any]
) -> st.SearchStrategy[Fault]:
    return st.fixed_dictionaries(needed, optional=dict(optional or {})).map(lambda found: Fault(method, found))


_waits = st.integers(0, LONGEST_WAIT)
_times = st.integers(1, 5)


def _errors(edition: Edition, operation: str) -> st.SearchStrategy[Fault]:
    met = errors_of(edition, operation)
    limited = [name for name in met if edition.errors[name].status == 429]
    optional = {"times": _times}
    return _fault("fail", optional, error=st.sampled_from(met)) | _fault(
        "fail", {**optional, "retry_after": _waits}, error=st.sampled_from(limited)
    )


_connections = _fault("fail", {"times": _times}, error=st.sampled_from(sorted(CONNECTION_FAULTS)))
_outages = _fault("outage", {"error": st.sampled_from([500, 503])}, seconds=_waits)
_latencies = _fault("latency", first_token=_waits, per_token=st.sampled_from([0.0, 0.1, 1.0, 5.0]))
_chaos = _fault("chaos", rate=st.sampled_from([0.1, 0.3, 0.5, 1.0]), seed=st.integers(0, 2**16))
HOWS = ("disconnect", "error_event", "truncate", "stall")
_places = st.integers(0, 2_000)
cuts = _fault("cut_stream", at_byte=_places, how=st.sampled_from(HOWS)) | _fault(
    "cut_stream", after=st.integers(0, 6), how=st.sampled_from(HOWS)
)
"""The ways in which a stream ends too early."""
_file_cuts = _fault("cut_stream", at_byte=_places, how=st.sampled_from(["disconnect", "stall"]))


def _cuts_of(edition: Edition, operation: str) -> st.SearchStrategy[Fault]:
    """What ends the answers of *operation* too early: those that come in one piece nothing does."""
    found: st.SearchStrategy[Fault] = st.nothing()
    if streams_on(edition, operation):
        found |= cuts
    return found | _file_cuts if answers_with_files(edition, operation) else found
