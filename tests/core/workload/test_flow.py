"""Would a flow fit a plan: one run in its own time, and many runs."""

from __future__ import annotations

import json
import random
from fractions import Fraction

import pytest

from pytest_llmcontract import fit, simulate
from pytest_llmcontract.core.exchange import ApiRequest, Headers
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.workload.budget import Budget, held
from pytest_llmcontract.core.workload.flow import Runs, demands, fits, tightest

EDITION = "2026-06-04"
SMALL, LARGE = "llama-3.1-8b-instant", "openai/gpt-oss-120b"
URLS = {
    "groq": "https://api.groq.com/openai/v1/chat/completions",
    "together": "https://api.together.xyz/v1/chat/completions",
}


def ask(api, tokens=(100, 20), model=SMALL, **fields):
    """One call that uses so many tokens."""
    api.reply("x", usage={"prompt_tokens": tokens[0], "completion_tokens": tokens[1]})
    send(api, {"model": model, "messages": [{"role": "user", "content": "Hello"}], **fields})


def send(api, body):
    request = ApiRequest("POST", URLS[api.name], Headers({"authorization": "Bearer ***"}), json.dumps(body).encode())
    return api.simulator.answer(request).call


def verdict(api, plan, **often):
    """The only line of a budget with this plan."""
    editions = {api.name: api.edition.date}
    (line,) = held(Budget(fits=plan, **often), api.calls, elapsed=0.0, editions=editions)
    return line


@pytest.fixture
def api():
    """Groq's developer plan: nothing here is refused."""
    with simulate("groq", plan="developer", edition=EDITION) as api:
        yield api


# One run


def test_a_burst_says_which_limit_at_which_call_when_and_by_how_much(api):
    for _ in range(5):
        ask(api, (1_900, 100))
        api.clock.advance(seconds=9.5)

    line = verdict(api, "groq/free")

    # 6,000 a minute give back 100 a second: 2,000 + 3 * (2,000 - 950) = 5,150 are used when the fifth call asks.
    assert line.finding.message == (
        "budget: 6,101 of 6,000 tokens in one minute (groq, plan free, TPM of llama-3.1-8b-instant) "
        "at call 5, t = 38.0 s"
    )
    assert (line.finding.call, line.finding.allowed) == (4, "6,000 tokens in one minute")
    assert line.finding.fix.startswith("groq/developer is the first plan that takes it;")
    assert round(line.used, 3) == round(6_101 / 6_000, 3)


def test_the_same_calls_spread_fit(api):
    for _ in range(5):
        ask(api, (1_900, 100))
        api.clock.advance(seconds=20)

    assert verdict(api, "groq/free").ok


def test_every_model_has_limits_of_its_own(api):
    for model in (SMALL, LARGE):
        for _ in range(2):
            ask(api, (2_500, 100), model)

    assert verdict(api, "groq/free").ok


def test_the_longest_completion_that_a_call_allows_must_be_left(api):
    ask(api, (1_000, 100))
    ask(api, (1_000, 100), max_completion_tokens=4_000)

    assert verdict(api, "groq/free").finding.message.startswith("budget: 6,100 of 6,000 tokens in one minute")


def test_a_call_larger_than_the_limit_never_fits(api):
    ask(api, (7_000, 10))

    assert verdict(api, "groq/free").finding.message.startswith("budget: 7,001 of 6,000 tokens in one minute")


def test_a_flow_that_waits_for_the_limit_does_not_fit_it():
    with simulate("groq", plan="free", edition=EDITION) as api:
        for _ in range(3):
            ask(api, (1_900, 100))
        refused = send(api, {"model": SMALL, "messages": [{"role": "user", "content": "Hello " * 50}]})
        api.clock.advance(seconds=refused.reply.retry_after)
        send(api, {"model": SMALL, "messages": [{"role": "user", "content": "Hello " * 50}]})

        line = verdict(api, "groq/free")

        assert refused.status == 429
        assert "tokens in one minute (groq, plan free, TPM" in line.finding.message
        assert line.finding.call == 3
        assert verdict(api, "groq/developer").ok


def played(flow, plan):
    """Calls of a flow of (model, words, output tokens, seconds after it), up to the first that is refused."""
    with simulate("groq", plan=plan, edition=EDITION, check=False) as api:
        for model, words, output, pause in flow:
            api.reply("x", usage={"completion_tokens": output})
            call = send(api, {"model": model, "messages": [{"role": "user", "content": "word " * words}]})
            if call.status != 200:
                break
            api.clock.advance(seconds=pause)
        return api.calls


@pytest.mark.parametrize("seed", range(12))
def test_what_is_judged_on_a_large_plan_is_what_happens_on_the_small_one(seed):
    chance = random.Random(seed)
    flow = [
        (chance.choice([SMALL, LARGE]), chance.randrange(2_000), chance.randrange(1, 400), chance.random() * 12)
        for _ in range(chance.randrange(5, 60))
    ]
    calls = played(flow, "free")
    refused = None if calls.last.status == 200 else len(calls) - 1

    judged = tightest(load_edition("groq", EDITION), "free", demands(played(flow, "developer"), "groq"), Runs())

    assert (None if judged.fits else judged.index) == refused


