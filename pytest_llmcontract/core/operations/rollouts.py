"""What is tried on the traffic of an endpoint: rollouts from one deployment to another, experiments, adapters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.operations.catalogue import model_named
from pytest_llmcontract.core.operations.deployments import (
    DEPLOYMENTS,
    ENDPOINTS,
    OVER,
    ROLLOUTS,
    active_rollout,
    happens,
)
from pytest_llmcontract.core.operations.lasting import Thing, asked, wrong
from pytest_llmcontract.core.operations.operation import Operation
from pytest_llmcontract.core.operations.resources import (
    PARENTS,
    ChangeResource,
    DropResource,
    ListResources,
    MakeResource,
    OfProject,
    Resource,
    RetrieveResource,
    below,
    known_resource,
    lies_there,
    new_resource,
    outdated,
    touch,
)
from pytest_llmcontract.core.refusal import Refusal

SPLITS, SHADOWS, TARGETS = "v2.ab_experiments", PARENTS["experiment"], "v2.targets"
ADAPTERS, PROFILES = "v2.adapters", "v2.placement_profiles"
_SECONDS = 600
"""How long a rollout takes that nobody pauses (assumed)."""


def _not_of_it(state: State, turn: Turn, name: str, id: Any) -> Refusal | None:
    """Whether a deployment that the body names is none of the endpoint's."""
    deployment = state.kept[DEPLOYMENTS].get(id, turn.at) if isinstance(id, str) else None
    if deployment is not None and deployment.places["endpoint"] == turn.targets["endpoint"]:
        return None
    return wrong(state, turn, f"deployment {id} is not of this endpoint", name)


# Rollouts


class PlanRollout(MakeResource):
    """Traffic shall move from one deployment to another; it begins when it is told so."""

    def checked(self, state: State, turn: Turn) -> Refusal | None:
        for name in ("sourceDeploymentId", "targetDeploymentId"):
            if refusal := _not_of_it(state, turn, name, turn.body[name]):
                return refusal
        if active_rollout(state, turn.targets["endpoint"]):
            return wrong(state, turn, "the endpoint has an active rollout already")
        return None

    def begun(self, state: State, turn: Turn, resource: Resource) -> None:
        resource.more |= {"state": "PENDING", "left": float(_SECONDS), "booked": None}


class PreviewRollout(MakeResource):
    """What a rollout would be with everything that it leaves open."""

    def checked(self, state: State, turn: Turn) -> Refusal | None:
        for name in ("sourceDeploymentId", "targetDeploymentId"):
            if refusal := _not_of_it(state, turn, name, turn.body[name]):
                return refusal
        return None

    def made(self, state: State, turn: Turn) -> Decision:
        source = known_resource(state, DEPLOYMENTS, turn.body["sourceDeploymentId"])
        target = known_resource(state, DEPLOYMENTS, turn.body["targetDeploymentId"])
        return Preview(dict(turn.body), source, target)


@dataclass(frozen=True, slots=True)
class Preview:
    """A rollout that is not there yet."""

    asked: dict[str, Any]
    source: Resource
    target: Resource
    usage: Usage = NOTHING_USED


class MoveRollout(OfProject):
    """Start, pause, resume, end one.

    Args:
        from_states: Those in which it can be done.
        to: The state that follows.
    """

    def __init__(self, from_states: tuple[str, ...], to: str) -> None:
        super().__init__(ROLLOUTS, lies_there)
        self._from, self._to = from_states, to

    def answer_for(self, state: State, turn: Turn, thing: Any) -> Decision:
        if stale := outdated(state, turn, thing, turn.body.get("etag")):
            return stale
        if thing.more["state"] not in self._from:
            text = f"rollout {thing.id} is {thing.more['state']}, not {' or '.join(self._from)}"
            return wrong(state, turn, text)
        _rest(state, thing)
        _go(state, thing, self._to, str(turn.body.get("reason") or ""))
        return Thing(thing.id, thing)


