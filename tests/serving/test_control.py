"""The control API: what it does, what it says of itself, and what it refuses."""

from __future__ import annotations

import contextlib

import groq
import httpx
import jsonschema
import pytest
from openapi_spec_validator import validate

from pytest_llmcontract.serving.control import CONTROLS, openapi

GROQ = "openai/gpt-oss-120b"
HELLO = [{"role": "user", "content": "Hello"}]


def ask(server, test):
    with groq.Groq(base_url=f"{server.url}/t/{test}", api_key="x", max_retries=0) as client:
        return client.chat.completions.create(model=GROQ, messages=HELLO).choices[0].message.content


def test_its_document_is_one_of_openapi(server):
    document = server.control("/openapi.json")
    validate(document)
    assert document == openapi()


GOOD = {
    "/reply": {"provider": "groq", "content": "x", "when": {"model": GROQ}, "times": None},
    "/fail": {"provider": "groq", "error": 503, "retry_after": 3},
    "/outage": {"provider": "groq", "seconds": 60},
    "/latency": {"provider": "groq", "first_token": 1},
    "/cut_stream": {"provider": "groq", "after": 1},
    "/chaos": {"provider": "groq", "rate": 0.5, "seed": 3},
    "/exhaust": {"provider": "groq", "limit": "TPD"},
    "/use": {"provider": "groq", "limit": "TPD", "amount": 1000},
    "/capacity": {"provider": "groq", "flex": False},
    "/clock": {"minutes": 5},
    "/account": {"provider": "groq", "do": "upgrade"},
    "/reset": {},
}


@pytest.mark.parametrize("control", [one for one in CONTROLS if one.method == "POST"], ids=lambda one: one.path)
def test_what_the_document_says_is_taken_is_taken_and_nothing_else(server, control):
    schema = openapi()["paths"][f"/_llmcontract{control.path}"]["post"]["requestBody"]["content"]["application/json"]
    jsonschema.validate(GOOD[control.path], schema["schema"])
    assert isinstance(server.control(control.path, GOOD[control.path], test=f"doc{control.path}"), dict)
    status, message = server.control(control.path, {**GOOD[control.path], "nonsense": 1}, test="doc")
    assert status == 400
    assert "nonsense" in message


def test_the_account_does_what_a_test_can_do_with_it(server):
    about = server.control("/account", {"provider": "groq", "do": "upgrade"}, test="account")
    assert about["plan"] == "developer"
    about = server.control("/account", {"provider": "groq", "do": "charge", "args": ["12.50"]}, test="account")
    assert float(about["spent"]) == 12.5
    assert "charge" in [event["what"] for event in about["events"]]


def test_time_moves_when_it_is_told_to(server):
    server.control("/fail", {"provider": "groq", "error": "rate_limit_exceeded", "retry_after": 30}, test="time")
    with pytest.raises(groq.RateLimitError):
        ask(server, "time")
    assert server.control("/clock", {"seconds": 30}, test="time")["elapsed"] == 30
    moved = server.control("/clock", {"to": "2027-01-01T00:00:00+00:00"}, test="time")
    assert moved["now"] == "2027-01-01T00:00:00+00:00"


def test_a_script_is_named_as_python_would_write_it(server):
    said = server.control("/reply", {"provider": "groq", "content": "We meet at noon."}, test="named")
    assert said == {"script": "groq_api.reply('We meet at noon.')", "times": 1}


def test_a_script_that_nothing_used_is_a_finding(server):
    server.control("/reply", {"provider": "groq", "content": "never"}, test="unused")
    assert [finding["code"] for finding in server.control("/findings", test="unused")] == ["LLM207"]


@pytest.mark.parametrize(
    ("given", "ending"),
    [
        ({"at_byte": 7}, b"data: {"),
        ({"at_byte": 7, "how": "truncate"}, b"data: {"),
        (
            {"at_byte": 7, "how": "error_event", "body": {"error": "gone"}},
            b'data: {event: error\ndata: {"error":"gone"}\n\n',
        ),
        ({"after": 0, "how": "error_event", "body": "upstream gone"}, b"event: error\ndata: upstream gone\n\n"),
        ({"after": 0, "how": "error_event", "error": "stream_tool_call_invalid"}, b"tool call validation failed"),
    ],
)
def test_a_stream_is_cut_in_all_ways_that_python_has(server, given, ending):
    scope = f"cut-{len(given)}-{len(ending)}"
    server.control("/cut_stream", {"provider": "groq", "times": 1, **given}, test=scope)
    body = {"model": GROQ, "messages": HELLO, "stream": True}
    got = b""
    with (
        contextlib.suppress(httpx.RemoteProtocolError),
        httpx.stream(
            "POST",
            f"{server.url}/t/{scope}/openai/v1/chat/completions",
            json=body,
            headers={"authorization": "Bearer x"},
        ) as reply,
    ):
        for piece in reply.iter_raw():
            got += piece
    assert ending in got
    assert len(got) < 500


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/reply", {"content": "x"}, "provider is missing; accepted: groq, together"),
        ("/reply", {"provider": "grok"}, "unknown provider 'grok'"),
        ("/fail", {"provider": "groq"}, "error is missing"),
        ("/fail", {"provider": "groq", "error": "gone_fishing"}, "gone_fishing"),
        ("/clock", {"seconds": -1}, "cannot go back in time"),
        ("/clock", {"to": "soon"}, "to: "),
        ("/account", {"provider": "groq", "do": "steal"}, "unknown act of the account 'steal'"),
        ("/account", {"provider": "groq", "do": "charge", "args": [-5]}, "-5"),
        ("/account", {"provider": "groq", "do": "charge", "with": {"sum": 5}}, "sum"),
        ("/capacity", {"provider": "groq", "batch_lines_per_hour": -1}, "accepted is a number above 0"),
        ("/exhaust", {"provider": "groq", "limit": "XYZ"}, "XYZ"),
        ("/reply", {"provider": ["groq"]}, "provider is ['groq']; accepted: string"),
        ("/reset", {"all": 1}, "all is 1; accepted: boolean"),
        ("/latency", {"provider": "groq", "first_token": "slow"}, "first_token"),
        ("/cut_stream", {"provider": "groq", "error": "over_capacity", "how": "error_event"}, "stream_tool_use_failed"),
        ("/cut_stream", {"provider": "groq", "body": "x"}, "accepted with how='error_event'"),
        ("/chaos", {"provider": "groq", "rate": 1, "errors": ["stream_tool_use_failed"]}, "accepted: cut_stream(how="),
        ("/outage", {"provider": "groq", "seconds": 1, "error": "stream_tool_use_failed"}, "within a stream"),
        ("/outage", {"provider": "groq", "seconds": 1e12}, "thirty years"),
        ("/account", {"provider": "groq", "do": "charge", "args": [[]]}, "charge"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(server, path, body, message):
    status, said = server.control(path, body, test="wrong")
    assert status == 400
    assert message in said


def test_what_there_is_not_says_what_there_is(server):
    status, said = server.control("/nothing", {})
    assert status == 404
    assert "POST /reply" in said


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_object_is_refused(server, body):
    reply = httpx.post(f"{server.url}/_llmcontract/reply", content=body)
    assert reply.status_code == 400
