"""Fine-tunes: what they cost, what becomes of them, and the model that they make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.facts.records import Model, Prices
from pytest_llmcontract.core.operations.identity import identity_of
from pytest_llmcontract.core.operations.lasting import ListAll, OfKind, Retrieve, Thing, asked, not_there, wrong
from pytest_llmcontract.core.operations.operation import Operation
from pytest_llmcontract.core.operations.resources import Resource
from pytest_llmcontract.core.operations.training import (
    ENDED,
    Job,
    Moment,
    Plan,
    planned,
    read_dataset,
    type_of,
)
from pytest_llmcontract.core.refusal import Refusal

JOBS, MODELS = "fine_tunes", "v2.models"
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
    usage: Usage = NOTHING_USED


class AboutTraining(Operation):
    """What is asked before there is a job."""

    calls_model = False


class EstimatePrice(AboutTraining):
    """What the job would cost that the body describes."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        plan = plan_of(state, turn)
        if isinstance(plan, Refusal):
            return plan
        for name, data in (("train", plan.training), ("eval", plan.validation)):
            if data is not None and data.bad_line:
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
        if refusal := state.account.afford(plan.price, turn.at):
            return refusal
        job = _made(state, turn, plan)
        state.kept[JOBS].put(job.id, job)
        return Thing(job.id, job)


def plan_of(state: State, turn: Turn) -> Plan | Refusal:
    """What the body asks to be trained, or why it cannot be."""
    base = base_of(state, turn)
    if isinstance(base, Refusal):
        return base
    files = []
    for name in ("training_file", "validation_file"):
        id = turn.body.get(name)
        data = read_dataset(state, id, base.id) if isinstance(id, str) and id else None
        if data is None and (id or name == "training_file"):
            return wrong(state, turn, f"File {id} not found", name)
        files.append(data)
    training, validation = files
    assert training is not None
    return planned(state, turn.body, base, training, validation)


def base_of(state: State, turn: Turn) -> Model | Refusal:
    """The model to begin with: named, or that of an earlier job."""
    name, checkpoint = turn.body.get("model"), turn.body.get("from_checkpoint")
    if isinstance(checkpoint, str) and checkpoint:
        job = _job_behind(state, checkpoint.partition(":")[0], turn.at)
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


def _job_behind(state: State, name: str, at: float) -> Job | None:
    jobs = state.kept[JOBS].page(at).things
    return next((job for id, job in jobs if name in (id, job.name) and job.checkpoints(at)), None)


# The life of a job


def _made(state: State, turn: Turn, plan: Plan) -> Job:
    base = base_of(state, turn)
    assert isinstance(base, Model)
    now = turn.now
    suffix = turn.body.get("suffix")
    parts = [base.id.rpartition("/")[2], suffix if isinstance(suffix, str) else "", state.envelope.new_id("hex", now)]
    name = f"{identity_of(state).slug}/{'-'.join(part for part in parts if part)}"
    ids = state.envelope.new_id("ml", now), state.envelope.new_id("rv", now)
    id = state.envelope.new_id("ft", now)
    job = Job(id, dict(turn.body), base, name, turn.at, plan, list(_stages(state, turn.at)), object_ids=ids)
    _set_course(state, job)
    return job


def _stages(state: State, at: float) -> Iterator[tuple[float, str]]:
    for name, seconds in state.edition.dialect.training_seconds.items():
        yield at, name
        at += seconds
    yield at, "completed"


def _set_course(state: State, job: Job) -> None:
    """All that will happen to it, and what of that touches something else."""
    begin, end = job.stage("running") or job.at, job.stages[-1][0]
    bad = job.plan.training.bad_line or (job.plan.validation.bad_line if job.plan.validation else 0)
    if bad:
        job.stages = [stage for stage in job.stages if stage[0] <= begin] + [(begin + 1, "error")]
        job.moments = [*_opening(job, begin), Moment(begin + 1, "job_error", f"Line {bad}: not a JSON object")]
        return
    job.moments = [*_opening(job, begin), *_training(job, begin), *_closing(job, end)]
    _book(state, job, begin, partial(_pay, state, job))
    _book(state, job, end, partial(_complete, state, job))


def _book(state: State, job: Job, at: float, action: Any) -> None:
    job.booked.append(state.schedule.after(at - state.clock.seconds, action))


def _opening(job: Job, begin: float) -> Iterator[Moment]:
    yield Moment(job.at, "job_pending", "Fine tune request created")
    yield Moment(job.stage("queued") or job.at, "job_start", "Job started")
    yield Moment(begin, "model_download_complete", f"Model data downloaded for {job.base.id}")
    yield Moment(begin, "training_data_download_complete", f"Data downloaded for {job.base.id}")


