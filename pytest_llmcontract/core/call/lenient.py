"""What a lenient provider lets pass, for suites that make up their ids: models, things and values that nobody has.

A model becomes one that does what is asked. A field with a value that is not accepted is left out. What is not there
is answered with an invented reply, by the schema of the operation's replies. What is let pass is no finding. Keys,
limits, money, sizes and scripts hold as ever.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from pytest_llmcontract.core.call.decision import Decision, Whole
from pytest_llmcontract.core.call.form import TypedForm
from pytest_llmcontract.core.call.multipart import judged_body
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.completion.synthesis import Unsatisfiable, conforming
from pytest_llmcontract.core.contract.mismatch import json_path
from pytest_llmcontract.core.contract.reply import reply_contract
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.operations import OPERATIONS, operation_of
from pytest_llmcontract.core.refusal import Refusal

LONG_AGO = date(2000, 1, 1)
"""Since when a made-up model is there: before every edition."""
PARDONED = (400, 403, 404, 409, 422)
"""Statuses that speak of what was asked, not of who asks or how much."""

MADE_UP = b"made up\n"
"""What is in a file that nobody has."""


def able_model(state: State, turn: Turn) -> Model | None:
    """The model of the call, made up where it does not exist, is gone, or does other things."""
    operation, name, known = operation_of(turn), turn.call.model, turn.model
    if not name or not operation.calls_model:
        return known
    if known is not None and _answers(known, turn) and operation.suits(known):
        return known
    if name not in state.own_models or not operation.suits(state.own_models[name]):
        fields: dict[str, Any] = {"since": LONG_AGO, "retired": None, "serverless": True}
        if operation.models:
            fields["type"] = operation.models[0]
        state.own_models[name] = state.edition.with_models({name: fields}).models[name]
    return state.own_models[name]


def _answers(known: Model, turn: Turn) -> bool:
    today = turn.now.date()
    return known.since <= today and not known.is_retired(today) and known.serverless


def let_pass(state: State, turn: Turn) -> None:
    """Leave out of the body what is not accepted; a body that then lacks something is not looked at any more, if a
    reply can be invented without it."""
    body = judged_body(turn.request)
    wrong = {_field(mismatch.path, body) for mismatch in turn.mismatches if mismatch.error}
    if not wrong or not isinstance(body, dict):
        return
    left = {name: value for name, value in body.items() if name not in wrong}
    again = state.contracts[turn.operation].check(left, turn.model)
    lacks = any(mismatch.error for mismatch in again)
    if lacks and invented(state, turn) is None:
        return
    turn.invented = lacks
    turn.mismatches = () if turn.invented else again
    if not turn.invented:
        turn.body = {name: value for name, value in turn.body.items() if name not in wrong}
        turn.chat = OPERATIONS[turn.operation].as_chat(turn.body) if turn.operation in OPERATIONS else turn.body


def _field(path: str, body: object) -> str:
    """The field of *body* in which *path* is; empty: it has none."""
    names = body if isinstance(body, dict) else ()
    return next((name for name in names if re.match(rf"{re.escape(json_path((name,)))}([.\[]|$)", path)), "")


def pardoned(state: State, decision: Decision) -> bool:
    """Whether *decision* refuses what was asked."""
    if isinstance(decision, Whole):
        return decision.status == 501
    return isinstance(decision, Refusal) and state.edition.errors[decision.error].status in PARDONED


def invented(state: State, turn: Turn) -> Whole | None:
    """A reply of the operation, with the id that was asked for; ``None`` where its form is not known."""
    if (status := operation_of(turn).status_of(state)) == 204:
        return Whole(b"", status)
    contract = reply_contract(state.edition.provider, turn.operation, state.edition.date)
    if contract is None or contract.reply is None:
        return Whole(MADE_UP) if isinstance(state.envelope.forms.get(turn.operation), TypedForm) else None
    try:
        body = conforming(contract.reply.schema.flat)
    except Unsatisfiable:
        return None
    if isinstance(body, dict):
        known = {"id": turn.target, "model": turn.call.model}
        body |= {name: value for name, value in known.items() if value and isinstance(body.get(name), str)}
    return Whole(body)