def test_refusals_that_were_scripted_do_not_count(api):
    api.fail(429, limit="TPD")
    send(api, {"model": SMALL, "messages": [{"role": "user", "content": "Hello"}]})
    ask(api)

    assert [demand.index for demand in demands(api.calls, "groq")] == [1]
    assert verdict(api, "groq/free").ok


def test_calls_to_others_and_calls_that_no_limit_was_asked_for_do_not_count(api):
    api.fail("bad_request")
    send(api, {"model": SMALL, "messages": [{"role": "user", "content": "Hello"}]})

    assert demands(api.calls, "groq") == []
    assert verdict(api, "groq/free").used == 0
    assert demands([*api.calls], "together") == []


def test_a_tier_that_may_not_use_a_model_does_not_fit():
    with simulate("together", tier=2) as api:
        request = {"model": "black-forest-labs/FLUX.1-kontext-pro", "prompt": "a house"}
        url = "https://api.together.xyz/v1/images/generations"
        headers = Headers({"authorization": "Bearer ***"})
        api.simulator.answer(ApiRequest("POST", url, headers, json.dumps(request).encode()))

        finding = verdict(api, "together/tier1").finding

        assert finding.message.startswith(
            "budget: black-forest-labs/FLUX.1-kontext-pro needs Build Tier 2 (together, tier 1) at call 1"
        )
        assert finding.fix.startswith("together/tier2 is the first plan that takes it")
        assert verdict(api, "together/tier2").ok


def test_togethers_windows_of_two_seconds_are_held():
    with simulate("together", tier=5) as api:
        for _ in range(21):
            ask(api, model="openai/gpt-oss-20b")

        assert verdict(api, "together/tier1").finding.message == (
            "budget: 21 of 20 calls in 2 s (together, tier 1, RPM of openai/gpt-oss-20b) at call 21, t = 0.0 s"
        )


# Many runs


def test_many_runs_say_how_many_fit(api):
    for _ in range(2):
        ask(api, (400, 100), LARGE)
        api.clock.advance(minutes=5)

    line = verdict(api, "groq/free", per_day=1_000)

    assert line.finding.message == (
        "budget: 1,000 runs a day take 1,000,000 of 200,000 tokens in one day "
        "(groq, plan free, TPD of openai/gpt-oss-120b), exceeded at run 201"
    )
    assert "at most 200 runs a day fit" in line.finding.fix
    assert line.finding.sent == "1,000 tokens a run"
    assert line.used == 5.0


@pytest.mark.parametrize(("per_day", "per_minute"), [(None, None), (400, None), (401, None), (None, 16), (None, 17)])
def test_runs_of_one_call_fit_as_llmcontract_fit_says(api, per_day, per_minute):
    ask(api, (400, 100), LARGE)

    asked = fit(
        "groq/free", LARGE, tokens_per_call=500, calls_per_day=per_day, calls_per_minute=per_minute, edition=EDITION
    )
    line = verdict(api, "groq/free", per_day=per_day, per_minute=per_minute)

    assert line.ok is (asked.fits is not False)
    if not line.ok:
        assert f"{asked.binding} of" in line.finding.message


def test_the_model_that_binds_is_named(api):
    ask(api, (400, 100), SMALL)
    ask(api, (400, 100), LARGE)

    assert "TPD of openai/gpt-oss-120b" in verdict(api, "groq/free", per_day=500).finding.message
    assert verdict(api, "groq/free", per_day=400).detail == "TPD of openai/gpt-oss-120b would bind first"


def test_where_no_plan_takes_it_that_is_said(api):
    ask(api, (400, 100))

    fix = verdict(api, "groq/free", per_minute="10M").finding.fix
    assert fix.startswith("no plan that is known takes it;")


def test_the_cheapest_plan_is_the_first_that_takes_it():
    with simulate("together", tier=1) as api:
        ask(api, (900, 100), "openai/gpt-oss-20b")

        finding = verdict(api, "together/tier1", per_minute=300).finding

        assert finding.fix.startswith("together/tier3 is the first plan that takes it;")


def test_published_limits_count_whatever_the_test_simulates():
    with simulate("groq", plan="free", edition=EDITION, limits={"TPM": "10M", "TPD": None}) as api:
        ask(api, (7_000, 10))

        assert not verdict(api, "groq/free").ok


def test_cached_tokens_do_not_count(api):
    usage = {"prompt_tokens": 7_000, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 6_900}}
    api.reply("x", usage=usage)
    send(api, {"model": SMALL, "messages": [{"role": "user", "content": "Hello"}]})

    (demand,) = demands(api.calls, "groq")

    assert demand.takes == {"RPM": 1, "RPD": 1, "TPM": 110, "TPD": 110, "ITPM": 100, "OTPM": 10}


def test_a_flow_without_calls_fits():
    assert fits(load_edition("groq", EDITION), "free", [], Runs(per_day=Fraction(10**9)))
