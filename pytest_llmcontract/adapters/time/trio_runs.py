"""trio on the virtual clock, if the process imports trio.

``trio.testing.MockClock`` is the supported way, but has to be handed to ``trio.run``, which the application or a
pytest plugin calls; a run with a clock of its own is left alone.

Private parts used: ``GLOBAL_RUN_CONTEXT``, ``SystemClock``, ``Runner.clock``, ``.deadlines`` and ``.io_manager``, the
latter's ``get_events``, and the name ``sleep_until`` inside ``trio._timeouts``. tests/adapters/test_time_trio.py pins
them.
"""

from __future__ import annotations

import importlib.machinery
import sys
import threading
import weakref
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import suppress
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_llmcontract.adapters.time.connections import Awaited
from pytest_llmcontract.adapters.time.loops import LoopWait, Timer, innermost
from pytest_llmcontract.adapters.time.real import Real
from pytest_llmcontract.core.errors import Deadlock

if TYPE_CHECKING:
    from pytest_llmcontract.adapters.time.driver import Driver

_LONGEST = 86_400.0  # what trio itself waits at most
_FOREVER = 1e17  # trio's infinity is this, or more, in its time


class TrioPart:
    """trio, whether it is there already or imported while the simulation lasts."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._finder = _AfterImport("trio", self._hook_in)
        self._trio: TrioTime | None = None

    def install(self) -> None:
        if sys.modules.get("trio"):
            self._hook_in()
        else:
            sys.meta_path.insert(0, self._finder)

    def _hook_in(self) -> None:
        if not self._driver.ended:
            self._trio = TrioTime(self._driver)
            self._trio.install()

    def uninstall(self) -> None:
        with suppress(ValueError):
            sys.meta_path.remove(self._finder)
        if self._trio is not None:
            self._trio.uninstall()

    def runs_here(self) -> bool:
        return in_trio()

    def call_begins(self) -> None:
        pass  # trio has one kind of loop, and it is ours

    async def delay(self, seconds: float) -> None:
        assert self._trio is not None
        await self._trio.delay(seconds)


def in_trio() -> bool:
    """Does the caller run inside a task of trio?"""
    trio: Any = sys.modules.get("trio")
    lowlevel = getattr(trio, "lowlevel", None)  # None while trio is being imported
    if lowlevel is None:
        return False
    try:
        lowlevel.current_task()
    except RuntimeError:
        return False
    return True


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
        self._runs: weakref.WeakKeyDictionary[Any, _TrioRun] = weakref.WeakKeyDictionary()

    def install(self) -> None:
        io_managers = self._run.TheIOManager
        get_events, sleep_until = io_managers.get_events, self._timeouts.sleep_until
        driver = self._driver

        def waiting_get_events(io_manager: Any, timeout: float) -> Any:
            run = self._run_of(io_manager)
            if timeout <= 0 or run is None or run.runner.waiting_for_idle:
                return get_events(io_manager, timeout)
            return run.wait(timeout)

        async def noting_sleep_until(deadline: float) -> None:
            run = self.this_run()
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
            (io_managers, "get_events", waiting_get_events, get_events),
            (self._timeouts, "sleep_until", noting_sleep_until, sleep_until),
            (self._trio, "sleep_until", noting_sleep_until, sleep_until),
        ]
        for owner, name, ours, _ in self._replaced:
            setattr(owner, name, ours)
        self.this_run()

    def uninstall(self) -> None:
        for run in tuple(self._runs.values()):
            run.release(self._run.SystemClock)
        for owner, name, ours, original in self._replaced:
            if getattr(owner, name) is ours:
                setattr(owner, name, original)

    async def delay(self, seconds: float) -> None:
        """Sleep without a note."""
        run = self.this_run()
        if run is None:
            await self._trio.sleep(seconds)
        else:
            deadline = run.time() + seconds
            with run.sleeping(deadline, seconds):
                await self.sleep_until(deadline)

    def this_run(self) -> _TrioRun | None:
        """The run in this thread, its time made the clock's; None for one with a clock of its own."""
        runner = getattr(self._run.GLOBAL_RUN_CONTEXT, "runner", None)
        if runner is None or self._driver.ended:
            return None
        run = self._runs.get(runner)
        if run is None and type(runner.clock) is self._run.SystemClock:
            if self._driver.is_bystander(threading.get_ident()):
                return None
            run = self._runs[runner] = _TrioRun(self._driver, self.get_events, self._trio.lowlevel.current_task, runner)
        return run

    def _run_of(self, io_manager: Any) -> _TrioRun | None:
        run = self.this_run()
        if run is None and not self._driver.ended:
            # A guest of another loop (so runs anyio's plugin) waits in a thread of its own.
            run = next((one for one in list(self._runs.values()) if one.runner.io_manager is io_manager), None)
        return run


