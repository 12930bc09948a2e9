"""That a provider refuses, and how: a value, which only later becomes a reply in the provider's form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a call is refused with."""

    error: str
    """Name in the provider's error catalogue."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """What fills the placeholders of its body, beside those that every call has."""
    message: str | None = None
    """In place of its text."""
    body: Any = None
    """In place of all of its body."""
