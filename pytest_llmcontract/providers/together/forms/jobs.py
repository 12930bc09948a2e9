"""Together's fine-tunes, evaluations, uploads of models, code interpreter, and who one is.

Shapes are those of the SDK's types; few of these replies were ever recorded.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from decimal import Decimal
from statistics import fmean, pstdev
from typing import Any

from pytest_llmcontract.core.call.form import TypedForm
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.operations.catalogue import UploadJob
from pytest_llmcontract.core.operations.evaluations import Evaluation
from pytest_llmcontract.core.operations.fine_tuning import Estimate, Models, Trainable
from pytest_llmcontract.core.operations.identity import Identity
from pytest_llmcontract.core.operations.lasting import Thing, Things
from pytest_llmcontract.core.operations.sessions import Gone, Session
from pytest_llmcontract.core.operations.training import MOST, Job, method_of, type_of, whole
from pytest_llmcontract.providers.together.forms.shown import Show, iso, without_none

_BILLION = Decimal(1_000_000_000)
_KEPT = (
    "training_file", "validation_file", "learning_rate", "lr_scheduler", "warmup_ratio", "max_grad_norm",
    "weight_decay", "batch_size", "suffix", "max_seq_length", "packing", "random_seed", "from_checkpoint",
    "from_hf_model", "hf_model_revision", "wandb_project_name", "wandb_name", "wandb_entity", "multimodal_params",
)  # fmt: skip
"""Fields of a job that are what was asked."""


# Fine-tunes


def job_summary(turn: Turn, job: Job) -> dict[str, Any]:
    """A job as lists have it."""
    at = turn.at
    counted = job.trains is not None and at >= job.trains[0]
    left = job.left(at)
    return {
        "id": job.id,
        "user_id": job.user,
        "owner_address": job.user,
        "status": job.status(at),
        "created_at": iso(turn, job.at),
        "updated_at": iso(turn, job.happened(at)[-1].at),
        "started_at": iso(turn, job.entered(at)),
        "model": job.base.id,
        "model_output_name": job.name,
        "adapter_output_name": job.adapter_name if job.adapter_ids else None,
        "n_epochs": job.plan.epochs,
        "n_checkpoints": whole(job.asked, "n_checkpoints") or 1,
        "n_evals": job.plan.evals,
        "training_method": dict(method_of(job.asked)),
        "training_type": dict(type_of(job.asked)),
        **{name: job.asked.get(name) for name in _KEPT},
        "batch_size": whole(job.asked, "batch_size") or None,
        "token_count": job.plan.train_tokens + job.plan.eval_tokens if counted else None,
        "total_price": int(job.price * _BILLION) if counted else None,
        "progress": {"estimate_available": left > 0, "seconds_remaining": round(left)},
        "events": [],
    }


def one_job(turn: Turn, answer: Thing) -> dict[str, Any]:
    """A job with everything that is known of it."""
    job, at = answer.thing, turn.at
    done = job.status(at) == "completed"
    return job_summary(turn, job) | {
        "job_id": job.id,
        "model_output_path": f"{job.name}/{job.id}" if done else None,
        **_object("model", job.name, job.model_ids if done else None),
        **_object("adapter", job.adapter_name, job.adapter_ids if done else None),
        "trainingfile_numlines": job.plan.training.examples,
        "trainingfile_size": job.plan.training.size,
        "epochs_completed": job.epochs_at(at),
        "eval_steps": job.plan.evals,
        "queue_depth": 0,
        "events": [_event(turn, each) for each in job.happened(at)],
        "param_count": None,
        "wandb_url": None,
        "train_on_inputs": method_of(job.asked).get("train_on_inputs"),
    }


def _object(kind: str, name: str, ids: tuple[str, str] | None) -> dict[str, str | None]:
    """Where the project has what a job made; nowhere before it is done."""
    id, revision = ids or (None, None)
    return {
        f"{kind}_object_id": id,
        f"{kind}_object_name": name if ids else None,
        f"{kind}_object_revision_id": revision,
    }


def new_job(turn: Turn, answer: Thing) -> dict[str, Any]:
    """A job that was just made, or cancelled."""
    return job_summary(turn, answer.thing)


def jobs(turn: Turn, answer: Things) -> dict[str, Any]:
    """All jobs."""
    return {"data": [job_summary(turn, job) for _, job in answer.things]}


def _event(turn: Turn, event: Any) -> dict[str, Any]:
    level = "error" if event.type in ("job_error", "billing_limit") else "info"
    plain = {"object": "fine-tune-event", "created_at": iso(turn, event.at), "level": level, "message": event.message}
    return {**plain, "type": event.type, **event.more}


def events(turn: Turn, answer: Thing) -> dict[str, Any]:
    """What has happened to a job."""
    return {"data": [_event(turn, each) for each in answer.thing.happened(turn.at)]}


def checkpoints(turn: Turn, answer: Thing) -> dict[str, Any]:
    """The weights that are kept, the newest first."""
    job = answer.thing
    kept = job.checkpoints(turn.at)
    return {
        "data": [
            {
                "step": each.step,
                "created_at": iso(turn, each.at),
                "path": f"{job.id}:{each.step}",
                "checkpoint_type": "Final" if each.final else "Intermediate",
                "checkpoint": "adapter" if job.adapter_ids else "model",
            }
            for each in kept
        ]
    }


def metrics(turn: Turn, answer: Thing) -> dict[str, Any]:
    """A loss that falls, step by step; nothing is trained."""
    job, query = answer.thing, turn.query

    def bound(name: str, usual: int) -> int:
        text = query.get(name, [""])[-1]
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else usual

    first, last = max(1, bound("global_step_from", 1)), min(job.step_at(turn.at), bound("global_step_to", job.steps))
    steps = list(range(first, last + 1))
    count = bound("resolution", 500) or 500
    if len(steps) > count:
        steps = [steps[len(steps) * index // count] for index in range(count)]
    rate = float(job.asked.get("learning_rate") or 0.00001)
    rows = [{"global_step": step, "train/loss": round(2 / (1 + 3 * step / job.steps), 4), "train/learning_rate": rate}
            for step in steps]  # fmt: skip
    return {"metrics": rows}


def estimate(turn: Turn, answer: Estimate) -> dict[str, Any]:
    """What a job would cost, in dollars."""
    plan = answer.plan
    if plan is None:
        return {"estimation_available": False, "unavailable_reason": answer.reason}
    return {
        "estimation_available": True,
        "estimated_total_price": float(plan.price),
        "allowed_to_proceed": answer.affordable,
        "user_limit": float(answer.limit) if answer.limit is not None else None,
        "estimated_train_token_count": plan.train_tokens,
        "estimated_eval_token_count": plan.eval_tokens,
    }


def deleted_job(turn: Turn, answer: Thing) -> dict[str, Any]:
    """That it is gone."""
    return {"message": f"Fine-tune job {answer.id} deleted"}


class ArchiveForm(TypedForm):
    """A small archive of the right kind: a description of the job, no weights."""

    def type_of(self, turn: Turn) -> str:
        return "application/gzip"

    def body(self, turn: Turn, answer: Thing) -> bytes:
        job, kind, checkpoint = answer.thing
        told = {"job": job.id, "model": job.name, "step": checkpoint.step, "checkpoint": kind or None}
        return _packed("adapter_config.json" if kind == "adapter" else "config.json", json.dumps(told).encode())


def _packed(name: str, data: bytes) -> bytes:
    """The same bytes whenever it is packed."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as file:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        file.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def model_limits(turn: Turn, answer: Trainable) -> dict[str, Any]:
    """What a job with a model may ask for; the figures are (assumed)."""
    model = answer.model
    sizes = {"max_batch_size": 32, "max_batch_size_dpo": 16, "min_batch_size": 8}
    modules = ["k_proj", "up_proj", "o_proj", "q_proj", "down_proj", "v_proj", "gate_proj"]
    longest = min(model.context or 8192, 32768)
    return {
        "model_name": model.id,
        "full_training": dict(sizes),
        "lora_training": {**sizes, "max_rank": 64, "default_rank": 8, "target_modules": modules},
        "default_gradient_accumulation_steps": 1,
        **{f"max_num_{name.removeprefix('n_')}": most for name, most in MOST.items()},
        "max_learning_rate": 1.0,
        "min_learning_rate": 0.0,
        "max_seq_length_sft": longest,
        "max_seq_length_dpo": longest,
        "min_max_seq_length": 512,
        "merge_output_lora": True,
        "supports_full_training": True,
        "supports_reasoning": "reasoning" in model.capabilities,
        "supports_tools": "tools" in model.capabilities,
        "supports_vision": "image" in model.input_modalities,
    }


