"""Calls a client once, until it is done, its deadline has passed, or it asks without end."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pytest_llmcontract.core.battery.verdict import MOST_REQUESTS
from pytest_llmcontract.core.exchange import ApiRequest

if TYPE_CHECKING:
    from pytest_llmcontract.core.clock import Appointment, VirtualClock
    from pytest_llmcontract.core.ledger import Calls
_AGAIN = 1.0
"""Virtual seconds until another thread is stopped."""


class Stopped(BaseException):
    """The client is stopped. No ``except Exception`` of it or its SDK holds that up."""


class Attempt:
    """One call of a client under a deadline on the clock.

    Args:
        calls: Of the test, in order; those that are there already do not count.
        deadline: Virtual seconds.
    """

    def __init__(self, clock: VirtualClock, calls: Calls, deadline: float) -> None:
        self.result: Any = None
        self.error: Exception | None = None
        self.stopped = ""
        """Why it was stopped: it ``hangs``, or ``storms``."""
        self._clock = clock
        self._calls = calls
        self._before = len(calls)
        self._deadline = deadline
        self._began = clock.seconds
        self.seconds = 0.0
        self._end: Appointment | None = None

    @property
    def calls(self) -> Calls:
        """Those that it made."""
        return self._calls[self._before :]

    def heard(self, request: ApiRequest) -> None:
        """It asks again.

        Raises:
            Stopped: Once too often.
        """
        if len(self._calls) - self._before > MOST_REQUESTS:
            self._stop("storms")

    def make(self, begin: Callable[[], Any]) -> None:
        """Call, and read what comes to its end."""
        with self._under_way():
            result = begin()
            if isinstance(result, Awaitable) or hasattr(result, "__aiter__"):
                import asyncio

                result = asyncio.run(_read_async(result))
            self.result = list(result) if hasattr(result, "__next__") else result

    async def make_async(self, begin: Callable[[], Any]) -> None:
        """As well, in the event loop that runs."""
        trio = sys.modules.get("trio")
        if trio is None or not trio.lowlevel.in_trio_run():
            with self._under_way():
                self.result = await _read_async(begin())
            return
        # What is raised where the clock moves is raised within trio's own scheduler, which does not survive it.
        with self._under_way(stops=False), trio.move_on_after(self._deadline) as scope:
            self.result = await _read_async(begin())
        self.stopped = self.stopped or ("hangs" if scope.cancelled_caught else "")

    @contextmanager
    def _under_way(self, *, stops: bool = True) -> Iterator[None]:
        self._began = self._clock.seconds
        if stops:
            self._end_in(self._deadline)
        try:
            yield
        except Exception as error:
            self.error = error
        except BaseException:
            if not self.stopped:
                raise
        finally:
            if self._end is not None:
                self._end.cancel()
            self.seconds = self._clock.seconds - self._began

    def _end_in(self, seconds: float) -> None:
        self._end = self._clock.at(self._clock.now + timedelta(seconds=seconds), self._hangs)

    def _hangs(self) -> None:
        """Whoever moves the clock is stopped: if that is a thread beside the call, the next one is, and so on."""
        self._end_in(_AGAIN)
        self._stop("hangs")

    def _stop(self, why: str) -> None:
        self.stopped = why
        raise Stopped(why)


async def _read_async(result: Any) -> Any:
    if isinstance(result, Awaitable):
        result = await result
    if hasattr(result, "__aiter__"):
        return [piece async for piece in result]
    return list(result) if hasattr(result, "__next__") else result
