"""The models that there are, and one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.operations.lasting import Thing, wrong
from pytest_llmcontract.core.operations.operation import Operation


@dataclass(frozen=True, slots=True)
class Listing:
    """Models, in the order of the data."""

    models: tuple[Model, ...]
    usage: Usage = NOTHING_USED


class ListModels(Operation):
    """Those that answer today, and that this account may use."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        today = turn.now.date()
        return Listing(
            tuple(
                model
                for model in state.models()
                if model.since <= today and not model.is_retired(today) and state.account.access(model, turn.at) is None
            )
        )


class RetrieveModel(Operation):
    """The one that the address names."""

    names_model = True

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        assert turn.model is not None
        return Listing((turn.model,))


class DropModel(Operation):
    """The account's own one that the address names; those of the provider's stay (assumed)."""

    names_model = True
    remembers = True
    says = False

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        id = turn.targets["id"]
        if id not in state.own_models:
            return wrong(state, turn, f"The model `{id}` is not yours to delete")
        return Thing(id, state.own_models.pop(id))


OPERATIONS: Mapping[str, Operation] = {
    "models.list": ListModels(),
    "models.retrieve": RetrieveModel(),
    "models.delete": DropModel(),
}
