"""More frameworks: one interface to many providers, and agents that ask until they know."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from declared.client import ASKED, FORMAT, MESSAGES, MODEL, TOOL, AsyncClient, Client, Weather
from declared.frameworks import BOTH, LangChainOpenAI, recorded
from declared.sdks import OpenAI3, Shaped

REDIRECT = "clients-redirect"
MORE = "clients-more"
"""The environment of those that are many or heavy."""


class LangGraph(LangChainOpenAI):
    """An agent of LangChain's on LangGraph."""

    package = "langgraph"
    also = ("langchain", "langchain-openai")
    environment = MORE
    asked = {"messages": [{"role": "user", "content": ASKED}]}

    def agent(self, **options: Any) -> Any:
        from langchain.agents import create_agent

        return create_agent(self.model(), **options)

    def chat(self) -> str:
        return self.agent().invoke(self.asked)["messages"][-1].content

    async def chat_async(self) -> str:
        return (await self.agent().ainvoke(self.asked))["messages"][-1].content

    def stream(self) -> list[str]:
        return [chunk.content for chunk, _ in self.agent().stream(self.asked, stream_mode="messages")]

    async def stream_async(self) -> list[str]:
        return [chunk.content async for chunk, _ in self.agent().astream(self.asked, stream_mode="messages")]

    def tools(self) -> dict[str, Any]:
        asked: list[dict[str, Any]] = []
        self.agent(tools=[recorded(asked)]).invoke(self.asked)
        return asked[0]

    def structured(self) -> dict[str, Any]:
        from langchain.agents.structured_output import ProviderStrategy

        agent = self.agent(response_format=ProviderStrategy(Weather))
        return agent.invoke(self.asked)["structured_response"].model_dump()


class AnyLlm(Shaped):
    package = "any-llm-sdk"
    sends_by = "httpx"
    environment = MORE

    also = ("groq",)  # it knows no third version of Together's SDK yet

    def options(self) -> dict[str, Any]:
        return {"model": MODEL, "provider": self.provider, "messages": MESSAGES, "api_key": "any"}

    def asked(self, **fields: Any) -> Any:
        import any_llm

        return any_llm.completion(**self.options(), **fields)

    def asked_async(self, **fields: Any) -> Any:
        import any_llm

        return any_llm.acompletion(**self.options(), **fields)

    def structured(self) -> dict[str, Any]:
        return Weather.model_validate_json(self.asked(response_format=Weather).choices[0].message.content).model_dump()


class Aisuite(Shaped):
    package = "aisuite"
    also = ("mcp",)
    sends_by = "httpx"
    environment = MORE

    @property
    def without(self) -> dict[str, str]:
        columns = dict.fromkeys(("async", "async stream"), "its client has no async half")
        columns["stream"] = "it streams from neither of the two"
        return columns if self.provider == "groq" else columns | {"429": "it tries nothing again"}

    def asked(self, **fields: Any) -> Any:
        import aisuite

        client = aisuite.Client({self.provider: {"api_key": "any"}})
        return client.chat.completions.create(model=f"{self.provider}:{MODEL}", messages=MESSAGES, **fields)


class Dspy(Client):
    """Its own client over sockets."""

    package = "dspy"
    sends_by = "sockets"
    environment = REDIRECT
    redirected = True
    without = dict.fromkeys(("stream", "async stream"), "it streams fields of its own form, not what was sent")

    def model(self) -> Any:
        import dspy

        prefix = {"groq": "groq", "together": "openai"}[self.provider]
        return dspy.LM(f"{prefix}/{MODEL}", api_key="any", api_base=self.url, cache=False)

    def chat(self) -> str:
        return text_of(self.model()(ASKED))

    async def chat_async(self) -> str:
        return text_of(await self.model().acall(ASKED))

    def tools(self) -> dict[str, Any]:
        return json.loads(self.model()(ASKED, tools=[TOOL])[0]["tool_calls"][0]["function"]["arguments"])

    def structured(self) -> dict[str, Any]:
        return json.loads(text_of(self.model()(ASKED, response_format=Weather)))


def text_of(answers: list[Any]) -> str:
    return answers[0] if isinstance(answers[0], str) else answers[0]["text"]


class Portkey(OpenAI3):
    """Its SDK with the provider's address in place of the gateway's."""

    package = "portkey-ai"
    versions = ""
    sends_by = "httpx"
    environment = MORE
    without = {"429": "its gateway tries again; the SDK by itself does not"}

    def made(self) -> Any:
        import portkey_ai

        return portkey_ai.Portkey(base_url=self.url, api_key="any", Authorization="Bearer any")

    def made_async(self) -> Any:
        import portkey_ai

        return portkey_ai.AsyncPortkey(base_url=self.url, api_key="any", Authorization="Bearer any")


