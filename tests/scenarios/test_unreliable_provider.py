"""Outages, fallbacks, slow answers and chaos, and what the application makes of them."""

from __future__ import annotations

import contextlib
import json
import re

import groq
import httpx
import httpx2
import openai
import pytest
import together

from pytest_llmcontract import BadInput, simulate

GROQ = "https://api.groq.com/openai/v1"
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


# A stream that ends anywhere.


def arrived(api, at_byte, how="disconnect"):
    """The bytes that reach a client, whichever way its stream ends."""
    api.reply("Zürich — 東京", times=1)
    api.cut_stream(at_byte=at_byte, how=how)
    got = b""
    body = {"model": MODEL, "messages": HELLO, "stream": True}
    headers = {"authorization": "Bearer k"}
    sent = httpx.stream("POST", f"{GROQ}/chat/completions", json=body, headers=headers, timeout=5)
    with contextlib.suppress(httpx.HTTPError), sent as reply:
        for piece in reply.iter_raw():
            got += piece
    return got


def test_a_stream_ends_at_any_byte(groq_api):
    whole = arrived(groq_api, 100_000)
    assert whole.endswith(b"data: [DONE]\n\n")
    wide = whole.index("ü".encode()) + 1  # within the character

    for end in (0, 1, 5, wide, whole.index(b"\n\n") + 1, len(whole) - 3, len(whole)):
        got = arrived(groq_api, end)
        assert len(got) == end
        assert got[:20] == whole[: min(end, 20)]


@pytest.mark.parametrize(
    "client", [groq.Groq, lambda: openai.OpenAI(base_url=GROQ, api_key="k")], ids=["groq", "openai"]
)
@pytest.mark.parametrize("end", [0, 3, 200, 700, 1000])
def test_sdks_raise_or_end_where_a_stream_was_cut(groq_api, client, end):
    groq_api.reply("Zürich — 東京")
    groq_api.cut_stream(at_byte=end)
    text = ""
    with contextlib.suppress(groq.APIError, openai.APIError, httpx.HTTPError, httpx2.HTTPError, ValueError):
        for chunk in client().chat.completions.create(model=MODEL, messages=HELLO, stream=True):
            text += chunk.choices[0].delta.content or ""

    assert "Zürich — 東京".startswith(text)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"at_byte": -1}, "a number of bytes from 0"),
        ({"at_byte": 1.5}, "a number of bytes from 0"),
        ({"error": "stream_tool_use_failed"}, "accepted with how=.error_event."),
    ],
)
def test_where_no_stream_can_end(groq_api, wrong, words):
    with pytest.raises(BadInput, match=words):
        groq_api.cut_stream(**wrong)


# Chaos.


def test_one_seed_for_all_chaos_of_a_session(run_pytest, pytester):
    pytester.makepyfile(
        """
        import groq

        def test_it(groq_api):
            groq_api.chaos(0.5)
            statuses = []
            for number in range(12):
                try:
                    groq.Groq(max_retries=0).models.list()
                except groq.APIStatusError:
                    pass
            print("statuses", groq_api.calls.statuses)
            assert False
        """
    )

    def told(*flags):
        out = run_pytest(*flags).stdout.str()
        return re.search(r"statuses \[.*", out)[0], re.search(r"chaos\(0\.5, seed=(-?\d+)\)", out)[1]

    assert told() == told("--llmcontract-seed=0")
    seven = told("--llmcontract-seed=7")
    assert seven[1] == "7"
    assert seven[0] != told()[0]
    drawn = told("--llmcontract-seed=random")
    assert told(f"--llmcontract-seed={drawn[1]}") == drawn


def test_what_is_no_seed_is_refused(run_pytest, pytester):
    pytester.makepyfile("def test_it(): pass")
    result = run_pytest("--llmcontract-seed=often")

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--llmcontract-seed = 'often': accepted is a whole number, or random*"])


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


# Several at once.


def statuses(api, count=1, **fields):
    for number in range(count):
        body = {"model": MODEL, "messages": [{"role": "user", "content": f"Question {number}"}], **fields}
        with contextlib.suppress(httpx.TransportError):
            httpx.post(f"{GROQ}/chat/completions", json=body, headers={"authorization": "Bearer k"})
    return api.calls.statuses[-count:]


