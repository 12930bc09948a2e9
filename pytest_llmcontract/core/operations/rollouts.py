"""What is tried on the traffic of an endpoint: rollouts from one deployment to another, experiments, adapters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.operations.catalogue import registered_model
from pytest_llmcontract.core.operations.deployments import (
    DEPLOYMENTS,
    ENDPOINTS,
    OVER,
    ROLLOUTS,
    active_rollout,
    happens,
    is_live,
    replicas_of,
    route,
    run_of,
    weights_of,
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
from pytest_llmcontract.core.operations.running import MOST, Run, scale, unpaid
from pytest_llmcontract.core.refusal import Refusal

SPLITS, SHADOWS, TARGETS = "v2.ab_experiments", PARENTS["experiment"], "v2.targets"
ADAPTERS, PROFILES = "v2.adapters", "v2.placement_profiles"
_SECONDS = 600.0
"""How long the steps of a rollout take that nobody pauses (assumed: it waits for metrics)."""


def _not_of_it(state: State, turn: Turn, name: str, id: Any) -> Refusal | None:
    """Whether a deployment that the body names is none of the endpoint's."""
    deployment = state.kept[DEPLOYMENTS].get(id, turn.at) if isinstance(id, str) else None
    if deployment is not None and deployment.places["endpoint"] == turn.targets["endpoint"]:
        return None
    return wrong(state, turn, f"deployment {id} is not of this endpoint", name)


# Rollouts


def _bad_pair(state: State, turn: Turn) -> Refusal | None:
    """What is wrong with source and target, and with what shall become of them."""
    body = turn.body
    for name in ("sourceDeploymentId", "targetDeploymentId"):
        if refusal := _not_of_it(state, turn, name, body[name]):
            return refusal
    if body["sourceDeploymentId"] == body["targetDeploymentId"]:
        return wrong(state, turn, "source and target are the same deployment", "targetDeploymentId")
    if sum(name in body for name in ("blueGreen", "canary", "rolling")) > 1:
        return wrong(state, turn, "a rollout has one strategy: blueGreen, canary or rolling")
    if body.get("metrics") and ("blueGreen" in body or "rolling" in body):
        return wrong(state, turn, "metrics are of canary rollouts alone", "metrics")
    for name, least in (("finalSourceReplicas", 0), ("finalTargetReplicas", 1)):
        if body.get(name) is not None and not least <= body[name] <= MOST:
            return wrong(state, turn, f"{name} must be {least} to {MOST}", name)
    steps = [0, *steps_of(body)]
    if steps[-1] != 100 or any(later <= before for before, later in pairwise(steps)):
        return wrong(state, turn, f"steps must rise from above 0 to 100, not {steps[1:]}", "canary")
    return None


def steps_of(fields: Mapping[str, Any]) -> list[int]:
    """Percents of the traffic that the target gets, one step after another."""
    if "blueGreen" in fields:
        return [100]
    given = (fields.get("canary") or {}).get("steps")
    return [step["traffic"] for step in given] if given else [5, 25, 50, 100]


def final_replicas(state: State, fields: Mapping[str, Any]) -> tuple[int, int]:
    """How many replicas source and target have in the end."""
    source, target = (known_resource(state, DEPLOYMENTS, fields[f"{name}DeploymentId"]) for name in _PAIR)
    floor = fields.get("finalTargetReplicas") or max(1, replicas_of(source.fields)[0])
    return fields.get("finalSourceReplicas") or 0, max(floor, replicas_of(target.fields)[0])


_PAIR = ("source", "target")


class PlanRollout(MakeResource):
    """Traffic shall move from one deployment to another; it begins when it is told so."""

    def checked(self, state: State, turn: Turn) -> Refusal | None:
        if refusal := _bad_pair(state, turn):
            return refusal
        if active_rollout(state, turn.targets["endpoint"]):
            return wrong(state, turn, "the endpoint has an active rollout already")
        return None

    def begun(self, state: State, turn: Turn, resource: Resource) -> None:
        resource.more |= {"state": "PENDING", "percent": 0, "passed": 0, "booked": None}


