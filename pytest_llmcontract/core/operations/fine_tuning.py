"""Fine-tunes: what they cost, what becomes of them, and the model that they make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision
from pytest_llmcontract.core.call.funds import refused_by_account
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.facts.records import Model, Prices
from pytest_llmcontract.core.money.book import exactly
from pytest_llmcontract.core.operations.datasets import TRAINING
from pytest_llmcontract.core.operations.files import FILES, KeptFile
from pytest_llmcontract.core.operations.identity import identity_of
from pytest_llmcontract.core.operations.lasting import ListAll, OfKind, Retrieve, Thing, asked, wrong
from pytest_llmcontract.core.operations.operation import Operation
from pytest_llmcontract.core.operations.resources import Resource
from pytest_llmcontract.core.operations.training import (
    ENDED,
    MOST,
    Checkpoint,
    Dataset,
    Job,
    Moment,
    Plan,
    counted_file,
    planned,
    type_of,
    whole,
)
from pytest_llmcontract.core.refusal import Refusal

JOBS, DELETED, MODELS = "fine_tunes", "fine_tunes.deleted", "v2.models"
"""Shelves; of jobs that were deleted nothing but their cost is told any more."""
_TRAINABLE = ("chat", "language", "code")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a job would cost."""

    plan: Plan | None
    """``None``: that cannot be told, for this reason."""
    reason: str = ""
    affordable: bool = True
    limit: Decimal | None = None
    """What the account has."""
    usage: Usage = NOTHING_USED


@dataclass(frozen=True, slots=True)
class Trainable:
    """A model that can be fine-tuned, and what its examples are made of."""

    model: Model
    rows: tuple[str, ...] = ()
    form: str = ""
    """Of the examples."""
    usage: Usage = NOTHING_USED


class AboutTraining(Operation):
    """What is asked before there is a job."""

    calls_model = False
    remembers = True
    says = False


class EstimatePrice(AboutTraining):
    """What the job would cost that the body describes."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        plan = plan_of(state, turn)
        if isinstance(plan, Refusal):
            return plan
        for name, data in (("train", plan.training), ("eval", plan.validation)):
            if data is not None and data.problem:
                return Estimate(None, f"{name}_file_invalid")
        # Only an account with credits has a balance: one that is billed afterwards has none.
        has = getattr(state.account, "balance", None)
        return Estimate(plan, affordable=state.account.afford(plan.price, turn.at) is None, limit=has)


class Create(AboutTraining):
    """A job. It is refused if the account could not pay for it."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        plan = plan_of(state, turn)
        if isinstance(plan, Refusal):
            return plan
        bad = _bad_data(plan)
        if bad is not None and state.edition.dialect.training_checks:
            return wrong(state, turn, f"File {bad.id} is not valid: {bad.problem}")
        if bad is None and (refusal := state.account.afford(plan.price, turn.at)):
            return refused_by_account(state, turn, refusal)
        job = _made(state, turn, plan)
        _set_course(state, job)
        return Thing(job.id, state.kept[JOBS].put(job.id, job))


def _bad_data(plan: Plan) -> Dataset | None:
    return next((data for data in (plan.training, plan.validation) if data is not None and data.problem), None)


def plan_of(state: State, turn: Turn) -> Plan | Refusal:
    """What the body asks to be trained, or why it cannot be."""
    base = base_of(state, turn)
    if isinstance(base, Refusal):
        return base
    for name, most in MOST.items():
        if whole(turn.body, name) > most:
            return wrong(state, turn, f"{name} must be at most {most} for {base.id}", name)
    training = _data(state, turn, "training_file", base)
    validation = _data(state, turn, "validation_file", base) if turn.body.get("validation_file") else None
    if isinstance(training, Refusal):
        return training
    if isinstance(validation, Refusal):
        return validation
    return planned(state, turn.body, base, training, validation)


def _data(state: State, turn: Turn, name: str, base: Model) -> Dataset | Refusal:
    file = training_file(state, turn, name)
    return file if isinstance(file, Refusal) else counted_file(state, turn.body[name], file, base.id)


def training_file(state: State, turn: Turn, name: str) -> KeptFile | Refusal:
    """The file that the body names, if it is there to be trained on."""
    id = turn.body.get(name)
    file: KeptFile | None = state.kept[FILES].get(id, turn.at) if isinstance(id, str) else None
    if file is None:
        return wrong(state, turn, f"File {id} not found", name)
    if file.purpose != TRAINING:
        return wrong(state, turn, f"File {id} has the purpose {file.purpose}, not {TRAINING}", name)
    return file


