"""adapters/time beside real services and children: virtual time does not run past an answer that is on its way.

Nothing here measures time. Where something must not hold the clock, it may hold it for ever: then the test hangs.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import trio
import uvicorn

from pytest_llmcontract.adapters import time as virtual
from pytest_llmcontract.adapters.time import children, connections, driver
from pytest_llmcontract.adapters.time.real import Real
from pytest_llmcontract.core.clock import VirtualClock

virtual.install_trampoline()

NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells where threads block")

# Answers after so many seconds, real ones: head and body apart, on a connection that is kept alive.
SERVICE = """
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        time.sleep(float(self.path.strip("/")))
        self.send_response(200)
        self.send_header("content-length", "6")
        self.end_headers()
        self.wfile.write(b"answer")

    def log_message(self, *args):
        pass

server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOON)


@pytest.fixture
def for_ever(monkeypatch) -> None:
    """What holds the clock holds it until it is done."""
    monkeypatch.setattr(connections, "PATIENCE", 1e9)
    monkeypatch.setattr(connections, "UNCLEAR", 1e9)
    monkeypatch.setattr(children, "PATIENCE", 1e9)
    monkeypatch.setattr(driver, "_ONE_WAIT", 0.0)  # nor does real time ever count instead


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    code = SERVICE.replace("PORT", "0")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.kill()


async def heartbeat(seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)


async def beside_a_heartbeat(work: Any, seconds: float = 1.0) -> Any:
    beating = asyncio.create_task(heartbeat(seconds))
    try:
        return await work
    finally:
        beating.cancel()


async def ask_httpx(url: str, timeout: float) -> None:
    async with httpx.AsyncClient(timeout=timeout) as client:
        for _ in range(2):
            assert (await client.get(url)).text == "answer"
        await asyncio.sleep(60)  # the connection is kept alive meanwhile


async def ask_aiohttp(url: str, timeout: float) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(timeout)) as session:
        for _ in range(2):
            async with session.get(url) as reply:
                assert await reply.text() == "answer"
        await asyncio.sleep(60)


async def ask_streams(url: str, timeout: float) -> None:
    address, path = url.removeprefix("http://").split("/")
    host, port = address.split(":")
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
        assert (await reader.read()).endswith(b"answer")
        writer.close()
    await asyncio.sleep(60)


# Event loops.


@pytest.mark.parametrize("ask", [ask_httpx, ask_aiohttp, ask_streams])
@pytest.mark.parametrize("tick", [1.0, 0.1])
def test_a_loops_request_to_a_real_service_meets_no_timeout_beside_a_heartbeat(clock, for_ever, service, ask, tick):
    with virtual.running(clock):
        asyncio.run(beside_a_heartbeat(ask(f"{service}/0.2", 30), tick))

    assert 60 <= clock.seconds < 120


def test_the_same_in_trio(clock, for_ever, service):
    async def app() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(beat)
            async with httpx.AsyncClient(timeout=60) as client:
                for _ in range(2):
                    assert (await client.get(f"{service}/0.2")).text == "answer"
                await trio.sleep(60)
            nursery.cancel_scope.cancel()

    async def beat() -> None:
        while True:
            await trio.sleep(0.1)

    with virtual.running(clock):
        trio.run(app)

    assert 60 <= clock.seconds < 120


@LINUX
@pytest.mark.parametrize("get", [httpx.get, requests.get])
def test_a_threads_request_to_a_real_service_holds_the_clock(clock, for_ever, service, get):
    async def app() -> None:
        async with asyncio.timeout(60):
            assert (await asyncio.to_thread(get, f"{service}/0.8")).text == "answer"

    with virtual.running(clock):
        asyncio.run(beside_a_heartbeat(app()))

    assert clock.seconds < 60


def test_a_timeout_that_is_shorter_than_the_answer_fires(clock, service):
    async def app() -> None:
        async with httpx.AsyncClient(timeout=0.1) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.get(f"{service}/5")

    with virtual.running(clock):
        asyncio.run(beside_a_heartbeat(app()))

    assert clock.seconds == pytest.approx(0.1)


def test_a_request_that_nobody_answers_is_given_up_and_the_time_out_says_that_time_was_virtual(clock, monkeypatch):
    monkeypatch.setattr(connections, "PATIENCE", 0.05)
    code = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)\n"
    with subprocess.Popen([sys.executable, "-c", code + "sys.stdin.read()"], stdin=-1, stdout=-1, text=True) as deaf:
        assert deaf.stdout is not None
        port = int(deaf.stdout.readline())

        async def app() -> None:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"question")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(45):
                    await asyncio.Event().wait()
            writer.close()

        with virtual.running(clock):
            asyncio.run(beside_a_heartbeat(app()))
            (remark,) = virtual.taken_remarks()
        deaf.communicate("")

    assert f"an answer of 127.0.0.1:{port} was on its way" in remark
    assert 'llm_clock(mode="real")' in remark


