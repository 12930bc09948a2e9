"""Together's embeddings and rankings: JSON like all of its bodies, and no usage with embeddings."""

from __future__ import annotations

from typing import Any

from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.operations.embeddings import Vectors
from pytest_llmcontract.core.operations.rerank import Ranked, Ranking
from pytest_llmcontract.providers.plain import PlainEnvelope, embeddings_body


class EmbeddingsForm:
    """A vector for each text."""

    def __init__(self, envelope: PlainEnvelope) -> None:
        self._envelope = envelope

    def body(self, turn: Turn, answer: Vectors) -> bytes:
        return self._envelope.encoded(embeddings_body(turn, answer))


class RerankForm:
    """The best documents first; each is empty where it was not asked for (recorded)."""

    def __init__(self, envelope: PlainEnvelope) -> None:
        self._envelope = envelope

    def body(self, turn: Turn, answer: Ranking) -> bytes:
        shown = turn.body.get("return_documents") is True
        usage = answer.usage
        body: dict[str, Any] = {
            "id": turn.request_id,
            "object": "rerank",
            "model": turn.call.model,
            "results": [_result(result, shown=shown) for result in answer.results],
            "usage": {
                "prompt_tokens": usage.input_tokens,
                "completion_tokens": usage.output_tokens,
                "total_tokens": usage.total_tokens,
            },
        }
        return self._envelope.encoded(body)


def _result(result: Ranked, *, shown: bool) -> dict[str, Any]:
    document = {"text": result.text} if shown else {}
    return {"index": result.index, "relevance_score": result.score, "document": document}
