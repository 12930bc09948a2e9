"""A ``/models`` reply that somebody pasted, compared with what we know: new, gone and changed models."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.facts.edition import Edition

_FIELDS = {
    "context": ("context_window", "context_length"),
    "max_output": ("max_completion_tokens",),
    "owner": ("owned_by", "organization"),
    "type": ("type",),
    "name": ("display_name",),
    "created": ("created",),
}
"""Our field -> what the providers call it."""
_COMPARED = ("context", "max_output", "type")


@dataclass(frozen=True)
class Comparison:
    """What a reply says that we do not."""

    provider: str
    edition: date
    listed: int
    new: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Id -> what is said of it, in our words."""
    gone: tuple[str, ...] = ()
    changed: Mapping[str, Mapping[str, tuple[Any, Any]]] = field(default_factory=dict)
    """Id -> field -> as we have it, as the reply has it."""

    @property
    def same(self) -> bool:
        return not (self.new or self.gone or self.changed)


def compared(edition: Edition, text: str, where: str) -> Comparison:
    """The reply in *text* against *edition*.

    Raises:
        BadInput: It is no reply of ``/models``.
    """
    listed = {record["id"]: record for record in _records(text, where)}
    known = {id: model for id, model in edition.models.items() if not model.is_retired(edition.date)}
    return Comparison(
        edition.provider,
        edition.date,
        len(listed),
        {id: _said(record) for id, record in listed.items() if id not in known},
        tuple(id for id, model in known.items() if id not in listed and model.serverless),
        {id: differences for id in listed if id in known and (differences := _changed(known[id], listed[id]))},
    )


def _records(text: str, where: str) -> list[dict[str, Any]]:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise BadInput(f"{where}: no JSON: {problem}") from None
    records = read.get("data") if isinstance(read, dict) else read
    if not isinstance(records, list) or not records:
        raise BadInput(f"{where}: expected a reply of GET /models: a list of models, or an object with one in data")
    if not all(isinstance(record, dict) and isinstance(record.get("id"), str) for record in records):
        raise BadInput(f"{where}: expected a reply of GET /models: each model an object with an id")
    return [record for record in records if record.get("active", True)]


def _said(record: Mapping[str, Any]) -> dict[str, Any]:
    """What a model's record says, in our words; without what is not known or not said."""
    found = {ours: record[theirs] for ours, names in _FIELDS.items() for theirs in names if record.get(theirs)}
    found.setdefault("type", "transcribe" if "whisper" in record["id"] else "chat")
    found.setdefault("owner", record["id"].partition("/")[0])
    return found


def _changed(model: Any, record: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    said = {name: value for name, value in _said(record).items() if name in _COMPARED and _is_said(record, name)}
    return {name: (getattr(model, name), value) for name, value in said.items() if getattr(model, name) != value}


def _is_said(record: Mapping[str, Any], name: str) -> bool:
    return any(record.get(theirs) for theirs in _FIELDS[name])


def comparison_text(comparison: Comparison) -> str:
    """A line for each difference."""
    return "\n".join(_lines(comparison))


def _lines(comparison: Comparison) -> Iterator[str]:
    for id in sorted(comparison.new):
        yield f"new      {id}"
    for id in sorted(comparison.gone):
        yield f"gone     {id}"
    for id, differences in sorted(comparison.changed.items()):
        said = ", ".join(f"{name} {before} -> {after}" for name, (before, after) in differences.items())
        yield f"changed  {id}: {said}"
    found = f"{len(comparison.new)} new, {len(comparison.gone)} gone, {len(comparison.changed)} changed"
    head = f"{comparison.listed} models listed, against {comparison.provider} {comparison.edition}"
    yield f"{head}: {'the same' if comparison.same else found}"


def comparison_json(comparison: Comparison) -> dict[str, Any]:
    """The same for programs."""
    return {
        "provider": comparison.provider,
        "edition": str(comparison.edition),
        "listed": comparison.listed,
        "new": comparison.new,
        "gone": list(comparison.gone),
        "changed": {
            id: {name: {"known": before, "listed": after} for name, (before, after) in differences.items()}
            for id, differences in comparison.changed.items()
        },
    }


def overlay_record(comparison: Comparison, today: date) -> dict[str, Any]:
    """What differs as facts of one's own (:mod:`pytest_llmcontract.core.facts.overlay`)."""
    added = [{"id": id, **said, "since": _since(said, today)} for id, said in comparison.new.items()]
    changed = [
        {"id": id, **{name: after for name, (_, after) in differences.items()}}
        for id, differences in comparison.changed.items()
    ]
    gone = [{"id": id, "on": str(today)} for id in comparison.gone]
    return {"read": str(today), "models": added + changed, "gone": gone}


def _since(said: Mapping[str, Any], today: date) -> str:
    created = said.get("created")
    return str(datetime.fromtimestamp(created, UTC).date() if isinstance(created, int) else today)
