"""A logical call told in lines: when it was asked, what it was told, when it came back and who sent it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_llmcontract.core.ledger import Call, LogicalCall

_MOST = 16
"""Lines; of more attempts the first and the last are told."""


def came_back(before: Call, call: Call) -> float:
    """Seconds between the end of an attempt and the beginning of the next."""
    return max(round(call.at - before.at - before.took, 6), 0.0)


def seconds(length: float) -> str:
    """``0.42 s``: to the millisecond."""
    return f"{round(length, 3):g} s"


def told(call: Call) -> str:
    """What came back of *call*: ``429 rate_limit_exceeded, retry-after 2``."""
    if call.reply is None:
        return "a broken connection"
    words = f"{call.status} {call.reply.error or ''}".strip()
    wait = call.reply.retry_after
    return f"{words}, retry-after {wait:g}" if wait is not None and call.reply.status >= 400 else words


def timeline(logical: LogicalCall) -> str:
    """A line for each attempt."""
    lines = []
    for number, call in enumerate(logical.attempts):
        if number == 0:
            who = f"asked{f' by {call.site}' if call.site else ''}"
        else:
            waited = seconds(came_back(logical.attempts[number - 1], call))
            who = f"{logical.owners[number - 1]} asked again after {waited}"
        lines.append(f"{call.at:9.2f} s  {who}: {told(call)}")
    if len(lines) > _MOST:
        half = _MOST // 2
        lines[half:-half] = [f"            … {len(lines) - _MOST} more …"]
    return "\n".join(lines)
