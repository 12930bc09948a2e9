"""What the strategies draw is what the provider takes and sends: by our schemas, by the simulator, by the SDKs' types.

``LLMCONTRACT_EXAMPLES=1000 pytest tests/strategies`` draws so many of each operation.
"""

from __future__ import annotations

import fnmatch
import json
import subprocess
import sys

import groq
import httpx
import openai
import pytest
import together
from drawing import drawn
from hypothesis import given, settings
from sdk_types import (
    EVENTS,
    NEWEST,
    OPENAI_REPLIES,
    OPENAI_REQUESTS,
    PROVIDERS,
    REPLIES,
    REQUESTS,
    UNLIKE,
    WITHOUT,
    has_none,
    judge,
)

from pytest_llmcontract import BadInput, simulate
from pytest_llmcontract import strategies as llm
from pytest_llmcontract.core.contract.reply import reply_contract
from pytest_llmcontract.core.contract.request import operations_with_contract
from pytest_llmcontract.core.contract.schemas import schema_files
from pytest_llmcontract.core.facts.load import edition_dates, edition_on
from pytest_llmcontract.core.provider import contracts_of

ASKED = [(provider, operation) for provider in PROVIDERS for operation in operations_with_contract(provider)]
REPLIED = [
    (provider, name.removesuffix(".reply.json"))
    for provider in PROVIDERS
    for name in sorted(schema_files(provider))
    if name.endswith(".reply.json")
]
STREAMED = [
    ("groq", "chat.completions"),
    ("groq", "responses"),
    ("together", "chat.completions"),
    ("together", "completions"),
]
TYPES = ("sdk", "any")


def each(pairs):
    return pytest.mark.parametrize(("provider", "operation"), list(pairs))


def drawn_of(strategy, look):
    """Look at examples of *strategy*."""
    drawn(given(strategy)(look))()


def reasonings(events):
    """What the events of chat completions show of the model's thinking."""
    return [choice["delta"].get("reasoning") or "" for event in events for choice in event["choices"]]


def some(strategy):
    """Two hundred examples, drawn alike each time."""
    found = []
    settings(drawn, max_examples=200, derandomize=True)(given(strategy)(lambda one: found.append(one)))()
    return found


# By our own schemas


@each(ASKED)
@pytest.mark.parametrize("types", TYPES)
def test_requests_are_accepted_by_the_contract_and_fit_the_types_of_the_sdk(provider, operation, types):
    contract = contracts_of(provider, NEWEST[provider])[operation]
    models = edition_on(provider, NEWEST[provider]).models

    def look(body):
        file = body.get("file")
        sent = {**body, "file": file[0]} if isinstance(file, tuple) else body
        assert contract.check(sent, models.get(body.get("model"))) == ()
        if types == "sdk" and (provider, operation) in REQUESTS:
            judge(REQUESTS[provider, operation], body)

    drawn_of(llm.requests(provider, operation, types=types), look)


@each(REPLIED)
@pytest.mark.parametrize("types", TYPES)
def test_replies_are_what_the_provider_promises_and_fit_the_types_of_the_sdk(provider, operation, types):
    promised = reply_contract(provider, operation, NEWEST[provider])

    def look(body):
        assert promised.check(200, body) == ()
        assert json.loads(json.dumps(body)) == body
        if types == "sdk" and (provider, operation) in REPLIES:
            judge(REPLIES[provider, operation], body)

    drawn_of(llm.replies(provider, operation, types=types), look)


@each(STREAMED)
@pytest.mark.parametrize("tools", [(), ("weather", "hour")], ids=["text", "tools"])
def test_whole_streams_are_what_the_provider_promises_and_fit_the_types_of_the_sdk(provider, operation, tools):
    promised = reply_contract(provider, operation, NEWEST[provider])
    if tools and operation == "completions":
        pytest.skip("it takes no tools")

    def look(stream):
        events = events_of(stream.data)
        assert events
        assert promised.check_events(events) == ()
        assert stream.is_whole
        if (provider, operation) not in UNLIKE:
            for event in events:
                judge(EVENTS[provider, operation], event)

    drawn_of(llm.streams(provider, operation, tools=tools, cut=False), look)


