"""Dedicated endpoints of the first kind: a model on a machine of one's own, paid by the minute while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision, Whole
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.clock import Appointment
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.facts.records import Machine, Model
from pytest_llmcontract.core.operations.fine_tuning import add_model
from pytest_llmcontract.core.operations.identity import identity_of
from pytest_llmcontract.core.operations.lasting import OfKind, Retrieve, Thing, Things, asked, wrong
from pytest_llmcontract.core.operations.operation import Operation
from pytest_llmcontract.core.refusal import Refusal

ENDPOINTS = "endpoints"
_STOPPING_SECONDS = 10
"""How long an endpoint takes to stop (assumed)."""


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
    stages: list[tuple[float, str]]
    used: float
    """When a call reached it last."""
    adapters: list[str] = field(default_factory=list)
    booked: list[Appointment] = field(default_factory=list)

    def state(self, at: float) -> str:
        """Its state at that moment."""
        return next(name for moment, name in reversed(self.stages) if moment <= at)

    @property
    def timeout(self) -> float:
        """Seconds without a call after which it stops; 0: it does not."""
        return 60 * float(self.asked.get("inactive_timeout") or 0)

    @property
    def per_minute(self) -> Decimal:
        """Dollars, of all replicas that run."""
        replicas = (self.asked.get("autoscaling") or {}).get("min_replicas") or 1
        return self.machine.cents_per_minute * replicas / 100


@dataclass(frozen=True, slots=True)
class Machines:
    """What endpoints may run on; of those that fit a model also whether there are any left."""

    machines: tuple[Machine, ...]
    told: bool
    usage: Usage = NOTHING_USED


class Create(Operation):
    """One that starts at once, unless the body says otherwise."""

    calls_model = False

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        if closed := closed_today(state, turn):
            return closed
        model = state.model(str(turn.body.get("model")))
        if model is None or model.since > turn.now.date():
            return state.edition.refusal("no_machine")
        machine = next((each for each in state.edition.machines if each.id == turn.body.get("hardware")), None)
        if machine is None:
            known = ", ".join(each.id for each in state.edition.machines)
            return wrong(state, turn, f"Unknown hardware {turn.body.get('hardware')}; available: {known}", "hardware")
        if problem := _bad_scale(turn.body.get("autoscaling")):
            return wrong(state, turn, problem, "autoscaling")
        return self._made(state, turn, model, machine)

    def _made(self, state: State, turn: Turn, model: Model, machine: Machine) -> Decision:
        id = state.envelope.new_id("endpoint", turn.now)
        owner, tail = identity_of(state).slug, state.envelope.new_id("hex", turn.now)
        name = f"{owner}/{model.id.removeprefix(f'{owner}/')}-{tail}"
        endpoint = Endpoint(id, name, model, machine, turn.at, dict(turn.body), [(turn.at, "STOPPED")], turn.at)
        if turn.body.get("state") != "STOPPED":
            endpoint.stages.clear()
            if refusal := start(state, endpoint):
                return refusal
        state.kept[ENDPOINTS].put(id, endpoint)
        add_model(state, name, model)
        state.gates[name] = partial(_gate, state, endpoint)
        return Thing(id, endpoint)


def closed_today(state: State, turn: Turn) -> Refusal | None:
    """Whether endpoints of this kind may still be made and started."""
    until = state.edition.dialect.machines_until
    return state.edition.refusal("machines_closed") if until is not None and turn.now.date() >= until else None


def _bad_scale(scale: Any) -> str:
    if not isinstance(scale, Mapping):
        return ""
    low, high = scale.get("min_replicas"), scale.get("max_replicas")
    good = isinstance(low, int) and isinstance(high, int) and 0 <= low <= high
    return "" if good else f"min_replicas {low} and max_replicas {high} are no range"


# Its life


def start(state: State, endpoint: Endpoint) -> Refusal | None:
    """It will run, and be paid for, once its machine is ready."""
    at = state.clock.seconds
    if refusal := state.account.afford(endpoint.per_minute, at):
        return refusal
    ready = at + state.edition.dialect.machine_seconds
    endpoint.stages += [(at, "PENDING"), (at + 1, "STARTING"), (ready, "STARTED")]
    _book(state, endpoint, ready, partial(_started, state, endpoint))
    return None


def _started(state: State, endpoint: Endpoint) -> None:
    at = state.clock.seconds
    endpoint.used = at
    state.account.rent(endpoint.id, endpoint.per_minute, at, partial(stop, state, endpoint))
    watch(state, endpoint)


def watch(state: State, endpoint: Endpoint) -> None:
    """Look again when it will have been without a call for long enough to stop."""
    if endpoint.timeout:
        _book(state, endpoint, endpoint.used + endpoint.timeout, partial(_tired, state, endpoint))


def _tired(state: State, endpoint: Endpoint) -> None:
    at = state.clock.seconds
    if endpoint.state(at) != "STARTED" or not endpoint.timeout:
        return
    if at < endpoint.used + endpoint.timeout:
        watch(state, endpoint)
    else:
        stop(state, endpoint)


def stop(state: State, endpoint: Endpoint) -> None:
    """It runs no more, and costs nothing from now on."""
    at = state.clock.seconds
    for booked in endpoint.booked:
        booked.cancel()
    endpoint.booked.clear()
    state.account.end_rent(endpoint.id, at)
    endpoint.stages = [stage for stage in endpoint.stages if stage[0] <= at]
    endpoint.stages += [(at, "STOPPING"), (at + _STOPPING_SECONDS, "STOPPED")]


def _book(state: State, endpoint: Endpoint, at: float, action: Any) -> None:
    endpoint.booked.append(state.schedule.after(max(0.0, at - state.clock.seconds), action))


def _gate(state: State, endpoint: Endpoint, at: float) -> Refusal | None:
    if endpoint.state(at) != "STARTED":
        return state.edition.refusal("endpoint_asleep")
    endpoint.used = at
    return None


# What is asked of it later


class Update(OfKind):
    """Change it, start it, stop it."""

    def answer_for(self, state: State, turn: Turn, thing: Endpoint) -> Decision:
        if problem := _bad_scale(turn.body.get("autoscaling")):
            return wrong(state, turn, problem, "autoscaling")
        to, now = turn.body.get("state"), thing.state(turn.at)
        rests = now not in ("STARTED", "STARTING", "PENDING")
        if to == "STARTED" and rests and (refusal := closed_today(state, turn) or start(state, thing)):
            return refusal
        changed = ("display_name", "autoscaling", "inactive_timeout")
        before = thing.per_minute
        thing.asked |= {name: turn.body[name] for name in changed if name in turn.body}
        if to == "STOPPED" and now not in ("STOPPED", "STOPPING"):
            stop(state, thing)
        elif now == "STARTED":
            self._goes_on(state, thing, changed=thing.per_minute != before)
        return Thing(thing.id, thing)

    def _goes_on(self, state: State, endpoint: Endpoint, *, changed: bool) -> None:
        if changed:
            at = state.clock.seconds
            state.account.end_rent(endpoint.id, at)
            state.account.rent(endpoint.id, endpoint.per_minute, at, partial(stop, state, endpoint))
        watch(state, endpoint)


class Delete(OfKind):
    """Take it away; what ran stops."""

    def answer_for(self, state: State, turn: Turn, thing: Endpoint) -> Decision:
        stop(state, thing)
        state.kept[ENDPOINTS].drop(thing.id, turn.at)
        state.own_models.pop(thing.name, None)
        state.gates.pop(thing.name, None)
        return Whole(b"", status=204)


class ListEndpoints(OfKind):
    """All of this account; serverless ones are nobody's."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        there = state.kept[ENDPOINTS].page(turn.at, newest_first=True).things
        none = asked(turn, "type") == "serverless" or asked(turn, "usage_type") == "reserved"
        return Things(() if none else tuple(there))


