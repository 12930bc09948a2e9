"""The virtual clock drives time: ``time.sleep``, asyncio and trio.

Problem: an application that obeys ``retry-after: 30`` sleeps thirty seconds, by ``time.sleep`` in one thread or in
eight, by ``asyncio.sleep`` or ``trio.sleep``, under timeouts of its own. A test must not wait, and must come out the
same every time.

Solution: while :func:`running` is active a sleep is an entry in one list, whoever sleeps. When nobody is busy, the
clock jumps to the earliest entry (:mod:`.driver`). Who is busy is read off the threads (:mod:`.threads`). Event loops
are caught where they wait for the operating system, so that sleeps, timeouts and ``call_later`` agree
(:mod:`.loops`, :mod:`.asyncio_loops`, :mod:`.trio_runs`).

``time.sleep`` itself is replaced once, by :func:`install_trampoline`, as early as possible: ``from time import
sleep`` and ``def retry(sleep=time.sleep)`` keep whatever they saw first.

Assumptions: one simulation clock at a time in a process. ``time.monotonic`` and ``time.time`` stay real (the latter
unless ``wall=True``), and so do waits with a timeout on locks, events, queues and sockets: they wait for somebody,
they do not sleep.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pytest_llmcontract.adapters.time.real import Real, UnsupportedLoopWarning
from pytest_llmcontract.core.locks import new_lock

# pytest's start pays for what is imported here; a simulation imports the rest.
if TYPE_CHECKING:
    from pytest_llmcontract.adapters.time.driver import Driver
    from pytest_llmcontract.core.clock import VirtualClock

__all__ = [
    "Real",
    "UnsupportedLoopWarning",
    "bystander",
    "install_trampoline",
    "opened_here",
    "provider_delay",
    "provider_delay_async",
    "request",
    "running",
    "taken_remarks",
]

_driver: Driver | None = None
_switching = new_lock()
_bystanders: set[int] = set()


class _Trampoline:
    """What ``time.sleep`` is from now on.

    An object: a function would turn into a method of a class it is put in, which the original does not.
    """

    __module__ = "time"

    def __init__(self) -> None:
        self.__name__ = self.__qualname__ = "sleep"
        self.__doc__ = Real.sleep.__doc__

    def __call__(self, seconds: float, /) -> None:
        driver = _driver
        # Popen.wait and communicate sleep between two looks at a child that takes real time, until a real deadline.
        if driver is None or sys._getframe(1).f_globals.get("__name__") == "subprocess":
            Real.sleep(seconds)
        else:
            driver.sleep(seconds)

    def __reduce__(self) -> str:
        return "sleep"  # pickled by name, as the original is

    def __repr__(self) -> str:
        return "<time.sleep, virtual while an LLM provider is simulated>"


_trampoline = _Trampoline()
_installed = False


def install_trampoline() -> None:
    """Replace ``time.sleep`` by one that asks, each time, whether a simulation is active. Once per process."""
    global _installed
    if not _installed:
        _installed = True
        Real.trampoline = _trampoline
        time.sleep = _trampoline  # type: ignore[assignment]  # it is handed on as it came, whatever its type
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_forked)


def _forked() -> None:
    """Of the threads of this process only the one that forked is in its child."""
    _bystanders.intersection_update({threading.get_ident()})
    if _driver is not None:
        _driver.forked()


@contextmanager
def running(clock: VirtualClock, *, wall: bool = False, seed: int = 0) -> Iterator[None]:
    """While this lasts, *clock* drives time in every thread and event loop of the process.

    Nested, with the same clock, it lasts until the outermost one is left. Then threads that still sleep get
    :class:`SimulationEnded` and event loops go on in real time from where their time stands.

    Args:
        clock: Moved by the application's sleeps; they are noted in its ``sleeps``.
        wall: ``time.time()`` and ``datetime`` show the clock's time too.
        seed: Of the order in which those go on who wait for one moment.

    Raises:
        BadInput: *wall*, but time-machine is not installed; or this runs where no sleep can be moved (uvloop, gevent).
        LlmContractError: Another clock is running already.
    """
    with _showing(clock) if wall else nullcontext():
        _enter(clock, seed)
        try:
            yield
        finally:
            _leave()


def _enter(clock: VirtualClock, seed: int) -> None:
    global _driver
    from pytest_llmcontract.adapters.time.asyncio_loops import AsyncioTime
    from pytest_llmcontract.adapters.time.driver import Driver
    from pytest_llmcontract.adapters.time.refused import refuse_what_runs_here
    from pytest_llmcontract.adapters.time.trio_runs import TrioPart
    from pytest_llmcontract.core.errors import LlmContractError

    install_trampoline()
    with _switching:
        if _driver is None:
            refuse_what_runs_here()
            driver = Driver(clock, _bystanders, seed)
            driver.start([TrioPart(driver), AsyncioTime(driver)])
            _driver = driver
        elif _driver.clock is not clock:
            raise LlmContractError("a simulation with another clock is running; nested simulations share one clock")
        _driver.holders += 1


def _leave() -> None:
    global _driver
    with _switching:
        driver = _driver
        assert driver is not None
        driver.holders -= 1
        if driver.holders == 0:
            _driver = None
            driver.stop()


@contextmanager
def _showing(clock: VirtualClock) -> Iterator[None]:
    try:
        import time_machine
    except ImportError:
        from pytest_llmcontract.core.errors import BadInput

        raise BadInput(
            "llm_clock(wall=True) moves time.time() by time-machine, which is not installed: "
            "pip install pytest-llmcontract[wall]"
        ) from None
    with time_machine.travel(clock.now, tick=False) as traveller:
        forget = clock.on_move(lambda: traveller.move_to(clock.now))
        try:
            yield
        finally:
            forget()


class request:  # noqa: N801  # reads as the function it is
    """A simulated request is in flight: the clock does not move meanwhile, unless this thread itself waits on it.

    ``with request(): …`` around the answering of one call, in whichever thread that happens; also where there is no
    simulation (it does nothing then).
    """

    __slots__ = ("_driver", "_thread")

    def __enter__(self) -> None:
        self._driver = _driver
        self._thread = threading.get_ident()
        if self._driver is not None:
            self._driver.call_begins(self._thread)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._driver is not None:
            self._driver.call_ends(self._thread)


@contextmanager
def outside() -> Iterator[None]:
    """While this lasts, a client of this process waits on a socket that Python does not know.

    Somebody may answer it, so that timeouts alone do not make time pass.
    """
    driver = _driver
    if driver is None:
        yield
        return
    driver.outside(1)
    try:
        yield
    finally:
        driver.outside(-1)


def provider_delay(seconds: float) -> None:
    """Wait as the provider's own delay: like ``time.sleep``, but it is nobody's sleep in ``clock.sleeps``.

    Without a simulation it is a real sleep.

    Raises:
        SimulationEnded: The simulation was left meanwhile.
    """
    driver = _driver
    if driver is None:
        Real.sleep(max(0.0, seconds))
    elif seconds > 0:
        driver.wait(seconds)


async def provider_delay_async(seconds: float) -> None:
    """As :func:`provider_delay`, in whichever of asyncio and trio this runs."""
    if not seconds > 0:
        return
    driver = _driver
    if driver is not None:
        here = next(part for part in driver.parts if part.runs_here())
        await here.delay(seconds)
    else:
        await _real_delay(seconds)


async def _real_delay(seconds: float) -> None:
    from pytest_llmcontract.adapters.time.trio_runs import in_trio

    library: Any
    if in_trio():
        import trio as library
    else:
        import asyncio as library
    await library.sleep(seconds)


def taken_remarks() -> list[str]:
    """What a test that fails should know of its time; told once."""
    return _driver.remarks.taken() if _driver is not None else []


@contextmanager
def _as_bystander() -> Iterator[None]:
    thread = threading.get_ident()
    _bystanders.add(thread)
    try:
        yield
    finally:
        _bystanders.discard(thread)


def opened_here(address: tuple[str, int]) -> bool:
    """Whether a file of this process is the end of a connection that has *address*: is it one of our own calls?"""
    from pytest_llmcontract.adapters.time import connections

    return connections.opened_here(address)


def bystander() -> AbstractContextManager[None]:
    """While this lasts, the current thread does not sleep on the clock, and holds it only while it runs.

    For our own servers' threads: while one runs, it serves somebody of ours.

    Their :func:`request` and :func:`provider_delay` count nevertheless.
    """
    return _as_bystander()
