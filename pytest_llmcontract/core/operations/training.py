"""What a fine-tune is: its data, its price, and what becomes of it while the clock goes on.

All that will happen to a job is known when it is made, so that its state, its events and its checkpoints are computed
when somebody looks. Booked are only its charge and its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.clock import Appointment
from pytest_llmcontract.core.facts.records import Model, TrainingPrice
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.money.prices import MILLION
from pytest_llmcontract.core.operations.datasets import Row, rows_of
from pytest_llmcontract.core.operations.files import KeptFile

ENDED = ("completed", "cancelled", "error")
"""States after which nothing happens to a job any more."""
MOST: Mapping[str, int] = {"n_epochs": 20, "n_checkpoints": 10, "n_evals": 100}
"""What a job may ask for at most (assumed)."""
_BATCH = 8
"""Examples that a step of training reads, where the job leaves that to the provider (assumed)."""
_BYTES_A_TOKEN, _TOKENS_AN_EXAMPLE = 4, 512
"""Of a file of tokens, which nobody reads here (assumed)."""
_BILLIONS = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)B(?![a-z])", re.IGNORECASE)


# Data


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a file of examples holds."""

    id: str
    examples: int
    tokens: int
    size: int
    problem: str = ""
    """Why nothing can be trained on it; empty: it can."""


