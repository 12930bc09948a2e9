"""What a test may ask of a provider: keyword arguments of a marker, of ``indirect=`` or of ``simulate()``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from pytest_llmcontract.core.errors import BadInput, unknown


@dataclass(frozen=True, kw_only=True)
class ProviderSettings:
    """What every provider takes."""

    edition: date | str | None = None
    """The day whose facts hold: the newest edition not after it. Default: the newest."""
    limits: Mapping[str, Any] | None = None
    """Limits of one's own: ``{"TPM": 12_000}`` for all models, or ``{"model": {"TPM": "12K"}}``."""
    models: Mapping[str, Mapping[str, Any]] | Iterable[str] | None = None
    """Models of one's own: ids, or id -> fields."""
    hosts: Iterable[str] = ()
    """Gateway addresses of one's own: hosts, or base URLs, whose path stands for the provider's base."""

    @property
    def needed_plan(self) -> str | None:
        """The plan that not every edition has and that was asked for; without ``edition=`` the newest with it holds."""
        return None


@dataclass(frozen=True, kw_only=True)
class ClockSettings:
    """What ``llm_clock`` takes."""

    mode: str = "virtual"
    """``virtual``; or ``real``: the clock follows real time and nobody's sleep is shortened."""
    wall: bool = False
    """Whether ``time.time()`` and ``datetime`` move along (needs time-machine)."""
    start: datetime | None = None
    """When it begins; default noon UTC of the earliest edition in play."""
    seed: int = 0
    """Of the order in which those go on who wait for the same moment."""

    def __post_init__(self) -> None:
        if self.mode not in ("virtual", "real"):
            raise unknown("mode of llm_clock", self.mode, ("virtual", "real"))
        if self.start is not None and not isinstance(self.start, datetime):
            raise BadInput(f"start of llm_clock is {self.start!r}; accepted is a datetime, a naive one taken as UTC")
        if type(self.seed) is not int:
            raise BadInput(f"seed of llm_clock is {self.seed!r}; accepted is a whole number")
        if self.wall and self.mode == "real":
            raise BadInput("llm_clock: wall=True needs mode='virtual': real time moves by itself")


S = TypeVar("S")


def settings_from(kind: type[S], given: Mapping[str, Any], what: str) -> S:
    """*given* keyword arguments as settings of *what*.

    Raises:
        BadInput: A keyword is not known, or a value not accepted. The message lists what is.
    """
    accepted = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for name in given:
        if name not in accepted:
            raise unknown(f"argument of {what}", name, accepted)
    return kind(**given)
