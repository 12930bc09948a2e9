"""Switches, texts and figures in which providers differ, or that changed over time.

Each provider has a class of its own, with what its forms, its account and its limits read
(``providers/<name>/dialect.py``); here is what the path of a call itself reads. A key of ``dialect.json`` that the
class does not have stops the load.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date as Date  # noqa: N812  as in the data files
from decimal import Decimal
from typing import Literal

from pydantic import Field

from pytest_llmcontract.core.facts.records import Fact


class Dialect(Fact):
    """What every provider's dialect has. ``dialect.json`` says of each what it means and where it was seen."""

    body_indent: int | None = None
    """Spaces by which JSON bodies are indented; ``None``: compact."""
    body_end: str = ""
    admission: Literal["characters", "prompt_tokens", "maximum"] = "prompt_tokens"
    """What an admitted call takes at once is counted in; ``maximum``: the longest answer it allows is kept as well."""
    refused_by: Literal["maximum", "prompt"] = "maximum"
    """Whether the longest answer that a call allows must be left of a limit, or its prompt alone."""
    admission_extra: int = 1
    training_minimum: Decimal = Decimal(0)
    """Dollars that a fine-tune costs at least."""
    training_seconds: Mapping[str, float] = Field(default_factory=dict)
    """How long a fine-tune is in each state before it is completed, in their order."""
    machine_seconds: float = 0
    """Until a dedicated endpoint, or a replica, is ready."""
    machines_until: Date | None = None
    """First day on which no endpoint of the first kind may be made or started any more."""
    zones: tuple[str, ...] = ()
    """Where machines stand."""
    session_price: Decimal = Decimal(0)
    """Dollars for a session of the code interpreter."""
    session_seconds: float = 0
    """How long one lasts."""
    upload_bytes: int | None = None
    """The most that a file in a form may have; ``None``: not known."""