def test_no_remark_where_nothing_real_was_pending(clock):
    async def app() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(45):
                await asyncio.sleep(60)

    with virtual.running(clock):
        asyncio.run(app())
        assert virtual.taken_remarks() == []


# Servers of our own hold nothing.


def own_server(answer: Callable[[], Any]) -> uvicorn.Server:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"answer"})

    return uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off", loop="asyncio"))


def url_of(server: uvicorn.Server) -> str:
    return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"


async def obey() -> None:
    await asyncio.sleep(60)


async def obey_in_a_thread() -> None:
    await asyncio.to_thread(time.sleep, 60)


@pytest.mark.parametrize("answer", [obey, obey_in_a_thread])
@pytest.mark.parametrize("get", [httpx.get, requests.get])
def test_an_application_served_in_a_thread_sleeps_a_minute_at_once(clock, for_ever, answer, get):
    server = own_server(answer)
    with virtual.running(clock):
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            Real.sleep(0.01)
        assert get(url_of(server), timeout=3600).text == "answer"
        server.should_exit = True
        thread.join()

    assert 60 <= clock.seconds < 120


@pytest.mark.parametrize("answer", [obey, obey_in_a_thread])
def test_an_application_served_in_the_same_loop_sleeps_a_minute_at_once(clock, for_ever, answer):
    async def app() -> None:
        server = own_server(answer)
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.1)
        async with httpx.AsyncClient(timeout=3600) as client:
            assert (await client.get(url_of(server))).text == "answer"
        server.should_exit = True
        await serving

    with virtual.running(clock):
        asyncio.run(app())

    assert 60 <= clock.seconds < 120


@LINUX
def test_an_idle_listener_to_a_real_service_holds_nothing(clock, for_ever, monkeypatch, service):
    """It was answered, and reads on: the subscription of another thread."""
    monkeypatch.setattr(connections, "MORE_TO_COME", 0.0)
    with virtual.running(clock):
        idle = socket.create_connection(("127.0.0.1", int(service.rpartition(":")[2])))
        idle.send(b"GET /0.05 HTTP/1.1\r\n\r\n")
        received = b""
        while not received.endswith(b"answer"):
            received += idle.recv(100)
        listening = threading.Thread(target=idle.recv, args=(100,), daemon=True)
        listening.start()
        time.sleep(60)
        idle.shutdown(socket.SHUT_RDWR)
        listening.join()
        idle.close()

    assert clock.seconds == 60


# PostgreSQL.


