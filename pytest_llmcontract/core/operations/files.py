"""Files that stay: sent in a form, or in pieces to an address of their own; listed, read to the byte, and deleted.

Where a provider has both ways, the second is that of its SDK: it says what will come and gets an address (or, of a
large file, one for each part), puts the bytes there, and says that it is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import md5, sha256
from typing import Any

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision, Whole
from pytest_llmcontract.core.call.multipart import File
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.operations.datasets import Report, look_into
from pytest_llmcontract.core.operations.lasting import Drop, ListAll, Retrieve, Thing, not_there, wrong
from pytest_llmcontract.core.operations.operation import Operation
from pytest_llmcontract.core.refusal import Refusal

FILES, UPLOADS = "files", "uploads"
"""Their shelves."""
DAY = 86_400


@dataclass(slots=True)
class KeptFile:
    """One of them."""

    name: str
    data: bytes
    purpose: str
    created: datetime
    kind: str = "jsonl"
    """``jsonl``, ``csv``, ``parquet``."""
    report: Report | None = None
    """What came of looking into it, if anybody did."""
    checksum: str = ""
    """SHA-256, in hexadecimal digits."""

    def __post_init__(self) -> None:
        self.checksum = sha256(self.data).hexdigest()
        self.report = look_into(self.data, self.purpose, self.kind)

    @property
    def problem(self) -> str:
        """Why it does not serve its purpose; empty: it does, or nobody looked."""
        return self.report.problem if self.report else ""


@dataclass(slots=True)
class Upload:
    """A file that is on its way, in one part or several."""

    name: str
    purpose: str
    kind: str
    file_id: str
    awaited: int = 1
    """How many parts."""
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """An upload may begin: where its parts go."""

    id: str
    upload: Upload
    origin: str
    """Where the caller has the provider."""
    usage: Usage = NOTHING_USED

    def addresses(self) -> Iterator[tuple[int, str]]:
        """Each part by its number, from 1, and where it goes."""
        for number in range(1, self.upload.awaited + 1):
            yield number, f"{self.origin}/uploads/{self.id}/{number}"


def keep(state: State, file: KeptFile, id: str = "") -> str:
    """Put *file* on its shelf, for as long as the provider keeps it; its id."""
    id = id or state.envelope.new_id("file", state.clock.now)
    days = state.edition.dialect.file_days
    expires = None if days is None else state.clock.seconds + days * DAY
    state.kept[FILES].put(id, file, expires=expires)
    return id


class _Arrival(Operation):
    """Something that a file comes by."""

    calls_model = False
    says = False

    def upload_bytes(self, state: State) -> int | None:
        return state.edition.dialect.file_bytes


class CreateFile(_Arrival):
    """A form that holds the file."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        file = turn.body.get("file")
        if not isinstance(file, File):
            return wrong(state, turn, "file must be a file of the form", "file")
        if not file.data:
            return wrong(state, turn, "file is empty", "file")
        name = turn.body.get("file_name") or file.name
        kept = KeptFile(str(name), file.data, str(turn.body["purpose"]), turn.now, _kind(turn.body, str(name)))
        return Thing(keep(state, kept), kept)


class AskForAddress(_Arrival):
    """Say what will come; the answer is where to put it, or that it is there already."""

    status = 302

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        if known := _known(state, turn):
            return known
        body = turn.body
        name, id = str(body["file_name"]), state.envelope.new_id("file", turn.now)
        upload = Upload(name, str(body["purpose"]), _kind(body, name), id, _parts(body))
        upload_id = self.upload_id(state, turn, id)
        state.kept[UPLOADS].put(upload_id, upload)
        return Sent(upload_id, upload, turn.request.origin)

    def upload_id(self, state: State, turn: Turn, file_id: str) -> str:
        """A file in one part is known by its own id."""
        return file_id


class BeginParts(AskForAddress):
    """The same for a file in parts."""

    status = 200

    def upload_id(self, state: State, turn: Turn, file_id: str) -> str:
        return state.envelope.new_id("upload", turn.now)


