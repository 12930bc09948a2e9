"""The way in for httpx and httpx2: which layer of them answers a call to a simulated provider.

The layer is ``handle_request`` of the transport *classes* (and of httpx-aiohttp's): it reaches clients that were
built at import time, it can wait in virtual time between two pieces of a stream, and it leaves ``MockTransport``,
``ASGITransport`` and other transports of the application alone. respx's own layer, httpcore, does not see httpx2.

Others patch the same methods: pytest-httpx, vcrpy, the user. Two rules keep us apart, in any order:

* *Outermost.* Whoever patches last is asked first, so we patch again when the call phase starts, and
  ``Client.send``, which comes before every transport, looks whether somebody has covered us since
  (a ``use_cassette`` inside the test). What is not ours goes down to whatever we covered.
* *Never restore what is not below us.* When somebody else lies on top as we leave, our wrapper stays where it is
  and only passes calls on; when he leaves and lays it bare, a later installation uses it again.

The routes of :attr:`Interception.router` are respx's and cover httpx2 as well. As long as there are none, respx
takes no part in a call.
"""

from __future__ import annotations

from functools import cached_property

from respx.router import MockRouter

from pytest_llmcontract.adapters.interception import Interception as AnyInterception
from pytest_llmcontract.adapters.respx.calls import INSTALLED, OwnRouter
from pytest_llmcontract.adapters.respx.patching import LOCK, TransportMocker

__all__ = ["Interception", "TransportMocker"]


class Interception(AnyInterception):
    """Answers httpx and httpx2 calls to simulated hosts while it is installed."""

    @cached_property
    def router(self) -> MockRouter:
        """The user's own routes. A match wins over the simulation; ``pass_through`` leaves the call to it."""
        return OwnRouter(assert_all_called=False, using=TransportMocker.name)

    def install(self) -> None:
        """Answer from now on, before every interception installed earlier. It stands whole or not at all."""
        with LOCK:
            if self in INSTALLED:
                return
            try:
                self.router.start()
            except BaseException:
                self.router.stop(quiet=True)
                raise
            INSTALLED.add(self)

    def raise_to_top(self) -> None:
        """Lie above whatever was patched since :meth:`install`. For the start of the call phase."""
        with LOCK:
            if self in INSTALLED:
                TransportMocker.start()

    def remove(self) -> None:
        """Stop answering. Routes added since :meth:`install` are dropped, as respx does."""
        with LOCK:
            if self in INSTALLED:
                INSTALLED.remove(self)
                self.router.stop()
