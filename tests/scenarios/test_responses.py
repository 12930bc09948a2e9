"""Groq's Responses API through the openai SDK: input, answer, stream, tools, limits, money, scripts."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai
import pytest
from openai.types.responses import Response
from pydantic import BaseModel

from pytest_llmcontract import SimulatedProvider, simulate
from pytest_llmcontract.core.completion.reported import stream_objects
from pytest_llmcontract.core.contract.reply import reply_contract
from pytest_llmcontract.core.facts.load import edition_dates
from pytest_llmcontract.report.exchanges import kept_exchanges

MODEL = "openai/gpt-oss-120b"
GROQ = "https://api.groq.com/openai/v1"
WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
BEGIN = "id object status created_at output previous_response_id model reasoning max_output_tokens"
MIDDLE = "text tools tool_choice truncation metadata"
NEW = "top_logprobs max_tool_calls"
END = "error incomplete_details usage parallel_tool_calls store"
KEYS = {
    "2025-08-05": f"{BEGIN} instructions {MIDDLE} temperature top_p user service_tier {END}",
    "2025-08-28": f"{BEGIN} {MIDDLE} temperature top_p user service_tier background {END} {NEW}",
    "2026-07-25": f"{BEGIN} {MIDDLE} groq temperature top_p user service_tier background {END} {NEW}",
}
"""Read off replies of those days, without ``instructions`` where none were given."""


class Recipe(BaseModel):
    title: str
    minutes: int


@pytest.fixture
def client(groq_api: SimulatedProvider) -> openai.OpenAI:
    return openai.OpenAI(api_key="x", base_url=GROQ, max_retries=0)


def held(api: SimulatedProvider) -> None:
    """The last reply is valid by our schema."""
    contract, reply = reply_contract("groq", "responses", api.edition.date), api.calls.last.reply
    assert contract is not None
    objects = list(stream_objects(reply)) if reply.events is not None else []
    assert (contract.check_events(objects) if objects else contract.check(reply.status, reply.json)) == ()


class TestAnswers:
    def test_a_text_is_answered(self, groq_api: SimulatedProvider, client: openai.OpenAI) -> None:
        groq_api.reply("Apple.")

        response = client.responses.create(model=MODEL, input="Name a fruit.", instructions="Be brief.")

        assert (response.output_text, response.status, response.instructions) == ("Apple.", "completed", "Be brief.")
        assert groq_api.calls.of(operation="responses").statuses == [200]
        assert groq_api.calls.last.usage.total_tokens == response.usage.total_tokens  # type: ignore[union-attr]
        assert groq_api.calls.last.cost > 0
        held(groq_api)

    @pytest.mark.parametrize("day", KEYS)
    def test_keys_come_in_the_order_of_their_day(self, day: str) -> None:
        edition = max(date for date in edition_dates("groq") if date.isoformat() <= day)
        with simulate("groq", edition=edition) as api:
            openai.OpenAI(api_key="x", base_url=GROQ).responses.create(model="llama-3.3-70b-versatile", input="Hello")
            held(api)
            assert list(api.calls.last.reply.json) == KEYS[day].split()

    def test_a_plain_model_begins_with_an_empty_thought_since_it_was_seen(self) -> None:
        with simulate("groq", edition="2026-06-04") as api:
            openai.OpenAI(api_key="x", base_url=GROQ).responses.create(model="llama-3.3-70b-versatile", input="Hello")
            first, second = api.calls.last.reply.json["output"]
        assert (first["type"], "content" in first, first["summary"]) == ("reasoning", False, [])
        assert first["id"].startswith("resp_")
        assert second["id"].startswith("msg_")

    def test_too_short_an_answer_is_incomplete(self, groq_api: SimulatedProvider, client: openai.OpenAI) -> None:
        response = client.responses.create(model=MODEL, input="Hello", max_output_tokens=2)

        assert (response.status, response.output[-1].status) == ("incomplete", "incomplete")  # type: ignore[union-attr]
        assert response.incomplete_details is not None
        assert response.incomplete_details.reason == "max_output_tokens"
        held(groq_api)

    def test_metrics_stand_among_the_metadata_as_texts(
        self, groq_api: SimulatedProvider, client: openai.OpenAI
    ) -> None:
        headers = {"Groq-Beta": "inference-metrics"}
        response = client.responses.create(model=MODEL, input="Hello", metadata={"a": "b"}, extra_headers=headers)

        assert response.metadata is not None
        assert list(response.metadata) == ["a", "completion_time", "prompt_time", "queue_time", "total_time"]
        assert all(float(response.metadata[name]) > 0 for name in list(response.metadata)[1:])
        held(groq_api)

    def test_json_is_parsed(self, groq_api: SimulatedProvider, client: openai.OpenAI) -> None:
        groq_api.reply(structured={"title": "Cake", "minutes": 40})

        scripted = client.responses.parse(model=MODEL, input="A cake.", text_format=Recipe)
        made_up = client.responses.parse(model=MODEL, input="A cake.", text_format=Recipe)

        assert scripted.output_parsed == Recipe(title="Cake", minutes=40)
        assert isinstance(made_up.output_parsed, Recipe)

    def test_an_object_of_any_form(self, groq_api: SimulatedProvider, client: openai.OpenAI) -> None:
        format: Any = {"format": {"type": "json_object"}}
        response = client.responses.create(model=MODEL, input="Answer in JSON.", text=format)

        assert isinstance(json.loads(response.output_text), dict)


class TestTools:
    def test_a_function_is_called_and_then_answered(self, groq_api: SimulatedProvider, client: openai.OpenAI) -> None:
        tools: Any = [WEATHER]
        items: list[Any] = [{"role": "user", "content": [{"type": "input_text", "text": "Weather in Paris?"}]}]
        first = client.responses.create(model=MODEL, input=items, tools=tools)
        call = first.output[-1]
        assert call.type == "function_call"
        assert "city" in json.loads(call.arguments)
        held(groq_api)
        items += [item.model_dump(exclude_unset=True) for item in first.output]
        items.append({"type": "function_call_output", "call_id": call.call_id, "output": "rain"})

        second = client.responses.create(model=MODEL, input=items, tools=tools)

        assert second.output_text
        assert groq_api.calls.statuses == [200, 200]

    def test_calls_at_once(self, groq_api: SimulatedProvider, client: openai.OpenAI) -> None:
        calls = [{"name": "weather", "arguments": {"city": city}} for city in ("Paris", "Rome")]
        groq_api.reply(tool_calls=calls)
        tools: Any = [WEATHER]

        response = client.responses.create(model=MODEL, input="Paris and Rome?", tools=tools)

        cities = [json.loads(item.arguments)["city"] for item in response.output if item.type == "function_call"]
        assert cities == ["Paris", "Rome"]

    def test_what_groq_runs_itself_stands_before_the_text(
        self, groq_api: SimulatedProvider, client: openai.OpenAI
    ) -> None:
        server = {"type": "mcp", "server_label": "hub", "server_url": "https://x.test", "allowed_tools": ["find"]}
        container = {"type": "code_interpreter", "container": {"type": "auto"}}
        tools: Any = [server, {"type": "browser_search"}, container]
        response = client.responses.create(model=MODEL, input="Hello", tools=tools)
        held(groq_api)
        events = client.responses.create(model=MODEL, input="Hello", tools=tools, stream=True)
        done = [event.item.type for event in events if event.type == "response.output_item.done"]

        kinds = [item.type for item in response.output]
        assert done == kinds
        assert kinds == [
            "mcp_list_tools",
            "reasoning",
            "mcp_call",
            "web_search_call",
            "code_interpreter_call",
            "message",
        ]
        assert [getattr(item, "name", None) for item in response.output][2] == "find"
        held(groq_api)

    def test_what_a_server_is_told_in_secret_is_told_nobody(
        self, groq_api: SimulatedProvider, client: openai.OpenAI
    ) -> None:
        headers = {"Authorization": "Bearer ghp_0123456789abcdefghijklmnopqrstuvwxyzAB"}
        tools: Any = [{"type": "mcp", "server_label": "hub", "server_url": "https://x.test", "headers": headers}]
        client.responses.create(model=MODEL, input="Hello", tools=tools)

        assert "ghp_" not in groq_api.calls.last.reply.text
        assert "ghp_" not in str(kept_exchanges(groq_api.calls))

    def test_a_server_alone_does_not_meet_required(self, groq_api: SimulatedProvider, client: openai.OpenAI) -> None:
        tools: Any = [{"type": "mcp", "server_label": "hub", "server_url": "https://x.test"}]
        response = client.responses.create(model=MODEL, input="Hello", tools=tools, tool_choice="required")

        assert response.status == "incomplete"
        assert response.error is not None
        assert response.error.code == "tool_required_not_called"
        held(groq_api)


class TestStream:
    def test_events_tell_everything_in_order(self, groq_api: SimulatedProvider, client: openai.OpenAI) -> None:
        groq_api.reply(["Ap", "ple."], reasoning="A fruit.")

        events = list(client.responses.create(model=MODEL, input="Name a fruit.", stream=True))

        assert [event.sequence_number for event in events] == list(range(len(events)))
        assert [event.type.removeprefix("response.") for event in events] == [
            "created", "in_progress",
            "output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.delta",
            "reasoning_text.done", "content_part.done", "output_item.done",
            "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
            "output_text.done", "content_part.done", "output_item.done",
            "completed",
        ]  # fmt: skip
        assert "[DONE]" not in groq_api.calls.last.reply.text
        held(groq_api)

    def test_a_function_is_called_in_a_stream(self, groq_api: SimulatedProvider, client: openai.OpenAI) -> None:
        tools: Any = [WEATHER]
        with client.responses.stream(model=MODEL, input="Weather in Paris?", tools=tools) as stream:
            kinds = [event.type for event in stream]
            call = stream.get_final_response().output[-1]

        assert call.type == "function_call"
        assert "response.function_call_arguments.done" in kinds
        held(groq_api)

    def test_a_stream_and_its_reply_say_the_same(self, groq_api: SimulatedProvider, client: openai.OpenAI) -> None:
        with client.responses.stream(model=MODEL, input="A cake.", text_format=Recipe) as stream:
            streamed = stream.get_final_response()
        whole = client.responses.parse(model=MODEL, input="A cake.", text_format=Recipe)

        assert streamed.output_parsed == whole.output_parsed
        assert streamed.usage == whole.usage
        assert groq_api.calls[0].cost == groq_api.calls[1].cost

    def test_a_cut_stream_ends_early(self, groq_api: SimulatedProvider, client: openai.OpenAI) -> None:
        groq_api.cut_stream(after=3)

        with pytest.raises(openai.APIConnectionError):
            list(client.responses.create(model=MODEL, input="Hello", stream=True))

    def test_a_stream_breaks_off_in_an_error(self, groq_api: SimulatedProvider, client: openai.OpenAI) -> None:
        groq_api.cut_stream(after=3, how="error_event")

        with pytest.raises(openai.APIError):
            list(client.responses.create(model=MODEL, input="Hello", stream=True))
        held(groq_api)

    def test_asynchronously(self, groq_api: SimulatedProvider) -> None:
        groq_api.reply(structured={"title": "Cake", "minutes": 40}, times=2)

        async def bake() -> tuple[Any, Any]:
            async with openai.AsyncOpenAI(api_key="x", base_url=GROQ) as client:
                parsed = await client.responses.parse(model=MODEL, input="A cake.", text_format=Recipe)
                async with client.responses.stream(model=MODEL, input="A cake.", text_format=Recipe) as stream:
                    return parsed.output_parsed, (await stream.get_final_response()).output_parsed

        assert asyncio.run(bake()) == (Recipe(title="Cake", minutes=40),) * 2


class TestScripts:
    def test_the_last_thing_said_is_heard_in_items(self, groq_api: SimulatedProvider, client: openai.OpenAI) -> None:
        groq_api.reply("Pear.", when="second")
        groq_api.reply("Apple.", when="first")
        items: list[Any] = [{"role": "user", "content": [{"type": "input_text", "text": "first"}]}]

        assert client.responses.create(model=MODEL, input=items).output_text == "Apple."
        assert client.responses.create(model=MODEL, input="second").output_text == "Pear."

    def test_usage_is_scripted_in_either_words(self, groq_api: SimulatedProvider, client: openai.OpenAI) -> None:
        groq_api.reply(
            "Apple.", usage={"input_tokens": 7, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 2}}
        )

        usage = client.responses.create(model=MODEL, input="Hello").usage

        assert usage is not None
        assert (usage.input_tokens, usage.output_tokens, usage.input_tokens_details.cached_tokens) == (7, 5, 2)

    def test_two_words_for_one_count_are_an_error(self, groq_api: SimulatedProvider) -> None:
        with pytest.raises(ValueError, match="input_tokens and prompt_tokens are the same"):
            groq_api.reply("Apple.", usage={"input_tokens": 7, "prompt_tokens": 7})

    def test_a_fault_strikes_and_a_limit_refuses(self, groq_api: SimulatedProvider, client: openai.OpenAI) -> None:
        groq_api.fail("over_capacity")
        with pytest.raises(openai.InternalServerError):
            client.responses.create(model=MODEL, input="Hello")
        groq_api.exhaust("RPD", model=MODEL)
        with pytest.raises(openai.RateLimitError):
            client.responses.create(model=MODEL, input="Hello")

    def test_latency_is_virtual(self, groq_api: SimulatedProvider, client: openai.OpenAI) -> None:
        groq_api.latency(first_token=2)
        client.responses.create(model=MODEL, input="Hello")

        assert groq_api.clock.elapsed == 2


PICTURE = {"type": "input_image", "image_url": "https://x.test/a.png", "detail": "auto"}
REFUSED: list[tuple[dict[str, Any], str, str, str]] = [
    (
        {"previous_response_id": "r"},
        "LLM101",
        "$.previous_response_id",
        "property 'previous_response_id' is unsupported",
    ),
    ({"prompt_cache_key": "a"}, "LLM101", "$.prompt_cache_key", "property 'prompt_cache_key' is unsupported"),
    ({"safety_identifier": "a"}, "LLM101", "$.safety_identifier", "property 'safety_identifier' is unsupported"),
    ({"include": ["a"]}, "LLM101", "$.include", "property 'include' is unsupported"),
    ({"store": True}, "LLM101", "$.store", "'store' : value is not one of the allowed values [false]"),
    (
        {"service_tier": "priority"},
        "LLM102",
        "$.service_tier",
        "'service_tier' : value is not one of the allowed values ['auto','default','flex']",
    ),
    (
        {"metadata": {str(number): "x" for number in range(17)}},
        "LLM102",
        "$.metadata",
        "'metadata' : there must be at most 16 properties",
    ),
    (
        {"max_output_tokens": 10**6},
        "LLM102",
        "$.max_output_tokens",
        "`max_output_tokens` must be less than or equal to `65536`, the maximum value for `max_output_tokens` is less "
        "than the `context_window` for this model",
    ),
    (
        {"reasoning": {"effort": "minimal"}},
        "LLM102",
        "$.reasoning.effort",
        "`reasoning_effort` must be one of `low`, `medium`, or `high`",
    ),
    (
        {"tools": [{"type": "web_search"}]},
        "LLM102",
        "$.tools[0].type",
        "code=400, message=tools[0].type must be one of [function, mcp], type=invalid_request_error",
    ),
    (
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        "LLM102",
        "$.tools[0].name",
        "'tools.0.name' : property 'name' is missing",
    ),
    (
        {"input": [{"role": "user", "content": [PICTURE]}]},
        "LLM102",
        "$.input[0].content[0]",
        "messages[0].content must be a string",
    ),
    (
        {"text": {"format": {"type": "json_object"}}},
        "LLM102",
        "$.text.format",
        "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
    ),
]


@pytest.mark.llm_allow("LLM101", "LLM102", "LLM105")  # what these tests look for
class TestRefusals:
    @pytest.fixture
    def api(self) -> Any:
        with simulate("groq", check=False) as api:
            yield api

    @pytest.mark.parametrize(("fields", "code", "path", "message"), REFUSED)
    def test_what_groq_does_not_take(
        self, api: SimulatedProvider, fields: dict[str, Any], code: str, path: str, message: str
    ) -> None:
        client = openai.OpenAI(api_key="x", base_url=GROQ, max_retries=0)
        with pytest.raises(openai.BadRequestError) as refused:
            client.responses.create(**{"model": MODEL, "input": "Hello", **fields})

        assert isinstance(refused.value.body, dict)
        assert refused.value.body["message"] == message
        assert (code, path) in [(found.code, found.path) for found in api.calls.last.violations]

    def test_nothing_is_kept(self, api: SimulatedProvider) -> None:
        responses = openai.OpenAI(api_key="x", base_url=GROQ, max_retries=0).responses
        for ask in (responses.retrieve, responses.delete, responses.cancel, responses.input_items.list):
            with pytest.raises(openai.NotFoundError, match="Unknown request URL"):
                ask("resp_1")
        assert {found.code for call in api.calls for found in call.violations} == {"LLM105"}

    def test_together_has_no_responses(self) -> None:
        with simulate("together", check=False) as api:
            client = openai.OpenAI(api_key="x", base_url="https://api.together.xyz/v1", max_retries=0)
            with pytest.raises(openai.NotFoundError):
                client.responses.create(model="openai/gpt-oss-120b", input="Hello")
            assert [found.code for found in api.calls.last.violations] == ["LLM105"]


def test_a_response_is_what_the_sdk_says_it_is(groq_api: SimulatedProvider, client: openai.OpenAI) -> None:
    tools: Any = [WEATHER]
    response = client.responses.create(model=MODEL, input="Hello", tools=tools, tool_choice="none")
    # Of the usage OpenAI has one count that Groq does not tell.
    body = groq_api.calls.last.reply.json
    body["usage"]["input_tokens_details"]["cache_write_tokens"] = 0

    assert Response.model_validate(body).output_text == response.output_text
