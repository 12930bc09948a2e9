"""What models say that judge a text in place of answering it: made up, the same for the same text."""

from __future__ import annotations

import json
import re
import zlib

_ATTACK = re.compile(
    r"\b(?:ignor|disregard|forget|overrid)\w*\b.{0,40}\b(?:instruction|prompt|rule|context|previous|above|before)"
    r"|\bjailbr\w+|\bDAN\b|\bdo anything now\b|\b(?:reveal|print|show|repeat)\b.{0,40}\bsystem prompt\b"
    r"|\bpretend\b.{0,40}\bno (?:rules|limits|restrictions)\b",
    re.IGNORECASE | re.DOTALL,
)
"""What the best-known attacks on a prompt say."""


def probability(text: str) -> str:
    """How probable it is that *text* attacks a prompt: near 1 for the best-known words, else near 0."""
    little = zlib.crc32(text.encode("utf-8", "surrogatepass")) % 1000 / 1_000_000 + 0.0002
    return repr(1 - little) if _ATTACK.search(text) else repr(little)


def verdict(text: str) -> str:
    """What a model that holds *text* to a policy says of it, as JSON."""
    found = _ATTACK.search(text) is not None
    said = {"violation": int(found), "category": "prompt injection" if found else None}
    return json.dumps({**said, "rationale": "This is a simulated judgement."})
