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
    Belongs,
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
PRIVATE, INTERNAL = "VISIBILITY_PRIVATE", "VISIBILITY_INTERNAL"


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
        parent = state.kept[kind].get(turn.targets.get(name, ""), turn.at)
        if name in turn.targets and (parent is None or not lies_there(turn, parent)):
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
        unique: No other in the same place has its name.
    """

    def __init__(self, kind: str, prefix: str, *needs: str, unique: bool = False) -> None:
        super().__init__(kind)
        self._prefix, self.needs, self._unique = prefix, needs, unique

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        if outside := foreign(state, turn):
            return outside
        if missing := next((name for name in self.needs if turn.body.get(name) in (None, "")), None):
            return wrong(state, turn, f"{missing} is required", missing)
        if self._unique and taken(state, self.kind, turn.targets, turn.body.get("name")):
            return wrong(state, turn, f"{turn.body.get('name')} exists already", "name")
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


def seen_as(visibility: str = "") -> Belongs:
    """Those below the address that are seen by so many; by default by as many as the call asks for."""

    def belongs(turn: Turn, thing: Resource) -> bool:
        wanted = visibility or asked(turn, "visibility")
        return lies_there(turn, thing) and wanted in ("", thing.fields.get("visibility") or PRIVATE)

    return belongs


class ListResources(OfProject):
    """Those below the address, the newest first unless ``orderBy`` says otherwise."""

    def __init__(self, kind: str, belongs: Belongs = lies_there, *, size: int = 50, most: int = 500) -> None:
        super().__init__(kind, belongs)
        self._size, self._most = size, most

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        if outside := foreign(state, turn):
            return outside
        try:
            found = self.sorted(state, turn, self.filtered(state, turn, self.there(state, turn)))
        except BadInput as problem:
            reason = "bad_filter" if "filter" in str(problem) else "impossible"
            return state.edition.refusal(reason, {"message": str(problem)}, operation=turn.operation)
        return paged(state, turn, found, self._size, self._most)

    def there(self, state: State, turn: Turn) -> list[Any]:
        """All that may be listed."""
        things = (thing for _, thing in state.kept[self.kind].page(turn.at, newest_first=True).things)
        return [thing for thing in things if self.belongs(turn, thing)]

    def filtered(self, state: State, turn: Turn, things: list[Any]) -> list[Any]:
        """Those that pass ``filter``."""
        text = asked(turn, "filter")
        if not text:
            return things
        passes = read_filter(text, frozenset({"name", *_SORTED_BY, *self.further(state, None)}))
        return [thing for thing in things if passes(self._seen(state, thing))]

    def further(self, state: State, thing: Resource | None) -> Mapping[str, str]:
        """What else things can be filtered by: names, and of a *thing* its values."""
        return {}

    def _seen(self, state: State, thing: Resource) -> dict[str, Any]:
        moments = {"created_at": moment_of(state, thing.at), "updated_at": moment_of(state, thing.changed)}
        return {"name": bare_name(thing), **moments, **self.further(state, thing)}

    def sorted(self, state: State, turn: Turn, things: list[Any]) -> list[Any]:
        """In the order that ``orderBy`` names."""
        by, _, way = (asked(turn, "orderBy") or asked(turn, "order_by")).partition(" ")
        if not by:
            return things
        if by not in _SORTED_BY or way.lower() not in ("", "asc", "desc"):
            raise BadInput(f"orderBy must be created_at or updated_at with asc or desc, not {by[:40]!r}")
        oldest_first = sorted(things, key=lambda thing: thing.at if by == "created_at" else thing.changed)
        return oldest_first[::-1] if way.lower() == "desc" else oldest_first


def paged(state: State, turn: Turn, things: list[Any], usual: int = 50, most: int = 500) -> Decision:
    """The page of *things* behind the one that ``after`` names, of *usual* size if ``limit`` does not say."""
    try:
        size = page_size(turn, usual, most) or usual
    except BadInput as problem:
        return wrong(state, turn, str(problem), "limit")
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
        needs: What has to come along: ``etag``, ``updateMask``.
    """

    def __init__(self, kind: str, *changes: str, needs: tuple[str, ...] = ()) -> None:
        super().__init__(kind, lies_there)
        self._changes, self.needs = changes, needs

    def answer_for(self, state: State, turn: Turn, thing: Any) -> Decision:
        if stale := outdated(state, turn, thing, turn.body.get("etag"), needed="etag" in self.needs):
            return stale
        mask = asked(turn, "updateMask") or asked(turn, "update_mask")
        if not mask and "updateMask" in self.needs:
            return wrong(state, turn, "updateMask is required", "updateMask")
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


def taken(state: State, kind: str, places: Mapping[str, str], name: Any) -> bool:
    """Whether something of a kind in *places* has that name already."""
    return any(bare_name(each) == name for each in below(state, kind, **places))


def bare_name(resource: Resource) -> str:
    """Its name without the names of what it lies in."""
    return str(resource.fields.get("name", "")).rpartition("/")[2]


def below(state: State, kind: str, **places: str) -> list[Resource]:
    """The resources of a kind that lie in *places*."""
    things = (thing for _, thing in state.kept[kind].page(state.clock.seconds).things)
    return [thing for thing in things if all(thing.places.get(name) == id for name, id in places.items())]
