"""Real requests under way: virtual time must not run past an answer that another process is still working on.

A request is under way on a connection which this process opened, to another process, if somebody here waits to read
from it and what travelled last was ours. Servers that listen, connections that were accepted or are kept alive, and
requests to a server in this very process hold nothing: who serves those is a thread or task of ours.

Who waits: event loops say which files they watch; of a thread that blocks, Linux says in which system call, also
where C does the waiting (libpq). What travelled last: asyncio's loops know it themselves, of all else the kernel does.
Where a system tells nothing, nothing is held.
"""

from __future__ import annotations

import _socket
import os
import platform
import socket
import stat
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pytest_llmcontract.core.attention import Attention

PATIENCE = 30.0
"""Real seconds after which a request is given up: it is a subscription, or nobody will ever answer."""
UNCLEAR = 2.0
"""The same where it may be the answer that travelled last, to the kernel's grain of a few milliseconds."""
MORE_TO_COME = 1.0
"""Real seconds since a piece of an answer came in which the next is waited for, where somebody waits for it."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """A file from which somebody here waits to read."""

    fd: int
    sure: bool = False
    """An answer is known to be on its way; else the kernel is asked what travelled last."""


class Connections:
    """Which requests were seen under way, and since when. Not thread-safe by itself."""

    def __init__(self, attention: Attention) -> None:
        self._attention = attention
        self._since: dict[tuple[object, ...], float] = {}

    def unanswered(self, awaited: Iterable[Awaited]) -> tuple[list[str], bool]:
        """The peers of the requests under way among *awaited*; and is any of them to be waited for still?"""
        now = self._attention.look()
        since: dict[tuple[object, ...], float] = {}
        peers: list[str] = []
        holds = False
        ours: _Listening | None = None
        for one in awaited:
            connection = _connection(one.fd)
            if connection is None or (connection.idle and not one.sure):
                continue
            ours = ours or _Listening()
            if not ours.leads_elsewhere(connection):
                continue
            key = (one.fd, connection.local, connection.peer, connection.received)
            since[key] = self._since.get(key, now)
            holds = holds or now - since[key] < (PATIENCE if one.sure or connection.sent_last else UNCLEAR)
            peers.append(_spelled(connection.peer))
        self._since = since
        return peers, holds


@dataclass(slots=True)
class _Connection:
    """A socket that leads to somebody."""

    local: Any
    peer: Any
    received: int | None = None
    """Bytes, ever; None where the kernel does not say."""
    sent_last: bool = False
    """False also where that is not to be told."""
    idle: bool = False
    """It was answered, and no more has come for a while."""


def _connection(fd: int) -> _Connection | None:
    """What *fd* is connected to; None for files, servers, pairs, and what was accepted on a Unix socket."""
    with suppress(OSError), _borrowed(fd) as sock:
        local, peer = sock.getsockname(), sock.getpeername()
        if sock.family == getattr(socket, "AF_UNIX", None):
            return _Connection(local, peer) if peer and not local else None
        return _Connection(local, peer, *_travelled(sock))
    return None


class _borrowed:  # noqa: N801 - read as a statement
    """A socket object on somebody else's file, which stays theirs, and as blocking as it is."""

    def __init__(self, fd: int) -> None:
        blocking = os.get_blocking(fd)
        # The plain C class: the application's may be replaced (pytest-socket). Under a default timeout it would make
        # the file non-blocking.
        self._socket = _socket.socket(fileno=fd)
        if os.get_blocking(fd) is not blocking:
            os.set_blocking(fd, blocking)

    def __enter__(self) -> _socket.socket:
        return self._socket

    def __exit__(self, *_: object) -> None:
        self._socket.detach()


_INFO = struct.Struct("=44xI4xI72xQ")
"""Of Linux' ``struct tcp_info``: milliseconds since the last data was sent, and received; bytes received, ever."""


def _travelled(sock: _socket.socket) -> tuple[int | None, bool, bool]:
    """Of a :class:`_Connection`: received, sent_last, idle."""
    option = getattr(socket, "TCP_INFO", None)
    if option is None or sock.type != socket.SOCK_STREAM:
        return None, False, False
    try:
        sent, received, total = _INFO.unpack_from(sock.getsockopt(socket.IPPROTO_TCP, option, 256))
    except (OSError, struct.error):
        return None, False, False
    return total, sent < received, sent > received > 1000 * MORE_TO_COME


