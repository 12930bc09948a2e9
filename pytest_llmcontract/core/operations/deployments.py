"""Dedicated endpoints of the second kind: a stable name, the deployments behind it, and how traffic is split.

A deployment is paid by the minute for each replica that is ready, and for no other.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.facts.records import Machine, Model
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.operations.catalogue import (
    config_id,
    config_named,
    forget_name,
    known_id,
    model_named,
    own_name,
    registered_model,
    renamed,
    revision_in,
    serve,
    unknown_model,
)
from pytest_llmcontract.core.operations.filters import read_moment
from pytest_llmcontract.core.operations.lasting import Thing, Things, asked, wrong
from pytest_llmcontract.core.operations.operation import Operation
from pytest_llmcontract.core.operations.resources import (
    INTERNAL,
    PARENTS,
    ChangeResource,
    DropResource,
    ListResources,
    MakeResource,
    OfProject,
    Resource,
    RetrieveResource,
    bare_name,
    below,
    foreign,
    known_resource,
    lies_there,
    new_resource,
    paged,
    seen_as,
    taken,
    touch,
)
from pytest_llmcontract.core.operations.running import MOST, Run, Words, scale, stop, stopped_run, unpaid, watch
from pytest_llmcontract.core.refusal import Refusal

ENDPOINTS, DEPLOYMENTS, EVENTS = PARENTS["endpoint"], PARENTS["deployment"], "v2.events"
_WORDS = Words(("PROVISIONING",), "SCALING", "READY")
_IDLE = range(30, 1441)
"""Minutes that ``inactiveTimeout`` may have, beside 0 for never."""


def run_of(deployment: Resource) -> Run:
    """What has become of a deployment."""
    run: Run = deployment.more["run"]
    return run


def replicas_of(fields: Mapping[str, Any]) -> tuple[int, int]:
    """How many replicas a deployment may have at least, and at most."""
    wanted = fields.get("autoscaling") or {}
    low, high = wanted.get("minReplicas"), wanted.get("maxReplicas")
    low = 1 if low is None else low
    return low, low if high is None else high


# Endpoints


class MakeEndpoint(MakeResource):
    """A name; nothing answers behind it yet."""

    def checked(self, state: State, turn: Turn) -> Refusal | None:
        name = own_name(state, turn)
        return name if isinstance(name, Refusal) else None

    def begun(self, state: State, turn: Turn, resource: Resource) -> None:
        resource.fields |= {"name": own_name(state, turn), "trafficSplit": []}
        resource.more["view"] = partial(_view, state, resource)
        _open(state, resource)
        happens(state, resource, "endpoint.created", "Endpoint created", name=resource.fields["name"])


def _view(state: State, endpoint: Resource) -> tuple[list[tuple[Resource, float]], str]:
    """What is behind an endpoint, each with its share of the traffic now, and the rollout that is under way."""
    behind, shares = below(state, DEPLOYMENTS, endpoint=endpoint.id), shares_of(state, endpoint)
    return [(each, shares.get(each.id, 0.0)) for each in behind], active_rollout(state, endpoint.id)


def shares_of(state: State, endpoint: Resource) -> dict[str, float]:
    """The part of its traffic that each deployment gets: its weight for each replica that is ready."""
    at = state.clock.seconds
    loads = {each.id: weight * run_of(each).ready(at) for each, weight in routed(state, endpoint)}
    total = sum(loads.values())
    return {id: load / total for id, load in loads.items()} if total else {}


ROLLOUTS = "v2.rollouts"
OVER = ("COMPLETED", "CANCELED")
"""States after which nothing happens to a rollout any more."""


def active_rollout(state: State, endpoint: str) -> str:
    """The id of the rollout that is under way; empty if none is."""
    going = (each.id for each in below(state, ROLLOUTS, endpoint=endpoint) if each.more["state"] not in OVER)
    return next(going, "")


def _open(state: State, endpoint: Resource) -> None:
    """Calls of its name come to it, and find the model that gets most of its traffic."""
    behind = sorted(routed(state, endpoint), key=lambda each: each[1])
    model = behind[-1][0].more["model"] if behind else None
    serve(state, str(endpoint.fields["name"]), model, partial(_gate, state, endpoint))


def route(state: State, endpoint: Resource, weights: Mapping[str, float]) -> None:
    """Send its traffic elsewhere.

    Args:
        weights: Of deployments, by id.
    """
    endpoint.fields["trafficSplit"] = [{"deploymentId": id, "weight": weight} for id, weight in weights.items()]
    touch(state, endpoint)
    _open(state, endpoint)


def weights_of(endpoint: Resource) -> dict[str, float]:
    """The weights of the deployments that may get its traffic, by id."""
    return {entry["deploymentId"]: entry["weight"] for entry in endpoint.fields["trafficSplit"]}


def routed(state: State, endpoint: Resource) -> Iterator[tuple[Resource, float]]:
    """The deployments that get live traffic, each with its weight."""
    for id, weight in weights_of(endpoint).items():
        if weight > 0:
            yield known_resource(state, DEPLOYMENTS, id), weight


def _gate(state: State, endpoint: Resource, at: float) -> Refusal | None:
    behind = [run_of(deployment) for deployment, _ in routed(state, endpoint)]
    if not behind:
        return state.edition.refusal("no_route")
    reached = [run.reach(at) for run in behind]
    return None if any(reached) else state.edition.refusal("none_ready")


class ChangeEndpoint(ChangeResource):
    """Its name, who sees it, and where its traffic goes."""

    def checked(self, state: State, turn: Turn, thing: Any, new: dict[str, Any]) -> Refusal | None:
        split = new.get("trafficSplit") or ()
        for entry in split:
            deployment = state.kept[DEPLOYMENTS].get(entry["deploymentId"], turn.at)
            if deployment is None or deployment.places["endpoint"] != thing.id:
                return wrong(state, turn, f"deployment {entry['deploymentId']} is not of this endpoint", "trafficSplit")
            if not (math.isfinite(entry["weight"]) and entry["weight"] >= 0):
                return wrong(state, turn, f"weight {entry['weight']} is not 0 or more", "trafficSplit")
        if len({entry["deploymentId"] for entry in split}) < len(split):
            return wrong(state, turn, "a deployment stands in trafficSplit twice", "trafficSplit")
        if "trafficSplit" in new and active_rollout(state, thing.id):
            return wrong(state, turn, "a rollout moves the traffic: cancel or complete it first", "trafficSplit")
        return renamed(state, turn, thing, new)

    def changed(self, state: State, turn: Turn, thing: Any, before: Mapping[str, Any]) -> None:
        thing.fields["trafficSplit"] = thing.fields["trafficSplit"] or []
        if thing.fields["name"] != before["name"]:
            forget_name(state, before["name"])
            for deployment in below(state, DEPLOYMENTS, endpoint=thing.id):
                _named(state, deployment, thing, bare_name(deployment))
        _open(state, thing)
        happens(state, thing, "endpoint.updated", "Endpoint updated", paths=_changes(thing.fields, before))


class DropEndpoint(DropResource):
    """Only one behind which nothing is any more."""

    def kept_by(self, state: State, turn: Turn, thing: Any) -> Refusal | None:
        if behind := below(state, DEPLOYMENTS, endpoint=thing.id):
            return wrong(state, turn, f"endpoint {thing.id} has deployments: delete {behind[0].id} first")
        return None

    def gone(self, state: State, turn: Turn, thing: Any) -> None:
        forget_name(state, thing.fields["name"])


# Deployments


class MakeDeployment(MakeResource):
    """A model on machines."""

    def checked(self, state: State, turn: Turn) -> Refusal | None:
        if "/" in str(turn.body["name"]):
            return wrong(state, turn, "name must be bare: those of project and endpoint are put before it", "name")
        plan = _planned(state, turn)
        if isinstance(plan, Refusal):
            return plan
        terms = _bad_terms(state, turn, turn.body)
        return terms or unpaid(state, turn, plan.run, replicas_of(turn.body)[0])

    def made(self, state: State, turn: Turn) -> Decision:
        if asked(turn, "validateOnly").lower() != "true":
            return super().made(state, turn)
        tried = Resource("", dict(turn.targets), dict(turn.body), turn.at, turn.at, "")
        self._planned(state, turn, tried)
        return Thing("", tried)

    def begun(self, state: State, turn: Turn, resource: Resource) -> None:
        endpoint = self._planned(state, turn, resource)
        run = run_of(resource)
        run.scaled = partial(_scaled, state, endpoint, resource)
        run.idle = _idle_seconds(resource.fields)
        _named(state, resource, endpoint, resource.fields["name"])
        happens(state, endpoint, "deployment.created", "Deployment created", resource, name=resource.fields["name"])
        scale(state, run, replicas_of(resource.fields)[0])

    def _planned(self, state: State, turn: Turn, resource: Resource) -> Resource:
        """Give it what it is going to run; its endpoint."""
        plan = _planned(state, turn)
        assert isinstance(plan, _Plan)
        plan.run.id = resource.id
        low, high = replicas_of(resource.fields)
        bounds = {"minReplicas": low, "maxReplicas": high}
        resource.fields |= {"modelId": plan.model_id, "modelRevisionId": plan.revision, "configId": plan.config}
        resource.fields["autoscaling"] = {**(resource.fields.get("autoscaling") or {}), **bounds}
        resource.more |= {"run": plan.run, "model": plan.model, "machine": plan.machine}
        endpoint = known_resource(state, ENDPOINTS, turn.targets["endpoint"])
        resource.fields["name"] = f"{endpoint.fields['name']}/{resource.fields['name']}"
        return endpoint


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a deployment would run."""

    model: Model
    model_id: str
    revision: str
    machine: Machine
    config: str
    run: Run


