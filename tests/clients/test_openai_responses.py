"""Groq's Responses API through those who speak it: LangChain, pydantic-ai, OpenAI's agents."""

from __future__ import annotations

import asyncio

import pytest

openai = pytest.importorskip("openai")
pydantic = pytest.importorskip("pydantic")

MODEL = "openai/gpt-oss-120b"
GROQ = "https://api.groq.com/openai/v1"


class Recipe(pydantic.BaseModel):
    title: str
    minutes: int


CAKE = Recipe(title="Cake", minutes=40)


def weather(city: str) -> str:
    """The weather in a city."""
    return f"rain in {city}"


def of_responses(api):
    return [(call.operation, call.status, call.stream) for call in api.calls]


class TestLangChain:
    @pytest.fixture
    def chat(self):
        langchain = pytest.importorskip("langchain_openai")
        return langchain.ChatOpenAI(model=MODEL, base_url=GROQ, api_key="x", use_responses_api=True)

    def test_answers_and_streams(self, groq_api, chat):
        groq_api.reply("Apple.", times=2)

        assert chat.invoke("Name a fruit.").text == "Apple."
        assert "".join(chunk.text for chunk in chat.stream("Name a fruit.")) == "Apple."
        assert of_responses(groq_api) == [("responses", 200, False), ("responses", 200, True)]

    def test_structured_output(self, groq_api, chat):
        groq_api.reply(structured=CAKE.model_dump())

        assert chat.with_structured_output(Recipe).invoke("A cake.") == CAKE

    def test_what_it_called_goes_in_again(self, groq_api, chat):
        messages = pytest.importorskip("langchain_core.messages")
        groq_api.reply(tool_calls=[{"name": "weather", "arguments": {"city": "Paris"}}])
        bound = chat.bind_tools([weather])
        called = bound.invoke("Weather in Paris?")
        (call,) = called.tool_calls
        result = messages.ToolMessage(weather(**call["args"]), tool_call_id=call["id"])

        assert bound.invoke([messages.HumanMessage("Weather in Paris?"), called, result]).text
        assert of_responses(groq_api) == [("responses", 200, False)] * 2


class TestPydanticAi:
    @pytest.fixture
    def agent(self):
        ai = pytest.importorskip("pydantic_ai")
        models = pytest.importorskip("pydantic_ai.models.openai")
        provider = pytest.importorskip("pydantic_ai.providers.openai").OpenAIProvider(base_url=GROQ, api_key="x")
        return lambda **more: ai.Agent(models.OpenAIResponsesModel(MODEL, provider=provider), **more)

    def test_runs_a_tool_and_answers(self, groq_api, agent):
        groq_api.reply(tool_calls=[{"name": "weather", "arguments": {"city": "Paris"}}])
        groq_api.reply("Rain.")

        assert agent(tools=[weather]).run_sync("Weather in Paris?").output == "Rain."
        assert of_responses(groq_api) == [("responses", 200, False)] * 2

    def test_structured_output(self, groq_api, agent):
        groq_api.reply(structured=CAKE.model_dump())

        assert agent(output_type=Recipe).run_sync("A cake.").output == CAKE

    def test_streams(self, groq_api, agent):
        groq_api.reply(["Ap", "ple."])

        async def text():
            async with agent().run_stream("Name a fruit.") as run:
                return [text async for text in run.stream_text(debounce_by=None)]

        assert asyncio.run(text())[-1] == "Apple."


class TestAgents:
    @pytest.fixture
    def run(self):
        agents = pytest.importorskip("agents")
        agents.set_tracing_disabled(True)

        def run(text, **more):
            client = openai.AsyncOpenAI(api_key="x", base_url=GROQ)
            model = agents.OpenAIResponsesModel(model=MODEL, openai_client=client)
            if "functions" in more:
                more["tools"] = [agents.function_tool(function) for function in more.pop("functions")]
            return asyncio.run(agents.Runner.run(agents.Agent(name="a", model=model, **more), text)).final_output

        return run

    def test_runs_a_tool_and_answers(self, groq_api, run):
        groq_api.reply(tool_calls=[{"name": "weather", "arguments": {"city": "Paris"}}])
        groq_api.reply("Rain.")

        assert run("Weather in Paris?", functions=[weather], instructions="Be brief.") == "Rain."
        assert of_responses(groq_api) == [("responses", 200, False)] * 2

    def test_structured_output(self, groq_api, run):
        groq_api.reply(structured=CAKE.model_dump())

        assert run("A cake.", output_type=Recipe) == CAKE
