"""Words for figures, and long texts cut short, as messages and reports have them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

LONG_LIST = 120
"""Characters of a list of names above which the nearest stand before it."""
_LONGEST_LIST = 400
"""Characters of a list that is shown whole."""


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


def nearest(given: object, names: Iterable[str]) -> list[str]:
    """Up to three of *names* that *given* may have meant, the nearest first."""
    import difflib  # takes longer than all of pytest's start may

    known = {name.casefold(): name for name in names}
    return [known[near] for near in difflib.get_close_matches(str(given).casefold(), known, n=3)]


def listed(given: object, names: Iterable[str]) -> str:
    """*names* with commas; of a long list those first that are near *given*."""
    names = list(names)
    if len(", ".join(names)) > LONG_LIST:
        near = nearest(given, names)
        names = [*near, *(name for name in names if name not in near)]
    return cut_list(names)


def cut_list(names: Sequence[str]) -> str:
    """*names* with commas; of very many the first, and how many there are."""
    whole = ", ".join(names)
    if len(whole) <= _LONGEST_LIST:
        return whole
    return f"{whole[: whole.rindex(', ', 0, _LONGEST_LIST)]}, … ({len(names)} in all)"
