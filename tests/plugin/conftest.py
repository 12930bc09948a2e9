"""Helpers for tests that run pytest itself."""

from __future__ import annotations

import pytest

APP = '''
import groq, together

MODEL = "openai/gpt-oss-120b"

def summarise(text):
    messages = [{"role": "user", "content": f"Summarise: {text}"}]
    try:
        answer = groq.Groq().chat.completions.create(model=MODEL, messages=messages)
    except groq.APIStatusError as error:
        if error.status_code != 498:
            raise
        answer = together.Together().chat.completions.create(model=MODEL, messages=messages)
    return answer.choices[0].message.content

def rate(text):
    """Sends a field that Groq refuses, and swallows the refusal."""
    try:
        groq.Groq().chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": text}], extra_body={"logprobs": True})
    except groq.APIError:
        return "no rating"

async def arate(text):
    client = groq.AsyncGroq()
    try:
        await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": text}], extra_body={"logprobs": True})
    except groq.APIError:
        return "no rating"

def draw(model):
    return together.Together().images.generate(model=model, prompt="a house").data[0].url
'''


@pytest.fixture
def project(pytester):
    """A directory with an application, for tests written into it."""
    pytester.makepyfile(app=APP)
    return pytester