def events_of(data):
    """The events of a stream that carry JSON."""
    return [json.loads(line[6:]) for line in data.decode().split("\n") if line.startswith("data: {")]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_streams_have_tool_calls_reasoning_usage_and_error_events(provider):
    streams = some(llm.streams(provider, tools=["weather"]))
    whole = [stream for stream in streams if stream.cut is None]

    called = next(stream for stream in whole if stream.tool_calls)
    assert '"weather"' in called.data.decode()
    assert (called.finish_reason, called.pieces) == ("tool_calls", ())
    thought = next(stream for stream in whole if stream.reasoning and stream.reasoning.isascii())
    assert json.dumps(thought.reasoning)[1:-1] in "".join(reasonings(events_of(thought.data)))
    counted = next(stream for stream in whole if stream.usage)
    assert f'"prompt_tokens":{counted.usage["prompt_tokens"]}' in counted.data.decode()
    failed = {stream.cut.arguments["error"]: stream for stream in streams if stream.cut and stream.cut.method == "fail"}
    assert failed.keys() == {
        name for name, spec in edition_on(provider, NEWEST[provider]).errors.items() if spec.status < 400
    }
    assert all(
        "error" in events_of(stream.data)[-1]["choices"][0]
        if provider == "together"
        else "error" in events_of(stream.data)[-1]
        for stream in failed.values()
    )


def test_chunks_are_the_data_and_may_end_within_a_character():
    streams = some(llm.streams("groq"))

    assert all(b"".join(stream.chunks) == stream.data for stream in streams)
    assert any(_is_torn(stream.chunks[0]) for stream in streams if stream.chunks)


def _is_torn(chunk):
    try:
        chunk.decode()
    except UnicodeDecodeError:
        return True
    return False


def test_a_stream_prints_as_the_test_that_scripts_it():
    for stream in some(llm.streams("groq", tools=["weather"])):
        with simulate("groq", check=False) as api:
            exec(repr(stream), {"api": api})
            written = [script.part for script in api.simulator.state.scripts.live]
            api.reset()
            assert [script.part for script in stream.apply(api)] == written


@pytest.mark.parametrize("provider", PROVIDERS)
def test_errors_are_what_the_provider_promises(provider):
    promised = reply_contract(provider, "chat.completions", NEWEST[provider])

    def look(error):
        assert error.status >= 400
        assert error.headers["date"]
        if error.headers["content-type"].startswith("application/json"):
            assert promised.check(error.status, json.loads(error.body)) == ()

    drawn_of(llm.errors(provider), look)


# By the SDKs' types


@pytest.mark.parametrize(("table", "operations"), [(REQUESTS, ASKED), (REPLIES, REPLIED)])
def test_what_no_sdk_has_a_type_for_is_told_with_its_reason(table, operations):
    assert [pair for pair in operations if pair not in table and not has_none(*pair)] == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_reason_is_given_for_what_has_types(provider):
    without = {operation for whose, operation in {*ASKED, *REPLIED} if (whose, operation) not in {*REQUESTS, *REPLIES}}

    assert [pattern for pattern in WITHOUT[provider] if not fnmatch.filter(without, pattern)] == []


@each(OPENAI_REQUESTS)
def test_requests_fit_openais_types_too(provider, operation):
    drawn_of(
        llm.requests(provider, operation, types="openai"),
        lambda body: judge(OPENAI_REQUESTS[provider, operation], body),
    )


@each(OPENAI_REPLIES)
def test_replies_fit_openais_types_too(provider, operation):
    drawn_of(
        llm.replies(provider, operation, types="openai"), lambda body: judge(OPENAI_REPLIES[provider, operation], body)
    )


