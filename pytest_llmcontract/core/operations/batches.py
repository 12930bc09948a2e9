"""Batches: many requests in a file, answered within hours at a lower price.

A line goes the path of a call when its turn comes (``State.within``): contract, model, script, answer, price. What it
is found for is a finding of the call that created the batch, and so is what the batch costs, once it is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pytest_llmcontract.core.call.decision import Decision
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.operations.batch_lines import Judged, judged_file
from pytest_llmcontract.core.operations.batch_run import Run
from pytest_llmcontract.core.operations.files import FILES, KeptFile
from pytest_llmcontract.core.operations.lasting import OfKind, Retrieve, Thing, Things, asked, wrong
from pytest_llmcontract.core.operations.operation import Operation

BATCHES = "batches"
"""Their shelf."""


@dataclass(slots=True)
class Batch:
    """One of them."""

    file_id: str
    endpoint: str
    window: str
    """As it was asked for."""
    created: datetime
    expires: datetime
    size: int
    """Bytes of its file."""
    model: str
    """That it names, or that its first line asks."""
    metadata: Any
    run: Run

    @property
    def status(self) -> str:
        return self.run.status


class CreateBatch(Operation):
    """Take a file of requests, and begin."""

    calls_model = False
    remembers = True
    says = False

    def status_of(self, state: State) -> int:
        return state.edition.dialect.batch_created_status

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        dialect, body = state.edition.dialect, turn.body
        file: KeptFile | None = state.kept[FILES].get(str(body["input_file_id"]), turn.at)
        if file is None:
            return wrong(state, turn, f"No such file: {body['input_file_id']}", "input_file_id")
        if file.purpose != dialect.batch_purpose:
            said = f"The file's purpose is {file.purpose!r}, not {dialect.batch_purpose!r}"
            return wrong(state, turn, said, "input_file_id")
        judged = judged_file(file.data, body["endpoint"], dialect)
        id = state.envelope.new_id("batch", turn.now)
        batch = _batch(state, turn, id, file, judged)
        state.kept[BATCHES].put(id, batch)
        batch.run.begin()
        return Thing(id, batch)


def _batch(state: State, turn: Turn, id: str, file: KeptFile, judged: Judged) -> Batch:
    body = turn.body
    window = body.get("completion_window") or "24h"
    expires = turn.now + timedelta(hours=state.edition.dialect.batch_window_hours or _hours(window))
    first = judged.lines[0].parsed.get("body") if judged.lines else None
    model = body.get("model_id") or (first.get("model") if isinstance(first, dict) else None) or ""
    run = Run(state, turn, id, judged, expires)
    return Batch(
        body["input_file_id"], body["endpoint"], window, turn.now, expires, len(file.data), str(model),
        body.get("metadata"), run,
    )  # fmt: skip


def _hours(window: str) -> int:
    """``24h``, ``7d``: the contract has seen to its form."""
    return int(window[:-1]) * (24 if window.endswith("d") else 1)


class ListBatches(OfKind):
    """Those that are asked for by id; else a page of all, newest first."""

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        dialect, ids = state.edition.dialect, turn.query.get("id", [])
        if dialect.batch_ids and ids:
            if len(ids) > dialect.batch_ids:
                return wrong(state, turn, f"at most {dialect.batch_ids} ids can be asked for, not {len(ids)}", "id")
            page = state.kept[self.kind].page(turn.at, newest_first=True)
            return Things(tuple((id, thing) for id, thing in page.things if id in ids))
        # ``after`` is what OpenAI's SDK asks for the next page by.
        behind = (asked(turn, "cursor") or asked(turn, "after")) if dialect.batch_page else ""
        try:
            page = state.kept[self.kind].page(turn.at, after=behind, size=dialect.batch_page, newest_first=True)
        except BadInput:
            return wrong(state, turn, "cursor is not one that was given", "cursor")
        return Things(tuple(page.things), page.more)


class CancelBatch(OfKind):
    """Stop one: what is answered stays, and is paid for."""

    def answer_for(self, state: State, turn: Turn, thing: Batch) -> Decision:
        if not thing.run.cancel():
            return wrong(state, turn, f"The batch is {thing.status}: it cannot be cancelled")
        return Thing(turn.targets["id"], thing)


OPERATIONS: Mapping[str, Operation] = {
    "batches.create": CreateBatch(),
    "batches.list": ListBatches(BATCHES),
    "batches.retrieve": Retrieve(BATCHES),
    "batches.cancel": CancelBatch(BATCHES),
}
