"""The path of one call through a simulated provider. If you read one file, read this one.

:meth:`Simulator.answer` is the whole of it: open the call, decide it, make the reply, settle it. Who decides are a
script, a recording, or the provider's :mod:`.steps`, in the order that its data give (``api.json``). A decision is a
value (:mod:`.decision`); :mod:`.replies` gives it the provider's form, :mod:`.meter` counts and charges it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from pytest_llmcontract.core.call.decision import FORWARDED, Decision, Played
from pytest_llmcontract.core.call.faults import broken, due_script, strike
from pytest_llmcontract.core.call.lenient import able_model, let_pass
from pytest_llmcontract.core.call.meter import settle, settle_within
from pytest_llmcontract.core.call.multipart import judged_body, read_form
from pytest_llmcontract.core.call.ours import find_failure, refusal_of_ours
from pytest_llmcontract.core.call.replies import make_reply
from pytest_llmcontract.core.call.routes import UNKNOWN
from pytest_llmcontract.core.call.script import ConnectionFault, StreamCut
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.steps import FIND_ONLY, OUTSIDE, STEPS
from pytest_llmcontract.core.call.tape import Recorded, Tape
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.completion.reported import error_name
from pytest_llmcontract.core.completion.tokens import checked_count
from pytest_llmcontract.core.contract.mismatch import Mismatch
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Disconnect, Forward, kept_once
from pytest_llmcontract.core.facts.records import Lane, Model
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.locks import new_lock
from pytest_llmcontract.core.operations import OPERATIONS, operation_called, operation_of


class Outcome(NamedTuple):
    """What became of a request."""

    call: Call
    reply: ApiReply | Disconnect | Forward
    """What the client gets; :class:`Forward`: the provider itself is to be asked."""


class Simulator:
    """One simulated provider.

    Args:
        begin: Makes the state it begins with; asked again when it is reset, with how often that was.
        lock: Held while a call is answered: one for all providers that share a clock.
    """

    def __init__(self, begin: Callable[[int], State], lock: threading.RLock | None = None) -> None:
        self._begin = begin
        self._lock = lock or new_lock()
        self.state = self._begun(0)
        self.own_tape: Tape | None = None
        """Recordings that answer for it alone, in place of the test's."""
        self.past: list[State] = []
        """What was before each reset, oldest first."""

    @property
    def states(self) -> tuple[State, ...]:
        """All of them, the one that holds last."""
        return (*self.past, self.state)

    def reset(self) -> None:
        """Back to the state it began with; the recordings go on."""
        with self._lock:
            self.state.schedule.forget()
            self.past.append(self.state)
            tape = self.state.tape
            self.state = self._begun(len(self.past))
            self.state.tape = tape

    def _begun(self, seed: int) -> State:
        state = self._begin(seed)
        state.within = partial(self._within, state)
        return state

    def is_quick(self, request: ApiRequest) -> bool:
        """Whether it takes a moment to answer *request*, whatever the account holds."""
        return operation_called(_address(self.state, request)[1]).quick

    def answer(self, request: ApiRequest) -> Outcome:
        """Answer *request* now, as facts, account, limits, script and recordings of this moment have it."""
        with self._lock:
            state = self.state
            turn = _entered(state, request)
            try:
                return self._outcome(state, turn)
            except Exception as problem:  # never through the client, whose SDK would try again
                turn.call.reply = refusal_of_ours(find_failure(turn, problem))
                state.attempts.settle(turn.call)
                return Outcome(turn.call, turn.call.reply)

    def _outcome(self, state: State, turn: Turn) -> Outcome:
        self._begin_turn(state, turn)
        decision = self.decide(state, turn)
        if decision is FORWARDED:
            return Outcome(turn.call, Forward(partial(self._arrived, state, turn)))
        reply = decision if isinstance(decision, Disconnect) else make_reply(state, turn, decision)
        settle(state, turn, decision, reply)
        return Outcome(turn.call, reply)

    def open(self, state: State, request: ApiRequest) -> Turn:
        """What is asked, and what is wrong with it; the call is in the ledger."""
        turn = _entered(state, request)
        self._begin_turn(state, turn)
        return turn

    def _begin_turn(self, state: State, turn: Turn) -> None:
        """What is wrong with the request, and who answers it: a script, a recording, the provider's steps."""
        turn.plan = turn.call.plan = state.account.plan_name(turn.at)
        turn.model = state.model(turn.call.model) if operation_of(turn).calls_model else None
        if state.lenient:
            turn.model = able_model(state, turn)
        if contract := state.contracts.get(turn.operation):
            turn.mismatches = contract.check(judged_body(turn.request), _able(turn))
            if state.lenient:
                let_pass(state, turn)
            for mismatch in turn.mismatches:
                _find_mismatch(state, turn, mismatch)
        sound = not turn.invented and all(mismatch.error is None for mismatch in turn.mismatches)
        if sound and operation_of(turn).reads_text:
            turn.prompt_tokens = checked_count(state.tokens.prompt(turn.chat, turn.call.model))
        turn.due, turn.fault = due_script(state, turn)
        turn.recorded = _look_up(state, turn)

    def decide(self, state: State, turn: Turn) -> Decision:
        """The first to decide: a script's fault or a step of the provider's path; or what is recorded."""
        fault = turn.fault
        if isinstance(fault, ConnectionFault):
            return broken(state, turn, fault)
        for name in state.edition.path:
            if fault is not None and (struck := strike(state, turn, fault, name)):
                return struck
            if turn.inside and name in OUTSIDE:
                continue
            if turn.recorded is None:
                if (decided := STEPS[name](state, turn)) is not None:
                    return decided
            elif name in FIND_ONLY:
                STEPS[name](state, turn)
        assert turn.recorded is not None, f"the path of {state.edition.provider} does not end in an answer"
        return _recorded(state, turn, turn.recorded)

    def _within(self, state: State, request: ApiRequest, lane: str, number: int) -> Call:
        """What the provider makes of a request that comes from inside it; see :data:`.state.Within`."""
        turn = _turn(state, request, number, state.edition.lanes[lane])
        turn.inside = True
        try:
            self._begin_turn(state, turn)
            decision = self.decide(state, turn)
            reply = decision if isinstance(decision, Disconnect) else make_reply(state, turn, decision)
            settle_within(state, turn, decision, reply)
        except Exception as problem:  # never through whoever moves the clock
            turn.call.reply = refusal_of_ours(find_failure(turn, problem))
        return turn.call

    def _arrived(self, state: State, turn: Turn, reply: ApiReply | Disconnect) -> None:
        """The provider itself answered."""
        took = state.clock.seconds - turn.at
        with self._lock:
            if isinstance(reply, ApiReply):
                reply = replace(reply, error=error_name(reply, state.edition))
            settle(state, turn, FORWARDED, reply)
            turn.call.took = took


