"""Groq's models: the list, and one of them."""

from __future__ import annotations

from typing import Any

from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.operations.lasting import Thing
from pytest_llmcontract.core.operations.models import Listing
from pytest_llmcontract.providers.plain import PlainEnvelope


class ModelsForm:
    """The list."""

    def __init__(self, envelope: PlainEnvelope) -> None:
        self._envelope = envelope

    def body(self, turn: Turn, answer: Listing) -> bytes:
        return self._envelope.encoded({"object": "list", "data": [_record(model) for model in answer.models]})


class ModelForm(ModelsForm):
    """One model."""

    def body(self, turn: Turn, answer: Listing) -> bytes:
        return self._envelope.encoded(_record(answer.models[0]))


class DroppedModelForm(ModelsForm):
    """One that is gone."""

    def body(self, turn: Turn, answer: Thing) -> bytes:  # type: ignore[override]
        return self._envelope.encoded({"id": answer.id, "object": "model", "deleted": True})


def _record(model: Model) -> dict[str, Any]:
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": model.owner,
        "active": True,
        "context_window": model.context,
        "public_apps": None,
        "max_completion_tokens": model.max_output,
    }