class AutoGen(AsyncClient):
    package = "autogen-ext"
    also = ("autogen-agentchat",)
    sends_by = "httpx2"
    environment = MORE
    without = dict.fromkeys(("chat", "stream"), "autogen is async only")

    def model(self) -> Any:
        from autogen_ext.models.openai import OpenAIChatCompletionClient

        info = {"vision": False, "function_calling": True, "json_output": True, "structured_output": True}
        return OpenAIChatCompletionClient(
            model=MODEL,
            base_url=self.url,
            api_key="any",
            model_info={**info, "family": "unknown"},
            include_name_in_message=False,  # Groq refuses names
        )

    def messages(self) -> list[Any]:
        from autogen_core.models import UserMessage

        return [UserMessage(content=ASKED, source="user")]

    async def chat_async(self, **options: Any) -> str:
        return (await self.model().create(self.messages(), **options)).content

    async def stream_async(self) -> list[str]:
        return [chunk async for chunk in self.model().create_stream(self.messages()) if isinstance(chunk, str)]

    def tools(self) -> dict[str, Any]:
        from autogen_agentchat.agents import AssistantAgent

        asked: list[dict[str, Any]] = []
        asyncio.run(AssistantAgent("one", self.model(), tools=[recorded(asked)]).run(task=ASKED))
        return asked[0]

    def structured(self) -> dict[str, Any]:
        return Weather.model_validate_json(asyncio.run(self.chat_async(json_output=Weather))).model_dump()


class AgentFramework(AsyncClient):
    package = "agent-framework-openai"
    sends_by = "httpx2"
    environment = MORE
    without = dict.fromkeys(("chat", "stream"), "agent-framework is async only")

    def agent(self, **options: Any) -> Any:
        from agent_framework import Agent
        from agent_framework.openai import OpenAIChatCompletionClient

        return Agent(client=OpenAIChatCompletionClient(MODEL, base_url=self.url, api_key="any"), **options)

    async def chat_async(self) -> str:
        return (await self.agent().run(ASKED)).text

    async def stream_async(self) -> list[str]:
        return [update.text async for update in self.agent().run(ASKED, stream=True)]

    def tools(self) -> dict[str, Any]:
        asked: list[dict[str, Any]] = []
        asyncio.run(self.agent(tools=[recorded(asked)]).run(ASKED))
        return asked[0]

    def structured(self) -> dict[str, Any]:
        answer = asyncio.run(self.agent().run(ASKED, options={"response_format": Weather}))
        return answer.value.model_dump()


class Chatlas(Client):
    package = "chatlas"
    sends_by = "httpx2"
    environment = MORE

    def session(self) -> Any:
        import chatlas

        made = {"groq": chatlas.ChatGroq, "together": chatlas.ChatOpenAICompletions}[self.provider]
        return made(model=MODEL, base_url=self.url, api_key="any")

    def chat(self) -> str:
        return str(self.session().chat(ASKED, echo="none", stream=False))

    async def chat_async(self) -> str:
        return str(await (await self.session().chat_async(ASKED, echo="none", stream=False)).get_content())

    def stream(self) -> list[str]:
        return [str(piece) for piece in self.session().stream(ASKED)]

    async def stream_async(self) -> list[str]:
        return [str(piece) async for piece in await self.session().stream_async(ASKED)]

    def tools(self) -> dict[str, Any]:
        asked: list[dict[str, Any]] = []
        session = self.session()
        session.register_tool(recorded(asked))
        session.chat(ASKED, echo="none", stream=False)
        return asked[0]

    def structured(self) -> dict[str, Any]:
        return self.session().chat_structured(ASKED, data_model=Weather, echo="none").model_dump()


class Griptape(Client):
    package = "griptape"
    sends_by = "httpx2"
    environment = MORE
    without = {
        **dict.fromkeys(("async", "async stream"), "its drivers have no async half"),
        "tools": "its tools are classes with schemas of their own",
    }

    def agent(self, stream: bool = False, **options: Any) -> Any:
        from griptape.drivers.prompt.openai import OpenAiChatPromptDriver
        from griptape.structures import Agent

        driver = OpenAiChatPromptDriver(model=MODEL, base_url=self.url, api_key="any", stream=stream)
        return Agent(prompt_driver=driver, **options)

    def chat(self) -> str:
        answer = self.agent().run(ASKED).output
        if type(answer).__name__ == "ErrorArtifact":  # it does not raise
            raise answer.exception
        return answer.value

    def stream(self) -> list[str]:
        from griptape.utils import Stream

        pieces = [artifact.value for artifact in Stream(self.agent(stream=True)).run(ASKED)]
        return pieces[:-1] if pieces[-1] == "\n" else pieces  # of its own making

    def structured(self) -> dict[str, Any]:
        return self.agent(output_schema=Weather).run(ASKED).output.value.model_dump()


