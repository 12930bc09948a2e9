"""What is wrong with a cassette: each code once where it should be found, and not where it should not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from pytest_llmcontract import simulate
from pytest_llmcontract.core.age import USUAL
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers, StreamEvent, masked
from pytest_llmcontract.recordings.cassette import Cassette, Interaction, Metadata
from pytest_llmcontract.recordings.judge import judge

GROQ = "https://api.groq.com/openai/v1"
TOGETHER = "https://api.together.xyz/v1"
TODAY = date(2026, 10, 10)
KEY = "gsk_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
USER = {"role": "user", "content": "Name a fruit."}
MODEL = "openai/gpt-oss-120b"


def answered(provider, body, **reply):
    """What the simulation answers, as a recording of 2026-10-05."""
    import httpx

    with simulate(provider, edition="2026-10-01" if provider == "groq" else None, check=False) as api:
        if reply:
            api.reply(**reply)
        url = GROQ if provider == "groq" else TOGETHER
        httpx.post(f"{url}/chat/completions", json=body, headers={"authorization": "Bearer x"})
    [call] = api.calls
    return replace(call.reply, headers=Headers({**call.reply.headers, "date": "Mon, 05 Oct 2026 12:00:00 GMT"}))


def chat(**fields):
    return {"model": MODEL, "messages": [USER], **fields}


def exchange(body=None, reply=None, *, url=f"{GROQ}/chat/completions", day="Mon, 05 Oct 2026 12:00:00 GMT", **headers):
    """A request and its reply; *reply* is a body, a status or an :class:`ApiReply`."""
    content = body if isinstance(body, bytes) else json.dumps(chat() if body is None else body).encode()
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    if not isinstance(reply, ApiReply):
        status = reply if isinstance(reply, int) else 200
        text = reply if isinstance(reply, bytes) else b""
        reply = ApiReply(status, Headers({"date": day}), text)
    request = ApiRequest("POST", url, masked(fields), content)
    return Interaction(0, request, reply, recorded_headers=(fields, dict(reply.headers)))


def judged(*exchanges, metadata=None, **options):
    interactions = tuple(replace(one, index=index) for index, one in enumerate(exchanges))
    return judge(Cassette(Path("x.yaml"), interactions, metadata), today=TODAY, **options)


def codes(*exchanges, **options):
    return [(found.code, found.severity) for found in judged(*exchanges, **options).violations]


# What is right


@pytest.mark.parametrize("provider", ["groq", "together"])
@pytest.mark.parametrize(
    "fields",
    [{}, {"stream": True}, {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}, {"n": 9}],
    ids=["whole", "stream", "tools", "refused"],
)
def test_what_the_simulation_answers_fits_its_contract(provider, fields):
    body = chat(**fields)

    found = judged(
        exchange(body, answered(provider, body), url=f"{GROQ if provider == 'groq' else TOGETHER}/chat/completions")
    )

    assert found.checked == 1
    assert not any(violation.code == "LLM201" for violation in found.violations)
    assert found.violations == [] or "n" in fields


# The request


@pytest.mark.parametrize(
    ("body", "code", "path", "answer"),
    [
        (chat(logprobs=True), "LLM101", "$.logprobs", "answers 400 bad_request"),
        (chat(temprature=1), "LLM101", "$.temprature", "answers 400 unsupported_property"),
        (chat(temperature="hot"), "LLM102", "$.temperature", "answers 400 bad_request"),
        ({"model": MODEL}, "LLM102", "$.messages", "answers 400 bad_request"),
    ],
)
def test_a_request_is_held_to_the_contract_whatever_was_answered(body, code, path, answer):
    for status in (200, 400):
        [found] = judged(exchange(body, status)).violations

        assert (found.code, found.path, found.answer, found.severity) == (code, path, answer, "error")
        assert found.message.startswith("groq chat.completions: $.")
        assert (found.site, found.call) == ("x.yaml:1", 0)


def test_a_request_is_held_to_the_contract_of_its_own_day():
    parts = exchange(chat(messages=[{"role": "assistant", "content": "x", "reasoning": "y"}, USER]), 400)

    assert codes(replace(parts, reply=ApiReply(400, {"date": "Mon, 05 May 2025 12:00:00 GMT"}))) != []
    assert codes(parts) == []


def test_an_edition_may_be_told():
    accepted_since = exchange(chat(model="llama-3.3-70b-versatile"), day="Fri, 05 Dec 2025 12:00:00 GMT")

    assert codes(accepted_since, edition=date(2026, 10, 1)) == [("LLM104", "warning"), ("LLM203", "warning")]


def test_what_no_day_is_known_of_is_held_to_every_edition():
    then_only = chat(messages=[{"role": "assistant", "content": "x", "reasoning": "y"}, USER])

    assert codes(exchange(then_only, day="")) == []
    assert codes(exchange(chat(temprature=1), day="")) == [("LLM101", "error")]


@pytest.mark.parametrize("body", [b"", b"REDACTED", b"**FILTERED BODY**", b"x"])
def test_a_body_that_was_left_out_is_not_judged(body):
    assert codes(exchange(body)) == []


def test_a_body_that_is_no_json_is():
    assert codes(exchange(b'{"model": "x", "messages": [')) == [("LLM102", "error")]


@pytest.mark.parametrize(
    ("model", "status", "found"),
    [
        ("llama-99b", 404, ("LLM103", "error")),
        ("llama-99b", 200, ("LLM103", "warning")),
        ("llama3-8b-8192", 400, ("LLM104", "error")),
        ("llama3-8b-8192", 200, ("LLM104", "warning")),
        ("whisper-large-v3", 400, ("LLM102", "error")),
    ],
)
def test_the_model_is_that_of_its_day_and_a_success_knows_better(model, status, found):
    assert codes(exchange(chat(model=model), status)) == [found]


def test_a_model_that_answered_has_shown_what_it_can_do():
    """That llama-3.1-8b reads no pictures is a fact of ours; an answer to one knows better, but not of another day."""
    picture = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}
    asked = chat(model="llama-3.1-8b-instant", messages=[picture])
    day = "Fri, 05 Jun 2026 12:00:00 GMT"

    assert codes(exchange(asked, 400, day=day)) == [("LLM102", "error")]
    assert codes(exchange(asked, 200, day=day)) == []
    assert codes(exchange(asked, 200, day=day), edition=date(2026, 6, 4)) == [("LLM102", "error")]
    assert codes(exchange(asked, 200, day=day), metadata=Metadata(source="live", scripted=(0,))) == [
        ("LLM102", "error")
    ]


@pytest.mark.parametrize("model", ["llama-99b", "llama3-8b-8192"])
@pytest.mark.parametrize(("status", "severity"), [(400, "error"), (403, "error"), (429, "warning"), (503, "warning")])
def test_a_refusal_that_may_come_before_the_model_says_little_of_it(model, status, severity):
    assert [severity for code, severity in codes(exchange(chat(model=model), status)) if code != "LLM203"] == [severity]


@pytest.mark.parametrize("model", ["llama-99b", "llama3-8b-8192"])
def test_a_401_says_nothing_of_the_model(model):
    assert codes(exchange(chat(model=model), 401)) == []
    assert codes(exchange(chat(model=model), 401, day="")) == []


THOUGHT = chat(model="llama-3.1-8b-instant", messages=[{"role": "assistant", "content": "x", "reasoning": "y"}, USER])
"""Accepted from August 2025 on."""


def test_what_only_a_date_makes_wrong_is_a_warning_where_the_date_is_a_guess():
    dated = exchange(chat(), 400, day="Mon, 05 May 2025 12:00:00 GMT")
    guessed = exchange(THOUGHT, 400, day="")

    found = judged(dated, guessed).violations

    assert [(one.code, one.severity) for one in found if one.call == 1] == [("LLM101", "warning")]
    wrong = exchange({**THOUGHT, "temprature": 1}, 400, day="")
    found = judged(dated, wrong).violations
    assert sorted((one.path, one.severity) for one in found if one.call == 1) == [
        ("$.messages[0].reasoning", "warning"),
        ("$.temprature", "error"),
    ]


def test_a_model_that_only_a_guessed_day_makes_retired_is_a_warning():
    dated = exchange(chat())
    guessed = exchange(chat(model="llama3-8b-8192"), 400, day="")

    found = judged(dated, guessed).violations

    assert [(one.code, one.severity) for one in found if one.call == 1] == [("LLM104", "warning")]


def test_what_is_older_than_the_first_edition_is_counted_apart_and_judged_with_care():
    old = exchange(THOUGHT, 400, day="Mon, 05 Jun 2023 12:00:00 GMT")
    new = exchange(THOUGHT, 400, day="Mon, 05 May 2025 12:00:00 GMT")

    found = judged(old, new)

    assert (found.checked, found.older) == (2, 1)
    assert [(one.call, one.severity) for one in found.violations if one.code == "LLM101"] == [
        (0, "warning"),
        (1, "error"),
    ]


def test_a_model_that_was_there_then():
    assert codes(exchange(chat(model="llama3-8b-8192"), day="Mon, 05 May 2025 12:00:00 GMT"))[:-1] == []
    assert codes(exchange(chat(model="llama3-8b-8192"), day="")) == []


@pytest.mark.parametrize(
    ("url", "status", "found"),
    [
        ("https://api.groq.com/v1/chat/completions", 404, True),
        ("https://api.groq.com/v1/chat/completions", 200, True),
        ("https://api.groq.com/openai/v1/nothing", 404, True),
        ("https://api.groq.com/openai/v1/nothing", 200, False),
        ("https://api.together.ai/shrt/abc", 200, False),
    ],
)
def test_an_address_is_wrong_where_the_provider_says_so_or_it_ends_like_a_right_one(url, status, found):
    [*violations] = judged(exchange(b"", status, url=url)).violations

    assert [violation.code for violation in violations] == ["LLM105"] * found
    if "chat" in url:
        assert violations[0].fix == "use /openai/v1/chat/completions"


def test_other_hosts_are_counted_and_a_gateway_can_be_told():
    gateway = exchange(chat(temprature=1), url="https://llm.example.org/proxy/chat/completions")
    other = exchange(b"{}", url="https://example.org/weather")

    found = judged(gateway, other)
    assert (found.checked, found.elsewhere, found.violations) == (0, 2, [])
    found = judged(gateway, other, provider="groq")
    assert (found.checked, found.elsewhere) == (1, 1)
    assert [(violation.code, violation.operation) for violation in found.violations] == [("LLM101", "chat.completions")]


# The reply


def test_a_reply_that_does_not_fit():
    reply = answered("groq", chat())
    broken = reply.json
    broken["choices"][0]["message"]["role"] = 7
    del broken["usage"]

    found = judged(exchange(reply=replace(reply, body=json.dumps(broken).encode()))).violations

    assert sorted((violation.code, violation.path) for violation in found) == [
        ("LLM201", "$.choices[0].message.role"),
        ("LLM201", "$.usage"),
    ]


def test_an_event_that_does_not_fit():
    reply = answered("groq", chat(stream=True))
    events = [event.data for event in reply.events]
    events[1] = events[1].replace(b'"choices"', b'"chioces"')

    found = judged(exchange(reply=replace(reply, events=tuple(map(StreamEvent, events))))).violations

    assert {violation.code for violation in found} == {"LLM201"}
    assert all(violation.path.startswith("$[1].") for violation in found)


def test_a_stream_torn_in_the_middle_of_an_event():
    reply = answered("groq", chat(stream=True))
    events = (*reply.events[:2], StreamEvent(b'data: {"id":"cha'))

    [found] = judged(exchange(reply=replace(reply, events=events))).violations

    assert (found.code, found.message) == ("LLM201", "groq chat.completions: event 2 of the stream is no JSON")


@pytest.mark.parametrize(
    ("text", "found"), [("{half", True), ("<html>", True), ("", False), ("null", False), ("REDACTED", False)]
)
def test_a_reply_that_calls_itself_json(text, found):
    headers = {"content-type": "application/json", "date": "Mon, 05 Oct 2026 12:00:00 GMT"}

    violations = judged(exchange(reply=ApiReply(200, headers, text.encode()))).violations

    assert [violation.code for violation in violations] == ["LLM201"] * found


def test_what_a_script_answered_no_provider_promised():
    broken = exchange(reply=b'{"id": 7}')

    assert ("LLM201", "error") in codes(broken)
    assert codes(broken, metadata=Metadata(scripted=(0,))) == []


# Secrets


@pytest.mark.parametrize(
    ("read", "message", "severity"),
    [
        (exchange(authorization=f"Bearer {KEY}"), "request header authorization holds a credential", "error"),
        (exchange(x_own=KEY), "request header x-own holds a Groq key", "error"),
        (
            exchange(authorization="Bearer aZ19bYx8cW7dV6eU5fT4"),
            "request header authorization holds a credential",
            "error",
        ),
        (exchange(cookie="__cf_bm=aZ19bYx8cW7dV6eU5fT4"), "request header cookie holds a session cookie", "warning"),
        (exchange(url=f"{GROQ}/chat/completions?key=aZ19bYx8cW7dV6eU5"), "request URL holds a credential", "error"),
        (exchange(chat(user=KEY)), "request body holds a Groq key", "error"),
        (exchange(chat(user="ada@example.org")), "request body holds an e-mail address in user", "warning"),
        (
            exchange(reply=ApiReply(502, {"date": "Mon, 05 Oct 2026 12:00:00 GMT"}, f"Bad key {KEY}".encode())),
            "response body holds a Groq key",
            "error",
        ),
        (
            exchange(
                reply=ApiReply(502, {"date": "Mon, 05 Oct 2026 12:00:00 GMT"}, b"in org_01hs26sgxde6dva0eke39336sv")
            ),
            "response body holds an organisation id",
            "warning",
        ),
        (
            exchange(
                reply=ApiReply(502, {"date": "Mon, 05 Oct 2026 12:00:00 GMT", "set-cookie": "a=aZ19bYx8cW7dV6eU5fT4"})
            ),
            "response header set-cookie holds a session cookie",
            "warning",
        ),
        (
            exchange(openai_organization="org-acme-0123456789"),
            "request header openai-organization holds the id",
            "warning",
        ),
    ],
)
def test_a_secret_anywhere(read, message, severity):
    found = [violation for violation in judged(read).violations if violation.code == "LLM202"]

    assert (found[0].severity, found[0].message[: len(message)]) == (severity, message)
    assert not any(KEY in repr(violation) or "aZ19" in repr(violation) for violation in found)


def test_a_secret_is_one_wherever_it_was_sent():
    elsewhere = exchange(b"{}", url="https://example.org/weather", x_api_key="aZ19bYx8cW7dV6eU5fT4")

    assert codes(elsewhere) == [("LLM202", "error")]


@pytest.mark.parametrize("value", ["Bearer ***", "Bearer REDACTED", "Bearer test-key-0123456789abc", "DUMMY"])
def test_a_placeholder_is_no_secret(value):
    assert codes(exchange(authorization=value, cookie=value, openai_organization=value)) == []


def test_the_same_secret_in_one_place_is_told_once():
    assert codes(exchange(chat(user=KEY, metadata={"a": KEY}))).count(("LLM202", "error")) == 1


# Age


@pytest.mark.parametrize(("age", "stale"), [(USUAL - 1, False), (USUAL, True), (900, True)])
def test_a_recording_is_stale_from_half_a_year_on(age, stale):
    old = replace(exchange(b""), reply=ApiReply(200, {"date": f"{TODAY - timedelta(age):%a, %d %b %Y} 12:00:00 GMT"}))

    violations = judged(exchange(b""), old).violations

    assert [violation.code for violation in violations] == ["LLM203"] * stale
    if stale:
        assert violations[0].message == f"recorded {age} days ago, on {TODAY - timedelta(age)}"
        assert (violations[0].call, violations[0].severity) == (1, "warning")


def test_what_nobody_knows_the_day_of_is_not_stale():
    assert codes(exchange(b"", day="")) == []
    assert codes() == []
