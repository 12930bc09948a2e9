"""Together's report of what was used in a month; the shape is that of the SDK's types."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.operations.usage import Amount, Item, Report, Window
from pytest_llmcontract.providers.together.forms.shown import Show, without_none


def usage(turn: Turn, answer: Report) -> dict[str, Any]:
    """A page of windows."""
    start, end = answer.span or (None, None)
    return {
        "object": "list",
        "organization_id": answer.organization,
        "billing_period": answer.month,
        "currency": "USD",
        "data": [_window(each) for each in answer.windows],
        "earliest_window_start": _moment(start) if start else None,
        "latest_window_end": _moment(end) if end else None,
        "next_cursor": answer.cursor,
    }


def _window(window: Window) -> dict[str, Any]:
    return {
        "date": f"{window.start:%Y-%m-%d}",
        "start_time": _moment(window.start),
        "end_time": _moment(window.end),
        "line_items": [_line(item, amount) for item, amount in window.lines.items()],
    }


def _line(item: Item, amount: Amount) -> dict[str, Any]:
    return without_none(
        {
            "product_name": item.product,
            "quantity": _text(amount.quantity),
            "unit_price": _text(item.unit_price),
            "cost": _text(amount.cost),
            "pricing_dimensions": {"model": item.model} if item.model else {},
            "attributes": {"resource_id": item.resource} if item.resource else {},
            "applied_credit": {"type": item.credit} if item.credit else None,
        }
    )


def _moment(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


def _text(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


SHOWN: Mapping[str, Show] = {"billing.usage": usage}
"""By operation."""
