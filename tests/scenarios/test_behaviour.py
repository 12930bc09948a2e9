"""Clients that treat a provider badly, as public reports have them, and clients that treat it well."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from concurrent.futures import ThreadPoolExecutor

import groq
import openai
import pytest
import tenacity
import together

from pytest_llmcontract import simulate

MODEL = "openai/gpt-oss-120b"
OTHER = "openai/gpt-oss-20b"
HELLO = [{"role": "user", "content": "Hello"}]
STATUS_ERRORS = (groq.APIStatusError, together.APIStatusError, openai.APIStatusError)


def create(client, model=MODEL, messages=HELLO, **more):
    return client.chat.completions.create(model=model, messages=messages, **more)


def judged(api):
    """What is held against each call, as ``(code, severity, message)``; asked for as a test's end does."""
    return [(found.code, found.severity, found.message) for found in api.findings()]


def codes(api):
    return sorted({code for code, _, _ in judged(api)})


@pytest.fixture
def api(llm_clock):
    with simulate("groq", check=False) as simulated:
        yield simulated


@pytest.fixture
def together_ai(llm_clock):
    with simulate("together", check=False) as simulated:
        yield simulated


def growing(attempt):
    time.sleep(2**attempt * random.uniform(0.75, 1))


# What was reported in public: requests for one logical call, multiplied by layers.


def in_a_loop(client, attempts, wait=growing):
    for attempt in range(attempts):
        try:
            return create(client)
        except STATUS_ERRORS:
            wait(attempt)
    raise TimeoutError("no answer")


def test_three_of_the_sdk_in_four_of_the_application_are_twelve(api):
    api.fail(503, times=None)
    with pytest.raises(TimeoutError):
        in_a_loop(groq.Groq(), 4)

    [logical] = api.calls.logical
    assert (logical.requests, logical.by_layer) == (12, {"groq (SDK)": 8, "the application (in_a_loop)": 3})
    assert [call.attempt for call in api.calls] == list(range(1, 13))
    [(code, severity, message)] = judged(api)
    assert (code, severity) == ("LLM307", "error")
    assert "12 requests for one logical call" in message
    assert "groq (SDK) 8, the application (in_a_loop) 3" in message


def test_two_loops_of_two_around_three_of_the_sdk_are_twelve(api):
    def outer():
        for attempt in range(2):
            try:
                return in_a_loop(groq.Groq(), 2)
            except TimeoutError:
                growing(attempt)
        raise TimeoutError("not at all")

    api.fail(503, times=None)
    with pytest.raises(TimeoutError):
        outer()

    [logical] = api.calls.logical
    assert logical.requests == 12
    assert set(logical.by_layer) == {"groq (SDK)", "the application (in_a_loop)", "the application (outer)"}
    assert codes(api) == ["LLM307"]


def test_three_of_the_sdk_in_three_of_tenacity_are_nine(api):
    @tenacity.retry(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_random_exponential(min=1), reraise=True)
    def ask():
        return create(groq.Groq())

    api.fail(503, times=None)
    with pytest.raises(groq.InternalServerError):
        ask()

    [(code, severity, message)] = judged(api)
    assert (code, severity) == ("LLM307", "error")
    assert "9 requests" in message
    assert "groq (SDK) 6, tenacity 2" in message


def test_three_layers_are_forty_five(api):
    @tenacity.retry(stop=tenacity.stop_after_attempt(5), wait=tenacity.wait_random_exponential(min=1), reraise=True)
    def patiently():
        return create(groq.Groq())

    def job():
        for attempt in range(3):
            try:
                return patiently()
            except groq.APIStatusError:
                growing(attempt)
        raise TimeoutError("no answer")

    api.fail(503, times=None)
    with pytest.raises(TimeoutError):
        job()

    [(code, severity, message)] = judged(api)
    assert (code, severity) == ("LLM307", "error")
    assert "45 requests" in message
    assert "groq (SDK) 30, tenacity 12, the application (job) 2" in message


# Too early, too long, in vain.


