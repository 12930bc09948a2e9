"""adapters/time: time.sleep in one thread and in many.

Nothing here measures time. Where a real wait is part of what is tested, its length is set to almost nothing.
"""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from queue import Queue
from time import sleep as bound_before
from typing import Any

import pytest

from pytest_llmcontract.adapters import time as virtual
from pytest_llmcontract.adapters.time import threads
from pytest_llmcontract.adapters.time.real import Real
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.errors import BadInput, LlmContractError, SimulationEnded

virtual.install_trampoline()
from time import sleep as bound_after  # noqa: E402  # what an application imports once the plugin is loaded

NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)
GUARD = 60.0  # real seconds after which a thread counts as hanging


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOON)


@pytest.fixture
def real_sleeps(monkeypatch) -> list[float]:
    asked: list[float] = []
    monkeypatch.setattr(Real, "sleep", staticmethod(asked.append))
    return asked


def start(target: Any, *args: Any) -> threading.Thread:
    thread = threading.Thread(target=target, args=args, daemon=True)
    thread.start()
    return thread


def join(*started: threading.Thread) -> None:
    for thread in started:
        thread.join(GUARD)
        assert not thread.is_alive(), "hangs"


def sleep_beside(clock: VirtualClock, target: Any) -> None:
    """Thirty seconds, while a thread does *target*."""
    with virtual.running(clock):
        worker = start(target)
        time.sleep(30)
        join(worker)


def until_blocked(thread: threading.Thread) -> None:
    """Until it stands where it stays; where nobody tells, a moment has to do."""
    seen = None
    while (now := threads._switches(thread.native_id)) is threads._RUNNING or now != seen:
        seen = now
        Real.sleep(0.01)


