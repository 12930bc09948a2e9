"""Frameworks on top of the SDKs, whose models answer and call tools when they are asked to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from declared.client import ASKED, FORMAT, MESSAGES, MODEL, TOOL, AsyncClient, Client, Weather
from declared.sdks import Shaped, said

OPENAI2 = "clients-openai2"


def recorded(asked: list[dict[str, Any]]) -> Callable[[str], str]:
    """The tool of an agent, which notes what it is asked for in *asked*."""

    def weather(town: str) -> str:
        """The weather in a town.

        Args:
            town: Where.
        """
        asked.append({"town": town})
        return "21 degrees"

    return weather


class LangChain(Client):
    """What all of LangChain's chat models do."""

    sends_by = "httpx2"

    def model(self) -> Any:
        raise NotImplementedError

    def chat(self) -> str:
        return self.model().invoke(ASKED).content

    async def chat_async(self) -> str:
        return (await self.model().ainvoke(ASKED)).content

    def stream(self) -> list[str]:
        return [chunk.content for chunk in self.model().stream(ASKED)]

    async def stream_async(self) -> list[str]:
        return [chunk.content async for chunk in self.model().astream(ASKED)]

    def tools(self) -> dict[str, Any]:
        return self.model().bind_tools([TOOL]).invoke(ASKED).tool_calls[0]["args"]

    def structured(self) -> dict[str, Any]:
        return self.model().with_structured_output(Weather).invoke(ASKED).model_dump()


class LangChainGroq(LangChain):
    package = "langchain-groq"
    sends_by = "httpx"
    environment = OPENAI2

    def model(self) -> Any:
        from langchain_groq import ChatGroq

        return ChatGroq(model=MODEL)


class LangChainTogether(LangChain):
    package = "langchain-together"

    def model(self) -> Any:
        from langchain_together import ChatTogether

        return ChatTogether(model=MODEL)


class LangChainOpenAI(LangChain):
    package = "langchain-openai"

    def model(self) -> Any:
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(model=MODEL, base_url=self.url, api_key="any")


class LiteLlm(Shaped):
    package = "litellm"
    sends_by = "httpx, aiohttp"
    without = {"429": "it does not wait as told: with `num_retries` it asks again at once, and is refused again"}

    def options(self) -> dict[str, Any]:
        prefix = {"groq": "groq", "together": "together_ai"}[self.provider]
        return {"model": f"{prefix}/{MODEL}", "messages": MESSAGES}

    def asked(self, **fields: Any) -> Any:
        import litellm

        litellm.disable_hf_tokenizer_download = True  # a stream from Together would ask for one
        return litellm.completion(**self.options(), **fields)

    def asked_async(self, **fields: Any) -> Any:
        import litellm

        litellm.disable_hf_tokenizer_download = True
        return litellm.acompletion(**self.options(), **fields)

    def stream(self) -> list[str]:
        return [chunk.choices[0].delta.content or "" for chunk in self.asked(stream=True)]

    async def stream_async(self) -> list[str]:
        return [chunk.choices[0].delta.content or "" async for chunk in await self.asked_async(stream=True)]

    def structured(self) -> dict[str, Any]:
        return Weather.model_validate_json(self.asked(response_format=Weather).choices[0].message.content).model_dump()


class Instructor(Shaped):
    package = "instructor"
    sends_by = "httpx"
    environment = OPENAI2
    without = {"tools": "it takes tools only to get its objects"}

    def asked(self, model: Any = None, **fields: Any) -> Any:
        import instructor
        import openai

        client = instructor.from_openai(openai.OpenAI(base_url=self.url, api_key="any"))
        return client.chat.completions.create(model=MODEL, messages=MESSAGES, response_model=model, **fields)

    def asked_async(self, **fields: Any) -> Any:
        import instructor
        import openai

        client = instructor.from_openai(openai.AsyncOpenAI(base_url=self.url, api_key="any"))
        return client.chat.completions.create(model=MODEL, messages=MESSAGES, response_model=None, **fields)

    def structured(self) -> dict[str, Any]:
        return self.asked(Weather).model_dump()


