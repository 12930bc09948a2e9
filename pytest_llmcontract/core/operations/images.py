"""Pictures: generated, and fetched from the address that a reply gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.money.prices import image_cost
from pytest_llmcontract.core.operations.operation import FREE, Operation


@dataclass(frozen=True, slots=True)
class Pictures:
    """So many of them."""

    count: int
    usage: Usage = NOTHING_USED


class GenerateImages(Operation):
    """From a prompt."""

    models = ("image",)
    does = "image generation"

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        assert turn.model is not None
        return Pictures(turn.body.get("n") or 1)

    def price(self, state: State, turn: Turn, usage: Usage) -> Decimal:
        return image_cost(turn.model.prices, turn.body) if turn.model else FREE


class FetchPicture(Operation):
    """From a store that asks for no key."""

    public = True

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        return Pictures(1)


OPERATIONS: Mapping[str, Operation] = {"images.generations": GenerateImages(), "images.content": FetchPicture()}