class GoogleAdk(AsyncClient):
    """Google's agents with LiteLLM's model."""

    package = "google-adk"
    also = ("litellm",)
    sends_by = "aiohttp"
    environment = MORE
    without = {
        "chat": "google-adk is async only",
        "stream": "google-adk is async only",
        "429": "LiteLLM does not wait as told",
    }

    async def events(self, **options: Any) -> list[Any]:
        import litellm
        from google.adk.agents import LlmAgent
        from google.adk.agents.run_config import RunConfig, StreamingMode
        from google.adk.models.lite_llm import LiteLlm
        from google.adk.runners import InMemoryRunner
        from google.genai import types

        litellm.disable_hf_tokenizer_download = True
        prefix = {"groq": "groq", "together": "together_ai"}[self.provider]
        mode = StreamingMode.SSE if options.pop("stream", False) else StreamingMode.NONE
        agent = LlmAgent(name="one", model=LiteLlm(f"{prefix}/{MODEL}"), **options)
        runner = InMemoryRunner(agent, app_name="app")
        session = await runner.session_service.create_session(app_name="app", user_id="one")
        asked = types.Content(role="user", parts=[types.Part(text=ASKED)])
        run = runner.run_async(
            user_id="one", session_id=session.id, new_message=asked, run_config=RunConfig(streaming_mode=mode)
        )
        return [event async for event in run]

    async def chat_async(self, **options: Any) -> str:
        return "".join(part.text or "" for part in (await self.events(**options))[-1].content.parts)

    async def stream_async(self) -> list[str]:
        events = [event for event in await self.events(stream=True) if event.partial]
        return [part.text or "" for event in events for part in event.content.parts if not part.thought]

    def tools(self) -> dict[str, Any]:
        asked: list[dict[str, Any]] = []
        asyncio.run(self.events(tools=[recorded(asked)]))
        return asked[0]

    def structured(self) -> dict[str, Any]:
        return Weather.model_validate_json(asyncio.run(self.chat_async(output_schema=Weather))).model_dump()


class InspectAi(AsyncClient):
    package = "inspect-ai"
    sends_by = "httpx, httpx2"
    environment = MORE
    without = {
        "chat": "inspect-ai is async only",
        "stream": "inspect-ai is async only",
        "async stream": "it hands on whole answers only",
    }

    async def asked(self, **options: Any) -> Any:
        from inspect_ai.model import GenerateConfig, get_model

        config = GenerateConfig(**options.pop("config", {"max_retries": 0}))
        return await get_model(f"{self.provider}/{MODEL}", api_key="any", memoize=False).generate(
            ASKED, config=config, **options
        )

    async def chat_async(self, **options: Any) -> str:
        return (await self.asked(**options)).completion

    def patient(self) -> str:
        return asyncio.run(self.chat_async(config={"max_retries": 3}))

    def tools(self) -> dict[str, Any]:
        from inspect_ai.tool import ToolInfo, ToolParams

        asked = TOOL["function"]
        tool = ToolInfo(
            name=asked["name"], description=asked["description"], parameters=ToolParams(**asked["parameters"])
        )
        return asyncio.run(self.asked(tools=[tool])).message.tool_calls[0].arguments

    def structured(self) -> dict[str, Any]:
        from inspect_ai.model import ResponseSchema
        from inspect_ai.util import json_schema

        schema = ResponseSchema(name="Weather", json_schema=json_schema(Weather))
        config = {"response_schema": schema, "max_retries": 0}
        return Weather.model_validate_json(asyncio.run(self.chat_async(config=config))).model_dump()


class Mem0(Client):
    """The models that its memory asks."""

    package = "mem0ai"
    sends_by = "httpx"
    environment = MORE
    without = {
        **dict.fromkeys(("async", "async stream"), "its models have no async half"),
        "stream": "it hands on whole answers only",
    }

    def asked(self, **options: Any) -> Any:
        from mem0.utils.factory import LlmFactory

        model = LlmFactory.create(self.provider, {"model": MODEL, "api_key": "any"})
        return model.generate_response(MESSAGES, **options)

    def chat(self) -> str:
        return self.asked()

    def tools(self) -> dict[str, Any]:
        return self.asked(tools=[TOOL])["tool_calls"][0]["arguments"]

    def structured(self) -> dict[str, Any]:
        return json.loads(self.asked(response_format=FORMAT))


class Outlines(OpenAI3):
    """The part of it that asks another's model for what fits a type."""

    package = "outlines"
    versions = ""
    environment = MORE

    def model(self) -> Any:
        import outlines

        return outlines.from_openai(self.made(), MODEL)

    def chat(self) -> str:
        return self.model()(ASKED)

    async def chat_async(self) -> str:
        import outlines

        return await outlines.from_openai(self.made_async(), MODEL)(ASKED)

    def stream(self) -> list[str]:
        return list(self.model().stream(ASKED))

    async def stream_async(self) -> list[str]:
        import outlines

        return [piece async for piece in outlines.from_openai(self.made_async(), MODEL).stream(ASKED)]

    without = {"tools": "it has no tools"}

    def structured(self) -> dict[str, Any]:
        return Weather.model_validate_json(self.model()(ASKED, Weather)).model_dump()


CLIENTS: list[Client] = [
    *(
        row(provider)
        for row in (
            LangGraph,
            Dspy,
            Aisuite,
            Portkey,
            AutoGen,
            AgentFramework,
            Chatlas,
            Griptape,
            GoogleAdk,
            InspectAi,
            Outlines,
        )
        for provider in BOTH
    ),
    AnyLlm("groq"),
    Mem0("groq"),
]
