"""Two ports of this machine: one speaks TLS as the simulated hosts would, the other is a proxy that leads to it.

Both hand on what they hear to the server of the simulation. The proxy lets calls for other hosts through, unless the
guard stops them. Threads that block are all it takes: there are few connections, and no library has to be there.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, NamedTuple, Protocol

from pytest_llmcontract.adapters.redirect.authority import asked_host
from pytest_llmcontract.core.attention import Attention

Address = tuple[str, int]
Entered = Callable[[], AbstractContextManager[object]]
_LARGEST_HEAD = 65536
_GOODBYE_SECONDS = 1.0
_LOOK_SECONDS = 0.02
"""How often a connection looks whether its call is over, while one is under way."""
_LOOKS = 2
"""So many times it looks on after the answer: then the client has heard it all."""
_PATIENCE_SECONDS = 1.0
"""How long a client may take from its call in Python to its connection, and to see the end of that."""
_LATEST_SECONDS = 10.0
"""The same where nobody sleeps meanwhile."""
_RESET = struct.pack("ii", 1, 0)
_DISTRUST = ("UNKNOWN_CA", "BAD_CERTIFICATE", "CERTIFICATE_UNKNOWN")
"""What a client says that does not trust a certificate, in OpenSSL's words."""


class Ways(Protocol):
    """What is decided elsewhere."""

    def port_of(self, host: str) -> int | None:
        """The port of this machine where *host* is simulated; ``None``: it is not."""

    def stopped(self, host: str, client: str) -> str | None:
        """Why *client* may not call *host*, after whom it concerns was told; ``None``: it may."""

    def distrusted(self, host: str) -> None:
        """A client did not trust the certificate of *host*."""


class Asked(NamedTuple):
    """What a client wants of a proxy."""

    host: str
    port: int
    client: str


class Hold:
    """Holds the virtual clock while a call is under way on a connection, which nothing else can tell.

    Args:
        in_flight: Entered meanwhile.
    """

    def __init__(self, in_flight: Entered) -> None:
        self._in_flight = in_flight
        self._held: AbstractContextManager[object] | None = None
        self._wanted = False
        self._pauses = 0
        self._lock = threading.Lock()
        self._looks_left: int | None = None

    @property
    def holds(self) -> bool:
        return self._wanted

    def begin(self) -> None:
        self._looks_left = None
        self._set(wanted=True)

    def answered(self) -> None:
        self._looks_left = _LOOKS

    def nothing_came(self) -> None:
        """For the time of one look."""
        if self._looks_left is not None:
            self._looks_left -= 1
            if self._looks_left < 0:
                self.end()

    def end(self) -> None:
        self._set(wanted=False)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """While this lasts the simulation itself waits on the clock."""
        self._set(pauses=1)
        try:
            yield
        finally:
            self._set(pauses=-1)

    def _set(self, *, wanted: bool | None = None, pauses: int = 0) -> None:
        with self._lock:
            self._wanted = self._wanted if wanted is None else wanted
            self._pauses += pauses
            holds = self._wanted and not self._pauses
            if holds and self._held is None:
                self._held = self._in_flight()
                self._held.__enter__()
            elif not holds and self._held is not None:
                self._held.__exit__(None, None, None)
                self._held = None


class Caller(NamedTuple):
    """Who stands behind a connection of the front's."""

    address: Address
    host: str
    hold: Hold


