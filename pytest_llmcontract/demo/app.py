"""A small application: it summarises on Groq, falls back to Together, and draws pictures there."""

from __future__ import annotations

import groq
import openai
import together

MODEL = "openai/gpt-oss-120b"


def summarise(text: str) -> str:
    """Summarise *text* on Groq; when it has no room, on Together."""
    messages = [{"role": "user", "content": f"Summarise: {text}"}]
    try:
        completion = groq.Groq().chat.completions.create(model=MODEL, messages=messages)  # type: ignore[arg-type]
    except groq.APIStatusError as error:
        if error.status_code != 498:
            raise
        completion = together.Together().chat.completions.create(model=MODEL, messages=messages)  # type: ignore
    return completion.choices[0].message.content or ""


def stream(text: str) -> list[str]:
    """The pieces of a streamed answer, through the OpenAI SDK pointed at Groq."""
    client = openai.OpenAI(base_url="https://api.groq.com/openai/v1", api_key="any")
    chunks = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": text}], stream=True, stream_options={"include_usage": True}
    )
    return [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]


def rate(text: str) -> str:
    """Rate *text* with its log probabilities, a field that Groq documents as not supported."""
    client = openai.OpenAI(base_url="https://api.groq.com/openai/v1", api_key="any")
    try:
        completion = client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": f"Rate: {text}"}], logprobs=True
        )
    except openai.BadRequestError:
        return "no rating"  # swallowed: a plain mock would never tell
    return completion.choices[0].message.content or ""


def draw(model: str, prompt: str = "a house on a hill") -> str:
    """Draw a picture on Together; its address."""
    picture = together.Together().images.generate(model=model, prompt=prompt)
    return picture.data[0].url or ""  # type: ignore[union-attr]
