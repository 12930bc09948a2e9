"""Tools that Groq runs itself, and compound systems: what they answer, find and cost."""

from __future__ import annotations

from decimal import Decimal

import groq
import openai
import pytest

from pytest_llmcontract import simulate

OSS = "openai/gpt-oss-120b"
COMPOUND = "2026-06-04"
"""The last edition but two that has them."""


def ask(model=OSS, text="Who won?", **more):
    messages = [{"role": "user", "content": text}]
    return groq.Groq(api_key="k", max_retries=0).chat.completions.create(model=model, messages=messages, **more)


def found(reply):
    return [page.url for tool in reply.choices[0].message.executed_tools for page in tool.search_results.results]


@pytest.mark.parametrize(
    ("tool", "type", "price"), [("browser_search", "search", "0.005"), ("code_interpreter", "function", "0.00005")]
)
def test_a_built_in_tool_runs_once_and_costs_its_price(tool, type, price):
    with simulate("groq", plan="developer") as api:
        plain, reply = ask(), ask(tools=[{"type": tool}], tool_choice="required")
        message = reply.choices[0].message
        assert ([ran.type for ran in message.executed_tools], bool(message.content)) == ([type], True)
        assert message.executed_tools[0].arguments
        assert plain.choices[0].message.executed_tools is None
        usage, prices = api.calls.last.usage, api.edition.models[OSS].prices
        tokens = (usage.input_tokens * prices.input + usage.output_tokens * prices.output) / 1_000_000
        assert usage.tools == (tool,)
        assert api.calls.last.cost == tokens + Decimal(price)
        assert api.account.spent == api.calls.cost


def test_code_is_a_function_of_gpt_oss_and_quoted_as_it_is_by_compound():
    with simulate("groq", edition=COMPOUND):
        (ran,) = ask(tools=[{"type": "code_interpreter"}]).choices[0].message.executed_tools
        assert (ran.type, ran.name, ran.arguments) == ("function", "python", "print('Who won?')")
        (ran,) = ask("groq/compound", "Calculate what's 1").choices[0].message.executed_tools
        assert (ran.type, ran.arguments) == ("python", '{"code": "print("Calculate what\'s 1")"}')


def test_a_stream_tells_a_tool_as_it_begins_and_with_its_output():
    with simulate("groq"):
        chunks = ask(tools=[{"type": "browser_search"}], stream=True)
        deltas = [chunk.choices[0].delta.executed_tools for chunk in chunks if chunk.choices]
        begun, done = (delta[0] for delta in deltas if delta)
        assert (begun.output, bool(done.output), begun.arguments) == (None, True, done.arguments)


@pytest.mark.parametrize("choice", ["none"])
def test_a_tool_that_may_not_be_called_does_not_run(choice):
    with simulate("groq") as api:
        assert ask(tools=[{"type": "browser_search"}], tool_choice=choice).choices[0].message.executed_tools is None
        assert api.calls.last.usage.tools == ()


def test_an_answer_of_the_test_s_has_no_tools():
    with simulate("groq") as api:
        api.reply("The home team.")
        assert ask(tools=[{"type": "browser_search"}]).choices[0].message.executed_tools is None


def test_built_in_tools_and_structured_outputs_exclude_each_other():
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    with simulate("groq", check=False), pytest.raises(groq.BadRequestError, match="cannot be combined with tool"):
        ask(tools=[{"type": "browser_search"}], response_format=wanted)


@pytest.mark.parametrize("model", ["openai/gpt-oss-safeguard-20b", "qwen/qwen3.8-27b"])
def test_other_models_refuse_them(model):
    with simulate("groq", check=False), pytest.raises(groq.BadRequestError, match=r"must be one of \[function, mcp\]"):
        ask(model, tools=[{"type": "browser_search"}])


def test_openai_s_client_gets_them_as_an_extra():
    client = openai.OpenAI(api_key="k", base_url="https://api.groq.com/openai/v1")
    with simulate("groq"):
        messages = [{"role": "user", "content": "Hi"}]
        reply = client.chat.completions.create(model=OSS, messages=messages, tools=[{"type": "browser_search"}])
        assert reply.choices[0].message.executed_tools[0]["type"] == "search"


