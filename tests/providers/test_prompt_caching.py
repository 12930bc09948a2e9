"""Prompt caching through the real SDKs: what is cached, for how long, what it costs, and what defeats it."""

from __future__ import annotations

from decimal import Decimal

import groq
import openai
import pytest
import together

from pytest_llmcontract import simulate

OSS = "openai/gpt-oss-120b"
RULES = "You answer for the library: opening hours, loans, fees, and what else people ask. " * 40
"""Some 800 tokens."""


def ask(user="Hello", system=RULES, model=OSS, **more):
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    return groq.Groq(api_key="k", max_retries=0).chat.completions.create(model=model, messages=messages, **more)


def cached(api):
    return [call.usage.cached_tokens for call in api.calls]


def codes(api):
    return [finding.code for call in api.calls for finding in call.violations]


def test_only_a_hit_has_the_key_and_its_tokens_cost_half():
    with simulate("groq", plan="developer") as api:
        first, second = ask("One"), ask("Two")
        assert first.usage.prompt_tokens_details is None
        assert second.usage.prompt_tokens_details.cached_tokens == 768
        assert second.usage.prompt_tokens == first.usage.prompt_tokens
        prices = api.edition.models[OSS].prices
        assert api.calls[0].cost - api.calls[1].cost == 768 * prices.input / 2 / 1_000_000
        assert api.account.spent == api.calls.cost


def test_cached_tokens_are_not_counted_against_limits():
    with simulate("groq", plan="developer") as api:
        ask("One")
        ask("Two")
        first, second = (call.charges.taken["TPM"] for call in api.calls)
        assert first - second == 768
        assert api.limits(OSS)["TPM"].used == pytest.approx(first + second)


def test_a_stream_tells_it_as_well():
    with simulate("groq", plan="developer"):
        ask("One")
        *_, last = ask("Two", stream=True)
        assert last.x_groq.usage.prompt_tokens_details.cached_tokens == 768


def test_it_lasts_two_hours_after_its_last_use():
    with simulate("groq", plan="developer") as api:
        ask()
        api.clock.advance(hours=1, minutes=59)
        ask()
        api.clock.advance(hours=1, minutes=59)
        ask()
        api.clock.advance(hours=2)
        ask()
        assert cached(api) == [0, 768, 768, 0]


@pytest.mark.parametrize("model", ["qwen/qwen3.8-27b"])
def test_other_models_have_no_cache(model):
    with simulate("groq", plan="developer") as api:
        ask(model=model)
        ask(model=model)
        assert cached(api) == [0, 0]


def test_short_prompts_are_not_cached():
    with simulate("groq", plan="developer") as api:
        ask(system="Be short.")
        ask(system="Be short.")
        assert cached(api) == [0, 0]


def test_models_do_not_share_a_cache_and_an_account_starts_without_one():
    with simulate("groq", plan="developer") as api:
        ask(model=OSS)
        ask(model="openai/gpt-oss-20b")
        assert cached(api) == [0, 0]
        api.reset()
        ask(model=OSS)
        assert cached(api) == [0]


def test_tools_stand_before_the_messages():
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}, "description": RULES}}
    with simulate("groq", plan="developer") as api:
        api.reply("Done.", times=None)
        ask(tools=[tool])
        ask(tools=[tool])
        ask()
        assert cached(api)[1] > 768
        assert cached(api)[2] == 0


def test_scripted_usage_is_exact():
    with simulate("groq", plan="developer") as api:
        api.reply("a", usage={"prompt_tokens": 900, "completion_tokens": 1}, times=2)
        ask()
        ask()
        api.reply("a", usage={"prompt_tokens_details": {"cached_tokens": 300}})
        ask()
        api.reply("a", usage={"completion_tokens": 1})
        ask()
        assert cached(api) == [0, 0, 300, 768]


def test_a_refused_call_leaves_nothing_in_the_cache():
    with simulate("groq", plan="developer") as api:
        api.fail("over_capacity")
        with pytest.raises(groq.InternalServerError):
            ask()
        ask()
        assert cached(api) == [0, 0]


