"""What a test scripts is held to something, and what fails in its own part of a call fails the test."""

from __future__ import annotations

import contextlib
from typing import Any

import groq
import httpx
import openai
import pytest
import together

from pytest_llmcontract import ContractViolation, simulate
from pytest_llmcontract.core.completion.tokens import DefaultEstimator
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.facts.load import edition_dates, edition_on

MODEL = {"groq": "openai/gpt-oss-120b", "together": "openai/gpt-oss-120b"}
CLIENTS: dict[str, Any] = {"groq": groq.Groq, "together": together.Together}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"town": {"type": "string"}},
            "required": ["town"],
            "additionalProperties": False,
        },
    },
}
FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "town", "strict": True, "schema": WEATHER["function"]["parameters"]},  # type: ignore[index]
}
ULM = {"name": "weather", "arguments": {"town": "Ulm"}}

both = pytest.mark.parametrize("name", ["groq", "together"])


def ask(name: str, client: Any = None, **fields: Any) -> Any:
    client = client or CLIENTS[name]()
    return client.chat.completions.create(
        model=MODEL[name], messages=[{"role": "user", "content": "Hello"}], max_tokens=50, **fields
    )


def findings(api: Any) -> list[Any]:
    return [finding for call in api.calls for finding in call.violations]


# The test's own part of a call


def broken(request: Any) -> bool:
    raise KeyError("late")


@both
@pytest.mark.parametrize("library", ["own", "openai"])
@pytest.mark.parametrize("method", ["reply", "fail", "outage", "cut_stream", "latency", "chaos"])
def test_what_a_condition_raises_fails_the_test_and_is_not_tried_again(name, library, method):
    arguments: dict[str, Any] = {
        "reply": {"content": "x"},
        "fail": {"error": 503},
        "outage": {"seconds": 5},
        "chaos": {"rate": 1.0},
    }
    with simulate(name, check=False) as api:
        getattr(api, method)(**arguments.get(method, {}), when=broken)
        url = f"https://{api.edition.hosts[0]}{api.edition.base}"
        client = openai.OpenAI(base_url=url, api_key="x") if library == "openai" else None
        with contextlib.suppress(Exception):
            list(ask(name, client, stream=True))

        (found,) = findings(api)
        assert api.calls.statuses == [400]
        assert (found.code, found.severity) == ("LLM208", "error")
        assert "chat.completions: KeyError: 'late', raised at " in found.message
        assert "test_scripts_held.py:" in found.message


def test_it_shows_the_line_that_raised_and_the_script():
    with simulate("groq", check=False) as api:
        api.reply("x", when=broken)
        with pytest.raises(groq.BadRequestError, match="LLM208"):
            ask("groq")

        (found,) = findings(api)
        assert found.code == "LLM208"
        assert found.severity == "error"
        assert 'raise KeyError("late")' in found.difference
        assert "in the when= of groq_api.reply('x') at " in found.difference
        assert "test_scripts_held.py" in found.site


class Broken(DefaultEstimator):
    def output(self, *parts: Any, **more: Any) -> int:
        raise OSError("no tokenizer")


class Negative(DefaultEstimator):
    def prompt(self, *parts: Any, **more: Any) -> int:
        return -1


@pytest.mark.parametrize(("estimator", "words"), [(Broken(), "no tokenizer"), (Negative(), "counts -1")])
def test_a_broken_token_estimator_fails_the_test(estimator, words):
    with pytest.raises(ContractViolation, match=f"LLM208 .*{words}"), simulate("groq", tokens=estimator) as api:
        with contextlib.suppress(groq.GroqError):
            ask("groq")
        assert api.calls.statuses == [400]


def test_a_mistake_of_our_own_is_told_as_ours_and_not_tried_again(monkeypatch):
    with simulate("groq", check=False) as api:
        with monkeypatch.context() as broken, contextlib.suppress(groq.GroqError):
            broken.setattr(api.simulator.state, "account", None)
            ask("groq")

        assert api.calls.statuses == [400]
        assert "a mistake of pytest-llmcontract" in findings(api)[0].fix


