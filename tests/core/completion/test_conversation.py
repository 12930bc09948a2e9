"""A request of the Responses API and the chat that it is: the same prompt, counted, answered and paid alike."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.completion.conversation import as_chat, place_of
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.provider import provider_called
from pytest_llmcontract.core.world import World, noon_of

BASE = "https://api.groq.com/openai/v1"
FACTS, PROVIDER = load_edition("groq"), provider_called("groq")
SIMULATOR = World(VirtualClock(noon_of(FACTS.date))).add(PROVIDER, FACTS, PROVIDER.settings())


def send(path: str, body: dict[str, Any]) -> Call:
    SIMULATOR.reset()
    headers = Headers({"authorization": "Bearer ***", "content-type": "application/json"})
    return SIMULATOR.answer(ApiRequest("POST", BASE + path, headers, json.dumps(body).encode())).call


# The same conversation in both forms

WORDS = st.text("abc deé\n", min_size=1, max_size=30)
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["a", "n"],
    "additionalProperties": False,
}
Both = tuple[list[dict[str, Any]], list[dict[str, Any]]]


def user(text: str) -> Both:
    message = {"role": "user", "content": text}
    return [message], [message]


def parts(text: str) -> Both:
    chat = {"role": "user", "content": [{"type": "text", "text": text}]}
    return [chat], [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}]


def assistant(text: str, again: str) -> Both:
    """What is said and called at once is one message of a chat, so somebody speaks in between."""
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
    chat, items = user(again)
    return [{"role": "assistant", "content": text}, *chat], [said, *items]


def called(count: int, text: str) -> Both:
    calls = [(f"c{n}", json.dumps({"a": text})) for n in range(count)]
    listed = [{"id": id, "type": "function", "function": {"name": "f", "arguments": said}} for id, said in calls]
    chat = [{"role": "assistant", "content": None, "tool_calls": listed}]
    chat += [{"role": "tool", "tool_call_id": id, "content": text} for id, _ in calls]
    items = [{"type": "function_call", "call_id": id, "name": "f", "arguments": said} for id, said in calls]
    return chat, items + [{"type": "function_call_output", "call_id": id, "output": text} for id, _ in calls]


TURNS = st.one_of(
    st.builds(user, WORDS),
    st.builds(parts, WORDS),
    st.builds(assistant, WORDS, WORDS),
    st.builds(called, st.integers(1, 3), WORDS),
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """One request as a chat and as a response."""
    turns = [
        *draw(st.lists(TURNS, max_size=4)),
        draw(st.one_of(st.builds(user, WORDS), st.builds(called, st.just(2), WORDS))),
    ]
    model = draw(st.sampled_from(["openai/gpt-oss-120b", "openai/gpt-oss-20b"]))
    chat: dict[str, Any] = {"model": model, "messages": [message for turn in turns for message in turn[0]]}
    response: dict[str, Any] = {"model": model, "input": [item for turn in turns for item in turn[1]]}
    if draw(st.booleans()):
        instructions = draw(WORDS)
        chat["messages"].insert(0, {"role": "system", "content": instructions})
        response["instructions"] = instructions
    if (most := draw(st.sampled_from([None, 3, 400]))) is not None:
        chat["max_completion_tokens"] = response["max_output_tokens"] = most
    if (effort := draw(st.sampled_from([None, "low", "high"]))) is not None:
        chat["reasoning_effort"], response["reasoning"] = effort, {"effort": effort}
    if (kind := draw(st.sampled_from(["", "tools", "schema", "hosted"]))) == "hosted":
        chat["tools"] = response["tools"] = [{"type": "browser_search"}]
    elif kind == "tools":
        function = {"name": "f", "parameters": SCHEMA}
        chat["tools"] = [{"type": "function", "function": function}]
        response["tools"] = [{"type": "function", **function}]
        if (choice := draw(st.sampled_from([None, "auto", "none", "required", "f"]))) is not None:
            named = choice == "f"
            chat["tool_choice"] = {"type": "function", "function": {"name": "f"}} if named else choice
            response["tool_choice"] = {"type": "function", "name": "f"} if named else choice
    elif kind:
        schema = {"name": "x", "schema": SCHEMA}
        chat["response_format"] = {"type": "json_schema", "json_schema": schema}
        response["text"] = {"format": {"type": "json_schema", **schema}}
    return chat, response


def said_by_chat(body: dict[str, Any]) -> tuple[Any, ...]:
    (choice,) = body["choices"]
    message = choice["message"]
    calls = [(call["function"]["name"], call["function"]["arguments"]) for call in message.get("tool_calls", ())]
    return message.get("content"), message.get("reasoning"), calls, choice["finish_reason"] == "length"


def said_by_response(body: dict[str, Any]) -> tuple[Any, ...]:
    items = {item["type"]: item for item in body["output"]}
    text = items["message"]["content"][0]["text"] if "message" in items else None
    thought = items["reasoning"].get("content", [{"text": None}])[0]["text"]
    calls = [(item["name"], item["arguments"]) for item in body["output"] if item["type"] == "function_call"]
    return text, thought, calls, body["status"] == "incomplete"


@settings(max_examples=60)
@given(both=requests())
def test_both_say_count_and_cost_the_same(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    chat, response = (send(path, body) for path, body in zip(("/chat/completions", "/responses"), both, strict=True))

    assert (chat.status, response.status) == (200, 200)
    assert chat.usage == response.usage
    assert chat.cost == response.cost > 0
    assert isinstance(chat.reply, ApiReply)
    assert isinstance(response.reply, ApiReply)
    assert said_by_chat(chat.reply.json) == said_by_response(response.reply.json)
    limits = [name for name in chat.reply.headers if name.startswith("x-ratelimit")]
    assert limits
    assert [chat.reply.headers[name] for name in limits] == [response.reply.headers[name] for name in limits]


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "role", "content", "input", "output", "call_id", "text", "format", "tools", "summary"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200)
@given(input=ANY, tools=ANY, text=ANY, choice=ANY)
def test_nothing_breaks_it(input: Any, tools: Any, text: Any, choice: Any) -> None:
    json.dumps(as_chat({"input": input, "tools": tools, "text": text, "tool_choice": choice, "reasoning": text}))


def test_a_thought_that_comes_back_is_the_message_s_own() -> None:
    items = [
        {"role": "user", "content": "Hi"},
        {"type": "reasoning", "id": "r", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Ho"}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    ]
    function = {"name": "f", "arguments": "{}"}

    assert as_chat({"input": items})["messages"] == [
        {"role": "user", "content": "Hi"},
        {
            "role": "assistant",
            "reasoning": "Hm.",
            "content": "Ho",
            "tool_calls": [{"id": "c", "type": "function", "function": function}],
        },
    ]


@pytest.mark.parametrize(
    ("place", "own"),
    [
        (("messages", 0, "content"), ("instructions",)),
        (("messages", 1, "content", 0), ("input", 0, "content", 0)),
        (("messages", 2), ("input", 1)),
        (("response_format",), ("text", "format")),
        (("response_format", "json_schema", "schema", "items"), ("text", "format", "schema", "items")),
        (("tools", 2, "function", "parameters"), ("tools", 2, "parameters")),
        (("reasoning_effort",), ("reasoning", "effort")),
        (("max_completion_tokens",), ("max_output_tokens",)),
        (("tools", 1, "type"), ("tools", 1, "type")),
    ],
)
def test_a_place_in_the_chat_is_a_place_in_the_request(
    place: tuple[str | int, ...], own: tuple[str | int, ...]
) -> None:
    body = {
        "instructions": "x",
        "input": [
            {"role": "user", "content": "a"},
            {"type": "reasoning", "summary": []},
            {"role": "assistant", "content": "b"},
        ],
    }
    assert place_of(body, place) == own
