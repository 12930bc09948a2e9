"""An agent with tools, as an application has it: it calls the model until no tool is asked for."""

from __future__ import annotations

import json

import groq
import openai
import pytest
import together

MODEL = "openai/gpt-oss-120b"

# The application.

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a town",
        "parameters": {
            "type": "object",
            "properties": {
                "town": {"type": "string", "minLength": 1},
                "unit": {"enum": ["celsius", "fahrenheit"]},
            },
            "required": ["town", "unit"],
            "additionalProperties": False,
        },
    },
}
TIME = {
    "type": "function",
    "function": {
        "name": "time",
        "description": "The time in a zone",
        "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
    },
}


class Agent:
    def __init__(self, client, tools=(WEATHER, TIME), most=5):
        self.client = client
        self.tools = list(tools)
        self.most = most
        self.used = []

    def run(self, question, **more):
        messages = [{"role": "user", "content": question}]
        for _ in range(self.most):
            answer = self.client.chat.completions.create(model=MODEL, messages=messages, tools=self.tools, **more)
            message = answer.choices[0].message
            if not message.tool_calls:
                return message.content
            messages.append(message.model_dump(include={"role", "content", "tool_calls"}, exclude_none=True))
            for call in message.tool_calls:
                arguments = json.loads(call.function.arguments)
                self.used.append((call.function.name, arguments))
                messages.append({"role": "tool", "tool_call_id": call.id, "content": "21 degrees"})
        raise RuntimeError("the agent does not come to an end")


# Its tests.

CLIENTS = {
    "groq": (lambda: groq.Groq(), "groq_api"),
    "together": (lambda: together.Together(), "together_api"),
    "openai on groq": (
        lambda: openai.OpenAI(base_url="https://api.groq.com/openai/v1", api_key="k"),
        "groq_api",
    ),
    "openai on together": (
        lambda: openai.OpenAI(base_url="https://api.together.xyz/v1", api_key="k"),
        "together_api",
    ),
}


@pytest.fixture(params=CLIENTS)
def agent_and_api(request):
    make, fixture = CLIENTS[request.param]
    api = request.getfixturevalue(fixture)
    return Agent(make()), api


def test_unscripted_a_tool_is_called_once_and_then_answered(agent_and_api):
    agent, api = agent_and_api

    assert agent.run("How warm is it in Ulm?")

    assert [name for name, _ in agent.used] == ["weather"]
    assert set(agent.used[0][1]) == {"town", "unit"}
    assert agent.used[0][1]["unit"] in ("celsius", "fahrenheit")
    assert api.calls.statuses == [200, 200]


def test_scripted_tool_calls_reach_the_agent_in_their_order(agent_and_api):
    agent, api = agent_and_api
    api.reply(
        tool_calls=[
            {"name": "weather", "arguments": {"town": "Ulm", "unit": "celsius"}},
            {"name": "time", "arguments": {"zone": "CET"}},
        ]
    )
    api.reply(tool_calls=[{"name": "weather", "arguments": {"town": "Bonn", "unit": "celsius"}}])
    api.reply("Ulm 21, Bonn 21.")

    assert agent.run("How warm is it in Ulm and Bonn?") == "Ulm 21, Bonn 21."

    assert [arguments.get("town", arguments.get("zone")) for _, arguments in agent.used] == ["Ulm", "CET", "Bonn"]
    assert api.calls.statuses == [200] * 3
    roles = [message["role"] for message in api.calls.last.request.json["messages"]]
    assert roles == ["user", "assistant", "tool", "tool", "assistant", "tool"]


def test_two_calls_of_one_answer_have_ids_of_their_own(groq_api):
    groq_api.reply(tool_calls=[{"name": "time", "arguments": {"zone": z}} for z in ("CET", "UTC")])

    answer = groq.Groq().chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "time?"}], tools=[TIME]
    )

    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert len({call.id for call in choice.message.tool_calls}) == 2


def test_a_forced_tool_is_called_with_arguments_that_fit_its_schema(agent_and_api):
    agent, _api = agent_and_api

    answer = agent.client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "Ulm?"}],
        tools=[WEATHER, TIME],
        tool_choice={"type": "function", "function": {"name": "time"}},
    )

    (call,) = answer.choices[0].message.tool_calls
    assert call.function.name == "time"
    assert isinstance(json.loads(call.function.arguments)["zone"], str)


def test_structured_is_given_as_the_forced_tools_arguments(groq_api):
    groq_api.reply(structured={"town": "Ulm", "unit": "celsius"})

    answer = groq.Groq().chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "Ulm?"}], tools=[WEATHER], tool_choice="required"
    )

    (call,) = answer.choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"town": "Ulm", "unit": "celsius"}


def test_an_agent_that_never_ends_meets_its_own_bound(groq_api):
    ulm = {"town": "Ulm", "unit": "celsius"}
    again = groq_api.reply(tool_calls=[{"name": "weather", "arguments": ulm}], times=None)

    with pytest.raises(RuntimeError, match="does not come to an end"):
        Agent(groq.Groq(), most=4).run("again")

    assert len(again.calls) == 4


def test_a_tool_that_is_switched_off_is_not_called(agent_and_api):
    agent, _ = agent_and_api

    assert agent.run("How warm?", tool_choice="none")
    assert agent.used == []


def test_a_streamed_tool_call_joins_to_whole_arguments(agent_and_api):
    agent, api = agent_and_api
    api.reply(tool_calls=[{"name": "weather", "arguments": {"town": "Ulm", "unit": "celsius"}}])

    name = arguments = ""
    reasons = []
    for chunk in agent.client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "Ulm?"}], tools=[WEATHER], stream=True
    ):
        for choice in chunk.choices:
            for call in choice.delta.tool_calls or ():
                name += call.function.name or ""
                arguments += call.function.arguments or ""
            if choice.finish_reason:
                reasons.append(choice.finish_reason)

    assert (name, json.loads(arguments)) == ("weather", {"town": "Ulm", "unit": "celsius"})
    assert reasons == ["tool_calls"]


def test_a_model_that_spoils_its_call_is_a_400_with_what_it_wrote(groq_api):
    groq_api.fail("tool_use_failed")

    with pytest.raises(groq.BadRequestError) as refused:
        Agent(groq.Groq()).run("How warm?")

    assert refused.value.body["error"]["code"] == "tool_use_failed"
    assert "failed_generation" in refused.value.body["error"]


def test_replies_are_chosen_by_what_was_asked(groq_api):
    groq_api.reply("It is warm.", when="How warm")
    groq_api.reply("It is late.", when=lambda request: "late" in request.json["messages"][-1]["content"])
    groq_api.reply("No tools.", when={"model": MODEL, "tool_choice": "none"})

    assert Agent(groq.Groq()).run("How late?") == "It is late."
    assert Agent(groq.Groq()).run("Anything?", tool_choice="none") == "No tools."
    assert Agent(groq.Groq()).run("How warm?") == "It is warm."