class ListMachines(Operation):
    """What endpoints may run on."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        name = asked(turn, "model")
        if name and state.model(name) is None:
            return state.edition.refusal("no_machine")
        return Machines(state.edition.machines, bool(name))


class ListZones(Operation):
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
            add_model(state, name, thing.model)
            state.gates[name] = partial(_gate, state, thing)
        return Thing(name, thing)


class RemoveAdapter(OfKind):
    """Unload one."""

    def answer_for(self, state: State, turn: Turn, thing: Endpoint) -> Decision:
        name = str(turn.body.get("model_id"))
        if name not in thing.adapters:
            return wrong(state, turn, f"Adapter {name} is not loaded", "model_id")
        thing.adapters.remove(name)
        state.own_models.pop(name, None)
        state.gates.pop(name, None)
        return Thing(name, thing)


def _bad_adapter(state: State, endpoint: Endpoint, name: str) -> str:
    place, _, adapter = name.partition(":")
    if place != endpoint.name or not adapter:
        return f"model_id must be {endpoint.name}:<adapter>, not {name[:100]}"
    return "" if adapter in state.own_models else f"Adapter {adapter} not found"


OPERATIONS: Mapping[str, Operation] = {
    "endpoints.create": Create(),
    "endpoints.list": ListEndpoints(ENDPOINTS),
    "endpoints.retrieve": Retrieve(ENDPOINTS),
    "endpoints.update": Update(ENDPOINTS),
    "endpoints.delete": Delete(ENDPOINTS),
    "endpoints.adapters.list": Adapters(ENDPOINTS),
    "endpoints.adapters.add": AddAdapter(ENDPOINTS),
    "endpoints.adapters.remove": RemoveAdapter(ENDPOINTS),
    "hardware.list": ListMachines(),
    "endpoints.zones": ListZones(),
}
