"""How old a recording may become, as a project says it: ``30d``, ``12w``."""

from __future__ import annotations

import re

from pytest_llmcontract.core.errors import BadInput

USUAL = 180
"""Days, where a project says nothing."""

_AGE = re.compile(r"(\d{1,5})\s*([dw]?)")


def days_of(text: str, where: str) -> int:
    """The days that *text* says; the usual ones where it is empty.

    Raises:
        BadInput: It is no number of days or weeks.
    """
    if not text:
        return USUAL
    said = _AGE.fullmatch(text.strip().lower())
    if said is None or not int(said[1]):
        raise BadInput(f"{where} = {text!r}; accepted: a number of days or weeks from 1, such as 30d or 12w")
    return int(said[1]) * (7 if said[2] == "w" else 1)