def supported_models(turn: Turn, answer: Models) -> dict[str, Any]:
    """All of them, or whether the one is among them that was asked for."""
    names = [model.id for model in answer.models]
    return {"supported": answer.asked in names} if answer.asked else {"models": names}


def preview(turn: Turn, answer: Trainable) -> dict[str, Any]:
    """The first examples in tokens: words, since no model's tokenizer is at hand."""
    rows = [_tokenized(row) for row in answer.rows]
    length = min(answer.model.context or 8192, 32768)
    asks = turn.body.get("train_on_inputs") is True
    return {
        "model": answer.model.id,
        "dataset_format": (answer.form or "GENERAL").lower(),
        "max_seq_length": length,
        "train_on_inputs": asks,
        "rows": rows,
    }


def _tokenized(row: str) -> dict[str, Any]:
    words = row.split()
    ids = [sum(word.encode()) % 32_000 for word in words]
    return {
        "tokens": words,
        "input_ids": ids,
        "labels": list(ids),
        "num_tokens": len(ids),
        "num_trained_tokens": len(ids),
        "trained_spans": [[0, len(ids)]],
        "truncated": False,
    }


def tokenized_dataset(turn: Turn, answer: Thing) -> dict[str, Any]:
    """Where an archive of the tokens may be fetched for an hour."""
    name = f"{answer.id}-tokenized.tar.gz"
    return {
        "url": f"https://api.together.ai/shrt/{answer.id}",
        "filename": name,
        "content_type": "application/gzip",
        "size": answer.thing.plan.training.size,
        "expires_at": iso(turn, turn.at + 3600),
    }