class Limiter:
    """Two calls a minute; else how long to wait."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.log: list[tuple[float, int]] = []
        self.passed: list[float] = []

    def call(self, who: int) -> float:
        with virtual.request():
            now = self.clock.seconds
            self.log.append((now, who))
            minute = now // 60
            if sum(1 for at in self.passed if at // 60 == minute) < 2:
                self.passed.append(now)
                return 0.0
            return 60 * (minute + 1) - now

    def insist(self, who: int) -> float:
        while wait := self.call(who):
            time.sleep(wait)
        return self.clock.seconds


TWO_A_MINUTE = [0] * 8 + [60] * 6 + [120] * 4 + [180] * 2


# The trampoline.


class Sdk:
    pause = bound_after


def with_default(seconds: float, sleep: Any = bound_after) -> None:
    sleep(seconds)


@pytest.mark.parametrize(
    "sleep",
    [lambda s: time.sleep(s), bound_after, with_default, Sdk().pause],
    ids=["name", "import", "default", "class"],
)
def test_however_an_application_holds_it(clock, real_sleeps, sleep):
    with virtual.running(clock):
        sleep(30)
    sleep(7)

    assert (clock.seconds, real_sleeps) == (30, [7])


def test_it_passes_for_the_original():
    assert time.sleep.__name__ == "sleep"
    assert "Delay execution" in (time.sleep.__doc__ or "")
    assert pickle.loads(pickle.dumps(time.sleep)) is time.sleep
    assert "simulated" in repr(time.sleep)
    with pytest.raises(TypeError):
        time.sleep(secs=1)  # type: ignore[call-arg]


def test_installing_again_changes_nothing():
    before = time.sleep
    virtual.install_trampoline()

    assert time.sleep is before


@pytest.mark.parametrize("seconds", [0, 0.0, -0.0])
def test_sleeping_zero_seconds_is_left_alone(clock, real_sleeps, seconds):
    with virtual.running(clock):
        time.sleep(seconds)

    assert (clock.sleeps, real_sleeps) == ([], [seconds])


@pytest.mark.parametrize(
    ("seconds", "error"),
    [(-1, ValueError), (float("nan"), ValueError), (float("inf"), OverflowError), ("1", TypeError)],
)
def test_what_cannot_be_slept_is_refused_as_ever(clock, seconds, error):
    with virtual.running(clock), pytest.raises(error):
        time.sleep(seconds)

    assert clock.sleeps == []


def test_the_import_is_light():
    code = "import sys, pytest_llmcontract.adapters.time; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert "pytest_llmcontract.adapters.time" in loaded
    assert {"httpx", "respx", "asyncio", "pydantic", "trio", "anyio", "pytest", "typing_extensions"}.isdisjoint(loaded)


# One thread.


def test_sleeps_move_the_clock_and_are_noted(clock):
    with virtual.running(clock):
        time.sleep(30)
        time.sleep(0.1)
        time.sleep(0.2)

    assert clock.seconds == 30 + 0.1 + 0.2
    assert [sleep.seconds for sleep in clock.sleeps] == [30, 0.1, 0.2]
    assert clock.sleeps[0].site.endswith("in test_sleeps_move_the_clock_and_are_noted")
    assert "test_time.py:" in clock.sleeps[0].site


def test_many_sleeps_alone_look_at_nobody(clock, monkeypatch):
    """A day of 14,400 calls must cost next to nothing."""
    monkeypatch.setattr(threads.Threads, "quiet", lambda *_: pytest.fail("looked at other threads"))
    with virtual.running(clock):
        monkeypatch.setattr(sys, "_current_frames", lambda: {0: None})  # as if there were no thread but this one
        for _ in range(14_400):
            time.sleep(6)

    assert clock.seconds == 86_400


def test_the_providers_delays_move_the_clock_and_are_nobodys_sleep(clock, real_sleeps):
    with virtual.running(clock):
        virtual.provider_delay(1.5)
        virtual.provider_delay(0)
    virtual.provider_delay(2.5)

    assert (clock.seconds, clock.sleeps, real_sleeps) == (1.5, [], [2.5])


def test_a_request_without_a_simulation_is_nothing():
    with virtual.request():
        pass


def test_nested_simulations_of_one_clock_last_until_the_outermost_is_left(clock, real_sleeps):
    with virtual.running(clock):
        with virtual.running(clock):
            time.sleep(1)
        time.sleep(2)
    time.sleep(4)

    assert (clock.seconds, real_sleeps) == (3, [4])


def test_two_clocks_at_once_are_refused(clock):
    with virtual.running(clock):
        with pytest.raises(LlmContractError, match="share one clock"), virtual.running(VirtualClock(NOON)):
            pass
        time.sleep(1)

    assert clock.seconds == 1


# Many threads.


@pytest.mark.parametrize("run", range(5))
def test_eight_threads_of_a_pool_share_the_clock(clock, run):
    limiter = Limiter(clock)
    with virtual.running(clock), ThreadPoolExecutor(8) as pool:
        ends = sorted(pool.map(limiter.insist, range(8)))

    assert [at for at, _ in limiter.log] == TWO_A_MINUTE
    assert ends == [0, 0, 60, 60, 120, 120, 180, 180]


@pytest.mark.parametrize("run", range(5))
def test_eight_threads_of_ones_own_share_the_clock(clock, run):
    limiter = Limiter(clock)
    with virtual.running(clock):
        join(*(start(limiter.insist, who) for who in range(8)))

    assert [at for at, _ in limiter.log] == TWO_A_MINUTE


def test_the_earliest_sleeper_moves_first(clock):
    log: list[tuple[float, str]] = []

    def step(name: str, *pauses: float) -> None:
        for pause in pauses:
            time.sleep(pause)
            log.append((clock.seconds, name))

    with virtual.running(clock):
        join(start(step, "a", 5, 5, 5), start(step, "b", 3, 3, 3), start(step, "c", 1, 13))

    assert log == [(1, "c"), (3, "b"), (5, "a"), (6, "b"), (9, "b"), (10, "a"), (14, "c"), (15, "a")]


def test_those_who_wake_at_one_moment_go_one_after_the_other_as_they_went_to_sleep(clock):
    """Also when the first has more to do than the next, which has every chance to overtake."""
    log: list[tuple[int, str]] = []

    def step(who: int) -> None:
        time.sleep(60)
        log.append((who, "begins"))
        Real.sleep(0.02 / (who + 1))
        log.append((who, "ends"))

    with virtual.running(clock):
        driver = virtual._driver
        assert driver is not None
        started = []
        for who in range(4):
            started.append(start(step, who))
            while len(driver._waiters) <= who:
                Real.sleep(0.001)
        join(*started)

    assert log == [(who, what) for who in range(4) for what in ("begins", "ends")]


def test_whoever_computes_holds_the_clock(clock):
    seen = []

    def compute() -> None:
        until = Real.monotonic() + 0.05
        while Real.monotonic() < until:
            pass
        seen.append(clock.seconds)

    sleep_beside(clock, compute)

    assert (seen, clock.seconds) == ([0], 30)


def test_a_thread_that_is_about_to_start_holds_the_clock(clock):
    seen = []

    def begin(depth: int) -> None:
        if depth:
            start(begin, depth - 1).join(GUARD)
        else:
            seen.append(clock.seconds)

    with virtual.running(clock):
        chain = start(begin, 20)
        time.sleep(30)
        join(chain)

    assert seen == [0]


def test_work_handed_over_just_before_sleeping_is_done_first(clock):
    seen = []
    work: Queue[int] = Queue()

    def serve() -> None:
        while work.get(timeout=GUARD):
            seen.append(clock.seconds)

    with virtual.running(clock):
        server = start(serve)
        for _ in range(20):
            work.put(1)
            time.sleep(1)
        work.put(0)
        join(server)

    assert seen == list(range(20))


def test_threads_that_queue_for_a_lock_do_not_hold_it(clock, monkeypatch):
    """The throttle of many an application: one at a time, each with a pause."""
    if threads._ENTERING < 0:
        pytest.skip("this Python enters context managers otherwise; the grace covers it")
    monkeypatch.setattr(threads, "BLOCKED", GUARD)
    monkeypatch.setattr(threads, "COMPUTING", GUARD)
    lock = threading.Lock()

    def throttled() -> None:
        with lock:
            time.sleep(2)

    with virtual.running(clock):
        join(*(start(throttled) for _ in range(6)))

    assert clock.seconds == 12


def test_a_thread_stuck_in_an_unknown_place_does_not_hold_it_for_ever(clock, monkeypatch):
    monkeypatch.setattr(threads, "BLOCKED", 0.02)
    stuck = threading.Lock()
    stuck.acquire()
    with virtual.running(clock):
        waiting = start(lambda: stuck.acquire(timeout=GUARD))
        time.sleep(30)
        time.sleep(30)  # known by now
        stuck.release()
        join(waiting)

    assert clock.seconds == 60


def test_a_thread_that_spins_does_not_hold_it_for_ever(clock, monkeypatch):
    monkeypatch.setattr(threads, "COMPUTING", 0.02)
    done = []

    def spin() -> None:
        while not done:
            pass

    with virtual.running(clock):
        spinning = start(spin)
        time.sleep(30)
        done.append(True)
        join(spinning)

    assert clock.seconds == 30


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_a_thread_that_computes_in_c_stands_at_one_line_and_is_not_blocked(clock, monkeypatch):
    monkeypatch.setattr(threads, "BLOCKED", 0.001)
    monkeypatch.setattr(threads, "COMPUTING", GUARD)
    seen = []

    def compute() -> None:
        hashlib.pbkdf2_hmac("sha256", b"", b"", 200_000)
        seen.append(clock.seconds)

    sleep_beside(clock, compute)

    assert (seen, clock.seconds) == ([0], 30)


@pytest.mark.parametrize("moves", [True, False], ids=["it computes", "it is blocked"])
def test_a_process_that_was_stopped_has_waited_for_nobody(clock, monkeypatch, moves):
    """As by a debugger or a busy machine: hours pass at one stroke, and nobody has had them to work in."""
    monkeypatch.setattr(threads, "BLOCKED", GUARD)
    monkeypatch.setattr(threads, "COMPUTING", GUARD)
    real, stops, stopped, seen = Real.monotonic, [3600.0] * 9, [0.0], []
    done = threading.Lock()
    done.acquire()

    def monotonic() -> float:
        if stops:
            stopped[0] += stops.pop()
        return real() + stopped[0]

    def work() -> None:
        while stops:
            if moves:
                seen.append(clock.seconds)
            else:
                done.acquire(timeout=GUARD)
        seen.append(clock.seconds)

    def end() -> None:
        with virtual.bystander():
            while stops:
                Real.sleep(0.001)
            done.release()

    monkeypatch.setattr(Real, "monotonic", staticmethod(monotonic))
    with virtual.running(clock):
        both = start(work), start(end)
        time.sleep(30)
        join(*both)

    assert (set(seen), clock.seconds) == ({0}, 30)


def test_the_clock_stands_while_a_request_is_in_flight(clock, monkeypatch):
    """However long it takes, and whatever its thread waits for."""
    monkeypatch.setattr(threads, "BLOCKED", 0.001)
    monkeypatch.setattr(threads, "COMPUTING", 0.001)
    seen = []
    accepted, answer = threading.Event(), threading.Event()

    def serve() -> None:
        with virtual.request():
            accepted.set()
            answer.wait(GUARD)
            seen.append(clock.seconds)

    def patience() -> None:
        while not clock.sleeps:
            Real.sleep(0.001)
        Real.sleep(0.05)
        answer.set()

    with virtual.running(clock):
        server = start(serve)
        accepted.wait(GUARD)
        helper = start(patience)
        time.sleep(30)
        join(server, helper)

    assert seen == [0]


def test_the_providers_delay_inside_a_request_moves_the_clock(clock):
    def answer() -> float:
        with virtual.request(), virtual.request():
            virtual.provider_delay(2)
            return clock.seconds

    with virtual.running(clock), ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(answer) for _ in range(3)]
        time.sleep(5)
        ends = [each.result(GUARD) for each in answers]

    assert (ends, clock.seconds, len(clock.sleeps)) == ([2, 2, 2], 5, 1)


def test_advance_ends_the_sleeps_it_passes(clock):
    ended: Queue[float] = Queue()

    def nap() -> None:
        time.sleep(60)
        ended.put(clock.seconds)
        time.sleep(3600)
        ended.put(clock.seconds)

    with virtual.running(clock):
        napping = start(nap)
        hold = threading.Lock()  # this thread stays busy, as far as anybody can see
        hold.acquire()
        while not clock.sleeps:
            hold.acquire(timeout=0.001)
        clock.advance(minutes=2)
        first = ended.get(timeout=GUARD)
        join(napping)

    assert (first, ended.get_nowait(), clock.seconds) == (120, 3720, 3720)


def test_a_sleep_that_outlives_the_simulation_ends_with_it(clock, monkeypatch):
    ends: Queue[BaseException] = Queue()

    def nap(sleep: Any) -> None:
        try:
            sleep(3600)
        except SimulationEnded as error:
            ends.put(error)

    with virtual.running(clock), virtual.request():  # so that it does sleep when we leave
        napping = [start(nap, time.sleep), start(nap, virtual.provider_delay)]
        while threading.active_count() and len(virtual._driver._waiters) < 2:
            Real.sleep(0.001)
        clock.advance(seconds=5)
    join(*napping)

    assert "3600 s outlived" in str(ends.get_nowait())
    assert "3600 s outlived" in str(ends.get_nowait())
    assert [sleep.seconds for sleep in clock.sleeps] == [5]  # what was really slept


# Threads older than the simulation.


def test_an_older_threads_real_sleep_is_untouched_and_holds_nothing(clock, monkeypatch):
    monkeypatch.setattr(threads, "BLOCKED", GUARD)
    began, end = threading.Event(), threading.Event()

    def real_sleep(seconds: float) -> None:
        began.set()
        end.wait(GUARD)

    monkeypatch.setattr(Real, "sleep", staticmethod(real_sleep))
    older = start(time.sleep, 3600)
    began.wait(GUARD)
    with virtual.running(clock):
        time.sleep(30)
        assert older.is_alive()
    end.set()
    join(older)

    assert (clock.seconds, len(clock.sleeps)) == (30, 1)


def test_an_older_thread_blocked_anywhere_holds_nothing(clock, monkeypatch):
    monkeypatch.setattr(threads, "BLOCKED", GUARD)
    stuck = threading.Lock()
    stuck.acquire()
    older = start(lambda: stuck.acquire(timeout=GUARD))
    until_blocked(older)
    with virtual.running(clock):
        time.sleep(30)
    stuck.release()
    join(older)

    assert clock.seconds == 30


@pytest.mark.parametrize("run", range(3))
def test_an_older_pool_shares_the_clock_once_it_is_given_work(clock, run):
    """As the threads of a session's event loop: they were made by an earlier test."""
    limiter = Limiter(clock)
    with ThreadPoolExecutor(8) as pool:
        barrier = threading.Barrier(8)
        list(pool.map(lambda _: barrier.wait(GUARD), range(8)))
        with virtual.running(clock):
            ends = sorted(pool.map(limiter.insist, range(8)))

    assert [at for at, _ in limiter.log] == TWO_A_MINUTE
    assert ends == [0, 0, 60, 60, 120, 120, 180, 180]


