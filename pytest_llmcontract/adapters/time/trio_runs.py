"""trio on the virtual clock, if the process imports trio.

``trio.testing.MockClock`` is the supported way, but has to be handed to ``trio.run``, which the application or a
pytest plugin calls; a run with a clock of its own is left alone.

Private parts used: ``SystemClock``, ``GLOBAL_RUN_CONTEXT``, ``Runner.deadlines``, ``io_manager.get_events`` and the
name ``sleep_until`` inside ``trio._timeouts``. tests/adapters/test_time_trio.py pins them.
"""

from __future__ import annotations

import importlib.machinery
import sys
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pytest_llmcontract.adapters.time.loops import LoopWait, Timer
from pytest_llmcontract.adapters.time.real import Real

if TYPE_CHECKING:
    from pytest_llmcontract.adapters.time.driver import Driver

_LONGEST = 86_400.0  # what trio itself waits at most
_FOREVER = 1e17  # trio's infinity is this, or more, in its time


def watch_for_trio(driver: Driver) -> Callable[[], None]:
    """Hook into trio, now or when it is imported; the returned function ends the watch, not the hooks."""

    def install() -> None:
        if not driver.ended:
            driver.trio = TrioTime(driver)
            driver.trio.install()

    if "trio" in sys.modules:
        install()
        return lambda: None
    finder = _AfterImport("trio", install)
    sys.meta_path.insert(0, finder)

    def forget() -> None:
        with suppress(ValueError):
            sys.meta_path.remove(finder)

    return forget


class _AfterImport:
    """Calls *then* once the module is imported: anyio's plugin imports trio only when the test runs."""

    def __init__(self, name: str, then: Callable[[], None]) -> None:
        self._name = name
        self._then = then

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self._name:
            return None
        with suppress(ValueError):
            sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return None
        loader: Any = spec.loader
        execute, then = loader.exec_module, self._then

        def exec_module(module: ModuleType) -> None:
            execute(module)
            then()

        loader.exec_module = exec_module
        return spec


class TrioTime:
    """The hooks of one simulation in trio."""

    def __init__(self, driver: Driver) -> None:
        import trio._core._run
        import trio._timeouts

        self._driver = driver
        self._trio: Any = trio
        self._timeouts: Any = trio._timeouts
        self._run: Any = trio._core._run
        self._base = Real.perf_counter() - driver.clock.seconds
        self._clocks: weakref.WeakSet[Any] = weakref.WeakSet()
        self._runs: weakref.WeakKeyDictionary[Any, _TrioRun] = weakref.WeakKeyDictionary()

    def install(self) -> None:
        clocks, io_managers = self._run.SystemClock, self._run.TheIOManager
        get_events, sleep_until = io_managers.get_events, self._timeouts.sleep_until
        driver = self._driver

        def current_time(clock: Any) -> float:
            self._clocks.add(clock)
            return self.time(clock)

        def waiting_get_events(io_manager: Any, timeout: float) -> Any:
            run = self._this_run() if timeout > 0 and not driver.ended else None
            if run is None or run.runner.io_manager is not io_manager or run.runner.waiting_for_idle:
                return get_events(io_manager, timeout)
            return run.wait(timeout)

        async def noting_sleep_until(deadline: float) -> None:
            run = None if driver.ended else self._this_run()
            if run is None or deadline >= _FOREVER or deadline <= run.time():
                await sleep_until(deadline)
                return
            seconds = round(deadline - run.time(), 9)
            sleep, began = driver.note_sleep(seconds)
            try:
                with run.sleeping(deadline, seconds):
                    await sleep_until(deadline)
            except BaseException:
                sleep.seconds = driver.clock.seconds - began
                raise

        self.get_events = get_events
        self.sleep_until = sleep_until
        self._replaced = [
            (clocks, "current_time", current_time, clocks.current_time),
            (io_managers, "get_events", waiting_get_events, get_events),
            (self._timeouts, "sleep_until", noting_sleep_until, sleep_until),
            (self._trio, "sleep_until", noting_sleep_until, sleep_until),
        ]
        for owner, name, ours, _ in self._replaced:
            setattr(owner, name, ours)

    def uninstall(self) -> None:
        """Real time again, from where each run's time stands."""
        for clock in self._clocks:
            clock.offset = max(clock.offset, self.time(clock) - Real.perf_counter())
        for owner, name, ours, original in self._replaced:
            if getattr(owner, name) is ours:
                setattr(owner, name, original)

    def time(self, clock: Any) -> float:
        return clock.offset + self._base + self._driver.clock.seconds  # type: ignore[no-any-return]

    async def delay(self, seconds: float) -> None:
        """Sleep without a note."""
        run = self._this_run()
        if run is None:
            await self._trio.sleep(seconds)
        else:
            deadline = run.time() + seconds
            with run.sleeping(deadline, seconds):
                await self.sleep_until(deadline)

    def _this_run(self) -> _TrioRun | None:
        runner = getattr(self._run.GLOBAL_RUN_CONTEXT, "runner", None)
        if runner is None or type(runner.clock) is not self._run.SystemClock:
            return None
        if runner not in self._runs:
            self._runs[runner] = _TrioRun(self._driver, self, runner)
        return self._runs[runner]


class _Sleeping:
    """A task of a run sleeps: while this is entered."""

    def __init__(self, run: _TrioRun, deadline: float, due: float, order: int) -> None:
        self._run = run
        self.deadline = deadline
        self.due = due
        self.order = order

    def __enter__(self) -> None:
        self._run.sleepers.add(self)

    def __exit__(self, *_: object) -> None:
        self._run.sleepers.discard(self)


class _TrioRun(LoopWait):
    """One ``trio.run``."""

    def __init__(self, driver: Driver, hooks: TrioTime, runner: Any) -> None:
        super().__init__(driver)
        self._hooks = hooks
        self._runner = weakref.ref(runner)
        self.sleepers: set[_Sleeping] = set()

    @property
    def runner(self) -> Any:
        return self._runner()

    def sleeping(self, deadline: float, seconds: float) -> _Sleeping:
        return _Sleeping(self, deadline, self.driver.clock.seconds + seconds, self.driver.next_order())

    def time(self) -> float:
        return self._hooks.time(self.runner.clock)

    def shift(self, seconds: float) -> None:
        self.runner.clock.offset += seconds

    def poll(self, seconds: float | None) -> Any:
        return self._hooks.get_events(self.runner.io_manager, _LONGEST if seconds is None else seconds)

    def next_timer(self) -> Timer | None:
        when = self.runner.deadlines.next_deadline()
        if when >= _FOREVER:
            return None
        sleeps = [sleeping for sleeping in self.sleepers if sleeping.deadline <= when]
        if sleeps:
            return Timer(when, max(one.due for one in sleeps), min(one.order for one in sleeps), sleep=True)
        return Timer(when, self.driver.clock.seconds + max(0.0, round(when - self.time(), 9)), -1, sleep=False)

    def has_sleepers(self) -> bool:
        return bool(self.sleepers)

    def listens(self) -> bool:
        statistics = self.runner.io_manager.statistics()
        names = ("tasks_waiting", "tasks_waiting_read", "tasks_waiting_write")
        return sum(getattr(statistics, name, 0) for name in names) > 1  # one is trio's own

    def wake(self) -> None:
        runner = self.runner
        if runner is not None:
            with suppress(RuntimeError):  # trio.RunFinishedError
                runner.entry_queue.run_sync_soon(_nothing)


def _nothing() -> None:
    pass