def _resumed(task: Any) -> Iterator[object]:
    """How often *task* went on, and those that it waits for, where it stands at the end of a nursery."""
    yield task, task._schedule_points
    if task.child_nurseries and any(frame.f_code.co_name == "_nested_child_finished" for frame in _frames(task.coro)):
        for child in task.child_nurseries[-1].child_tasks:
            yield from _resumed(child)


def _frames(coroutine: Any) -> Iterator[FrameType]:
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        yield frame
        coroutine = coroutine.cr_await


class _Sleeping:
    """A task of a run sleeps: while this is entered."""

    def __init__(self, run: _TrioRun, task: object, deadline: float, due: float, order: float) -> None:
        self._run = run
        self.deadline = deadline
        self.task = task
        self.due = due
        self.order = order

    def __enter__(self) -> None:
        self._run.sleepers.add(self)

    def __exit__(self, *_: object) -> None:
        self._run.sleepers.discard(self)


class _TrioRun(LoopWait):
    """One ``trio.run``, and the clock it is given for the time being."""

    def __init__(
        self, driver: Driver, get_events: Callable[[Any, float], Any], current_task: Callable[[], object], runner: Any
    ) -> None:
        super().__init__(driver, runner.clock.offset + Real.perf_counter())
        self._get_events = get_events
        self.current_task = current_task
        self._runner = weakref.ref(runner)
        self.sleepers: set[_Sleeping] = set()
        runner.clock = self

    def release(self, system_clock: Callable[[float], Any]) -> None:
        """Real time again, from where the run's time stands."""
        runner = self.runner
        if runner is not None and runner.clock is self:
            runner.clock = system_clock(self.time() - Real.perf_counter())

    @property
    def runner(self) -> Any:
        return self._runner()

    # What trio asks of a clock.

    def start_clock(self) -> None:
        pass

    def current_time(self) -> float:
        return self.time()

    def deadline_to_sleep_time(self, deadline: float) -> float:
        return deadline - self.time()

    # What LoopWait asks of a loop.

    def sleeping(self, deadline: float, seconds: float) -> _Sleeping:
        due = self.driver.clock.after(seconds)
        return _Sleeping(self, self.current_task(), deadline, due, self.driver.next_order(due))

    def poll(self, seconds: float | None) -> Any:
        return self._get_events(self.runner.io_manager, _LONGEST if seconds is None else seconds)

    def next_timer(self) -> Timer | None:
        when: float = self.runner.deadlines.next_deadline()
        if when >= _FOREVER:
            return None
        sleeps = [sleeping for sleeping in self.sleepers if sleeping.deadline <= when]
        if sleeps:
            return Timer(when, max(one.due for one in sleeps), min(one.order for one in sleeps), sleep=True)
        return Timer(when, self.driver.clock.after(max(0.0, round(when - self.time(), 9))), -1, sleep=False)

    def has_sleepers(self) -> bool:
        return bool(self.sleepers)

    def listens(self) -> bool:
        statistics = self.runner.io_manager.statistics()
        names = ("tasks_waiting", "tasks_waiting_read", "tasks_waiting_write")
        return sum(getattr(statistics, name, 0) for name in names) > 1  # one is trio's own

    def awaits(self) -> Iterator[Awaited]:
        # file -> who waits (Linux), or (file, kind of event) -> who waits; only while somebody does
        registered = getattr(getattr(self.runner, "io_manager", None), "_registered", {})
        for key in list(registered):
            fd = key[0] if isinstance(key, tuple) else key
            waiters = registered.get(key)
            tasks = (getattr(waiters, "read_task", waiters), getattr(waiters, "write_task", None))
            if isinstance(fd, int) and any(task is not None for task in tasks):
                yield Awaited(fd)

    def pending(self) -> Iterator[Hashable]:
        runner = self.runner
        return ((id(scope), when) for when, _, scope in (runner.deadlines._heap if runner else ()))

    def waits_for(self) -> list[object] | None:
        task = getattr(self.runner, "main_task", None)
        return None if task is None else list(_resumed(task))

    def runs(self) -> bool:
        return getattr(self.runner, "main_task", None) is not None

    def tasks(self) -> Iterator[tuple[str, FrameType | None]]:
        sleeping = {id(sleeper.task) for sleeper in self.sleepers}
        for task in tuple(self.runner.tasks) if self.runner else ():
            if id(task) not in sleeping:
                yield f"task {task.name}", innermost(task.coro)

    def interrupt(self, error: Deadlock) -> None:
        def fail() -> NoReturn:
            raise error

        # Where the task waits, as if that had failed; an error out of the loop itself would be called an internal one.
        task = self.runner.main_task
        if task._abort_func is not None:
            task._attempt_abort(fail)
        if task._abort_func is not None:  # it waits for what cannot be given up
            raise error

    def wake(self) -> None:
        runner = self.runner
        if runner is not None:
            with suppress(RuntimeError):  # trio.RunFinishedError
                runner.entry_queue.run_sync_soon(_nothing)


def _nothing() -> None:
    pass