def test_openai_s_client_finds_the_key_where_it_has_it():
    client = openai.OpenAI(api_key="k", base_url="https://api.groq.com/openai/v1")
    with simulate("groq", plan="developer"):
        for _ in range(2):
            reply = client.chat.completions.create(model=OSS, messages=[{"role": "user", "content": RULES}])
        assert reply.usage.prompt_tokens_details.cached_tokens == 768


# Together AI.


def test_together_caches_for_models_with_a_price_for_it():
    messages = [{"role": "system", "content": RULES}, {"role": "user", "content": "Hi"}]
    with simulate("together") as api:
        model = next(
            model for model in api.edition.models.values()
            if model.type == "chat" and model.prices.cached_input and model.serverless and not model.retired
        )  # fmt: skip
        client = together.Together(api_key="k")
        replies = [client.chat.completions.create(model=model.id, messages=messages) for _ in range(2)]
        hit = cached(api)[1]
        assert (cached(api)[0], hit > 500, hit % 64) == (0, True, 0)
        assert replies[1].usage.model_dump()["cached_tokens"] == hit
        saved = model.prices.input - model.prices.cached_input
        assert api.calls[0].cost - api.calls[1].cost == Decimal(hit) * saved / 1_000_000


# LLM109.


def test_a_time_in_the_system_message_is_told_by_place_byte_and_kind():
    with simulate("groq", plan="developer") as api:
        for second in range(3):
            ask(system=f"It is 12:00:0{second}. {RULES}")
        assert cached(api) == [0, 0, 0]
        (finding,) = (finding for call in api.calls for finding in call.violations)
        assert (finding.code, finding.severity, finding.path) == ("LLM109", "note", "$.messages[0].content")
        assert finding.sent == (
            "byte 13 is the first that differs, in a time: '12:00:01.', the call before '12:00:00.'"
        )
        assert "test_prompt_caching.py" in finding.site


@pytest.mark.parametrize(
    "systems",
    [
        [RULES, RULES],
        [RULES, RULES + " More."],
        ["Short. 1", "Short. 2"],
        [RULES, "Something else entirely, " * 90],
    ],
)
def test_a_prompt_that_stays_or_goes_on_or_is_another_is_not_told(systems):
    with simulate("groq", plan="developer") as api:
        for system in systems:
            ask(system=system)
        assert codes(api) == []


def test_what_changes_at_the_end_is_not_told():
    with simulate("groq", plan="developer") as api:
        for number in range(3):
            ask(f"It is 12:00:0{number}. Where is it?")
        assert codes(api) == []


def test_a_change_after_two_hours_is_not_to_blame():
    with simulate("groq", plan="developer") as api:
        ask(system=f"It is 12:00. {RULES}")
        api.clock.advance(hours=3)
        ask(system=f"It is 15:00. {RULES}")
        assert codes(api) == []


def test_shuffled_tools_are_told():
    tools = [{"type": "function", "function": {"name": f"tool_{n}", "description": RULES[: 900 + n]}} for n in range(4)]
    with simulate("groq", plan="developer") as api:
        api.reply("a", times=None)
        for order in (tools, tools[::-1]):
            ask(tools=order)
        (finding,) = api.calls[1].violations
        assert (finding.code, finding.path) == ("LLM109", "$.tools[0]")


def test_a_history_cut_at_its_beginning_is_told():
    turns = [{"role": "user", "content": f"{number}: {RULES}"} for number in range(4)]
    client = groq.Groq(api_key="k")
    with simulate("groq", plan="developer") as api:
        for history in (turns[:3], turns[1:]):
            client.chat.completions.create(model=OSS, messages=history)
        (finding,) = api.calls[1].violations
        assert finding.path == "$.messages[0].content"


def test_a_secret_that_changes_is_not_shown():
    with simulate("groq", plan="developer") as api:
        for letter in "ab":
            ask(system=f"Key gsk_{letter * 30}. {RULES}")
        (finding,) = api.calls[1].violations
        assert "gsk_a" not in finding.sent
        assert "gsk_b" not in finding.sent
