"""What the prompt cache does to a call: fewer tokens to pay, and a note where a changing prefix prevents it.

For every operation that reads a prompt. Models that cannot cache, and prompts that are too short, cost nothing here.
"""

from __future__ import annotations

from dataclasses import replace

from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.completion.prompt_cache import Piece, Seen, change_between, kind_of, pieces
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.secrets import scrubbed


def with_cache(state: State, turn: Turn, wanted: ScriptedReply, usage: Usage) -> Usage:
    """*usage* with the tokens that the provider's cache saves; where the test scripted the prompt's, as it did."""
    least = _least(state, turn)
    if not least or turn.prompt_tokens < least:
        return usage
    dialect, model, prompt = state.edition.dialect, turn.call.model, pieces(turn.body)
    seen = state.prompts.meet(model, prompt, turn.at, dialect.cache_seconds)
    before = state.prompts.before(model, turn.request, turn.at, dialect.cache_seconds)
    if wanted.usage is not None and {"prompt_tokens", "prompt_tokens_details", "cached_tokens"} & wanted.usage.keys():
        return usage
    cached = _cached(seen, usage.input_tokens, dialect.cache_block, least)
    if before is not None and usage.input_tokens - cached >= least:
        _remark(state, turn, before.json, prompt, usage.input_tokens / seen.whole, cached)
    return replace(usage, cached_tokens=cached) if cached else usage


def _least(state: State, turn: Turn) -> int:
    """The shortest prompt that is cached, in tokens; 0: none is."""
    if turn.model is None or not turn.model.can_cache or not turn.lane.cache_discount:
        return 0
    dialect = state.edition.dialect
    return (turn.model.cache_minimum or dialect.cache_minimum) if dialect.cache_seconds else 0


def _cached(seen: Seen, tokens: int, block: int, least: int) -> int:
    """Whole blocks only, and never the prompt's last token: that one has to be computed."""
    reached = min(tokens * seen.shared // seen.whole, tokens - 1) if seen.whole else 0
    cached = reached // block * block
    return cached if cached >= least else 0


def _remark(state: State, turn: Turn, before: object, prompt: list[Piece], per_byte: float, cached: int) -> None:
    """LLM109 where the line's last prompt was much the same, and differed too early."""
    least = _least(state, turn)
    change = change_between(pieces(before), prompt) if isinstance(before, dict) else None
    if change is None or change.repeated * per_byte < max(cached, change.reaches * per_byte) + least:
        return
    if not state.prompts.is_news(turn.call.model, turn.request.site, change):
        return
    was, now = scrubbed(change.before), scrubbed(change.now)
    could = int(change.repeated * per_byte)
    turn.find(
        "LLM109",
        f"{change.place} changes from byte {change.byte} on, which keeps the prompt cache from what follows",
        path=change.place,
        sent=f"byte {change.byte} is the first that differs, in {kind_of(now)}: {now!r}, the call before {was!r}",
        allowed="the same bytes, from the first tool to the last word that repeats",
        answer=f"reads {cached} of {turn.prompt_tokens} tokens from its cache, where about {could} repeat",
        fix="put what changes behind what stays the same: into the last message",
    )
