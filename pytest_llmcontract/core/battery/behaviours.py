"""The behaviours as data: what happens, by which faults, what a good client may do, and what it must never do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import ValidationError, field_validator

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.facts.records import Fact

Outcome = Literal["answers", "falls_back", "raises", "tells", "substitutes", "crashes", "part", "nothing"]
Never = Literal["hang", "storm", "retry", "early", "press", "part", "nothing"]
Fault = Mapping[str, Mapping[str, Any]]
"""One method of a provider's scripting and its keywords: ``{"fail": {"error": 429, "retry_after": 2}}``."""

OUTCOMES: Mapping[str, str] = {
    "answers": "the whole answer came back",
    "falls_back": "the whole answer came back, of another model, tier or provider",
    "raises": "an exception told the caller",
    "tells": "the result itself says that something is missing",
    "substitutes": "it returned words of its own",
    "crashes": "an exception that nobody raised on purpose: AttributeError, KeyError, TypeError …",
    "part": "it returned a part as if it were the whole",
    "nothing": "it returned nothing, as if that were the answer",
}
"""What can come of a call, and what it means. ``expect`` takes these words."""

_METHODS = ("fail", "outage", "cut_stream", "latency", "chaos", "reply", "exhaust", "use", "capacity")
_FILE = Path(__file__).with_name("behaviours.json")


class Behaviour(Fact):
    """One thing that a provider does to a client."""

    id: str
    """Public, and a sentence: ``obeys_a_retry_after_of_2_seconds``."""
    about: str
    """The heading it stands under."""
    what: str
    """What happens, in a sentence."""
    providers: tuple[str, ...] = ()
    """Who does it; none named: all."""
    faults: Mapping[str, tuple[Fault, ...]]
    """Provider -> what is scripted; ``""``: for all."""
    strikes: Literal["call", "model", "tier", "provider"] = "call"
    """Whom a fault meets: any call; calls of the model, or of the model and service tier, that was asked first; all."""
    stream: bool = False
    may: tuple[Outcome, ...]
    """What may come of it."""
    never: tuple[Never, ...] = ("hang", "storm", "early", "press", "part", "nothing")
    """What must not happen."""
    fallback_due: bool = False
    """Whether who has something to fall back to has to use it."""
    deadline: float = 3600
    """Virtual seconds after which the client hangs."""

    @field_validator("faults", mode="before")
    @classmethod
    def _for_all(cls, value: Any) -> Any:
        return {"": value} if isinstance(value, list | tuple) else value

    @field_validator("faults")
    @classmethod
    def _known_methods(cls, value: Mapping[str, tuple[Fault, ...]]) -> Mapping[str, tuple[Fault, ...]]:
        for fault in (fault for faults in value.values() for fault in faults):
            if len(fault) != 1 or next(iter(fault)) not in _METHODS:
                raise ValueError(f"{dict(fault)} is no fault; accepted: one of {', '.join(_METHODS)} with its keywords")
        return value

    def faults_of(self, provider: str) -> tuple[Fault, ...]:
        """What is scripted of *provider*."""
        return self.faults.get(provider, self.faults.get("", ()))

    def accepted(self, *, fallbacks: bool) -> tuple[str, ...]:
        """What may come of it for a client that has *fallbacks*, or none."""
        may = [outcome for outcome in self.may if not (fallbacks and self.fallback_due and outcome == "raises")]
        return (*may, "falls_back")


def behaviours_of(provider: str, more: Iterable[Mapping[str, Any]] = ()) -> tuple[Behaviour, ...]:
    """All that *provider* does, in the order of the table, then *more* of somebody's own.

    Raises:
        BadInput: One of *more* is no behaviour.
    """
    named = [behaviour for behaviour in _ours() if not behaviour.providers or provider in behaviour.providers]
    return (*named, *(read_behaviour(record) for record in more))


def read_behaviour(record: Mapping[str, Any]) -> Behaviour:
    """One behaviour.

    Raises:
        BadInput: A key is not known, or its value not accepted.
    """
    try:
        return Behaviour.model_validate(record)
    except ValidationError as problem:
        first = min(problem.errors(include_url=False), key=lambda error: error["type"] != "extra_forbidden")
        place = ".".join(str(part) for part in first["loc"])
        accepted = f"; accepted keys: {', '.join(Behaviour.model_fields)}" if first["type"] == "extra_forbidden" else ""
        raise BadInput(f"behaviour {record.get('id', '')!r}: {place}: {first['msg']}{accepted}") from None


@cache
def _ours() -> tuple[Behaviour, ...]:
    import json

    return tuple(read_behaviour(record) for record in json.loads(_FILE.read_text("utf-8")))


def outcomes() -> tuple[str, ...]:
    """Every word that ``expect`` takes."""
    return get_args(Outcome)