class PreviewRollout(MakeResource):
    """What a rollout would be with everything that it leaves open."""

    def checked(self, state: State, turn: Turn) -> Refusal | None:
        return _bad_pair(state, turn)

    def made(self, state: State, turn: Turn) -> Decision:
        source = known_resource(state, DEPLOYMENTS, turn.body["sourceDeploymentId"])
        target = known_resource(state, DEPLOYMENTS, turn.body["targetDeploymentId"])
        return Preview(dict(turn.body), source, target, final_replicas(state, turn.body))


@dataclass(frozen=True, slots=True)
class Preview:
    """A rollout that is not there yet."""

    asked: dict[str, Any]
    source: Resource
    target: Resource
    final: tuple[int, int]
    """Replicas of both in the end."""
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
        if turn.body.get("disposition") == "CANCEL_DISPOSITION_REVERT":
            return wrong(state, turn, "a rollout cannot be reverted: cancel it, and roll back", "disposition")
        if thing.more["state"] not in self._from:
            text = f"rollout {thing.id} is {thing.more['state']}, not {' or '.join(self._from)}"
            return wrong(state, turn, text)
        if self._to == "RUNNING":
            target = known_resource(state, DEPLOYMENTS, thing.fields["targetDeploymentId"])
            if refusal := unpaid(state, turn, run_of(target), final_replicas(state, thing.fields)[1]):
                return refusal
        _go(state, thing, self._to, str(turn.body.get("reason") or ""))
        return Thing(thing.id, thing)


def _go(state: State, rollout: Resource, to: str, reason: str = "") -> None:
    more, at = rollout.more, state.clock.seconds
    if more["booked"] is not None:
        more["booked"].cancel()
    more |= {"state": to, "reason": reason, "since": at, "booked": None}
    if to == "RUNNING":
        more.setdefault("started", at)
        target = known_resource(state, DEPLOYMENTS, rollout.fields["targetDeploymentId"])
        _resize(state, target, final_replicas(state, rollout.fields)[1])
        _book(state, rollout)
    if to in OVER:
        more["ended"] = at
    if to == "COMPLETED":
        _land(state, rollout)
    touch(state, rollout)


def _resize(state: State, deployment: Resource, replicas: int) -> None:
    """It gets so many replicas; none stops it."""
    low, high = replicas_of(deployment.fields)
    bounds = {"minReplicas": replicas, "maxReplicas": max(replicas, high) if replicas else 0}
    if (low, high) != tuple(bounds.values()):
        deployment.fields["autoscaling"] = {**deployment.fields["autoscaling"], **bounds}
        touch(state, deployment)
    scale(state, run_of(deployment), replicas)


def _book(state: State, rollout: Resource) -> None:
    """The next step, the first as soon as the target is ready."""
    run, at = run_of(known_resource(state, DEPLOYMENTS, rollout.fields["targetDeploymentId"])), state.clock.seconds
    ready = next((stage.at for stage in run.stages if stage.ready and stage.at > at), at)
    first = not rollout.more["passed"]
    wait = max(0.0, ready - at) if first else _SECONDS / len(steps_of(rollout.fields))
    rollout.more["booked"] = state.schedule.after(wait, partial(_step, state, rollout))


def _step(state: State, rollout: Resource) -> None:
    """Some more of the traffic goes to the target, if it is there to take it."""
    more, steps = rollout.more, steps_of(rollout.fields)
    target = known_resource(state, DEPLOYMENTS, rollout.fields["targetDeploymentId"])
    if not run_of(target).ready(state.clock.seconds):
        _go(state, rollout, "SYSTEM_PAUSED", "the target has no replica ready")
        return
    if more["passed"] == len(steps):
        _go(state, rollout, "COMPLETED")
        return
    _shift(state, rollout, steps[more["passed"]])
    more["passed"] += 1
    _book(state, rollout)


