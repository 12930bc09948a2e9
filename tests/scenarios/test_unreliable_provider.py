"""Outages, fallbacks, slow answers and chaos, and what the application makes of them."""

from __future__ import annotations

import groq
import httpx
import httpx2
import openai
import pytest
import together

MODEL = "openai/gpt-oss-120b"
HELLO = [{"role": "user", "content": "Say hello"}]

# The application: Groq first, Together where Groq has no room.


class Answerer:
    def __init__(self, **settings):
        self.first = groq.Groq(**settings)
        self.second = together.Together(**settings)

    def ask(self, **more):
        try:
            return self._text(self.first, **more)
        except (groq.InternalServerError, groq.APIConnectionError):
            return self._text(self.second)
        except groq.APIStatusError as error:
            if error.status_code != 498:
                raise
            return self._text(self.second)

    @staticmethod
    def _text(client, **more):
        answer = client.chat.completions.create(model=MODEL, messages=HELLO, **more)
        return answer.choices[0].message.content


def test_498_falls_back_at_once(groq_api, together_api, llm_calls, llm_clock):
    groq_api.fail("flex_capacity_exceeded")
    together_api.reply("From the other side.")

    assert Answerer().ask() == "From the other side."

    assert [(call.provider, call.status) for call in llm_calls] == [("groq", 498), ("together", 200)]
    assert llm_clock.slept == 0


@pytest.mark.groq_api(plan="developer")
def test_flex_is_asked_for_and_refused(groq_api, together_api):
    groq_api.fail("flex_capacity_exceeded", when={"service_tier": "flex"}, times=None)

    Answerer().ask(service_tier="flex")
    Answerer().ask()

    assert groq_api.calls.statuses == [498, 200]
    assert together_api.calls.statuses == [200]


def test_503_is_tried_again_by_the_sdk_before_the_fallback(groq_api, together_api, llm_clock):
    groq_api.fail(503, times=3)
    together_api.reply("From the other side.")

    assert Answerer().ask() == "From the other side."

    assert groq_api.calls.statuses == [503, 503, 503]
    assert [call.attempt for call in groq_api.calls] == [1, 2, 3]
    assert [call.reply.error for call in groq_api.calls] == ["over_capacity"] * 3
    assert 0 < llm_clock.slept < 10


def test_an_outage_ends_by_itself(groq_api, together_api, llm_clock):
    outage = groq_api.outage(seconds=300)
    answerer = Answerer(max_retries=0)
    sides = []

    for _ in range(6):
        before = len(together_api.calls)
        answerer.ask()
        sides.append("together" if len(together_api.calls) > before else "groq")
        llm_clock.advance(minutes=1)

    assert sides == ["together"] * 5 + ["groq"]
    assert len(outage.calls) == 5
    assert groq_api.calls.statuses == [503] * 5 + [200]


def test_an_outage_of_one_model_only(groq_api):
    groq_api.outage(seconds=60, error="bad_gateway", when={"model": MODEL})
    client = groq.Groq(max_retries=0)

    with pytest.raises(groq.InternalServerError):
        client.chat.completions.create(model=MODEL, messages=HELLO)
    client.chat.completions.create(model="openai/gpt-oss-20b", messages=HELLO)

    assert groq_api.calls.statuses == [502, 200]


def test_both_down_is_the_applications_error(groq_api, together_api):
    groq_api.outage(seconds=60)
    together_api.outage(seconds=60, error="origin_down")

    with pytest.raises(together.InternalServerError) as down:
        Answerer().ask()

    assert down.value.status_code == 521


# Slow answers.

