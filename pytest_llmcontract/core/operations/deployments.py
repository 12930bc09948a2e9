"""Dedicated endpoints of the second kind: a stable name, the deployments behind it, and how traffic is split.

A deployment is paid by the minute for each replica that is ready, and for no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.clock import Appointment
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.facts.records import Machine, Model
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.operations.catalogue import config_named, model_named
from pytest_llmcontract.core.operations.fine_tuning import add_model
from pytest_llmcontract.core.operations.identity import identity_of
from pytest_llmcontract.core.operations.lasting import Thing, Things, asked, page_size, wrong
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
    foreign,
    known_resource,
    lies_there,
    new_resource,
    paged,
    touch,
)
from pytest_llmcontract.core.refusal import Refusal

ENDPOINTS, DEPLOYMENTS, EVENTS = PARENTS["endpoint"], PARENTS["deployment"], "v2.events"
_STOPPING_SECONDS = 10
"""How long a deployment takes to stop (assumed)."""
_IDLE = range(30, 1441)
"""Minutes that ``inactiveTimeout`` may have, beside 0 for never."""


@dataclass(slots=True)
class Course:
    """What a deployment has been and will be, and what it costs now."""

    model: Model
    machine: Machine
    stages: list[tuple[float, str, int]]
    """When it comes into a state, and with how many replicas ready."""
    used: float
    booked: list[Appointment]

    def state(self, at: float) -> str:
        """Its state at that moment, without what all states begin with."""
        return self._stage(at)[1]

    def ready(self, at: float) -> int:
        """How many replicas answer at that moment."""
        return self._stage(at)[2]

    def _stage(self, at: float) -> tuple[float, str, int]:
        return next(stage for stage in reversed(self.stages) if stage[0] <= at)


def course_of(deployment: Resource) -> Course:
    """What has become of a deployment."""
    course: Course = deployment.more["course"]
    return course


def replicas_of(deployment: Resource) -> tuple[int, int]:
    """How many it may have at least, and at most."""
    scale = deployment.fields.get("autoscaling") or {}
    low = scale.get("minReplicas")
    low = 1 if low is None else low
    return low, max(low, scale.get("maxReplicas") or 0)


# Endpoints


class MakeEndpoint(MakeResource):
    """A name; nothing answers behind it yet."""

    def checked(self, state: State, turn: Turn) -> Refusal | None:
        name, slug = str(turn.body["name"]), identity_of(state).slug
        owner, slash, bare = name.rpartition("/")
        if (slash and owner != slug) or not bare:
            return wrong(state, turn, f"name must be bare, or begin with {slug}/", "name")
        if any(each.fields["name"] == f"{slug}/{bare}" for each in below(state, ENDPOINTS)):
            return wrong(state, turn, f"an endpoint {bare} exists already", "name")
        return None

    def begun(self, state: State, turn: Turn, resource: Resource) -> None:
        bare = str(resource.fields["name"]).rpartition("/")[2]
        resource.fields |= {"name": f"{identity_of(state).slug}/{bare}", "trafficSplit": []}
        resource.more["view"] = partial(_view, state, resource)
        _open(state, resource)
        happens(state, resource, "endpoint.created", "Endpoint created")


def _view(state: State, endpoint: Resource) -> tuple[list[tuple[Resource, float]], str]:
    """What is behind an endpoint, each with its share of the traffic now, and the rollout that is under way."""
    at = state.clock.seconds
    loads = {each.id: weight * course_of(each).ready(at) for each, weight in routed(state, endpoint)}
    total = sum(loads.values())
    behind = below(state, DEPLOYMENTS, endpoint=endpoint.id)
    shares = [(each, loads.get(each.id, 0) / total if total else 0.0) for each in behind]
    return shares, active_rollout(state, endpoint.id)


ROLLOUTS = "v2.rollouts"
OVER = ("COMPLETED", "CANCELED")
"""States after which nothing happens to a rollout any more."""


def active_rollout(state: State, endpoint: str) -> str:
    """The id of the rollout that is under way; empty if none is."""
    going = (each.id for each in below(state, ROLLOUTS, endpoint=endpoint) if each.more["state"] not in OVER)
    return next(going, "")


def _open(state: State, endpoint: Resource) -> None:
    """Calls of its name come to it, and find the model of its traffic."""
    name = str(endpoint.fields["name"])
    behind = next((deployment for deployment, _ in routed(state, endpoint)), None)
    add_model(state, name, course_of(behind).model if behind else None)
    state.gates[name] = partial(_gate, state, endpoint)


def _close(state: State, name: str) -> None:
    state.own_models.pop(name, None)
    state.gates.pop(name, None)


def routed(state: State, endpoint: Resource) -> Iterator[tuple[Resource, float]]:
    """The deployments that get live traffic, each with its weight."""
    for entry in endpoint.fields["trafficSplit"]:
        deployment = state.kept[DEPLOYMENTS].get(entry["deploymentId"], state.clock.seconds)
        if deployment is not None and entry["weight"] > 0:
            yield deployment, entry["weight"]


def _gate(state: State, endpoint: Resource, at: float) -> Refusal | None:
    behind = [deployment for deployment, _ in routed(state, endpoint)]
    if not behind:
        return state.edition.refusal("no_route")
    ready = [deployment for deployment in behind if course_of(deployment).ready(at)]
    if not ready:
        return state.edition.refusal("none_ready")
    for deployment in ready:
        course_of(deployment).used = at
    return None


class ChangeEndpoint(ChangeResource):
    """Its name, who sees it, and where its traffic goes."""

    def checked(self, state: State, turn: Turn, thing: Any, new: dict[str, Any]) -> Refusal | None:
        for entry in new.get("trafficSplit") or ():
            deployment = state.kept[DEPLOYMENTS].get(entry["deploymentId"], turn.at)
            if deployment is None or deployment.places["endpoint"] != thing.id:
                return wrong(state, turn, f"deployment {entry['deploymentId']} is not of this endpoint", "trafficSplit")
        return None

    def changed(self, state: State, turn: Turn, thing: Any, before: Mapping[str, Any]) -> None:
        bare = str(thing.fields["name"] or before["name"]).rpartition("/")[2]
        thing.fields["name"] = f"{identity_of(state).slug}/{bare}"
        thing.fields["trafficSplit"] = thing.fields.get("trafficSplit") or []
        _close(state, before["name"])
        _open(state, thing)
        happens(state, thing, "endpoint.updated", "Endpoint updated")


class DropEndpoint(DropResource):
    """With all that is behind it."""

    def gone(self, state: State, turn: Turn, thing: Any) -> None:
        _close(state, thing.fields["name"])
        for deployment in below(state, DEPLOYMENTS, endpoint=thing.id):
            halt(state, deployment)
            state.kept[DEPLOYMENTS].drop(deployment.id, turn.at)


# Deployments


class MakeDeployment(MakeResource):
    """A model on machines."""

    def checked(self, state: State, turn: Turn) -> Refusal | None:
        body = turn.body
        if not (body.get("config") or body.get("configId")):
            return wrong(state, turn, "deployment.config (or deployment.config_id) is required", "config")
        if not (body.get("model") or body.get("modelId")):
            return wrong(state, turn, "deployment.model (or deployment.model_id) is required", "model")
        if model_named(state, str(body.get("modelId") or body.get("model"))) is None:
            return wrong(state, turn, f"model {body.get('modelId') or body.get('model')} not found", "model")
        if not state.edition.machines:
            return state.edition.refusal("no_machine")
        return _bad_scale(state, turn, body.get("autoscaling")) or _bad_idle(state, turn, body)

    def made(self, state: State, turn: Turn) -> Decision:
        if asked(turn, "validateOnly").lower() != "true":
            return super().made(state, turn)
        places, fields = dict(turn.targets), dict(turn.body)
        tried = Resource("", places, fields, turn.at, turn.at, "", {"course": self._course(state, turn)})
        return Thing("", tried)

    def begun(self, state: State, turn: Turn, resource: Resource) -> None:
        resource.more["course"] = self._course(state, turn)
        endpoint = known_resource(state, ENDPOINTS, turn.targets["endpoint"])
        happens(state, endpoint, "deployment.created", "Deployment created", resource)
        scale(state, resource)

    def _course(self, state: State, turn: Turn) -> Course:
        model = model_named(state, str(turn.body.get("modelId") or turn.body.get("model")))
        assert model is not None
        machine = config_named(state, str(turn.body.get("configId") or turn.body.get("config")))
        return Course(model, machine, [(turn.at, "STOPPED", 0)], turn.at, [])


def _bad_scale(state: State, turn: Turn, wanted: Any) -> Refusal | None:
    if not isinstance(wanted, Mapping):
        return None
    low, high = wanted.get("minReplicas"), wanted.get("maxReplicas")
    if low == 0 and high not in (0, None):
        return wrong(state, turn, "minReplicas must be at least 1; 0 with maxReplicas 0 stops", "autoscaling")
    if isinstance(low, int) and isinstance(high, int) and not 0 <= low <= high:
        return wrong(state, turn, f"minReplicas {low} is more than maxReplicas {high}", "autoscaling")
    return None


def _bad_idle(state: State, turn: Turn, body: Mapping[str, Any]) -> Refusal | None:
    minutes = body.get("inactiveTimeout")
    if minutes in (None, 0) or minutes in _IDLE:
        return None
    return wrong(state, turn, f"inactiveTimeout must be 0 or {_IDLE[0]} to {_IDLE[-1]} minutes", "inactiveTimeout")


def scale(state: State, deployment: Resource) -> None:
    """Get as many replicas as are asked for: fewer at once, more when they are ready."""
    course, at, wanted = course_of(deployment), state.clock.seconds, replicas_of(deployment)[0]
    has = course.ready(at)
    if not wanted:
        halt(state, deployment)
        return
    _forget(course, at)
    if wanted <= has:
        course.stages.append((at, "READY", wanted))
        _count(state, deployment)
        return
    ready = at + state.edition.dialect.machine_seconds
    course.stages += [(at, "SCALING" if has else "PROVISIONING", has), (ready, "READY", wanted)]
    _book(state, course, ready, partial(_arrived, state, deployment))


def _arrived(state: State, deployment: Resource) -> None:
    course_of(deployment).used = state.clock.seconds
    _count(state, deployment)
    endpoint = state.kept[ENDPOINTS].get(deployment.places["endpoint"], state.clock.seconds)
    if endpoint is not None:
        happens(state, endpoint, "deployment.ready", "Deployment is ready", deployment)
    _watch(state, deployment)


def halt(state: State, deployment: Resource) -> None:
    """None of its replicas answers from now on, and none is paid for."""
    course, at = course_of(deployment), state.clock.seconds
    if course.state(at) in ("STOPPED", "STOPPING"):
        return
    _forget(course, at)
    course.stages += [(at, "STOPPING", 0), (at + _STOPPING_SECONDS, "STOPPED", 0)]
    _count(state, deployment)


def _forget(course: Course, at: float) -> None:
    for booked in course.booked:
        booked.cancel()
    course.booked.clear()
    course.stages = [stage for stage in course.stages if stage[0] <= at]


def _count(state: State, deployment: Resource) -> None:
    """Pay for what is ready now."""
    course, at = course_of(deployment), state.clock.seconds
    state.account.end_rent(deployment.id, at)
    if ready := course.ready(at):
        per_minute = Decimal(course.machine.cents_per_hour * ready) / 6000
        state.account.rent(deployment.id, per_minute, at, partial(halt, state, deployment))


def _book(state: State, course: Course, at: float, action: Any) -> None:
    course.booked.append(state.schedule.after(max(0.0, at - state.clock.seconds), action))


def _watch(state: State, deployment: Resource) -> None:
    """Look again when it will have been without a call for long enough to stop."""
    if minutes := deployment.fields.get("inactiveTimeout"):
        course = course_of(deployment)
        _book(state, course, course.used + 60 * minutes, partial(_tired, state, deployment))


def _tired(state: State, deployment: Resource) -> None:
    course, minutes = course_of(deployment), deployment.fields.get("inactiveTimeout")
    if not minutes or not course.ready(state.clock.seconds):
        return
    if state.clock.seconds < course.used + 60 * minutes:
        _watch(state, deployment)
    else:
        halt(state, deployment)


class ChangeDeployment(ChangeResource):
    """How many replicas it has, and when it rests."""

    def checked(self, state: State, turn: Turn, thing: Any, new: dict[str, Any]) -> Refusal | None:
        return _bad_scale(state, turn, new.get("autoscaling")) or _bad_idle(state, turn, new)

    def changed(self, state: State, turn: Turn, thing: Any, before: Mapping[str, Any]) -> None:
        now = course_of(thing).state(turn.at)
        if thing.fields.get("autoscaling") != before.get("autoscaling"):
            scale(state, thing)
        if now == "READY":
            _watch(state, thing)
        endpoint = known_resource(state, ENDPOINTS, thing.places["endpoint"])
        happens(state, endpoint, "deployment.updated", "Deployment updated", thing)


class DropDeployment(DropResource):
    """It gets no traffic any more."""

    def gone(self, state: State, turn: Turn, thing: Any) -> None:
        halt(state, thing)
        endpoint = known_resource(state, ENDPOINTS, thing.places["endpoint"])
        split = endpoint.fields["trafficSplit"]
        endpoint.fields["trafficSplit"] = [entry for entry in split if entry["deploymentId"] != thing.id]
        touch(state, endpoint)
        happens(state, endpoint, "deployment.deleted", "Deployment deleted", thing)


# What happened, and how much


def happens(state: State, endpoint: Resource, kind: str, message: str, about: Resource | None = None) -> None:
    """Note an event of an endpoint."""
    fields = {"type": kind, "message": message, "deploymentId": about.id if about else None}
    new_resource(state, EVENTS, "evt", {"project": endpoint.places["project"], "endpoint": endpoint.id}, fields)


class ListEvents(OfProject):
    """What happened to an endpoint and its deployments."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        id = turn.targets["id"]
        if outside := foreign(state, turn):
            return outside
        if state.kept[ENDPOINTS].get(id, turn.at) is None:
            return state.edition.refusal("no_such_thing", {"target": id}, operation=turn.operation)
        try:
            size = page_size(turn, 50, 10_000) or 50
        except BadInput as problem:
            return wrong(state, turn, str(problem), "limit")
        events = [event for event in below(state, EVENTS, endpoint=id) if _asked_for(turn, event)]
        return paged(state, turn, events[::-1], size)