def counted_file(state: State, id: str, file: KeptFile, model: str) -> Dataset:
    """An uploaded file, counted as *model* would."""
    size = len(file.data)
    if file.problem:
        return Dataset(id, 0, 0, size, file.problem)
    if file.kind == "parquet":
        tokens = -(-size // _BYTES_A_TOKEN)
        return Dataset(id, -(-tokens // _TOKENS_AN_EXAMPLE), tokens, size)
    rows = [row for _, row in rows_of(file.data, file.kind)]
    return Dataset(id, len(rows), sum(_tokens(state, row, model) for row in rows), size)


def _tokens(state: State, example: Row, model: str) -> int:
    if isinstance(example.get("messages"), list):
        return state.tokens.prompt({"messages": example["messages"]}, model)
    return state.tokens.prompt({"prompt": "\n".join(_texts(example))}, model)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


# Price


class Plan(NamedTuple):
    """What a job trains, on what, and what that costs."""

    base: Model
    training: Dataset
    validation: Dataset | None
    epochs: int
    evals: int
    train_tokens: int
    eval_tokens: int
    price: Decimal


def planned(state: State, body: Mapping[str, Any], model: Model, training: Dataset, validation: Dataset | None) -> Plan:
    """Tokens and price of the job that *body* describes."""
    epochs, evals = whole(body, "n_epochs") or 1, whole(body, "n_evals")
    unpacked = state.edition.dialect.training_pads and body.get("packing") is False
    each = training.examples * (whole(body, "max_seq_length") or model.context or 0) if unpacked else training.tokens
    train, checked = epochs * each, evals * (validation.tokens if validation else 0)
    price = _rate(state.edition.training, body, model) * (train + checked) / MILLION
    return Plan(
        model, training, validation, epochs, evals, train, checked, max(price, state.edition.dialect.training_minimum)
    )


def _rate(prices: Sequence[TrainingPrice], body: Mapping[str, Any], model: Model) -> Decimal:
    method, kind = method_of(body)["method"], type_of(body)["type"]
    fitting = [price for price in prices if price.method == method and price.type == kind]
    size = billions(model.id)
    enough = (price.million_tokens for price in fitting if price.billions >= size)
    return next(enough, fitting[-1].million_tokens if fitting else Decimal(0))


def billions(name: str) -> Decimal:
    """Parameters of a model by its name, ``Qwen3-8B`` → 8; of one that does not say as of the smallest."""
    found = _BILLIONS.findall(name)
    return max(map(Decimal, found)) if found else Decimal(0)


def whole(body: Mapping[str, Any], name: str) -> int:
    """A number that the request asks for; 0: it asks for none. An estimate's contract does not know all of them."""
    value = body.get(name)
    return value if isinstance(value, int) and value > 0 else 0


def method_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The method of training; supervised where the request does not say."""
    known = body.get("training_method")
    return known if isinstance(known, Mapping) and "method" in known else {"method": "sft", "train_on_inputs": "auto"}


def type_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """All weights, or an adapter: which is what the provider chooses."""
    known = body.get("training_type")
    if isinstance(known, Mapping) and known.get("type") in ("Lora", "Full"):
        return known
    return {"type": "Lora", "lora_r": 8, "lora_alpha": 16, "lora_dropout": 0, "lora_trainable_modules": "all-linear"}


# The job


class Moment(NamedTuple):
    """Something that happens to a job."""

    at: float
    type: str
    message: str
    more: Mapping[str, Any] = {}


class Checkpoint(NamedTuple):
    """Weights as they were after a step."""

    at: float
    step: int
    final: bool


@dataclass(slots=True)
class Job:
    """One fine-tune."""

    id: str
    asked: Mapping[str, Any]
    name: str
    """Of the model that it makes."""
    at: float
    """When it was made."""
    plan: Plan
    stages: list[tuple[float, str]]
    """When it enters each state."""
    call: Call
    """That made it: what the job costs is what that cost."""
    user: str
    model_ids: tuple[str, str]
    """Of the model that it makes, and of its first revision."""
    adapter_ids: tuple[str, str] | None
    """Of the adapter; ``None``: it makes none."""
    moments: list[Moment] = field(default_factory=list)
    trains: tuple[float, float] | None = None
    """From when to when it trains if nobody stops it; ``None``: it does not."""
    booked: list[Appointment] = field(default_factory=list)
    """What will happen to it, unless it ends before."""
    stopped: float = float("inf")
    """When it ended without being done."""
    price: Decimal = Decimal(0)
    """What was paid for it so far."""

    @property
    def base(self) -> Model:
        return self.plan.base

    @property
    def adapter_name(self) -> str:
        return f"{self.name}-adapter"

    @property
    def steps(self) -> int:
        """Of training, in all."""
        size = whole(self.asked, "batch_size") or _BATCH
        return self.plan.epochs * max(1, -(-self.plan.training.examples // size))

    @property
    def saved(self) -> list[int]:
        """The steps after which its weights are kept."""
        count = min(whole(self.asked, "n_checkpoints") or 1, self.steps)
        return sorted({self.steps * number // count for number in range(1, count + 1)})

    def status(self, at: float) -> str:
        """Its state at that moment."""
        return next(name for moment, name in reversed(self.stages) if moment <= at)

    def entered(self, at: float) -> float:
        """When it came into the state it is in."""
        return next(moment for moment, _ in reversed(self.stages) if moment <= at)

    def stage(self, name: str) -> float | None:
        """When it comes into a state; ``None``: it never does."""
        return next((moment for moment, known in self.stages if known == name), None)

    def left(self, at: float) -> float:
        """Seconds until it enters its next state; 0: there is none."""
        return next((moment - at for moment, _ in self.stages if moment > at), 0)

    def happened(self, at: float) -> list[Moment]:
        """What has happened to it by then."""
        return [moment for moment in self.moments if moment.at <= at]

    def step_at(self, at: float) -> int:
        """How many steps it has done by then."""
        at = min(at, self.stopped)
        if self.trains is None or at < self.trains[0]:
            return 0
        begin, end = self.trains
        next_step = min(int(self.steps * (at - begin) / (end - begin)) + 1, self.steps)
        return next_step if self.moment_of(next_step) <= at else next_step - 1

    def moment_of(self, step: int) -> float:
        """When it has done so many steps."""
        begin, end = self.trains or (0.0, 0.0)
        return round(begin + (end - begin) * step / self.steps, 6)

    def epochs_at(self, at: float) -> int:
        """How many epochs it has done by then."""
        return self.step_at(at) * self.plan.epochs // self.steps

    def checkpoints(self, at: float) -> list[Checkpoint]:
        """Those that are kept at that moment, the newest first."""
        done = [step for step in self.saved if step <= self.step_at(at)]
        return [Checkpoint(self.moment_of(step), step, step == self.steps) for step in reversed(done)]

    def paid(self, at: float) -> Decimal:
        """What it costs if it ends then: the steps that are done."""
        return self.plan.price * self.step_at(at) / self.steps

    def end(self, at: float, status: str, *moments: Moment) -> None:
        """It is over before it is done."""
        for booked in self.booked:
            booked.cancel()
        self.stages = [stage for stage in self.stages if stage[0] <= at] + [(at, status)]
        self.moments = [*self.happened(at), *moments]
        self.stopped = at