def test_who_comes_back_too_early_is_refused_again(api, llm_clock):
    api.fail("rate_limit_exceeded", retry_after=2)
    in_a_loop(groq.Groq(max_retries=0), 4, lambda _: time.sleep(1))

    assert api.calls.statuses == [429, 429, 200]
    assert [call.reply.retry_after for call in api.calls][:2] == [2, 1]
    [(code, severity, message)] = judged(api)
    assert (code, severity) == ("LLM301", "error")
    assert "asked again after 1 s, and retry-after says 2 s" in message


def test_a_give_up_just_before_the_reset_is_seen_in_the_timeline(api):
    """Ten seconds were allowed, retry-after said 11.2, and nobody ever asked again: the last attempt was too early."""

    def ask():
        for wait in (2, 8):
            try:
                return create(groq.Groq(max_retries=0))
            except groq.RateLimitError:
                time.sleep(wait)
        raise TimeoutError("ten seconds are over")

    api.fail("rate_limit_exceeded", retry_after=11.2)
    with pytest.raises(TimeoutError):
        ask()

    [found] = [found for found in api.findings() if found.code == "LLM301"]
    asked, again = found.timeline.splitlines()
    assert asked.endswith("429 rate_limit_exceeded, retry-after 11.2")
    assert again.endswith("the application (ask) asked again after 2 s: 429 rate_limit_exceeded, retry-after 10")


def test_an_unbounded_wait_is_in_the_timeline_of_what_is_asked_of_another_model(api, llm_clock):
    """A day's limit names two hours, and the client sleeps through them before it falls back."""

    def ask():
        try:
            return create(groq.Groq(max_retries=0))
        except groq.RateLimitError as refused:
            time.sleep(float(refused.response.headers["retry-after"]))
            return create(groq.Groq(max_retries=0), OTHER)

    api.fail("rate_limit_exceeded", retry_after=7200)
    assert ask().choices
    assert judged(api) == []  # it did as it was told
    assert llm_clock.elapsed == 7200  # what llm_budget(seconds=…) is for


def test_the_sdk_that_comes_back_before_a_long_wait_is_over_is_a_warning(api):
    api.fail("rate_limit_exceeded", retry_after=61)
    with pytest.raises(groq.RateLimitError):
        create(groq.Groq(max_retries=1))

    [(code, severity, message)] = judged(api)
    assert (code, severity) == ("LLM301", "warning")
    assert "groq (SDK) asked again" in message


def test_a_400_that_is_retried(api):
    api.fail("bad_request")
    in_a_loop(groq.Groq(max_retries=0), 3)

    [(code, severity, message)] = judged(api)
    assert (code, severity) == ("LLM304", "error")
    assert "asked again after 400 bad_request" in message


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_what_is_in_vain_is_so_on_both_providers(together_ai, status):
    together_ai.fail(status)
    in_a_loop(together.Together(max_retries=0), 3)

    assert "LLM304" in codes(together_ai)


@pytest.mark.parametrize("slip", ["tool_use_failed", "json_validate_failed"])
def test_a_slip_of_the_model_may_be_asked_again(api, slip):
    api.fail(slip)
    in_a_loop(groq.Groq(max_retries=0), 3)

    assert judged(api) == []


def test_to_look_again_whether_somebody_paid_is_not_in_vain(together_ai):
    together_ai.fail(402)
    in_a_loop(together.Together(max_retries=0), 3, lambda _: time.sleep(90))

    assert judged(together_ai) == []


def test_another_key_is_another_question(api):
    def ask():
        for key in ("gsk_old", "gsk_new"):
            try:
                return create(groq.Groq(api_key=key, max_retries=0))
            except groq.AuthenticationError:
                continue
        raise TimeoutError("no key fits")

    api.fail("invalid_api_key")
    assert ask().choices
    assert judged(api) == []


# Storms, and waits that do not grow.


def test_a_storm_is_one_layer_that_never_stops(api):
    api.fail(503, times=11)
    in_a_loop(groq.Groq(max_retries=0), 20, lambda attempt: time.sleep(1.5**attempt * random.uniform(0.75, 1)))

    [(code, severity, message)] = judged(api)
    assert (code, severity) == ("LLM302", "error")
    assert "12 requests for one logical call, all by the application (in_a_loop)" in message


