"""What nock, of Node.js, records: a list of addresses with what was sent and answered, parsed where it is JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.recordings.recorders.parts import (
    Content,
    Part,
    Received,
    Sent,
    checked_url,
    content,
    headers_in,
    hexadecimal,
    parsed,
    status_in,
    unpacked_body,
)


def sent(part: Part) -> Sent:
    scope, path = part.get("scope"), part.get("path")
    if not isinstance(scope, str) or not isinstance(path, str):
        raise BadInput("expected the address of the request, under 'scope' and 'path'")
    headers = headers_in(part.get("reqheaders"))
    body = part.get("body")
    kept = content(body) if isinstance(body, str) or body is None else parsed(body)
    return Sent(str(part.get("method") or "GET").upper(), checked_url(scope + path), headers, kept.data)


def received(part: Part) -> Received:
    headers = headers_in(_paired(part.get("rawHeaders", part.get("headers"))))
    said = part.get("response")
    if _is_packed(said, part, headers):
        chunks = said if isinstance(said, list) else [said]
        body = Content(b"".join(hexadecimal(str(chunk)).data for chunk in chunks), False)
    else:
        body = content(said) if isinstance(said, str) or said is None else parsed(said)
    return Received(status_in(part), headers, unpacked_body(body, headers))


def _is_packed(said: Any, part: Part, headers: Mapping[str, str]) -> bool:
    """Bytes are written as hexadecimal: one text, or the chunks of what was packed."""
    if isinstance(said, str):
        return bool(part.get("responseIsBinary"))
    packed = headers.get("content-encoding", "identity") != "identity" or bool(part.get("responseIsBinary"))
    return packed and isinstance(said, list) and all(isinstance(chunk, str) for chunk in said)


def _paired(headers: Any) -> Any:
    """``["Date", "…", "Server", "…"]``, as Node has them, as pairs."""
    if isinstance(headers, list) and all(isinstance(item, str) for item in headers):
        return list(zip(headers[::2], headers[1::2], strict=False))
    return headers
