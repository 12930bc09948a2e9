"""Pictures: generated, and fetched from the address that a reply gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from zlib import crc32

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.completion.answers import choices_asked
from pytest_llmcontract.core.completion.pictures import Format, Picture
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.money.prices import image_cost, image_size
from pytest_llmcontract.core.operations.operation import FREE, Operation

SIDE = 1024
"""Pixels of a picture that nobody made here."""
KEPT_SECONDS = 7 * 86400
"""How long a picture can be fetched (assumed)."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Each with the id that its address has."""

    pictures: tuple[tuple[str, Picture], ...]
    typed: bool = False
    """Each says of which type it is: only a lenient provider's, since the SDK's own types want it."""
    usage: Usage = NOTHING_USED


class GenerateImages(Operation):
    """From a prompt, which is written on them."""

    models = ("image",)
    does = "image generation"

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        if turn.model is None:
            return state.edition.refusal("no_model")
        made = [self._made(state, turn, index) for index in range(choices_asked(turn.body))]
        for id, picture in made:
            state.kept["pictures"].put(id, picture, expires=turn.at + KEPT_SECONDS)
        return Pictures(tuple(made), typed=state.lenient)

    def _made(self, state: State, turn: Turn, index: int) -> tuple[str, Picture]:
        body = turn.body
        id = state.envelope.new_id("picture", turn.now)
        # Without a seed every picture is another one, in the same order in every run.
        seed = crc32(id.encode()) if body.get("seed") is None else body["seed"] + index
        form: Format = "png" if body.get("output_format") == "png" else "jpeg"
        width, height = image_size(body)
        picture = Picture(str(body.get("prompt", "")), width, height, form, seed)
        return id, picture

    def price(self, state: State, turn: Turn, usage: Usage) -> Decimal:
        return image_cost(turn.model.prices, turn.body, turn.model.steps) if turn.model else FREE


class FetchPicture(Operation):
    """From a store that asks for no key: a picture, or a film once it is done."""

    public = True
    says = False

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        id = turn.targets["id"]
        # A scripted or recorded reply may give an address that was never made here: there is a picture too.
        picture = state.kept["pictures"].get(id, turn.at) or Picture(id, SIDE, SIDE, "jpeg", 0)
        if not picture.is_there(turn.now):
            return state.edition.refusal("unknown_address")
        return Pictures(((id, picture),))


OPERATIONS: Mapping[str, Operation] = {"images.generations": GenerateImages(), "images.content": FetchPicture()}
