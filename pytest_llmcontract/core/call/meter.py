"""What a call used and what it costs, once it has its reply: for limits, account, recording and ledger."""

from __future__ import annotations

from dataclasses import replace

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision, Forwarded, Played, Whole
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.completion.reported import reported_usage
from pytest_llmcontract.core.exchange import ApiReply, Disconnect, StreamEvents, Usage, kept_once
from pytest_llmcontract.core.limits.charges import used_tokens
from pytest_llmcontract.core.operations import operation_of
from pytest_llmcontract.core.refusal import Refusal

_PAID_NOT = (Refusal, Whole, Played, Disconnect, Forwarded)
"""Decisions that are nobody's answer, or that a recording charges by what it reports."""


def settle(state: State, turn: Turn, decision: Decision, reply: ApiReply | Disconnect) -> None:
    """The call is over: it is charged, and all is in the ledger."""
    call = turn.call
    if isinstance(reply, Disconnect):
        state.ledger.settle(call)
        call.request.forget()
        return
    call.reply = reply
    call.took = reply.delay
    usage = _usage(turn, decision, reply)
    if usage is not None and turn.model is not None:
        _charge(state, turn, usage)
    call.counted = turn.counted
    if turn.model is not None and turn.limits:
        call.note_levels(*state.limiter.levels(turn.model.id, turn.at, turn.rules))
    call.shortage = turn.shortage
    state.ledger.settle(call)
    if state.tape is not None:
        _tell_tape(state, turn, reply)
    call.request.forget()


def _usage(turn: Turn, decision: Decision, reply: ApiReply) -> Usage | None:
    """What is to be paid for; ``None``: nothing was answered, or not by the provider or in its place."""
    if turn.recorded is not None:
        answered = turn.recorded.finding is None and reply.status < 400
        return reported_usage(reply, turn.recorded.usage) if answered else None
    if isinstance(decision, _PAID_NOT):
        return None
    return decision.usage


def _charge(state: State, turn: Turn, usage: Usage) -> None:
    assert turn.model is not None
    call, operation = turn.call, operation_of(turn)
    if turn.recorded is not None:
        # No limit was asked for it: it had been let in.
        turn.counted = operation.counted(state, turn)
        turn.taken = turn.counted.charges().taken
        state.limiter.take(turn.model.id, turn.taken, turn.at)
    if usage is not NOTHING_USED:
        call.usage = usage
        _correct(state, turn, usage)
    if turn.recorded is not None:
        turn.limits = state.limiter.state(turn.model.id, turn.at)
    cost = operation.price(turn.model, turn.body, usage)
    call.cost = kept_once(cost if turn.lane.price == 1 else cost * turn.lane.price)
    if call.cost:
        state.account.spend(call.cost, turn.at)


def _correct(state: State, turn: Turn, usage: Usage) -> None:
    """Give back, or take, what the estimate that was taken differs from what was really used.

    Where the longest completion was taken, nothing of it is given back: the real one comes on top. The one token that
    is taken where no longest is named is (assumed).
    """
    assert turn.model is not None
    kept = turn.asked_tokens if state.edition.dialect.admission == "maximum" else 0
    owed = {kind: amount - turn.taken.get(kind, 0) for kind, amount in used_tokens(usage, kept).items()}
    state.limiter.take(turn.model.id, owed, turn.at, turn.rules)


def _tell_tape(state: State, turn: Turn, reply: ApiReply) -> None:
    """Recordings keep a stream whole: a script that cut it cuts it again when it is replayed."""
    assert state.tape is not None
    if turn.whole is not None:
        reply = replace(reply, events=StreamEvents(turn.whole, [0.0] * len(turn.whole)), cut=None)
    state.tape.told(turn.call, turn.target, reply, edition=state.edition.date, scripted=turn.scripted)
