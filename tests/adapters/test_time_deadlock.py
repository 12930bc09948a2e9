"""adapters/time: a wait that can never end, beside somebody who sleeps again and again, is told."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest
import trio

from pytest_llmcontract.adapters import time as virtual
from pytest_llmcontract.adapters.time import deadlock
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.errors import Deadlock

virtual.install_trampoline()


@pytest.fixture(autouse=True)
def impatient(monkeypatch) -> None:
    monkeypatch.setattr(deadlock, "PATIENCE", 0.05)
    monkeypatch.setattr(deadlock, "BETWEEN_LOOKS", 20)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(datetime(2026, 6, 4, 12, tzinfo=UTC))


async def heartbeat() -> None:
    while True:
        await asyncio.sleep(1)


async def wait_for_godot() -> None:
    await asyncio.Event().wait()


@contextmanager
def beating_thread() -> Iterator[None]:
    stop = threading.Event()

    def beat() -> None:
        while not stop.is_set():
            time.sleep(1)

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


async def alone() -> None:
    await wait_for_godot()


async def gathered() -> None:
    await asyncio.gather(wait_for_godot(), wait_for_godot())


async def grouped() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(wait_for_godot())


async def waited_for() -> None:
    await asyncio.wait([asyncio.create_task(wait_for_godot())])


@pytest.mark.parametrize("wait", [alone, gathered, grouped, waited_for])
def test_a_task_that_waits_for_ever_beside_a_heartbeat(clock, wait):
    async def app() -> None:
        beating = asyncio.create_task(heartbeat())
        await wait()
        beating.cancel()

    with virtual.running(clock), pytest.raises(Deadlock) as told:
        asyncio.run(app())

    text = str(told.value)
    assert "test_time_deadlock.py:42 in wait_for_godot" in text
    assert "sleeps again and again: " in text
    assert "test_time_deadlock.py:38 in heartbeat (1 s)" in text
    assert 'llm_clock(mode="real")' in text


def wait_for_an_event() -> None:
    threading.Event().wait()


def wait_for_a_result() -> None:
    released = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        try:
            pool.submit(released.wait).result()
        finally:
            released.set()


def wait_in_a_loop() -> None:
    asyncio.run(wait_for_godot())


@pytest.mark.parametrize("wait", [wait_for_an_event, wait_for_a_result, wait_in_a_loop])
def test_the_main_thread_waits_for_ever_beside_a_thread(clock, wait: Callable[[], None]):
    with virtual.running(clock), beating_thread(), pytest.raises(Deadlock, match=r" in (wait_|beat)"):
        wait()


def test_a_task_of_trio(clock):
    async def app() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(beat)
            try:
                await trio.Event().wait()
            finally:
                nursery.cancel_scope.cancel()

    async def beat() -> None:
        while True:
            await trio.sleep(1)

    with virtual.running(clock), pytest.raises(BaseException) as raised:
        trio.run(app)

    told = raised.value
    while isinstance(told, BaseExceptionGroup):  # how strict trio is with groups depends on its version
        (told,) = told.exceptions
    assert isinstance(told, Deadlock)
    assert "waits: task " in str(told)


@pytest.mark.parametrize(
    "ends",
    [lambda: asyncio.sleep(2000), lambda: asyncio.wait_for(wait_for_godot(), 2000)],
    ids=["sleep", "timeout"],
)
def test_a_long_sleep_or_timeout_is_none(clock, ends):
    async def app() -> None:
        beating = asyncio.create_task(heartbeat())
        with suppress(TimeoutError):
            await ends()
        beating.cancel()

    with virtual.running(clock):
        asyncio.run(app())

    assert clock.seconds == 2000


def test_calls_of_a_provider_are_none(clock):
    calls = 0

    async def call(enough: asyncio.Event) -> None:
        nonlocal calls
        while calls < 5000:
            with virtual.request():
                calls += 1
            await asyncio.sleep(1)
        enough.set()

    async def app() -> None:
        enough = asyncio.Event()
        calling = asyncio.create_task(call(enough))
        await enough.wait()
        await calling

    with virtual.running(clock):
        asyncio.run(app())

    assert calls == 5000


def test_who_goes_on_between_sleeps_is_none(clock):
    """However long it takes: one that polls may have a reason."""

    async def app() -> Any:
        beating = asyncio.create_task(heartbeat())
        for _ in range(3000):
            await asyncio.sleep(2)
        beating.cancel()

    with virtual.running(clock):
        asyncio.run(app())


def test_the_signals_handler_is_there_only_while_it_lasts(clock):
    import signal

    number = getattr(signal, "SIGRTMAX", getattr(signal, "SIGUSR2", None))
    if number is None:
        pytest.skip("no signal to spare")
    with virtual.running(clock):
        assert signal.getsignal(number) is not signal.SIG_DFL
    assert signal.getsignal(number) is signal.SIG_DFL
