"""Bodies that are forms with files in them: what sound and files are sent as."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmcontract.core.exchange import ApiRequest

_BOUNDARY = re.compile(r"multipart/form-data;.*\bboundary=\"?([^\";\s]{1,70})", re.IGNORECASE)
_NAME = re.compile(rb"[; ]name=\"([^\"\r\n]*)\"")
_FILENAME = re.compile(rb"[; ]filename=\"([^\"\r\n]*)\"")


@dataclass(frozen=True, slots=True)
class File:
    """A file of a form."""

    name: str
    data: bytes


def read_form(request: ApiRequest) -> Mapping[str, Any]:
    """The fields of a ``multipart/form-data`` body: texts, a :class:`File` each, and a list of them where the name ends
    in ``[]``; empty if it is none, or broken off."""
    boundary = _BOUNDARY.match(request.headers.get("content-type", ""))
    if boundary is None:
        return {}
    fields: dict[str, Any] = {}
    # In front of all but the first stands the end of a line: what looks like it within a file is the file's.
    for part in (b"\r\n" + request.body).split(b"\r\n--" + boundary[1].encode())[1:-1]:
        head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name, filename = _NAME.search(head), _FILENAME.search(head)
        if name is None:
            continue
        file = None if filename is None else File(filename[1].decode("utf-8", "replace"), data)
        field, value = name[1].decode("utf-8", "replace"), file or data.decode("utf-8", "replace")
        if field.endswith("[]"):
            fields.setdefault(field, []).append(value)
        else:
            fields[field] = value
    return fields


def judged_body(request: ApiRequest) -> object:
    """What the contract of a request is about: its JSON, or the fields of its form, with the name of each file."""
    if request.json is not None:
        return request.json
    form = read_form(request)
    return {name: _judged(value) for name, value in form.items()} or None


def _judged(value: Any) -> Any:
    if isinstance(value, list):
        return [_judged(item) for item in value]
    return value.name if isinstance(value, File) else value