def test_a_simulation_goes_on_after_it():
    with simulate("groq", check=False) as api:
        api.reply("x", when=lambda request: request.json["late"])
        with pytest.raises(groq.BadRequestError):
            ask("groq")
        api.reset()
        assert ask("groq").choices[0].message.content


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda account: setattr(account, "plan", "pro"), "unknown plan of groq_api 'pro'"),
        (lambda account: setattr(account, "spend_limit", "much"), "'much' is no amount of dollars"),
        (lambda account: setattr(account, "spend_limit", -1), "must be 0 or more"),
        (lambda account: setattr(account, "organization", 5), "5 is no id"),
    ],
)
def test_a_wrong_value_of_an_account_is_refused_where_it_is_written(write, words):
    with simulate("groq", plan="developer") as api, pytest.raises(BadInput, match=words):
        write(api.account)


@both
def test_an_attribute_that_an_account_does_not_have_is_refused(name):
    with simulate(name) as api, pytest.raises(AttributeError, match="plna"):
        api.account.plna = "free"


def test_a_spend_limit_needs_a_plan_that_spends():
    with simulate("groq", plan="free") as api, pytest.raises(BadInput, match="the free plan spends nothing"):
        api.account.spend_limit = 5


# As it is written


@both
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"content": {"a": 1}}, r"reply\(content=\): \{'a': 1\} is not understood; accepted: a text"),
        ({"content": b"x"}, r"reply\(content=\): b'x'"),
        ({"content": 5}, r"reply\(content=\): 5 "),
        ({"content": True}, r"reply\(content=\): True "),
        ({"content": ["a", 1]}, r"reply\(content=\): 1 "),
        ({"content": "\ud800"}, "half of a surrogate pair"),
        ({"structured": [1]}, r"reply\(structured=\): \[1\]"),
        ({"structured": {1: 2}}, r"reply\(structured=\)"),
        ({"structured": {"a": b"x"}}, r"reply\(structured=\)"),
        ({"structured": {"a": 10**400}}, "a number beyond 10"),
        ({"reasoning": 5}, r"reply\(reasoning=\): 5"),
        ({"tool_calls": ULM}, r"reply\(tool_calls=\)"),
        ({"tool_calls": [{"name": 5}]}, r"reply\(tool_calls=\)"),
        ({"tool_calls": [{"name": "x", "arguments": [1]}]}, r"reply\(tool_calls=\)"),
        ({"body": object()}, r"reply\(body=\): <object"),
        ({"body": {"a": "\ud800"}}, "half of a surrogate pair"),
        ({"usage": {"prompt_tokens": -1}}, "prompt_tokens is -1; accepted: a whole number from 0"),
        ({"usage": {"prompt_tokens": True}}, "prompt_tokens is True"),
        ({"usage": {"completion_tokens": 1.5}}, "completion_tokens is 1.5"),
        ({"usage": {"tokens": 1}}, "unknown key of reply"),
        ({"usage": {"prompt_tokens_details": {"cached_tokens": -1}}}, "cached_tokens is -1"),
        ({"usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 3}}, "total_tokens is 3"),
        ({"usage": {"prompt_tokens": 1, "cached_tokens": 2}}, "2 cached_tokens of 1"),
        ({"finish_reason": "finished"}, "unknown finish_reason of reply"),
        ({"finish_reason": 5}, "unknown finish_reason of reply"),
        ({"headers": {"x": 5}}, "is no header"),
        ({"headers": {"x": "a\r\nb: c"}}, "is no header"),
        ({"headers": {"x": "…"}}, "is no header"),
        ({"headers": "x"}, r"reply\(headers=\)"),
        ({"when": {"temprature": 0}}, "unknown field of a request in when= 'temprature'. Did you mean 'temperature'"),
        ({"content": "x", "structured": {}, "body": {}}, "the body is the whole reply"),
        ({"content": "x", "structured": {"a": 1}}, "a reply has one of"),
    ],
)
def test_what_makes_no_sense_is_refused_where_it_is_written(name, given, words):
    with simulate(name) as api, pytest.raises(BadInput, match=words):
        api.reply(**given)