def opened_here(address: tuple[str, int]) -> bool:
    """Whether a file of this process is the end of a connection that has *address*."""
    return any(_address(int(name)) == address for name in _open_files())


def _address(fd: int) -> object:
    with suppress(OSError), _borrowed(fd) as sock:
        name = sock.getsockname()
        return name[:2] if isinstance(name, tuple) else name
    return None


def _open_files() -> list[str]:
    return os.listdir("/dev/fd") if os.path.isdir("/dev/fd") else []


class _Listening:
    """The addresses at which this process itself serves."""

    def __init__(self) -> None:
        self._ports: set[object] = set()
        for name in _open_files():
            with suppress(OSError, ValueError), _borrowed(int(name)) as sock:
                if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    self._ports.add(_port(sock.getsockname()))

    def leads_elsewhere(self, connection: _Connection) -> bool:
        """Did this process open it, to another process?"""
        if _port(connection.local) in self._ports:
            return False  # accepted
        here = not isinstance(connection.peer, tuple) or connection.peer[0] in (connection.local[0], "127.0.0.1", "::1")
        return not (here and _port(connection.peer) in self._ports)


def _port(address: Any) -> object:
    return address[1] if isinstance(address, tuple) else address


def _spelled(address: Any) -> str:
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) else os.fsdecode(address)


# In which system call a thread blocks.

# name of the call -> its number, by machine
_CALLS: dict[str, dict[int, str]] = {
    "x86_64": {
        **dict.fromkeys((0, 19, 42, 45, 47, 299), "file"),  # read readv connect recvfrom recvmsg recvmmsg
        **dict.fromkeys((7, 271), "poll"),
        **dict.fromkeys((23, 270), "select"),
        **dict.fromkeys((232, 281, 441), "epoll"),
    },
    "aarch64": {
        **dict.fromkeys((63, 65, 203, 207, 212, 243), "file"),
        73: "poll",
        72: "select",
        **dict.fromkeys((22, 441), "epoll"),
    },
}
_NUMBERS = _CALLS.get(platform.machine(), {})
_MOST_FILES = 4096


def blocks_on(native_id: int | None) -> Iterator[Awaited]:
    """The files for which the thread of that id waits inside the operating system; none where Linux does not tell."""
    if native_id is None or not _NUMBERS:
        return
    with suppress(OSError, ValueError, IndexError):
        words = _read(f"/proc/self/task/{native_id}/syscall").split()
        call = _NUMBERS.get(int(words[0]))  # "running" otherwise
        if call is not None:
            yield from map(Awaited, _FILES[call](*(int(word, 16) for word in words[1:6])))


def blocks_on_sockets(native_id: int | None) -> bool:
    """Does the thread of that id wait for sockets, and for nothing else?"""
    files = [awaited.fd for awaited in blocks_on(native_id)]
    return bool(files) and all(map(_is_socket, files))


def _is_socket(fd: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False


def _of_poll(address: int, count: int, *_: int) -> Iterator[int]:
    for fd, events, _back in struct.iter_unpack("=ihh", _memory(address, 8 * min(count, _MOST_FILES))):
        if fd >= 0 and events:
            yield fd


def _of_select(count: int, reads: int, writes: int, *_: int) -> Iterator[int]:
    size = (min(count, _MOST_FILES) + 63) // 64 * 8
    for address in (reads, writes):
        bits = int.from_bytes(_memory(address, size), "little") if address else 0
        yield from (fd for fd in range(count) if bits >> fd & 1)


def _of_epoll(fd: int, *_: int) -> Iterator[int]:
    for line in _read(f"/proc/self/fdinfo/{fd}").splitlines():
        if line.startswith("tfd:"):
            yield int(line.split()[1])


def _of_file(fd: int, *_: int) -> Iterator[int]:
    yield fd


_FILES: dict[str, Callable[..., Iterator[int]]] = {
    "file": _of_file,
    "poll": _of_poll,
    "select": _of_select,
    "epoll": _of_epoll,
}


def _read(path: str) -> str:
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, 65536).decode("ascii", "replace")
    finally:
        os.close(file)


def _memory(address: int, size: int) -> bytes:
    """Of this process, by way of the kernel: an address that is no longer good is an error, not a crash."""
    file = os.open("/proc/self/mem", os.O_RDONLY)
    try:
        return os.pread(file, size, address)
    finally:
        os.close(file)
