"""A call that a recording decides: what the steps still do for it, and how its answer is charged.

A recording stands in for the provider's decision, not for ours. So what is wrong with the request is found as in a
simulation, limits and money are charged by what the recording reports, and no step refuses what was answered once.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pytest_llmcontract.core.completion.reported import error_name, reported_usage
from pytest_llmcontract.core.exchange import ApiReply, Disconnect, Forward
from pytest_llmcontract.core.script import ScriptedReply
from pytest_llmcontract.core.steps import STEPS, images_price
from pytest_llmcontract.core.tape import Recorded
from pytest_llmcontract.core.turn import Turn
from pytest_llmcontract.core.wire import DONE
from pytest_llmcontract.core.workload.costs import token_cost

if TYPE_CHECKING:
    from pytest_llmcontract.core.simulator import Simulator

_JUDGES = frozenset({"route", "key", "model"})
"""Steps that find something about the request. The length of a prompt is only estimated: a recording knows better."""

_NOT_ANSWERED_BY_US = ("content-length", "content-encoding", "transfer-encoding")
"""Recorded headers that speak of the wire, not of the body as it reads."""


def look_up(sim: Simulator, turn: Turn) -> Recorded | None:
    """What the test's recordings say, where they decide: after a scripted fault, before a scripted reply."""
    if sim.tape is None or turn.fault is not None:
        return None
    found = sim.tape.find(turn.call, turn.target)
    if found is not None and found.reply is None and turn.due is not None:
        return None  # what is not recorded yet, the script answers, not the provider
    return found


def judge(sim: Simulator, turn: Turn, step: str) -> ApiReply | None:
    """What *step* does for a recorded call: it finds; the last one gives the recorded answer."""
    if step in _JUDGES:
        STEPS[step](sim, turn)
    if step != "answer":
        return None
    assert turn.recorded is not None
    if turn.recorded.reply is None:
        _forward(sim, turn)
        return None
    if turn.recorded.finding is not None:
        turn.call.violations.append(replace(turn.recorded.finding, call=sim.number_of(turn.call)))
        return turn.recorded.reply
    return _play(sim, turn, turn.recorded)


def _play(sim: Simulator, turn: Turn, recorded: Recorded) -> ApiReply:
    assert recorded.reply is not None
    turn.call.recorded = True
    turn.scripted = recorded.scripted
    if turn.due is not None and isinstance(turn.due.part, ScriptedReply):
        sim.scripts.use(turn.due, turn.call)  # the recording is of its answer, or in place of it
    reply = recorded.reply
    headers = {name: value for name, value in reply.headers.items() if name.lower() not in _NOT_ANSWERED_BY_US}
    error = error_name(reply, sim.edition)
    if reply.events is None:
        return sim.sent(turn, reply.status, headers, reply.body, error=error)
    events = [event.data for event in reply.events]
    done = [events.pop()] if events and events[-1].strip() == DONE.strip() else []
    kept, cut = sim.ended(turn, events, done)
    return sim.sent(turn, reply.status, headers, None, events=kept, cut=cut or reply.cut, error=error)


def charge(sim: Simulator, turn: Turn, reply: ApiReply) -> None:
    """Count an answer that the simulator did not make as its provider did, by the usage it reports."""
    assert turn.recorded is not None
    if turn.model is None or turn.recorded.finding is not None or reply.status >= 400:
        return
    turn.call.usage = reported_usage(reply, turn.recorded.usage)
    drawn = turn.operation == "images.generations"
    prices = turn.model.prices
    turn.call.cost = images_price(turn.model, turn.body) if drawn else token_cost(prices, turn.call.usage)
    turn.taken = sim.charges(turn, asked=False)
    sim.limiter.take(turn.model.id, turn.taken, turn.at)
    sim.settle(turn, turn.call.usage)
    turn.limits = sim.limiter.state(turn.model.id, turn.at)


def _forward(sim: Simulator, turn: Turn) -> None:
    sim.forwards[id(turn.call)] = Forward(partial(_arrived, sim, turn))


def _arrived(sim: Simulator, turn: Turn, outcome: ApiReply | Disconnect) -> None:
    """The provider itself answered."""
    took = sim.clock.seconds - turn.at
    with sim.lock:
        if isinstance(outcome, Disconnect):
            sim.ledger.settle(turn.call)
        else:
            sim.close(turn, replace(outcome, error=error_name(outcome, sim.edition)))
        turn.call.took = took
