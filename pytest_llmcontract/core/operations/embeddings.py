"""Embeddings: a vector for each text. What is longer than the model reads is cut in silence."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_llmcontract.core.call.decision import Decision
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.completion.answers import told_usage
from pytest_llmcontract.core.completion.tokens import checked_count
from pytest_llmcontract.core.completion.vectors import DIMENSIONS, vector
from pytest_llmcontract.core.exchange import ApiReply, Usage, UsageSource
from pytest_llmcontract.core.limits.charges import ByTokens, Counted
from pytest_llmcontract.core.operations.operation import Operation

_LONGEST_TOKEN = 16
"""Characters; of longer ones no model reads many."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """One for each text, in its order."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage


class Embed(Operation):
    """Of one text, or of several."""

    models = ("embedding",)
    does = "embeddings"

    def counted(self, state: State, turn: Turn) -> Counted:
        tokens = _read(state, turn)[1]
        return ByTokens(tokens, tokens, 0)

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        if turn.model is None:
            return state.edition.refusal("no_model")
        texts, tokens = _read(state, turn)
        size, unit = turn.model.dimensions or DIMENSIONS, turn.model.unit_length
        vectors = tuple(vector(text, size, unit_length=unit) for text in texts)
        return Vectors(vectors, told_usage(wanted.usage or {}, tokens, 0, "estimated"))

    def reported(self, state: State, turn: Turn, reply: ApiReply, source: UsageSource) -> Usage:
        told = super().reported(state, turn, reply, source)
        return told if told.total_tokens else Usage(_read(state, turn)[1])


def _read(state: State, turn: Turn) -> tuple[list[str], int]:
    """The texts as far as the model reads them, and their tokens."""
    given = turn.body.get("input", "")
    texts = given if isinstance(given, list) else [given]
    most = turn.model.context if turn.model else None
    read = [cut_to(state, turn, str(text), most) for text in texts]
    return [text for text, _ in read], sum(tokens for _, tokens in read)


def cut_to(state: State, turn: Turn, text: str, most: int | None) -> tuple[str, int]:
    """*text* as far as a model reads it that reads *most* tokens, and how many it has."""

    def count(part: str) -> int:
        return max(1, checked_count(state.tokens.prompt({"input": part}, turn.call.model)))

    tokens = count(text)
    if most is None or tokens <= most:
        return text, tokens
    # Where it is cut depends on what stands before alone, not on what is lost.
    ends = range(1, min(len(text), most * _LONGEST_TOKEN) + 1)
    return text[: bisect_right(ends, most, key=lambda end: count(text[:end]))], most


OPERATIONS: Mapping[str, Operation] = {"embeddings": Embed()}
