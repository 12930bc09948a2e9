"""Groq's service tiers: who may take which, what limits it, and how it shows."""

from __future__ import annotations

import groq
import openai
import pytest

from pytest_llmcontract import simulate

MODEL = "openai/gpt-oss-20b"


def ask(tier=groq.NOT_GIVEN, **more):
    client = groq.Groq(api_key="k", max_retries=0)
    messages = [{"role": "user", "content": "Say hello"}]
    return client.chat.completions.create(model=MODEL, messages=messages, service_tier=tier, **more)


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        (groq.NOT_GIVEN, "on_demand"),
        (None, "on_demand"),
        ("on_demand", "on_demand"),
        ("auto", "on_demand"),
        ("flex", "flex"),
        ("performance", "performance"),
    ],
)
def test_a_reply_and_the_ledger_name_the_tier_that_answered(asked, shown):
    with simulate("groq", plan="developer") as api:
        assert ask(asked).service_tier == shown
        assert api.calls.last.tier == shown


@pytest.mark.parametrize("tier", ["auto", "flex", "performance"])
def test_the_free_plan_has_no_other_tier_than_on_demand(tier):
    with simulate("groq", check=False) as api:
        with pytest.raises(groq.BadRequestError, match="not available for this org"):
            ask(tier)
        assert [finding.code for finding in api.calls.last.violations] == ["LLM102"]


def test_flex_has_ten_times_the_limits_and_counts_apart():
    with simulate("groq", plan="developer", limits={"RPM": 1, "TPM": 5000}) as api:
        assert ask().id
        assert [ask("flex").service_tier for _ in range(10)] == ["flex"] * 10
        with pytest.raises(groq.RateLimitError, match=r"service tier `flex` on requests per minute \(RPM\): Limit 10"):
            ask("flex")
        with pytest.raises(groq.RateLimitError, match=r"service tier `on_demand` on requests .*: Limit 1,"):
            ask()
        assert api.calls[1].reply.headers["x-ratelimit-limit-tokens"] == "50000"
        assert api.calls[0].reply.headers["x-ratelimit-limit-tokens"] == "5000"


def test_every_limit_of_the_plan_is_ten_times_as_large_in_flex():
    with simulate("groq", plan="developer") as api:
        ask("flex")
        usual = api.edition.limits_for("developer", MODEL)
        assert {kind: limit for kind, (_, limit) in api.calls.last.limits.items()} == {
            kind: 10 * limit for kind, limit in usual.items()
        }


def test_flex_without_capacity_fails_at_once_and_uses_nothing():
    with simulate("groq", plan="developer", limits={"RPM": 1, "TPM": 5000}, check=False) as api:
        api.capacity(flex=False)
        for _ in range(12):
            with pytest.raises(groq.APIStatusError) as refused:
                ask("flex")
            assert (refused.value.status_code, refused.value.body["error"]["code"]) == (498, "capacity_exceeded")
        assert api.calls.cost == 0
        assert ask().service_tier == "on_demand"
        api.capacity(flex=True)
        assert ask("flex").service_tier == "flex"


def test_an_sdk_does_not_try_498_again():
    with simulate("groq", plan="developer") as api:
        api.capacity(flex=False)
        with pytest.raises(groq.APIStatusError):
            groq.Groq(api_key="k").chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": "Hi"}], service_tier="flex"
            )
        assert api.calls.statuses == [498]


def test_auto_falls_to_flex_where_the_limits_are_used_up():
    with simulate("groq", plan="developer", limits={"RPM": 2}) as api:
        assert [ask("auto").service_tier for _ in range(4)] == ["on_demand", "on_demand", "flex", "flex"]
        api.clock.advance(minutes=1)
        assert ask("auto").service_tier == "on_demand"


def test_auto_without_flex_capacity_fails_with_498_once_it_would_fall_there():
    with simulate("groq", plan="developer", limits={"RPM": 1}) as api:
        api.capacity(flex=False)
        assert ask("auto").service_tier == "on_demand"
        with pytest.raises(groq.APIStatusError) as refused:
            ask("auto")
        assert refused.value.status_code == 498


def test_auto_that_finds_nothing_anywhere_is_refused_by_the_limit_of_flex():
    with simulate("groq", plan="developer", limits={"RPM": 1}) as api:
        for _ in range(11):
            ask("auto")
        with pytest.raises(groq.RateLimitError, match=r"service tier `flex` .* Limit 10, Used 10"):
            ask("auto")
        assert api.calls.last.shortage.limit == 10


def test_flex_costs_what_on_demand_costs():
    with simulate("groq", plan="developer") as api:
        ask()
        ask("flex")
        assert api.calls[0].cost == api.calls[1].cost > 0
        assert api.account.spent == api.calls.cost


def test_openai_s_client_gets_the_tier_in_a_stream_as_well():
    client = openai.OpenAI(api_key="k", base_url="https://api.groq.com/openai/v1")
    with simulate("groq", plan="developer") as api:
        *_, last = client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": "Hi"}],
            service_tier="flex",
            stream=True,
            stream_options={"include_usage": True},
        )
        assert last.service_tier == "flex"
        assert api.calls.last.tier == "flex"


def test_reset_forgets_what_flex_has_used():
    with simulate("groq", plan="developer", limits={"RPM": 0.1}) as api:
        ask("flex")
        with pytest.raises(groq.RateLimitError):
            ask("flex")
        api.reset()
        assert ask("flex").service_tier == "flex"
