"""Who the key belongs to: one organization with one project, made up once and the same for the whole simulation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_llmcontract.core.call.decision import Decision
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.operations.lasting import Thing, Things
from pytest_llmcontract.core.operations.operation import Operation


@dataclass(frozen=True, slots=True)
class Identity:
    """Ids and names."""

    organization: str
    project: str
    user: str
    key: str
    organization_name: str = "Test Organization"
    project_name: str = "Default Project"
    slug: str = "test-project"
    """Begins the names of the project's models and endpoints."""


def identity_of(state: State) -> Identity:
    """Who calls."""
    shelf, now = state.kept["identity"], state.clock.now
    known: Identity | None = shelf.get("own", state.clock.seconds)
    if known is None:
        ids = [state.envelope.new_id(kind, now) for kind in ("org", "proj", "user", "key")]
        known = shelf.put("own", Identity(*ids))
    return known


class WhoAmI(Operation):
    """The owner of the key."""

    remembers = True
    says = False

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        known = identity_of(state)
        return Thing(known.key, known)


class ListProjects(Operation):
    """The only one."""

    remembers = True
    says = False

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        known = identity_of(state)
        return Things(((known.project, known),))


OPERATIONS: Mapping[str, Operation] = {
    "whoami": WhoAmI(),
    "v3.whoami": WhoAmI(),
    "projects.list": ListProjects(),
}