def _entered(state: State, request: ApiRequest) -> Turn:
    """The call, in ledger and journal."""
    turn = _turn(state, request, len(state.journal.calls))
    state.attempts.enter(turn.call, reversed(state.ledger.calls), state.clock.deeds)
    state.ledger.calls.append(turn.call)
    state.journal.calls.append(turn.call)
    return turn


def _turn(state: State, request: ApiRequest, number: int, lane: Lane | None = None) -> Turn:
    """A call that begins now."""
    path, operation, targets = _address(state, request)
    body = request.json if isinstance(request.json, dict) else read_form(request)
    name = body.get("model") or state.edition.dialect.default_models.get(operation)
    named = targets["id"] if operation in OPERATIONS and OPERATIONS[operation].names_model else ""
    call = Call(
        provider=state.edition.provider,
        operation=operation,
        model=kept_once(name) if isinstance(name, str) else named,
        request=request,
        at=state.clock.seconds,
        stream=body.get("stream") is True or body.get("stream_tokens") is True,  # Together's name until 2025
    )
    now = state.clock.now
    request_id = state.request_ids.pop(0) if state.request_ids else state.envelope.request_id(now)
    lane = lane or state.edition.lane_for(body.get("service_tier"))
    chat = OPERATIONS[operation].as_chat(body) if operation in OPERATIONS else body
    return Turn(request, call, number, now, call.at, request_id, body, chat, lane, path=path, targets=targets)


def _address(state: State, request: ApiRequest) -> tuple[str, str, Mapping[str, str]]:
    """The path as the provider has it, behind whatever gateway, its operation, and what it names."""
    paths = tuple(state.edition.paths_of(request.host, request.path))
    found = ((path, *state.routes.find(request.method, path)) for path in paths)
    return next((one for one in found if one[1] != UNKNOWN), (paths[0], UNKNOWN, {}))


def _able(turn: Turn) -> Model | None:
    """The model whose abilities the body is held to: what one that is retired, or does not do such things at all,
    could not do does not matter any more."""
    model = turn.model
    if model is None or model.is_retired(turn.now.date()) or not operation_of(turn).suits(model):
        return None
    return model


def _find_mismatch(state: State, turn: Turn, mismatch: Mismatch) -> None:
    spec = state.edition.errors.get(mismatch.error or "")
    turn.find(
        mismatch.code,
        mismatch.message,
        path=mismatch.path,
        sent=mismatch.sent,
        allowed=mismatch.allowed,
        contract=mismatch.schema,
        answer=f"answers {spec.status} {spec.name}" if spec else "answers 200 and ignores it",
        fix=mismatch.fix,
    )


# Recordings


def _look_up(state: State, turn: Turn) -> Recorded | None:
    """What the test's recordings say, where they decide: after a scripted fault, before a scripted reply."""
    if state.tape is None or turn.fault is not None or turn.inside:
        return None
    found = state.tape.find(turn.call, turn.target)
    if found is not None and found.reply is None and turn.due is not None:
        return None  # what is not recorded yet, the script answers, not the provider
    return found


def _recorded(state: State, turn: Turn, recorded: Recorded) -> Decision:
    """A recording stands in for the provider's decision, not for ours: the steps have found what they find."""
    if recorded.reply is None:
        _find_cut(state, turn)
        return FORWARDED
    if recorded.finding is not None:
        turn.call.violations.append(replace(recorded.finding, call=turn.number))
    return Played(recorded)


def _find_cut(state: State, turn: Turn) -> None:
    """What the provider itself streams nobody cuts: the test would prove nothing."""
    cut = state.scripts.first(turn.request, StreamCut) if turn.call.stream else None
    if cut is None:
        return
    state.scripts.withdraw(cut)
    turn.find(
        "LLM208",
        f"{cut.source} cannot cut what the provider itself answers",
        allowed="a recording, an answer of the simulation",
        answer="comes as it is",
        fix="record the call without the cut; replayed, its recording is cut",
    )
