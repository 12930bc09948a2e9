"""Words for figures, and long texts cut short, as messages and reports have them."""

from __future__ import annotations

from decimal import Decimal


def counted(amount: int, noun: str, plural: str = "") -> str:
    """``1 call``, ``2,000 calls``, ``3 retries``."""
    return f"{amount:,} {noun if amount == 1 else plural or noun + 's'}"


def percent(share: float | Decimal) -> str:
    """``64%``, ``4.2%``, ``0.05%``: what is little is not shown as nothing."""
    if share >= 0.1:
        return f"{share:.0%}"
    return f"{share:.1%}" if share >= 0.001 or not share else f"{float(share) * 100:.1g}%"


def shortened(text: str, most: int) -> str:
    """*text*, or the beginning of it, in at most *most* characters."""
    return text if len(text) <= most else text[: most - 1] + "…"
