"""Files of examples, to train on or to judge: read row by row, and what is wrong with the first bad one.

The forms of examples and the words of the one refusal that was seen are Together's: the types of its SDK, and its
changelog of 2026-06.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from pytest_llmcontract.core.errors import BadInput

TRAINING, JUDGING = "fine-tune", "eval"
"""Purposes of files that are looked into when they arrive."""
_FORMS: Mapping[str, tuple[str, ...]] = {
    "CONVERSATION": ("messages",),
    "PREFERENCE_OPENAI": ("input", "preferred_output", "non_preferred_output"),
    "INSTRUCTION": ("prompt", "completion"),
    "GENERAL": ("text",),
}
"""What an example of each form has at least."""
_ROLES = ("system", "user", "assistant", "tool")
_KINDS: Mapping[str, tuple[str, ...]] = {TRAINING: ("jsonl", "parquet"), JUDGING: ("jsonl", "csv")}

Row = Mapping[str, Any]


class Report(NamedTuple):
    """What came of looking into a file."""

    rows: int
    form: str = ""
    """Of its examples; empty where they have none."""
    problem: str = ""
    """What is wrong with it: ``Line 7: messages[1] must contain a role field``."""


def look_into(data: bytes, purpose: str, kind: str) -> Report | None:
    """Whether a file serves its purpose; ``None``: nobody looks into files of this purpose, or of this kind."""
    if purpose not in _KINDS or kind == "parquet":
        return None
    count = _count(data, kind)
    if kind not in _KINDS[purpose]:
        return Report(count, problem=f"{kind} files are not supported for {purpose}")
    form = ""
    try:
        for number, row in rows_of(data, kind):
            if purpose == TRAINING:
                form = _judged(number, row, form)
    except BadInput as problem:
        return Report(count, form, str(problem))
    return Report(count, form, "" if count > 0 else "The file has no examples")


def _count(data: bytes, kind: str) -> int:
    """Rows of a table that cannot be read count as far as it can."""
    if kind != "csv":
        return sum(1 for line in data.splitlines() if line.strip())
    count = 0
    with suppress(BadInput):
        for _ in rows_of(data, kind):
            count += 1
    return count


def rows_of(data: bytes, kind: str) -> Iterator[tuple[int, Row]]:
    """Each row with the number of its line.

    Raises:
        BadInput: A row is none.
    """
    return _of_csv(data) if kind == "csv" else _of_jsonl(data)


def _of_jsonl(data: bytes) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise BadInput(f"Line {number}: not valid JSON") from None
        if not isinstance(row, dict):
            raise BadInput(f"Line {number}: not a JSON object")
        yield number, row


def _of_csv(data: bytes) -> Iterator[tuple[int, Row]]:
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        for row in reader:
            if None in row or None in row.values():
                raise BadInput(f"Line {reader.line_num}: the number of columns is not that of the header")
            yield reader.line_num, row
    except (UnicodeDecodeError, csv.Error):
        raise BadInput("not valid CSV in UTF-8") from None


# Examples


def _judged(number: int, row: Row, before: str) -> str:
    """The form of an example, which is that of those before it.

    Raises:
        BadInput: It has none, or another one.
    """
    form = form_of(row)
    problem = f"must contain {_ONE_OF}" if not form else _PROBLEMS[form](row)
    if before and form and form != before:
        problem = f"is {form}, unlike the lines before it, which are {before}"
    if problem:
        raise BadInput(f"Line {number}: {problem}")
    return form


_ONE_OF = ", or ".join(" and ".join(fields) for fields in _FORMS.values())


def form_of(row: Row) -> str:
    """By the fields that it has; empty: it is no example."""
    return next((form for form, fields in _FORMS.items() if all(field in row for field in fields)), "")


def _of_conversation(row: Row) -> str:
    return _of_messages(row["messages"], "messages")


def _of_messages(messages: Any, where: str) -> str:
    if not isinstance(messages, list) or not messages:
        return f"{where} must be a list that is not empty"
    return next(filter(None, (_of_message(each, f"{where}[{index}]") for index, each in enumerate(messages))), "")


def _of_message(message: Any, where: str) -> str:
    if not isinstance(message, Mapping) or "role" not in message:
        return f"{where} must contain a role field"
    if message["role"] not in _ROLES:
        return f"{where} has a role that is none of {', '.join(_ROLES)}"
    if not isinstance(message.get("content"), str | list) and not message.get("tool_calls"):
        return f"{where} must contain a content field"
    return ""


def _of_preference(row: Row) -> str:
    asked = row["input"]
    return (
        _of_messages(asked.get("messages") if isinstance(asked, Mapping) else None, "input.messages")
        or _of_messages(row["preferred_output"], "preferred_output")
        or _of_messages(row["non_preferred_output"], "non_preferred_output")
    )


def _of_texts(row: Row) -> str:
    fields: Sequence[str] = _FORMS[form_of(row)]
    bad = next((name for name in fields if not isinstance(row[name], str | list)), "")
    return f"{bad} must be a text" if bad else ""


_PROBLEMS = {
    "CONVERSATION": _of_conversation,
    "PREFERENCE_OPENAI": _of_preference,
    "INSTRUCTION": _of_texts,
    "GENERAL": _of_texts,
}
"""What is wrong with an example of each form."""
