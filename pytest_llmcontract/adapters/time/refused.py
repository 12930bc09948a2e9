"""Whose time cannot be made virtual is refused, with a sentence that says what to do: uvloop, gevent's sleep.

Both wait in C, in a loop of their own: a sleep in them would take real seconds, and a retry that obeys the provider
would come too early for the provider's clock.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from pytest_llmcontract.adapters.patches import Patches
from pytest_llmcontract.core.errors import BadInput

_OTHERWISE = "or give the test real time: @pytest.mark.llm_clock(mode='real')"
_LOOPS = ("uvloop", "winloop")


def refused_loop(loop: object) -> BadInput:
    """The sentence for an event loop."""
    return BadInput(f"{_name(loop)} keeps its own time, which llm_clock cannot move. {_advice(loop)}")


def _name(loop: object) -> str:
    kind = loop if isinstance(loop, type) else type(loop)
    return f"{kind.__module__}.{kind.__qualname__}"


def _advice(loop: object) -> str:
    library = _name(loop).partition(".")[0]
    return (
        f"Run the test on a loop of asyncio's (asyncio.run in place of {library}.run, no policy of {library}'s, "
        f"uvicorn's loop='asyncio'), {_OTHERWISE}"
    )


def refuse_what_runs_here() -> None:
    """The simulation begins: is it in a world whose sleeps it cannot move?

    Raises:
        BadInput: It is.
    """
    loop: Any = asyncio._get_running_loop()
    if loop is not None and type(loop).__module__.partition(".")[0] in _LOOPS:
        raise refused_loop(loop)
    if type(time.sleep).__name__ == "function" and time.sleep.__module__.startswith("gevent"):
        raise BadInput(
            "gevent.monkey.patch_all() has put gevent's sleep in the place of time.sleep, and llm_clock cannot move "
            f"that. Patch the rest: gevent.monkey.patch_all(time=False), {_OTHERWISE}"
        )


class ForeignLoops:
    """While a simulation lasts, loops of another make neither come to be nor begin to run.

    Args:
        is_bystander: Whether a thread, by its identity, has nothing to do with the virtual clock.
    """

    def __init__(self, is_bystander: Callable[[int], bool]) -> None:
        self._is_bystander = is_bystander
        self._patches = Patches(dict.fromkeys(_LOOPS, self._patch))

    def install(self) -> None:
        self._patches.start()

    def uninstall(self) -> None:
        self._patches.stop()

    def _patch(self, library: Any) -> None:
        for name in ("__init__", "run_forever", "run_until_complete"):
            self._patches.replace(library.Loop, name, partial(self._refusing, library.Loop))

    def _refusing(self, kind: type, below: Any) -> Any:
        @wraps(below)
        def method(loop: Any, *args: Any, **kwargs: Any) -> Any:
            if self._is_bystander(threading.get_ident()):
                return below(loop, *args, **kwargs)
            raise refused_loop(kind)

        return method
