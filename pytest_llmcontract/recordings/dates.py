"""The day on which each interaction of a cassette took place: what was true then is what it is held to.

Told by, first to last: the recorder, the ``date`` header, what Cloudflare and Groq number their replies with, the body,
the interactions beside it, the metadata of the cassette. Where nothing does, :mod:`.guessed_days`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pytest_llmcontract.core.call.form import RAY_EPOCH, RAY_SECONDS
from pytest_llmcontract.core.exchange import ApiReply
from pytest_llmcontract.recordings.cassette import Cassette, Interaction
from pytest_llmcontract.recordings.events import parsed_json

_RAY = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{8}\b")

_ULID = re.compile(r"\breq_([0-7][0-9a-hjkmnp-tv-z]{9})[0-9a-hjkmnp-tv-z]{16}\b")
_CROCKFORD = {letter: value for value, letter in enumerate("0123456789abcdefghjkmnpqrstvwxyz")}

_EARLIEST = datetime(2023, 1, 1, tzinfo=UTC)
"""Neither provider answered before."""


def days_of(cassette: Cassette) -> list[date | None]:
    """The day of each interaction; ``None`` where neither it nor anything beside it tells."""
    days = [moment.date() if (moment := moment_of(interaction)) else None for interaction in cassette.interactions]
    # An interaction that does not tell was recorded after the one before it.
    _fill(days, range(len(days)))
    _fill(days, range(len(days) - 1, -1, -1))
    if days and days[0] is None:
        return [_day_of_metadata(cassette)] * len(days)
    return days


def recorded_on(cassette: Cassette, days: Sequence[date | None]) -> list[date | None]:
    """The day on which each interaction was recorded, for its age; *days* are those of :func:`days_of`.

    A simulated reply tells the time of its simulation. When it was recorded, only the metadata knows.
    """
    metadata = cassette.metadata
    if metadata and metadata.source == "simulator":
        return [metadata.recorded_at.date() if metadata.recorded_at else None] * len(days)
    return list(days)


def moment_of(interaction: Interaction) -> datetime | None:
    """When it took place, as far as it says so itself."""
    headers = interaction.reply.headers
    return (
        _plausible(interaction.recorded_at)
        or _plausible(_http_date(headers.get("date", "")))
        or _plausible(_of_ray(headers.get("cf-ray", "")))
        or _plausible(_of_ulid(headers.get("x-request-id", "")))
        or _plausible(_of_body(interaction.reply))
    )


def _fill(days: list[date | None], order: Iterable[int]) -> None:
    last = None
    for index in order:
        days[index] = last = days[index] or last


def _day_of_metadata(cassette: Cassette) -> date | None:
    metadata = cassette.metadata
    if metadata is None:
        moment = _plausible(cassette.recorded_at)
        return moment.date() if moment else None
    if metadata.edition:
        return max(metadata.edition)
    return metadata.recorded_at.date() if metadata.recorded_at else None


def _plausible(moment: datetime | None) -> datetime | None:
    return moment if moment and moment >= _EARLIEST else None


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _of_ray(text: str) -> datetime | None:
    ray = _RAY.search(text)
    return _of_seconds(RAY_EPOCH + RAY_SECONDS * int(ray[1], 16)) if ray else None


def _of_ulid(text: str) -> datetime | None:
    """Groq's request ids begin with the milliseconds since 1970, five bits a letter."""
    ulid = _ULID.search(text)
    if ulid is None:
        return None
    number = 0
    for letter in ulid[1]:
        number = number * 32 + _CROCKFORD[letter]
    return _of_seconds(number / 1000)


def _of_seconds(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _of_body(reply: ApiReply) -> datetime | None:
    """``created`` of a completion, the id of Groq's request, or that of Together's, which ends in a ray."""
    body = _first_object(reply)
    created, groq = body.get("created"), body.get("x_groq")
    # A model has `created` too: the day it came to the world.
    if isinstance(created, int | float) and str(body.get("object", "")).startswith(
        ("chat.completion", "text_completion")
    ):
        return _of_seconds(created)
    if isinstance(groq, Mapping):
        return _of_ulid(str(groq.get("id", "")))
    error = body.get("error")
    return _of_ray(str(body.get("id", ""))) if "choices" in body or error else None


def _first_object(reply: ApiReply) -> Mapping[str, Any]:
    if reply.events is None:
        value = reply.json
    else:
        data = next(
            (line for event in reply.events for line in event.data.splitlines() if line.startswith(b"data:")), b""
        )
        value = parsed_json(data[5:])
    return value if isinstance(value, Mapping) else {}
