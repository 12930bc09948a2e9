"""LangChain's ChatGroq on top of ``groq_api``."""

from __future__ import annotations

import groq
import pytest

langchain_groq = pytest.importorskip("langchain_groq")
pydantic = pytest.importorskip("pydantic")

from langchain_core.messages import HumanMessage, ToolMessage  # noqa: E402
from langchain_core.tools import tool  # noqa: E402

MODEL = "openai/gpt-oss-120b"


class Person(pydantic.BaseModel):
    """A person that a text is about."""

    name: str
    age: int


@tool
def weather(town: str) -> str:
    """The weather in a town."""
    return f"21 degrees in {town}"


def chat(**settings):
    return langchain_groq.ChatGroq(model=MODEL, **settings)


def test_chat(groq_api):
    groq_api.reply("A short summary.")

    answer = chat().invoke("Summarise: …")

    assert answer.content == "A short summary."
    assert answer.usage_metadata["total_tokens"] == groq_api.calls.last.usage.total_tokens
    assert answer.response_metadata["model_name"] == MODEL
    assert groq_api.calls.statuses == [200]
    assert groq_api.calls.last.client.startswith("langchain")
    assert groq_api.calls.last.site.startswith("tests/clients/test_langchain_groq.py:")


async def test_chat_async(groq_api):
    groq_api.reply("A short summary.")

    assert (await chat().ainvoke("Summarise: …")).content == "A short summary."
    assert groq_api.calls.statuses == [200]


def test_stream(groq_api):
    groq_api.reply(["One, ", "two, ", "three."])

    pieces = [chunk.content for chunk in chat().stream("Count")]

    assert [piece for piece in pieces if piece] == ["One, ", "two, ", "three."]
    assert groq_api.calls.last.stream


async def test_stream_async(groq_api):
    groq_api.reply(["One, ", "two, ", "three."])

    assert "".join([chunk.content async for chunk in chat().astream("Count")]) == "One, two, three."


def test_an_agents_loop_with_tools(groq_api):
    model, messages = chat().bind_tools([weather]), [HumanMessage("How warm is it in Ulm?")]
    groq_api.reply(tool_calls=[{"name": "weather", "arguments": {"town": "Ulm"}}])
    groq_api.reply("21 degrees.")

    while (answer := model.invoke(messages)).tool_calls:
        messages.append(answer)
        for call in answer.tool_calls:
            messages.append(ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"]))

    assert answer.content == "21 degrees."
    assert messages[-1].content == "21 degrees in Ulm"
    assert groq_api.calls.statuses == [200, 200]


def test_unscripted_a_tool_is_called_once(groq_api):
    model, messages = chat().bind_tools([weather]), [HumanMessage("How warm is it in Ulm?")]

    first = model.invoke(messages)
    messages += [first, ToolMessage("21 degrees", tool_call_id=first.tool_calls[0]["id"])]

    assert isinstance(first.tool_calls[0]["args"]["town"], str)
    assert model.invoke(messages).tool_calls == []


@pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
def test_structured_output(groq_api, method):
    groq_api.reply(structured={"name": "Ada", "age": 36})

    answer = chat().with_structured_output(Person, method=method).invoke("Who is it? Answer in JSON.")

    assert answer == Person(name="Ada", age=36)
    assert groq_api.calls.statuses == [200]


@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
async def test_structured_output_unscripted_and_async(groq_api, method):
    answer = await chat().with_structured_output(Person, method=method).ainvoke("Who is it?")

    assert isinstance(answer, Person)
    assert groq_api.calls.statuses == [200]


def test_a_429_is_waited_out(groq_api, llm_clock):
    groq_api.fail("rate_limit_exceeded", retry_after=30)

    assert chat().invoke("x").content

    assert groq_api.calls.statuses == [429, 200]
    assert llm_clock.slept == 30


async def test_a_429_is_waited_out_async(groq_api, llm_clock):
    groq_api.fail("rate_limit_exceeded", retry_after=30)

    assert (await chat().ainvoke("x")).content

    assert groq_api.calls.statuses == [429, 200]
    assert llm_clock.elapsed == 30


def test_a_fallback_of_langchains_own(groq_api):
    groq_api.fail("flex_capacity_exceeded", when={"model": MODEL})
    other = langchain_groq.ChatGroq(model="openai/gpt-oss-20b")
    groq_api.reply("From the small one.", when={"model": "openai/gpt-oss-20b"})

    answer = chat().with_fallbacks([other]).invoke("x")

    assert answer.content == "From the small one."
    assert [(call.model, call.status) for call in groq_api.calls] == [(MODEL, 498), ("openai/gpt-oss-20b", 200)]


def test_errors_keep_their_class(groq_api):
    groq_api.fail("invalid_api_key")

    with pytest.raises(groq.AuthenticationError):
        chat().invoke("x")


def test_a_batch_in_threads(groq_api):
    answers = chat().batch([f"text {n}" for n in range(6)], config={"max_concurrency": 3})

    assert all(answer.content for answer in answers)
    assert groq_api.calls.statuses == [200] * 6


def test_a_built_in_tool_and_its_output_are_content_blocks(groq_api):
    answer = chat().bind(tools=[{"type": "code_interpreter"}]).invoke("Who won?")

    call, result = (block for block in answer.content_blocks if block["type"].startswith("server_tool"))
    assert (call["name"], call["args"]) == ("code_interpreter", {"code": "print('Who won?')"})
    assert result["output"]
    assert groq_api.calls.last.usage.tools == ("code_interpreter",)


def test_cached_tokens_are_in_its_usage(groq_api):
    for _ in range(2):
        answer = chat().invoke("The library opens at nine. " * 150)

    assert answer.usage_metadata["input_token_details"]["cache_read"] == groq_api.calls.last.usage.cached_tokens > 0


@pytest.mark.groq_api(plan="developer", limits={"RPM": 1})
def test_auto_goes_by_flex_once_the_limits_are_used_up(groq_api):
    model = chat(service_tier="auto")

    model.invoke("Hello"), model.invoke("Hello")

    assert [call.tier for call in groq_api.calls] == ["on_demand", "flex"]
