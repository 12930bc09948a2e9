"""The open connections of a server: ASGI has no word to break one with, or to say which one a request came by."""

from __future__ import annotations

import asyncio
import heapq
import socket
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

from pytest_llmcontract.core.exchange import BEFORE_SENDING

_RESET = struct.pack("ii", 1, 0)
"""Of SO_LINGER: a connection that is closed is reset."""


def too_late(fault: object) -> str:
    """Why *fault* cannot happen to who has a connection; empty: it can."""
    return f"{fault} cannot happen to a client that has reached a server" if str(fault) in BEFORE_SENDING else ""


def strikes_too_late(given: Mapping[str, Any]) -> str:
    """Why a script with the arguments *given* cannot strike who has a connection; empty: it can."""
    errors = (given.get("error"), *(given.get("errors") or ()))
    return next(filter(None, map(too_late, errors)), "")


class _Open(NamedTuple):
    transport: asyncio.Transport
    line: int


class Connections:
    """By the address of the client."""

    def __init__(self) -> None:
        self._open: dict[Any, _Open] = {}
        self._free: list[int] = []
        self._most = 0

    def opened(self, transport: asyncio.Transport) -> None:
        if self._free:
            line = heapq.heappop(self._free)
        else:
            line = self._most = self._most + 1
        self._open[_peer(transport)] = _Open(transport, line)

    def closed(self, transport: asyncio.Transport) -> None:
        if ended := self._open.pop(_peer(transport), None):
            heapq.heappush(self._free, ended.line)

    def line(self, scope: Mapping[str, Any]) -> int:
        """The number of the connection of a request, from 1, among those that are open: the lowest that was free when
        it began. So a client that asks one thing after another has one number, by however many connections."""
        there = self._open.get(_client(scope))
        return there.line if there else self._most + 1

    def is_gone(self, scope: Mapping[str, Any]) -> bool:
        """The client of a request has left while it was answered: asyncio complains of who writes on."""
        there = self._open.get(_client(scope))
        return there is not None and there.transport.is_closing()

    def end(self, scope: Mapping[str, Any], *, reset: bool = False) -> None:
        """End the connection of a request, after all that was sent; *reset*: at once, as a host that falls over."""
        there = self._open.get(_client(scope))
        if there is None:
            return
        if reset:
            there.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            there.transport.abort()
        else:
            there.transport.close()


def _peer(transport: asyncio.Transport) -> tuple[Any, ...]:
    return tuple((transport.get_extra_info("peername") or ())[:2])


def _client(scope: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(scope["client"] or ())
