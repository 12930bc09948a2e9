"""What a call used and what it costs, once it has its reply: for limits, account, recording and ledger."""

from __future__ import annotations

from dataclasses import replace

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision, Forwarded, Played, Whole
from pytest_llmcontract.core.call.faults import note_wait
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.exchange import ApiReply, Disconnect, StreamEvents, Usage, kept_once
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.limits.charges import used_tokens
from pytest_llmcontract.core.money.book import exactly
from pytest_llmcontract.core.operations import operation_of
from pytest_llmcontract.core.refusal import Refusal

_PAID_NOT = (Refusal, Whole, Played, Disconnect, Forwarded)
"""Decisions that are nobody's answer, or that a recording charges by what it reports."""


def settle(state: State, turn: Turn, decision: Decision, reply: ApiReply | Disconnect) -> None:
    """The call is over: it is charged, and all is in the ledger."""
    call = turn.call
    call.tier = turn.lane.name
    if isinstance(reply, Disconnect):
        state.attempts.settle(call)
        call.request.forget()
        return
    call.reply = reply
    call.took = reply.delay
    usage = _usage(state, turn, decision, reply)
    if usage is not None:
        _charge(state, turn, usage)
    call.counted = turn.counted
    if turn.model is not None and turn.limits:
        call.note_levels(*state.pool(turn.lane).levels(turn.model.id, turn.at, turn.rules))
    call.shortage = turn.shortage
    note_wait(state, turn, reply)
    state.attempts.settle(call)
    if state.tape is not None:
        _tell_tape(state, turn, reply)
    call.request.forget()


def _usage(state: State, turn: Turn, decision: Decision, reply: ApiReply) -> Usage | None:
    """What is to be paid for; ``None``: nothing was answered, or not by the provider or in its place."""
    if turn.recorded is not None:
        answered = turn.recorded.finding is None and reply.status < 400
        return operation_of(turn).reported(state, turn, reply, turn.recorded.usage) if answered else None
    if isinstance(decision, _PAID_NOT):
        return None
    return decision.usage


def settle_within(state: State, turn: Turn, decision: Decision, reply: ApiReply | Disconnect) -> None:
    """A call of the provider's own is over: what it used and cost stands in it. Whose order it was pays for it."""
    turn.call.tier = turn.lane.name
    if isinstance(reply, Disconnect):
        return
    turn.call.reply = reply
    if (usage := _usage(state, turn, decision, reply)) is not None:
        _note_cost(state, turn, usage)


def _charge(state: State, turn: Turn, usage: Usage) -> None:
    if turn.model is not None and not turn.model.dedicated:
        _charge_limits(state, turn, turn.model, usage)
    _note_cost(state, turn, usage)
    if turn.call.cost:
        state.account.spend(turn.call.cost, turn.at, f"call {turn.number}")


def _note_cost(state: State, turn: Turn, usage: Usage) -> None:
    if usage is not NOTHING_USED:
        turn.call.usage = usage
    factor = turn.lane.price_of(turn.call.model)
    stacks = turn.lane.cache_discount or factor == 1
    charged = usage if stacks or not usage.cached_tokens else replace(usage, cached_tokens=0)
    cost = operation_of(turn).price(state, turn, charged)
    turn.call.cost = kept_once(exactly(cost if factor == 1 else cost * factor))


def _charge_limits(state: State, turn: Turn, model: Model, usage: Usage) -> None:
    if turn.recorded is not None:
        # No limit was asked for it: it had been let in.
        turn.counted = operation_of(turn).counted(state, turn)
        turn.taken = turn.counted.charges().taken
        state.pool(turn.lane).take(model.id, turn.taken, turn.at)
    if usage is not NOTHING_USED:
        _correct(state, turn, usage)
    if turn.recorded is not None:
        turn.limits = state.pool(turn.lane).state(model.id, turn.at)


def _correct(state: State, turn: Turn, usage: Usage) -> None:
    """Give back, or take, what the estimate that was taken differs from what was really used.

    Where the longest completion was taken, nothing of it is given back: the real one comes on top. The one token that
    is taken where no longest is named is (assumed).
    """
    assert turn.model is not None
    kept = turn.asked_tokens if state.edition.dialect.admission == "maximum" else 0
    owed = {kind: amount - turn.taken.get(kind, 0) for kind, amount in used_tokens(usage, kept).items()}
    state.pool(turn.lane).take(turn.model.id, owed, turn.at, turn.rules)


def _tell_tape(state: State, turn: Turn, reply: ApiReply) -> None:
    """Recordings keep a stream and a file whole: a script that cut them cuts them again when they are replayed."""
    assert state.tape is not None
    if isinstance(turn.whole, bytes):
        reply = replace(reply, body=turn.whole, cut=None)
    elif turn.whole is not None:
        reply = replace(reply, events=StreamEvents(turn.whole, [0.0] * len(turn.whole)), cut=None)
    state.tape.told(turn.call, turn.target, reply, edition=state.edition.date, scripted=turn.scripted)
