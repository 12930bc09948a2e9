"""JSON of an answer, made by a function of its own for each operation; and how moments are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.providers.plain import PlainEnvelope

Show = Callable[[Turn, Any], Any]
"""``(turn, answer)``: the JSON that it is."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a function makes of an answer."""

    envelope: PlainEnvelope
    show: Show

    def body(self, turn: Turn, answer: Any) -> bytes:
        return self.envelope.encoded(self.show(turn, answer))


def moment(turn: Turn, at: float) -> datetime:
    """A moment in seconds of the virtual clock, as a date and time."""
    return turn.now + timedelta(seconds=at - turn.at)


def iso(turn: Turn, at: float) -> str:
    """The same as the API writes it: ``2026-10-07T12:00:00.000Z``."""
    when = moment(turn, at)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03}Z"


def without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Those that have a value."""
    return {name: value for name, value in fields.items() if value is not None}
