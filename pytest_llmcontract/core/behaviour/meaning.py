"""What a request asks, whoever writes it down and however often: equal for all attempts of one logical call."""

from __future__ import annotations

import json
import re
from hashlib import blake2b
from typing import Any

from pytest_llmcontract.core.exchange import ApiRequest

_HOW = frozenset({"service_tier", "user", "metadata", "safety_identifier"})
"""Fields that say how and for whom it is to be answered, not what is asked."""
_BOUNDARY = re.compile(r"boundary=\"?([^\";,\s]+)")

Meaning = tuple[str, str, bytes]


def meaning(operation: str, model: str, request: ApiRequest) -> Meaning:
    """Operation, model, and a digest of the rest.

    The order of keys, white space and the boundary of a form mean nothing. Another model is another question: what an
    application falls back to is not the same call made again.
    """
    return operation, model, blake2b(_asked(request), digest_size=16).digest()


def _asked(request: ApiRequest) -> bytes:
    place = f"{request.method} {request.path} {request.key_mark}\n".encode()
    body = request.json
    if isinstance(body, dict):
        return place + _canonical({name: value for name, value in body.items() if name not in _HOW})
    boundary = _BOUNDARY.search(request.headers.get("content-type", ""))
    raw = request.body
    return place + (raw.replace(boundary[1].encode(), b"") if boundary else raw)


def _canonical(body: Any) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def prompt(request: ApiRequest) -> bytes:
    """What is asked of whichever model, tier or provider; empty where the request has no text of its own."""
    body = request.json
    if not isinstance(body, dict):
        return b""
    for name in ("messages", "input", "prompt", "query"):
        if body.get(name):
            return blake2b(_canonical(body[name]), digest_size=16).digest()
    return b""
