"""What one call costs at list price, in US dollars, exactly."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.facts.records import Prices, ToolPrice

MILLION = Decimal(1_000_000)


def token_cost(prices: Prices, usage: Usage) -> Decimal:
    """The price of *usage*. Cached tokens cost their own price where there is one; an unknown price counts as 0."""
    if prices.input is None and prices.output is None:
        return Decimal(0)
    per_input = prices.input or Decimal(0)
    per_cached = per_input if prices.cached_input is None else prices.cached_input
    fresh = usage.input_tokens - usage.cached_tokens
    total = fresh * per_input + usage.cached_tokens * per_cached + usage.output_tokens * (prices.output or Decimal(0))
    return total / MILLION


def tool_cost(tools: Mapping[str, ToolPrice], ran: Iterable[str]) -> Decimal:
    """The price of built-in tools that *ran*; an unknown price counts as 0."""
    total = Decimal(0)
    for tool in (tools[name] for name in ran if name in tools):
        total += (tool.thousand_requests or Decimal(0)) / 1000 + (tool.hour or Decimal(0)) * tool.seconds / 3600
    return total


def sound_cost(prices: Prices, usage: Usage, billed: float = 0) -> Decimal:
    """The price of the seconds that were listened to and the characters that were spoken; an unknown one counts as 0.

    Args:
        billed: Seconds that are paid for at least, where any were listened to.
    """
    per_hour = prices.audio_hour
    if per_hour is None:
        per_hour = (prices.audio_minute or Decimal(0)) * 60
    seconds = exact_seconds(max(usage.seconds, billed)) if usage.seconds else Decimal(0)
    return seconds * per_hour / 3600 + usage.characters * (prices.million_characters or Decimal(0)) / MILLION


def exact_seconds(seconds: float) -> Decimal:
    """To the microsecond: what a file says to more digits is rounding of binary fractions."""
    return round(Decimal(seconds), 6).normalize()


def image_size(body: Mapping[str, Any]) -> tuple[int, int]:
    """Pixels across and down: as asked, else 1024 (documented), or about as many in the ratio that is asked."""
    ratio = _RATIO.fullmatch(str(body.get("aspect_ratio")))
    if ratio is None or body.get("width") or body.get("height"):
        return body.get("width") or 1024, body.get("height") or 1024
    times = math.sqrt(int(ratio[1]) / int(ratio[2]))
    across, down = (max(16, round(side / 16) * 16) for side in (1024 * times, 1024 / times))
    return across, down


_RATIO = re.compile(r"([1-9]\d?):([1-9]\d?)")
USUAL_STEPS = 20
"""Steps that the price of a megapixel includes, where nothing else is known of a model (documented)."""


def image_cost(prices: Prices, body: Mapping[str, Any], included: int | None = None) -> Decimal:
    """The price of the pictures that a request asks for; an unknown price counts as 0.

    Args:
        included: Steps that the price of a megapixel includes; more cost in proportion.
    """
    (width, height), count = image_size(body), body.get("n") or 1
    if prices.image is not None:
        return prices.image * count
    included = included or USUAL_STEPS
    steps = max(body.get("steps") or included, included)
    return (prices.megapixel or Decimal(0)) * width * height * count * steps / included / MILLION