class PydanticAi(Client):
    package = "pydantic-ai-slim"
    sends_by = "httpx, httpx2"

    def agent(self, **options: Any) -> Any:
        import pydantic_ai

        return pydantic_ai.Agent(self._groq() if self.provider == "groq" else self._together(), **options)

    def _groq(self) -> Any:
        from pydantic_ai.models.groq import GroqModel

        return GroqModel(MODEL)

    def _together(self) -> Any:
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.together import TogetherProvider

        return OpenAIChatModel(MODEL, provider=TogetherProvider())

    def chat(self) -> str:
        return self.agent().run_sync(ASKED).output

    async def chat_async(self) -> str:
        return (await self.agent().run(ASKED)).output

    def stream(self) -> list[str]:
        return list(self.agent().run_stream_sync(ASKED).stream_text(delta=True, debounce_by=None))

    async def stream_async(self) -> list[str]:
        async with self.agent().run_stream(ASKED) as result:
            return [piece async for piece in result.stream_text(delta=True, debounce_by=None)]

    def tools(self) -> dict[str, Any]:
        asked: list[dict[str, Any]] = []
        self.agent(tools=[recorded(asked)]).run_sync(ASKED)
        return asked[0]

    def structured(self) -> dict[str, Any]:
        return self.agent(output_type=Weather).run_sync(ASKED).output.model_dump()


class OpenAiAgents(AsyncClient):
    package = "openai-agents"
    sends_by = "httpx2"

    def agent(self, **options: Any) -> Any:
        import agents
        import openai

        client = openai.AsyncOpenAI(base_url=self.url, api_key="any")
        model = agents.OpenAIChatCompletionsModel(model=MODEL, openai_client=client)
        return agents.Agent(name="one", model=model, **options)

    async def run(self, **options: Any) -> Any:
        import agents

        return (await agents.Runner.run(self.agent(**options), ASKED)).final_output

    def chat(self) -> str:
        import agents

        return agents.Runner.run_sync(self.agent(), ASKED).final_output

    async def chat_async(self) -> str:
        return await self.run()

    async def stream_async(self) -> list[str]:
        import agents

        events = agents.Runner.run_streamed(self.agent(), ASKED).stream_events()
        deltas = [event.data async for event in events if event.type == "raw_response_event"]
        return [delta.delta for delta in deltas if delta.type == "response.output_text.delta"]

    def tools(self) -> dict[str, Any]:
        import agents

        asked: list[dict[str, Any]] = []
        asyncio.run(self.run(tools=[agents.function_tool(recorded(asked))]))
        return asked[0]

    def structured(self) -> dict[str, Any]:
        return asyncio.run(self.run(output_type=Weather)).model_dump()


class Haystack(Client):
    package = "haystack-ai"
    sends_by = "httpx2"

    def generator(self, **options: Any) -> Any:
        from haystack.components.generators.chat import OpenAIChatGenerator
        from haystack.utils import Secret

        return OpenAIChatGenerator(Secret.from_token("any"), model=MODEL, api_base_url=self.url, **options)

    def messages(self) -> list[Any]:
        from haystack.dataclasses import ChatMessage

        return [ChatMessage.from_user(ASKED)]

    def reply(self, **options: Any) -> Any:
        return self.generator(**options).run(self.messages())["replies"][0]

    def chat(self) -> str:
        return self.reply().text

    async def chat_async(self) -> str:
        return (await self.generator().run_async(self.messages()))["replies"][0].text

    def stream(self) -> list[str]:
        chunks: list[Any] = []
        self.reply(streaming_callback=chunks.append)
        return [chunk.content for chunk in chunks]

    async def stream_async(self) -> list[str]:
        chunks: list[Any] = []

        async def heard(chunk: Any) -> None:
            chunks.append(chunk)

        await self.generator(streaming_callback=heard).run_async(self.messages())
        return [chunk.content for chunk in chunks]

    def tools(self) -> dict[str, Any]:
        from haystack.tools import Tool

        asked = TOOL["function"]
        tool = Tool(asked["name"], asked["description"], asked["parameters"], recorded([]))
        return self.reply(tools=[tool]).tool_calls[0].arguments

    def structured(self) -> dict[str, Any]:
        reply = self.reply(generation_kwargs={"response_format": Weather})
        return Weather.model_validate_json(reply.text).model_dump()