def _shift(state: State, rollout: Resource, percent: int) -> None:
    """The target gets *percent* of the traffic that both get."""
    endpoint = known_resource(state, ENDPOINTS, rollout.places["endpoint"])
    pair = [known_resource(state, DEPLOYMENTS, rollout.fields[f"{name}DeploymentId"]) for name in _PAIR]
    weights, at = weights_of(endpoint), state.clock.seconds
    ready = [max(1, run_of(each).ready(at)) for each in pair]
    both = sum(weights.get(each.id, 0) * count for each, count in zip(pair, ready, strict=True)) or 1
    for each, count, share in zip(pair, ready, (100 - percent, percent), strict=True):
        weights[each.id] = both * share / 100 / count
    route(state, endpoint, weights)
    rollout.more["percent"] = percent


def _land(state: State, rollout: Resource) -> None:
    """All the traffic goes to the target, and the source gets as small as it shall be."""
    endpoint = known_resource(state, ENDPOINTS, rollout.places["endpoint"])
    source = known_resource(state, DEPLOYMENTS, rollout.fields["sourceDeploymentId"])
    rollout.more["passed"] = len(steps_of(rollout.fields))
    _shift(state, rollout, 100)
    weights = weights_of(endpoint)
    del weights[source.id]
    route(state, endpoint, weights)
    _resize(state, source, final_replicas(state, rollout.fields)[0])
    happens(state, endpoint, "rollout.completed", "Rollout completed", subjectId=rollout.id)


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
    if members is None:
        return None
    if not 2 <= len({member["deploymentId"] for member in members}) == len(members) <= 20:
        return wrong(state, turn, "an experiment has 2 to 20 different deployments", "members")
    if [member["role"] for member in members].count("AB_EXPERIMENT_MEMBER_ROLE_CONTROL") != 1:
        return wrong(state, turn, "exactly one of the members is the control", "members")
    total = sum(member["percent"] for member in members)
    if total != 100 or any(member["percent"] < 0 for member in members):
        return wrong(state, turn, f"the percents of members must add up to 100, not {total}", "members")
    return None


class ChangeSplit(ChangeResource):
    """Other shares."""

    def checked(self, state: State, turn: Turn, thing: Any, new: dict[str, Any]) -> Refusal | None:
        return _bad_members(state, turn, new.get("members"))


_MOST_TARGETS = 100


def _bad_target(state: State, turn: Turn, name: str, id: Any) -> Refusal | None:
    """Whether copies cannot go there: a deployment of another endpoint, or one that gets the traffic itself."""
    if refusal := _not_of_it(state, turn, name, id):
        return refusal
    live = is_live(state, known_resource(state, DEPLOYMENTS, id))
    return wrong(state, turn, f"deployment {id} gets live traffic, or will", name) if live else None


class Shadow(MakeResource):
    """Copies of the traffic for deployments whose answers nobody gets."""

    def checked(self, state: State, turn: Turn) -> Refusal | None:
        targets = turn.body.get("targets") or ()
        if len(targets) > _MOST_TARGETS:
            return wrong(state, turn, f"an experiment has at most {_MOST_TARGETS} targets", "targets")
        bad = (_bad_target(state, turn, "targets", target["targetDeploymentId"]) for target in targets)
        return next((refusal for refusal in bad if refusal), None)

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
        return _bad_target(state, turn, "targetDeploymentId", turn.body["targetDeploymentId"])


class AimElsewhere(ChangeResource):
    """Another deployment, another name."""

    def checked(self, state: State, turn: Turn, thing: Any, new: dict[str, Any]) -> Refusal | None:
        id = new.get("targetDeploymentId")
        return _bad_target(state, turn, "targetDeploymentId", id) if id else None


# Adapters on a deployment