SLOW = {
    "groq": (lambda **s: groq.Groq(**s), groq, httpx, "groq_api"),
    "together": (lambda **s: together.Together(**s), together, httpx, "together_api"),
    "openai": (
        lambda **s: openai.OpenAI(base_url="https://api.groq.com/openai/v1", api_key="k", **s),
        openai,
        httpx2,
        "groq_api",
    ),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_read_timeout_fires_at_its_virtual_second(request, llm_clock, name):
    make, sdk, library, fixture = SLOW[name]
    api = request.getfixturevalue(fixture)
    api.latency(first_token=40)
    client = make(timeout=library.Timeout(100, read=25), max_retries=0)

    with pytest.raises(sdk.APITimeoutError):
        client.chat.completions.create(model=MODEL, messages=HELLO)

    assert llm_clock.elapsed == 25


@pytest.mark.parametrize("name", SLOW)
def test_a_patient_client_gets_its_answer_at_its_virtual_second(request, llm_clock, name):
    make, _, _, fixture = SLOW[name]
    api = request.getfixturevalue(fixture)
    api.latency(first_token=40)

    make(timeout=41, max_retries=0).chat.completions.create(model=MODEL, messages=HELLO)

    assert llm_clock.elapsed == api.calls.last.took == 40


def test_each_retry_waits_out_its_own_timeout(groq_api, llm_clock):
    groq_api.latency(first_token=40)

    with pytest.raises(groq.APITimeoutError):
        groq.Groq(timeout=10, max_retries=2).chat.completions.create(model=MODEL, messages=HELLO)

    assert len(groq_api.calls) == 3
    assert llm_clock.elapsed - llm_clock.slept == pytest.approx(30)


async def test_an_async_client_times_out_as_well(groq_api, llm_clock):
    groq_api.latency(first_token=40)

    with pytest.raises(groq.APITimeoutError):
        await groq.AsyncGroq(timeout=10, max_retries=0).chat.completions.create(model=MODEL, messages=HELLO)

    assert llm_clock.elapsed == 10


def test_only_what_is_meant_is_slow(groq_api, llm_clock):
    groq_api.latency(first_token=40, when="slowly")
    client = groq.Groq()

    client.chat.completions.create(model=MODEL, messages=HELLO)
    assert llm_clock.elapsed == 0
    client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Say it slowly"}])
    assert llm_clock.elapsed == 40


# Chaos.


def struck(api, client, calls=40):
    for number in range(calls):
        try:
            client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": f"Question {number}"}])
        except groq.APIStatusError:
            continue
    return api.calls.statuses


def test_chaos_is_the_same_for_the_same_seed(groq_api):
    client, runs = groq.Groq(max_retries=0), {}
    for run, seed in (("one", 8), ("again", 8), ("other", 7)):
        groq_api.reset()
        groq_api.chaos(0.3, errors=("over_capacity", "bad_gateway", 429), seed=seed)
        runs[run] = struck(groq_api, client)

    assert runs["one"] == runs["again"] != runs["other"]
    assert set(runs["one"]) == {200, 429, 502, 503}


def test_chaos_at_its_ends(groq_api):
    client = groq.Groq(max_retries=0)
    groq_api.chaos(0)
    assert struck(groq_api, client, 5) == [200] * 5
    groq_api.reset()
    groq_api.chaos(1, errors=[500])
    assert struck(groq_api, client, 5) == [500] * 5


def test_the_seed_is_in_the_failure_report(pytester, run_pytest):
    pytester.makepyfile(
        """
        import groq

        def test_it(groq_api):
            groq_api.chaos(1, errors=[500], seed=1234)
            groq.Groq(max_retries=0).chat.completions.create(
                model="openai/gpt-oss-20b", messages=[{"role": "user", "content": "x"}])
        """
    )

    result = run_pytest("-q")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*seed=1234*"])


def test_a_retry_after_that_the_provider_never_sent(groq_api, llm_clock):
    groq_api.fail(503, retry_after=12, headers={"x-incident": "42"})

    answer = groq.Groq().chat.completions.create(model=MODEL, messages=HELLO)

    assert answer.choices
    assert groq_api.calls[0].reply.headers["x-incident"] == "42"
    assert groq_api.calls[0].reply.retry_after == 12
    assert llm_clock.slept == 12


def test_a_fault_of_the_connection_that_was_never_met_is_told(run_pytest, pytester):
    pytester.makepyfile("def test_it(groq_api): groq_api.fail('dns_error')")
    result = run_pytest("-q")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*LLM207*fail('dns_error')*never used*"])
