"""What is recorded is scrubbed wherever it stands, and a request still matches its recording with another key."""

from __future__ import annotations

import json

import pytest

from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers, StreamEvent
from pytest_llmcontract.recordings.scrub import scrubbed_reply, scrubbed_request

LETTERS = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
KEY = "gsk_" + LETTERS
ORG = "org_01hs26sgxde6dva0eke39336sv"
URL = "https://api.groq.com/openai/v1/chat/completions"


def sent(body=b"", url=URL, **headers):
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return ApiRequest("POST", url, Headers(fields), body if isinstance(body, bytes) else json.dumps(body).encode())


def everything(message):
    """All that is left of a request or reply."""
    events = getattr(message, "events", None) or ()
    content = message.body + b"".join(event.data for event in events)
    return repr(dict(message.headers)) + content.decode() + getattr(message, "url", "")


@pytest.mark.parametrize("key", [KEY, "tgp_v1_" + LETTERS, "sk-ant-api03-" + LETTERS, "hf_" + LETTERS])
def test_a_key_is_scrubbed_wherever_it_stands(key):
    arguments = json.dumps({"api_key": key})
    call = {"messages": [{"tool_calls": [{"function": {"arguments": arguments}}]}], "tools": [{"headers": {"a": key}}]}
    request = sent(call, f"{URL}?api_key={key}&x={key}", authorization=f"Bearer {key}", cookie="a=1", x_own=key)
    error = ApiReply(401, {"x-told": key}, json.dumps({"error": {"message": f"Incorrect key: {key}."}}).encode())
    stream = ApiReply(200, {}, events=(StreamEvent(f"data: {key}\\n{key}\n\n".encode()),))

    scrubbed = [scrubbed_request(request), scrubbed_reply(error), scrubbed_reply(stream)]

    assert not any(LETTERS in everything(message) for message in scrubbed)
    assert scrubbed[0].url == f"{URL}?api_key=***&x=***"
    assert scrubbed[0].headers["authorization"] == "Bearer ***"


def test_cookies_and_the_ids_of_accounts():
    text = f"Rate limit reached in organization `{ORG}` service tier"
    reply = ApiReply(429, {"Set-Cookie": "__cf_bm=x", "OpenAI-Organization": "acme", "x-org": ORG}, text.encode())

    scrubbed = scrubbed_reply(reply)

    assert scrubbed.body == b"Rate limit reached in organization `org_***` service tier"
    assert dict(scrubbed.headers) == {"Set-Cookie": "***", "OpenAI-Organization": "***", "x-org": "org_***"}


def test_the_address_of_a_user():
    body = (
        b'{"user" : "ada@example.org", "messages": [{"role": "user", "content": "Mail \\"user\\": bob@example.org"}]}'
    )

    scrubbed = scrubbed_request(sent(body))

    assert scrubbed.body == body.replace(b"ada@example.org", b"user@example.invalid")


def test_another_key_another_organisation_the_same_recording():
    def of(key, organisation):
        return scrubbed_request(sent({"tools": [{"token": key, "in": organisation}]}, authorization=f"Bearer {key}"))

    assert of(KEY, ORG) == of("gsk_" + LETTERS[::-1], "org_01hzzzzzzzzzzzzzzzzzzzzzz1")


def test_scrubbing_twice_changes_nothing_more():
    once = scrubbed_request(sent({"user": "ada@example.org", "key": KEY, "org": ORG}, f"{URL}?token={KEY}"))

    assert scrubbed_request(once) == once


def test_what_holds_no_secret_comes_out_byte_for_byte():
    picture = bytes(range(256)) * 9
    reply = ApiReply(200, {"date": "now", "x-request-id": "req_01k58rzkhjefmbxzpbyr0fjnps"}, picture)

    assert scrubbed_reply(reply) == reply
    assert scrubbed_request(sent(picture)).body == picture