@pytest.mark.parametrize("wait", [0, 1, 5])
def test_waits_that_do_not_grow(api, wait):
    api.fail(503, times=3)
    in_a_loop(groq.Groq(max_retries=0), 4, lambda _: time.sleep(wait))

    assert codes(api) == ["LLM303"]


def test_many_that_come_back_at_the_same_moment(api):
    async def ask(client, number):
        for _ in range(2):
            try:
                return await create(client, messages=[{"role": "user", "content": f"Question {number}"}])
            except groq.APIStatusError:
                await asyncio.sleep(3)
        raise TimeoutError("no answer")

    async def main():
        client = groq.AsyncGroq(max_retries=0)
        await asyncio.gather(*(ask(client, number) for number in range(5)))

    api.fail(503, times=5)
    asyncio.run(main())

    [(code, severity, message)] = judged(api)
    assert (code, severity) == ("LLM303", "error")
    assert "5 calls that failed together came back together" in message


# Which calls are one.


def test_a_gather_of_equal_prompts_is_as_many_logical_calls(api):
    async def main():
        client = groq.AsyncGroq()
        await asyncio.gather(*(create(client) for _ in range(3)))

    api.fail(503, times=4)
    asyncio.run(main())

    assert sorted(logical.requests for logical in api.calls.logical) in ([2, 2, 3], [1, 3, 3])
    assert all(logical.succeeded for logical in api.calls.logical)
    assert judged(api) == []


@pytest.mark.parametrize(
    "within", [lambda asked: asyncio.wait_for(asked, 30), asyncio.create_task], ids=["wait_for", "task"]
)
def test_an_attempt_in_a_task_of_its_own_is_of_whoever_waits_for_it(api, within):
    async def ask():
        client = groq.AsyncGroq(max_retries=0)
        for attempt in range(3):
            try:
                return await within(create(client))
            except groq.APIStatusError:
                await asyncio.sleep(2**attempt)
        raise TimeoutError("no answer")

    api.fail("bad_request")
    assert asyncio.run(ask()).choices

    [logical] = api.calls.logical
    assert logical.by_layer == {"the application (ask)": 1}
    assert codes(api) == ["LLM304"]


def test_equal_prompts_in_tasks_that_are_awaited_one_by_one_are_as_many_logical_calls(api):
    async def main():
        client = groq.AsyncGroq(max_retries=0)
        tasks = [asyncio.create_task(create(client)) for _ in range(3)]
        for task in tasks:
            with contextlib.suppress(groq.APIStatusError):
                await task

    api.fail(503, times=3)
    asyncio.run(main())

    assert [logical.requests for logical in api.calls.logical] == [1, 1, 1]


def test_equal_prompts_in_threads_are_as_many_logical_calls(api):
    def ask(_):
        with pytest.raises(groq.InternalServerError):
            create(groq.Groq(max_retries=0))

    api.fail(503, times=6)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(ask, range(6)))

    assert [logical.requests for logical in api.calls.logical] == [1] * 6


def test_a_loop_that_asks_on_after_answers_is_no_retry(api):
    refused = 0
    for _ in range(40):
        try:
            create(groq.Groq(max_retries=0))
        except groq.RateLimitError:
            refused += 1

    assert (refused, len(api.calls.logical)) == (10, 40)
    assert [code for code in codes(api) if code != "LLM306"] == []


def test_what_the_test_does_between_two_calls_separates_them(api):
    def refused(status):
        api.fail(status)
        with pytest.raises(groq.APIStatusError):
            create(groq.Groq(max_retries=0))

    for status in (400, 401, 404):
        refused(status)

    assert [logical.requests for logical in api.calls.logical] == [1, 1, 1]
    assert judged(api) == []


def test_another_model_is_a_fallback_and_no_retry(api):
    def ask():
        for model in (MODEL, OTHER):
            try:
                return create(groq.Groq(max_retries=0), model)
            except groq.APIStatusError:
                continue
        raise TimeoutError("no model answers")

    api.fail(429, times=1, retry_after=30)
    assert ask().choices
    assert [logical.requests for logical in api.calls.logical] == [1, 1]
    assert judged(api) == []


