"""requests, urllib3, http.client and aiohttp meet the simulation; everybody else's calls go their own way."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import aiohttp
import pytest
import requests
import urllib3
import vcr

from pytest_llmcontract import simulate
from pytest_llmcontract.simulation import current_stage

URL = "https://api.groq.com/openai/v1/chat/completions"
ELSEWHERE = "https://api.together.xyz/v1/chat/completions"
HEADERS = {"authorization": "Bearer k", "content-type": "application/json"}


def body(**fields: Any) -> bytes:
    return json.dumps(
        {"model": "openai/gpt-oss-120b", "messages": [{"role": "user", "content": "Hello"}], **fields}
    ).encode()


def by_requests(url: str = URL, data: bytes = body()) -> tuple[int, Any]:
    answer = requests.post(url, data=data, headers=HEADERS)
    return answer.status_code, answer.json()


def by_urllib3(url: str = URL, data: bytes = body()) -> tuple[int, Any]:
    answer = urllib3.PoolManager(retries=False).request("POST", url, body=data, headers=HEADERS)
    return answer.status, json.loads(answer.data)


def by_http_client(url: str = URL, data: bytes = body()) -> tuple[int, Any]:
    host, _, path = url.removeprefix("https://").partition("/")
    connection = http.client.HTTPSConnection(host)
    connection.request("POST", f"/{path}", data, HEADERS)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def by_putrequest(url: str = URL, data: bytes = body()) -> tuple[int, Any]:
    host, _, path = url.removeprefix("https://").partition("/")
    connection = http.client.HTTPSConnection(host)
    connection.putrequest("POST", f"/{path}")
    for name, value in HEADERS.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(data)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def by_urllib_request(url: str = URL, data: bytes = body()) -> tuple[int, Any]:
    with urllib.request.urlopen(urllib.request.Request(url, data, HEADERS)) as answer:
        return answer.status, json.load(answer)


SYNC = [by_requests, by_urllib3, by_http_client, by_putrequest, by_urllib_request]


@pytest.mark.parametrize("by", SYNC)
def test_a_call_is_answered_by_the_simulation(by):
    with simulate("groq") as api:
        api.reply("Simulated.")

        status, answer = by()

        assert (status, answer["choices"][0]["message"]["content"]) == (200, "Simulated.")
        (call,) = api.calls
        assert (call.operation, call.model) == ("chat.completions", "openai/gpt-oss-120b")
        assert call.request.headers["authorization"] == "Bearer ***"
        assert "test_wire.py" in call.site


async def test_aiohttp_too():
    with simulate("groq") as api:
        api.reply("Simulated.", times=2)
        async with aiohttp.ClientSession("https://api.groq.com", headers=HEADERS) as session:
            fields = json.loads(body())
            async with session.post("/openai/v1/chat/completions", json=fields) as first:
                assert first.status == 200
                assert (await first.json())["choices"][0]["message"]["content"] == "Simulated."
            async with session.post(URL, data=body()) as second:
                assert "Simulated." in await second.text()
            async with session.get("/openai/v1/models") as third:
                assert (await third.json())["object"] == "list"
        assert [call.operation for call in api.calls] == ["chat.completions", "chat.completions", "models.list"]
        assert "test_wire.py" in api.calls[0].site


async def test_forms_of_aiohttp_arrive_as_forms():
    with simulate("groq", check=False) as api:
        api.reply(body={"text": "spoken"})
        form = aiohttp.FormData({"model": "whisper-large-v3"})
        form.add_field("file", b"sound", filename="a.wav")
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                "https://api.groq.com/openai/v1/audio/transcriptions", data=form, headers={"authorization": "Bearer k"}
            ) as answer,
        ):
            assert await answer.json() == {"text": "spoken"}
        assert api.calls.last.model == "whisper-large-v3"


# Streams


def test_a_stream_of_requests_comes_event_by_event_in_virtual_time():
    with simulate("groq") as api:
        api.reply(["one ", "two ", "three"])
        api.latency(first_token=2, per_token=1)

        with requests.post(URL, data=body(stream=True), headers=HEADERS, stream=True) as answer:
            arrived = [(api.clock.elapsed, piece) for piece in answer.iter_content(chunk_size=None)]

        assert [at for at, _ in arrived] == [2 + n for n in range(len(arrived))]
        assert all(piece.startswith(b"data: ") and piece.endswith(b"\n\n") for _, piece in arrived)
        assert api.calls.last.took == arrived[-1][0]


def test_lines_of_requests():
    with simulate("groq") as api:
        api.reply(["one ", "two"])
        with requests.post(URL, data=body(stream=True), headers=HEADERS, stream=True) as answer:
            lines = [line for line in answer.iter_lines() if line]

    assert lines[-1] == b"data: [DONE]"
    assert all(line.startswith(b"data: ") for line in lines)


async def test_a_stream_of_aiohttp_comes_event_by_event_in_virtual_time():
    with simulate("groq") as api:
        api.reply(["one ", "two ", "three"])
        api.latency(first_token=2, per_token=1)
        async with (
            aiohttp.ClientSession() as session,
            session.post(URL, data=body(stream=True), headers=HEADERS) as answer,
        ):
            arrived = [(api.clock.elapsed, piece) async for piece in answer.content.iter_any()]

        assert [at for at, _ in arrived] == [2 + n for n in range(len(arrived))]
        assert all(piece.endswith(b"\n\n") for _, piece in arrived)


async def test_lines_of_aiohttp():
    with simulate("groq"):
        async with (
            aiohttp.ClientSession() as session,
            session.post(URL, data=body(stream=True), headers=HEADERS) as answer,
        ):
            lines = [line async for line in answer.content if line.strip()]

    assert lines[-1] == b"data: [DONE]\n"


def test_a_stream_that_breaks_off_breaks_off_as_it_would():
    with simulate("groq") as api:
        api.cut_stream(after=1)
        with requests.post(URL, data=body(stream=True), headers=HEADERS, stream=True) as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith(b"data: ")
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                list(lines)


async def test_one_of_aiohttp_too():
    with simulate("groq") as api:
        api.cut_stream(after=1, times=2)
        async with aiohttp.ClientSession(headers=HEADERS) as session:
            async with session.post(URL, data=body(stream=True)) as answer:
                with pytest.raises(aiohttp.ClientPayloadError):
                    [line async for line in answer.content]
            async with session.post(URL, data=body(stream=True)) as answer:
                with pytest.raises(aiohttp.ClientPayloadError):
                    await answer.read()


def test_a_stalled_stream_ends_with_the_clients_patience():
    with simulate("groq") as api:
        api.cut_stream(after=1, how="stall")
        answer = requests.post(URL, data=body(stream=True), headers=HEADERS, stream=True, timeout=7)
        with pytest.raises(requests.exceptions.ConnectionError, match="Read timed out"):
            list(answer.iter_lines())
        assert api.clock.elapsed == 7


# Time


def test_a_slow_answer_runs_into_the_read_timeout():
    with simulate("groq") as api:
        api.latency(first_token=30)
        with pytest.raises(requests.exceptions.ReadTimeout):
            requests.post(URL, data=body(), headers=HEADERS, timeout=5)
        assert api.clock.elapsed == 5


async def test_of_aiohttp_too():
    with simulate("groq") as api:
        api.latency(first_token=30)
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            with pytest.raises(TimeoutError):
                await session.post(URL, data=body(), headers=HEADERS)
        assert api.clock.elapsed == 5


def test_retries_of_urllib3_wait_as_told_in_virtual_time():
    retry = urllib3.Retry(status=2, status_forcelist=[429], allowed_methods=None)
    with simulate("groq") as api:
        api.fail("rate_limit_exceeded", retry_after=30)
        with urllib3.PoolManager(retries=retry) as pool:
            assert pool.request("POST", URL, body=body(), headers=HEADERS).status == 200
        assert api.calls.statuses == [429, 200]
        assert api.clock.slept == 30


# Whose call it is


@pytest.mark.parametrize("by", SYNC)
def test_a_provider_that_is_not_simulated_is_not_called(by):
    with simulate("groq"):
        with pytest.raises((OSError, urllib3.exceptions.HTTPError), match="together is not simulated"):
            by(ELSEWHERE)

        (escape,) = current_stage().findings()
        assert escape.message == "together: a call to api.together.xyz would have left this machine"
        assert "test_wire.py" in escape.site


async def test_nor_through_aiohttp():
    with simulate("groq"):
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectionError, match="together is not simulated"):
                await session.post(ELSEWHERE, data=body())

        assert [escape.code for escape in current_stage().findings()] == ["LLM204"]


class Local(BaseHTTPRequestHandler):
    """Some server of the application's own: it sends two lines and waits until the first was read."""

    protocol_version = "HTTP/1.1"
    read_one: threading.Event

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for line in (b"one\n", b"two\n"):
            self.wfile.write(b"4\r\n" + line + b"\r\n")
            self.wfile.flush()
            self.read_one.wait(5)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def local() -> Iterator[Any]:
    handler = type("Handler", (Local,), {"read_one": threading.Event()})
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.read_one = handler.read_one
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_other_hosts_are_called_as_ever_and_stream_as_ever(local):
    url = f"http://127.0.0.1:{local.server_port}/"
    with simulate("groq"), requests.Session() as session:
        with session.post(url, data=b"x", stream=True) as answer:
            lines = answer.iter_lines(chunk_size=1)
            assert next(lines) == b"one"
            local.read_one.set()
            assert next(lines) == b"two"
        assert type(session.get_adapter(url).poolmanager.connection_from_url(url).ConnectionCls).__module__ != "vcr"