class Smolagents(Client):
    package = "smolagents"
    sends_by = "httpx2"
    without = dict.fromkeys(("async", "async stream"), "its models have no async half")
    notes = {"429": "beside the SDK's retries, its own of minutes"}

    def model(self, **options: Any) -> Any:
        from smolagents import OpenAIServerModel

        return OpenAIServerModel(MODEL, api_base=self.url, api_key="any", **options)

    def chat(self) -> str:
        return self.model().generate(MESSAGES).content

    def stream(self) -> list[str]:
        return [delta.content or "" for delta in self.model().generate_stream(MESSAGES)]

    def tools(self) -> dict[str, Any]:
        from smolagents import ToolCallingAgent, tool

        asked: list[dict[str, Any]] = []
        ToolCallingAgent([tool(recorded(asked))], self.model(), verbosity_level=0, max_steps=1).run(ASKED)
        return asked[0]

    def structured(self) -> dict[str, Any]:
        return json.loads(self.model().generate(MESSAGES, response_format=FORMAT).content)


class Agno(Client):
    package = "agno"
    sends_by = "httpx, httpx2"

    @property
    def also(self) -> tuple[str, ...]:
        return ("groq",) if self.provider == "groq" else ("openai",)

    def agent(self, **options: Any) -> Any:
        from agno.agent import Agent

        return Agent(model=self._model(), telemetry=False, **options)

    def _model(self) -> Any:
        if self.provider == "groq":
            from agno.models.groq import Groq as Model
        else:
            from agno.models.together import Together as Model
        return Model(id=MODEL)

    def chat(self) -> str:
        from agno.run import RunStatus

        reply = self.agent().run(ASKED)
        if reply.status == RunStatus.error:  # it does not raise
            raise RuntimeError(reply.content)
        return reply.content

    async def chat_async(self) -> str:
        return (await self.agent().arun(ASKED)).content

    def stream(self) -> list[str]:
        return [event.content for event in self.agent().run(ASKED, stream=True) if event.event == "RunContent"]

    async def stream_async(self) -> list[str]:
        events = self.agent().arun(ASKED, stream=True)
        return [event.content async for event in events if event.event == "RunContent"]

    def tools(self) -> dict[str, Any]:
        asked: list[dict[str, Any]] = []
        self.agent(tools=[recorded(asked)]).run(ASKED)
        return asked[0]

    def structured(self) -> dict[str, Any]:
        return self.agent(output_schema=Weather).run(ASKED).content.model_dump()


class Magentic(Client):
    package = "magentic"
    sends_by = "httpx2"

    def asked(self, *types: Any, functions: Any = ()) -> Any:
        import magentic

        return magentic.Chat(
            [magentic.UserMessage(ASKED)], functions=functions, output_types=[*types], model=self.model()
        )

    def model(self) -> Any:
        import magentic

        return magentic.OpenaiChatModel(MODEL, api_key="any", base_url=self.url)

    def chat(self) -> str:
        return self.asked(str).submit().last_message.content

    async def chat_async(self) -> str:
        return (await self.asked(str).asubmit()).last_message.content

    def stream(self) -> list[str]:
        import magentic

        return list(self.asked(magentic.StreamedStr).submit().last_message.content)

    async def stream_async(self) -> list[str]:
        import magentic

        answer = await self.asked(magentic.AsyncStreamedStr).asubmit()
        return [piece async for piece in answer.last_message.content]

    def tools(self) -> dict[str, Any]:
        import magentic

        call = self.asked(magentic.FunctionCall, functions=[recorded([])]).submit().last_message.content
        return dict(call.arguments)

    def structured(self) -> dict[str, Any]:
        return self.asked(Weather).submit().last_message.content.model_dump()


