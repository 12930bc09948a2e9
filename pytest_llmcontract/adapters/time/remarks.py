"""What a test that fails should know of its time: said once each, and to nobody whose test passes."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from pytest_llmcontract.adapters.time.real import Real
from pytest_llmcontract.core.clock import VirtualClock

# module, and where its sleep is defined
_SLEEPS = (("asyncio", "asyncio.tasks"), ("anyio", "anyio._core._eventloop"), ("trio", "trio._timeouts"))


class Remarks:
    """The remarks of one simulation, collected for the test that runs."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._replaced: dict[str, str] = {}  # asyncio.sleep -> AsyncMock
        self._timeout = ""
        self._order = ""

    def look_for_mocks(self) -> None:
        """Has somebody put something else in the place of a sleep?"""
        if time.sleep is not Real.trampoline:
            self._replaced["time.sleep"] = type(time.sleep).__name__
        for module, home in _SLEEPS:
            named, defined = (getattr(sys.modules.get(name), "sleep", None) for name in (module, home))
            if named is not defined and named is not None:
                self._replaced[f"{module}.sleep"] = type(named).__name__

    def timeout_fires(
        self, seconds: float, peers: Sequence[str], children: Sequence[int], threads: Sequence[str]
    ) -> None:
        """A timeout fires in *seconds* of virtual time, whatever is at work in real time then."""
        at_work = [
            *(f"an answer of {peer} was on its way" for peer in peers),
            *(f"child process {child} ran" for child in children),
            *(f"thread {name} was blocked" for name in threads),
        ]
        if at_work and not self._timeout:
            self._timeout = (
                f"llm_clock: time was virtual when a timeout fired, {self._clock.elapsed + seconds:g} s after the test "
                f"began, while {' and '.join(at_work)} in real time. For real services beside the simulation choose "
                '@pytest.mark.llm_clock(mode="real").'
            )

    def shuffled(self, seed: int) -> None:
        """Several waited for one moment; who went first was drawn."""
        self._order = (
            f"llm_clock: who waited for the same moment went on in an order drawn with seed={seed}; the same seed "
            "repeats it, @pytest.mark.llm_clock(seed=...) tries another."
        )

    def taken(self) -> list[str]:
        """The lines for the test that ends; the next one begins without any."""
        lines = [line for line in (self._mocked(), self._timeout, self._order) if line]
        self._replaced, self._timeout, self._order = {}, "", ""
        return lines

    def _mocked(self) -> str:
        if not self._replaced or self._clock.sleeps:
            return ""  # a spy that sleeps nevertheless
        what = " and ".join(f"{name} (by {kind})" for name, kind in self._replaced.items())
        return (
            f"llm_clock: this test replaces {what}: no sleep moved the clock, and retries came at once. Without "
            "the replacement they come as told, and no real second passes either."
        )
