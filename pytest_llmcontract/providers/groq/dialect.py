"""Groq's switches, texts and figures: what ``dialect.json`` may hold beside what every provider has."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from pydantic import Field

from pytest_llmcontract.core.facts.dialect import Dialect
from pytest_llmcontract.core.facts.edition import Edition


class GroqDialect(Dialect):
    """``dialect.json`` says of each what it means and where it was seen."""

    # Limits, and the texts of refusals by them
    requested_prefix: str = ""
    used_integer: bool = True
    used_printed: Literal["floor", "ceil"] = "floor"
    too_large_waits: bool = False
    debt_allowed: bool = False
    service_tier_in_text: bool = False
    upsell: Mapping[str, str] = Field(default_factory=dict)

    # Headers
    duration_truncate_ms: bool = False
    duration_least_ms: int = 0
    regions: tuple[str, ...] = ()
    strict_transport_security: str = ""

    # Replies
    x_groq_seed: bool = False
    x_groq_in_first_chunk: bool = True
    usage_breakdown: Literal["absent", "object", "null"] = "null"
    service_tier_in_reply: bool = False
    instance_id_of: tuple[str, ...] = ()
    usage_in_last_chunk: bool = False
    batch_keys: tuple[str, ...] = ()

    # The Responses API
    responses_form: Literal["first", "both_details", "groq_key"] = "first"

    # Money
    tracking_delay_seconds: float
    alert_shares: tuple[Decimal, ...]
    billing_thresholds: tuple[Decimal, ...]
    invoice_minimum: Decimal
    payment_methods: tuple[str, ...]
    reminder_days: tuple[int, ...]
    restricted_after_days: int

    # Projects
    project_limits: tuple[str, ...]


def dialect_of(edition: Edition) -> GroqDialect:
    """The dialect of an edition of Groq's."""
    assert isinstance(edition.dialect, GroqDialect)
    return edition.dialect