def _training(job: Job, begin: float) -> Iterator[Moment]:
    end = (job.trains or (begin, begin))[1]
    text = f"Training started for model {job.base.id}"
    yield Moment(begin, "training_start", text, {"ends": end, "token_count": job.plan.train_tokens})
    # Where the training ends has to be known before the moments of its steps.
    span, steps = end - begin, job.steps
    count = job.asked.get("n_checkpoints") or 1
    saved = {steps * number // count for number in range(1, count + 1)} - {0}
    for epoch in range(1, job.plan.epochs + 1):
        step = steps * epoch // job.plan.epochs
        yield Moment(begin + span * step / steps, "epoch_complete", f"Epoch completed, at step {step}", {"step": step})
    for step in sorted(saved):
        yield Moment(
            begin + span * step / steps, "checkpoint_save", f"Checkpoint saved, at step {step}", {"step": step}
        )
    yield Moment(end, "training_complete", f"Training completed for {job.base.id}")


def _closing(job: Job, end: float) -> Iterator[Moment]:
    compress, upload = job.stage("compressing") or end, job.stage("uploading") or end
    yield Moment(compress, "model_compressing", "Compressing output model")
    yield Moment(upload, "model_compression_complete", "Model compression complete")
    yield Moment(upload, "model_uploading", "Uploading output model")
    yield Moment(end, "model_upload_complete", "Model upload complete", {"model_path": job.name})
    yield Moment(end, "job_complete", "Job finished")


def _pay(state: State, job: Job) -> None:
    state.account.spend(job.plan.price, state.clock.seconds, job.id)


def _complete(state: State, job: Job) -> None:
    """The model appears; it answers once an endpoint runs it."""
    add_model(state, job.name, job.base)
    own, (id, revision), at = identity_of(state), job.object_ids, state.clock.seconds
    kind = "adapter" if type_of(job.asked)["type"] == "Lora" else "model"
    fields = {"name": job.name, "baseModel": job.base.id, "type": kind}
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
    """The job ends now, cancelled."""
    at = state.clock.seconds
    begun = job.stage("running")
    back = Decimal(0)
    if begun is not None and begun <= at:
        back = job.plan.price - job.paid(at)
    for booked in job.booked:
        booked.cancel()
    step = job.step_at(at)
    job.stages = [stage for stage in job.stages if stage[0] <= at] + [(at, "cancelled")]
    job.moments = [moment for moment in job.moments if moment.at <= at]
    job.moments.append(Moment(at, "cancel_requested", "Job cancellation requested"))
    job.moments.append(Moment(at, "job_stopped", f"Job stopped, at step {step}", {"step": step}))
    if back:
        state.account.spend(-back, at, job.id)
        job.moments.append(Moment(at, "refund", f"Refunded {back:.2f} USD for steps that were not done"))


class Delete(OfKind):
    """Take one away, with what it made; one that still runs only by force."""

    def answer_for(self, state: State, turn: Turn, thing: Job) -> Decision:
        if thing.status(turn.at) not in ENDED:
            if asked(turn, "force").lower() != "true":
                return wrong(state, turn, f"Job {thing.id} is {thing.status(turn.at)}: cancel it first, or use force")
            stop(state, thing)
        state.kept[JOBS].drop(thing.id, turn.at)
        state.own_models.pop(thing.name, None)
        state.kept[MODELS].drop(thing.object_ids[0], turn.at)
        state.gates.pop(thing.name, None)
        return Thing(thing.id, thing)


class Download(OfKind):
    """The weights, as an archive."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        id = asked(turn, "ft_id")
        job: Job | None = state.kept[self.kind].get(id, turn.at)
        if job is None:
            return state.edition.refusal("no_such_thing", {"target": id}, operation=turn.operation)
        step = asked(turn, "checkpoint_step")
        kept = {str(checkpoint.step) for checkpoint in job.checkpoints(turn.at)}
        if job.status(turn.at) not in ENDED and not (step and step in kept):
            return wrong(state, turn, f"Job {id} is {job.status(turn.at)}: there is nothing to download yet")
        if step and step != "0" and step not in kept:
            return wrong(state, turn, f"Job {id} has no checkpoint at step {step[:20]}", "checkpoint_step")
        kind = asked(turn, "checkpoint")
        if kind and kind not in ("merged", "adapter", "model_output_path"):
            return wrong(state, turn, f"checkpoint must be merged, adapter or model_output_path, not {kind[:40]!r}")
        if kind == "adapter" and type_of(job.asked)["type"] != "Lora":
            return wrong(state, turn, f"Job {id} made no adapter", "checkpoint")
        return Thing(id, job) if kept else not_there(state, turn)


class ModelLimits(AboutTraining):
    """What a job with a model may ask for."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        name = asked(turn, "model_name")
        job = _job_behind(state, name.partition(":")[0], turn.at) if name else None
        model = job.base if job else trainable(state, turn, name)
        return model if isinstance(model, Refusal) else Trainable(model)


class SupportedModels(AboutTraining):
    """All that can be fine-tuned, or whether one can."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        today = turn.now.date()
        there = [model for model in state.models() if model.type in _TRAINABLE and not model.is_retired(today)]
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
        id = turn.body.get("training_file")
        file = state.kept["files"].get(id, turn.at) if isinstance(id, str) else None
        if file is None:
            return wrong(state, turn, f"File {id} not found", "training_file")
        most = turn.body.get("top_k") or 5
        lines = [line.decode("utf-8", "replace") for line in file.data.split(b"\n") if line.strip()]
        return Trainable(model, tuple(lines[:most]))


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
