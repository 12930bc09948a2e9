"""The way in for requests, urllib3, http.client and aiohttp: vcrpy's stand-ins, asked one call at a time.

vcrpy knows how each of these libraries makes a request and takes a response; its stubs ask a *cassette* for the answer.
Ours (:class:`_Answer`) asks the simulation. But vcrpy patches a library as a whole, and what is not recorded passes
through it: read to its end before the client sees a byte. So its stubs come in for simulated hosts only, chosen call by
call at the narrowest place of each library:

==================  =====================================================================
urllib3, requests   ``HTTPConnectionPool.urlopen``: which class the pool's connections are
http.client         ``HTTPConnection.request``, ``putrequest``: which class the connection is
aiohttp             ``ClientSession._request``
a user's cassette   ``Cassette.can_play_response_for``: simulated hosts belong to the simulation
==================  =====================================================================

vcrpy imports every HTTP library there is (0.2 s). So it is imported by the first call that needs it, and a library that
is imported later is patched then.

A stream comes event by event, in virtual time; only inside a user's own cassette it comes as a whole.
"""

from __future__ import annotations

from pytest_llmcontract.adapters.interception import Interception as AnyInterception
from pytest_llmcontract.adapters.vcr.answer import INSTALLED
from pytest_llmcontract.adapters.vcr.patching import patch, unpatch
from pytest_llmcontract.core.locks import new_lock

__all__ = ["Interception"]

_lock = new_lock()


class Interception(AnyInterception):
    """Answers calls of the other libraries to simulated hosts while it is installed."""

    def install(self) -> None:
        """Answer from now on, before every interception installed earlier."""
        with _lock:
            if not INSTALLED:
                patch()
            INSTALLED.add(self)

    def remove(self) -> None:
        """Stop answering."""
        with _lock:
            INSTALLED.remove(self)
            if not INSTALLED:
                unpatch()
