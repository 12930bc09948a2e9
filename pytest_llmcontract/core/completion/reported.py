"""What a provider's own reply says of itself: its tokens, and which error of the catalogue it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_llmcontract.core.exchange import ApiReply, Usage, UsageSource
from pytest_llmcontract.core.facts.edition import Edition


def reported_usage(reply: ApiReply, source: UsageSource = "reported") -> Usage:
    """The tokens that *reply* reports; zero where it reports none."""
    counts = _counts(reply)
    details = _mapping(counts.get("prompt_tokens_details") or counts.get("input_tokens_details"))
    return Usage(
        input_tokens=_number(counts, "prompt_tokens", "input_tokens"),
        output_tokens=_number(counts, "completion_tokens", "output_tokens"),
        cached_tokens=_number(details, "cached_tokens") or _number(counts, "cached_tokens"),
        source=source,
    )


def error_name(reply: ApiReply, edition: Edition) -> str | None:
    """The name in *edition*'s catalogue of a recorded error; ``None`` for a success, or one it does not have."""
    if reply.status < 400:
        return None
    sent = marks(reply.json)
    same = [spec for spec in edition.errors.values() if spec.status == reply.status]
    alike = [spec for spec in same if sent and marks(spec.body) == sent]
    usual = [spec for spec in same if spec.default_for_status]
    return next((spec.name for spec in (*alike, *usual)), None)


def stream_objects(reply: ApiReply) -> Iterator[Any]:
    """The JSON in each event of a streamed reply."""
    for line in reply.text.splitlines():
        if line.startswith("data:") and line[5:].strip() != "[DONE]":
            try:
                yield json.loads(line[5:])
            except ValueError:
                continue


def _counts(reply: ApiReply) -> Mapping[str, Any]:
    """The ``usage`` of a reply. In a stream it is the last that comes: alone, in ``x_groq``, or in a ``response``."""
    if reply.events is None:
        return _mapping(_mapping(reply.json).get("usage"))
    found: Mapping[str, Any] = {}
    for event in map(_mapping, stream_objects(reply)):
        for holder in (event, _mapping(event.get("x_groq")), _mapping(event.get("response"))):
            found = _mapping(holder.get("usage")) or found
    return found


def marks(body: Any) -> tuple[Any, Any] | None:
    """Type and code of an error: what tells two of one status apart."""
    error = _mapping(_mapping(body).get("error"))
    return (error.get("type"), error.get("code")) if error else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(counts: Mapping[str, Any], *names: str) -> int:
    return next((int(counts[name]) for name in names if isinstance(counts.get(name), int | float)), 0)
