"""adapters/time in asyncio: sleeps, timeouts and timers agree, whatever the loop's age.

The first tests pin the private parts of asyncio that the adapter builds on.
"""

from __future__ import annotations

import asyncio
import inspect
import socket
import threading
import time
import warnings
from asyncio import base_events, futures
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import anyio.to_thread
import pytest

from pytest_llmcontract.adapters import time as virtual
from pytest_llmcontract.adapters.time import asyncio_loops, threads
from pytest_llmcontract.adapters.time.real import Real
from pytest_llmcontract.core.clock import VirtualClock

virtual.install_trampoline()

NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)
GUARD = 60.0


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOON)


@pytest.fixture(autouse=True)
def asyncio_is_left_as_it_was():
    before = base_events.BaseEventLoop._run_once, base_events.BaseEventLoop.call_later
    yield
    assert (base_events.BaseEventLoop._run_once, base_events.BaseEventLoop.call_later) == before


def run(clock: VirtualClock, main: Any) -> Any:
    with virtual.running(clock):
        return asyncio.run(asyncio.wait_for(main, None))


class Limiter:
    """Two calls a minute; else how long to wait."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.log: list[float] = []
        self.passed: list[float] = []
        self.lock = threading.Lock()

    def call(self) -> float:
        with virtual.request(), self.lock:
            now = self.clock.seconds
            self.log.append(now)
            minute = now // 60
            if sum(1 for at in self.passed if at // 60 == minute) < 2:
                self.passed.append(now)
                return 0.0
            return 60 * (minute + 1) - now

    async def insist(self) -> float:
        while wait := self.call():
            await asyncio.sleep(wait)
        return self.clock.seconds

    def insist_in_a_thread(self) -> float:
        while wait := self.call():
            time.sleep(wait)
        return self.clock.seconds


TWO_A_MINUTE = [0] * 8 + [60] * 6 + [120] * 4 + [180] * 2


# What is private in asyncio.


def test_a_loop_looks_up_run_once_and_select_each_time_it_goes_round():
    assert "self._run_once()" in inspect.getsource(base_events.BaseEventLoop.run_forever)
    source = inspect.getsource(base_events.BaseEventLoop._run_once)
    for used in ("self._scheduled", "self._selector.select(timeout)", "self.time()", "_cancelled"):
        assert used in source


def test_sleep_schedules_this_callback():
    source = inspect.getsource(asyncio.sleep)

    assert "loop.call_later(delay," in source
    assert "futures._set_result_unless_cancelled" in source
    assert futures._set_result_unless_cancelled is asyncio_loops._end_of_sleep  # type: ignore[attr-defined]


def test_a_timer_of_ours_is_scheduled_as_call_at_does():
    source = inspect.getsource(base_events.BaseEventLoop.call_at)

    assert "heapq.heappush(self._scheduled, timer)" in source
    assert "timer._scheduled = True" in source
    assert {"_when", "_scheduled"} <= set(asyncio.TimerHandle.__slots__)


# One loop.


@pytest.mark.parametrize("sleep", [asyncio.sleep, anyio.sleep], ids=["asyncio", "anyio"])
def test_sleeps_move_the_clock_and_are_noted(clock, sleep):
    async def app() -> None:
        await sleep(30)
        await sleep(0)
        await sleep(0.25)

    run(clock, app())

    assert clock.seconds == 30.25
    assert [slept.seconds for slept in clock.sleeps] == [30, 0.25]
    assert clock.sleeps[0].site.endswith("in app")


def test_moments_are_exact_to_the_microsecond(clock):
    """A provider that says 7.66 s counts the same sum."""

    async def app() -> None:
        for _ in range(1000):
            before = clock.now
            await asyncio.sleep(7.66)
            assert clock.now == before + timedelta(seconds=7.66)

    run(clock, app())

    assert clock.seconds == 1000 * 766 / 100


def test_a_timeout_fires_at_its_moment(clock):
    async def app() -> None:
        async with asyncio.timeout(45):
            await asyncio.sleep(30)
            await asyncio.sleep(30)

    with pytest.raises(TimeoutError):
        run(clock, app())

    assert clock.seconds == 45.0
    assert [slept.seconds for slept in clock.sleeps] == [30, 15]


@pytest.mark.parametrize("kind", ["wait_for", "fail_after", "move_on_after", "wait"])
def test_every_kind_of_timeout(clock, kind):
    async def app() -> None:
        if kind == "wait_for":
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.sleep(30), 10)
        elif kind == "fail_after":
            with pytest.raises(TimeoutError), anyio.fail_after(10):
                await anyio.sleep(30)
        elif kind == "move_on_after":
            with anyio.move_on_after(10):
                await anyio.sleep(30)
        else:
            sleeper = asyncio.ensure_future(asyncio.sleep(30))
            await asyncio.wait([sleeper], timeout=10)
            sleeper.cancel()

    run(clock, app())

    assert clock.seconds == 10
    assert [slept.seconds for slept in clock.sleeps] == [10]


def test_a_sleep_that_was_cancelled_counts_what_was_slept(clock):
    async def app() -> list[float]:
        sleeper = asyncio.create_task(asyncio.sleep(3600))
        await asyncio.sleep(20)
        sleeper.cancel()
        await asyncio.gather(sleeper, return_exceptions=True)
        return [slept.seconds for slept in clock.sleeps]

    assert run(clock, app()) == [20, 20]


def test_a_timer_that_nobody_else_can_hurry_jumps(clock):
    """No sleep, no socket, no other thread: nothing can happen but the timeout."""

    async def app() -> None:
        loop = asyncio.get_running_loop()
        at = loop.time() + 3600
        called = loop.create_future()
        loop.call_at(at, called.set_result, None)
        await called
        assert loop.time() == pytest.approx(at, abs=1e-6)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 3600)

    run(clock, app())

    assert (clock.seconds, clock.sleeps) == (7200, [])


def test_only_those_who_sleep_for_ever_are_left(clock):
    async def app() -> None:
        loop = asyncio.get_running_loop()
        forever = asyncio.create_task(anyio.sleep_forever())
        threading.Timer(0.02, loop.call_soon_threadsafe, [forever.cancel]).start()
        with pytest.raises(asyncio.CancelledError):
            await forever

    run(clock, app())

    assert (clock.seconds, clock.sleeps) == (0, [])


def test_sleeping_for_ever_moves_nothing(clock):
    async def app() -> None:
        forever = asyncio.create_task(anyio.sleep_forever())
        await asyncio.sleep(5)
        forever.cancel()

    run(clock, app())

    assert (clock.seconds, len(clock.sleeps)) == (5, 1)


def test_eight_tasks_share_the_clock(clock):
    limiter = Limiter(clock)

    async def app() -> Any:
        return await asyncio.gather(*(limiter.insist() for _ in range(8)))

    assert sorted(run(clock, app())) == [0, 0, 60, 60, 120, 120, 180, 180]
    assert limiter.log == TWO_A_MINUTE


@pytest.mark.parametrize("run_", range(5))
def test_four_threads_and_four_tasks_share_the_clock(clock, run_):
    limiter = Limiter(clock)

    async def app() -> Any:
        in_threads = (asyncio.to_thread(limiter.insist_in_a_thread) for _ in range(4))
        return await asyncio.gather(*in_threads, *(limiter.insist() for _ in range(4)))

    assert sorted(run(clock, app())) == [0, 0, 60, 60, 120, 120, 180, 180]
    assert limiter.log == TWO_A_MINUTE


@pytest.mark.parametrize("run_", range(5))
def test_threads_and_tasks_of_one_moment_go_one_after_the_other(clock, run_):
    log: list[str] = []

    def work(name: str) -> None:
        log.append(f"{name} begins")
        Real.sleep(0.005)  # every chance for the others to overtake
        log.append(f"{name} ends")

    def in_thread(name: str) -> None:
        time.sleep(60)
        work(name)

    async def in_task(name: str) -> None:
        await asyncio.sleep(60)
        work(name)

    async def app() -> None:
        driver = virtual._driver
        assert driver is not None
        started = []
        for number in range(3):
            started.append(asyncio.create_task(asyncio.to_thread(in_thread, f"thread {number}")))
            await asyncio.sleep(0)
            while len(driver._waiters) <= number:
                Real.sleep(0.001)
            started.append(asyncio.create_task(in_task(f"task {number}")))
            await asyncio.sleep(0)
        await asyncio.gather(*started)

    run(clock, app())

    # All tasks wake when the first of them does: that is the loop's turn.
    names = ["thread 0", "task 0", "task 1", "task 2", "thread 1", "thread 2"]
    assert log == [f"{name} {what}" for name in names for what in ("begins", "ends")]


def test_threads_of_anyio_too(clock):
    limiter = Limiter(clock)

    async def app() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(anyio.to_thread.run_sync, limiter.insist_in_a_thread)
                group.start_soon(limiter.insist)

    with virtual.running(clock):
        anyio.run(app)

    assert limiter.log == TWO_A_MINUTE


def test_a_timeout_over_a_thread_that_sleeps(clock):
    async def app() -> None:
        async with asyncio.timeout(45):
            await asyncio.to_thread(lambda: [time.sleep(30), time.sleep(30)])

    with pytest.raises(TimeoutError):
        run(clock, app())

    assert clock.seconds == 60  # cancelled at 45; but nobody can stop a thread, and asyncio.run waits for it


def test_the_moment_of_that_timeout(clock):
    async def app() -> float:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(lambda: [time.sleep(30), time.sleep(30)]), 45)
        return clock.seconds

    assert run(clock, app()) == 45.0


def test_a_thread_that_computes_is_no_reason_for_a_timeout(clock):
    def compute() -> float:
        until = Real.monotonic() + 0.05
        while Real.monotonic() < until:
            pass
        return clock.seconds

    async def app() -> Any:
        return await asyncio.wait_for(asyncio.to_thread(compute), 3600)

    assert run(clock, app()) == 0


def test_the_timer_of_another_thread_may_answer(clock):
    """threading.Timer is real time; a virtual hour must not pass meanwhile."""

    async def app() -> None:
        loop = asyncio.get_running_loop()
        event = asyncio.Event()
        threading.Timer(0.02, loop.call_soon_threadsafe, [event.set]).start()
        await asyncio.wait_for(event.wait(), 3600)

    run(clock, app())

    assert clock.seconds == 0


def test_blocking_sleep_inside_a_loop_lets_its_timers_fire_late_as_ever(clock):
    async def app() -> None:
        loop = asyncio.get_running_loop()
        fired = []
        loop.call_later(10, lambda: fired.append(clock.seconds))
        time.sleep(60)
        await asyncio.sleep(0.5)
        assert fired == [60]

    run(clock, app())


def test_advance_runs_the_timers_it_passes(clock):
    async def app() -> float:
        sleeper = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        clock.advance(minutes=2)
        await sleeper
        return clock.seconds

    assert run(clock, app()) == 120


def test_a_loop_that_spins_lets_time_pass(clock, monkeypatch):
    monkeypatch.setattr(asyncio_loops, "_SPINS", 100)
    monkeypatch.setattr(asyncio_loops, "_SPINNING", 0.01)

    async def app() -> None:
        sleeper = asyncio.create_task(asyncio.sleep(30))
        while not sleeper.done():
            await asyncio.sleep(0)

    run(clock, app())

    assert clock.seconds == 30


@pytest.mark.parametrize("number", [2_000])
def test_thousands_of_sleeps_side_by_side(clock, number):
    async def app() -> None:
        await asyncio.gather(*(asyncio.sleep(1 + n / 8) for n in range(number)))

    run(clock, app())

    assert clock.seconds == 1 + (number - 1) / 8
    assert len(clock.sleeps) == number


# Sockets.


async def answering_after(seconds: float) -> tuple[Any, Any, Any]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        await asyncio.to_thread(Real.sleep, seconds)  # a server that really takes that long
        writer.write(b"answer\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"question\n")
    return server, reader, writer


async def close(server: Any, writer: Any) -> None:
    writer.close()
    server.close()
    await server.wait_closed()


def test_a_read_timeout_does_not_jump_while_a_socket_may_answer(clock):
    async def app() -> None:
        server, reader, writer = await answering_after(0.05)
        assert await asyncio.wait_for(reader.readline(), 3600) == b"answer\n"
        await close(server, writer)

    run(clock, app())

    assert clock.seconds == 0


def test_what_has_come_while_the_loop_was_at_work_is_heard_before_any_time_passes(clock):
    async def heartbeat() -> None:
        while True:
            await asyncio.sleep(1)

    async def app() -> None:
        beating = asyncio.create_task(heartbeat())
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        for _ in range(20):
            before = clock.seconds
            theirs.send(b"answer\n")
            async with asyncio.timeout(3600):
                assert await reader.readline() == b"answer\n"
            assert clock.seconds == before
            await asyncio.sleep(1)
        beating.cancel()
        writer.close()
        theirs.close()

    run(clock, app())


def test_a_read_timeout_fires_in_real_time(clock):
    async def app() -> None:
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readline(), 0.05)
        writer.close()
        theirs.close()

    run(clock, app())

    assert clock.seconds == 0


def test_an_idle_connection_does_not_stop_a_timeout_over_sleeps(clock):
    async def app() -> None:
        ours, theirs = socket.socketpair()
        _, writer = await asyncio.open_connection(sock=ours)
        try:
            async with asyncio.timeout(45):
                await asyncio.sleep(30)
                await asyncio.sleep(30)
        finally:
            writer.close()
            theirs.close()

    with pytest.raises(TimeoutError):
        run(clock, app())

    assert clock.seconds == 45


# Loops older and younger than the simulation.


def test_a_loop_made_before_with_timers_pending(clock):
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        fired = []
        loop.call_later(3600, lambda: fired.append(clock.seconds))
        before = loop.time()

        async def app() -> None:
            assert before <= loop.time() < before + 60
            await asyncio.sleep(4000)

        with virtual.running(clock):
            runner.run(app())

    assert len(fired) == 1
    assert 3590 < fired[0] <= 3600
    assert clock.seconds == 4000


def test_a_simulation_entered_inside_a_running_loop(clock):
    async def patient() -> None:
        async with asyncio.timeout(45):
            await asyncio.sleep(30)
            await asyncio.sleep(30)

    async def app() -> None:
        with virtual.running(clock):
            with pytest.raises(TimeoutError):
                await patient()
            assert clock.seconds == 45.0
        await asyncio.sleep(0.001)

    asyncio.run(app())

    assert clock.seconds == 45


def test_a_loop_that_outlives_simulations_keeps_its_time_and_its_timers():
    """A session's loop: its time never runs backwards, and what is pending is neither lost nor put off by hours."""
    clocks = [VirtualClock(NOON) for _ in range(3)]
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        seen = [loop.time()]
        fired: list[str] = []

        async def app(hours: float) -> None:
            seen.append(loop.time())
            loop.call_later(0.02, fired.append, f"soon after {hours}")
            await asyncio.sleep(0)
            await asyncio.sleep(3600 * hours)
            loop.call_later(0.02, fired.append, f"left by {hours}")
            seen.append(loop.time())

        for number, clock in enumerate(clocks):
            with virtual.running(clock):
                runner.run(app(number + 1))
            seen.append(loop.time())
        runner.run(asyncio.sleep(0.05))  # really
        seen.append(loop.time())
        assert "select" not in vars(loop._selector)  # type: ignore[attr-defined]

    assert seen == sorted(seen)
    assert [clock.seconds for clock in clocks] == [3600, 7200, 10800]
    assert sorted(fired) == sorted(f"{what} {n}" for n in (1, 2, 3) for what in ("soon after", "left by"))


