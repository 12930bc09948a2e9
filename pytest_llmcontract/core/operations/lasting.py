"""What is the same of all things that last: found by the id in the address, listed in pages, taken away.

A thing lies on the shelf of its kind (``state.kept["files"]``). An operation on one answers a :class:`Thing`, one on
many :class:`Things`; the provider's forms show them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.operations.operation import Operation
from pytest_llmcontract.core.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Thing:
    """One of them."""

    id: str
    thing: Any
    usage: Usage = NOTHING_USED


@dataclass(frozen=True, slots=True)
class Things:
    """Some of them, in the order asked for."""

    things: tuple[tuple[str, Any], ...]
    """Each with its id."""
    more: bool = False
    """Whether others follow."""
    usage: Usage = NOTHING_USED


Belongs = Callable[[Turn, Any], bool]
"""Whether a thing is among those that the call is about."""


def any_of_them(turn: Turn, thing: Any) -> bool:
    """For a shelf whose things all belong to whoever asks."""
    return True


class OfKind(Operation):
    """An operation on things of one kind.

    Args:
        kind: The name of their shelf.
        belongs: Which of them the call is about: those of the endpoint that its path names.
    """

    calls_model = False
    remembers = True
    says = False

    def __init__(self, kind: str, belongs: Belongs = any_of_them) -> None:
        self.kind = kind
        self.belongs = belongs

    def found(self, state: State, turn: Turn) -> Any:
        """What the address names; ``None`` if it is not there."""
        thing = state.kept[self.kind].get(turn.targets["id"], turn.at)
        return thing if thing is not None and self.belongs(turn, thing) else None

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        thing = self.found(state, turn)
        return not_there(state, turn) if thing is None else self.answer_for(state, turn, thing)

    def answer_for(self, state: State, turn: Turn, thing: Any) -> Decision:
        """What is answered, now that the thing is found."""
        raise NotImplementedError


class Retrieve(OfKind):
    """One of them."""

    def answer_for(self, state: State, turn: Turn, thing: Any) -> Decision:
        return Thing(turn.targets["id"], thing)


class Drop(OfKind):
    """Take one away."""

    def answer_for(self, state: State, turn: Turn, thing: Any) -> Decision:
        state.kept[self.kind].drop(turn.targets["id"], turn.at)
        return Thing(turn.targets["id"], thing)


class ListAll(OfKind):
    """All of them, or a page behind the one that ``after`` names.

    Args:
        size: How many at most, where the call does not say; ``None``: all.
        most: How many at most, whatever it says.
    """

    def __init__(
        self,
        kind: str,
        belongs: Belongs = any_of_them,
        *,
        size: int | None = None,
        most: int = 500,
        newest_first: bool = True,
    ) -> None:
        super().__init__(kind, belongs)
        self._size, self._most, self._newest_first = size, most, newest_first

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        try:
            behind = asked(turn, "after")
            page = state.kept[self.kind].page(turn.at, after=behind, newest_first=self._newest_first)
            size = page_size(turn, self._size, self._most)
        except BadInput as problem:
            return wrong(state, turn, str(problem))
        mine = [(id, thing) for id, thing in page.things if self.belongs(turn, thing)]
        return Things(tuple(mine[:size]), len(mine) > len(mine[:size]))


def asked(turn: Turn, name: str) -> str:
    """The last value of *name* behind the path; empty if it is not there."""
    return turn.query.get(name, [""])[-1]


def page_size(turn: Turn, usual: int | None, most: int) -> int | None:
    """How many things a page may hold.

    Raises:
        BadInput: ``limit`` is no whole number from 1.
    """
    limit = asked(turn, "limit")
    if not limit:
        return usual
    if not (limit.isascii() and limit.isdigit()) or not int(limit[:9]):
        raise BadInput(f"limit must be a whole number from 1 to {most}, not {limit[:40]!r}")
    return min(int(limit[:9]), most)


def not_there(state: State, turn: Turn) -> Refusal:
    """There is nothing of the id that the address names."""
    values = {"target": turn.targets.get("id", turn.target)}
    return state.edition.refusal("no_such_thing", values, operation=turn.operation)


def wrong(state: State, turn: Turn, message: str, param: str | None = None) -> Refusal:
    """What is asked cannot be done, for a reason that no schema knows."""
    return state.edition.refusal("impossible", {"message": message, "param": param}, operation=turn.operation)