def test_a_bystander_neither_holds_the_clock_nor_sleeps_on_it(clock, real_sleeps, monkeypatch):
    monkeypatch.setattr(threads, "BLOCKED", GUARD)
    began, end = threading.Event(), threading.Lock()
    end.acquire()

    def serve() -> None:
        with virtual.bystander():
            time.sleep(0.25)
            began.set()
            end.acquire(timeout=GUARD)

    with virtual.running(clock):
        server = start(serve)
        began.wait(GUARD)
        time.sleep(30)
        end.release()
        join(server)

    assert (clock.seconds, real_sleeps) == (30, [0.25])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_a_bystander_that_runs_serves_one_of_us_and_holds_the_clock(clock, monkeypatch):
    monkeypatch.setattr(threads, "COMPUTING", GUARD)
    heard, seen = threading.Event(), []

    def serve() -> None:
        with virtual.bystander():
            heard.set()
            hashlib.pbkdf2_hmac("sha256", b"", b"", 200_000)
            seen.append(clock.seconds)

    with virtual.running(clock):
        server = start(serve)
        heard.wait(GUARD)
        time.sleep(30)
        join(server)

    assert (seen, clock.seconds) == ([0], 30)


# The wall clock.


def test_the_wall_clock_moves_along_if_asked_to(clock):
    with virtual.running(clock, wall=True):
        time.sleep(90)
        shown = datetime.now(UTC), time.time()
        clock.advance(hours=1)
        later = datetime.now(UTC)

    assert shown == (clock.now.replace(hour=12, minute=1, second=30), NOON.timestamp() + 90)
    assert later == clock.now
    assert datetime.now(UTC) > NOON


