"""The ``when`` and ``then`` that httpmock, of Rust, records: one YAML document an exchange, mostly without a host."""

from __future__ import annotations

from urllib.parse import urlencode

from pytest_llmcontract.recordings.recorders.parts import (
    NotKept,
    Part,
    Received,
    Sent,
    base64,
    checked_url,
    content,
    headers_in,
    status_in,
    unpacked_body,
)


def sent(part: Part) -> Sent:
    path, host = part.get("path"), part.get("host")
    if not isinstance(path, str):
        raise NotKept("the address is a pattern, not one that was called")
    url = f"{part.get('scheme') or 'https'}://{host}{path}" if isinstance(host, str) and host else path
    if query := headers_in(part.get("query_param")):
        url = f"{url}?{urlencode(query)}"
    headers = headers_in(part.get("header"))
    return Sent(str(part.get("method") or "GET").upper(), checked_url(url), headers, _body(part, headers))


def received(part: Part) -> Received:
    headers = headers_in(part.get("header"))
    return Received(status_in(part), headers, _body(part, headers))


def _body(part: Part, headers: dict[str, str]) -> bytes:
    packed = part.get("body_base64")
    return unpacked_body(base64(packed, "body_base64") if packed else content(part.get("body")), headers)