def test_any_types_hold_what_no_sdk_knows():
    replies = some(llm.replies("groq", "batches.retrieve", types="any"))
    assert any(isinstance(body.get("errors"), list) for body in replies)
    assert any(None in body.values() for body in some(llm.requests("groq", types="any")))


# By the simulator


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_request_that_is_drawn_is_answered(provider):
    urls = {"groq": "https://api.groq.com/openai/v1", "together": "https://api.together.xyz/v1"}
    plan = {"plan": "developer"} if provider == "groq" else {}

    def look(body):
        with simulate(provider, **plan) as api:
            reply = httpx.post(
                f"{urls[provider]}/chat/completions", json=body, headers={"authorization": "Bearer k"}, timeout=600
            )
            assert reply.status_code in (200, 413, 429), reply.text  # a limit of the model may be too small for it
            assert not [found for found in api.calls.last.violations if found.severity == "error"]

    drawn_of(llm.requests(provider), look)


CLIENTS = {
    "groq": (lambda: groq.Groq(api_key="k", max_retries=0), "openai/gpt-oss-120b", groq.APIError),
    "together": (lambda: together.Together(api_key="k", max_retries=0), "openai/gpt-oss-120b", together.APIError),
    "openai": (
        lambda: openai.OpenAI(api_key="k", max_retries=0, base_url="https://api.groq.com/openai/v1"),
        "openai/gpt-oss-120b",
        openai.APIError,
    ),
}


@pytest.mark.parametrize("client", CLIENTS)
def test_an_sdk_reads_every_reply_that_is_drawn(client):
    made, model, _ = CLIENTS[client]
    provider = "together" if client == "together" else "groq"

    def look(body):
        with simulate(provider, check=False) as api:
            api.reply(body=body)
            answer = made().chat.completions.create(model=model, messages=[{"role": "user", "content": "Hi"}])
            assert answer.choices[0].message.content == body["choices"][0]["message"].get("content")

    drawn_of(llm.replies(provider, types="openai" if client == "openai" else "sdk"), look)


@pytest.mark.parametrize("client", CLIENTS)
def test_whatever_faults_are_drawn_an_sdk_answers_or_raises_its_own_error(client):
    made, model, error = CLIENTS[client]
    provider = "together" if client == "together" else "groq"

    def look(faults):
        with simulate(provider, check=False) as api:
            faults.apply(api)
            try:
                answer = made().chat.completions.create(model=model, messages=[{"role": "user", "content": "Hi"}])
            except error:
                assert faults.steps
            else:
                assert (
                    answer.choices[0].message.content == api.calls.last.reply.json["choices"][0]["message"]["content"]
                )

    drawn_of(llm.faults(provider, streams=False), look)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_arrives_of_a_stream_is_what_the_same_script_sends(provider):
    """Cut or not: the application gets the beginning of the answer, and all of it only where nothing is cut."""
    made, model, _ = CLIENTS[provider]

    def look(stream):
        with simulate(provider, check=False) as api:
            stream.apply(api)
            got = ""
            try:
                asked = made().chat.completions.create(
                    model=model, messages=[{"role": "user", "content": "Hello"}], stream=True
                )
                for chunk in asked:
                    got += (chunk.choices[0].delta.content or "") if chunk.choices else ""
            except (groq.APIError, together.APIError, httpx.HTTPError, ValueError):
                assert stream.cut is not None
            assert stream.text.startswith(got)
            if stream.cut is None:
                assert got == stream.text

    drawn_of(llm.streams(provider), look)


@each(STREAMED)
def test_cuts_fall_at_any_byte(provider, operation):
    """Within a character, between the lines of an event, before the first byte."""

    def within_a_character(stream):
        try:
            stream.data.decode()
        except UnicodeDecodeError:
            return True
        return False

    wanted = [
        within_a_character,
        lambda stream: stream.data.endswith(b"\n") and not stream.data.endswith(b"\n\n") and not stream.is_whole,
        lambda stream: stream.data == b"",
        lambda stream: stream.data.endswith(b"data: "),
        lambda stream: stream.cut is not None and stream.cut.arguments.get("how") == "error_event",
        lambda stream: stream.is_whole,
    ]
    streams = some(llm.streams(provider, operation))
    assert [any(map(one, streams)) for one in wanted] == [True] * len(wanted)


