"""What the files of recorders are made of: requests and responses, headers, bodies in many guises, times.

A body says what it is, or it is not read: a mapping whose ``type`` or ``kind`` nobody has told us of is left out
rather than taken for JSON.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.recordings.documents import plain_json
from pytest_llmcontract.recordings.encodings import unpacked

Keys = tuple[str | int, ...]
"""Where in a document a part of it stands."""
Part = Mapping[Any, Any]


class NotKept(BadInput):
    """The recorder has put it elsewhere, or in a way that is not known: nothing is damaged."""


class Exchange(NamedTuple):
    """A request and a response as the file has them, and where."""

    keys: Keys
    request: Any
    response: Any
    request_keys: Keys
    response_keys: Keys
    recorded_at: Any = None
    recorded_by: str = ""


class Sent(NamedTuple):
    """A recorded request."""

    method: str
    url: str
    """Absolute; only its path where the recorder leaves the host out."""
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    """Unpacked."""


class Received(NamedTuple):
    """A recorded response."""

    status: int
    headers: dict[str, str]
    """Names in lower case; ``content-encoding`` as it was sent."""
    body: bytes
    """Unpacked."""


def sent(part: Part) -> Sent:
    """A request as vcrpy and most others write it: ``method``, ``uri`` or ``url``, ``headers``, ``body``."""
    headers = headers_in(part.get("headers"))
    method = str(part.get("method") or "GET").lstrip(":").upper()  # Ruby's symbols
    return Sent(method, url_in(part), headers, _body_of(part, headers))


def received(part: Part) -> Received:
    """A response as vcrpy and most others write it: ``status`` or ``code``, ``headers``, ``body``."""
    headers = headers_in(part.get("headers"))
    return Received(status_in(part), headers, _body_of(part, headers))


# Address and status


def url_in(part: Part) -> str:
    url = part.get("uri", part.get("url"))
    if url is None and {"protocol", "host", "path"} <= part.keys():  # vcrpy before 1.0
        url = f"{part['protocol']}://{part['host']}{part['path']}"
    if not isinstance(url, str):
        raise BadInput("expected the address of the request, under 'uri'")
    return checked_url(url)


def checked_url(url: str) -> str:
    try:
        urlsplit(url)
        url.encode()  # half of a surrogate pair: nobody can have sent it
    except ValueError:
        raise BadInput(f"{url[:60]!r} is no address") from None
    return url


def status_in(part: Part) -> int:
    status = next((part[name] for name in ("code", "status", "status_code", "statusCode") if name in part), None)
    if isinstance(status, Mapping):
        status = status.get("code")
    try:
        return int(str(status).split(" ")[0])
    except ValueError:
        raise BadInput(f"{str(status)[:40]!r} is no status; expected a number under 'status', 'code'") from None


# Headers


def headers_in(part: Any) -> dict[str, str]:
    """Names in lower case; several values of one name as HTTP joins them."""
    if isinstance(part, Mapping):
        return {str(name).lower(): _value(value) for name, value in part.items()}
    headers: dict[str, str] = {}
    for name, value in map(_pair, part if isinstance(part, list) else ()):
        if not name.startswith(":"):  # of HTTP/2, no header
            headers[name.lower()] = f"{headers[name.lower()]}, {value}" if name.lower() in headers else value
    return headers


def _pair(line: Any) -> tuple[str, str]:
    """One header of a list: ``{name, value}``, a pair, or a line of the wire."""
    if isinstance(line, Mapping):
        return str(line.get("name", "")), _value(line.get("value"))
    if isinstance(line, list | tuple) and len(line) == 2:
        return _value(line[0]), _value(line[1])
    name, _, value = _value(line).partition(":")
    return name, value.strip()


def _value(value: Any) -> str:
    if isinstance(value, list) and len(value) == 1:  # as vcrpy writes nearly all of them
        value = value[0]
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value))
    return value.decode("latin-1") if isinstance(value, bytes) else str("" if value is None else value)


# Bodies


class Content(NamedTuple):
    """A recorded body."""

    data: bytes
    text: bool
    """It was text, so it has been unpacked already."""


_NOTHING = Content(b"", True)


def _body_of(part: Part, headers: Mapping[str, str]) -> bytes:
    if not part.get("body"):
        if "parsed_body" in part:
            return plain_json(part["parsed_body"])
        if part.get("request_body"):  # ExVCR
            return content(part["request_body"]).data
    return unpacked_body(content(part.get("body")), headers)


_PACKED_FILES = ("application/gzip", "application/x-gzip", "application/zstd")


def unpacked_body(body: Content, headers: Mapping[str, str]) -> bytes:
    """*body* as the application saw it: a file that is packed by its type is what was sent."""
    encoding, kind = headers.get("content-encoding", ""), headers.get("content-type", "").partition(";")[0]
    is_packed_file = not encoding and kind.strip().lower() in _PACKED_FILES
    return body.data if body.text or is_packed_file else unpacked(body.data, encoding)


def content(body: Any) -> Content:
    """A body in whichever guise.

    Raises:
        NotKept: It says that it is something we do not know.
        BadInput: It is damaged, or no body at all.
    """
    if body is None:
        return _NOTHING
    if isinstance(body, str):
        return Content(body.encode("utf-8", "surrogatepass"), True)
    if isinstance(body, bytes):
        return Content(body, False)
    if isinstance(body, Mapping):
        return _of_mapping(body)
    if isinstance(body, list):
        if all(isinstance(piece, str | bytes) for piece in body):  # of an iterator
            return Content(b"".join(content(piece).data for piece in body), False)
        return parsed(body)
    raise BadInput(f"a body is {type(body).__name__}; expected a text, bytes, or either under 'string'")


def parsed(value: Any) -> Content:
    """A body that the recorder has parsed."""
    return Content(plain_json(value), True)


def base64(text: Any, name: str) -> Content:
    """A body that is base64, under *name*."""
    try:
        return Content(b64decode("".join(str(text).split()), validate=True), False)
    except (ValueError, binascii.Error):
        raise BadInput(f"the body under {name!r} is no base64, or not all of it") from None


def hexadecimal(text: str) -> Content:
    try:
        return Content(bytes.fromhex(text), False)
    except ValueError:
        raise BadInput("the body is no hexadecimal, or not all of it") from None


_HEXADECIMAL = re.compile(r"(?:[0-9a-fA-F]{2})*")


def _binary(value: Any) -> Content:
    """Bytes as a text: hexadecimal (cassetter's) or base64."""
    text = "".join(str(value).split())
    return hexadecimal(text) if _HEXADECIMAL.fullmatch(text) else base64(text, "content")


def _events(chunks: Any) -> Content:
    """The events of a stream, each of its own; the empty line behind may be left out."""
    if isinstance(chunks, str):
        return content(chunks)
    if not isinstance(chunks, list) or not all(isinstance(chunk, str) for chunk in chunks):
        raise NotKept("the events of a stream are no texts")
    return content("".join(chunk if chunk.endswith("\n\n") else f"{chunk.rstrip()}\n\n" for chunk in chunks))


_KINDS: Mapping[str, Callable[[Any], Content]] = {
    "json": parsed,
    "text": content,
    "binary": _binary,
    "base64": lambda value: base64(value, "base64"),
    "sse": _events,
    "empty": lambda value: _NOTHING,
    "none": lambda value: _NOTHING,
}
"""What a body says that it is, under ``type`` (cassetter) or ``kind`` (seinfeld)."""
_CONTENTS = ("content", "value", "text", "chunks", "data")
_GUISES: Mapping[str, Callable[[Any], Content]] = {
    "base64_string": lambda value: base64(value, "base64_string"),
    "string": content,
    "b64": lambda value: base64(value, "b64"),
    "raw_gzip": lambda value: base64(value, "raw_gzip"),
}
"""Keys of a mapping that hold a body: vcrpy's, Ruby's VCR's and betamax's, req_llm's, R's vcr's."""


def _of_mapping(body: Part) -> Content:
    for key, read in _GUISES.items():
        if key in body:
            return read(body[key])
    for word in ("type", "kind"):
        if word in body:
            if (read_kind := _KINDS.get(str(body[word]))) is None:
                raise NotKept(f"a body of {word} {str(body[word])[:40]!r} is not read; accepted: {', '.join(_KINDS)}")
            return read_kind(next((body[key] for key in _CONTENTS if key in body), None))
    return parsed(body)


# Times

_SECONDS = 1e9
"""A number below is no time: 2001."""


def moment(value: Any) -> datetime | None:
    """What a recorder wrote as time, if it is one: ISO 8601, as HTTP has it, with a zone's name, seconds since 1970."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value > _SECONDS:
        with suppress(ValueError, OverflowError, OSError):
            return datetime.fromtimestamp(value, UTC)
    if isinstance(value, str):
        value = _of_text(value.strip())
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _of_text(text: str) -> datetime | None:
    with suppress(ValueError):
        return datetime.fromisoformat(re.sub(r" (GMT|UTC)$", "", text))
    with suppress(ValueError, TypeError, IndexError):
        return parsedate_to_datetime(text)
    return None


def listed(items: Iterable[Any], keys: Keys, names: tuple[str, str] = ("request", "response")) -> Iterable[Exchange]:
    """Exchanges in a list, each with a request and a response of its own."""
    one, other = names
    for index, item in enumerate(items):
        here = (*keys, index)
        parts = item if isinstance(item, Mapping) else {}
        yield Exchange(
            here,
            parts.get(one),
            parts.get(other),
            (*here, one),
            (*here, other),
            next((parts[name] for name in _WHEN if name in parts), None),
            str(parts.get("recorded_by") or ""),
        )


_WHEN = ("recorded_at", "recordedAt", "startedDateTime", "captured_at", "timestamp")