async def test_through_aiohttp_too(local):
    url = f"http://127.0.0.1:{local.server_port}/"
    with simulate("groq"):
        async with aiohttp.ClientSession() as session, session.post(url, data=b"x") as answer:
            assert await answer.content.readline() == b"one\n"
            local.read_one.set()
            assert await answer.content.readline() == b"two\n"


@pytest.mark.parametrize("by", [by_requests, by_urllib3, by_http_client])
def test_simulated_hosts_are_ours_inside_a_users_cassette_too(by, tmp_path):
    with simulate("groq") as api, vcr.use_cassette(str(tmp_path / "theirs.yaml"), record_mode="none"):
        assert by()[0] == 200
        assert len(api.calls) == 1

    assert not (tmp_path / "theirs.yaml").exists()


async def test_through_aiohttp_as_well(tmp_path):
    with simulate("groq") as api, vcr.use_cassette(str(tmp_path / "theirs.yaml"), record_mode="none"):
        async with aiohttp.ClientSession() as session, session.post(URL, data=body(), headers=HEADERS) as answer:
            assert (await answer.json())["object"] == "chat.completion"
        assert len(api.calls) == 1


def test_a_users_cassette_for_other_hosts_keeps_working(local, tmp_path):
    local.read_one.set()
    url = f"http://127.0.0.1:{local.server_port}/"
    theirs = str(tmp_path / "theirs.yaml")
    with simulate("groq"), vcr.use_cassette(theirs, record_mode="once"):
        assert requests.post(url, data=b"x").text == "one\ntwo\n"
        assert by_requests()[0] == 200
    with simulate("groq"), vcr.use_cassette(theirs, record_mode="none") as cassette:
        assert requests.post(url, data=b"x").text == "one\ntwo\n"
        assert [request.host for request in cassette.requests] == ["127.0.0.1"]


