"""Together's switches, texts and figures: what ``dialect.json`` may hold beside what every provider has."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

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
    strict_transport_security: str = ""

    speech_stream: Literal["chunk", "delta"] = "chunk"

    # Money
    tier_spend: tuple[Decimal, ...] = ()
    tier_delay_seconds: float = 0
    minimum_purchase: Decimal = Decimal(0)
    balance_floor: Decimal = Decimal(0)
    start_balance: Decimal = Decimal(0)


def dialect_of(edition: Edition) -> TogetherDialect:
    """The dialect of an edition of Together's."""
    assert isinstance(edition.dialect, TogetherDialect)
    return edition.dialect
