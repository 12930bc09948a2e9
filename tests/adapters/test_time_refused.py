"""What waits in a loop of its own is refused, with what to do; what can be had exactly is had: trio, anyio on trio."""

from __future__ import annotations

import asyncio
import time

import anyio
import groq
import pytest
import trio

from pytest_llmcontract import simulate
from pytest_llmcontract.adapters.time import bystander, provider_delay_async
from pytest_llmcontract.core.errors import BadInput

ASKED = {"model": "openai/gpt-oss-120b", "messages": [{"role": "user", "content": "Hello"}]}

STARTED = {
    "run": lambda uvloop, main: uvloop.run(main),
    "factory": lambda uvloop, main: asyncio.Runner(loop_factory=uvloop.new_event_loop).run(main),
    "made": lambda uvloop, main: uvloop.Loop().run_until_complete(main),
}


@pytest.fixture
def uvloop():
    return pytest.importorskip("uvloop")


@pytest.fixture
def hour():
    """A coroutine that would sleep it."""
    coroutine = asyncio.sleep(3600)
    yield coroutine
    coroutine.close()


@pytest.mark.parametrize("how", STARTED)
def test_uvloop_does_not_start_and_it_says_what_to_do(uvloop, hour, how):
    with simulate("groq"), pytest.raises(BadInput, match=r"asyncio.run in place of uvloop.run.*llm_clock\(mode='real"):
        STARTED[how](uvloop, hour)


def test_a_loop_of_uvloop_from_before_does_not_run_but_does_afterwards(uvloop):
    loop = uvloop.new_event_loop()
    nothing = asyncio.sleep(0)

    with simulate("groq"), pytest.raises(BadInput, match="keeps its own time"):
        loop.run_until_complete(nothing)

    loop.run_until_complete(nothing)
    loop.close()


def test_a_simulation_does_not_begin_inside_uvloop(uvloop):
    async def main():
        with simulate("groq"):
            pass

    with pytest.raises(BadInput, match="Run the test on a loop of asyncio's"):
        uvloop.run(main())


def test_a_server_that_is_no_part_of_the_test_may_run_on_uvloop_in_real_time(uvloop):
    with simulate("groq") as api:
        with bystander():
            uvloop.run(provider_delay_async(0.001))

        assert api.clock.elapsed == 0


@pytest.mark.llm_clock(mode="real")
def test_in_real_time_uvloop_runs(uvloop, groq_api):
    assert uvloop.run(groq.AsyncGroq().chat.completions.create(**ASKED))


GEVENT = """
    import gevent.monkey
    gevent.monkey.patch_all({options})

    import groq

    def ask():
        return groq.Groq().chat.completions.create(
            model="openai/gpt-oss-120b", messages=[{{"role": "user", "content": "Hello"}}])

    def test_it(groq_api, llm_clock):
        groq_api.fail(429, retry_after=30)

        job = gevent.spawn(ask)
        job.get(timeout=20)

        assert groq_api.calls.statuses == [429, 200]
        assert llm_clock.elapsed == llm_clock.slept == 30
"""


def test_gevents_sleep_is_refused_and_it_says_what_to_do(pytester, run_pytest):
    pytest.importorskip("gevent")
    pytester.makepyfile(GEVENT.format(options=""))

    result = run_pytest()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*gevent.monkey.patch_all(time=False), or*"])


def test_in_greenlets_a_client_waits_exactly_where_sleep_was_left_alone(pytester, run_pytest):
    pytest.importorskip("gevent")
    pytester.makepyfile(GEVENT.format(options="time=False"))

    run_pytest().assert_outcomes(passed=1)


async def ask() -> None:
    async with groq.AsyncGroq() as client:
        await client.chat.completions.create(**ASKED)


async def ask_in_time() -> None:
    with anyio.fail_after(45):
        await ask()


@pytest.mark.parametrize("run", [trio.run, lambda main: anyio.run(main, backend="trio")], ids=["trio", "anyio on trio"])
def test_on_trio_a_client_waits_as_told(groq_api, llm_clock, run):
    groq_api.fail(429, retry_after=30)

    began = time.perf_counter()
    run(ask_in_time)

    assert groq_api.calls.statuses == [429, 200]
    assert llm_clock.elapsed == llm_clock.slept == 30
    assert time.perf_counter() - began < 25


@pytest.mark.parametrize("run", [trio.run, lambda main: anyio.run(main, backend="trio")], ids=["trio", "anyio on trio"])
def test_on_trio_a_deadline_ends_a_wait_at_its_own_second(groq_api, llm_clock, run):
    groq_api.fail(429, retry_after=50)

    with pytest.raises(TimeoutError):
        run(ask_in_time)

    assert groq_api.calls.statuses == [429]
    assert llm_clock.elapsed == 45


def test_on_trio_tasks_wait_beside_each_other(groq_api, llm_clock):
    groq_api.fail(429, retry_after=30, times=3)

    async def main() -> None:
        async with trio.open_nursery() as tasks:
            for _ in range(3):
                tasks.start_soon(ask)

    trio.run(main)

    assert sorted(groq_api.calls.statuses) == [200, 200, 200, 429, 429, 429]
    assert llm_clock.elapsed == 30
