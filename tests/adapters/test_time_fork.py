"""A forked child finds the locks free, and none of the threads that waited in its parent."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from pytest_llmcontract.adapters import time as virtual
from pytest_llmcontract.adapters.time.real import Real
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.locks import new_lock

virtual.install_trampoline()

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here"),
    pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning"),
]
GUARD = 60.0


def in_child(work: Callable[[], object]) -> str:
    """What became of *work* in a child: ``done``, ``failed`` or ``hangs``."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    until = Real.monotonic() + GUARD
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and Real.monotonic() < until:
        Real.sleep(0.005)
    if ended == (0, 0):
        os.kill(child, 9)
        os.waitpid(child, 0)
        return "hangs"
    return "done" if ended[1] == 0 else "failed"


def test_a_lock_that_another_thread_holds_is_free_in_the_child():
    lock, held, release = new_lock(), threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            release.wait()

    holding = threading.Thread(target=hold)
    holding.start()
    held.wait()
    try:
        assert in_child(lambda: lock.acquire(timeout=1) or os._exit(1)) == "done"
    finally:
        release.set()
        holding.join()


def test_a_child_sleeps_on_whatever_its_parents_threads_wait_for():
    """They sleep, one of them holds the driver's lock, and they are earlier in line."""
    clock = VirtualClock(datetime(2026, 6, 4, 12, tzinfo=UTC))
    with virtual.running(clock):
        driver = virtual._driver
        assert driver is not None
        held, release = threading.Event(), threading.Event()

        def hold() -> None:
            held.wait()
            with driver._lock:
                release.wait()

        with virtual.request():  # so that the clock stands meanwhile
            threads = [threading.Thread(target=time.sleep, args=(5,)) for _ in range(3)]
            holding = threading.Thread(target=hold)
            for thread in (*threads, holding):
                thread.start()
            while len(driver._waiters) < 3:
                Real.sleep(0.001)
            held.set()
            while driver._lock.acquire(blocking=False):
                driver._lock.release()
                Real.sleep(0.001)
            became = in_child(lambda: time.sleep(50))
            release.set()
        for thread in (*threads, holding):
            thread.join()

    assert became == "done"
    assert clock.seconds == 5  # what a child sleeps is its own


def test_a_loop_runs_in_a_child():
    import asyncio

    clock = VirtualClock(datetime(2026, 6, 4, 12, tzinfo=UTC))
    with virtual.running(clock):
        assert in_child(lambda: asyncio.run(asyncio.sleep(30))) == "done"
