"""adapters/time: who goes on first of those that wait for one moment, and what a failing test is told of its time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from unittest import mock

import anyio
import pytest
import trio

from pytest_llmcontract.adapters import time as virtual
from pytest_llmcontract.core.clock import VirtualClock

virtual.install_trampoline()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(datetime(2026, 6, 4, 12, tzinfo=UTC))


class OneAMinute:
    """A limit for which workers wait together."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.last = -1.0
        self.served: list[int] = []

    def wait(self, worker: int) -> float:
        """Seconds until it is worth asking again; 0 if *worker* was served."""
        with virtual.request():
            minute = self.clock.seconds // 60
            if minute > self.last:
                self.last = minute
                self.served.append(worker)
                return 0.0
            return 60 * (minute + 1) - self.clock.seconds


def serve_tasks(clock: VirtualClock, seed: int, minutes: int = 60) -> list[int]:
    limit = OneAMinute(clock)

    async def work(worker: int) -> None:
        while clock.seconds < 60 * minutes:
            await asyncio.sleep(limit.wait(worker))

    async def app() -> None:
        await asyncio.gather(*map(work, range(5)))

    with virtual.running(clock, seed=seed):
        asyncio.run(app())
    return limit.served


def serve_threads(clock: VirtualClock, seed: int, minutes: int = 60) -> list[int]:
    limit = OneAMinute(clock)

    def work(worker: int) -> None:
        while clock.seconds < 60 * minutes:
            time.sleep(limit.wait(worker))

    with virtual.running(clock, seed=seed):
        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return limit.served


def serve_trio(clock: VirtualClock, seed: int, minutes: int = 60) -> list[int]:
    limit = OneAMinute(clock)

    async def work(worker: int) -> None:
        while clock.seconds < 60 * minutes:
            await trio.sleep(limit.wait(worker))

    async def app() -> None:
        async with trio.open_nursery() as nursery:
            for worker in range(5):
                nursery.start_soon(work, worker)

    with virtual.running(clock, seed=seed):
        trio.run(app)
    return limit.served


@pytest.mark.parametrize("serve", [serve_tasks, serve_threads, serve_trio])
def test_of_five_workers_that_wait_for_one_limit_none_starves(clock, serve):
    counts = Counter(serve(clock, 0))

    assert sum(counts.values()) >= 60
    assert set(counts) == set(range(5))
    assert max(counts.values()) < 30


def test_the_same_seed_gives_the_same_order_and_another_another():
    def served(seed: int) -> list[int]:
        return serve_tasks(VirtualClock(datetime(2026, 6, 4, 12, tzinfo=UTC)), seed)

    assert served(1) == served(1) != served(2)


def test_without_calls_they_wake_as_they_went_to_sleep(clock):
    order = []

    async def step(who: int) -> None:
        await asyncio.sleep(1)
        order.append(who)

    async def app() -> None:
        await asyncio.gather(*map(step, range(20)))

    with virtual.running(clock):
        asyncio.run(app())
        assert virtual.taken_remarks() == []

    assert order == list(range(20))


def test_the_remark_names_the_seed_once(clock):
    async def app() -> None:
        with virtual.request():
            pass
        await asyncio.gather(*(asyncio.sleep(1) for _ in range(5)))

    with virtual.running(clock, seed=7):
        asyncio.run(app())
        (remark,) = virtual.taken_remarks()
        assert virtual.taken_remarks() == []

    assert "seed=7" in remark


# Sleeps that somebody replaced.


@pytest.mark.parametrize("name", ["time.sleep", "asyncio.sleep", "anyio.sleep", "trio.sleep"])
def test_a_mock_in_the_place_of_a_sleep_is_remarked_on(clock, name):
    assert anyio.sleep  # imported
    with virtual.running(clock):
        with mock.patch(name), virtual.request():
            pass
        (remark,) = virtual.taken_remarks()

    assert f"replaces {name} (by " in remark
    assert "Mock" in remark


def test_a_spy_that_sleeps_nevertheless_is_not(clock):
    with virtual.running(clock), mock.patch("time.sleep", wraps=time.sleep):
        with virtual.request():
            pass
        time.sleep(30)
        assert virtual.taken_remarks() == []


def test_a_failing_test_says_it_and_a_passing_one_does_not(pytester):
    pytester.makepyfile(
        """
        import groq
        import pytest
        from unittest import mock

        def ask(api):
            api.fail("rate_limit_exceeded", retry_after=30)
            with mock.patch("time.sleep"):
                asked = [{"role": "user", "content": ""}]
                groq.Groq().chat.completions.create(model="openai/gpt-oss-20b", messages=asked)

        def test_passes(groq_api):
            try:
                ask(groq_api)
            except groq.RateLimitError:
                pass

        @pytest.mark.llm_clock(seed=7)
        def test_fails(groq_api, llm_clock):
            try:
                ask(groq_api)
            finally:
                assert llm_clock.slept == 30
        """
    )

    done = pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:cacheprovider", "-rA")

    said = [line for line in done.outlines if "replaces time.sleep (by MagicMock)" in line]
    assert len(said) == 1
    done.stdout.fnmatch_lines(["*FAILED*test_fails*"])


@pytest.mark.parametrize("seed", ["1", 1.5, True])
def test_a_seed_is_a_whole_number(seed):
    from pytest_llmcontract.core.errors import BadInput
    from pytest_llmcontract.core.settings import ClockSettings

    with pytest.raises(BadInput, match="whole number"):
        ClockSettings(seed=seed)