class PutPart(_Arrival):
    """The bytes of a part. The address is the secret."""

    public = True
    remembers = True

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        upload, number = state.kept[UPLOADS].get(turn.targets["upload"], turn.at), turn.targets["id"]
        if upload is None or number not in {str(one) for one in range(1, upload.awaited + 1)}:
            return not_there(state, turn)
        upload.parts[int(number)] = turn.request.body
        return Whole(b"", headers={"etag": f'"{_tag(turn.request.body)}"'})


class Preprocess(_Arrival):
    """All bytes of a file in one part are there."""

    remembers = True

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        id = turn.targets["id"]
        upload = state.kept[UPLOADS].get(id, turn.at)
        if upload is not None:
            return _arrived(state, turn, id, upload)
        file = state.kept[FILES].get(id, turn.at)
        return not_there(state, turn) if file is None else Thing(id, file)


class OfUpload(_Arrival):
    """An operation on the upload that the body names."""

    remembers = True

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        id = str(turn.body.get("upload_id"))
        upload = state.kept[UPLOADS].get(id, turn.at)
        if upload is None or upload.file_id != turn.body.get("file_id"):
            return state.edition.refusal("no_such_thing", {"target": id}, operation=turn.operation)
        return self.answer_for(state, turn, id, upload)

    def answer_for(self, state: State, turn: Turn, id: str, upload: Upload) -> Decision:
        raise NotImplementedError


class CompleteParts(OfUpload):
    """All parts of a file are there."""

    def answer_for(self, state: State, turn: Turn, id: str, upload: Upload) -> Decision:
        told = {part.get("part_number"): str(part.get("etag")).strip('"') for part in turn.body["parts"]}
        if told != {number: _tag(data) for number, data in upload.parts.items()}:
            return wrong(state, turn, "parts are not those that were uploaded", "parts")
        return _arrived(state, turn, id, upload)


class AbortParts(OfUpload):
    """They are not wanted any more."""

    def answer_for(self, state: State, turn: Turn, id: str, upload: Upload) -> Decision:
        state.kept[UPLOADS].drop(id, turn.at)
        return Whole({})


def _arrived(state: State, turn: Turn, id: str, upload: Upload) -> Decision:
    if set(upload.parts) != set(range(1, upload.awaited + 1)):
        return wrong(state, turn, f"{len(upload.parts)} of {upload.awaited} parts of the file were uploaded")
    data = b"".join(upload.parts[number] for number in sorted(upload.parts))
    if not data:
        return wrong(state, turn, "file is empty")
    state.kept[UPLOADS].drop(id, turn.at)
    file = KeptFile(upload.name, data, upload.purpose, turn.now, upload.kind)
    return Thing(keep(state, file, upload.file_id), file)


def _known(state: State, turn: Turn) -> Refusal | None:
    """The refusal of a file that is there already, by its checksum."""
    checksum = turn.body.get("checksum")
    for id, file in state.kept[FILES].page(turn.at).things:
        if checksum and file.checksum == checksum:
            return state.edition.refusal("file_known", {"file_id": id}, operation=turn.operation)
    return None


def _parts(body: Mapping[str, Any]) -> int:
    parts = body.get("num_parts", 1)
    return parts if isinstance(parts, int) else 1


def _kind(body: Mapping[str, Any], name: str) -> str:
    ending = name.rpartition(".")[2]
    return str(body.get("file_type") or (ending if ending in ("csv", "parquet") else "jsonl"))


def _tag(data: bytes) -> str:
    """The entity tag that stores give."""
    return md5(data, usedforsecurity=False).hexdigest()


OPERATIONS: Mapping[str, Operation] = {
    "files.create": CreateFile(),
    "files.upload_url": AskForAddress(),
    "files.put": PutPart(),
    "files.preprocess": Preprocess(),
    "files.multipart_initiate": BeginParts(),
    "files.multipart_complete": CompleteParts(),
    "files.multipart_abort": AbortParts(),
    "files.list": ListAll(FILES),
    "files.retrieve": Retrieve(FILES),
    "files.content": Retrieve(FILES),
    "files.delete": Drop(FILES),
}
