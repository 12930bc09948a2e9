"""The calls of a failed test, a line each: what was asked when, from where, and what came back."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.secrets import scrubbed

MOST = 20
"""Lines; of more calls the first and the last are shown."""


def listed(calls: Sequence[Call]) -> str:
    """All *calls*, or the first and last of very many."""
    numbered = [f"{number:>4}  {_line(call)}" for number, call in enumerate(calls, start=1)]
    if len(numbered) > MOST:
        half = MOST // 2
        numbered[half:-half] = [f"      … {len(numbered) - MOST} more calls …"]
    return scrubbed("\n".join(numbered))


def _line(call: Call) -> str:
    outcome = str(call.status) if call.status is not None else "no reply"
    if call.reply is not None and call.reply.error:
        outcome += f" {call.reply.error}"
    if call.reply is not None and call.reply.retry_after is not None and call.reply.status >= 400:
        outcome += f", retry-after {call.reply.retry_after:g}"
    by = f" by {call.made_by}" if call.made_by else ""
    attempt = f", attempt {call.attempt}{by}" if call.attempt > 1 else ""
    where = f"  {call.site}" if call.site else ""
    asked = f"{call.provider} {call.operation} {call.model}".strip()
    return f"{call.at:9.2f} s  {asked} -> {outcome}{attempt}{where}"
