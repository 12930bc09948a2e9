"""The JSON in the events of a recorded stream."""

from __future__ import annotations

import json
import re
from typing import Any

_DATA = re.compile(r"^data:(.*)$", re.MULTILINE)


def parsed_events(stream: str) -> tuple[list[Any], int | None]:
    """The JSON of a stream's events, and the number of the first that is none."""
    found = [data for data in _DATA.findall(stream) if data.strip() not in ("", "[DONE]")]
    whole = parsed_json(f"[{','.join(found)}]")
    if whole is not None:
        return whole, None
    parsed = [parsed_json(data) for data in found]
    torn = parsed.index(None) if None in parsed else len(parsed)
    return parsed[:torn], torn


def parsed_json(text: str | bytes) -> Any:
    """``None`` for what is no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
