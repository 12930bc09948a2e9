"""adapters/time in trio. The first test pins the private parts of trio that the adapter builds on."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import anyio.to_thread
import pytest
import trio
import trio.testing
from trio._core import _run

from pytest_llmcontract.adapters import time as virtual
from pytest_llmcontract.adapters.time import trio_runs
from pytest_llmcontract.adapters.time.real import Real
from pytest_llmcontract.core.clock import VirtualClock

virtual.install_trampoline()

NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)
GUARD = 60.0


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOON)


@pytest.fixture(autouse=True)
def trio_is_left_as_it_was():
    def parts() -> list[Any]:
        return [
            trio.sleep_until,
            trio._timeouts.sleep_until,
            _run.TheIOManager.get_events,
        ]

    before = parts()
    yield
    assert parts() == before


def run(clock: VirtualClock, app: Any) -> Any:
    with virtual.running(clock):
        return trio.run(app)


def test_the_private_parts_are_there():
    assert "self.offset + perf_counter()" in inspect.getsource(_run.SystemClock.current_time)
    assert "return self.clock.current_time()" in inspect.getsource(_run.Runner.current_time)
    assert "runner.io_manager.get_events(timeout)" in inspect.getsource(_run.run)
    assert "await sleep_until(" in inspect.getsource(trio._timeouts.sleep)
    source = inspect.getsource(_run.unrolled_run)
    for used in ("runner.deadlines.next_deadline()", "runner.deadlines.expire(now)", "runner.waiting_for_idle"):
        assert used in source


@pytest.mark.parametrize("sleep", [trio.sleep, anyio.sleep], ids=["trio", "anyio"])
def test_sleeps_move_the_clock_and_are_noted(clock, sleep):
    async def app() -> None:
        await sleep(30)
        await sleep(0)
        await sleep(0.25)

    run(clock, app)

    assert clock.seconds == 30.25
    assert [slept.seconds for slept in clock.sleeps] == [30, 0.25]
    assert clock.sleeps[0].site.endswith("in app")


def test_moments_are_exact_to_the_microsecond(clock):
    async def app() -> None:
        for _ in range(500):
            before = clock.now
            await trio.sleep(7.66)
            assert clock.now == before + timedelta(seconds=7.66)

    run(clock, app)

    assert clock.seconds == 500 * 766 / 100


def test_sleep_until(clock):
    async def app() -> None:
        await trio.sleep_until(trio.current_time() + 30)
        await trio.sleep_until(trio.current_time() - 30)

    run(clock, app)

    assert clock.seconds == 30
    assert [slept.seconds for slept in clock.sleeps] == [30]


def test_a_timeout_fires_at_its_moment(clock):
    async def app() -> None:
        with trio.fail_after(45):
            await trio.sleep(30)
            await trio.sleep(30)

    with pytest.raises(trio.TooSlowError):
        run(clock, app)

    assert clock.seconds == 45.0
    assert [slept.seconds for slept in clock.sleeps] == [30, 15]


def test_a_deadline_that_nobody_else_can_hurry_jumps(clock):
    async def app() -> None:
        with trio.move_on_after(3600):
            await trio.sleep_forever()

    run(clock, app)

    assert (clock.seconds, clock.sleeps) == (3600, [])


def test_sleeping_for_ever_moves_nothing(clock):
    async def app() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(trio.sleep, float("inf"))
            await trio.sleep(5)
            nursery.cancel_scope.cancel()

    run(clock, app)

    assert (clock.seconds, len(clock.sleeps)) == (5, 1)


@pytest.mark.parametrize("run_", range(5))
def test_threads_and_tasks_share_the_clock(clock, run_):
    passed: list[float] = []
    log: list[float] = []
    lock = threading.Lock()

    def call() -> float:
        with virtual.request(), lock:
            now = clock.seconds
            log.append(now)
            if sum(1 for at in passed if at // 60 == now // 60) < 2:
                passed.append(now)
                return 0.0
            return 60 * (now // 60 + 1) - now

    def insist() -> None:
        while wait := call():
            time.sleep(wait)

    async def insist_async() -> None:
        while wait := call():
            await trio.sleep(wait)

    async def app() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(trio.to_thread.run_sync, insist)
                nursery.start_soon(insist_async)

    run(clock, app)

    assert log == [0] * 8 + [60] * 6 + [120] * 4 + [180] * 2


def test_a_thread_that_computes_is_no_reason_for_a_timeout(clock):
    def compute() -> float:
        until = Real.monotonic() + 0.05
        while Real.monotonic() < until:
            pass
        return clock.seconds

    async def app() -> float:
        with trio.fail_after(3600):
            return await trio.to_thread.run_sync(compute)

    assert run(clock, app) == 0


def test_a_read_timeout_does_not_jump_while_a_socket_may_answer(clock):
    async def app() -> None:
        ours, theirs = trio.socket.socketpair()
        with trio.fail_after(3600):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.to_thread.run_sync, lambda: [Real.sleep(0.05), theirs.send])
                await theirs.send(b"answer")
                assert await ours.recv(10) == b"answer"
        with trio.move_on_after(0.05):
            await ours.recv(10)
        ours.close()
        theirs.close()

    run(clock, app)

    assert clock.seconds == 0


def test_the_providers_delays_are_nobodys_sleep(clock):
    async def app() -> None:
        with virtual.request():
            await virtual.provider_delay_async(1.5)
        with trio.move_on_after(10):
            await virtual.provider_delay_async(100)

    run(clock, app)
    trio.run(virtual.provider_delay_async, 0.001)  # really

    assert (clock.seconds, clock.sleeps) == (11.5, [])


def test_a_simulation_entered_and_left_inside_a_run_keeps_its_deadlines(clock):
    async def app() -> None:
        seen = [trio.current_time()]
        with trio.CancelScope(deadline=trio.current_time() + 7200) as scope:
            with virtual.running(clock):
                await trio.sleep(3600)
                seen.append(trio.current_time())
            seen.append(trio.current_time())
            left = scope.deadline - trio.current_time()
            await trio.sleep(0.001)  # really
            seen.append(trio.current_time())
        assert seen == sorted(seen)
        assert 3590 < left <= 3600

    trio.run(app)

    assert (clock.seconds, len(clock.sleeps)) == (3600, 1)


def test_a_run_with_a_clock_of_its_own_is_left_alone(clock):
    async def app() -> None:
        await trio.sleep(3600)

    with virtual.running(clock):
        trio.run(app, clock=trio.testing.MockClock(autojump_threshold=0))

    assert clock.seconds == 0


def test_waiting_until_all_tasks_are_blocked_is_not_waiting_for_time(clock):
    async def app() -> float:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 60)
            await trio.testing.wait_all_tasks_blocked()
            return clock.seconds

    assert run(clock, app) == 0
    assert clock.seconds == 60


def test_what_waits_for_an_import_sees_to_its_own_module_only(tmp_path, monkeypatch):
    (tmp_path / "imported_late.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    told: list[Any] = []
    finder = trio_runs._AfterImport("imported_late", lambda: told.append(sys.modules["imported_late"].value))
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])

    assert finder.find_spec("json") is None
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("imported_never")
    importlib.import_module("imported_late")

    assert told == [1]
    assert finder not in sys.meta_path
    assert trio_runs._AfterImport("imported_never", told.clear).find_spec("imported_never") is None


def test_the_watch_ends_with_the_simulation(clock, monkeypatch):
    monkeypatch.delitem(sys.modules, "trio")
    before = list(sys.meta_path)
    with virtual.running(clock):
        assert sys.meta_path != before

    assert sys.meta_path == before


def test_trio_imported_after_the_simulation_began():
    """anyio's plugin imports it only when the test runs."""
    code = """if True:
        import sys
        from datetime import UTC, datetime
        from pytest_llmcontract.adapters import time as virtual
        from pytest_llmcontract.core.clock import VirtualClock

        virtual.install_trampoline()
        clock = VirtualClock(datetime(2026, 6, 4, tzinfo=UTC))
        assert "trio" not in sys.modules
        with virtual.running(clock):
            import trio
            trio.run(trio.sleep, 3600)
        print(clock.seconds, *sys.meta_path[:1])
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=GUARD, check=False)

    assert done.stderr == ""
    assert done.stdout.startswith("3600.0 ")
    assert "_AfterImport" not in done.stdout
