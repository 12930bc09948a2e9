"""What is known of a provider on one day: an edition, built from the dated data in ``providers/<name>/``.

Every fact in the data has a source and the day it was read; a key this module does not know stops the load.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

LIMIT_KINDS: dict[str, float] = {
    "RPM": 60, "RPD": 86400, "TPM": 60, "TPD": 86400, "ITPM": 60, "OTPM": 60, "ASH": 3600, "ASD": 86400,
}  # fmt: skip
"""Every kind of limit and its window in seconds, in the order in which the first exceeded one is named."""


class Fact(BaseModel):
    """A record of the data files: immutable, and every key known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Prices(Fact):
    """US dollars. Token prices are per million tokens; absent means unknown or not applicable."""

    input: Decimal | None = None
    cached_input: Decimal | None = None
    output: Decimal | None = None
    audio_hour: Decimal | None = None
    million_characters: Decimal | None = None
    megapixel: Decimal | None = None
    image: Decimal | None = None


class Model(Fact):
    """One model as the provider lists it."""

    id: str
    type: Literal["chat", "language", "code", "image", "audio", "transcribe", "embedding", "rerank", "moderation", "video"]
    owner: str
    created: int = 0
    """Unix seconds, as the models list has it."""
    context: int | None = None
    max_output: int | None = None
    input_modalities: tuple[str, ...] = ("text",)
    output_modalities: tuple[str, ...] = ("text",)
    capabilities: frozenset[Literal["tools", "json_object", "json_schema", "reasoning", "system", "prompt_cache"]] = frozenset()
    prices: Prices = Prices()
    preview: bool = False
    serverless: bool = True
    """Together: listed, but answered only with a dedicated endpoint, when false."""
    tier: int = 0
    """Together: the lowest Build Tier that may use it."""
    since: date
    """First day it was offered, as far as known."""
    retired: date | None = None
    """First day it no longer answers."""
    source: str


class ErrorSpec(Fact):
    """One entry of the error catalogue."""

    name: str
    status: int
    body: dict[str, Any] | str
    """JSON with ``{placeholders}`` in its strings, or the text of a page that is no JSON."""
    content_type: str = "application/json"
    headers: Mapping[str, str] = Field(default_factory=dict)
    step: str
    """The step of the path (:attr:`Edition.path`) that answers with it."""
    rate_headers: bool = False
    """Whether this reply carries the rate-limit headers."""
    default_for_status: bool = False
    """``fail(503)`` means this one."""
    source: str


class Edition(Fact):
    """A provider on one day."""

    provider: str
    date: date
    hosts: tuple[str, ...]
    base: str
    """Path all operations share, ``/openai/v1``."""
    operations: Mapping[str, str]
    """``"POST /chat/completions"`` -> ``"chat.completions"``; ``{id}`` stands for the rest of the path."""
    path: tuple[str, ...]
    """The steps of one call, in this provider's order."""
    plans: tuple[str, ...]
    """Names of plans or tiers as ``fits=`` takes them: ``free``, ``developer``; ``tier1`` …"""
    models: Mapping[str, Model]
    errors: Mapping[str, ErrorSpec]
    dialect: Mapping[str, Any]
    """Switches and texts that changed over time, each documented in the provider's ``dialect.json``."""
