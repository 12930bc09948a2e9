"""Rerank: documents in the order of what they have to do with a query: the words that they share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmcontract.core.call.decision import Decision
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.completion.answers import told_usage
from pytest_llmcontract.core.completion.vectors import likeness, vector, words
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.limits.charges import ByTokens, Counted
from pytest_llmcontract.core.operations.embeddings import cut_to
from pytest_llmcontract.core.operations.operation import Operation

_DIMENSIONS = 128


@dataclass(frozen=True, slots=True)
class Ranked:
    """One document."""

    index: int
    """Its place in the request."""
    score: float
    """From 0 to 1."""
    text: str
    """As it is given back: an object as JSON."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """The best documents first."""

    results: tuple[Ranked, ...]
    usage: Usage


class Rerank(Operation):
    """Of texts, or of objects with texts in them."""

    models = ("rerank",)
    does = "reranking"

    def counted(self, state: State, turn: Turn) -> Counted:
        tokens = _tokens(state, turn)
        return ByTokens(tokens, tokens, 0)

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        if turn.model is None:
            return state.edition.refusal("no_model")
        body = turn.body
        documents = list(enumerate(body["documents"]))
        scores = [(_score(body["query"], text_of(document, body.get("rank_fields")))) for _, document in documents]
        ranked = [Ranked(index, scores[index], _shown(document)) for index, document in documents]
        ranked.sort(key=lambda result: (-result.score, result.index))
        usage = told_usage(wanted.usage or {}, _tokens(state, turn), 0, "estimated")
        return Ranking(tuple(ranked[: body.get("top_n")]), usage)


def _tokens(state: State, turn: Turn) -> int:
    """Of the query and of all documents, each as far as the model reads it."""
    body, most = turn.body, turn.model.context if turn.model else None
    documents = body.get("documents")  # nobody has looked at the body yet
    listed = documents if isinstance(documents, list) else []
    texts = [str(body.get("query", "")), *(text_of(document, body.get("rank_fields")) for document in listed)]
    return sum(cut_to(state, turn, text, most)[1] for text in texts)


def text_of(document: Any, fields: Any) -> str:
    """What a document is ranked by: itself, or the named *fields* of an object; by default all of them."""
    if not isinstance(document, Mapping):
        return str(document)
    names = fields if isinstance(fields, list) and fields else list(document)
    chosen = [value for name, value in document.items() if name in names]
    return "\n".join(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in chosen)


def _shown(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _score(query: str, text: str) -> float:
    """Most of it is the share of the query's words that the document has; what letters they share decides the rest."""
    asked = set(words(query))
    shared = len(asked.intersection(words(text))) / len(asked) if asked else 0.0
    near = likeness(vector(query, _DIMENSIONS, unit_length=True), vector(text, _DIMENSIONS, unit_length=True))
    step = 1 / (len(asked) + 1)
    return round(max(0.0, shared * (1 - step) + max(0.0, near) * step * 0.99), 12)


OPERATIONS: Mapping[str, Operation] = {"rerank": Rerank()}
