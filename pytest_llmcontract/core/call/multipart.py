"""Bodies that are forms with files in them: what audio and files are sent as, and how long it plays."""

from __future__ import annotations

import io
import math
import re
import wave
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_llmcontract.core.exchange import ApiRequest

BYTES_A_SECOND = 16_000
"""Of sound whose file does not say how long it is: 128 kbit/s (assumed)."""

_BOUNDARY = re.compile(r"multipart/form-data;.*\bboundary=\"?([^\";\s]{1,70})", re.IGNORECASE)
_NAME = re.compile(rb"[; ]name=\"([^\"\r\n]*)\"")
_FILENAME = re.compile(rb"[; ]filename=\"([^\"\r\n]*)\"")


@dataclass(frozen=True, slots=True)
class File:
    """A file of a form."""

    name: str
    data: bytes


def read_form(request: ApiRequest) -> Mapping[str, str | File]:
    """The fields of a ``multipart/form-data`` body; empty if it is none."""
    boundary = _BOUNDARY.match(request.headers.get("content-type", ""))
    if boundary is None:
        return {}
    fields: dict[str, str | File] = {}
    for part in request.body.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name, filename = _NAME.search(head), _FILENAME.search(head)
        if name is None:
            continue
        data = data.removesuffix(b"\r\n")
        file = None if filename is None else File(filename[1].decode("utf-8", "replace"), data)
        fields[name[1].decode("utf-8", "replace")] = file or data.decode("utf-8", "replace")
    return fields


def judged_body(request: ApiRequest) -> object:
    """What the contract of a request is about: its JSON, or the fields of its form, with the name of each file."""
    if request.json is not None:
        return request.json
    form = read_form(request)
    return {name: value.name if isinstance(value, File) else value for name, value in form.items()} or None


def audio_seconds(data: bytes) -> int:
    """How long a sound file plays, in whole seconds: read in a WAV file, of others guessed by their size."""
    try:
        with wave.open(io.BytesIO(data)) as sound:
            return math.ceil(int(sound.getnframes()) / int(sound.getframerate()))
    except (wave.Error, EOFError, ZeroDivisionError):
        return math.ceil(len(data) / BYTES_A_SECOND)
