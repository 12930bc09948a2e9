"""Dedicated endpoints of the first kind: a model on a machine of one's own, paid by the minute while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision, Whole
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.facts.records import Machine, Model
from pytest_llmcontract.core.operations.catalogue import forget_name, model_named, serve, unknown_model
from pytest_llmcontract.core.operations.identity import identity_of
from pytest_llmcontract.core.operations.lasting import OfKind, Retrieve, Thing, Things, asked, wrong
from pytest_llmcontract.core.operations.operation import Operation
from pytest_llmcontract.core.operations.running import MOST, Run, Words, scale, stop, stopped_run, unpaid, watch
from pytest_llmcontract.core.refusal import Refusal

ENDPOINTS = "endpoints"
_WORDS = Words(("PENDING", "STARTING"), "STARTED", "STARTED")


@dataclass(slots=True)
class Endpoint:
    """One of them."""

    id: str
    name: str
    """What calls name as their model."""
    model: Model
    machine: Machine
    at: float
    """When it was made."""
    asked: dict[str, Any]
    """What was asked of it last: display_name, autoscaling, inactive_timeout …"""
    run: Run
    adapters: list[str] = field(default_factory=list)


def _replicas(asked: Mapping[str, Any]) -> int:
    """How many replicas run: the least that there may be, for nothing loads them."""
    least: int = (asked.get("autoscaling") or {}).get("min_replicas", 1)
    return max(1, least)


def _idle(asked: Mapping[str, Any]) -> float:
    return 60 * float(asked.get("inactive_timeout") or 0)


@dataclass(frozen=True, slots=True)
class Machines:
    """What endpoints may run on; of those that fit a model also whether there are any left."""

    machines: tuple[Machine, ...]
    told: bool
    usage: Usage = NOTHING_USED


class Create(OfKind):
    """One that starts at once, unless the body says otherwise."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        if refusal := _closed_today(state, turn) or _bad_terms(state, turn):
            return refusal
        name = str(turn.body.get("model"))
        model = model_named(state, name)
        if model is None:
            unknown_model(state, turn, name)
            return state.edition.refusal("no_machine")
        machine = next((each for each in state.edition.machines if each.id == turn.body.get("hardware")), None)
        if machine is None:
            known = ", ".join(each.id for each in state.edition.machines)
            return wrong(state, turn, f"Unknown hardware {turn.body.get('hardware')}; available: {known}", "hardware")
        return self._made(state, turn, model, machine)

    def _made(self, state: State, turn: Turn, model: Model, machine: Machine) -> Decision:
        id = state.envelope.new_id("endpoint", turn.now)
        owner, tail = identity_of(state).slug, state.envelope.new_id("hex", turn.now)
        name = f"{owner}/{model.id.removeprefix(f'{owner}/')}-{tail}"
        run = stopped_run(id, model.id, _WORDS, machine.cents_per_minute * 60 / 100, turn)
        run.idle = _idle(turn.body)
        endpoint = Endpoint(id, name, model, machine, turn.at, dict(turn.body), run)
        if turn.body.get("state") != "STOPPED":
            if refusal := unpaid(state, turn, run, _replicas(endpoint.asked)):
                return refusal
            scale(state, run, _replicas(endpoint.asked))
        state.kept[self.kind].put(id, endpoint)
        serve(state, name, model, partial(_gate, state, run))
        return Thing(id, endpoint)


def _closed_today(state: State, turn: Turn) -> Refusal | None:
    """Whether endpoints of this kind may still be made and started."""
    until = state.edition.dialect.machines_until
    return state.edition.refusal("machines_closed") if until is not None and turn.now.date() >= until else None


def _bad_terms(state: State, turn: Turn) -> Refusal | None:
    """What is wrong with the replicas and the minutes that are asked for."""
    scale = turn.body.get("autoscaling")
    low, high = (scale.get("min_replicas"), scale.get("max_replicas")) if isinstance(scale, Mapping) else (1, 1)
    if not (isinstance(low, int) and isinstance(high, int) and 0 <= low <= high and 0 < high <= MOST):
        return wrong(state, turn, f"min_replicas {low} and max_replicas {high} are no range", "autoscaling")
    if not 0 <= (turn.body.get("inactive_timeout") or 0) <= MOST:
        return wrong(state, turn, f"inactive_timeout must be 0 to {MOST} minutes", "inactive_timeout")
    return None


