"""Together's switches, texts and figures: what ``dialect.json`` may hold beside what every provider has."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from pydantic import Field

from pytest_llmcontract.core.facts.dialect import Dialect
from pytest_llmcontract.core.facts.edition import Edition


class TogetherDialect(Dialect):
    """``dialect.json`` says of each what it means and where it was seen."""

    # Limits and their headers
    window_seconds: float = 0
    rate_headers: Literal["per_second", "none"] = "none"
    rate_headers_dynamic: bool = False
    retry_after_on_success: bool = False

    # Replies
    request_id_letter: str = ""
    request_id_place: bool = False
    request_id_header: bool = True
    trace_header: bool = True
    error_id: bool = True
    finish_reason_eos: bool = False
    file_processing_status: bool = False
    strict_transport_security: str = ""

    speech_stream: Literal["chunk", "delta"] = "chunk"

    # Money
    tier_spend: tuple[Decimal, ...] = ()
    tier_delay_seconds: float = 0
    minimum_purchase: Decimal = Decimal(0)
    balance_floor: Decimal = Decimal(0)
    start_balance: Decimal = Decimal(0)
    charge_day: int = 3
    several_cards: bool = False
    recharge_amount: Decimal = Decimal(0)
    recharge_to_target: bool = False
    pending_seconds: float = 0
    decline_reasons: Mapping[str, str] = Field(default_factory=dict)


def dialect_of(edition: Edition) -> TogetherDialect:
    """The dialect of an edition of Together's."""
    assert isinstance(edition.dialect, TogetherDialect)
    return edition.dialect