def test_attempts_are_counted_across_layers_by_budgets_too(run_pytest, pytester):
    pytester.makepyfile(
        """
        import time
        import groq, pytest

        def ask():
            for attempt in range(2):
                try:
                    return groq.Groq().chat.completions.create(
                        model="openai/gpt-oss-20b", messages=[{"role": "user", "content": "Hello"}])
                except groq.APIStatusError:
                    time.sleep(2 ** attempt)

        @pytest.mark.llm_budget(retries=3)
        def test_it(groq_api):
            groq_api.fail(503, times=4)
            ask()
        """
    )
    result = run_pytest("--llmcontract-report=ledger.json")

    result.stdout.fnmatch_lines(["*LLM406 budget: 4 of 3 retries*"])
    import json

    ledger = json.loads((pytester.path / "ledger.json").read_text())
    assert [call["attempt"] for call in ledger["calls"]] == [1, 2, 3, 4, 5]
    assert [call["made_by"] for call in ledger["calls"]] == [
        "",
        *["groq (SDK)"] * 2,
        "the application (ask)",
        "groq (SDK)",
    ]


@pytest.mark.parametrize(
    ("key", "value"), [("llmcontract_requests_per_call", "12"), ("llmcontract_attempts_per_call", "2")]
)
def test_how_many_are_too_many_can_be_set(run_pytest, pytester, key, value):
    pytester.makeini(f"[pytest]\n{key} = {value}\n")
    pytester.makepyfile(
        """
        import time
        import groq

        def test_it(groq_api):
            groq_api.fail(503, times=2)
            groq.Groq().chat.completions.create(
                model="openai/gpt-oss-20b", messages=[{"role": "user", "content": "Hello"}])
        """
    )
    result = run_pytest()

    result.assert_outcomes(passed=1)
    stormy = "LLM302 groq chat.completions: 3 requests for one logical call, all by groq (SDK)*"
    if key == "llmcontract_attempts_per_call":
        result.stdout.fnmatch_lines([f"*{stormy}"])
    else:
        result.stdout.no_fnmatch_line("*LLM3*")


@pytest.mark.parametrize("value", ["0", "many", "-1", "1.5"])
def test_what_is_no_number_of_requests_is_refused(run_pytest, pytester, value):
    pytester.makeini(f"[pytest]\nllmcontract_requests_per_call = {value}\n")
    pytester.makepyfile("def test_it(): pass")
    result = run_pytest()

    assert result.ret == 4
    result.stderr.fnmatch_lines(
        [f"*llmcontract_requests_per_call = '{value}' (ini): accepted is a number of requests*"]
    )


# Good clients.


CLIENTS = {
    "groq": lambda: groq.Groq(),
    "groq, patient": lambda: groq.Groq(max_retries=5),
    "openai": lambda: openai.OpenAI(base_url="https://api.groq.com/openai/v1", api_key="key"),
}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("trouble", ["429", "429 without a wait", "503", "connection", "real limit"])
def test_real_sdks_do_nothing_wrong(api, client, trouble):
    match trouble:
        case "429":
            api.fail("rate_limit_exceeded", retry_after=7, times=2)
        case "429 without a wait":
            api.fail(429, headers={}, times=1)
        case "503":
            api.fail(503, times=2)
        case "connection":
            api.fail("connect_error", times=2)
        case "real limit":
            api.use("RPM", 30, model=MODEL)
    assert create(CLIENTS[client]()).choices

    assert judged(api) == []


def test_a_good_application_does_nothing_wrong(api):
    def ask():
        for attempt in range(5):
            try:
                return create(groq.Groq(max_retries=0))
            except groq.RateLimitError as refused:
                time.sleep(float(refused.response.headers["retry-after"]))
            except (groq.InternalServerError, groq.APIConnectionError):
                time.sleep(2**attempt * random.uniform(0.75, 1))
        raise TimeoutError("no answer")

    api.fail("rate_limit_exceeded", retry_after=30)
    api.fail(503, times=2)
    api.fail("read_timeout")
    assert ask().choices
    assert judged(api) == []


