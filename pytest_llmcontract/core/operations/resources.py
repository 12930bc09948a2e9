"""Resources below a project: made, listed, changed and taken away, each with an etag that guards it from others.

What a resource holds is what was asked of it, by the names that the provider gives its fields; what follows from that
(states, money, traffic) is in the modules of the single kinds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.operations.filters import read_filter
from pytest_llmcontract.core.operations.identity import identity_of
from pytest_llmcontract.core.operations.lasting import (
    OfKind,
    Retrieve,
    Thing,
    Things,
    asked,
    page_size,
    wrong,
)
from pytest_llmcontract.core.refusal import Refusal

_SORTED_BY = ("created_at", "updated_at")
_FILTERED_BY = frozenset({"name", *_SORTED_BY})


@dataclass(slots=True)
class Resource:
    """One of them."""

    id: str
    places: Mapping[str, str]
    """Where it lies: the project, the endpoint … that its address names."""
    fields: dict[str, Any]
    """What was asked of it."""
    at: float
    """When it was made."""
    changed: float
    etag: str
    more: dict[str, Any] = field(default_factory=dict)
    """What follows from that, and is kept with it."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """Done, and there is nothing to say."""

    usage: Usage = NOTHING_USED


def lies_there(turn: Turn, thing: Resource) -> bool:
    """Whether a resource is one of those below the address."""
    return all(turn.targets.get(name) == value for name, value in thing.places.items() if name in turn.targets)


def new_resource(state: State, kind: str, prefix: str, places: Mapping[str, str], fields: dict[str, Any]) -> Resource:
    """A resource made now, on the shelf of its kind."""
    at, now = state.clock.seconds, state.clock.now
    resource = Resource(state.envelope.new_id(prefix, now), places, fields, at, at, state.envelope.new_id("hex", now))
    state.kept[kind].put(resource.id, resource)
    return resource


def known_resource(state: State, kind: str, id: str) -> Resource:
    """The resource of that id, which is known to be there."""
    resource = state.kept[kind].get(id, state.clock.seconds)
    assert isinstance(resource, Resource)
    return resource


def touch(state: State, resource: Resource) -> None:
    """It has changed."""
    resource.changed = state.clock.seconds
    resource.etag = state.envelope.new_id("hex", state.clock.now)


def moment_of(state: State, at: float) -> datetime:
    """A moment in seconds of the virtual clock, as a date and time."""
    return state.clock.now + timedelta(seconds=at - state.clock.seconds)


class OfProject(OfKind):
    """An operation on resources of the caller's project."""

    needs: tuple[str, ...] = ()
    """Fields without which nothing is made."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        if outside := foreign(state, turn):
            return outside
        return super().answer(state, turn, wanted)


def foreign(state: State, turn: Turn) -> Refusal | None:
    """Whether the address names another project or organization, or something that is not there."""
    own = identity_of(state)
    for name, known in (("project", own.project), ("organization", own.organization)):
        if name in turn.targets and turn.targets[name] != known:
            return _nobodys(state, turn, name)
    for name, kind in PARENTS.items():
        if name in turn.targets and state.kept[kind].get(turn.targets[name], turn.at) is None:
            return _nobodys(state, turn, name)
    return None


PARENTS = {"endpoint": "v2.endpoints", "deployment": "v2.deployments", "experiment": "v2.shadow_experiments"}
"""The shelves of what has something below it, by the name in an address."""


def _nobodys(state: State, turn: Turn, name: str) -> Refusal:
    return state.edition.refusal("no_such_thing", {"target": turn.targets[name]}, operation=turn.operation)


class MakeResource(OfProject):
    """A new one.

    Args:
        prefix: Its id begins with it.
        needs: Fields that it has to have.
    """

    def __init__(self, kind: str, prefix: str, *needs: str) -> None:
        super().__init__(kind)
        self._prefix, self.needs = prefix, needs

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        if outside := foreign(state, turn):
            return outside
        if missing := next((name for name in self.needs if turn.body.get(name) in (None, "")), None):
            return wrong(state, turn, f"{missing} is required", missing)
        return self.checked(state, turn) or self.made(state, turn)

    def checked(self, state: State, turn: Turn) -> Refusal | None:
        """What else is wrong with it."""
        return None

    def made(self, state: State, turn: Turn) -> Decision:
        """Make it."""
        resource = new_resource(state, self.kind, self._prefix, dict(turn.targets), dict(turn.body))
        self.begun(state, turn, resource)
        return Thing(resource.id, resource)

    def begun(self, state: State, turn: Turn, resource: Resource) -> None:
        """What follows from its being there."""


class RetrieveResource(OfProject, Retrieve):
    """One of them."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind, lies_there)