@pytest.fixture(scope="module")
def postgres() -> Iterator[tuple[str, int]]:
    if not (shutil.which("initdb") and shutil.which("pg_ctl")):
        pytest.skip("no PostgreSQL here")
    root = os.getuid() == 0
    if root and not shutil.which("runuser"):
        pytest.skip("PostgreSQL does not run as root")
    as_user = ["runuser", "-u", "postgres", "--"] if root else []
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o777)
        data = f"{folder}/data"
        quiet: Any = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        try:
            subprocess.run([*as_user, "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-N"], **quiet)
            options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
            start = [*as_user, "pg_ctl", "-w", "-D", data, "-o", options, "-l", f"{folder}/log", "start"]
            subprocess.run(start, **quiet)
        except subprocess.CalledProcessError:
            pytest.skip("PostgreSQL does not start here")
        yield folder, port
        subprocess.run([*as_user, "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)


async def query_asyncpg(host: str, port: int) -> None:
    asyncpg = pytest.importorskip("asyncpg")
    connection = await asyncpg.connect(host=host, port=port, user="postgres")
    for _ in range(2):
        await asyncio.wait_for(connection.fetchval("select pg_sleep(0.2)"), 60)
    await asyncio.sleep(60)
    await connection.close()


async def query_psycopg(host: str, port: int) -> None:
    psycopg = pytest.importorskip("psycopg")
    connection = await psycopg.AsyncConnection.connect(host=host, port=port, user="postgres")
    for _ in range(2):
        await asyncio.wait_for(connection.execute("select pg_sleep(0.2)"), 60)
    await asyncio.sleep(60)
    await connection.close()


async def query_psycopg_in_a_thread(host: str, port: int) -> None:
    psycopg = pytest.importorskip("psycopg")

    def query() -> None:
        with psycopg.connect(host=host, port=port, user="postgres") as connection:
            connection.execute("select pg_sleep(0.8)")

    await asyncio.wait_for(asyncio.to_thread(query), 60)
    await asyncio.sleep(60)


@LINUX
@pytest.mark.parametrize("over", ["tcp", "unix"])
@pytest.mark.parametrize("query", [query_asyncpg, query_psycopg, query_psycopg_in_a_thread])
def test_queries_of_postgresql_meet_no_timeout_beside_a_heartbeat(clock, for_ever, postgres, query, over):
    folder, port = postgres
    with virtual.running(clock):
        asyncio.run(beside_a_heartbeat(query("127.0.0.1" if over == "tcp" else folder, port)))

    assert 60 <= clock.seconds < 120


# Children.

SLEEPS = [sys.executable, "-c", "import time; time.sleep(0.3)"]


def test_a_child_that_is_polled_between_sleeps_gets_real_time_to_end(clock, for_ever):
    with virtual.running(clock):
        child = subprocess.Popen(SLEEPS)
        for _ in range(1000):
            if child.poll() is not None:
                break
            time.sleep(0.1)

    assert child.wait() == 0
    assert clock.slept < 60


def test_so_does_one_that_a_loop_polls(clock, for_ever):
    async def app() -> None:
        child = subprocess.Popen(SLEEPS)
        async with asyncio.timeout(60):
            while child.poll() is None:
                await asyncio.sleep(0.1)

    with virtual.running(clock):
        asyncio.run(app())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_so_does_one_that_is_asked_for_by_the_operating_system(clock, for_ever):
    with virtual.running(clock):
        child = os.posix_spawn(sys.executable, SLEEPS, os.environ)
        for _ in range(1000):
            if os.waitpid(child, os.WNOHANG) != (0, 0):
                break
            time.sleep(0.1)
        else:
            pytest.fail("virtual time ran past it")


def test_waiting_for_a_child_is_no_sleep_of_the_application(clock):
    with virtual.running(clock), subprocess.Popen(SLEEPS) as child:
        assert child.wait(60) == 0

    assert clock.sleeps == []


@LINUX
def test_a_server_that_starts_up_is_waited_for_and_then_holds_nothing(clock, for_ever):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        virtual.running(clock),
        subprocess.Popen([sys.executable, "-c", SERVICE.replace("PORT", str(port))], stdout=-1) as server,
    ):
        for _ in range(1000):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        else:
            pytest.fail("virtual time ran past it")
        assert server.poll() is None
        time.sleep(60)
        server.kill()

    assert clock.seconds >= 60


def test_the_hooks_are_gone_with_the_simulation(clock):
    def hooked() -> list[Any]:
        transports = asyncio.selector_events._SelectorSocketTransport  # type: ignore[attr-defined]
        return [subprocess.Popen.poll, os.waitpid, transports.write, transports.pause_reading]

    before = hooked()
    with virtual.running(clock):
        assert hooked() != before
    assert hooked() == before


# The private parts.


def test_what_asyncio_says_of_its_transports():
    async def app() -> None:
        server = await asyncio.start_server(lambda _, theirs: theirs.close(), "127.0.0.1", 0)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        selector: Any = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
        reads = {key.fd: key.data[0] for key in selector.get_map().values()}
        transport = reads[writer.get_extra_info("socket").fileno()]._callback.__self__
        assert transport is writer.transport
        assert transport._server is None
        await asyncio.sleep(0.01)
        assert any(
            getattr(getattr(read, "_callback", None), "__self__", transport) is not transport for read in reads.values()
        )
        writer.close()
        server.close()

    asyncio.run(app())


@LINUX
def test_what_linux_tells_of_a_thread_that_waits_for_sockets():
    ours, theirs = socket.socketpair()
    for timeout in (None, 60.0):
        ours.settimeout(timeout)
        waiting = threading.Thread(target=ours.recv, args=(1,))
        waiting.start()
        while not (files := [one.fd for one in connections.blocks_on(waiting.native_id)]):
            Real.sleep(0.001)
        assert files == [ours.fileno()]
        assert connections.blocks_on_sockets(waiting.native_id)
        theirs.send(b"x")
        waiting.join()
    assert list(connections.blocks_on(None)) == []
    ours.close()
    theirs.close()


def test_a_look_at_a_socket_leaves_it_as_blocking_as_it_is():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        socket.setdefaulttimeout(5)
        try:
            assert connections._connection(client.fileno()) is not None
            connections._Listening()
        finally:
            socket.setdefaulttimeout(None)
        assert client.getblocking()
        assert server.getblocking()
        assert os.get_blocking(client.fileno())
        assert os.get_blocking(server.fileno())
