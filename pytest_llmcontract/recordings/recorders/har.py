"""HAR files: of browsers, proxies, Polly.JS and several recorders of tests.

HTTP Archive 1.2. ``content.text`` is the body unpacked, but for Polly.JS: where ``content-encoding`` is set it keeps
the chunks as they came, a JSON list of texts in hexadecimal or base64.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.recordings.recorders.parts import (
    Content,
    NotKept,
    Part,
    Received,
    Sent,
    base64,
    checked_url,
    content,
    headers_in,
    hexadecimal,
    status_in,
    unpacked_body,
)


def entries(document: Any) -> list[Any] | None:
    """What a HAR file holds, or ``None`` where it is none."""
    log = document.get("log") if isinstance(document, Mapping) else None
    found = log.get("entries") if isinstance(log, Mapping) else None
    return found if isinstance(found, list) else None


def sent(part: Part) -> Sent:
    url = part.get("url")
    if not isinstance(url, str):
        raise BadInput("expected the address of the request, under 'url'")
    headers = headers_in(part.get("headers"))
    posted = part.get("postData")
    body = _posted(posted) if isinstance(posted, Mapping) else content(None)
    return Sent(str(part.get("method") or "GET").upper(), checked_url(url), headers, unpacked_body(body, headers))


def received(part: Part) -> Received:
    status = status_in(part)
    if not status:
        raise NotKept("there was no response: the status is 0")
    headers = headers_in(part.get("headers"))
    kept = part.get("content")
    body = _text(kept) if isinstance(kept, Mapping) else content(None)
    return Received(status, headers, unpacked_body(body, headers))


def _posted(posted: Part) -> Content:
    params = posted.get("params")
    if "text" not in posted and isinstance(params, list) and params:
        if any(isinstance(one, Mapping) and one.get("fileName") for one in params):
            raise NotKept("the files of a form are not in the recording")
        pairs = [(str(one.get("name", "")), str(one.get("value", ""))) for one in params if isinstance(one, Mapping)]
        return content(urlencode(pairs))
    return _text(posted)


def _text(part: Part) -> Content:
    text, encoding = part.get("text"), str(part.get("encoding") or ("hex" if part.get("_isBinary") else ""))
    if not text or not encoding or encoding.lower() in ("utf8", "utf-8"):
        return content(text)
    if encoding not in _DECODED:
        raise NotKept(f"a body of encoding {encoding[:40]!r} is not read; accepted: {', '.join(_DECODED)}")
    return Content(b"".join(_DECODED[encoding](chunk).data for chunk in _chunks(str(text))), False)


_DECODED = {"base64": lambda chunk: base64(chunk, "text"), "hex": hexadecimal}


def _chunks(text: str) -> list[str]:
    if not text.startswith("["):
        return [text]
    try:
        chunks = json.loads(text)
    except (ValueError, RecursionError):
        raise BadInput("the body's chunks are no JSON") from None
    return [str(chunk) for chunk in chunks]
