"""The way in for http.client, urllib3, requests and aiohttp: a connection at whose other end the simulation is.

All of these libraries are left as they are but for the place where they connect. What they get there takes the bytes
of a request and gives the bytes of the reply, each piece when its time has come. So responses, streams, timeouts,
retries and exceptions are the library's own, and so are subclasses, proxies and redirects:

==================  =====================================================================
http.client         ``HTTPConnection.connect`` of every subclass, ``putrequest``
urllib3, requests   the same, since their connections are such subclasses
aiohttp             ``TCPConnector._create_connection``
a user's cassette   vcrpy's ``Cassette``: simulated hosts are neither played nor recorded
==================  =====================================================================

A proxy is never asked for a simulated host, because the place where a connection is made knows whom it is for. A
library that is imported later is patched then.
"""

from __future__ import annotations

from pytest_llmcontract.adapters.interception import Interception as AnyInterception
from pytest_llmcontract.adapters.wire.installed import INSTALLED
from pytest_llmcontract.adapters.wire.patching import PATCHES
from pytest_llmcontract.adapters.wire.sockets import unplug_ended
from pytest_llmcontract.core.locks import new_lock

__all__ = ["Interception"]

_lock = new_lock()


class Interception(AnyInterception):
    """Answers calls of the other libraries to simulated hosts while it is installed."""

    def install(self) -> None:
        """Answer from now on, before every interception installed earlier. It stands whole or not at all."""
        with _lock:
            if not INSTALLED:
                PATCHES.start()
            INSTALLED.add(self)

    def remove(self) -> None:
        """Stop answering."""
        with _lock:
            if self in INSTALLED:
                INSTALLED.remove(self)
                unplug_ended()
                if not INSTALLED:
                    PATCHES.stop()
