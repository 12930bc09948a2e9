"""Together's models: the list, and one of them."""

from __future__ import annotations

from typing import Any

from pytest_llmcontract.core.call.form import compact
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.operations.models import Listing


class ModelsForm:
    """The list: a bare array, and compact, unlike every other body."""

    def body(self, turn: Turn, answer: Listing) -> bytes:
        return compact([_record(model) for model in answer.models]).encode()


def _record(model: Model) -> dict[str, Any]:
    prices = model.prices
    pricing: dict[str, Any] = {
        "hourly": 0,
        "input": float(prices.input or 0),
        "output": float(prices.output or 0),
        "base": 0,
        "finetune": 0,
    }
    if prices.cached_input is not None:
        pricing["cached_input"] = float(prices.cached_input)
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "type": model.type,
        "running": False,
        "display_name": model.name or model.id,
        "organization": model.owner,
        "link": "",
        "license": "",
        "context_length": model.context,
        "config": {"chat_template": None, "stop": [], "bos_token": None, "eos_token": None},
        "pricing": pricing,
    }
