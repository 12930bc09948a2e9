"""Groq's files: one, the list of them, and one that is gone."""

from __future__ import annotations

from typing import Any

from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.operations.files import KeptFile
from pytest_llmcontract.core.operations.lasting import Thing, Things
from pytest_llmcontract.providers.plain import PlainEnvelope


class FileForm:
    """One of them."""

    def __init__(self, envelope: PlainEnvelope) -> None:
        self._envelope = envelope

    def body(self, turn: Turn, answer: Thing) -> bytes:
        return self._envelope.encoded(_record(answer.id, answer.thing))


class FilesForm(FileForm):
    """All of them."""

    def body(self, turn: Turn, answer: Things) -> bytes:  # type: ignore[override]
        return self._envelope.encoded({"object": "list", "data": [_record(*each) for each in answer.things]})


class DeletedForm(FileForm):
    """One that is gone."""

    def body(self, turn: Turn, answer: Thing) -> bytes:
        return self._envelope.encoded({"id": answer.id, "object": "file", "deleted": True})


def _record(id: str, file: KeptFile) -> dict[str, Any]:
    return {
        "id": id,
        "object": "file",
        "bytes": len(file.data),
        "created_at": int(file.created.timestamp()),
        "filename": file.name,
        "purpose": file.purpose,
    }
