"""Numbers as people write them: ``12_000``, ``10M``, ``1.5K``."""

from __future__ import annotations

import re
from decimal import Decimal

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.words import shortened

_NUMBER = re.compile(r"\s*([+-]?[0-9][0-9_,]*(?:\.[0-9]+)?)\s*([KMGB]?)\s*", re.IGNORECASE)
_FACTOR = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9}


def number(value: object, *, what: str = "number") -> float:
    """An int, float or text like ``12_000``, ``10M`` or ``1.5K`` as a number; an ``int`` where it is whole.

    Raises:
        BadInput: It is none of these.
    """
    amount = exact_number(value, what=what)
    return int(amount) if amount == int(amount) else float(amount)


def exact_number(value: object, *, what: str = "number") -> Decimal:
    """As :func:`number`, with every digit that was written.

    Raises:
        BadInput: It is no number, or has more than 18 digits before the point or 9 behind it.
    """
    text = f"{Decimal(str(value)):f}" if isinstance(value, float | Decimal) else str(value)
    match = None if isinstance(value, bool) else _NUMBER.fullmatch(text)
    if not match:
        raise BadInput(f"{what} is {shortened(repr(value), 40)}; expected a number such as 12000, '12K' or '1.5M'")
    digits = re.sub("[_,]", "", match[1])
    whole, _, rest = digits.lstrip("+-").partition(".")
    if len(whole) > 18 or len(rest) > 9:
        raise BadInput(f"{what} is {shortened(repr(value), 40)}; expected at most 18 digits, and 9 behind the point")
    return Decimal(digits) * _FACTOR[match[2].upper()]