@pytest.mark.parametrize("error", ["over_capacity", "error_in_stream"])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"message": 5}, r"fail\(message=\): 5 is not understood"),
        ({"message": "\ud800"}, "half of a surrogate pair"),
        ({"body": {"a": 10**400}}, "a number beyond 10"),
        ({"body": "\ud800"}, "half of a surrogate pair"),
        ({"body": {1, 2}}, r"fail\(body=\): \{1, 2\} is not understood"),
    ],
)
def test_a_failure_that_no_reply_can_hold_is_refused_where_it_is_written(error, given, words):
    with simulate("groq") as api:
        known = error if error in api.edition.errors else api.edition.stream_error.name
        with pytest.raises(BadInput, match=words):
            api.fail(known, **given)


@pytest.mark.parametrize(
    ("name", "error", "given", "words"),
    [
        ("groq", "stream_tool_use_failed", {"retry_after": 5}, "a stream that began well; accepted: message="),
        ("groq", "stream_tool_use_failed", {"headers": {"x": "y"}}, "a stream that began well"),
        ("together", "stream_error", {"limit": "RPM"}, "a stream that began well"),
        ("together", "stream_error", {"message": "no"}, "the provider's body has no text; accepted: body="),
        ("together", "file_exists", {"message": "no"}, "the provider's body has no text"),
        ("groq", 503, {"limit": "TPM"}, "it exceeds no limit; accepted with .*rate_limit_exceeded"),
        ("together", 400, {"limit": "RPM"}, "it exceeds no limit; accepted with .*rate_limit"),
        ("groq", 503, {"body": {}, "message": "no"}, "it is the whole body"),
        ("groq", "tool_use_failed", {"body": {}, "values": {"failed_generation": "no"}}, "it is the whole body"),
    ],
)
def test_what_a_failure_would_leave_out_is_refused_where_it_is_written(name, error, given, words):
    with simulate(name) as api, pytest.raises(BadInput, match=words):
        api.fail(error, **given)


ERRORS = [
    (provider, name)
    for provider in ("groq", "together")
    for name, spec in edition_on(provider, edition_dates(provider)[-1]).errors.items()
    if (provider, name) not in (("together", "stream_error"), ("together", "file_exists"))  # refused, above
]


@pytest.mark.parametrize(("provider", "name"), ERRORS)
def test_each_error_says_what_a_test_wants_it_to_say(provider, name):
    with simulate(provider, check=False) as api:
        body = {"model": MODEL[provider], "messages": [{"role": "user", "content": "Hello"}]}
        api.fail(name, message="{no}, in no other words")
        url = f"https://{api.edition.hosts[0]}{api.edition.base}/chat/completions"
        streams = api.edition.errors[name].status < 400
        reply = httpx.post(url, json={**body, "stream": streams}, headers={"authorization": "Bearer k"})

    assert "{no}, in no other words" in reply.text
    assert "LLM208" not in reply.text


@pytest.mark.parametrize("method", ["fail", "outage", "cut_stream", "latency", "chaos"])
def test_a_condition_that_no_request_meets_is_refused_everywhere(method):
    required: dict[str, dict[str, Any]] = {"fail": {"error": 503}, "outage": {"seconds": 1}, "chaos": {"rate": 0.5}}
    with simulate("groq") as api, pytest.raises(BadInput, match="unknown field of a request in when= 'modle'"):
        getattr(api, method)(**required.get(method, {}), when={"modle": "x"})


def test_a_condition_that_is_asynchronous_is_refused():
    async def later(request: Any) -> bool:
        return False

    with simulate("groq") as api, pytest.raises(BadInput, match="is asynchronous"):
        api.reply("x", when=later)


# Beside the request