# One of each.


def says(text):
    return [{"role": "user", "content": text}]


def again_and_again(client, attempts, text, wait, **more):
    for attempt in range(attempts):
        try:
            return create(client, messages=says(text), **more)
        except (*STATUS_ERRORS, groq.APIConnectionError):
            wait(attempt)
    return None


def no_patience(api):
    """LLM301: back after one second of two."""
    api.fail("rate_limit_exceeded", retry_after=2)
    again_and_again(groq.Groq(max_retries=0), 3, "a", lambda _: time.sleep(1))


def no_end(api):
    """LLM302: twelve requests of one layer."""
    api.fail(503, times=12)
    again_and_again(groq.Groq(max_retries=0), 12, "b", growing)


def no_growth(api):
    """LLM303: always the same wait."""
    api.fail(503, times=4)
    again_and_again(groq.Groq(max_retries=0), 5, "c", lambda _: time.sleep(1))


def no_sense(api):
    """LLM304: what was refused as wrong is wrong again."""
    api.fail(400, times=2)
    again_and_again(groq.Groq(max_retries=0), 2, "d", growing)


def no_way_round(api):
    """LLM305: flex has no room, and nobody else is asked."""
    api.capacity(flex=False)
    again_and_again(groq.Groq(max_retries=0), 1, "e", growing, service_tier="flex")


def no_queue(api):
    """LLM306: more at once than the plan lets in."""

    async def main():
        client = groq.AsyncGroq(max_retries=0)
        asked = [create(client, model=OTHER, messages=says(f"f{number}")) for number in range(9)]
        await asyncio.gather(*asked, return_exceptions=True)

    asyncio.run(main())


def no_agreement(api):
    """LLM307: the SDK's three in the application's four."""
    api.fail(503, times=12)
    again_and_again(groq.Groq(max_retries=2), 4, "g", growing)


BAD = (no_patience, no_end, no_growth, no_sense, no_way_round, no_queue, no_agreement)


@pytest.mark.parametrize("act", BAD, ids=lambda act: act.__name__)
def test_each_bad_habit_is_named_by_its_rule(act, llm_clock):
    with simulate("groq", plan="developer", limits={OTHER: {"RPM": 5}}, check=False) as api:
        act(api)
        rule = act.__doc__.partition(":")[0]

        messages = [message for code, _, message in judged(api) if code == rule]
        assert messages
        assert "requests" in messages[0] or "asked again" in messages[0] or "at once" in messages[0]


def test_one_client_with_all_bad_habits_breaks_all_rules_and_their_calls_are_kept_apart(llm_clock):
    with simulate("groq", plan="developer", limits={OTHER: {"RPM": 5}}, check=False) as api:
        for act in BAD:
            act(api)
            time.sleep(600)

        assert {act.__doc__.partition(":")[0] for act in BAD} <= set(codes(api))


def test_a_good_client_meets_all_the_same_and_breaks_none(llm_clock):
    async def many(client):
        async def one(number):
            await asyncio.sleep(number * 15)
            return await create(client, model=OTHER, messages=says(f"f{number}"))

        return await asyncio.gather(*(one(number) for number in range(9)))

    with simulate("groq", plan="developer", limits={OTHER: {"RPM": 5}}, check=False) as api:
        api.fail("rate_limit_exceeded", retry_after=2)
        assert create(groq.Groq(), messages=says("a")).choices
        api.fail(503, times=2)
        assert create(groq.Groq(max_retries=2), messages=says("b")).choices
        api.fail(400)
        with pytest.raises(groq.BadRequestError):
            create(groq.Groq(), messages=says("d"))
        api.capacity(flex=False)
        with pytest.raises(groq.APIStatusError):
            create(groq.Groq(max_retries=0), messages=says("e"), service_tier="flex")
        assert create(groq.Groq(), messages=says("e")).choices
        assert len(asyncio.run(many(groq.AsyncGroq()))) == 9

        assert judged(api) == []