def _planned(state: State, turn: Turn) -> _Plan | Refusal:
    """What the body asks to be run, or why it cannot be."""
    config = str(turn.body.get("config") or turn.body.get("configId") or "")
    name = str(turn.body.get("model") or turn.body.get("modelId") or "")
    if not config:
        return wrong(state, turn, "deployment.config (or deployment.config_id) is required", "config")
    if not name:
        return wrong(state, turn, "deployment.model (or deployment.model_id) is required", "model")
    model, machine = model_named(state, name), config_named(state, config)
    if model is None:
        unknown_model(state, turn, name)
        return wrong(state, turn, f"model {name} not found", "model")
    if machine is None:
        return wrong(state, turn, f"config {config} not found", "config")
    own = registered_model(state, name)
    revisions = [id for id, _ in own.more["revisions"]] if own else [known_id("rv", model.id)]
    revision = revision_in(name) or turn.body.get("modelRevisionId") or (revisions or [""])[-1]
    if revision not in revisions:
        text = f"revision {revision} of model {name} not found" if revision else f"model {name} has no files yet"
        return wrong(state, turn, text, "model")
    run = stopped_run("", model.id, _WORDS, Decimal(machine.cents_per_hour) / 100, turn)
    return _Plan(model, own.id if own else known_id("ml", model.id), str(revision), machine, config_id(machine), run)