class LoadAdapter(MakeResource):
    """One of the project's own models, on top of what the deployment runs."""

    def checked(self, state: State, turn: Turn) -> Refusal | None:
        id = str(turn.body["adapterModelId"])
        adapter = registered_model(state, id)
        if adapter is None or adapter.fields["type"] != "adapter":
            return wrong(state, turn, f"adapter model {id} not found", "adapterModelId")
        revisions = [revision for revision, _ in adapter.more["revisions"]]
        wanted = turn.body.get("adapterRevisionId") or (revisions or [""])[-1]
        if wanted not in revisions:
            text = f"revision {wanted} of {id} not found" if wanted else f"adapter model {id} has no files yet"
            return wrong(state, turn, text, "adapterRevisionId")
        return None

    def begun(self, state: State, turn: Turn, resource: Resource) -> None:
        adapter = registered_model(state, str(turn.body["adapterModelId"]))
        assert adapter is not None
        resource.fields |= {"adapterModelId": adapter.id}
        resource.fields.setdefault("adapterRevisionId", adapter.more["revisions"][-1][0])
        run = run_of(known_resource(state, DEPLOYMENTS, turn.targets["deployment"]))
        resource.more |= {"name": adapter.fields["name"], "closed": state.gates[adapter.fields["name"]]}
        state.gates[adapter.fields["name"]] = partial(_reached, state, run)


def _reached(state: State, run: Run, at: float) -> Refusal | None:
    return None if run.reach(at) else state.edition.refusal("none_ready")


class UnloadAdapter(DropResource):
    """Its model answers no more."""

    def gone(self, state: State, turn: Turn, thing: Any) -> None:
        state.gates[thing.more["name"]] = thing.more["closed"]


OPERATIONS: Mapping[str, Operation] = {
    "v2.rollouts.create": PlanRollout(ROLLOUTS, "ro", "sourceDeploymentId", "targetDeploymentId"),
    "v2.rollouts.preview": PreviewRollout(ROLLOUTS, "ro", "sourceDeploymentId", "targetDeploymentId"),
    "v2.rollouts.list": ListRollouts(ROLLOUTS),
    "v2.rollouts.retrieve": RetrieveResource(ROLLOUTS),
    "v2.rollouts.delete": DropRollout(ROLLOUTS),
    "v2.rollouts.start": MoveRollout(("PENDING",), "RUNNING"),
    "v2.rollouts.pause": MoveRollout(("RUNNING",), "PAUSED"),
    "v2.rollouts.resume": MoveRollout(("PAUSED", "SYSTEM_PAUSED"), "RUNNING"),
    "v2.rollouts.promote": MoveRollout(("RUNNING", "PAUSED", "SYSTEM_PAUSED"), "COMPLETED"),
    "v2.rollouts.cancel": MoveRollout(("PENDING", "RUNNING", "PAUSED", "SYSTEM_PAUSED"), "CANCELED"),
    "v2.ab_experiments.create": Split(SPLITS, "abx", "name", "members", unique=True),
    "v2.ab_experiments.list": ListResources(SPLITS),
    "v2.ab_experiments.retrieve": RetrieveResource(SPLITS),
    "v2.ab_experiments.update": ChangeSplit(SPLITS, "description", "members"),
    "v2.ab_experiments.delete": DropResource(SPLITS),
    "v2.shadow_experiments.create": Shadow(SHADOWS, "exp", "name", "source", unique=True),
    "v2.shadow_experiments.list": ListResources(SHADOWS),
    "v2.shadow_experiments.retrieve": RetrieveResource(SHADOWS),
    "v2.shadow_experiments.update": ChangeResource(SHADOWS, "description", "source", needs=("updateMask",)),
    "v2.shadow_experiments.delete": DropShadow(SHADOWS),
    "v2.targets.create": Aim(TARGETS, "job", "name", "targetDeploymentId", unique=True),
    "v2.targets.list": ListResources(TARGETS),
    "v2.targets.retrieve": RetrieveResource(TARGETS),
    "v2.targets.update": AimElsewhere(TARGETS, "description", "name", "targetDeploymentId", needs=("updateMask",)),
    "v2.targets.delete": DropResource(TARGETS),
    "v2.adapters.create": LoadAdapter(ADAPTERS, "dad", "adapterModelId"),
    "v2.adapters.list": ListResources(ADAPTERS),
    "v2.adapters.retrieve": RetrieveResource(ADAPTERS),
    "v2.adapters.update": ChangeResource(ADAPTERS, "adapterRevisionId", needs=("etag",)),
    "v2.adapters.delete": UnloadAdapter(ADAPTERS, "etag"),
    "v2.placement_profiles.list": ListResources(PROFILES),
    "v2.placement_profiles.retrieve": RetrieveResource(PROFILES),
}
