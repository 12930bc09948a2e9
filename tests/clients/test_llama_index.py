"""LlamaIndex's Groq on top of ``groq_api``, through the openai SDK."""

from __future__ import annotations

import pytest

llama_groq = pytest.importorskip("llama_index.llms.groq")
pydantic = pytest.importorskip("pydantic")

from llama_index.core.llms import ChatMessage  # noqa: E402
from llama_index.core.tools import FunctionTool  # noqa: E402

MODEL = "openai/gpt-oss-120b"
ASKED = [ChatMessage(role="user", content="Who is it? Answer in JSON.")]


class Person(pydantic.BaseModel):
    """A person that a text is about."""

    name: str
    age: int


def llm(**settings):
    return llama_groq.Groq(model=MODEL, api_key="k", is_function_calling_model=True, **settings)


def test_chat_and_completion(groq_api):
    groq_api.reply("A short summary.", times=2)

    assert llm().chat(ASKED).message.content == "A short summary."
    assert llm().complete("Summarise: …").text == "A short summary."
    assert groq_api.calls.statuses == [200, 200]


async def test_chat_async(groq_api):
    groq_api.reply("A short summary.")

    assert (await llm().achat(ASKED)).message.content == "A short summary."
    assert groq_api.calls.statuses == [200]


def test_stream(groq_api):
    groq_api.reply(["One, ", "two, ", "three."])

    pieces = [chunk.delta for chunk in llm().stream_chat(ASKED)]

    assert [piece for piece in pieces if piece] == ["One, ", "two, ", "three."]


async def test_stream_async(groq_api):
    groq_api.reply(["One, ", "two, ", "three."])

    assert "".join([chunk.delta or "" async for chunk in await llm().astream_chat(ASKED)]) == "One, two, three."


def test_a_tool_call(groq_api):
    def weather(town: str) -> str:
        """The weather in a town."""
        return f"21 degrees in {town}"

    groq_api.reply(tool_calls=[{"name": "weather", "arguments": {"town": "Ulm"}}])

    answer = llm().chat_with_tools([FunctionTool.from_defaults(weather)], "How warm is it in Ulm?")

    (call,) = llm().get_tool_calls_from_response(answer)
    assert (call.tool_name, call.tool_kwargs) == ("weather", {"town": "Ulm"})
    assert groq_api.calls.statuses == [200]


def test_structured_output(groq_api):
    groq_api.reply(structured={"name": "Ada", "age": 36})

    answer = llm().as_structured_llm(Person).chat(ASKED)

    assert answer.raw == Person(name="Ada", age=36)
    assert groq_api.calls.statuses == [200]


def test_a_429_is_waited_out(groq_api, llm_clock):
    groq_api.fail("rate_limit_exceeded", retry_after=30)

    assert llm().chat(ASKED).message.content

    assert groq_api.calls.statuses == [429, 200]
    assert llm_clock.elapsed >= 30
