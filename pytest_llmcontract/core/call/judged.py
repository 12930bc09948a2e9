"""A scripted reply, held to the request that it answers and to the schema of the operation's replies: LLM201.

The application gets it all the same: a test may want to see what becomes of it, and says so with ``llm_allow``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from pytest_llmcontract.core.call.script import Script, ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.completion.held import Unlike, unlike
from pytest_llmcontract.core.contract.mismatch import shown
from pytest_llmcontract.core.contract.reply import CODE, ReplyContract, reply_contract
from pytest_llmcontract.core.operations import operation_of

_TEXTS = ("text", "srt", "vtt")
"""Forms of a transcription that are no JSON."""


def judge(state: State, turn: Turn, script: Script, reply: ScriptedReply) -> None:
    """Note what no provider would answer to this request."""
    if reply.body is not None:
        promised = reply_contract(state.edition.provider, turn.operation, state.edition.date)
        found = _unlike_body(turn, promised, reply.body) if promised else iter(())
    elif operation_of(turn).reads_text:
        found = unlike(turn.chat, reply)
    else:
        found = _unheard(turn, reply)
    for problem in chain(found, _silent(turn, reply)):
        turn.find(
            CODE,
            f"the scripted reply {problem.message}; {script.what}",
            path=problem.path,
            sent=f"scripted: {problem.scripted}",
            allowed=problem.asked,
            answer="never answers so; the application got it all the same",
            fix="script what the request asks for",
            site=script.site,
        )


def _unheard(turn: Turn, reply: ScriptedReply) -> Iterator[Unlike]:
    """What an operation that says nothing cannot say."""
    for name in ("content", "structured", "tool_calls", "reasoning", "finish_reason"):
        if name not in operation_of(turn).parts and (value := getattr(reply, name)) is not None:
            yield Unlike(f"$.{name}", f"has {name}=, and the operation answers none", shown(value), "body=")


def _silent(turn: Turn, reply: ScriptedReply) -> Iterator[Unlike]:
    """Seconds of what makes no sound."""
    seconds = (reply.usage or {}).get("seconds")
    if seconds is not None and not operation_of(turn).plays:
        yield Unlike("$.usage.seconds", "counts seconds, and nothing plays", shown(seconds), "tokens")


def _unlike_body(turn: Turn, promised: ReplyContract, body: Any) -> Iterator[Unlike]:
    if isinstance(body, str | bytes):
        if turn.call.stream or not promised.reply or turn.body.get("response_format") in _TEXTS:
            return
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            yield Unlike("$", "has a body that is no JSON", shown(body), "an object")
            return
    elif turn.call.stream and promised.event and isinstance(body, Mapping):
        yield Unlike("$", "is one object, and the request asks for a stream", shown(body), "stream: true")
        return
    if mismatches := promised.check(200, body):
        first, more = mismatches[0], len(mismatches) - 1
        said = f"does not fit its schema: {first.message}" + (f", and {more} more" if more else "")
        yield Unlike(first.path, said, first.sent or "nothing", f"{first.allowed or 'another value'} ({first.schema})")