UNLIKE: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a tool of nobody": (
        {"tool_calls": [{"name": "time"}]},
        {"tools": [WEATHER]},
        "calls the tool 'time', which the request does not offer",
    ),
    "a tool where none is": ({"tool_calls": [ULM]}, {}, "calls the tool 'weather', which the request does not offer"),
    "another type": (
        {"tool_calls": [{"name": "weather", "arguments": {"town": 5}}]},
        {"tools": [WEATHER]},
        "does not fit the schema asked for",
    ),
    "no arguments": ({"tool_calls": [{"name": "weather"}]}, {"tools": [WEATHER]}, '"town" is a required property'),
    "no JSON": (
        {"tool_calls": [{"name": "weather", "arguments": "{"}]},
        {"tools": [WEATHER]},
        "with arguments that is no JSON",
    ),
    "a tool that is forbidden": (
        {"tool_calls": [ULM]},
        {"tools": [WEATHER], "tool_choice": "none"},
        "and the request forbids it",
    ),
    "text for a tool": (
        {"content": "Warm."},
        {"tools": [WEATHER], "tool_choice": "required"},
        "is text, and the request requires a tool",
    ),
    "text for one tool": (
        {"content": "Warm."},
        {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "weather"}}},
        "is text, and the request requires a tool",
    ),
    "another object": ({"structured": {"twon": "Ulm"}}, {"response_format": FORMAT}, "does not fit the schema"),
    "arguments of a forced tool": (
        {"structured": {"twon": "Ulm"}},
        {"tools": [WEATHER], "tool_choice": "required"},
        "does not fit the schema",
    ),
    "text for an object": ({"content": "Ulm"}, {"response_format": FORMAT}, "is text that is no JSON"),
    "a body": ({"body": {"choices": []}}, {}, "does not fit its schema: $."),
    "a body of text": ({"body": "Ulm"}, {}, "has a body that is no JSON"),
    "one object for a stream": ({"body": {"choices": []}}, {"stream": True}, "the request asks for a stream"),
}


@both
@pytest.mark.parametrize(("scripted", "asked", "words"), UNLIKE.values(), ids=UNLIKE)
def test_what_does_not_answer_the_request_is_a_finding(name, scripted, asked, words):
    with simulate(name, check=False) as api:
        api.reply(**scripted)
        url = f"https://{api.edition.hosts[0]}{api.edition.base}/chat/completions"
        body = {"model": MODEL[name], "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 50, **asked}
        answer = httpx.post(url, json=body, headers={"authorization": "Bearer x"})

        found = findings(api)
        assert answer.status_code == 200
        assert {finding.code for finding in found} == {"LLM201"}
        assert words in found[0].message
        assert f"{name}_api.reply(" in found[0].message
        assert "test_scripts_held.py" in found[0].site
        assert found[0].sent.startswith("scripted: ")
        assert found[0].allowed


@both
@pytest.mark.parametrize(
    ("scripted", "asked"),
    [
        ({"content": "Warm."}, {"tools": [WEATHER]}),
        ({"tool_calls": [ULM]}, {"tools": [WEATHER]}),
        ({"tool_calls": [{"name": "weather", "arguments": '{"town": "Ulm"}'}]}, {"tools": [WEATHER]}),
        ({"structured": {"town": "Ulm"}}, {"response_format": FORMAT}),
        ({"content": '{"town": "Ulm"}'}, {"response_format": FORMAT}),
        ({"content": '{"tow', "finish_reason": "length"}, {"response_format": FORMAT}),
        ({"reasoning": "Well."}, {"tools": [WEATHER], "tool_choice": "required"}),
        ({"usage": {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}}, {}),
    ],
)
def test_what_answers_the_request_is_none(name, scripted, asked):
    with simulate(name) as api:
        api.reply(**scripted)
        ask(name, **asked)
        assert findings(api) == []


def test_a_body_of_an_operation_without_a_schema_is_not_judged():
    with simulate("groq") as api:
        api.reply(body=b"RIFF")
        groq.Groq().audio.speech.create(model="canopylabs/orpheus-v1-english", voice="troy", input="x").read()


def test_the_marker_lets_a_test_do_it_on_purpose(pytester):
    pytester.makepyfile(
        """
        import groq, pytest

        def ask():
            return groq.Groq().chat.completions.create(
                model="openai/gpt-oss-120b", messages=[{"role": "user", "content": "Hello"}]
            )

        def test_by_mistake(groq_api):
            groq_api.reply(tool_calls=[{"name": "time"}])
            ask()

        @pytest.mark.llm_allow("LLM201")
        def test_on_purpose(groq_api):
            groq_api.reply(tool_calls=[{"name": "time"}])
            assert ask().choices[0].message.tool_calls[0].function.name == "time"
        """
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "LLM201 groq chat.completions: the scripted reply calls the tool 'time', which*",
            "  sent      scripted: time",
            "  allowed   no tool",
            "  found in  test_the_marker*.py:9 in test_by_mistake",
        ]
    )