def _bad_terms(state: State, turn: Turn, fields: Mapping[str, Any]) -> Refusal | None:
    """What is wrong with the replicas and the times that are asked for."""
    low, high = replicas_of(fields)
    if low == 0 and high:
        return wrong(state, turn, "minReplicas must be at least 1; 0 with maxReplicas 0 stops", "autoscaling")
    if not 0 <= low <= high <= MOST:
        return wrong(state, turn, f"minReplicas {low} and maxReplicas {high} are no range", "autoscaling")
    minutes = fields.get("inactiveTimeout")
    if minutes not in (None, 0) and minutes not in _IDLE:
        return wrong(state, turn, f"inactiveTimeout must be 0 or {_IDLE[0]} to {_IDLE[-1]} minutes", "inactiveTimeout")
    window = (fields.get("autoscaling") or {}).get("scaleToZeroWindow")
    if window and _seconds(window) is None:
        return wrong(state, turn, f"scaleToZeroWindow {str(window)[:40]!r} is no duration such as 30m", "autoscaling")
    return None


def _idle_seconds(fields: Mapping[str, Any]) -> float:
    """How long it is left alone before it stops; 0: for ever."""
    window = _seconds(str((fields.get("autoscaling") or {}).get("scaleToZeroWindow") or "")) or 0.0
    minutes = 60.0 * (fields.get("inactiveTimeout") or 0)
    return min(filter(None, (window, minutes)), default=0.0)


_UNITS = {"h": "hours", "m": "minutes", "s": "seconds"}