def test_the_wall_clock_follows_a_clock_that_begins_elsewhere(clock):
    with virtual.running(clock, wall=True):
        clock.rebase(datetime(2024, 12, 1, tzinfo=UTC))

        assert datetime.now(UTC) == datetime(2024, 12, 1, tzinfo=UTC)


def test_without_time_machine_the_message_says_what_to_install(clock, monkeypatch):
    monkeypatch.setitem(sys.modules, "time_machine", None)
    with pytest.raises(BadInput, match=r"pip install pytest-llmcontract\[wall\]"), virtual.running(clock, wall=True):
        pass
    assert virtual._driver is None


# Where the operating system tells nothing.


@pytest.mark.parametrize("run", range(3))
def test_without_proc_it_takes_more_looks_and_comes_out_the_same(clock, monkeypatch, run):
    monkeypatch.setattr(threads, "_switches", lambda _: None)
    limiter = Limiter(clock)
    with virtual.running(clock), ThreadPoolExecutor(8) as pool:
        ends = sorted(pool.map(limiter.insist, range(8)))

    assert ends == [0, 0, 60, 60, 120, 120, 180, 180]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_what_linux_tells_of_a_thread():
    event = threading.Event()
    waiting = start(event.wait, GUARD)
    until_blocked(waiting)

    assert threads._switches(waiting.native_id) is not None
    assert threads._switches(threading.get_native_id()) is threads._RUNNING
    event.set()
    join(waiting)
    for _ in range(1000):  # the kernel clears a thread away some time after Python is done with it
        if threads._switches(waiting.native_id) is None:
            break
        Real.sleep(0.001)
    assert threads._switches(waiting.native_id) is None
    assert threads._switches(None) is None


def test_the_early_name_is_the_real_function_or_the_trampoline():
    """Under the plugin even this module's first import got the trampoline; without it, the original."""
    assert bound_before in (Real.sleep, time.sleep)