def test_a_sequence_of_faults_prints_as_the_test_that_scripts_it():
    for faults in some(llm.faults("groq")):
        with simulate("groq", check=False) as api:
            exec(repr(faults) if faults.steps else "", {"api": api})
            written = [script.part for script in api.simulator.state.scripts.live]
            api.reset()
            assert [type(script.part) for script in faults.apply(api)] == [type(part) for part in written]


@pytest.mark.parametrize(
    ("provider", "operation", "places"),
    [
        ("groq", "chat.completions", {"after", "at_byte"}),
        ("together", "audio.speech", {"after", "at_byte"}),
        ("groq", "audio.speech", {"at_byte"}),
        ("groq", "files.content", {"at_byte"}),
        ("groq", "audio.transcriptions", set()),
        ("together", "embeddings", set()),
    ],
)
def test_only_what_comes_piece_by_piece_is_cut(provider, operation, places):
    steps = [step for faults in some(llm.faults(provider, operation)) for step in faults.steps]
    cut = [step.arguments for step in steps if step.method == "cut_stream"]

    assert {place for given in cut for place in ("after", "at_byte") if place in given} == places
    assert places != {"at_byte"} or {given["how"] for given in cut} == {"disconnect", "stall"}


def test_what_arrives_of_a_file_is_its_beginning_and_an_error_is_raised():
    client = groq.Groq(api_key="k", max_retries=0)

    def look(faults):
        with simulate("groq", check=False) as api:
            asked = {"model": "canopylabs/orpheus-v1-english", "voice": "troy", "input": "Good morning"}
            whole, got = client.audio.speech.create(**asked).read(), b""
            faults.apply(api)
            try:
                with client.audio.speech.with_streaming_response.create(**asked) as answer:
                    for piece in answer.iter_bytes():
                        got += piece
            except (groq.APIError, httpx.HTTPError):
                assert whole.startswith(got)
            else:
                assert got == whole

    drawn_of(llm.faults("groq", "audio.speech"), look)


# What is asked for wrongly


@pytest.mark.parametrize(
    ("strategy", "told"),
    [
        (lambda: llm.requests("grok"), "grok"),
        (lambda: llm.requests("groq", "chat"), "groq operation with a request body"),
        (lambda: llm.requests("groq", model="gpt-5"), "gpt-5"),
        (lambda: llm.requests("groq", types="mine"), "accepted: any, openai, sdk"),
        (lambda: llm.replies("groq", "audio.speech"), "groq operation that replies in JSON"),
        (lambda: llm.replies("groq", edition="1999-01-01"), "1999-01-01"),
        (lambda: llm.streams("groq", "embeddings"), "streams text"),
        (lambda: llm.errors("groq", "embeddings"), "embeddings"),
        (lambda: llm.faults("grok"), "grok"),
        (lambda: llm.faults("groq", "chat"), "chat.completions"),
    ],
)
def test_what_there_is_not_is_refused_at_once(strategy, told):
    with pytest.raises(BadInput) as refused:
        strategy()

    assert told in str(refused.value)


def test_without_hypothesis_it_says_what_to_install():
    code = "import sys; sys.modules['hypothesis'] = None; import pytest_llmcontract.strategies"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert "pip install 'pytest-llmcontract[hypothesis]'" in result.stderr


def test_strategies_of_an_older_day_know_no_newer_fields():
    old = contracts_of("groq", edition_dates("groq")[0])["chat.completions"]

    drawn_of(llm.requests("groq", edition=edition_dates("groq")[0]), lambda body: old.schema and _fits(old, body))


def _fits(contract, body):
    assert contract.check(body) == ()
