"""Limits as the SDKs meet them, with the clients' own retries and no real second spent."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import groq
import openai
import pytest
import together

MODEL = "openai/gpt-oss-120b"
LLAMA = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
HELLO = [{"role": "user", "content": "Say hello"}]


def ask(client=None, **more):
    return (client or groq.Groq()).chat.completions.create(model=MODEL, messages=HELLO, **more)


def raw(client=None, **more):
    return (client or groq.Groq()).chat.completions.with_raw_response.create(model=MODEL, messages=HELLO, **more)


def test_headers_move_with_the_calls_and_with_time(groq_api, llm_clock):
    first, second = raw().headers, raw().headers

    assert first["x-ratelimit-limit-requests"] == "1000"
    assert first["x-ratelimit-limit-tokens"] == "8000"
    assert [first["x-ratelimit-remaining-requests"], second["x-ratelimit-remaining-requests"]] == ["999", "998"]
    assert [first["x-ratelimit-reset-requests"], second["x-ratelimit-reset-requests"]] == ["1m26.4s", "2m52.8s"]
    assert int(second["x-ratelimit-remaining-tokens"]) < int(first["x-ratelimit-remaining-tokens"]) < 8000
    llm_clock.advance(days=1)
    assert raw().headers["x-ratelimit-remaining-requests"] == "999"


def test_the_snapshot_in_the_headers_has_the_prompt_and_one_token_the_bucket_afterwards_all_of_it(groq_api):
    groq_api.reply("x", usage={"prompt_tokens": 79, "completion_tokens": 400})
    prompt = groq_api.simulator.state.tokens.prompt({"messages": HELLO}, MODEL)

    headers = raw().headers

    assert int(headers["x-ratelimit-remaining-tokens"]) == 8000 - (prompt + 1)
    assert groq_api.limits(MODEL)["TPM"].used == pytest.approx(479)


def test_cached_tokens_do_not_count(groq_api):
    cached = {"cached_tokens": 900}
    groq_api.reply("x", usage={"prompt_tokens": 1000, "completion_tokens": 10, "prompt_tokens_details": cached})

    answer = ask()

    assert groq_api.limits(MODEL)["TPM"].used == pytest.approx(110)
    assert answer.usage.prompt_tokens_details.cached_tokens == 900


def test_the_refusal_reads_to_the_letter(groq_api):
    groq_api.exhaust("TPD", model=MODEL)

    with pytest.raises(groq.RateLimitError) as refused:
        ask(
            groq.Groq(max_retries=0),
            max_tokens=100 - groq_api.simulator.state.tokens.prompt({"messages": HELLO}, MODEL),
        )

    error = refused.value
    message = error.body["error"]["message"]
    assert message.startswith(f"Rate limit reached for model `{MODEL}` in organization `org_")
    assert "service tier `on_demand` on tokens per day (TPD): Limit 200000, Used 200000, Requested 100." in message
    assert "Please try again in 43.2s." in message
    assert message.endswith("Upgrade to Dev Tier today at https://console.groq.com/settings/billing")
    assert (error.body["error"]["type"], error.body["error"]["code"]) == ("tokens", "rate_limit_exceeded")
    assert error.response.headers["retry-after"] == "44"
    assert error.response.headers["x-ratelimit-remaining-requests"] == "1000"


def test_thirty_a_minute(groq_api, llm_clock):
    client = groq.Groq(max_retries=0)
    for _ in range(30):
        ask(client, max_tokens=1)
    groq_api.simulator.state.limiter.take(MODEL, {"TPM": -8000}, 0)

    with pytest.raises(groq.RateLimitError, match=r"requests per minute \(RPM\): Limit 30, Used 30, Requested 1.* 2s"):
        ask(client)
    llm_clock.advance(seconds=2)
    ask(client)


def test_what_a_limit_can_never_hold_is_a_413_and_not_retried(groq_api):
    with pytest.raises(groq.APIStatusError) as refused:
        ask(max_tokens=9000)

    assert refused.value.status_code == 413
    assert "Request too large for model" in refused.value.body["error"]["message"]
    assert groq_api.calls.statuses == [413]


def test_two_waits_of_thirty_seconds(groq_api, llm_clock):
    groq_api.fail("rate_limit_exceeded", retry_after=30, times=2)

    ask()

    assert groq_api.calls.statuses == [429, 429, 200]
    assert [call.attempt for call in groq_api.calls] == [1, 2, 3]
    assert (llm_clock.slept, llm_clock.elapsed) == (60, 60)
    assert [sleep.seconds for sleep in llm_clock.sleeps] == [30, 30]


async def test_a_timeout_of_the_application_fires_at_its_virtual_second(groq_api, llm_clock):
    groq_api.fail("rate_limit_exceeded", retry_after=30, times=None)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(45):
            await groq.AsyncGroq().chat.completions.create(model=MODEL, messages=HELLO)

    assert llm_clock.elapsed == 45


@pytest.mark.parametrize(("wait", "statuses"), [(59, [429, 200]), (61, [429, 200]), (121, [429])])
def test_the_same_429_and_two_sdks(groq_api, llm_clock, wait, statuses):
    """openai obeys up to 120 s and gives up above; groq obeys up to 60 s and retries early above."""
    client = openai.OpenAI(base_url="https://api.groq.com/openai/v1", api_key="k", max_retries=1)
    groq_api.fail("rate_limit_exceeded", retry_after=wait)
    with contextlib.suppress(openai.RateLimitError):
        ask(client)
    assert groq_api.calls.statuses == statuses
    assert llm_clock.slept == (wait if statuses[-1] == 200 else 0)

    groq_api.reset()
    llm_clock.begin_test()
    groq_api.fail("rate_limit_exceeded", retry_after=wait)
    early = contextlib.nullcontext() if wait <= 60 else pytest.raises(groq.RateLimitError)  # too early: refused again
    with early:
        ask(groq.Groq(max_retries=1))
    assert llm_clock.slept == wait if wait <= 60 else llm_clock.slept < 1


@pytest.mark.groq_api(limits={"RPM": 2})
@pytest.mark.parametrize("repetition", range(3))
def test_eight_threads_on_two_a_minute_end_at_the_same_virtual_second(groq_api, llm_clock, repetition):
    def work():
        ask(groq.Groq(max_retries=10))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert groq_api.calls.of(status=200).statuses == [200] * 8
    assert llm_clock.elapsed == 180


def test_a_days_limit_and_the_next_day(groq_api, llm_clock):
    groq_api.exhaust("RPD", model=MODEL)

    with pytest.raises(groq.RateLimitError, match=r"requests per day \(RPD\): Limit 1000, Used 1000, Requested 1"):
        ask(groq.Groq(max_retries=0))
    llm_clock.advance(minutes=1, seconds=26.4)
    ask(groq.Groq(max_retries=0))


@pytest.mark.together_api(tier=1, edition="2025-08-01")
def test_togethers_dialect_of_2025_counts_by_the_second(together_api):
    headers = together.Together().chat.completions.with_raw_response.create(model=LLAMA, messages=HELLO).headers

    assert headers["x-ratelimit"] == "false"
    assert headers["x-ratelimit-limit"] == "10"
    assert headers["x-ratelimit-remaining"] == "19"
    assert headers["x-ratelimit-reset"] == headers["retry-after"] == "2"
    assert headers["x-ratelimit-limit-tokens"] == "3000"


@pytest.mark.together_api(tier=1, edition="2025-08-01")
def test_togethers_refusal_of_2025(together_api):
    client = together.Together(max_retries=0)
    for _ in range(20):
        client.chat.completions.create(model=LLAMA, messages=HELLO)

    with pytest.raises(together.RateLimitError) as refused:
        client.chat.completions.create(model=LLAMA, messages=HELLO)

    error = refused.value
    assert "Your rate limits are 600 RPM (10 QPS) and 180000 TPM (3000 TPS)" in str(error.body)
    assert error.response.headers["x-ratelimit"] == "true"
    assert error.response.headers["retry-after"] == "2"


def test_togethers_later_editions_send_no_rate_headers(together_api):
    headers = together.Together().chat.completions.with_raw_response.create(model=MODEL, messages=HELLO).headers

    assert not [name for name in headers if name.startswith("x-ratelimit") or name == "retry-after"]
