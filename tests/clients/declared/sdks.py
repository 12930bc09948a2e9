"""The providers' SDKs, and OpenAI's."""

from __future__ import annotations

import json
from typing import Any

from declared.client import FORMAT, MESSAGES, MODEL, TOOL, Client


class Shaped(Client):
    """One that answers in objects of OpenAI's shape, to whatever it is asked by."""

    def asked(self, **fields: Any) -> Any:
        """The answer, or its chunks."""
        raise NotImplementedError

    def asked_async(self, **fields: Any) -> Any:
        """The same, to be awaited."""
        raise NotImplementedError

    def chat(self) -> str:
        return self.asked().choices[0].message.content

    async def chat_async(self) -> str:
        return (await self.asked_async()).choices[0].message.content

    def stream(self) -> list[str]:
        return [said(chunk) for chunk in self.asked(stream=True)]

    async def stream_async(self) -> list[str]:
        return [said(chunk) async for chunk in await self.asked_async(stream=True)]

    def tools(self) -> dict[str, Any]:
        return json.loads(self.asked(tools=[TOOL]).choices[0].message.tool_calls[0].function.arguments)

    def structured(self) -> dict[str, Any]:
        return json.loads(self.asked(response_format=FORMAT).choices[0].message.content)


class Sdk(Shaped):
    """One that is made like OpenAI's."""

    sends_by = "httpx"

    def made(self) -> Any:
        raise NotImplementedError

    def made_async(self) -> Any:
        raise NotImplementedError

    def asked(self, **fields: Any) -> Any:
        return self.made().chat.completions.create(model=MODEL, messages=MESSAGES, **fields)

    def asked_async(self, **fields: Any) -> Any:
        return self.made_async().chat.completions.create(model=MODEL, messages=MESSAGES, **fields)


def said(chunk: Any) -> str:
    return chunk.choices[0].delta.content or "" if chunk.choices else ""


class Groq(Sdk):
    package = "groq"

    def made(self) -> Any:
        import groq

        return groq.Groq()

    def made_async(self) -> Any:
        import groq

        return groq.AsyncGroq()


class GroqWithTenacity(Groq):
    """No retries but tenacity's, which knows nothing of what the provider says."""

    also = ("tenacity",)
    notes = {"429": "tenacity waits exponentially, not as told"}

    @property
    def name(self) -> str:
        return "tenacity around groq"

    def made(self) -> Any:
        import groq

        return groq.Groq(max_retries=0)

    def patient(self) -> str:
        import groq
        import tenacity

        again = tenacity.retry(
            retry=tenacity.retry_if_exception_type(groq.RateLimitError),
            wait=tenacity.wait_exponential(min=32, max=60),
            stop=tenacity.stop_after_attempt(3),
        )
        return again(self.chat)()


class Together(Sdk):
    package = "together"

    def made(self) -> Any:
        import together

        return together.Together()

    def made_async(self) -> Any:
        import together

        return together.AsyncTogether()


class Together3(Together):
    versions = "3"


class Together2(Together):
    versions = "2"
    environment = "together2"


class OpenAI3(Sdk):
    package = "openai"
    versions = "3"
    sends_by = "httpx2"

    def made(self) -> Any:
        import openai

        return openai.OpenAI(base_url=self.url, api_key="any")

    def made_async(self) -> Any:
        import openai

        return openai.AsyncOpenAI(base_url=self.url, api_key="any")


class OpenAI2(OpenAI3):
    versions = "2"
    sends_by = "httpx"
    environment = "clients-openai2"