def _rest(state: State, rollout: Resource) -> None:
    """It does not go on by itself; what is left of it is kept."""
    more, at = rollout.more, state.clock.seconds
    if more["booked"] is not None:
        more["booked"].cancel()
        more |= {"booked": None, "left": max(0.0, more["ends"] - at)}


def _go(state: State, rollout: Resource, to: str, reason: str = "") -> None:
    more, at = rollout.more, state.clock.seconds
    more |= {"state": to, "reason": reason, "since": at}
    if to == "RUNNING":
        more.setdefault("started", at)
        more |= {
            "ends": at + more["left"],
            "booked": state.schedule.after(more["left"], partial(_go, state, rollout, "COMPLETED")),
        }
    if to in OVER:
        more |= {"ended": at, "booked": None}
    if to == "COMPLETED":
        _land(state, rollout)
    touch(state, rollout)


def _land(state: State, rollout: Resource) -> None:
    """The traffic of the source goes to the target."""
    endpoint = state.kept[ENDPOINTS].get(rollout.places["endpoint"], state.clock.seconds)
    if endpoint is None:
        return
    source, target = rollout.fields["sourceDeploymentId"], rollout.fields["targetDeploymentId"]
    weights = {entry["deploymentId"]: entry["weight"] for entry in endpoint.fields["trafficSplit"]}
    weights[target] = weights.get(target, 0) + weights.pop(source, 1)
    endpoint.fields["trafficSplit"] = [{"deploymentId": id, "weight": weight} for id, weight in weights.items()]
    touch(state, endpoint)
    happens(state, endpoint, "rollout.completed", "Rollout completed")


class ListRollouts(ListResources):
    """All, or those that are under way, or those that are over."""

    def filtered(self, state: State, turn: Turn, things: list[Any]) -> list[Any]:
        wanted = asked(turn, "filter")
        if wanted not in ("ROLLOUT_FILTER_ACTIVE", "ROLLOUT_FILTER_TERMINAL"):
            return super().filtered(state, turn, things)
        return [each for each in things if (each.more["state"] in OVER) == wanted.endswith("TERMINAL")]


class DropRollout(DropResource):
    """Only one that is over, or has not begun."""

    def kept_by(self, state: State, turn: Turn, thing: Any) -> Refusal | None:
        if thing.more["state"] in (*OVER, "PENDING"):
            return None
        return wrong(state, turn, f"rollout {thing.id} is {thing.more['state']}: cancel it first")


# Experiments


class Split(MakeResource):
    """Shares of the traffic for several deployments."""

    def checked(self, state: State, turn: Turn) -> Refusal | None:
        return _bad_members(state, turn, turn.body.get("members"))


def _bad_members(state: State, turn: Turn, members: Any) -> Refusal | None:
    for member in members or ():
        if refusal := _not_of_it(state, turn, "members", member.get("deploymentId")):
            return refusal
    total = sum(member.get("percent") or 0 for member in members or ())
    if members and total != 100:
        return wrong(state, turn, f"the percents of members must add up to 100, not {total}", "members")
    return None


class ChangeSplit(ChangeResource):
    """Other shares."""

    def checked(self, state: State, turn: Turn, thing: Any, new: dict[str, Any]) -> Refusal | None:
        return _bad_members(state, turn, new.get("members"))


class Shadow(MakeResource):
    """Copies of the traffic for deployments whose answers nobody gets."""

    def checked(self, state: State, turn: Turn) -> Refusal | None:
        for target in turn.body.get("targets") or ():
            if refusal := _not_of_it(state, turn, "targets", target.get("targetDeploymentId")):
                return refusal
        return None

    def begun(self, state: State, turn: Turn, resource: Resource) -> None:
        resource.more["view"] = partial(below, state, TARGETS, experiment=resource.id)
        for target in resource.fields.pop("targets", None) or ():
            new_resource(state, TARGETS, "job", {**turn.targets, "experiment": resource.id}, dict(target))


class DropShadow(DropResource):
    """With its targets."""

    def gone(self, state: State, turn: Turn, thing: Any) -> None:
        for target in below(state, TARGETS, experiment=thing.id):
            state.kept[TARGETS].drop(target.id, turn.at)