def test_an_outage_that_is_over_hides_no_other(groq_api, llm_clock):
    groq_api.outage(seconds=10)
    llm_clock.advance(seconds=20)
    groq_api.outage(seconds=10, error=500)
    groq_api.outage(seconds=30, error=502)

    assert statuses(groq_api) == [500]
    llm_clock.advance(seconds=10)
    assert statuses(groq_api) == [502]
    llm_clock.advance(seconds=20)
    assert statuses(groq_api) == [200]


def test_what_an_outage_comes_before_stays_for_the_next_call(groq_api, llm_clock):
    groq_api.outage(seconds=10, error=500)
    groq_api.chaos(1, errors=[502])
    script = groq_api.fail(521)

    assert statuses(groq_api, 2) == [500, 500]
    llm_clock.advance(seconds=10)
    assert statuses(groq_api) == [502]
    assert script.left == 1
    groq_api.simulator.state.scripts.withdraw(script)


def test_each_chaos_throws_dice_of_its_own(groq_api):
    groq_api.chaos(0.5, errors=[500], seed=1)
    alone = statuses(groq_api, 30)
    groq_api.reset()
    groq_api.chaos(0.5, errors=[500], seed=1)
    groq_api.chaos(1, errors=[502], seed=2)

    assert {500, 200} == set(alone)
    assert statuses(groq_api, 30) == [500 if status == 500 else 502 for status in alone]


def test_conditions_choose_among_them(groq_api):
    groq_api.outage(seconds=60, error=500, when={"temperature": 1})
    groq_api.chaos(1, errors=["connection_reset"], when={"temperature": 0})

    assert statuses(groq_api, temperature=1) == [500]
    assert statuses(groq_api, temperature=0) == [None]
    assert statuses(groq_api) == [200]


def test_the_newest_latency_holds_and_slows_refusals_too(groq_api, llm_clock):
    groq_api.latency(first_token=1)
    groq_api.latency(first_token=4, when={"temperature": 0})
    groq_api.fail(521)

    assert statuses(groq_api, temperature=0) == [521]
    assert llm_clock.elapsed == 4
    statuses(groq_api)
    assert llm_clock.elapsed == 5


@pytest.mark.parametrize("method", ["outage", "chaos"])
def test_no_weather_brings_an_error_within_a_stream(method):
    for name in ("groq", "together"):
        with simulate(name) as api:
            error = api.edition.stream_error.name
            given = {"outage": {"seconds": 1, "error": error}, "chaos": {"rate": 1, "errors": [error]}}[method]
            with pytest.raises(BadInput, match="it comes within a stream .* accepted: cut_stream"):
                getattr(api, method)(**given)


@pytest.mark.parametrize("body", [{"error": "upstream said no"}, "upstream said no", b"upstream said no"])
@pytest.mark.parametrize("place", [{"after": 2}, {"at_byte": 9}])
@pytest.mark.parametrize("name", ["groq", "together"])
def test_an_error_event_says_what_a_test_wants_it_to_say(name, place, body):
    with simulate(name) as api:
        api.cut_stream(how="error_event", body=body, **place)
        url = f"https://{api.edition.hosts[0]}{api.edition.base}/chat/completions"
        asked = {"model": MODEL, "messages": HELLO, "stream": True}
        got = httpx.post(url, json=asked, headers={"authorization": "Bearer k"}).content

    said = b'data: {"error":"upstream said no"}\n\n' if isinstance(body, dict) else b"data: upstream said no\n\n"
    assert said in got
    named = b"event: error\n" if name == "groq" else b""
    assert "at_byte" not in place or got.startswith(b'data: {"i' + named + said)


@pytest.mark.parametrize("body", ["{model}", "{x}", {"error": "{x}"}, {"error": {"message": "in {model}"}}])
@pytest.mark.parametrize("name", ["groq", "together"])
def test_no_braces_are_filled_in_an_event_of_the_tests_own(name, body):
    with simulate(name) as api:
        api.cut_stream(after=0, how="error_event", body=body)
        url = f"https://{api.edition.hosts[0]}{api.edition.base}/chat/completions"
        asked = {"model": MODEL, "messages": HELLO, "stream": True}
        got = httpx.post(url, json=asked, headers={"authorization": "Bearer k"}).text

    data = next(line[6:] for line in got.splitlines() if line.startswith("data: "))
    assert (data if isinstance(body, str) else json.loads(data)) == body
