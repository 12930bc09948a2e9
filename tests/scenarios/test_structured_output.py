"""Structured answers, validated with pydantic as the application does it."""

from __future__ import annotations

import json
from typing import Literal

import groq
import openai
import pytest
import together
from pydantic import BaseModel, ConfigDict, Field, ValidationError

MODEL = "openai/gpt-oss-120b"
LLAMA = "meta-llama/Llama-3.3-70B-Instruct-Turbo"

# The application.


class Line(BaseModel):
    model_config = ConfigDict(extra="forbid")
    article: str = Field(min_length=1)
    count: int = Field(ge=1, le=99)


class Invoice(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: str = Field(pattern=r"^R-[0-9]{4}$")
    currency: Literal["EUR", "USD"]
    lines: list[Line] = Field(min_length=1)
    paid: bool


FORMAT = {"type": "json_schema", "json_schema": {"name": "invoice", "schema": Invoice.model_json_schema()}}
ASKED = [{"role": "user", "content": "Read this invoice, answer in JSON: …"}]


def read(client, model=MODEL):
    answer = client.chat.completions.create(model=model, messages=ASKED, response_format=FORMAT)
    return Invoice.model_validate_json(answer.choices[0].message.content)


# Its tests.


def test_unscripted_the_answer_fits_the_schema(groq_api, together_api):
    assert read(groq.Groq()).lines
    assert read(together.Together()).lines
    assert read(openai.OpenAI(base_url="https://api.together.xyz/v1", api_key="k")).lines


def test_a_scripted_dict_is_what_the_application_reads(groq_api):
    given = {"number": "R-0001", "currency": "EUR", "lines": [{"article": "tea", "count": 2}], "paid": False}
    groq_api.reply(structured=given)

    assert read(groq.Groq()).model_dump() == given


@pytest.mark.llm_allow("LLM201")
def test_an_answer_that_does_not_fit_is_the_applications_to_refuse(groq_api):
    groq_api.reply(structured={"number": "1"})
    groq_api.reply("I cannot read that.")

    for _ in range(2):
        with pytest.raises(ValidationError):
            read(groq.Groq())


def test_the_openai_sdk_parses_it(groq_api):
    client = openai.OpenAI(base_url="https://api.groq.com/openai/v1", api_key="k")
    groq_api.reply(
        structured={"number": "R-0001", "currency": "EUR", "lines": [{"article": "tea", "count": 2}], "paid": True}
    )

    answer = client.chat.completions.parse(model=MODEL, messages=ASKED, response_format=Invoice)

    assert answer.choices[0].message.parsed.lines[0].article == "tea"


def test_json_mode(groq_api, together_api):
    for client, api in ((groq.Groq(), groq_api), (together.Together(), together_api)):
        api.reply(structured={"answer": 42})
        for _ in range(2):  # the second one unscripted
            answer = client.chat.completions.create(
                model=MODEL, messages=ASKED, response_format={"type": "json_object"}
            )
            assert isinstance(json.loads(answer.choices[0].message.content), dict)
        assert api.calls.statuses == [200, 200]


def test_partial_objects_of_a_stream(together_api):
    lines = [{"article": "tea", "count": 2}]
    together_api.reply(structured={"number": "R-0001", "currency": "EUR", "lines": lines, "paid": True})
    text, lengths = "", []

    for chunk in together.Together().chat.completions.create(
        model=MODEL, messages=ASKED, response_format=FORMAT, stream=True
    ):
        if chunk.choices and chunk.choices[0].delta.content:
            text += chunk.choices[0].delta.content
            lengths.append(len(text))

    assert json.loads(text)["number"] == "R-0001"
    assert len(lengths) > 3


def test_a_format_the_model_cannot_give_is_refused_as_groq_does(groq_api):
    groq_api.fail("json_validate_failed")

    with pytest.raises(groq.BadRequestError, match="json_validate_failed"):
        read(groq.Groq())