class Aim(MakeResource):
    """One more target."""

    def checked(self, state: State, turn: Turn) -> Refusal | None:
        return _not_of_it(state, turn, "targetDeploymentId", turn.body["targetDeploymentId"])


class AimElsewhere(ChangeResource):
    """Another deployment, another name."""

    def checked(self, state: State, turn: Turn, thing: Any, new: dict[str, Any]) -> Refusal | None:
        id = new.get("targetDeploymentId")
        return _not_of_it(state, turn, "targetDeploymentId", id) if id else None


# Adapters on a deployment


class LoadAdapter(MakeResource):
    """One of the project's own models, on top of what the deployment runs."""

    def checked(self, state: State, turn: Turn) -> Refusal | None:
        id = str(turn.body["adapterModelId"])
        if model_named(state, id) is None:
            return wrong(state, turn, f"adapter model {id} not found", "adapterModelId")
        return None

    def made(self, state: State, turn: Turn) -> Decision:
        id, now = str(turn.body["adapterModelId"]), turn.now
        etag = state.envelope.new_id("hex", now)
        resource = Resource(id, dict(turn.targets), dict(turn.body), turn.at, turn.at, etag)
        return Thing(id, state.kept[ADAPTERS].put(id, resource))


OPERATIONS: Mapping[str, Operation] = {
    "v2.rollouts.create": PlanRollout(ROLLOUTS, "ro", "sourceDeploymentId", "targetDeploymentId"),
    "v2.rollouts.preview": PreviewRollout(ROLLOUTS, "ro", "sourceDeploymentId", "targetDeploymentId"),
    "v2.rollouts.list": ListRollouts(ROLLOUTS),
    "v2.rollouts.retrieve": RetrieveResource(ROLLOUTS),
    "v2.rollouts.delete": DropRollout(ROLLOUTS),
    "v2.rollouts.start": MoveRollout(("PENDING",), "RUNNING"),
    "v2.rollouts.pause": MoveRollout(("RUNNING",), "PAUSED"),
    "v2.rollouts.resume": MoveRollout(("PAUSED",), "RUNNING"),
    "v2.rollouts.promote": MoveRollout(("RUNNING", "PAUSED"), "COMPLETED"),
    "v2.rollouts.cancel": MoveRollout(("PENDING", "RUNNING", "PAUSED"), "CANCELED"),
    "v2.ab_experiments.create": Split(SPLITS, "abx", "name", "members"),
    "v2.ab_experiments.list": ListResources(SPLITS),
    "v2.ab_experiments.retrieve": RetrieveResource(SPLITS),
    "v2.ab_experiments.update": ChangeSplit(SPLITS, "description", "members"),
    "v2.ab_experiments.delete": DropResource(SPLITS),
    "v2.shadow_experiments.create": Shadow(SHADOWS, "exp", "name", "source"),
    "v2.shadow_experiments.list": ListResources(SHADOWS),
    "v2.shadow_experiments.retrieve": RetrieveResource(SHADOWS),
    "v2.shadow_experiments.update": ChangeResource(SHADOWS, "description", "source"),
    "v2.shadow_experiments.delete": DropShadow(SHADOWS),
    "v2.targets.create": Aim(TARGETS, "job", "name", "targetDeploymentId"),
    "v2.targets.list": ListResources(TARGETS),
    "v2.targets.retrieve": RetrieveResource(TARGETS),
    "v2.targets.update": AimElsewhere(TARGETS, "description", "name", "targetDeploymentId"),
    "v2.targets.delete": DropResource(TARGETS),
    "v2.adapters.create": LoadAdapter(ADAPTERS, "ml", "adapterModelId"),
    "v2.adapters.list": ListResources(ADAPTERS),
    "v2.adapters.retrieve": RetrieveResource(ADAPTERS),
    "v2.adapters.update": ChangeResource(ADAPTERS, "adapterRevisionId", needs=("etag",)),
    "v2.adapters.delete": DropResource(ADAPTERS, "etag"),
    "v2.placement_profiles.list": ListResources(PROFILES),
    "v2.placement_profiles.retrieve": RetrieveResource(PROFILES),
}
