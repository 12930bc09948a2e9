"""Switches, texts and figures in which providers differ, or that changed over time.

Each provider has a class of its own, with what its forms, its account and its limits read
(``providers/<name>/dialect.py``); here is what the path of a call itself reads. A key of ``dialect.json`` that the
class does not have stops the load.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    upload_bytes: int | None = None
    """The most that a file in a form may have; ``None``: not known."""
    billed_seconds: float = 0
    """Of sound, that are paid for at least."""
    shortest_sound: float = 0
    """Seconds."""
    longest_sound: float | None = None
    """Seconds; ``None``: not known."""
    default_models: Mapping[str, str] = Field(default_factory=dict)
    """Operation -> the model that answers where the request names none."""