def base_of(state: State, turn: Turn) -> Model | Refusal:
    """The model to begin with: named, or that of an earlier job."""
    name, checkpoint = turn.body.get("model"), turn.body.get("from_checkpoint")
    if isinstance(checkpoint, str) and checkpoint:
        job = _job_behind(state, checkpoint, turn.at)
        return job.base if job else wrong(state, turn, f"Checkpoint {checkpoint} not found", "from_checkpoint")
    if not isinstance(name, str) or not name:
        return wrong(state, turn, "Either model or from_checkpoint must be given", "model")
    return trainable(state, turn, name)


def trainable(state: State, turn: Turn, name: str) -> Model | Refusal:
    """The model *name*, if it is one of language that exists today."""
    model, today = state.model(name), turn.now.date()
    if model is not None and model.type in _TRAINABLE and model.since <= today:
        return model
    turn.find(
        "LLM103" if model is None else "LLM102",
        f"the model {name!r} {'does not exist' if model is None else 'is not one that can be fine-tuned'}",
        path="$.model",
        sent=name,
        allowed=f"a model of language that `llmcontract models {state.edition.provider}` lists",
        fix=f"if it is newer than this edition, add it: models={{{name!r}: {{…}}}}",
    )
    return state.edition.refusal("unknown_model", {"model": name})


def _job_behind(state: State, checkpoint: str, at: float) -> Job | None:
    """The job that made ``job:step``, or ``model:step``; without a step its last one."""
    name, _, step = checkpoint.partition(":")
    jobs = (job for id, job in state.kept[JOBS].page(at).things if name in (id, job.name))
    kept = ((job, str(each.step)) for job in jobs for each in job.checkpoints(at))
    return next((job for job, number in kept if step in ("", number)), None)


# The life of a job


def _made(state: State, turn: Turn, plan: Plan) -> Job:
    own, now, suffix = identity_of(state), turn.now, turn.body.get("suffix")
    parts = [plan.base.id.rpartition("/")[2], suffix or "", state.envelope.new_id("hex", now)]
    return Job(
        state.envelope.new_id("ft", now),
        dict(turn.body),
        f"{own.slug}/{'-'.join(part for part in parts if part)}",
        turn.at,
        plan,
        list(_stages(state, turn.at)),
        turn.call,
        own.user,
        _object_ids(state),
        _object_ids(state) if type_of(turn.body)["type"] == "Lora" else None,
    )


def _object_ids(state: State) -> tuple[str, str]:
    now = state.clock.now
    return state.envelope.new_id("ml", now), state.envelope.new_id("rv", now)


def _stages(state: State, at: float) -> Iterator[tuple[float, str]]:
    for name, seconds in state.edition.dialect.training_seconds.items():
        yield at, name
        at += seconds
    yield at, "completed"


def _set_course(state: State, job: Job) -> None:
    """All that will happen to it, and what of that touches something else."""
    begin, end = job.stage("running") or job.at, job.stages[-1][0]
    if bad := _bad_data(job.plan):
        job.moments = list(_opening(job, begin))
        job.end(begin, "error", Moment(begin, "job_error", f"File {bad.id} is not valid: {bad.problem}"))
        return
    job.trains = begin, job.stage("compressing") or end
    moments = (*_opening(job, begin), *_training(job, *job.trains), *_closing(job, end))
    job.moments = sorted(moments, key=lambda moment: moment.at)
    _book(state, job, begin, partial(_pay, state, job))
    _book(state, job, end, partial(_complete, state, job))


def _book(state: State, job: Job, at: float, action: Any) -> None:
    job.booked.append(state.schedule.after(at - state.clock.seconds, action))


def _opening(job: Job, begin: float) -> Iterator[Moment]:
    yield Moment(job.at, "job_pending", "Fine tune request created")
    yield Moment(job.stage("queued") or job.at, "job_start", "Job started")
    yield Moment(begin, "model_download_complete", f"Model data downloaded for {job.base.id}")
    yield Moment(begin, "training_data_download_complete", f"Data downloaded for {job.base.id}")


def _training(job: Job, begin: float, end: float) -> Iterator[Moment]:
    text = f"Training started for model {job.base.id}"
    yield Moment(begin, "training_start", text, {"token_count": job.plan.train_tokens})
    for epoch in range(1, job.plan.epochs + 1):
        step = job.steps * epoch // job.plan.epochs
        yield Moment(job.moment_of(step), "epoch_complete", f"Epoch completed, at step {step}", {"step": step})
    for step in job.saved:
        yield Moment(job.moment_of(step), "checkpoint_save", f"Checkpoint saved, at step {step}", {"step": step})
    yield Moment(end, "training_complete", f"Training completed for {job.base.id}")


