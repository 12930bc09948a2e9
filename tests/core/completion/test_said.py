"""What a user says goes into the arguments of a made-up tool call, as with a model that heeds it."""

from __future__ import annotations

import json

import pytest

from pytest_llmcontract import simulate
from pytest_llmcontract.core.completion.said import with_said
from pytest_llmcontract.core.completion.synthesis import conforming


def arguments(text: str, /, required: list[str] | None = None, **properties: object) -> object:
    schema = {"type": "object", "properties": properties, "required": required or list(properties)}
    return conforming(with_said(schema, text))


STRING, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}


@pytest.mark.parametrize(
    ("text", "properties", "expected"),
    [
        ("What is magic(3)?", {"input": INTEGER}, {"input": 3}),
        ("Add 3 and 4.", {"a": INTEGER, "b": INTEGER}, {"a": 3, "b": 4}),
        ("A customer named '你好' please", {"name": STRING, "note": STRING}, {"name": "你好", "note": "note"}),
        ('"It\'s late", “später”', {"text": STRING, "more": STRING}, {"text": "It's late", "more": "später"}),
        ("It's cold and we don't go", {"text": STRING}, {"text": "text"}),
        ("Half is 0.5, or -2", {"a": NUMBER, "b": INTEGER}, {"a": 0.5, "b": -2}),
        ("On 2026-01-15 at 12:30, by v2.1.3, 50%", {"n": INTEGER}, {"n": 1}),
        ("Call it '3'", {"n": INTEGER}, {"n": 1}),
        ("For 7 days", {"days": {**INTEGER, "maximum": 5}}, {"days": 1}),
        ("For 7 days", {"days": {**INTEGER, "default": 2}}, {"days": 2}),
        ("In 'Ulm'", {"unit": {**STRING, "enum": ["C", "F"]}, "town": STRING}, {"unit": "C", "town": "Ulm"}),
        ("Nothing", {"town": STRING, "days": INTEGER}, {"town": "town", "days": 1}),
    ],
)  # fmt: skip
def test_what_is_said_is_taken_once_and_in_order(text, properties, expected):
    assert arguments(text, **properties) == expected


def test_what_is_not_required_takes_nothing():
    assert arguments("For 7 days in 5 towns", ["towns"], days=INTEGER, towns=INTEGER) == {"towns": 7}


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"properties": 3}, {"properties": {}, "required": "a"}])
def test_a_schema_of_another_form_is_left_as_it_is(schema):
    assert with_said(schema, "7 'x'") == schema


def test_a_model_calls_a_tool_with_what_the_user_said():
    import groq

    tool = {"name": "double", "parameters": {"type": "object", "properties": {"n": INTEGER}, "required": ["n"]}}
    with simulate("groq"):
        answer = groq.Groq().chat.completions.create(
            model="openai/gpt-oss-120b",
            messages=[{"role": "user", "content": "Double 21"}],
            tools=[{"type": "function", "function": tool}],
        )

    assert json.loads(answer.choices[0].message.tool_calls[0].function.arguments) == {"n": 21}
