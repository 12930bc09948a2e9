"""Together's files: one, the list of them, one that is gone, and where to put one."""

from __future__ import annotations

from typing import Any

from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.operations.files import KeptFile, Sent
from pytest_llmcontract.core.operations.lasting import Thing, Things
from pytest_llmcontract.providers.plain import PlainEnvelope
from pytest_llmcontract.providers.together.dialect import TogetherDialect


class FileForm:
    """One of them."""

    def __init__(self, envelope: PlainEnvelope, dialect: TogetherDialect) -> None:
        self._envelope = envelope
        self._dialect = dialect

    def body(self, turn: Turn, answer: Thing) -> bytes:
        return self._envelope.encoded(self._record(answer.id, answer.thing))

    def _record(self, id: str, file: KeptFile) -> dict[str, Any]:
        record = {
            "id": id,
            "object": "file",
            "created_at": int(file.created.timestamp()),
            "filename": file.name,
            "bytes": len(file.data),
            "purpose": file.purpose,
            "FileType": file.kind,
            # Recorded as these, whatever is in the file; the SDK of 2026-10 (2.42) still cannot do without them.
            "Processed": True,
            "LineCount": 0,
        }
        if self._dialect.file_processing_status:
            record |= _validation(id, file)
        return record


class FilesForm(FileForm):
    """All of them."""

    def body(self, turn: Turn, answer: Things) -> bytes:  # type: ignore[override]
        return self._envelope.encoded({"data": [self._record(*each) for each in answer.things]})


class DeletedForm(FileForm):
    """One that is gone."""

    def body(self, turn: Turn, answer: Thing) -> bytes:
        return self._envelope.encoded({"id": answer.id, "deleted": True})


class AddedForm(FileForm):
    """One that has come in parts."""

    def body(self, turn: Turn, answer: Thing) -> bytes:
        return self._envelope.encoded({"file": self._record(answer.id, answer.thing)})


class PartsForm(FileForm):
    """Where each part of a file goes."""

    def body(self, turn: Turn, answer: Sent) -> bytes:  # type: ignore[override]
        parts = [{"PartNumber": number, "URL": url, "Headers": {}} for number, url in answer.addresses()]
        return self._envelope.encoded({"upload_id": answer.id, "file_id": answer.upload.file_id, "parts": parts})


class AddressForm(FileForm):
    """Where a file goes: in the headers of a redirect, without a body."""

    def body(self, turn: Turn, answer: Sent) -> bytes:  # type: ignore[override]
        _, url = next(answer.addresses())
        turn.extra_headers = {"location": url, "x-together-file-id": answer.upload.file_id, **turn.extra_headers}
        return b""


def _validation(id: str, file: KeptFile) -> dict[str, Any]:
    """What came of looking into it: only files of some purposes are looked into."""
    status = {"processing_status": "INVALID_FORMAT" if file.problem else "COMPLETED"}
    if file.report is None:
        return status
    report = {"valid": not file.problem, "file_id": id, "nlines": file.report.rows}
    if file.problem:
        report |= {"error": file.problem, "error_type": "INVALID_FORMAT"}
    if file.report.form:
        report["dataset_format"] = file.report.form
    return {**status, "validation_report": report}