def test_a_simulation_that_never_moved_leaves_no_trace_on_the_loop(clock):
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        with virtual.running(clock):
            runner.run(asyncio.sleep(0))

        assert {"time", "_llmcontract_time"}.isdisjoint(vars(loop))


def test_a_loop_in_another_thread_shares_the_clock(clock):
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def app() -> float:
        await asyncio.sleep(30)
        return clock.seconds

    with virtual.running(clock):
        future = asyncio.run_coroutine_threadsafe(app(), loop)
        time.sleep(20)
        assert clock.seconds == 20
        assert future.result(GUARD) == 30
    loop.call_soon_threadsafe(loop.stop)
    thread.join(GUARD)
    loop.close()

    assert clock.seconds == 30


def test_a_loop_in_another_thread_is_let_go_when_the_simulation_ends(clock):
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def app() -> None:
        loop.call_later(0.02, loop.stop)
        await asyncio.sleep(3600)

    with virtual.running(clock), virtual.request():
        asyncio.run_coroutine_threadsafe(app(), loop)
        while not clock.sleeps:
            Real.sleep(0.001)
    thread.join(GUARD)

    assert not thread.is_alive()
    for task in asyncio.all_tasks(loop):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
    loop.close()


def test_many_loops_one_after_the_other_and_side_by_side(clock):
    async def app(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return clock.seconds

    with virtual.running(clock):
        assert [asyncio.run(app(1)) for _ in range(20)] == list(range(1, 21))
        with ThreadPoolExecutor(4) as pool:
            ends = list(pool.map(lambda seconds: asyncio.run(app(seconds)), (4, 3, 2, 1)))

    assert ends == [24, 23, 22, 21]


def test_a_bystanders_loop_keeps_real_time(clock):
    async def app() -> None:
        await asyncio.sleep(0.001)

    def serve() -> None:
        with virtual.bystander():
            asyncio.run(app())

    with virtual.running(clock):
        server = threading.Thread(target=serve)
        server.start()
        server.join(GUARD)

    assert (clock.seconds, clock.sleeps) == (0, [])


# The provider's side.


def test_the_providers_delays_are_nobodys_sleep(clock):
    async def app() -> None:
        with virtual.request():
            await virtual.provider_delay_async(1.5)
            await virtual.provider_delay_async(0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(virtual.provider_delay_async(100), 10)

    run(clock, app())
    asyncio.run(virtual.provider_delay_async(0.001))  # really

    assert (clock.seconds, clock.sleeps) == (11.5, [])


def test_the_clock_stands_while_a_thread_has_a_request_in_flight(clock, monkeypatch):
    monkeypatch.setattr(threads, "BLOCKED", 0.001)
    seen = []

    def serve() -> None:
        with virtual.request():
            Real.sleep(0.05)
            seen.append(clock.seconds)

    async def app() -> None:
        await asyncio.gather(asyncio.to_thread(serve), asyncio.sleep(30))

    run(clock, app())

    assert (seen, clock.seconds) == ([0], 30)


# Other loops.


class ForeignLoop(asyncio.AbstractEventLoop):
    """As much of uvloop as matters: it runs, and is nothing of asyncio's."""


class WithoutSelector(base_events.BaseEventLoop):
    """As some GUI toolkits' loops: of asyncio's family, but waiting in its own way."""

    def _run_once(self) -> None:
        run_what_is_ready(self)

    def _process_events(self, event_list: Any) -> None:
        pass

    def time(self) -> float:
        return 0.0


def run_what_is_ready(loop: Any) -> None:
    while loop._ready:
        loop._ready.popleft()._run()


def test_a_loop_that_waits_in_its_own_way_is_warned_of_too(clock):
    loop = WithoutSelector()
    with virtual.running(clock), pytest.warns(virtual.UnsupportedLoopWarning, match="WithoutSelector"):
        loop.call_later(30, print).cancel()
    loop.close()


def test_somebody_elses_select_is_put_back(clock):
    with asyncio.Runner() as runner:
        selector: Any = runner.get_loop()._selector  # type: ignore[attr-defined]
        original = selector.select
        selector.select = theirs = lambda timeout=None: original(timeout)
        with virtual.running(clock):
            runner.run(asyncio.sleep(30))
        assert selector.select is theirs

    assert clock.seconds == 30


def test_a_loop_of_another_make_is_warned_of_once(clock):
    with virtual.running(clock), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio._set_running_loop(ForeignLoop())
        try:
            for _ in range(2):
                with virtual.request():
                    pass
        finally:
            asyncio._set_running_loop(None)

    (warning,) = caught
    assert warning.category is virtual.UnsupportedLoopWarning
    assert "ForeignLoop keeps its own time" in str(warning.message)


def test_somebody_elses_patch_made_meanwhile_survives(clock, monkeypatch):
    original = base_events.BaseEventLoop._run_once  # type: ignore[attr-defined]
    with virtual.running(clock):
        ours = base_events.BaseEventLoop._run_once  # type: ignore[attr-defined]

        def theirs(loop: Any) -> None:
            ours(loop)

        base_events.BaseEventLoop._run_once = theirs  # type: ignore[attr-defined]
        asyncio.run(asyncio.sleep(30))
    try:
        assert base_events.BaseEventLoop._run_once is theirs  # type: ignore[attr-defined]
        asyncio.run(asyncio.sleep(0.001))
    finally:
        base_events.BaseEventLoop._run_once = original  # type: ignore[attr-defined]

    assert clock.seconds == 30