class ListResources(OfProject):
    """Those below the address, the newest first unless ``orderBy`` says otherwise."""

    def __init__(self, kind: str, *, size: int = 50, most: int = 500) -> None:
        super().__init__(kind, lies_there)
        self._size, self._most = size, most

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        if outside := foreign(state, turn):
            return outside
        try:
            size = page_size(turn, self._size, self._most) or self._size
            found = self.sorted(state, turn, self.filtered(state, turn, self.there(state, turn)))
        except BadInput as problem:
            reason = "bad_filter" if "filter" in str(problem) else "impossible"
            return state.edition.refusal(reason, {"message": str(problem)}, operation=turn.operation)
        return paged(state, turn, found, size)

    def there(self, state: State, turn: Turn) -> list[Any]:
        """All that may be listed."""
        things = (thing for _, thing in state.kept[self.kind].page(turn.at, newest_first=True).things)
        return [thing for thing in things if self.belongs(turn, thing)]

    def filtered(self, state: State, turn: Turn, things: list[Any]) -> list[Any]:
        """Those that pass ``filter``."""
        text = asked(turn, "filter")
        if not text:
            return things
        passes = read_filter(text, _FILTERED_BY)
        return [thing for thing in things if passes(_shown(state, thing))]

    def sorted(self, state: State, turn: Turn, things: list[Any]) -> list[Any]:
        """In the order that ``orderBy`` names."""
        by, _, way = (asked(turn, "orderBy") or asked(turn, "order_by")).partition(" ")
        if not by:
            return things
        if by not in _SORTED_BY or way.lower() not in ("", "asc", "desc"):
            raise BadInput(f"orderBy must be created_at or updated_at with asc or desc, not {by[:40]!r}")
        oldest_first = sorted(things, key=lambda thing: thing.at if by == "created_at" else thing.changed)
        return oldest_first[::-1] if way.lower() == "desc" else oldest_first


def _shown(state: State, thing: Resource) -> dict[str, str]:
    moments = {"created_at": thing.at, "updated_at": thing.changed}
    times = {name: moment_of(state, at).strftime("%Y-%m-%dT%H:%M:%SZ") for name, at in moments.items()}
    return {"name": str(thing.fields.get("name", "")).rpartition("/")[2], **times}


def paged(state: State, turn: Turn, things: list[Any], size: int) -> Decision:
    """The page of *things* behind the one that ``after`` names."""
    behind = asked(turn, "after")
    ids = [thing.id for thing in things]
    if behind and behind not in ids:
        return wrong(state, turn, f"invalid cursor {behind[:100]!r}", "after")
    rest = things[ids.index(behind) + 1 :] if behind else things
    return Things(tuple((thing.id, thing) for thing in rest[:size]), len(rest) > size)


class ChangeResource(OfProject):
    """Give it other values, unless somebody else has meanwhile.

    Args:
        changes: The fields that may change.
    """

    def __init__(self, kind: str, *changes: str, needs: tuple[str, ...] = ()) -> None:
        super().__init__(kind, lies_there)
        self._changes, self.needs = changes, needs

    def answer_for(self, state: State, turn: Turn, thing: Any) -> Decision:
        if stale := outdated(state, turn, thing, turn.body.get("etag"), needed="etag" in self.needs):
            return stale
        mask = asked(turn, "updateMask") or asked(turn, "update_mask")
        named = {_camel(name.strip()) for name in mask.split(",")} if mask else set(turn.body)
        if unknown := named - {*self._changes, "etag", "id"}:
            return wrong(state, turn, f"{min(unknown)} cannot be changed", min(unknown))
        new = {name: turn.body.get(name) for name in self._changes if name in named}
        if refusal := self.checked(state, turn, thing, new):
            return refusal
        before = dict(thing.fields)
        thing.fields |= new
        touch(state, thing)
        self.changed(state, turn, thing, before)
        return Thing(thing.id, thing)

    def checked(self, state: State, turn: Turn, thing: Any, new: dict[str, Any]) -> Refusal | None:
        """What is wrong with the new values."""
        return None

    def changed(self, state: State, turn: Turn, thing: Any, before: Mapping[str, Any]) -> None:
        """What follows from the change."""


def outdated(state: State, turn: Turn, thing: Any, etag: Any, *, needed: bool = False) -> Refusal | None:
    """Whether *etag* is of an older version."""
    if etag in (None, "") and needed:
        return wrong(state, turn, "etag is required", "etag")
    if etag in (None, "", thing.etag):
        return None
    return state.edition.refusal("stale", {"target": thing.id}, operation=turn.operation)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


class DropResource(OfProject):
    """Take it away, unless somebody else has changed it."""

    def __init__(self, kind: str, *needs: str) -> None:
        super().__init__(kind, lies_there)
        self.needs = needs

    def answer_for(self, state: State, turn: Turn, thing: Any) -> Decision:
        etag = asked(turn, "etag") or turn.body.get("etag")
        if stale := outdated(state, turn, thing, etag, needed="etag" in self.needs):
            return stale
        if refusal := self.kept_by(state, turn, thing):
            return refusal
        state.kept[self.kind].drop(thing.id, turn.at)
        self.gone(state, turn, thing)
        return Nothing()

    def kept_by(self, state: State, turn: Turn, thing: Any) -> Refusal | None:
        """What forbids it."""
        return None

    def gone(self, state: State, turn: Turn, thing: Any) -> None:
        """What follows from its being gone."""


def below(state: State, kind: str, **places: str) -> list[Resource]:
    """The resources of a kind that lie in *places*."""
    things = (thing for _, thing in state.kept[kind].page(state.clock.seconds).things)
    return [thing for thing in things if all(thing.places.get(name) == id for name, id in places.items())]
