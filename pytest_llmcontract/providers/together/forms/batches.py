"""Together's batches: one, a new one, the list of them, and the lines of their files."""

from __future__ import annotations

import string
from datetime import datetime
from typing import Any

from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.operations.batch_lines import Line
from pytest_llmcontract.core.operations.batches import Batch
from pytest_llmcontract.core.operations.lasting import Thing, Things
from pytest_llmcontract.providers.plain import PlainEnvelope

_STATUSES = {
    "validating": "VALIDATING",
    "in_progress": "IN_PROGRESS",
    "finalizing": "IN_PROGRESS",
    "completed": "COMPLETED",
    "failed": "FAILED",
    "expired": "EXPIRED",
    "cancelling": "CANCELLED",
    "cancelled": "CANCELLED",
}
_BASE64URL = string.ascii_letters + string.digits + "-_"
_CODES = {"model_not_available": "invalid_model"}
"""What the error of a line is called in a file of errors, where it has another name in a reply."""


class BatchForm:
    """One of them."""

    def __init__(self, envelope: PlainEnvelope) -> None:
        self._envelope = envelope
        self._user = ""

    def body(self, turn: Turn, answer: Thing) -> bytes:
        return self._envelope.encoded(self.record(answer.id, answer.thing))

    def record(self, id: str, batch: Batch) -> dict[str, Any]:
        """It as JSON."""
        self._user = self._user or self._envelope.ids.hex(24)
        run = batch.run
        return {
            "id": id,
            "user_id": self._user,
            "input_file_id": batch.file_id,
            "file_size_bytes": batch.size,
            "status": _STATUSES[batch.status],
            "job_deadline": _stamp(batch.expires),
            "created_at": _stamp(batch.created),
            "endpoint": batch.endpoint,
            "progress": _progress(batch),
            "model_id": batch.model,
            "output_file_id": run.output_id,
            "error_file_id": run.error_id,
            "error": _error(batch),
            "completed_at": _stamp(run.stamps.get("completed")),
        }

    # Lines.

    def answered(self, line: Line, call: Call, now: datetime) -> dict[str, Any]:
        reply = call.reply
        if reply is None:
            return self.unanswered(line, "server_error", "The request was not answered.", now)
        if reply.status >= 400:
            return self.unanswered(line, *_said(reply.json, reply.text), now)
        body = reply.text if reply.json is None else reply.json
        id = f"br_{self._envelope.ids.letters(43, _BASE64URL)}"
        return {"id": id, "custom_id": line.custom_id, "response": {"status_code": reply.status, "body": body}}

    def unanswered(self, line: Line, code: str, message: str, now: datetime) -> dict[str, Any]:
        return {"custom_id": line.custom_id, "error": {"message": message, "code": code}}


class NewBatchForm(BatchForm):
    """A new one; who made the others made it too."""

    def __init__(self, envelope: PlainEnvelope, one: BatchForm) -> None:
        super().__init__(envelope)
        self._one = one

    def body(self, turn: Turn, answer: Thing) -> bytes:
        return self._envelope.encoded({"job": self._one.record(answer.id, answer.thing)})


class BatchesForm:
    """All of them, in a bare array."""

    def __init__(self, envelope: PlainEnvelope, one: BatchForm) -> None:
        self._envelope = envelope
        self._one = one

    def body(self, turn: Turn, answer: Things) -> bytes:
        return self._envelope.encoded([self._one.record(*each) for each in answer.things])


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _progress(batch: Batch) -> float:
    run = batch.run
    if batch.status == "completed":
        return 100
    return round(100 * (run.completed + run.failed) / run.total, 2) if run.total else 0


def _error(batch: Batch) -> str | None:
    if batch.status != "failed" or not batch.run.errors:
        return None
    first = batch.run.errors[0]
    return f"line {first.line}: {first.message}" if first.line else first.message


def _said(body: Any, text: str) -> tuple[str, str]:
    """Code and message of a refusal."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return "server_error", str(error or text)
    code = str(error.get("code") or error.get("type"))
    return _CODES.get(code, code), str(error.get("message"))