class SemanticKernel(AsyncClient):
    package = "semantic-kernel"
    tool = "tools-weather"
    sends_by = "httpx2"
    without = dict.fromkeys(("chat", "stream"), "semantic-kernel is async only")

    def service(self) -> Any:
        import openai
        from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion

        return OpenAIChatCompletion(
            ai_model_id=MODEL, async_client=openai.AsyncOpenAI(base_url=self.url, api_key="any")
        )

    def settings(self, **options: Any) -> Any:
        from semantic_kernel.connectors.ai.open_ai import OpenAIChatPromptExecutionSettings

        return OpenAIChatPromptExecutionSettings(**options)

    def history(self) -> Any:
        from semantic_kernel.contents import ChatHistory

        history = ChatHistory()
        history.add_user_message(ASKED)
        return history

    async def chat_async(self, **options: Any) -> str:
        return str(await self.service().get_chat_message_content(self.history(), self.settings(**options)))

    async def stream_async(self) -> list[str]:
        stream = self.service().get_streaming_chat_message_content(self.history(), self.settings())
        return [str(chunk) async for chunk in stream if chunk]

    def tools(self) -> dict[str, Any]:
        from semantic_kernel import Kernel
        from semantic_kernel.connectors.ai.function_choice_behavior import FunctionChoiceBehavior
        from semantic_kernel.functions import kernel_function

        asked: list[dict[str, Any]] = []
        kernel = Kernel()
        kernel.add_function("tools", kernel_function(name="weather")(recorded(asked)))
        settings = self.settings(function_choice_behavior=FunctionChoiceBehavior.Auto())
        asyncio.run(self.service().get_chat_message_content(self.history(), settings, kernel=kernel))
        return asked[0]

    def structured(self) -> dict[str, Any]:
        answer = asyncio.run(self.chat_async(response_format=Weather))
        return Weather.model_validate_json(answer).model_dump()


class HuggingFaceHub(Shaped):
    package = "huggingface_hub"
    sends_by = "httpx2"
    without = {"429": "it tries nothing again"}

    def made(self, kind: str) -> Any:
        import huggingface_hub

        return getattr(huggingface_hub, kind)(base_url=self.url, api_key="any")

    def asked(self, **fields: Any) -> Any:
        return self.made("InferenceClient").chat_completion(MESSAGES, model=MODEL, **fields)

    def asked_async(self, **fields: Any) -> Any:
        return self.made("AsyncInferenceClient").chat_completion(MESSAGES, model=MODEL, **fields)

    def stream(self) -> list[str]:
        client = self.made("InferenceClient")  # without its client a stream ends
        return [said(chunk) for chunk in client.chat_completion(MESSAGES, model=MODEL, stream=True)]


class LlamaIndex(Client):
    sends_by = "httpx"
    environment = OPENAI2

    @property
    def habits(self) -> dict[str, set[str]]:
        """Its own four attempts around the SDK's three; of Groq's 498 there is no second."""
        return {"498": {"LLM307"}} if self.provider == "together" else {}

    @property
    def package(self) -> str:
        return f"llama-index-llms-{self.provider}"

    def model(self) -> Any:
        if self.provider == "groq":
            from llama_index.llms.groq import Groq as Model
        else:
            from llama_index.llms.together import TogetherLLM as Model
        return Model(MODEL, api_key="any")

    def messages(self) -> list[Any]:
        from llama_index.core.llms import ChatMessage

        return [ChatMessage(ASKED)]

    def chat(self) -> str:
        return self.model().chat(self.messages()).message.content

    async def chat_async(self) -> str:
        return (await self.model().achat(self.messages())).message.content

    def stream(self) -> list[str]:
        return [chunk.delta for chunk in self.model().stream_chat(self.messages())]

    async def stream_async(self) -> list[str]:
        return [chunk.delta async for chunk in await self.model().astream_chat(self.messages())]

    def tools(self) -> dict[str, Any]:
        from llama_index.core.tools import FunctionTool

        model = self.model()
        model.is_function_calling_model = True  # of Together's models it does not know
        reply = model.chat_with_tools([FunctionTool.from_defaults(recorded([]), name="weather")], ASKED)
        return model.get_tool_calls_from_response(reply)[0].tool_kwargs

    def structured(self) -> dict[str, Any]:
        return self.model().as_structured_llm(Weather).complete(ASKED).raw.model_dump()


@contextmanager
def heard_by_crewai() -> Iterator[list[str]]:
    """The pieces that its bus is told of meanwhile."""
    from crewai.events import LLMStreamChunkEvent, crewai_event_bus

    pieces: list[str] = []
    with crewai_event_bus.scoped_handlers():
        crewai_event_bus.on(LLMStreamChunkEvent)(lambda _, event: pieces.append(event.chunk))
        yield pieces
        crewai_event_bus.flush()