# Evaluations


def new_evaluation(turn: Turn, answer: Thing) -> dict[str, Any]:
    """That it has begun."""
    return {"workflow_id": answer.id, "status": "pending"}


def one_evaluation(turn: Turn, answer: Thing) -> dict[str, Any]:
    """All of it."""
    return _evaluation(turn, answer.thing)


def evaluations(turn: Turn, answer: Things) -> list[dict[str, Any]]:
    """A bare list."""
    return [_evaluation(turn, each) for _, each in answer.things]


def evaluation_status(turn: Turn, answer: Thing) -> dict[str, Any]:
    """State and results."""
    return {"status": answer.thing.status(turn.at), "results": _results(answer.thing, turn.at)}


def _evaluation(turn: Turn, each: Evaluation) -> dict[str, Any]:
    updates = list(each.updates(turn.at))
    return {
        "workflow_id": each.id,
        "type": each.type,
        "owner_id": each.user,
        "status": each.status(turn.at),
        "status_updates": [
            {"status": name, "message": f"Job is {name}", "timestamp": iso(turn, at)} for name, at in updates
        ],
        "parameters": dict(each.asked),
        "created_at": iso(turn, each.at),
        "updated_at": iso(turn, updates[-1][1]),
        "results": _results(each, turn.at),
    }


def _results(each: Evaluation, at: float) -> dict[str, Any] | None:
    """A label's count is a number in an object, as it was recorded."""
    if at < each.ends:
        return None
    if each.problem:
        return {"error": each.problem}
    fails = {"generation_fail_count": 0, "judge_fail_count": 0, "result_file_id": each.result_file}
    return {**_sums(each), **fails}


def _sums(each: Evaluation) -> dict[str, Any]:
    verdicts, parameters = each.verdicts, each.asked
    if each.type == "compare":
        return {"A_wins": verdicts.count("A"), "B_wins": verdicts.count("B"), "Ties": verdicts.count("Tie")}
    if each.type == "score":
        scores = [float(verdict) for verdict in verdicts]
        passed = sum(score >= parameters["pass_threshold"] for score in scores)
        score = {"mean_score": fmean(scores), "std_score": pstdev(scores), "pass_percentage": _share(passed, scores)}
        return {"aggregated_scores": score, "failed_samples": 0, "invalid_score_count": 0}
    passed = sum(label in parameters["pass_labels"] for label in verdicts)
    counts = {label: verdicts.count(label) for label in parameters["labels"]}
    return {"label_counts": counts, "pass_percentage": _share(passed, verdicts), "invalid_label_count": 0}


def _share(passed: int, verdicts: Sequence[object]) -> float:
    return round(100 * passed / len(verdicts), 2)


def judges(turn: Turn, answer: Things) -> dict[str, Any]:
    """Names of models."""
    return {"model_list": [name for name, _ in answer.things]}


# Uploads of models


def new_upload(turn: Turn, answer: Thing) -> dict[str, Any]:
    """That a model is being fetched."""
    job: UploadJob = answer.thing
    source = job.asked["model_source"]
    data = {"job_id": job.id, "model_id": job.model_id, "model_name": job.name, "model_source": source}
    return {"data": data, "message": "Processing model weights. Job created."}


