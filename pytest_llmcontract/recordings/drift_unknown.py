"""What no request determines: left out of a comparison by name, so that nobody takes silence for agreement."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pytest_llmcontract.core.exchange import ApiReply, ApiRequest

_STATES = {
    401: "401: the key is scrubbed",
    402: "402: the state of the account",
    403: "403: what the account may use",
    429: "429: the state of the limits",
    498: "498: the capacity of flex",
}
_CODES = {
    "tool_use_failed": "tool_use_failed: what the model got wrong",
    "json_validate_failed": "json_validate_failed: what the model got wrong",
    "output_parse_failed": "output_parse_failed: what the model got wrong",
    "model_terms_required": "model_terms_required: what the account has agreed to",
    "organization_restricted": "organization_restricted: the state of the account",
    "spend_limit_reached": "spend_limit_reached: the state of the account",
    "blocked_api_access": "blocked_api_access: the state of the account",
}

CHOSEN = frozenset(
    {
        "content", "reasoning", "tool_calls", "executed_tools", "failed_generation", "logprobs", "top_logprobs",
        "warnings",
    }
)  # fmt: skip
"""Keys that hold what the model chose to say."""
COUNTED = frozenset(
    {
        "completion_tokens_details", "prompt_tokens_details", "cached_tokens", "reasoning_tokens", "cache_hit_rate",
        "queue_time", "seed",
    }
)  # fmt: skip
"""Keys that are there, or not, by what a call happened to meet."""
HEADERS = frozenset(
    {
        "connection", "content-encoding", "content-length", "date", "keep-alive", "set-cookie", "transfer-encoding",
        "vary", "via", "x-api-retries",
    }
)  # fmt: skip
"""Headers that servers on the way add and recorders rewrite."""


_BEHIND_A_URL = re.compile(r"corrupt|retriev|download|fetch|could not be (?:processed|loaded|decoded)|failed to load")


def reason_to_leave_out(request: ApiRequest, recorded: ApiReply) -> str | None:
    """Why *request* does not determine *recorded*; ``None`` if it does."""
    if recorded.status == 400 and b'"http' in request.body and _BEHIND_A_URL.search(recorded.text.lower()):
        return "what lies behind a URL: it is not in the recording"
    if recorded.status >= 500:
        return "5xx: the provider's health"
    if recorded.status in _STATES:
        return _STATES[recorded.status]
    code = next((code for code in _error_codes(recorded) if code in _CODES), None)
    if code is not None:
        return _CODES[code]
    return "a stream that broke off: the provider's health" if _broke_off(recorded) else None


def _error_codes(reply: ApiReply) -> Iterator[str]:
    for body in objects_of(reply):
        error = body.get("error")
        if isinstance(error, dict):
            yield str(error.get("code"))


def _broke_off(reply: ApiReply) -> bool:
    """Together: a chunk like the others, with an error in its choice."""
    if reply.events is None:
        return False
    choices = (choice for body in objects_of(reply) for choice in body.get("choices") or ())
    return any(isinstance(choice, dict) and "error" in choice for choice in choices)


def objects_of(reply: ApiReply) -> list[dict[str, Any]]:
    """The JSON objects of a reply: its body, or the data of its events."""
    if reply.events is None:
        return [reply.json] if isinstance(reply.json, dict) else []
    lines = (line[5:].strip() for line in reply.text.splitlines() if line.startswith("data:"))
    return [body for line in lines if line not in ("", "[DONE]") and isinstance(body := _parsed(line), dict)]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
