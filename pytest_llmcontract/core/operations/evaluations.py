"""Evaluations: a judge's verdict on each row of a file, or on what models make of it. No judge runs.

Generations and verdicts cost what the same calls would: tokens of the rows in, short verdicts out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from pytest_llmcontract.core.call.decision import Decision
from pytest_llmcontract.core.call.funds import refused_by_account
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.money.book import exactly
from pytest_llmcontract.core.money.prices import token_cost
from pytest_llmcontract.core.operations.datasets import JUDGING, Row, rows_of
from pytest_llmcontract.core.operations.files import FILES, KeptFile, keep
from pytest_llmcontract.core.operations.identity import identity_of
from pytest_llmcontract.core.operations.lasting import OfKind, Retrieve, Thing, Things, asked, page_size, wrong
from pytest_llmcontract.core.operations.operation import Operation
from pytest_llmcontract.core.refusal import Refusal

EVALUATIONS = "evaluations"
STATES = ("pending", "queued", "running", "completed", "error", "user_error")
_STAGES = (("pending", 0.0), ("queued", 5.0), ("running", 10.0))
_SECONDS_AN_EXAMPLE, _SECONDS_AT_LEAST, _SECONDS_TO_FAIL = 1.0, 60.0, 15.0
"""How long a judge takes, and until a bad file is noticed (assumed)."""
_VERDICT_TOKENS = 50
"""Of what a judge writes about one example (assumed)."""
_LARGEST = 10**12
"""Scores beyond it cannot be summed up."""
_TALKING = ("chat", "language")
Verdict = str | float


@dataclass(slots=True)
class Evaluation:
    """One of them."""

    id: str
    type: str
    asked: Mapping[str, Any]
    at: float
    rows: Sequence[Row]
    problem: str
    """Why it fails; empty: it does not."""
    user: str
    result_file: str = ""

    @property
    def ends(self) -> float:
        """When it is over."""
        took = max(_SECONDS_AT_LEAST, _SECONDS_AN_EXAMPLE * len(self.rows))
        return self.at + (_SECONDS_TO_FAIL if self.problem else took)

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

    @property
    def verdicts(self) -> list[Verdict]:
        """Of each row: a label, a score, or who is better. They take turns."""
        if self.type == "compare":
            turns: Sequence[Verdict] = ("A", "B", "Tie")
        elif self.type == "score":
            low, high = self.asked["min_score"], self.asked["max_score"]
            turns = (high, (low + high) / 2, low)
        else:
            turns = self.asked["labels"]
        return [turns[index % len(turns)] for index in range(len(self.rows))]


class Create(Operation):
    """Begin one."""

    calls_model = False
    remembers = True
    says = False

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        parameters, kind = turn.body["parameters"], turn.body["type"]
        if problem := _impossible(kind, parameters):
            return wrong(state, turn, problem, "parameters")
        file = _input(state, turn, parameters["input_data_file_path"])
        if isinstance(file, Refusal):
            return file
        for name, model in models_of(parameters):
            if refusal := _bad_model(state, turn, name, model):
                return refusal
        evaluation = _begun(state, turn, file)
        cost = _cost(state, parameters, file.data, len(evaluation.rows), twice=kind == "compare")
        if refusal := state.account.afford(cost, turn.at):
            return refused_by_account(state, turn, refusal)
        state.schedule.after(evaluation.ends - turn.at, partial(_finish, state, evaluation, turn.call, cost))
        return Thing(evaluation.id, state.kept[EVALUATIONS].put(evaluation.id, evaluation))


def _impossible(kind: str, parameters: Mapping[str, Any]) -> str:
    """What no schema says of the parameters."""
    if kind == "classify":
        labels = parameters["labels"]
        stray = next((label for label in parameters["pass_labels"] if label not in labels), None)
        return "labels must not be empty" if not labels else f"pass label {stray} is no label" if stray else ""
    if kind == "score" and not -_LARGEST < parameters["min_score"] < parameters["max_score"] < _LARGEST:
        return "min_score must be below max_score"
    return ""


def _input(state: State, turn: Turn, id: str) -> KeptFile | Refusal:
    file: KeptFile | None = state.kept[FILES].get(id, turn.at)
    if file is None:
        return wrong(state, turn, f"File {id} not found", "parameters.input_data_file_path")
    if file.purpose != JUDGING:
        said = f"File {id} has the purpose {file.purpose}, not {JUDGING}"
        return wrong(state, turn, said, "parameters.input_data_file_path")
    return file


def models_of(parameters: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The models that take part, each with its name among the parameters."""
    for name in ("judge", "model_to_evaluate", "model_a", "model_b"):
        if isinstance(model := parameters.get(name), Mapping):
            yield name, model