def upload(turn: Turn, answer: Thing) -> dict[str, Any]:
    """How far it is."""
    return _upload(turn, answer.thing)


def uploads(turn: Turn, answer: Things) -> dict[str, Any]:
    """All of them."""
    return {"data": [_upload(turn, job) for _, job in answer.things]}


def _upload(turn: Turn, job: UploadJob) -> dict[str, Any]:
    told = [("Queued", job.at), ("Running", job.at + 1), ("Complete", job.ends)]
    past = [(name, at) for name, at in told if at <= turn.at]
    kind = "adapter_upload" if job.asked.get("model_type") == "adapter" else "model_upload"
    args = {
        "description": job.asked.get("description"),
        "modelName": job.name,
        "modelSource": job.asked["model_source"],
    }
    return {
        "type": kind,
        "job_id": job.id,
        "status": job.status(turn.at),
        "status_updates": [
            {"status": name, "message": f"Job is {name}", "timestamp": iso(turn, at)} for name, at in past
        ],
        "args": without_none(args),
        "created_at": iso(turn, job.at),
        "updated_at": iso(turn, past[-1][1]),
    }


# The code interpreter


def ran(turn: Turn, answer: Thing) -> dict[str, Any]:
    """What code printed; a session that is gone is told in ``errors``, with 200."""
    if isinstance(answer.thing, Gone):
        return {"data": None, "errors": [f"session {answer.id} not found or expired"]}
    text = answer.thing.printed
    outputs = [{"type": "stdout", "data": text}] if text else []
    return {"data": {"session_id": answer.id, "status": "success", "outputs": outputs}, "errors": None}


def session_list(turn: Turn, answer: Things) -> dict[str, Any]:
    """Sessions that last."""
    return {"data": {"sessions": [_session(turn, each) for _, each in answer.things]}, "errors": None}


def _session(turn: Turn, session: Session) -> dict[str, Any]:
    return {
        "id": session.id,
        "execute_count": session.count,
        "expires_at": iso(turn, session.expires),
        "last_execute_at": iso(turn, session.last),
        "started_at": iso(turn, session.at),
    }


# Who one is


def whoami(turn: Turn, answer: Thing) -> dict[str, Any]:
    """A key of a project, all in one."""
    own: Identity = answer.thing
    return {
        "api_key_id": own.key,
        "organization_id": own.organization,
        "organization_name": own.organization_name,
        "project_id": own.project,
        "project_name": own.project_name,
        "project_slug": own.slug,
        "user_id": own.user,
    }


def whoami_v3(turn: Turn, answer: Thing) -> dict[str, Any]:
    """A key of a project."""
    own: Identity = answer.thing
    return {
        "type": "project_api_key",
        "api_key": {"id": own.key},
        "organization": {"id": own.organization, "name": own.organization_name},
        "project": {"id": own.project, "name": own.project_name, "slug": own.slug},
    }


def projects(turn: Turn, answer: Things) -> dict[str, Any]:
    """The only one."""
    rows = [
        {
            "id": own.project,
            "name": own.project_name,
            "slug": own.slug,
            "organization_id": own.organization,
            "organization_name": own.organization_name,
        }
        for _, own in answer.things
    ]
    return {"object": "list", "data": rows, "next_cursor": None}


SHOWN: Mapping[str, Show] = {
    "fine_tuning.create": new_job,
    "fine_tuning.estimate_price": estimate,
    "fine_tuning.list": jobs,
    "fine_tuning.retrieve": one_job,
    "fine_tuning.events": events,
    "fine_tuning.checkpoints": checkpoints,
    "fine_tuning.metrics": metrics,
    "fine_tuning.tokenized_dataset": tokenized_dataset,
    "fine_tuning.cancel": new_job,
    "fine_tuning.delete": deleted_job,
    "fine_tuning.model_limits": model_limits,
    "fine_tuning.supported_models": supported_models,
    "fine_tuning.preview": preview,
    "evaluations.create": new_evaluation,
    "evaluations.list": evaluations,
    "evaluations.models": judges,
    "evaluations.retrieve": one_evaluation,
    "evaluations.status": evaluation_status,
    "models.upload": new_upload,
    "jobs.retrieve": upload,
    "jobs.list": uploads,
    "code_interpreter.execute": ran,
    "code_interpreter.sessions": session_list,
    "whoami": whoami,
    "v3.whoami": whoami_v3,
    "projects.list": projects,
}
"""By operation."""
