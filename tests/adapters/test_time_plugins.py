"""adapters/time beside other tools that meddle with time, each in a pytest of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CONFTEST = """
from datetime import UTC, datetime

import pytest

from pytest_llmcontract.adapters import time as virtual
from pytest_llmcontract.core.clock import VirtualClock

virtual.install_trampoline()


@pytest.fixture
def clock():
    clock = VirtualClock(datetime(2026, 6, 4, 12, tzinfo=UTC))
    with virtual.running(clock):
        yield clock
"""


@pytest.fixture
def run(pytester, monkeypatch):
    def run(test: str, *options: str, passed: int) -> None:
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        pytester.makeconftest(CONFTEST)
        pytester.makepyfile(test)
        result = pytester.runpytest_subprocess("-W", "error", *options, timeout=120)
        result.assert_outcomes(passed=passed)

    return run


def test_freezegun(run):
    """It replaces time.monotonic in every module, and with it the time of loops, unless told otherwise."""
    run(
        """
        import asyncio, threading, time
        from concurrent.futures import ThreadPoolExecutor

        import freezegun
        import pytest
        import trio


        async def app():
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(45):
                    await asyncio.sleep(30)
                    await asyncio.sleep(30)


        @pytest.mark.parametrize("real_asyncio", [False, True])
        def test_inside(clock, real_asyncio):
            with freezegun.freeze_time("2020-02-02", real_asyncio=real_asyncio):
                asyncio.run(app())
                assert clock.seconds == 45
                time.sleep(15)
                trio.run(trio.sleep, 30)
                with ThreadPoolExecutor(4) as pool:
                    list(pool.map(time.sleep, [10, 20, 30, 40]))
                assert clock.seconds == 130


        @freezegun.freeze_time("2020-02-02")
        def test_outside(clock):
            asyncio.run(app())
            time.sleep(15)
            assert clock.seconds == 60


        def test_thawed(clock):
            with asyncio.Runner() as runner:
                with freezegun.freeze_time("2020-02-02"):
                    runner.run(app())
                runner.run(app())
            assert clock.seconds == 90
        """,
        passed=4,
    )


@pytest.mark.parametrize("tick", [False, True])
def test_time_machine(run, tick):
    run(
        f"""
        import asyncio, time
        from datetime import datetime

        import time_machine
        import trio


        @time_machine.travel("2020-02-02", tick={tick})
        def test_inside(clock):
            time.sleep(10)
            asyncio.run(asyncio.sleep(20))
            trio.run(trio.sleep, 30)
            assert clock.seconds == 60
            assert datetime.now().year == 2020
        """,
        passed=1,
    )


@pytest.mark.parametrize("scope", ["function", "session"])
def test_pytest_asyncio(run, scope):
    """A session's loop outlives every simulation; its threads are older than the next one."""
    run(
        f"""
        import asyncio, time

        import pytest
        import pytest_asyncio

        pytestmark = pytest.mark.asyncio(loop_scope="{scope}")


        @pytest_asyncio.fixture(loop_scope="{scope}")
        async def connected():
            await asyncio.sleep(0.001)
            yield asyncio.get_running_loop()
            await asyncio.sleep(0.001)


        @pytest.mark.parametrize("run", range(4))
        async def test_virtual(connected, clock, run):
            before = clock.seconds
            started = [asyncio.to_thread(time.sleep, 30) for _ in range(4)]
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(45):
                    await asyncio.gather(*started)
                    await asyncio.sleep(30)
            assert clock.seconds == before + 45


        async def test_real():
            loop = asyncio.get_running_loop()
            before = loop.time()
            await asyncio.sleep(0.01)
            assert before + 0.009 <= loop.time() < before + 60
        """,
        "-p",
        "pytest_asyncio.plugin",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
        passed=5,
    )


def test_anyios_plugin(run):
    run(
        """
        import anyio, pytest

        pytestmark = pytest.mark.anyio


        @pytest.fixture
        async def connected():
            await anyio.sleep(0.001)
            yield
            await anyio.sleep(0.001)


        async def test_virtual(connected, clock):
            before = clock.seconds
            with pytest.raises(TimeoutError), anyio.fail_after(45):
                await anyio.sleep(30)
                await anyio.sleep(30)
            assert clock.seconds == pytest.approx(before + 45)
            assert [sleep.seconds for sleep in clock.sleeps][-2:] == [30, 15]


        async def test_trio_comes_late(clock, anyio_backend_name):
            await anyio.sleep(3600)
            assert clock.seconds == 3600
        """,
        "-p",
        "anyio.pytest_plugin",
        passed=4,
    )


@pytest.mark.parametrize("method", ["signal", "thread"])
def test_pytest_timeout(run, method):
    """It counts real seconds: hours on the clock are nothing to it, and its thread holds nothing up."""
    run(
        """
        import asyncio, time


        def test_virtual(clock):
            for _ in range(100):
                time.sleep(3600)
            asyncio.run(asyncio.sleep(3600))
            assert clock.seconds == 101 * 3600
        """,
        "-p",
        "pytest_timeout",
        "--timeout=100",
        f"--timeout-method={method}",
        passed=1,
    )


def test_pytest_timeout_ends_a_test_that_hangs_on_the_clock(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        """
        import threading, time

        from pytest_llmcontract.adapters import time as virtual


        def test_hangs(clock):
            release = threading.Event()

            def serve():
                with virtual.request():
                    release.wait()

            threading.Thread(target=serve, daemon=True).start()
            try:
                time.sleep(3600)
            finally:
                release.set()
        """
    )
    result = pytester.runpytest_subprocess(
        "-p", "pytest_timeout", "--timeout=1", "-o", "timeout_func_only=true", timeout=120
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Timeout (>1.0s) from pytest-timeout*"])


def test_xdist(run):
    """Its workers talk to the controller in threads that no module knows by name."""
    run(
        """
        import asyncio, time
        from concurrent.futures import ThreadPoolExecutor

        import pytest


        @pytest.mark.parametrize("run", range(6))
        def test_virtual(clock, run):
            for _ in range(20):
                time.sleep(3600)
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(time.sleep, [10, 20, 30, 40]))
            asyncio.run(asyncio.sleep(20))
            assert clock.seconds == 20 * 3600 + 60
        """,
        "-p",
        "xdist.plugin",
        "-n",
        "2",
        passed=6,
    )
