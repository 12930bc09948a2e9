"""Is a reply what the provider promises? A recorded one, or one of the simulator's.

The contract of an operation's replies is ``schemas/<provider>/<operation>.reply.json``, that of the events of a
stream ``<operation>.event.json``, that of its errors ``<operation>.error.json``, else that of its family
(``batches.error.json``), else that of the provider (``error.json``).

A provider adds fields to its replies from one day to the next, and an application does not mind. So an unknown field
is let pass where the schema says ``x-open``, unless it looks like a misspelling of a field that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, cached_property
from typing import Any

from pytest_llmcontract.core.contract.mismatch import Mismatch, allowed, json_path, message, shown
from pytest_llmcontract.core.contract.nearest import meant
from pytest_llmcontract.core.contract.schemas import DatedSchema, Failure, dated_schema, schema_files

CODE = "LLM201"


class ReplyForm:
    """One form that a reply may have: a whole one, an event of a stream, or an error."""

    def __init__(self, schema: DatedSchema) -> None:
        self.schema = schema
        self._new: dict[str, bool] = {}

    def check(self, body: object) -> tuple[Mismatch, ...]:
        """Everything wrong with *body*; ``()`` if nothing is."""
        if self.schema.accepts(body) or self._has_only_news(body):
            return ()
        return tuple(_worded(failure) for failure in self.schema.failures(body) if not _is_news(failure))

    def _has_only_news(self, body: object) -> bool:
        """Whether there are unknown fields in open objects, nothing else is wrong, and no known field is like them."""
        unknown = self.schema.unknown_fields(body)
        return unknown is not None and all(map(self._is_new_word, unknown))

    def _is_new_word(self, name: str) -> bool:
        if name not in self._new:
            self._new[name] = not meant(name, self._names)
        return self._new[name]

    @cached_property
    def _names(self) -> frozenset[str]:
        """Every field there is anywhere in it."""
        return frozenset(_field_names(self.schema.document))


@dataclass(frozen=True, slots=True)
class ReplyContract:
    """What one operation of one provider answers on one day. What has no schema is not judged."""

    reply: ReplyForm | None
    event: ReplyForm | None
    error: ReplyForm | None

    @property
    def finishes(self) -> tuple[str, ...]:
        """The values of ``finish_reason``; ``()`` where the schema does not list them."""
        listed = self.reply.schema.document.get("$defs", {}).get("finish_reason", {}) if self.reply else {}
        return tuple(value for value in listed.get("enum", ()) if value is not None)

    def check(self, status: int, body: object) -> tuple[Mismatch, ...]:
        """Everything wrong with the JSON *body* of a reply; its *status* says whether it is a success."""
        form = self.reply if status < 400 else self.error
        return form.check(body) if form else ()

    def check_events(self, events: Iterable[object]) -> tuple[Mismatch, ...]:
        """Everything wrong with the JSON data of a stream's events; paths begin with the number of the event.

        What is wrong with many of them in the same way is told of the first.
        """
        events = list(events)
        if self.event is None or self.event.schema.accept(events):
            return ()
        found: dict[tuple[str, str, str], Mismatch] = {}
        for index, event in enumerate(events):
            for mismatch in self.event.check(event):
                same = (mismatch.path, mismatch.schema, mismatch.allowed)
                if same not in found:
                    found[same] = _numbered(mismatch, index)
        return tuple(found.values())


def _numbered(mismatch: Mismatch, index: int) -> Mismatch:
    path = f"$[{index}]{mismatch.path.removeprefix('$')}"
    return replace(mismatch, path=path, message=mismatch.message.replace(mismatch.path, path, 1))


@cache
def reply_contract(provider: str, operation: str, day: date) -> ReplyContract | None:
    """What *operation* answers on *day*; ``None`` if there is no schema for it. The same one every time."""
    family = operation.partition(".")[0]
    reply = _form(provider, day, f"{operation}.reply.json")
    event = _form(provider, day, f"{operation}.event.json")
    error = _form(provider, day, f"{operation}.error.json", f"{family}.error.json", "error.json")
    return ReplyContract(reply, event, error) if reply or event or error else None


def _form(provider: str, day: date, *names: str) -> ReplyForm | None:
    """The first of the files *names* that there is."""
    found = next((name for name in names if name in schema_files(provider)), None)
    return _shared_form(f"{provider}/{found}", day) if found else None


@cache
def _shared_form(name: str, day: date) -> ReplyForm:
    return ReplyForm(dated_schema(name, day))


# Unknown fields


def _is_news(failure: Failure) -> bool:
    """Whether it is a field that the provider added, as far as anybody can see."""
    return failure.open and not _meant(failure)


def _meant(failure: Failure) -> str:
    """The absent field that an unknown one looks like; empty if there is none."""
    holder = _at(failure.body, failure.path[:-1])
    return meant(failure.name, (name for name in failure.known if name not in holder))


def _at(body: Any, path: Iterable[str | int]) -> Any:
    for part in path:
        body = body[part]
    return body


def _field_names(node: Any) -> Iterator[str]:
    """The names of all properties below a schema's *node*."""
    if isinstance(node, Mapping):
        yield from node.get("properties", ())
    for value in node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ():
        yield from _field_names(value)


# Words


def _worded(failure: Failure) -> Mismatch:
    path = json_path(failure.path)
    near = _meant(failure) if failure.unknown else ""
    return Mismatch(
        code=CODE,
        path=path,
        message=f"{path} is no field of this reply" if failure.unknown else message(failure),
        sent=shown(failure.sent, failure.name),
        allowed=repr(near) if near else allowed(failure),
        schema=failure.place,
        fix=f"did you mean {near!r}?" if near else "",
    )
