"""Groq's batches: one, the list of them, and the lines of their files."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.operations.batch_lines import Line
from pytest_llmcontract.core.operations.batches import Batch
from pytest_llmcontract.core.operations.lasting import Thing, Things
from pytest_llmcontract.providers.groq.dialect import GroqDialect
from pytest_llmcontract.providers.plain import PlainEnvelope

_STAMPS = ("in_progress", "finalizing", "completed", "failed", "cancelling", "cancelled", "expired")


class BatchForm:
    """One of them, with its keys in the order of the day."""

    def __init__(self, envelope: PlainEnvelope, dialect: GroqDialect) -> None:
        self._envelope = envelope
        self._dialect = dialect
        self._project = ""

    def body(self, turn: Turn, answer: Thing) -> bytes:
        return self._envelope.encoded(self.record(turn, answer.id, answer.thing))

    def record(self, turn: Turn, id: str, batch: Batch) -> dict[str, Any]:
        """It as JSON."""
        self._project = self._project or self._envelope.new_id("project", turn.now)
        run = batch.run
        known = {
            "id": id,
            "object": "batch",
            "endpoint": batch.endpoint,
            "input_file_id": batch.file_id,
            "completion_window": batch.window,
            "status": batch.status,
            "output_file_id": run.output_id,
            "error_file_id": run.error_id,
            "created_at": int(batch.created.timestamp()),
            "expires_at": int(batch.expires.timestamp()),
            **{f"{status}_at": _seconds(run.stamps.get(status)) for status in _STAMPS},
            "request_counts": {"completed": run.completed, "failed": run.failed, "total": run.total},
            "metadata": batch.metadata,
            "errors": _errors(batch),
            "project_id": self._project,
        }
        return {key: known[key] for key in self._dialect.batch_keys}

    # Lines.

    def answered(self, line: Line, call: Call, now: datetime) -> dict[str, Any]:
        reply = call.reply
        if reply is None:
            return self.unanswered(line, "server_error", "The request was not answered.", now)
        body = reply.text if reply.json is None else reply.json
        response = {"status_code": reply.status, "request_id": reply.headers.get("x-request-id"), "body": body}
        return self._line(line, response, None, now)

    def unanswered(self, line: Line, code: str, message: str, now: datetime) -> dict[str, Any]:
        return self._line(line, None, {"code": code, "message": message}, now)

    def _line(self, line: Line, response: Any, error: Any, now: datetime) -> dict[str, Any]:
        id = self._envelope.new_id("batch_req_out", now)
        return {"id": id, "custom_id": line.custom_id, "response": response, "error": error}


class BatchesForm:
    """A page of them; no word of pages where they were asked for by their ids."""

    def __init__(self, envelope: PlainEnvelope, one: BatchForm) -> None:
        self._envelope = envelope
        self._one = one

    def body(self, turn: Turn, answer: Things) -> bytes:
        listed: dict[str, Any] = {"object": "list", "data": [self._one.record(turn, *each) for each in answer.things]}
        if not turn.query.get("id"):
            listed["paging"] = {"next_cursor": answer.things[-1][0] if answer.more else None}
        return self._envelope.encoded(listed)


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _errors(batch: Batch) -> list[dict[str, Any]] | None:
    faults = batch.run.errors
    told = [{"code": one.code, "message": one.message, "param": one.param, "line": one.line} for one in faults]
    return told or None