class CrewAi(Client):
    package = "crewai"
    sends_by = "httpx"
    environment = "clients-crewai"
    notes = {"429": "by the SDK below it"}

    def model(self, **options: Any) -> Any:
        from crewai import LLM

        return LLM(f"openai/{MODEL}", base_url=self.url, api_key="any", **options)

    def chat(self) -> str:
        return self.model().call(ASKED)

    async def chat_async(self) -> str:
        return await self.model().acall(ASKED)

    def stream(self) -> list[str]:
        with heard_by_crewai() as pieces:
            self.model(stream=True).call(ASKED)
        return pieces

    async def stream_async(self) -> list[str]:
        with heard_by_crewai() as pieces:
            await self.model(stream=True).acall(ASKED)
        return pieces

    def tools(self) -> dict[str, Any]:
        asked: list[dict[str, Any]] = []
        self.model().call(ASKED, tools=[TOOL], available_functions={"weather": recorded(asked)})
        return asked[0]

    def structured(self) -> dict[str, Any]:
        answer = self.model(response_format=Weather).call(ASKED)
        return (answer if isinstance(answer, Weather) else Weather.model_validate_json(answer)).model_dump()


class Strands(AsyncClient):
    package = "strands-agents"
    sends_by = "httpx"
    environment = OPENAI2
    notes = {"429": "beside the SDK's retries, its own"}

    def agent(self, *tools: Any) -> Any:
        from strands import Agent
        from strands.models.openai import OpenAIModel

        model = OpenAIModel(client_args={"base_url": self.url, "api_key": "any"}, model_id=MODEL)
        return Agent(model, tools=[*tools], callback_handler=None)

    def chat(self) -> str:
        return str(self.agent()(ASKED)).strip()

    async def chat_async(self) -> str:
        return str(await self.agent().invoke_async(ASKED)).strip()

    async def stream_async(self) -> list[str]:
        return [event["data"] async for event in self.agent().stream_async(ASKED) if "data" in event]

    def tools(self) -> dict[str, Any]:
        from strands import tool

        asked: list[dict[str, Any]] = []
        self.agent(tool(recorded(asked)))(ASKED)
        return asked[0]

    def structured(self) -> dict[str, Any]:
        return self.agent().structured_output(Weather, ASKED).model_dump()


class Mirascope(Client):
    """Of its providers only Together's takes the names of models as they are."""

    package = "mirascope"
    sends_by = "httpx"
    environment = OPENAI2

    def asked(self, **options: Any) -> Any:
        from mirascope import llm

        llm.register_provider("together", f"{MODEL.partition('/')[0]}/", api_key="any")
        return llm.call(MODEL, **options)

    def chat(self) -> str:
        return self.asked()(lambda: ASKED)().text()

    async def chat_async(self) -> str:
        return (await self.asked()(question)()).text()

    def stream(self) -> list[str]:
        return [piece for piece in self.asked()(lambda: ASKED).stream().text_stream() if piece != END_OF_PART]

    async def stream_async(self) -> list[str]:
        stream = (await self.asked()(question).stream()).text_stream()
        return [piece async for piece in stream if piece != END_OF_PART]

    def tools(self) -> dict[str, Any]:
        from mirascope import llm

        return json.loads(self.asked(tools=[llm.tool(recorded([]))])(lambda: ASKED)().tool_calls[0].args)

    def structured(self) -> dict[str, Any]:
        return self.asked(format=Weather)(lambda: ASKED)().parse().model_dump()


END_OF_PART = "\n"  # of mirascope's own making


async def question() -> str:
    return ASKED


BOTH = ("groq", "together")
CLIENTS: list[Client] = [
    LangChainGroq("groq"),
    LangChainTogether("together"),
    Mirascope("together"),
    *(
        row(provider)
        for row in (
            LangChainOpenAI,
            LiteLlm,
            Instructor,
            PydanticAi,
            OpenAiAgents,
            Haystack,
            Smolagents,
            Agno,
            Magentic,
            SemanticKernel,
            HuggingFaceHub,
            LlamaIndex,
            CrewAi,
            Strands,
        )
        for provider in BOTH
    ),
]