def test_a_session_that_is_kept_meets_each_simulation_and_then_its_own_server(local):
    url = f"http://127.0.0.1:{local.server_port}/openai/v1/chat/completions"
    local.read_one.set()
    with requests.Session() as session:
        for _ in range(2):
            with simulate("groq", hosts=["127.0.0.1"]) as api:
                assert session.post(url, data=body(), headers=HEADERS).json()["object"] == "chat.completion"
                assert len(api.calls) == 1

        assert session.post(url, data=body(), headers=HEADERS).text == "one\ntwo\n"
        with simulate("groq"):
            assert session.post(url, data=body(), headers=HEADERS).text == "one\ntwo\n"


def patched() -> tuple[Any, ...]:
    return (
        http.client.HTTPConnection.connect,
        http.client.HTTPSConnection.connect,
        http.client.HTTPConnection.putrequest,
        urllib3.connection.HTTPSConnection.connect,
        aiohttp.TCPConnector._create_connection,
        list(sys.meta_path),
    )


def test_everything_is_put_back():
    before = patched()

    with simulate("groq"), simulate("together"):
        assert not any(there is was for there, was in zip(patched(), before, strict=True))

    assert patched() == before


def test_what_is_imported_during_a_simulation_is_reached_and_no_library_is_imported_for_it():
    code = """
import sys
import groq
from pytest_llmcontract import simulate
from pytest_llmcontract.simulation import current_stage

with simulate("groq") as api:
    groq.Groq().models.list()
    assert not {"vcr", "requests", "urllib3"} & set(sys.modules)
    import requests
    url = "https://api.groq.com/openai/v1/models"
    assert requests.get(url, headers={"authorization": "Bearer k"}).status_code == 200
    assert "vcr" not in sys.modules
    assert len(api.calls) == 2
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
