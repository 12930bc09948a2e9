"""Two requests mean the same, or not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import ApiRequest, Headers
from pytest_llmcontract.recordings.match import Tolerance, address_of, meaning

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.5}
URL = "https://api.groq.com/openai/v1/chat/completions"
TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}


def called(arguments: str) -> dict[str, Any]:
    call = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": arguments}}
    return {**CHAT, "messages": [{"role": "assistant", "tool_calls": [call]}]}


def request(body: Any, url: str = URL, **headers: str) -> ApiRequest:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ApiRequest("POST", url, Headers({name.replace("_", "-"): value for name, value in headers.items()}), data)


def key(body: Any, *, url: str = URL, tolerance: Tolerance | None = None, **headers: str) -> str:
    asked = request(body, url, **headers)
    return meaning(asked, address_of(asked), tolerance or Tolerance()).key


SAME = {
    "order of keys": dict(reversed(CHAT.items())),
    "white space": json.dumps(CHAT, indent=4).encode(),
    "escapes": json.dumps(CHAT).replace("hi", "\\u0068i").encode(),
    "nulls": {**CHAT, "stop": None, "tools": None, "seed": None},
    "nulls further down": {**CHAT, "messages": [{**CHAT["messages"][0], "name": None}]},
    "stream": {**CHAT, "stream": False},
    "stream_options": {**CHAT, "stream_options": {"include_usage": True}},
    "n": {**CHAT, "n": 1},
    "no tools": {**CHAT, "tools": []},
    "tier": {**CHAT, "service_tier": "on_demand"},
}
OTHER = {
    "model": {**CHAT, "model": "other"},
    "message": {**CHAT, "messages": [{"role": "user", "content": "ho"}]},
    "role": {**CHAT, "messages": [{"role": "system", "content": "hi"}]},
    "one message more": {**CHAT, "messages": CHAT["messages"] * 2},
    "temperature": {**CHAT, "temperature": 0.6},
    "stream": {**CHAT, "stream": True},
    "tools": {**CHAT, "tools": [TOOL]},
    "tool_choice": {**CHAT, "tool_choice": "none"},
    "format": {**CHAT, "response_format": {"type": "json_object"}},
    "n": {**CHAT, "n": 2},
    "true is not one": {**CHAT, "n": True},
    "tier": {**CHAT, "service_tier": "flex"},
}


@pytest.mark.parametrize("body", SAME.values(), ids=SAME)
def test_what_does_not_matter(body):
    assert key(body) == key(CHAT)


@pytest.mark.parametrize("body", OTHER.values(), ids=OTHER)
def test_what_does_matter(body):
    assert key(body) != key(CHAT)


def test_whole_numbers_are_the_same_however_they_are_written():
    assert key({**CHAT, "temperature": 1}) == key({**CHAT, "temperature": 1.0})


def test_arguments_of_a_tool_call_are_compared_as_the_json_they_hold():
    assert key(called('{"a":1,"b":2}')) == key(called('{ "b": 2, "a": 1 }'))
    assert key(called('{"a":1}')) != key(called('{"a":2}'))
    assert key(called("no json")) != key(called("nor this"))


def test_headers_and_hosts_of_one_provider_do_not_matter():
    xyz, ai = (f"https://{host}/v1/chat/completions" for host in ("api.together.xyz", "api-inference.together.ai"))

    assert key(CHAT, url=xyz, user_agent="a/1") == key(CHAT, url=ai, x_stainless_retry_count="2")
    assert key(CHAT, url=xyz) != key(CHAT)


def test_behind_a_gateway_the_path_tells_the_provider():
    assert key(CHAT, url="http://127.0.0.1:8080/openai/v1/chat/completions") == key(CHAT)


def test_operations_and_what_their_path_names_differ():
    models = "https://api.groq.com/openai/v1/models"

    assert key(b"", url=f"{models}/a") != key(b"", url=f"{models}/b") != key(b"", url=models)
    assert key(b"", url=f"{models}?limit=1") != key(b"", url=f"{models}?limit=2")


def form(boundary: str, sound: bytes, name: str = "a.wav") -> tuple[bytes, str]:
    parts = (
        b'name="model"\r\n\r\nwhisper-large-v3',
        b'name="file"; filename="' + name.encode() + b'"\r\nContent-Type: audio/wav\r\n\r\n' + sound,
    )
    body = b"".join(
        b"--" + boundary.encode() + b"\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts
    )
    return body + b"--" + boundary.encode() + b"--\r\n", f"multipart/form-data; boundary={boundary}"


def test_forms_are_compared_by_their_fields_and_what_is_in_their_files():
    url = "https://api.groq.com/openai/v1/audio/transcriptions"

    def of(*parts: Any) -> str:
        body, kind = form(*parts)
        return key(body, url=url, content_type=kind)

    assert of("aaa", b"sound") == of("bbb", b"sound", "b.wav")
    assert of("aaa", b"sound") != of("aaa", b"noise")


# What a test tolerates


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("temperature", {**CHAT, "temperature": 0.9}),
        ("seed", {**CHAT, "seed": 7}),
        ("$.temperature", {**CHAT, "temperature": 0.9}),
        ("$.messages[*].content", {**CHAT, "messages": [{"role": "user", "content": "ho"}]}),
        ("$.messages[0].content", {**CHAT, "messages": [{"role": "user", "content": "ho"}]}),
        ("$.messages[0]", {**CHAT, "messages": [{"role": "system", "content": "ho"}]}),
        ("$.messages", {**CHAT, "messages": []}),
        ("$..content", {**CHAT, "messages": [{"role": "user", "content": "ho"}]}),
    ],
)
def test_an_ignored_place_is_not_compared(path, body):
    tolerant = Tolerance([path])

    assert key(body) != key(CHAT)
    assert key(body, tolerance=tolerant) == key(CHAT, tolerance=tolerant)
    assert key({**CHAT, "model": "other"}, tolerance=tolerant) != key(CHAT, tolerance=tolerant)


def test_an_ignored_element_leaves_the_others_in_their_places():
    tolerant = Tolerance(["$.messages[0]"])
    longer = {**CHAT, "messages": [{"role": "system", "content": "x"}, *CHAT["messages"]]}

    assert key(longer, tolerance=tolerant) != key(CHAT, tolerance=tolerant)


def test_texts_are_compared_as_they_are_normalised():
    days = [
        {**CHAT, "messages": [{"role": "user", "content": f"Today is {day}."}]} for day in ("2026-01-02", "2026-03-04")
    ]
    by_pattern = Tolerance(normalise={r"\d{4}-\d\d-\d\d": "DAY"})
    by_function = Tolerance(normalise=lambda body: {**body, "messages": len(body["messages"])})

    assert key(days[0]) != key(days[1])
    assert key(days[0], tolerance=by_pattern) == key(days[1], tolerance=by_pattern)
    assert key(days[0], tolerance=by_function) == key(days[1], tolerance=by_function)


def test_tolerance_leaves_the_request_itself_alone():
    asked = request(CHAT)

    meaning(asked, address_of(asked), Tolerance(["$.messages"], lambda body: body.clear() or body))

    assert asked.json == CHAT


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"ignore": ["$.messages[*"]},
            r"ignore: '\$.messages\[\*' is no path; accepted is a field's name, \"seed\", or a",
        ),
        ({"ignore": ["messages[0]"]}, "is no path"),
        ({"ignore": [""]}, "is no path"),
        ({"ignore": [3]}, "ignore: 3 is no path"),
        ({"ignore": "seed"}, r"ignore='seed': accepted is a list of them, such as \['seed'\]"),
        ({"normalise": {"(": "x"}}, r"normalise: '\(' is no regular expression: missing \)"),
        ({"normalise": ["x"]}, r"normalise=\['x'\]: accepted is \{regular expression: replacement\}, or a function"),
    ],
)
def test_what_is_not_understood_is_said(settings, words):
    with pytest.raises(BadInput, match=words):
        Tolerance(**settings)
