"""Calls a client once, until it is done, its deadline has passed, or it asks without end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pytest_llmcontract.core.battery.verdict import MOST_REQUESTS
from pytest_llmcontract.core.exchange import ApiRequest

if TYPE_CHECKING:
    from pytest_llmcontract.core.clock import VirtualClock
    from pytest_llmcontract.core.ledger import Calls


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
        with self._under_way():
            self.result = await _read_async(begin())

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        self._began = self._clock.seconds
        due = self._clock.now + timedelta(seconds=self._deadline)
        end = self._clock.at(due, lambda: self._stop("hangs"))
        try:
            yield
        except Exception as error:
            self.error = error
        except BaseException:
            if not self.stopped:
                raise
        finally:
            end.cancel()
            self.seconds = self._clock.seconds - self._began

    def _stop(self, why: str) -> None:
        self.stopped = why
        raise Stopped(why)


async def _read_async(result: Any) -> Any:
    if isinstance(result, Awaitable):
        result = await result
    if hasattr(result, "__aiter__"):
        return [piece async for piece in result]
    return list(result) if hasattr(result, "__next__") else result
