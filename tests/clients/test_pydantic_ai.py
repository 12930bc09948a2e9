"""pydantic-ai on top of both fixtures."""

from __future__ import annotations

import asyncio

import pytest

pydantic_ai = pytest.importorskip("pydantic_ai")
openai = pytest.importorskip("openai")
pydantic = pytest.importorskip("pydantic")

MODEL = "openai/gpt-oss-120b"


class Person(pydantic.BaseModel):
    name: str
    age: int


def on_groq():
    groq = pytest.importorskip("pydantic_ai.models.groq")
    return groq.GroqModel(MODEL)


def on_together():
    models = pytest.importorskip("pydantic_ai.models.openai")
    together = pytest.importorskip("pydantic_ai.providers.together")
    return models.OpenAIChatModel(MODEL, provider=together.TogetherProvider())


@pytest.fixture(params=[("groq_api", on_groq), ("together_api", on_together)], ids=["groq", "together"])
def api_and_model(request):
    fixture, make = request.param
    return request.getfixturevalue(fixture), make()


async def test_chat(api_and_model):
    api, model = api_and_model
    api.reply("Hello!")

    result = await pydantic_ai.Agent(model).run("Say hello")

    assert result.output == "Hello!"
    assert api.calls.statuses == [200]


@pytest.fixture
def own_loop():
    """pydantic-ai's sync methods leave a loop of their own making open."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.close()
    asyncio.set_event_loop(None)


def test_chat_sync(api_and_model, own_loop):
    api, model = api_and_model
    api.reply("Hello!")

    assert pydantic_ai.Agent(model).run_sync("Say hello").output == "Hello!"
    assert api.calls.statuses == [200]


async def test_stream(api_and_model):
    api, model = api_and_model
    api.reply(["One, ", "two, ", "three."])

    async with pydantic_ai.Agent(model).run_stream("Count") as result:
        pieces = [piece async for piece in result.stream_text(delta=True, debounce_by=None)]

    assert "".join(pieces) == "One, two, three."
    assert len(pieces) >= 3
    assert api.calls.last.stream


async def test_an_agent_with_a_tool(api_and_model):
    api, model = api_and_model
    agent, asked = pydantic_ai.Agent(model), []

    @agent.tool_plain
    def weather(town: str) -> str:
        asked.append(town)
        return "21 degrees"

    api.reply(tool_calls=[{"name": "weather", "arguments": {"town": "Ulm"}}])
    api.reply("It is 21 degrees.")

    assert (await agent.run("How warm is it in Ulm?")).output == "It is 21 degrees."
    assert asked == ["Ulm"]
    assert api.calls.statuses == [200, 200]


async def test_unscripted_a_tool_is_called_once(api_and_model):
    api, model = api_and_model
    agent, asked = pydantic_ai.Agent(model), []

    @agent.tool_plain
    def weather(town: str) -> str:
        asked.append(town)
        return "21 degrees"

    assert (await agent.run("How warm is it in Ulm?")).output
    assert len(asked) == 1
    assert api.calls.statuses == [200, 200]


@pytest.mark.parametrize("output", [pydantic_ai.ToolOutput, pydantic_ai.PromptedOutput])
async def test_structured_output(api_and_model, output):
    api, model = api_and_model
    api.reply(structured={"name": "Ada", "age": 36})

    result = await pydantic_ai.Agent(model, output_type=output(Person)).run("Who is it?")

    assert result.output == Person(name="Ada", age=36)
    assert api.calls.statuses == [200]


async def test_native_structured_output_of_groq(groq_api):
    """Of Together's models pydantic-ai thinks that they cannot do it."""
    groq_api.reply(structured={"name": "Ada", "age": 36})

    result = await pydantic_ai.Agent(on_groq(), output_type=pydantic_ai.NativeOutput(Person)).run("Who is it?")

    assert result.output == Person(name="Ada", age=36)
    assert groq_api.calls.statuses == [200]


async def test_a_429_is_waited_out(api_and_model, llm_clock):
    api, model = api_and_model
    api.fail(429, retry_after=30)

    assert (await pydantic_ai.Agent(model).run("x")).output

    assert api.calls.statuses == [429, 200]
    assert llm_clock.elapsed == 30