def _asked_for(turn: Turn, event: Resource) -> bool:
    kinds = _listed(turn, "sourceKinds")
    about = event.fields["deploymentId"]
    source = "SOURCE_KIND_DEPLOYMENT" if about else "SOURCE_KIND_ENDPOINT"
    deployments, types = _listed(turn, "deploymentIds"), _listed(turn, "types")
    of_kind = source in kinds if kinds else about is not None or not deployments
    of_deployment = not deployments or about is None or about in deployments
    return of_kind and of_deployment and (not types or event.fields["type"] in types)


def _listed(turn: Turn, name: str) -> list[str]:
    """Values of a list behind the path, however its client writes one."""
    values = [value for key in (name, f"{name}[]") for value in turn.query.get(key, ())]
    return [part for value in values for part in value.split(",") if part]


@dataclass(frozen=True, slots=True)
class Analytics:
    """What calls made of an endpoint."""

    endpoint: Resource
    calls: tuple[Call, ...]
    since: float
    until: float
    deployments: tuple[Resource, ...]
    usage: Usage = NOTHING_USED


class Analyse(OfProject):
    """The calls of the last day."""

    def answer_for(self, state: State, turn: Turn, thing: Any) -> Decision:
        since = turn.at - 86_400
        name = thing.fields["name"]
        calls = tuple(call for call in state.ledger.calls if call.model == name and call.at >= since)
        behind = below(state, DEPLOYMENTS, endpoint=thing.id)
        return Analytics(thing, calls, since, turn.at, tuple(behind))