def _seconds(text: str) -> float | None:
    """``1h30m`` in seconds; ``None``: it is no such thing."""
    parts = re.findall(r"(\d{1,6}(?:\.\d{1,6})?)([hms])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(timedelta(**{_UNITS[unit]: float(number)}).total_seconds() for number, unit in parts)


def _named(state: State, deployment: Resource, endpoint: Resource, bare: str) -> None:
    """Calls can name a deployment itself, whatever the traffic of its endpoint."""
    forget_name(state, deployment.fields["name"])
    deployment.fields["name"] = f"{endpoint.fields['name']}/{bare.rpartition('/')[2]}"
    run = run_of(deployment)

    def gate(at: float) -> Refusal | None:
        return None if run.reach(at) else state.edition.refusal("none_ready")

    serve(state, deployment.fields["name"], deployment.more["model"], gate)


class ChangeDeployment(ChangeResource):
    """Its name, how many replicas it has, and when it rests."""

    def checked(self, state: State, turn: Turn, thing: Any, new: dict[str, Any]) -> Refusal | None:
        if "autoscaling" in new:
            new["autoscaling"] = {**thing.fields["autoscaling"], **(new["autoscaling"] or {})}
        after = {**thing.fields, **new}
        if refusal := _bad_terms(state, turn, after) or _bad_name(state, turn, thing, new):
            return refusal
        replicas = replicas_of(after)[0]
        more = replicas > run_of(thing).ready(turn.at)
        return unpaid(state, turn, run_of(thing), replicas) if more else None

    def changed(self, state: State, turn: Turn, thing: Any, before: Mapping[str, Any]) -> None:
        run, endpoint = run_of(thing), known_resource(state, ENDPOINTS, thing.places["endpoint"])
        if thing.fields["name"] != before["name"]:
            bare, thing.fields["name"] = thing.fields["name"], before["name"]
            _named(state, thing, endpoint, bare)
        run.idle = _idle_seconds(thing.fields)
        if thing.fields["autoscaling"] != before["autoscaling"]:
            scale(state, run, replicas_of(thing.fields)[0])
        watch(state, run)
        paths = _changes(thing.fields, before)
        happens(state, endpoint, "deployment.updated", "Deployment updated", thing, paths=paths)


def _bad_name(state: State, turn: Turn, thing: Resource, new: dict[str, Any]) -> Refusal | None:
    name = new.get("name")
    if not name:
        new.pop("name", None)
        return None
    bare = str(name).rpartition("/")[2]
    places = {"endpoint": thing.places["endpoint"]}
    if not bare or (bare != bare_name(thing) and taken(state, DEPLOYMENTS, places, bare)):
        return wrong(state, turn, f"{bare} exists already" if bare else "name is empty", "name")
    return None


class ListDeployments(ListResources):
    """They can be filtered by what they run, and how far they are."""

    def further(self, state: State, thing: Resource | None) -> Mapping[str, str]:
        if thing is None:
            return {"state": "", "model": ""}
        name = f"DEPLOYMENT_STATE_{run_of(thing).state(state.clock.seconds)}"
        return {"state": name, "model": f"projects/{thing.places['project']}/models/{thing.fields['modelId']}"}


def is_live(state: State, deployment: Resource) -> bool:
    """Whether it gets live traffic, or an active rollout is about it."""
    endpoint = known_resource(state, ENDPOINTS, deployment.places["endpoint"])
    rollout = active_rollout(state, endpoint.id)
    fields = known_resource(state, ROLLOUTS, rollout).fields if rollout else {}
    moved = deployment.id in (fields.get("sourceDeploymentId"), fields.get("targetDeploymentId"))
    return moved or weights_of(endpoint).get(deployment.id, 0) > 0


class DropDeployment(DropResource):
    """Only one that gets no traffic any more."""

    def kept_by(self, state: State, turn: Turn, thing: Any) -> Refusal | None:
        if is_live(state, thing):
            return wrong(
                state, turn, f"deployment {thing.id} gets live traffic: take it out of the traffic split first"
            )
        return None

    def gone(self, state: State, turn: Turn, thing: Any) -> None:
        stop(state, run_of(thing))
        forget_name(state, thing.fields["name"])
        endpoint = known_resource(state, ENDPOINTS, thing.places["endpoint"])
        weights = weights_of(endpoint)
        if thing.id in weights:
            del weights[thing.id]
            route(state, endpoint, weights)
        happens(state, endpoint, "deployment.deleted", "Deployment deleted", thing, name=thing.fields["name"])


# What happened, and how much


def _changes(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    return [name for name, value in now.items() if value != before.get(name)]


def _scaled(state: State, endpoint: Resource, deployment: Resource, before: int, now: int) -> None:
    said = f"Deployment has {now} {'replica' if now == 1 else 'replicas'} ready"
    happens(state, endpoint, "deployment.scaled", said, deployment, oldReplicas=before, newReplicas=now)


def happens(
    state: State, endpoint: Resource, kind: str, message: str, about: Resource | None = None, **more: Any
) -> None:
    """Note an event of an endpoint.

    Args:
        about: The deployment that it is about.
        more: Further fields of it.
    """
    fields = {"type": kind, "message": message, "deploymentId": about.id if about else None, **more}
    new_resource(state, EVENTS, "evt", {"project": endpoint.places["project"], "endpoint": endpoint.id}, fields)


_EVER = (("since", -math.inf), ("until", math.inf))


class ListEvents(OfProject):
    """What happened to an endpoint and its deployments."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        id = turn.targets["id"]
        if outside := foreign(state, turn):
            return outside
        if state.kept[ENDPOINTS].get(id, turn.at) is None:
            return state.edition.refusal("no_such_thing", {"target": id}, operation=turn.operation)
        try:
            since, until = (_asked_moment(state, turn, name, usual) for name, usual in _EVER)
        except BadInput as problem:
            return wrong(state, turn, str(problem))
        own = {each.id for each in below(state, DEPLOYMENTS, endpoint=id)}
        if foreigners := [each for each in _listed(turn, "deploymentIds") if each not in own]:
            return wrong(state, turn, f"deployment {foreigners[0]} is not of this endpoint", "deploymentIds")
        events = [event for event in below(state, EVENTS, endpoint=id) if _asked_for(turn, event)]
        return paged(state, turn, [event for event in events[::-1] if since <= event.at < until], most=10_000)


def _asked_moment(state: State, turn: Turn, name: str, usual: float) -> float:
    """The moment that the address asks for, in seconds of the virtual clock.

    Raises:
        BadInput: It is no moment.
    """
    text = asked(turn, name)
    return state.clock.seconds + (read_moment(text) - state.clock.now).total_seconds() if text else usual


def _asked_for(turn: Turn, event: Resource) -> bool:
    kinds = _listed(turn, "sourceKinds")
    about = event.fields["deploymentId"]
    source = "SOURCE_KIND_DEPLOYMENT" if about else "SOURCE_KIND_ENDPOINT"
    deployments, types = _listed(turn, "deploymentIds"), _listed(turn, "types")
    of_kind = source in kinds if kinds else about is not None or not deployments
    of_deployment = not deployments or about is None or about in deployments
    subject, of_type = asked(turn, "subjectId"), not types or event.fields["type"] in types
    loud = asked(turn, "minLevel") not in ("LEVEL_WARN", "LEVEL_ERROR")  # nothing worse than a piece of news happens
    return of_kind and of_deployment and of_type and loud and subject in ("", event.fields.get("subjectId"))


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
    """The calls of the last day, or of the time that is asked for; those of its deployments' own names too."""

    def answer_for(self, state: State, turn: Turn, thing: Any) -> Decision:
        behind, wanted = below(state, DEPLOYMENTS, endpoint=thing.id), asked(turn, "deploymentId")
        chosen = [each for each in behind if wanted in ("", each.id)]
        if wanted and not chosen:
            return wrong(state, turn, f"deployment {wanted} is not of this endpoint", "deploymentId")
        try:
            until = _asked_moment(state, turn, "endTime", turn.at)
            since = _asked_moment(state, turn, "startTime", until - 86_400)
        except BadInput as problem:
            return wrong(state, turn, str(problem))
        if since >= until:
            return wrong(state, turn, "startTime must be before endTime", "startTime")
        names = {each.fields["name"] for each in chosen} | ({thing.fields["name"]} if not wanted else set())
        calls = tuple(call for call in state.ledger.calls if call.model in names and since <= call.at < until)
        return Analytics(thing, calls, since, until, tuple(chosen))


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
    "v2.endpoints.list_organization": ListResources(ENDPOINTS, seen_as(INTERNAL)),
    "v2.endpoints.retrieve": RetrieveResource(ENDPOINTS),
    "v2.endpoints.update": ChangeEndpoint(ENDPOINTS, "name", "trafficSplit", "visibility"),
    "v2.endpoints.delete": DropEndpoint(ENDPOINTS),
    "v2.endpoints.events": ListEvents(ENDPOINTS),
    "v2.endpoints.analytics": Analyse(ENDPOINTS, lies_there),
    "v2.deployments.create": MakeDeployment(DEPLOYMENTS, "dep", "name", unique=True),
    "v2.deployments.list": ListDeployments(DEPLOYMENTS),
    "v2.deployments.retrieve": RetrieveResource(DEPLOYMENTS),
    "v2.deployments.update": ChangeDeployment(
        DEPLOYMENTS, "autoscaling", "inactiveTimeout", "maxConcurrentRequestsPerReplica", "name"
    ),
    "v2.deployments.delete": DropDeployment(DEPLOYMENTS),
    "v2.instance_types.list": ListMachines("machines"),
    "v2.instance_types.retrieve": RetrieveMachine("machines"),
}