def _closing(job: Job, end: float) -> Iterator[Moment]:
    compress, upload = job.stage("compressing") or end, job.stage("uploading") or end
    yield Moment(compress, "model_compressing", "Compressing output model")
    yield Moment(upload, "model_compression_complete", "Model compression complete")
    yield Moment(upload, "model_uploading", "Uploading output model")
    yield Moment(end, "model_upload_complete", "Model upload complete", {"model_path": job.name})
    yield Moment(end, "job_complete", "Job finished")


def _pay(state: State, job: Job) -> None:
    """It is paid when it begins to train, or ends there (assumed)."""
    at, price = state.clock.seconds, job.plan.price
    if state.account.afford(price, at):
        said = f"The job costs {price:.2f} USD, which the account does not have any more"
        job.end(at, "error", Moment(at, "billing_limit", said), Moment(at, "job_error", "Job failed"))
    else:
        _charge(state, job, price)


def _charge(state: State, job: Job, amount: Decimal) -> None:
    amount = exactly(amount)
    state.account.spend(amount, state.clock.seconds, job.id)
    job.price += amount
    job.call.cost = job.price


def _complete(state: State, job: Job) -> None:
    """The model appears, of an adapter beside it; it answers once an endpoint runs it."""
    add_model(state, job.name, job.base)
    _register(state, job, job.name, "model", job.model_ids)
    if job.adapter_ids:
        _register(state, job, job.adapter_name, "adapter", job.adapter_ids)


def _register(state: State, job: Job, name: str, kind: str, ids: tuple[str, str]) -> None:
    own, (id, revision), at = identity_of(state), ids, state.clock.seconds
    fields = {"name": name, "baseModel": job.base.id, "type": kind}
    etag = state.envelope.new_id("hex", state.clock.now)
    more = {"revisions": [(revision, at)], "organization": own.organization}
    state.kept[MODELS].put(id, Resource(id, {"project": own.project}, fields, at, at, etag, more))


def add_model(state: State, name: str, base: Model | None) -> Model:
    """A model of the account's own, which no call reaches yet."""
    made: dict[str, Any] = {"owner": identity_of(state).slug, "name": name.rpartition("/")[2], "sources": {}}
    if base is None:
        base = Model(id=name, type="chat", owner="", since=state.clock.now.date(), source="given")
    plain = {"since": state.clock.now.date(), "retired": None, "tier": 0, "prices": Prices(), "third_party": False}
    times = {"created": int(state.clock.now.timestamp()), "serverless": False, "dedicated": True, "source": "given"}
    model = base.model_copy(update={"id": name, **made, **plain, **times})
    state.own_models[name] = model
    state.gates[name] = partial(_undeployed, state, name)
    return model


def drop_model(state: State, name: str) -> None:
    """It is the account's no more."""
    state.own_models.pop(name, None)
    state.gates.pop(name, None)


def _undeployed(state: State, name: str, at: float) -> Refusal | None:
    """Nobody runs it, unless an endpoint of the first kind does (assumed: its own name reaches it then)."""
    for _, endpoint in state.kept["endpoints"].page(at).things:
        if endpoint.model.id == name and endpoint.run.reach(at):
            return None
    return state.edition.refusal("unknown_model")


class Cancel(OfKind):
    """Stop one. Steps that are done are paid for."""

    def answer_for(self, state: State, turn: Turn, thing: Job) -> Decision:
        status = thing.status(turn.at)
        if status in ENDED:
            return wrong(state, turn, f"Job {thing.id} cannot be cancelled: it is {status}")
        stop(state, thing)
        return Thing(thing.id, thing)


def stop(state: State, job: Job) -> None:
    """The job ends now, cancelled; what was paid for steps that were not done comes back."""
    at, step = state.clock.seconds, job.step_at(state.clock.seconds)
    back = job.price - job.paid(at)
    moments = [
        Moment(at, "cancel_requested", "Job cancellation requested"),
        Moment(at, "job_stopped", f"Job stopped, at step {step}", {"step": step}),
    ]
    if job.price and back:
        _charge(state, job, -back)
        moments.append(Moment(at, "refund", f"Refunded {back:.2f} USD for steps that were not done"))
    job.end(at, "cancelled", *moments)


