"""Jobs of many calls: a day's limit, a pool of threads, and retry code of the application's own."""

from __future__ import annotations

import asyncio
import functools
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from time import sleep

import groq
import pytest
import tenacity
import together

MODEL = "openai/gpt-oss-120b"


def ask(client, text, **more):
    answer = client.chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": text}], max_tokens=1, **more
    )
    return answer.choices[0].message.content


# A job that stops at the day's limit and resumes on the next one.


class Job:
    def __init__(self, items):
        self.todo = list(items)
        self.done = []

    def run(self):
        """Work until all is done, or the day's limit is reached; other waits are the SDK's business."""
        client = groq.Groq(max_retries=5)
        while self.todo:
            try:
                ask(client, self.todo[0])
            except groq.RateLimitError as error:
                if "requests per day (RPD)" not in error.body["error"]["message"]:
                    raise
                return float(error.response.headers["retry-after"])
            self.done.append(self.todo.pop(0))
        return None


@pytest.mark.groq_api(limits={MODEL: {"RPM": 100_000, "TPM": "100M", "TPD": "100M"}})
def test_a_job_of_1005_calls_stops_at_the_days_limit_and_resumes_the_next_day(groq_api, llm_clock):
    job = Job(f"item {n}" for n in range(1005))

    wait = job.run()

    assert len(job.done) == 1000
    assert 0 < wait <= 87  # one request comes back every 86.4 s
    assert groq_api.limits(MODEL)["RPD"].remaining == pytest.approx(0, abs=0.01)
    assert llm_clock.elapsed < 10 * 87

    llm_clock.advance(days=1)

    assert job.run() is None
    assert len(job.done) == 1005
    assert groq_api.calls.of(status=200).statuses == [200] * 1005


@pytest.mark.groq_api(limits={"RPD": 5})
def test_a_job_that_waits_as_long_as_it_is_told(groq_api, llm_clock):
    job = Job(f"item {n}" for n in range(8))

    while (wait := job.run()) is not None:
        sleep(wait)

    assert len(job.done) == 8
    # Five at once, then one every 86,400 / 5 seconds.
    assert llm_clock.elapsed == pytest.approx(3 * 17_280, abs=3 * 60)


def test_the_night_is_skipped_to_a_date(groq_api, llm_clock):
    groq_api.exhaust("RPD", model=MODEL)
    tomorrow = llm_clock.now + timedelta(days=1)

    llm_clock.travel_to(datetime(tomorrow.year, tomorrow.month, tomorrow.day, 12, tzinfo=UTC))

    assert ask(groq.Groq(max_retries=0), "x") is not None


# Retry code of the application's own: `from time import sleep`, and sleep kept as a default argument.


def patiently(function, *, attempts=6, nap=sleep):
    for attempt in range(attempts):
        try:
            return function()
        except (groq.RateLimitError, together.RateLimitError) as error:
            if attempt == attempts - 1:
                raise
            nap(float(error.response.headers.get("retry-after", 2**attempt)))


def test_own_retries_obey_retry_after_in_virtual_time(groq_api, llm_clock):
    groq_api.fail("rate_limit_exceeded", retry_after=3600, times=2)

    patiently(lambda: ask(groq.Groq(max_retries=0), "x"))

    assert groq_api.calls.statuses == [429, 429, 200]
    assert llm_clock.slept == llm_clock.elapsed == 7200
    assert all("patiently" in nap.site for nap in llm_clock.sleeps)


def test_own_backoff_where_no_header_tells(together_api, llm_clock):
    together_api.fail("rate_limit", times=3, headers={})

    patiently(lambda: ask(together.Together(max_retries=0), "x"))

    assert together_api.calls.statuses == [429, 429, 429, 200]
    told = [call.reply.retry_after for call in together_api.calls][:3]
    assert llm_clock.slept == sum(2**n if wait is None else wait for n, wait in enumerate(told))


def test_tenacity(groq_api, llm_clock):
    groq_api.fail("over_capacity", times=3)

    @tenacity.retry(wait=tenacity.wait_fixed(15), stop=tenacity.stop_after_attempt(4))
    def persistent():
        return ask(groq.Groq(max_retries=0), "x")

    persistent()

    assert groq_api.calls.statuses == [503, 503, 503, 200]
    assert llm_clock.slept == 45


async def test_tenacity_in_a_loop(groq_api, llm_clock):
    groq_api.fail("over_capacity", times=3)

    @tenacity.retry(wait=tenacity.wait_fixed(15), stop=tenacity.stop_after_attempt(4))
    async def persistent():
        return await groq.AsyncGroq(max_retries=0).chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "x"}]
        )

    await persistent()

    assert llm_clock.slept == 45


@pytest.mark.groq_api(limits={"RPM": 3})
@pytest.mark.parametrize("repetition", range(2))
def test_a_pool_of_threads_with_its_own_retries(groq_api, llm_clock, repetition):
    client = groq.Groq(max_retries=0)

    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(lambda n: patiently(functools.partial(ask, client, str(n)), attempts=50), range(9), timeout=None)
        )

    assert len(answers) == 9
    assert groq_api.calls.of(status=200).statuses == [200] * 9
    assert llm_clock.elapsed == 120  # three at once, then one every 20 s


@pytest.mark.groq_api(limits={"RPM": 3})
async def test_a_gather_with_a_semaphore(groq_api, llm_clock):
    client, gate = groq.AsyncGroq(max_retries=0), asyncio.Semaphore(4)
    outcomes = []

    async def one(n):
        async with gate:
            while True:
                try:
                    await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": str(n)}])
                    outcomes.append(n)
                    return
                except groq.RateLimitError as error:
                    await asyncio.sleep(float(error.response.headers["retry-after"]))

    await asyncio.gather(*(one(n) for n in range(9)))

    assert sorted(outcomes) == list(range(9))
    assert llm_clock.elapsed == 120


def test_a_background_thread_that_polls(groq_api, llm_clock):
    stop, answers = threading.Event(), []

    def poll():
        client = groq.Groq()
        while not stop.is_set():
            answers.append(ask(client, "news?"))
            sleep(600)

    thread = threading.Thread(target=poll)
    thread.start()
    sleep(3600 + 1)
    stop.set()
    thread.join()

    assert 6 <= len(answers) <= 8
