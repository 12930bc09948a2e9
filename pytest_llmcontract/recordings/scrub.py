"""What is recorded is scrubbed: credentials wherever they stand, ids of accounts, addresses of users.

Everything of a kind becomes the same text. So what is left reveals nothing, not even to somebody who guesses; and a
request still matches its recording when it is sent again with another key, if it is scrubbed before it is compared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers, masked
from pytest_llmcontract.core.secrets import MASK, without_query_secrets, without_secrets

USER = "user@example.invalid"

SECRET_REPLY_HEADERS = frozenset({"set-cookie", "www-authenticate", "x-api-key"})
ACCOUNT_HEADERS = frozenset({"openai-organization", "openai-project", "x-groq-organization", "x-organization-id"})
"""Headers, of either direction, whose value is the id of an account whatever its shape."""

_USER = re.compile(r'("user"\s*:\s*")([^"\\@]+@[^"\\@]+)(")')


def scrubbed_request(request: ApiRequest) -> ApiRequest:
    """*request* as it may be recorded, and as a recorded one is compared with it."""
    return replace(
        request,
        url=scrubbed_url(request.url),
        headers=Headers(_headers(masked(request.headers))),
        body=scrubbed_body(request.body),
    )


def scrubbed_reply(reply: ApiReply) -> ApiReply:
    """*reply* as it may be recorded."""
    headers = {name: MASK if name.lower() in SECRET_REPLY_HEADERS else value for name, value in reply.headers.items()}
    events = reply.events
    if events is not None:
        events = tuple(replace(event, data=scrubbed_body(event.data)) for event in events)
    return replace(reply, headers=_headers(headers), body=scrubbed_body(reply.body), events=events)


def scrubbed_url(url: str) -> str:
    return without_query_secrets(without_secrets(url))


def scrubbed_body(body: bytes) -> bytes:
    """*body* without secrets; what is no text comes out as it was, byte for byte."""
    text = body.decode("latin-1")  # a letter a byte: shapes and addresses are ASCII, and everything else survives
    clean = _USER.sub(rf"\g<1>{USER}\g<3>", without_secrets(text))
    return body if clean == text else clean.encode("latin-1")


def user_address(text: str) -> re.Match[str] | None:
    """The first e-mail address under ``user`` in a JSON *text*, if it is somebody's."""
    return next(
        (found for found in _USER.finditer(text) if not found[2].endswith((".invalid", ".example", "@example.com"))),
        None,
    )


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: MASK if name.lower() in ACCOUNT_HEADERS else without_secrets(value) for name, value in headers.items()
    }
