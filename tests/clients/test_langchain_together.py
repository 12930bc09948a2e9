"""LangChain's ChatTogether on top of ``together_api``."""

from __future__ import annotations

import httpx
import pytest

langchain_together = pytest.importorskip("langchain_together")
openai = pytest.importorskip("openai")
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
    return langchain_together.ChatTogether(model=MODEL, **settings)


def test_chat(together_api):
    together_api.reply("A short summary.")

    answer = chat().invoke("Summarise: …")

    assert answer.content == "A short summary."
    assert answer.usage_metadata["total_tokens"] == together_api.calls.last.usage.total_tokens
    assert together_api.calls.statuses == [200]


async def test_chat_async(together_api):
    together_api.reply("A short summary.")

    assert (await chat().ainvoke("Summarise: …")).content == "A short summary."
    assert together_api.calls.statuses == [200]


def test_stream(together_api):
    together_api.reply(["One, ", "two, ", "three."])

    pieces = [chunk.content for chunk in chat().stream("Count")]

    assert [piece for piece in pieces if piece] == ["One, ", "two, ", "three."]
    assert together_api.calls.last.stream


async def test_stream_async(together_api):
    together_api.reply(["One, ", "two, ", "three."])

    assert "".join([chunk.content async for chunk in chat().astream("Count")]) == "One, two, three."


def test_an_agents_loop_with_tools(together_api):
    model, messages = chat().bind_tools([weather]), [HumanMessage("How warm is it in Ulm?")]
    together_api.reply(tool_calls=[{"name": "weather", "arguments": {"town": "Ulm"}}])
    together_api.reply("21 degrees.")

    while (answer := model.invoke(messages)).tool_calls:
        messages.append(answer)
        for call in answer.tool_calls:
            messages.append(ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"]))

    assert answer.content == "21 degrees."
    assert messages[-1].content == "21 degrees in Ulm"
    assert together_api.calls.statuses == [200, 200]


@pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
def test_structured_output(together_api, method):
    together_api.reply(structured={"name": "Ada", "age": 36})

    answer = chat().with_structured_output(Person, method=method).invoke("Who is it? Answer in JSON.")

    assert answer == Person(name="Ada", age=36)
    assert together_api.calls.statuses == [200]


@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
async def test_structured_output_unscripted_and_async(together_api, method):
    answer = await chat().with_structured_output(Person, method=method).ainvoke("Who is it?")

    assert isinstance(answer, Person)
    assert together_api.calls.statuses == [200]


@pytest.mark.parametrize("wait", [30, 90])
def test_a_429_is_waited_out(together_api, llm_clock, wait):
    """openai's SDK obeys up to two minutes."""
    together_api.fail("rate_limit", retry_after=wait)

    assert chat().invoke("x").content

    assert together_api.calls.statuses == [429, 200]
    assert llm_clock.slept == wait


async def test_a_429_is_waited_out_async(together_api, llm_clock):
    together_api.fail("rate_limit", retry_after=30)

    assert (await chat().ainvoke("x")).content

    assert together_api.calls.statuses == [429, 200]
    assert llm_clock.elapsed == 30


def test_errors_keep_their_class(together_api):
    together_api.fail("tier_restricted")

    with pytest.raises(openai.PermissionDeniedError):
        chat().invoke("x")


def test_a_stream_that_breaks_off(together_api):
    together_api.reply(["One, ", "two, ", "three."], reasoning="")
    together_api.cut_stream(after=2)
    said = []

    # openai 3 wraps what its HTTP library raises within a stream, openai 2 does not.
    with pytest.raises((openai.APIConnectionError, httpx.RemoteProtocolError)):
        for chunk in chat().stream("Count"):
            said.append(chunk.content)

    assert said[:2] == ["One, ", "two, "]


def test_embeddings(together_api):
    embeddings = langchain_together.TogetherEmbeddings(model="intfloat/multilingual-e5-large-instruct")
    documents = embeddings.embed_documents(["A red apple", "Quarterly earnings in Norway"])
    query = embeddings.embed_query("red apples")

    near, far = (sum(a * b for a, b in zip(query, vector, strict=True)) for vector in documents)
    assert near > far
    assert len(query) == 1024
