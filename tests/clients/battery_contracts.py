"""The real clients, as their own documentation calls them, under the battery: what ``battery_table.py`` runs.

No test of this project: what clients do is a fact about them. Those that are not installed are left out.
"""

from __future__ import annotations

import os
import random
from importlib.util import find_spec
from typing import Any, ClassVar

import pydantic

from pytest_llmcontract import ClientContract

for _name in ("HF_HUB_OFFLINE", "LITELLM_LOCAL_MODEL_COST_MAP"):
    os.environ.setdefault(_name, "True")  # LiteLLM would fetch a tokenizer, and prices
MODEL = "openai/gpt-oss-120b"
QUESTION = "Say hello"
MESSAGES: list[Any] = [{"role": "user", "content": QUESTION}]
AT = {"groq": "https://api.groq.com/openai/v1", "together": "https://api.together.xyz/v1"}


def installed(*names: str) -> bool:
    return all(find_spec(name.partition(".")[0]) and find_spec(name) for name in names)


class Real(ClientContract):
    """One client, with nothing set but its model."""

    label: ClassVar[str] = ""
    """Its name in the table."""
    packages: ClassVar[tuple[str, ...]] = ()
    """Those whose versions say which it is."""

    def setup_method(self) -> None:
        random.seed(0)  # of the jitter in their waits


if installed("groq"):
    import groq

    class TestGroq(Real):
        label, packages, provider = "groq", ("groq",), "groq"

        def call(self):
            return groq.Groq().chat.completions.create(model=MODEL, messages=MESSAGES)

        def stream(self):
            return groq.Groq().chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)


if installed("together"):
    import together

    class TestTogether(Real):
        label, packages, provider = "together", ("together",), "together"

        def call(self):
            return together.Together().chat.completions.create(model=MODEL, messages=MESSAGES)

        def stream(self):
            return together.Together().chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)


if installed("openai"):
    import openai

    class TestOpenai(Real):
        label, packages, provider = "openai", ("openai",), "groq"

        def client(self):
            return openai.OpenAI(base_url=AT[self.provider], api_key="k")

        def call(self):
            return self.client().chat.completions.create(model=MODEL, messages=MESSAGES)

        def stream(self):
            return self.client().chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)

    class TestOpenaiOnTogether(TestOpenai):
        provider = "together"


if installed("langchain_groq"):
    import langchain_groq

    class TestLangChainGroq(Real):
        label, packages, provider = "LangChain", ("langchain-groq", "groq"), "groq"

        def call(self):
            return langchain_groq.ChatGroq(model=MODEL).invoke(QUESTION)

        def stream(self):
            yield from langchain_groq.ChatGroq(model=MODEL).stream(QUESTION)


if installed("langchain_together"):
    import langchain_together

    class TestLangChainTogether(Real):
        label, packages, provider = "LangChain", ("langchain-together", "langchain-openai", "openai"), "together"

        def call(self):
            return langchain_together.ChatTogether(model=MODEL).invoke(QUESTION)

        def stream(self):
            yield from langchain_together.ChatTogether(model=MODEL).stream(QUESTION)


if installed("litellm"):
    import litellm

    class TestLiteLLM(Real):
        label, packages, provider = "LiteLLM", ("litellm",), "groq"

        def call(self):
            return litellm.completion(model=self.model, messages=MESSAGES)

        def stream(self):
            yield from litellm.completion(model=self.model, messages=MESSAGES, stream=True)

        @property
        def model(self):
            return f"{'together_ai' if self.provider == 'together' else self.provider}/{MODEL}"

    class TestLiteLLMOnTogether(TestLiteLLM):
        provider = "together"


class Person(pydantic.BaseModel):
    """What is asked of clients that ask for objects."""

    name: str
    town: str


PERSON = {"name": "Anna Maria Mustermann", "town": "Castrop-Rauxel an der Emscher"}

if installed("instructor", "openai"):
    import instructor

    class TestInstructor(Real):
        label, packages, provider = "instructor", ("instructor", "openai"), "groq"
        structured = PERSON

        def call(self):
            client = instructor.from_openai(openai.OpenAI(base_url=AT[self.provider], api_key="k"))
            return client.chat.completions.create(model=MODEL, messages=MESSAGES, response_model=Person)

    class TestInstructorOnTogether(TestInstructor):
        provider = "together"


if installed("pydantic_ai", "groq"):
    from pydantic_ai import Agent
    from pydantic_ai.models.groq import GroqModel

    class TestPydanticAI(Real):
        label, packages, provider = "pydantic-ai", ("pydantic-ai-slim", "groq"), "groq"

        async def call(self):
            return await Agent(GroqModel(MODEL)).run(QUESTION)

        async def stream(self):
            async with Agent(GroqModel(MODEL)).run_stream(QUESTION) as answer:
                return await answer.get_output()

    class TestPydanticAIObject(Real):
        label, packages, provider = "pydantic-ai, an object", ("pydantic-ai-slim", "groq"), "groq"
        structured = PERSON

        async def call(self):
            return await Agent(GroqModel(MODEL), output_type=Person, retries=2).run(QUESTION)


if installed("pydantic_ai", "openai"):
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.together import TogetherProvider

    class TestPydanticAIOnTogether(Real):
        label, packages, provider = "pydantic-ai", ("pydantic-ai-slim", "openai"), "together"

        def agent(self):
            return Agent(OpenAIChatModel(MODEL, provider=TogetherProvider(api_key="k")))

        async def call(self):
            return await self.agent().run(QUESTION)

        async def stream(self):
            async with self.agent().run_stream(QUESTION) as answer:
                return await answer.get_output()
