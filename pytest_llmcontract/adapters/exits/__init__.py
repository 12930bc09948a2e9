"""Where calls leave the machine: what has passed every way in is stopped here, and nobody is answered.

=============  ======================================================================================================
``pools``      connections of httpcore, by itself or below httpx: here the request is still known
``sockets``    the look-up of a name and the connection of a socket, by threads and by event loops
``compiled``   clients and resolvers that open connections past Python's sockets, where Python calls them
``children``   child processes that would take a real key along
``audit``      the net below: Python's own word of look-ups, connections and children, whoever kept the functions
               from before they were replaced
=============  ======================================================================================================

So a call that no way in has seen reaches no provider, nor any of the well-known LLM services, and nobody is asked for
their addresses; with a gateway that bars everything but this machine, connections to bare addresses are stopped too.

Assumption: of compiled clients those that ``compiled`` lists are seen.
"""

from __future__ import annotations

from pytest_llmcontract.adapters.exits import audit, children, compiled, pools, sockets
from pytest_llmcontract.adapters.exits.door import INSTALLED
from pytest_llmcontract.adapters.interception import Interception as AnyInterception
from pytest_llmcontract.core.locks import new_lock

__all__ = ["Interception"]

_PATCHES = (pools.PATCHES, sockets.PATCHES, compiled.PATCHES, children.PATCHES)
_lock = new_lock()


class Interception(AnyInterception):
    """Stops connections to guarded hosts while it is installed."""

    def install(self, *, outermost: bool = False) -> None:
        """Stop them from now on. It stands whole or not at all.

        Args:
            outermost: Whoever is installed already is asked first.
        """
        with _lock:
            if not INSTALLED:
                _start()
            else:
                sockets.PATCHES.raise_to_top()  # a conftest may have a look-up of its own by now
            INSTALLED.add(self, outermost=outermost)

    def remove(self) -> None:
        """Let them pass again."""
        with _lock:
            if self in INSTALLED:
                INSTALLED.remove(self)
                if not INSTALLED:
                    _stop()


def _start() -> None:
    try:
        for patches in _PATCHES:
            patches.start()
        audit.listen({**sockets.EVENTS, **children.EVENTS})
    except BaseException:
        _stop()
        raise


def _stop() -> None:
    audit.listen({})
    for patches in reversed(_PATCHES):
        patches.stop()