class Delete(OfKind):
    """Take one away, with what it made; one that still runs only by force."""

    def answer_for(self, state: State, turn: Turn, thing: Job) -> Decision:
        if thing.status(turn.at) not in ENDED:
            if asked(turn, "force").lower() != "true":
                return wrong(state, turn, f"Job {thing.id} is {thing.status(turn.at)}: cancel it first, or use force")
            stop(state, thing)
        state.kept[JOBS].drop(thing.id, turn.at)
        state.kept[DELETED].put(thing.id, thing)
        drop_model(state, thing.name)
        for ids in (thing.model_ids, thing.adapter_ids):
            if ids:
                state.kept[MODELS].drop(ids[0], turn.at)
        return Thing(thing.id, thing)


class Download(OfKind):
    """The weights, as an archive."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        id = asked(turn, "ft_id")
        job: Job | None = state.kept[self.kind].get(id, turn.at)
        if job is None:
            return state.edition.refusal("no_such_thing", {"target": id}, operation=turn.operation)
        step = asked(turn, "checkpoint_step")
        kept = {str(checkpoint.step): checkpoint for checkpoint in job.checkpoints(turn.at)}
        if job.status(turn.at) not in ENDED and step not in kept:
            return wrong(state, turn, f"Job {id} is {job.status(turn.at)}: there is nothing to download yet")
        if step not in ("", "0", *kept):
            return wrong(state, turn, f"Job {id} has no checkpoint at step {step[:20]}", "checkpoint_step")
        kind = asked(turn, "checkpoint")
        if kind not in ("", "merged", "adapter", "model_output_path"):
            return wrong(state, turn, f"checkpoint must be merged, adapter or model_output_path, not {kind[:40]!r}")
        if kind == "adapter" and job.adapter_ids is None:
            return wrong(state, turn, f"Job {id} made no adapter", "checkpoint")
        if not kept:
            return state.edition.refusal("no_such_thing", {"target": id}, operation=turn.operation)
        return Thing(id, Weights(job, kind, kept.get(step) or next(iter(kept.values()))))


class Weights(NamedTuple):
    """What a job made, as it is downloaded."""

    job: Job
    kind: str
    """``merged``, ``adapter``, ``model_output_path``; empty: whatever the job is for."""
    checkpoint: Checkpoint


class ModelLimits(AboutTraining):
    """What a job with a model may ask for."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        name = asked(turn, "model_name")
        job = _job_behind(state, name, turn.at) if name else None
        model = job.base if job else trainable(state, turn, name)
        return model if isinstance(model, Refusal) else Trainable(model)


class SupportedModels(AboutTraining):
    """All that can be fine-tuned, or whether one can."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        today = turn.now.date()
        offered = state.edition.models.values()
        there = [model for model in offered if model.type in _TRAINABLE and not model.is_retired(today)]
        return Models(tuple(model for model in there if model.since <= today), asked(turn, "model_name"))


@dataclass(frozen=True, slots=True)
class Models:
    """Many of them, or the one that was asked for."""

    models: tuple[Model, ...]
    asked: str = ""
    usage: Usage = NOTHING_USED


class Preview(AboutTraining):
    """The first examples as the model would read them."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        model = trainable(state, turn, str(turn.body.get("model")))
        if isinstance(model, Refusal):
            return model
        file = training_file(state, turn, "training_file")
        if isinstance(file, Refusal):
            return file
        most = whole(turn.body, "top_k") or 5
        lines = [line.decode("utf-8", "replace") for line in file.data.splitlines() if line.strip()]
        return Trainable(model, tuple(lines[:most]), file.report.form if file.report else "")


OPERATIONS: Mapping[str, Operation] = {
    "fine_tuning.create": Create(),
    "fine_tuning.estimate_price": EstimatePrice(),
    "fine_tuning.list": ListAll(JOBS),
    "fine_tuning.retrieve": Retrieve(JOBS),
    "fine_tuning.events": Retrieve(JOBS),
    "fine_tuning.checkpoints": Retrieve(JOBS),
    "fine_tuning.metrics": Retrieve(JOBS),
    "fine_tuning.tokenized_dataset": Retrieve(JOBS),
    "fine_tuning.cancel": Cancel(JOBS),
    "fine_tuning.delete": Delete(JOBS),
    "fine_tuning.download": Download(JOBS),
    "fine_tuning.model_limits": ModelLimits(),
    "fine_tuning.supported_models": SupportedModels(),
    "fine_tuning.preview": Preview(),
}