class ListMachines(OfProject):
    """What deployments may run on."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        there = [(each.instance, each) for each in state.edition.machines if each.instance]
        return Things(tuple(there))


class RetrieveMachine(OfProject):
    """One of them."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        id = turn.targets["id"]
        found = next((each for each in state.edition.machines if each.instance == id), None)
        if found is None:
            return state.edition.refusal("no_such_thing", {"target": id}, operation=turn.operation)
        return Thing(id, found)


OPERATIONS: Mapping[str, Operation] = {
    "v2.endpoints.create": MakeEndpoint(ENDPOINTS, "ep", "name"),
    "v2.endpoints.list": ListResources(ENDPOINTS),
    "v2.endpoints.list_organization": ListResources(ENDPOINTS),
    "v2.endpoints.retrieve": RetrieveResource(ENDPOINTS),
    "v2.endpoints.update": ChangeEndpoint(ENDPOINTS, "name", "trafficSplit", "visibility"),
    "v2.endpoints.delete": DropEndpoint(ENDPOINTS),
    "v2.endpoints.events": ListEvents(ENDPOINTS),
    "v2.endpoints.analytics": Analyse(ENDPOINTS, lies_there),
    "v2.deployments.create": MakeDeployment(DEPLOYMENTS, "dep", "name"),
    "v2.deployments.list": ListResources(DEPLOYMENTS),
    "v2.deployments.retrieve": RetrieveResource(DEPLOYMENTS),
    "v2.deployments.update": ChangeDeployment(
        DEPLOYMENTS, "autoscaling", "inactiveTimeout", "maxConcurrentRequestsPerReplica", "name"
    ),
    "v2.deployments.delete": DropDeployment(DEPLOYMENTS),
    "v2.instance_types.list": ListMachines("machines"),
    "v2.instance_types.retrieve": RetrieveMachine("machines"),
}