# Compound systems.


@pytest.mark.parametrize(
    ("text", "ran"),
    [
        ("Search for the weather in Boston today.", ["search"]),
        ("Calculate the square root of 101.", ["python"]),
        ("Tell me what is written on https://example.com/a", ["visit"]),
        ("Say hello.", None),
    ],
)
@pytest.mark.parametrize("model", ["groq/compound", "groq/compound-mini"])
def test_a_compound_system_chooses_a_tool_by_the_words(model, text, ran):
    with simulate("groq", edition=COMPOUND):
        tools = ask(model, text).choices[0].message.executed_tools
        assert (tools and [tool.type for tool in tools]) == ran


def test_only_enabled_tools_run():
    with simulate("groq", edition=COMPOUND) as api:
        ask("groq/compound", "Search!", compound_custom={"tools": {"enabled_tools": ["visit_website"]}})
        ask("groq/compound", "Search!", compound_custom={"tools": {"enabled_tools": []}})
        assert [call.usage.tools for call in api.calls] == [("visit_website",), ()]


def test_searches_keep_to_the_domains_of_the_request():
    with simulate("groq", edition=COMPOUND):
        inside = ask("groq/compound", "Search!", search_settings={"include_domains": ["groq.com", "*.org"]})
        outside = ask("groq/compound", "Search!", exclude_domains=["example.com"])
        assert found(inside) == ["https://groq.com/", "https://www.org/"]
        assert found(outside) == ["https://example.org/"]


def test_it_costs_what_the_models_behind_it_and_its_tools_cost():
    with simulate("groq", edition=COMPOUND, plan="developer") as api:
        reply = ask("groq/compound", "Search!")
        shares = {share.model: share.usage for share in reply.usage_breakdown.models}
        assert list(shares) == ["meta-llama/llama-4-scout-17b-16e-instruct", OSS]
        assert sum(share.total_tokens for share in shares.values()) == reply.usage.total_tokens
        prices = {name: api.edition.models[name].prices for name in shares}
        tokens = sum(
            used.prompt_tokens * prices[name].input + used.completion_tokens * prices[name].output
            for name, used in shares.items()
        )
        assert api.calls.last.cost == tokens / 1_000_000 + Decimal("0.005")


def test_a_request_can_choose_the_models_behind_it():
    with simulate("groq", edition=COMPOUND):
        reply = ask("groq/compound", compound_custom={"models": {"answering_model": "openai/gpt-oss-20b"}})
        assert reply.usage_breakdown.models[-1].model == "openai/gpt-oss-20b"


@pytest.mark.parametrize(
    ("model", "fields", "path"),
    [
        ("groq/compound", {"include_domains": ["https://groq.com"]}, "$.include_domains[0]"),
        ("groq/compound", {"search_settings": {"exclude_domains": [""]}}, "$.search_settings.exclude_domains[0]"),
        (
            "groq/compound",
            {"compound_custom": {"tools": {"enabled_tools": ["google"]}}},
            "$.compound_custom.tools.enabled_tools[0]",
        ),
        (
            "groq/compound",
            {"compound_custom": {"tools": {"enabled_tools": ["wolfram_alpha"]}}},
            "$.compound_custom.tools.wolfram_settings",
        ),
        (
            "groq/compound",
            {"compound_custom": {"tools": {"enabled_tools": ["browser_automation"]}}},
            "$.compound_custom.tools.enabled_tools",
        ),
        (OSS, {"search_settings": {"country": "france"}}, "$.search_settings"),
        (OSS, {"compound_custom": {"tools": {"enabled_tools": ["web_search"]}}}, "$.compound_custom"),
    ],
)
def test_settings_that_do_nothing_are_warned_of_and_refuse_nothing(model, fields, path):
    with simulate("groq", edition=COMPOUND, check=False) as api:
        assert ask(model, "Hello", **fields).choices
        assert [(one.code, one.path) for one in api.calls.last.violations] == [("LLM102", path)]