def columns_of(parameters: Mapping[str, Any]) -> Iterator[str]:
    """The columns of the file that hold what models answered before."""
    for name in ("model_to_evaluate", "model_a", "model_b"):
        if isinstance(column := parameters.get(name), str):
            yield column


def _bad_model(state: State, turn: Turn, place: str, asked_of: Mapping[str, Any]) -> Refusal | None:
    source, name, path = asked_of["model_source"], asked_of["model"], f"parameters.{place}"
    if source == "external":
        lacking = [field for field in ("external_api_token", "external_base_url") if not asked_of.get(field)]
        return wrong(state, turn, f"{path}.{lacking[0]} is required for an external model", path) if lacking else None
    model, today = state.model(name), turn.now.date()
    if model is None or model.since > today or model.is_retired(today):
        gone = model is not None and model.since <= today
        said = "is retired" if gone else "does not exist"
        turn.find("LLM104" if gone else "LLM103", f"the model {name!r} {said}", path=f"$.{path}.model", sent=name)
        return state.edition.refusal("retired_model" if gone else "unknown_model", {"model": name})
    if gate := state.gates.get(name):
        return gate(turn.at)
    if source == "serverless" and not model.serverless:
        return state.edition.refusal("not_serverless", {"model": name})
    return None if model.type in _TALKING else wrong(state, turn, f"{name} does no chat completion", path)


def _begun(state: State, turn: Turn, file: KeptFile) -> Evaluation:
    kept = json.loads(json.dumps(turn.body["parameters"]))
    for _, model in models_of(kept):
        model.pop("external_api_token", None)  # type: ignore[attr-defined]
    rows = [] if file.problem else [row for _, row in rows_of(file.data, file.kind)]
    id = state.envelope.new_id("eval", turn.now)
    problem = file.problem or _lacking(rows, columns_of(kept))
    return Evaluation(id, turn.body["type"], kept, turn.at, rows, problem, identity_of(state).user)


def _lacking(rows: Sequence[Row], columns: Iterator[str]) -> str:
    lacking = ((number, name) for name in columns for number, row in enumerate(rows, 1) if name not in row)
    return next((f"Row {number} has no column {name}" for number, name in lacking), "")


def _cost(state: State, parameters: Mapping[str, Any], data: bytes, rows: int, *, twice: bool) -> Decimal:
    """What judge and models are paid for; a comparison is judged in both orders, unless the request says otherwise."""
    text = data.decode("utf-8", "replace")
    total = Decimal(0)
    for name, asked_of in models_of(parameters):
        model = state.model(asked_of["model"])
        if model is None or asked_of["model_source"] != "serverless":
            continue
        times = 2 if name == "judge" and twice and not parameters.get("disable_position_bias_correction") else 1
        usage = Usage(state.tokens.prompt({"prompt": text}, model.id), _VERDICT_TOKENS * rows)
        total += times * token_cost(model.prices, usage)
    return total


def _finish(state: State, evaluation: Evaluation, call: Call, cost: Decimal) -> None:
    """It is paid, and its results can be read; one that fails costs nothing (assumed)."""
    if evaluation.problem:
        return
    state.account.spend(cost, state.clock.seconds, evaluation.id)
    call.cost = exactly(cost)
    lines = [json.dumps(line).encode() + b"\n" for line in _judged(evaluation)]
    name = f"{evaluation.id}-results.jsonl"
    evaluation.result_file = keep(state, KeptFile(name, b"".join(lines), "eval-output", state.clock.now))


def _judged(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    """Each row of the file with its verdict; the names of what is added are (assumed)."""
    name = {"classify": "label", "score": "score", "compare": "final_decision"}[evaluation.type]
    made = {
        f"{place.upper()}_OUTPUT": "A made-up answer." for place, _ in models_of(evaluation.asked) if place != "judge"
    }
    for row, verdict in zip(evaluation.rows, evaluation.verdicts, strict=True):
        yield {**row, **made, "evaluation_successful": True, name: verdict, "judge_feedback": "A made-up reason."}


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
    """The models that may judge, or be judged: the provider's, the account's own, or both."""

    remembers = True
    says = False

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        source, today = asked(turn, "model_source") or "all", turn.now.date()
        there = [model for model in state.models() if model.type in _TALKING and model.since <= today]
        live = [model for model in there if not model.is_retired(today) and (model.serverless or model.dedicated)]
        wanted_ones = [model for model in live if source == "all" or model.dedicated is (source == "dedicated")]
        return Things(tuple((model.id, model) for model in wanted_ones))


OPERATIONS: Mapping[str, Operation] = {
    "evaluations.create": Create(),
    "evaluations.list": ListEvaluations(EVALUATIONS),
    "evaluations.models": JudgeModels(),
    "evaluations.retrieve": Retrieve(EVALUATIONS),
    "evaluations.status": Retrieve(EVALUATIONS),
}