class Front:
    """The two ports, from now on until :meth:`stop`.

    Args:
        context: Of TLS.
        host_of: Whom a connection from some address of this machine is for, where the client does not say.
        bystander: Entered in each thread, whose time is real.
        in_flight: Entered while a call is under way.
        outside: Entered while a client is there.
    """

    def __init__(
        self,
        ways: Ways,
        context: ssl.SSLContext,
        host_of: Callable[[Address], str],
        bystander: Entered,
        in_flight: Entered,
        outside: Entered,
    ) -> None:
        self._ways = ways
        self._in_flight = in_flight
        self._outside = outside
        self._expected: deque[threading.Event] = deque()
        self._host_of = host_of
        self._context = context
        self._bystander = bystander
        self._callers: dict[Address, Caller] = {}
        self._tls, self._proxy = _listening(), _listening()
        self.port: int = self._tls.getsockname()[1]
        self.proxy_port: int = self._proxy.getsockname()[1]
        self._start(self._accept, self._tls, self._serve_tls)
        self._start(self._accept, self._proxy, self._serve_proxy)

    def expect(self) -> None:
        """Hold the clock until the next call comes in, or does not: its client is on the way here, outside Python."""
        begun, over = threading.Event(), threading.Event()

        def hold() -> None:
            with self._outside():
                with self._in_flight():
                    begun.set()
                    _wait(over, _PATIENCE_SECONDS)
                _wait(over, _LATEST_SECONDS)

        self._expected.append(over)
        self._start(hold)
        begun.wait()

    def _here(self) -> None:
        """A call has come in."""
        with suppress(IndexError):
            self._expected.popleft().set()

    def stop(self) -> None:
        for listener in (self._tls, self._proxy):
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # a thread waits in accept()
            listener.close()

    def caller(self, address: Address) -> Address:
        """Who stands behind a connection that comes from *address*, if that is one of this front's."""
        return self._callers[address].address if address in self._callers else address

    def called(self, address: Address) -> str:
        """The host that it calls; "" if it is none of this front's."""
        return self._callers[address].host if address in self._callers else ""

    def hold(self, address: Address) -> Hold | None:
        """What holds the clock for the call that comes from *address*."""
        return self._callers[address].hold if address in self._callers else None

    def _start(self, work: Callable[..., None], *args: Any) -> None:
        def run() -> None:
            with self._bystander():
                work(*args)

        threading.Thread(target=run, name="llmcontract-redirect", daemon=True).start()

    def _accept(self, listener: socket.socket, serve: Callable[[socket.socket, Hold], None]) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            hold = Hold(self._in_flight)
            hold.begin()
            self._here()
            self._start(self._serve, serve, connection, hold)

    def _serve(self, serve: Callable[[socket.socket, Hold], None], connection: socket.socket, hold: Hold) -> None:
        with self._outside():
            try:
                with connection, suppress(OSError):
                    serve(connection, hold)
            finally:  # really waiting: the client has to see that the connection is gone
                if hold.holds:
                    time.sleep(2 * _LOOK_SECONDS)
                hold.end()
            time.sleep(_PATIENCE_SECONDS)

    def _serve_tls(self, connection: socket.socket, hold: Hold, host: str = "") -> None:
        address = connection.getpeername()[:2]
        with self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as shown:
            try:
                shown.do_handshake()
            except ssl.SSLError as problem:
                if any(word in str(problem).upper().replace(" ", "_") for word in _DISTRUST):
                    self._ways.distrusted(asked_host(shown) or host)
                return
            caller = Caller(address, asked_host(shown) or host or self._host_of(address), hold)
            if port := self._ways.port_of(caller.host):
                hold.answered()
                self._relay(shown, ("127.0.0.1", port), caller)

    def _serve_proxy(self, connection: socket.socket, hold: Hold) -> None:
        asked = _asked(connection)
        if asked is None:
            connection.sendall(b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n")
        elif self._ways.port_of(asked.host):
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._serve_tls(connection, hold, asked.host)
        elif stopped := self._ways.stopped(asked.host, asked.client):
            body = stopped.encode()
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        else:
            hold.end()
            self._through(connection, asked)

    def _through(self, connection: socket.socket, asked: Asked) -> None:
        try:
            with socket.create_connection((asked.host, asked.port), timeout=30) as there:
                there.settimeout(None)
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _exchange(connection, there, Hold(nullcontext), lambda: None)
        except OSError:
            with suppress(OSError):
                connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")

    def _relay(self, shown: ssl.SSLSocket, address: Address, caller: Caller) -> None:
        with socket.create_connection(address) as there:
            mine = there.getsockname()[:2]
            self._callers[mine] = caller
            try:
                _exchange(shown, there, caller.hold, self._here)
                shown.settimeout(_GOODBYE_SECONDS)
                shown.unwrap()
            except ConnectionResetError:  # the simulation broke the connection: the client sees that
                shown.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            finally:
                del self._callers[mine]


def _wait(event: threading.Event, seconds: float) -> None:
    """For so many seconds at most in which the client was not held up either."""
    attention = Attention(time.monotonic)
    while not event.wait(_LOOK_SECONDS) and attention.look() < seconds:
        pass


def _listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=256)


def _asked(connection: socket.socket) -> Asked | None:
    """What the head of a request to a proxy asks for; ``None`` if that is no ``CONNECT``."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(4096)
        head += piece
        if not piece or len(head) > _LARGEST_HEAD:
            return None
    first, *fields = head.decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    host, _, port = rest.partition(" ")[0].rpartition(":")
    if method != "CONNECT" or not port.isdigit():
        return None
    agent = next((line for line in fields if line.lower().startswith("user-agent:")), "")
    return Asked(host.strip("[]"), int(port), agent.partition(":")[2].strip())


def _exchange(client: socket.socket, server: socket.socket, hold: Hold, asked: Callable[[], None]) -> None:
    """Hand on whatever comes from either to the other, until one of them has no more to say.

    Args:
        asked: Is told when something comes from the client.
    """
    for side in (client, server):  # a piece goes on as soon as it came, not when the one before was acknowledged
        side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_READ, server)
        selector.register(server, selectors.EVENT_READ, client)
        while True:
            ready = selector.select(_LOOK_SECONDS if hold.holds else None)
            if not ready:
                hold.nothing_came()
            for key, _ in ready:
                if key.fileobj is client:
                    hold.begin()
                    asked()
                if not _handed_on(key.fileobj, key.data):
                    return


def _handed_on(source: Any, sink: Any) -> bool:
    """All there is now; False at its end. What TLS has taken out of the socket already, no selector tells of."""
    while True:
        if not (data := source.recv(65536)):
            return False
        sink.sendall(data)
        if not (isinstance(source, ssl.SSLSocket) and source.pending()):
            return True
