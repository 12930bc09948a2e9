"""The script's arm: whose turn it is with a call, and the fault that strikes at its own step. It is charged nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import ceil

from pytest_llmcontract.core.call.replies import part_of
from pytest_llmcontract.core.call.script import (
    Chaos,
    ConnectionFault,
    Fault,
    Outage,
    Part,
    Script,
    ScriptedFault,
    ScriptedReply,
)
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.steps import too_long
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.exchange import ApiReply, Disconnect
from pytest_llmcontract.core.limits.limiter import Shortage
from pytest_llmcontract.core.operations import operation_of
from pytest_llmcontract.core.refusal import Refusal

_ROUNDED = 0.05
"""Seconds by which a client that waited as told may be early."""
_USUAL_CONTEXT = 131_072
"""For a scripted refusal of a length where the edition knows no context of the model."""


def due_script(state: State, turn: Turn) -> tuple[Script | None, Fault | None]:
    """The script whose turn it is with this call, the weather's or the oldest that matches; and the fault it brings."""
    scripts, request = state.scripts, turn.request
    if not scripts:
        return None, None
    if (again := _too_early(state, turn)) is not None:
        return None, again
    if outage := scripts.first(request, Outage, suits=partial(_lasts, turn)):
        return outage, part_of(outage, Outage).fault
    for chaos in scripts.every(request, Chaos):
        if (fault := part_of(chaos, Chaos).throw()) and _suits(turn, fault):
            return chaos, fault
    script = scripts.first(request, ScriptedFault, ConnectionFault, ScriptedReply, suits=partial(_suits, turn))
    return script, script.part if script and isinstance(script.part, ScriptedFault | ConnectionFault) else None


def _too_early(state: State, turn: Turn) -> ScriptedFault | None:
    """The refusal of the attempt before, where this one comes before it was told to: a provider says the same again."""
    if turn.call.logical is None:
        return None
    before = turn.call.logical.attempts[-2]
    fault = state.scripts.refused(before)
    if fault is None or before.reply is None or before.reply.retry_after is None:
        return None
    left = before.at + before.took + before.reply.retry_after - turn.at
    if left <= _ROUNDED:
        return None
    return replace(fault, retry_after=float(ceil(left)))


def note_wait(state: State, turn: Turn, reply: ApiReply) -> None:
    """Remember a scripted refusal that says when to come back."""
    if isinstance(turn.fault, ScriptedFault) and turn.scripted and reply.retry_after:
        state.scripts.told_to_wait(turn.call, turn.fault)


def _lasts(turn: Turn, part: Part) -> bool:
    return isinstance(part, Outage) and turn.at < part.until and _suits(turn, part.fault)


def _suits(turn: Turn, part: Part) -> bool:
    """Whether a script can be for this call: what says nothing takes whole bodies only, a line of a batch no line."""
    if isinstance(part, ScriptedReply):
        return part.body is not None or operation_of(turn).says
    return not (turn.inside and isinstance(part, ConnectionFault))


def broken(state: State, turn: Turn, fault: ConnectionFault) -> Disconnect:
    """How the connection breaks before any step, as the test scripted it."""
    assert turn.due is not None
    state.scripts.use(turn.due, turn.call)
    return Disconnect(fault.how)


def strike(state: State, turn: Turn, fault: ScriptedFault, step: str) -> Refusal | None:
    """The refusal that the test scripted for this call, at its own step."""
    if fault.step != step:
        return None
    if turn.due is not None:
        state.scripts.use(turn.due, turn.call)
    turn.scripted = True
    turn.retry_after = fault.retry_after
    turn.extra_headers = fault.headers
    if step == "limiter":
        turn.shortage = _shortage(state, turn, fault)
    values = _length(turn) if step == "size" else {}
    return Refusal(fault.error, {**values, **fault.values}, fault.message, fault.body)


def _length(turn: Turn) -> dict[str, int]:
    """Numbers for a prompt that the test wants to be too long: its own where it is, else one token too many."""
    context = (turn.model.context if turn.model else None) or _USUAL_CONTEXT
    asked = turn.asked_tokens
    return too_long(context, max(turn.prompt_tokens, context - asked + 1), asked)


def _shortage(state: State, turn: Turn, fault: ScriptedFault) -> Shortage | None:
    """Numbers for a 429 that the test asked for: the limit is drained, the call asks for what it asks."""
    if turn.model is None:
        return None
    model, spec = turn.model.id, state.edition.errors[fault.error]
    limiter = state.pool(turn.lane)
    rules = limiter.rules(model)
    if not rules:
        return None
    wanted = (fault.limit or spec.limit).upper()
    kind = wanted if wanted in rules else next(iter(rules))
    rule = rules[kind]
    turn.limits = limiter.state(model, turn.at)
    requested = operation_of(turn).counted(state, turn).charges().asked.get(kind, 1)
    if spec.at_once:
        return Shortage(kind, rule.limit, 0, max(requested, rule.limit + 1), 0)
    natural = limiter.wait(model, kind, requested, turn.at) or requested / rule.limit * rule.window
    wait = natural if fault.retry_after is None else fault.retry_after
    return Shortage(kind, rule.limit, rule.limit, requested, wait)
