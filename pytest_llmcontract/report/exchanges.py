"""What was said in the calls of a session, as far as a report keeps it.

A report must open fast and fit into a build's artifacts, so what is long is cut, and of very much the dull part goes:
calls that were answered, of tests that passed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_llmcontract.core.exchange import ApiReply
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.secrets import scrubbed

LONGEST = 16_384
"""Characters of one body."""
MOST_OF_A_PHASE = 1_000_000
"""Characters of all exchanges in one phase of a test."""
MOST_OF_A_SESSION = 32_000_000
"""Characters of all exchanges in a session; those of failures may be as many again."""
_EMBEDDED = re.compile(r"(;base64,[A-Za-z0-9+/]{32})([A-Za-z0-9+/=]{200,})")


def kept_exchanges(calls: Sequence[Call]) -> dict[int, dict[str, Any]]:
    """The exchanges of *calls* by index: all, or of too many those that failed or were found something about, first."""
    room = MOST_OF_A_PHASE
    kept: dict[int, dict[str, Any]] = {}
    for index in sorted(range(len(calls)), key=lambda index: (_is_dull(calls[index]), index)):
        if room <= 0:
            break
        kept[index] = exchange(calls[index])
        room -= size(kept[index])
    return kept


def _is_dull(call: Call) -> bool:
    return call.status is not None and call.status < 400 and not call.violations and not (call.reply and call.reply.cut)


class Kept:
    """Says of the calls of a whole session, test by test, whose exchange stays."""

    def __init__(self) -> None:
        self._dull = self._other = 0

    def of(self, call: Mapping[str, Any], outcome: str) -> Any:
        """The exchange of *call*, if it stays."""
        said = call.get("exchange")
        if said is None:
            return None
        dull = outcome in ("passed", "skipped", "xfailed") and (call["status"] or 599) < 400 and not call["cut"]
        if (self._dull if dull else self._other) > MOST_OF_A_SESSION:
            return None
        if dull:
            self._dull += size(said)
        else:
            self._other += size(said)
        return said


def size(said: Mapping[str, Any]) -> int:
    """Characters, about."""
    headers = (*said["request_headers"].items(), *said["reply_headers"].items())
    return len(said["request"]) + len(said["reply"]) + sum(len(name) + len(value) for name, value in headers)


def exchange(call: Call) -> dict[str, Any]:
    """What was said in *call*, for the ledger."""
    request, reply = call.request, call.reply
    return {
        "method": request.method,
        "url": request.url,
        "request_headers": dict(request.headers),
        "request": _text(request.body, request.headers.get("content-type", "")),
        "reply_headers": {name: str(value) for name, value in reply.headers.items()} if reply else {},
        "reply": _said(reply) if reply else "",
    }


def _said(reply: ApiReply) -> str:
    if reply.events is not None:
        return shortened(reply.text)
    return _text(reply.body, reply.headers.get("content-type", ""))


def _text(body: bytes, kind: str) -> str:
    """*body* as text; what is none is described."""
    try:
        return shortened(body.decode("utf-8"))
    except UnicodeDecodeError:
        return f"({kind.partition(';')[0] or 'binary'}, {len(body):,} bytes)"


def shortened(text: str, longest: int = LONGEST) -> str:
    """*text* without secrets and without what is embedded in it, or the beginning of it."""
    text = scrubbed(text)  # as a whole: where it is cut, half of a key would be left
    if ";base64," in text:
        text = _EMBEDDED.sub(lambda found: f"{found[1]}… ({len(found[2]):,} more characters)", text)
    return text if len(text) <= longest else text[:longest] + f"… ({len(text) - longest:,} more characters)"
