"""Evaluations: a judge's verdict on what a file holds, or on what models make of it. No judge runs; verdicts alternate.

Generations and verdicts cost what the same calls would: tokens of the examples in, short verdicts out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from pytest_llmcontract.core.call.decision import Decision
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.money.prices import token_cost
from pytest_llmcontract.core.operations.lasting import OfKind, Retrieve, Thing, Things, asked, page_size, wrong
from pytest_llmcontract.core.operations.operation import Operation
from pytest_llmcontract.core.refusal import Refusal

EVALUATIONS = "evaluations"
STATES = ("pending", "queued", "running", "completed", "error", "user_error")
_STAGES = (("pending", 0.0), ("queued", 5.0), ("running", 10.0))
_SECONDS_AN_EXAMPLE = 1.0
"""How long a judge takes, at least a minute in all (assumed)."""
_VERDICT_TOKENS = 50
"""Of what a judge writes about one example (assumed)."""


@dataclass(slots=True)
class Evaluation:
    """One of them."""

    id: str
    type: str
    asked: Mapping[str, Any]
    at: float
    ends: float
    examples: int
    problem: str
    """Why it fails; empty: it does not."""
    result_file: str = ""

    def status(self, at: float) -> str:
        """Its state at that moment."""
        if at >= self.ends:
            return "user_error" if self.problem else "completed"
        return next(name for name, after in reversed(_STAGES) if at >= self.at + after)

    def updates(self, at: float) -> Iterator[tuple[str, float]]:
        """The states that it has come through, each with its moment."""
        for name, after in _STAGES:
            if self.at + after <= min(at, self.ends):
                yield name, self.at + after
        if at >= self.ends:
            yield self.status(at), self.ends


class Create(Operation):
    """Begin one."""

    calls_model = False

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        parameters = turn.body["parameters"]
        id = parameters.get("input_data_file_path")
        file = state.kept["files"].get(id, turn.at) if isinstance(id, str) else None
        if file is None:
            return wrong(state, turn, f"File {id} not found", "parameters.input_data_file_path")
        for name, model in models_of(parameters):
            if refusal := _bad_model(state, turn, name, model):
                return refusal
        rows = [line for line in file.data.split(b"\n") if line.strip()]
        cost = _cost(state, parameters, rows, twice=turn.body["type"] == "compare")
        if refusal := state.account.afford(cost, turn.at):
            return refusal
        evaluation = _begun(state, turn, rows)
        ends = max(60.0, _SECONDS_AN_EXAMPLE * len(rows)) if not evaluation.problem else 15.0
        evaluation.ends = turn.at + ends
        state.schedule.after(ends, partial(_finish, state, evaluation, cost))
        return Thing(evaluation.id, state.kept[EVALUATIONS].put(evaluation.id, evaluation))


def models_of(parameters: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The models that take part, each with its name among the parameters."""
    for name in ("judge", "model_to_evaluate", "model_a", "model_b"):
        if isinstance(model := parameters.get(name), Mapping):
            yield name, model


def _bad_model(state: State, turn: Turn, name: str, model: Mapping[str, Any]) -> Refusal | None:
    if model.get("model_source") == "external" or state.model(str(model.get("model"))) is not None:
        return None
    turn.find("LLM103", f"the model {model.get('model')!r} does not exist", path=f"$.parameters.{name}.model")
    return state.edition.refusal("unknown_model", {"model": model.get("model")})


def _begun(state: State, turn: Turn, rows: list[bytes]) -> Evaluation:
    problem = next((f"Line {number}: not valid JSON" for number, row in enumerate(rows, 1) if not _is_json(row)), "")
    id = state.envelope.new_id("eval", turn.now)
    kept = json.loads(json.dumps(turn.body["parameters"]))
    for _, model in models_of(kept):
        model.pop("external_api_token", None)  # type: ignore[attr-defined]
    return Evaluation(id, turn.body["type"], kept, turn.at, turn.at, len(rows), problem)


def _is_json(row: bytes) -> bool:
    try:
        return isinstance(json.loads(row), dict)
    except (ValueError, RecursionError):
        return False


def _cost(state: State, parameters: Mapping[str, Any], rows: list[bytes], *, twice: bool) -> Decimal:
    """What judge and models are paid for; a comparison is judged in both orders, unless the request says otherwise."""
    text = b"\n".join(rows).decode("utf-8", "replace")
    total = Decimal(0)
    for name, asked_of in models_of(parameters):
        model = state.model(str(asked_of.get("model")))
        if model is None or asked_of.get("model_source") != "serverless":
            continue
        times = 2 if name == "judge" and twice and not parameters.get("disable_position_bias_correction") else 1
        usage = Usage(state.tokens.prompt({"prompt": text}, model.id), 0, _VERDICT_TOKENS * len(rows))
        total += times * token_cost(model.prices, usage)
    return total


def _finish(state: State, evaluation: Evaluation, cost: Decimal) -> None:
    """It is paid, and its results can be read."""
    if evaluation.problem:
        return
    if cost:
        state.account.spend(cost, state.clock.seconds, evaluation.id)
    evaluation.result_file = state.envelope.new_id("file", state.clock.now)


class ListEvaluations(OfKind):
    """All, the newest first, or those of a state."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        status = asked(turn, "status")
        if status and status not in STATES:
            return wrong(state, turn, f"status must be one of {', '.join(STATES)}, not {status[:40]!r}", "status")
        try:
            size = page_size(turn, 10, 100)
        except BadInput as problem:
            return wrong(state, turn, str(problem), "limit")
        there = state.kept[EVALUATIONS].page(turn.at, newest_first=True).things
        found = [(id, each) for id, each in there if not status or each.status(turn.at) == status]
        return Things(tuple(found[:size]))


class JudgeModels(Operation):
    """The models that may judge, or be judged."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        source, today = asked(turn, "model_source") or "all", turn.now.date()
        there = [model for model in state.models() if model.type in ("chat", "language") and model.since <= today]
        live = [model for model in there if not model.is_retired(today) and model.serverless is (source != "dedicated")]
        return Things(tuple((model.id, model) for model in live))


OPERATIONS: Mapping[str, Operation] = {
    "evaluations.create": Create(),
    "evaluations.list": ListEvaluations(EVALUATIONS),
    "evaluations.models": JudgeModels(),
    "evaluations.retrieve": Retrieve(EVALUATIONS),
    "evaluations.status": Retrieve(EVALUATIONS),
}
