"""What a fine-tune is: its data, its price, and what becomes of it while the clock goes on.

All that will happen to a job is known when it is made, so that its state, its events and its checkpoints are computed
when somebody looks. Booked are only its charge and its end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.clock import Appointment
from pytest_llmcontract.core.facts.records import Model, TrainingPrice
from pytest_llmcontract.core.money.prices import MILLION

ENDED = ("completed", "cancelled", "error")
"""States after which nothing happens to a job any more."""
_BATCH = 8
"""Examples that a step of training reads, where the job leaves that to the provider (assumed)."""
_BILLIONS = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)B(?![a-z])", re.IGNORECASE)


# Data


@dataclass(frozen=True, slots=True)
class Dataset:
    """What a file of examples holds."""

    id: str
    examples: int
    tokens: int
    size: int
    bad_line: int = 0
    """The first that is no JSON object, from 1; 0: all are."""


def read_dataset(state: State, id: str, model: str) -> Dataset | None:
    """The uploaded file *id*, counted as *model* would; ``None``: there is no such file."""
    file = state.kept["files"].get(id, state.clock.seconds)
    if file is None:
        return None
    data: bytes = file.data
    lines = [line for line in data.split(b"\n") if line.strip()]
    examples = [_example(line) for line in lines]
    bad = next((number for number, example in enumerate(examples, 1) if example is None), 0 if examples else 1)
    tokens = sum(_tokens(state, example, model) for example in examples if example is not None)
    return Dataset(id, len(examples), tokens, len(data), bad)


def _example(line: bytes) -> Mapping[str, Any] | None:
    try:
        example = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return example if isinstance(example, dict) else None


def _tokens(state: State, example: Mapping[str, Any], model: str) -> int:
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
    """What a job trains on, and what that costs."""

    training: Dataset
    validation: Dataset | None
    epochs: int
    evals: int
    train_tokens: int
    eval_tokens: int
    price: Decimal


def planned(state: State, body: Mapping[str, Any], model: Model, training: Dataset, validation: Dataset | None) -> Plan:
    """Tokens and price of the job that *body* describes."""
    epochs, evals = body.get("n_epochs") or 1, body.get("n_evals") or 0
    unpacked = body.get("packing") is False
    each = training.examples * (body.get("max_seq_length") or model.context or 0) if unpacked else training.tokens
    train, checked = epochs * each, evals * (validation.tokens if validation else 0)
    price = _rate(state.edition.training, body, model) * (train + checked) / MILLION
    return Plan(training, validation, epochs, evals, train, checked, max(price, state.edition.dialect.training_minimum))


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
    base: Model
    name: str
    """Of the model that it makes."""
    at: float
    """When it was made."""
    plan: Plan
    stages: list[tuple[float, str]]
    """When it enters each state."""
    moments: list[Moment] = field(default_factory=list)
    object_ids: tuple[str, str] = ("", "")
    """Of the model that it makes, and of its first revision."""
    booked: list[Appointment] = field(default_factory=list)
    """What will happen to it, unless it is cancelled."""

    @property
    def steps(self) -> int:
        """Of training, in all."""
        batch = self.asked.get("batch_size")
        size = batch if isinstance(batch, int) and batch > 0 else _BATCH
        return self.plan.epochs * max(1, -(-self.plan.training.examples // size))

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

    @property
    def trains(self) -> tuple[float, float] | None:
        """From when to when it trains; ``None``: it does not."""
        begin = self.stage("running")
        ends = (moment for moment, _ in self.stages if begin is not None and moment > begin)
        return None if begin is None else (begin, next(ends, begin))

    def step_at(self, at: float) -> int:
        """How many steps it has done by then."""
        if self.trains is None or at < self.trains[0]:
            return 0
        begin, end = self._whole_training
        return self.steps if at >= end else int(self.steps * (at - begin) / (end - begin))

    @property
    def _whole_training(self) -> tuple[float, float]:
        """From when to when it would train if nobody stopped it."""
        begin, end = self.trains or (0.0, 0.0)
        return next(
            ((moment.at, moment.more["ends"]) for moment in self.moments if "ends" in moment.more), (begin, end)
        )

    def moment_of(self, step: int) -> float:
        """When it has done so many steps."""
        begin, end = self._whole_training
        return begin + (end - begin) * step / self.steps

    def epochs_at(self, at: float) -> int:
        """How many epochs it has done by then."""
        return self.step_at(at) * self.plan.epochs // self.steps

    def checkpoints(self, at: float) -> list[Checkpoint]:
        """Those that are kept at that moment, the newest first."""
        count = self.asked.get("n_checkpoints") or 1
        steps = {self.steps * number // count for number in range(1, count + 1)} - {0}
        reached = self.step_at(at if self.status(at) != "cancelled" else self.entered(at))
        done = [Checkpoint(self.moment_of(step), step, step == self.steps) for step in steps if step <= reached]
        return sorted(done, reverse=True)

    def paid(self, at: float) -> Decimal:
        """What it costs if it ends now: the steps that are done."""
        return self.plan.price * self.step_at(at) / self.steps
