"""What somebody else wrote decides neither how long we work nor how much memory we take."""

from __future__ import annotations

import json

import httpx
import pytest
from fuzz import fuzz

from pytest_llmcontract import simulate
from pytest_llmcontract.core.completion.spelling import matches
from pytest_llmcontract.core.completion.synthesis import Unsatisfiable, conforming

URL = {"groq": "https://api.groq.com/openai/v1/chat/completions",
       "together": "https://api.together.xyz/v1/chat/completions"}  # fmt: skip


def holding(part):
    return {"type": "object", "properties": {"a": part}, "required": ["a"]}


def nested(depth):
    part = {"type": "integer"}
    for _ in range(depth):
        part = {"type": "array", "minItems": 1000, "items": part}
    return part


def unions(count):
    others = {f"d{i}": [{"$ref": f"#/$defs/d{(i + j) % count}"} for j in range(1, count)] for i in range(count)}
    return {"$defs": {name: {"anyOf": parts} for name, parts in others.items()}, "$ref": "#/$defs/d0"}


BOMBS = {
    "items": holding({"type": "array", "minItems": 10**9, "items": {"type": "integer"}}),
    "letters": holding({"type": "string", "minLength": 10**10}),
    "properties": holding({"type": "object", "minProperties": 10**9}),
    "contained": holding({"type": "array", "contains": {"const": 1}, "minContains": 10**9}),
    "unions": unions(12),
    "arrays in arrays": holding(nested(5)),
    "repetitions": holding({"type": "string", "pattern": "^((a{500}){500}){500}$"}),
    "many long texts": {
        "type": "object",
        "properties": {f"p{n}": {"type": "string", "minLength": 500_000} for n in range(1000)},
        "required": [f"p{n}" for n in range(1000)],
    },
    "doubling": {
        "$defs": {
            **{f"d{n}": {"type": "array", "minItems": 2, "items": {"$ref": f"#/$defs/d{n + 1}"}} for n in range(40)},
            "d40": {"type": "string", "minLength": 100_000},
        },
        "$ref": "#/$defs/d0",
    },
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("schema", BOMBS.values(), ids=BOMBS)
def test_a_schema_that_asks_for_the_impossible_is_refused(schema):
    with pytest.raises(Unsatisfiable):
        conforming(schema)


def test_a_value_is_no_longer_than_the_request_lets_it_be():
    schema = holding({"type": "string", "minLength": 5000})

    assert len(conforming(schema)["a"]) == 5000
    with pytest.raises(Unsatisfiable, match="5,000 characters"):
        conforming(schema, room=4096)


@pytest.mark.timeout(60)
def test_a_pattern_that_goes_back_and_forth_ends():
    assert not matches("^(a+)+$", "a" * 60 + "!")


@pytest.mark.parametrize("provider", URL)
@pytest.mark.parametrize(
    "body",
    [
        '{"model":"openai/gpt-oss-120b","messages":[{"role":"user","content":"\\ud83d"}]}',
        '{"model":"\\ud83d","messages":[{"role":"user","content":"x"}]}',
        '{"model":"openai/gpt-oss-120b","\\ud83d":1,"messages":[{"role":"user","content":"x"}]}',
        '{"model":"openai/gpt-oss-120b","max_tokens":%s,"messages":[{"role":"user","content":"x"}]}' % ("9" * 400),
        '{"model":"openai/gpt-oss-120b","seed":-%s,"messages":[{"role":"user","content":"x"}]}' % ("9" * 5000),
        '{"model":"openai/gpt-oss-120b","temperature":NaN,"messages":[{"role":"user","content":"x"}]}',
        '{"model":"openai/gpt-oss-120b","top_p":1e999,"messages":[{"role":"user","content":"x"}]}',
    ],
    ids=["half a letter", "in the model", "in a name", "400 digits", "5000 digits", "no number", "endless"],
)
def test_what_no_provider_reads_is_refused_as_no_json(provider, body):
    with simulate(provider, check=False) as api:
        reply = httpx.post(URL[provider], headers={"authorization": "Bearer x"}, content=body.encode())

    assert reply.status_code == 400
    assert api.calls.statuses == [400]


@pytest.mark.parametrize("value", ["a\ud83d", {"n": float("nan")}, {"n": 10**400}])
def test_a_script_that_no_json_can_hold_is_refused_where_it_is_written(value):
    from pytest_llmcontract.core.errors import BadInput

    with simulate("groq") as api, pytest.raises(BadInput, match=r"of reply\(\) holds what no JSON can"):
        api.reply(body={"x": value})


def test_of_very_many_mismatches_the_first_are_told_and_the_others_counted():
    body = {"model": "openai/gpt-oss-120b", "messages": [{"role": "user", "content": "x"}]}
    body |= {f"field{n}": n for n in range(3000)}
    with simulate("groq", check=False) as api:
        httpx.post(URL["groq"], headers={"authorization": "Bearer x"}, content=json.dumps(body).encode())

    assert len(api.calls[0].violations) == 100
    assert api.calls[0].violations[-1].message.endswith("(and 2,900 more are wrong)")


@pytest.mark.timeout(120)
def test_broken_documents_are_read_or_refused_in_one_line():
    assert fuzz(100, seed=0, most=80) == 0
