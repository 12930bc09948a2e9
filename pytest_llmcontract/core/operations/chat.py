"""Chat completions in every form: messages, a bare prompt (a chat without messages), the items of the Responses API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from pytest_llmcontract.core.call.decision import Decision
from pytest_llmcontract.core.call.script import ScriptedReply, content_text
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.completion.answers import choices_asked, compose
from pytest_llmcontract.core.completion.conversation import as_chat
from pytest_llmcontract.core.completion.reported import reported_usage
from pytest_llmcontract.core.completion.synthesis import Unsatisfiable
from pytest_llmcontract.core.exchange import ApiReply, Usage, UsageSource
from pytest_llmcontract.core.limits.charges import ByTokens, Counted
from pytest_llmcontract.core.operations.built_in import as_offered, as_told, parts_of, price_with_tools
from pytest_llmcontract.core.operations.cached import with_cache
from pytest_llmcontract.core.operations.operation import TALKING, Operation


class Completions(Operation):
    """Of both kinds."""

    reads_text = True
    streams = True
    quick = True
    models = TALKING

    def counted(self, state: State, turn: Turn) -> Counted:
        dialect = state.edition.dialect
        takes_most, asks_most = dialect.admission == "maximum", dialect.refused_by == "maximum"
        return ByTokens(turn.prompt_tokens, _admitted(state, turn), turn.asked_tokens, takes_most, asks_most)

    def price(self, state: State, turn: Turn, usage: Usage) -> Decimal:
        return price_with_tools(state, turn, usage)

    def reported(self, state: State, turn: Turn, reply: ApiReply, source: UsageSource) -> Usage:
        usage = reported_usage(reply, source)
        return usage if turn.model is None else as_told(state, turn.model, reply, usage)

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        if turn.model is None:
            return state.edition.refusal("no_model")
        try:
            said = compose(
                as_offered(state, turn, turn.chat),
                turn.model,
                wanted,
                state.tokens,
                turn.prompt_tokens,
                assumed_output=state.journal.assumed_output,
            )
            usage = with_cache(state, turn, wanted, _of_all(turn, wanted, said.usage))
            if parts := parts_of(turn.model, turn.body, usage):
                usage = replace(usage, parts=parts)
            return said if usage is said.usage else replace(said, usage=usage)
        except Unsatisfiable as problem:
            # No model could give one either.
            fix = "correct the schema, or script the answer with reply(structured=…)"
            turn.find("LLM102", f"nothing conforms to the schema: {problem}", fix=fix)
            return state.edition.refusal("no_conforming_answer")


def _of_all(turn: Turn, wanted: ScriptedReply, usage: Usage) -> Usage:
    """What all choices used, of which one was made."""
    count = choices_asked(turn.body)
    if count == 1 or "completion_tokens" in (wanted.usage or {}):
        return usage
    return replace(usage, output_tokens=usage.output_tokens * count)


def _admitted(state: State, turn: Turn) -> int:
    """What an admitted request counts before its answer; older editions went by its characters."""
    dialect = state.edition.dialect
    if dialect.admission == "characters":
        messages = turn.chat.get("messages") or ()
        return sum(len(content_text(message.get("content"))) for message in messages) // 4 + dialect.admission_extra
    return turn.prompt_tokens + dialect.admission_extra


class ChatCompletions(Completions):
    """Of messages."""

    does = "chat completions"


class TextCompletions(Completions):
    """Of a bare prompt."""

    does = "completions"


class Responses(Completions):
    """The same model behind other words."""

    does = "responses"
    says_done = False

    def as_chat(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return as_chat(body)


OPERATIONS: Mapping[str, Operation] = {
    "chat.completions": ChatCompletions(),
    "completions": TextCompletions(),
    "responses": Responses(),
}
