"""WireMock's mappings, as far as they are plain.

A mapping describes which requests are answered, not one that was sent: read are an address, a method and a body that
must be equal. It seldom names a host: ``--provider`` says whose address it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    parsed,
    status_in,
    unpacked_body,
)


def is_mapping(document: Any) -> bool:
    """Whether it is one mapping: its request has an address as WireMock has them, without a host or as a pattern."""
    request = document.get("request") if isinstance(document, Mapping) else None
    if not isinstance(request, Mapping) or not isinstance(document.get("response"), Mapping):
        return False
    return bool(_PATTERNS & request.keys()) or str(request.get("url", "")).startswith("/")


_PATTERNS = {"urlPath", "urlPattern", "urlPathPattern", "urlPathTemplate", "bodyPatterns", "queryParameters"}


def sent(part: Part) -> Sent:
    headers = _plain_headers(part.get("headers"))
    body = content(None)
    for pattern in part.get("bodyPatterns") or ():
        body = _required_body(pattern)
    method = str(part.get("method") or "ANY").upper()
    if method == "ANY":
        raise NotKept("the method is any, not one that was used")
    return Sent(method, _mapped_url(part), headers, unpacked_body(body, headers))


def received(part: Part) -> Received:
    headers = headers_in(part.get("headers"))
    if "bodyFileName" in part:
        raise NotKept("the body is in another file, under 'bodyFileName'")
    if "proxyBaseUrl" in part or "fault" in part:
        raise NotKept("there is no response, but a proxy or a fault")
    if "jsonBody" in part:
        body = parsed(part["jsonBody"])
    else:
        body = base64(part["base64Body"], "base64Body") if "base64Body" in part else content(part.get("body"))
    return Received(status_in(part), headers, unpacked_body(body, headers))


def _mapped_url(part: Part) -> str:
    address = part.get("url", part.get("urlPath"))
    if not isinstance(address, str):
        raise NotKept("the address is a pattern, not one that was called")
    host = _equal_to(part.get("host"))
    if host and address.startswith("/"):
        scheme = part.get("scheme") or "https"
        address = f"{scheme}://{host}{address}"
    return checked_url(address)


def _plain_headers(part: Any) -> dict[str, str]:
    matchers = part if isinstance(part, Mapping) else {}
    return headers_in({name: plain for name, rule in matchers.items() if (plain := _equal_to(rule)) is not None})


def _equal_to(rule: Any) -> str | None:
    value = rule.get("equalTo") if isinstance(rule, Mapping) else rule
    return value if isinstance(value, str) else None


def _required_body(pattern: Any) -> Content:
    rule = pattern if isinstance(pattern, Mapping) else {}
    if "equalToJson" in rule:
        return content(rule["equalToJson"]) if isinstance(rule["equalToJson"], str) else parsed(rule["equalToJson"])
    if "equalTo" in rule:
        return content(rule["equalTo"])
    if "binaryEqualTo" in rule:
        return base64(rule["binaryEqualTo"], "binaryEqualTo")
    raise NotKept(f"the body is a pattern, {next(iter(rule), 'nothing')!s:.40}: not one that was sent")