def _gate(state: State, run: Run, at: float) -> Refusal | None:
    return None if run.reach(at) else state.edition.refusal("endpoint_asleep")


# What is asked of it later


class Update(OfKind):
    """Change it, start it, stop it."""

    def answer_for(self, state: State, turn: Turn, thing: Endpoint) -> Decision:
        names = ("display_name", "autoscaling", "inactive_timeout")
        new = thing.asked | {name: turn.body[name] for name in names if name in turn.body}
        starts = turn.body.get("state") == "STARTED" and thing.run.rests(turn.at)
        runs = turn.body.get("state") != "STOPPED" and (starts or not thing.run.rests(turn.at))
        if refusal := (starts and _closed_today(state, turn)) or _bad_terms(state, turn):
            return refusal
        more = starts or _replicas(new) > _replicas(thing.asked)
        if runs and more and (refusal := unpaid(state, turn, thing.run, _replicas(new))):
            return refusal
        thing.asked = new
        thing.run.idle = _idle(new)
        scale(state, thing.run, _replicas(new) if runs else 0)
        watch(state, thing.run)
        return Thing(thing.id, thing)


class Delete(OfKind):
    """Take it away; what ran stops."""

    status = 204

    def answer_for(self, state: State, turn: Turn, thing: Endpoint) -> Decision:
        stop(state, thing.run)
        state.kept[self.kind].drop(thing.id, turn.at)
        for name in (thing.name, *thing.adapters):
            forget_name(state, name)
        return Whole(b"", self.status)


class ListEndpoints(OfKind):
    """All of this account; serverless ones are nobody's."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        there = state.kept[ENDPOINTS].page(turn.at, newest_first=True).things
        none = asked(turn, "type") == "serverless" or asked(turn, "usage_type") == "reserved"
        return Things(() if none else tuple(there))


class ListMachines(OfKind):
    """What endpoints may run on."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        name = asked(turn, "model")
        if name and model_named(state, name) is None:
            return state.edition.refusal("no_machine")
        return Machines(state.edition.machines, bool(name))


class ListZones(OfKind):
    """Where machines stand."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        return Things(tuple((zone, zone) for zone in state.edition.dialect.zones))


class Adapters(OfKind):
    """The adapters that an endpoint has loaded; each is a model of its own, ``endpoint:adapter``."""

    def answer_for(self, state: State, turn: Turn, thing: Endpoint) -> Decision:
        return Things(tuple((name, thing) for name in thing.adapters))


class AddAdapter(OfKind):
    """Load one."""

    def answer_for(self, state: State, turn: Turn, thing: Endpoint) -> Decision:
        name = str(turn.body.get("model_id"))
        if problem := _bad_adapter(state, thing, name):
            return wrong(state, turn, problem, "model_id")
        if name not in thing.adapters:
            thing.adapters.append(name)
            serve(state, name, thing.model, partial(_gate, state, thing.run))
        return Thing(name, thing)


class RemoveAdapter(OfKind):
    """Unload one."""

    def answer_for(self, state: State, turn: Turn, thing: Endpoint) -> Decision:
        name = str(turn.body.get("model_id"))
        if name not in thing.adapters:
            return wrong(state, turn, f"Adapter {name} is not loaded", "model_id")
        thing.adapters.remove(name)
        forget_name(state, name)
        return Thing(name, thing)


def _bad_adapter(state: State, endpoint: Endpoint, name: str) -> str:
    place, _, adapter = name.partition(":")
    if place != endpoint.name or not adapter:
        return f"model_id must be {endpoint.name}:<adapter>, not {name[:100]}"
    own = adapter in state.own_models and model_named(state, adapter) is not None
    return "" if own else f"Adapter {adapter} not found"


OPERATIONS: Mapping[str, Operation] = {
    "endpoints.create": Create(ENDPOINTS),
    "endpoints.list": ListEndpoints(ENDPOINTS),
    "endpoints.retrieve": Retrieve(ENDPOINTS),
    "endpoints.update": Update(ENDPOINTS),
    "endpoints.delete": Delete(ENDPOINTS),
    "endpoints.adapters.list": Adapters(ENDPOINTS),
    "endpoints.adapters.add": AddAdapter(ENDPOINTS),
    "endpoints.adapters.remove": RemoveAdapter(ENDPOINTS),
    "hardware.list": ListMachines("machines"),
    "endpoints.zones": ListZones("zones"),
}
