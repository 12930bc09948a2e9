"""Recording the provider itself. A loopback server stands for it: nothing here leaves the machine."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import aiohttp
import groq
import httpx
import httpx2
import pytest
import requests

from pytest_llmcontract import ContractViolation, simulate
from pytest_llmcontract.recordings.cassette import read_cassette
from pytest_llmcontract.simulation import current_stage

MODEL = "openai/gpt-oss-120b"
KEY = "gsk_" + "aB3dE6gH9kL2nP5r" * 3
CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
WHOLE = {
    "id": "chatcmpl-live",
    "object": "chat.completion",
    "created": 1790856000,
    "model": MODEL,
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "From the wire."},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 70, "completion_tokens": 4, "total_tokens": 74},
    "system_fingerprint": "fp_1",
    "x_groq": {"id": "req_01"},
    "service_tier": "on_demand",
}


def chunk(content: str) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "logprobs": None, "finish_reason": None}
    return b"data: " + json.dumps({**CHUNK, "choices": [choice]}).encode() + b"\n\n"


class Provider(BaseHTTPRequestHandler):
    """Answers as Groq does, and keeps what it was asked."""

    protocol_version = "HTTP/1.1"
    asked: list[dict[str, Any]]
    heard_one: threading.Event

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append({**body, "authorization": self.headers["authorization"]})
        if body["messages"][0]["content"] == "break":
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("set-cookie", "session=secret")
        if body.get("stream"):
            self.send_header("content-type", "text/event-stream")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for piece in (chunk("one "), chunk("two"), b"data: [DONE]\n\n"):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
                if body["messages"][0]["content"] == "slowly":
                    self.heard_one.wait(5)
            self.wfile.write(b"0\r\n\r\n")
            return
        data = json.dumps({**WHOLE, "echo": self.headers["authorization"]} if "echo" in body else WHOLE).encode()
        self.send_header("content-type", "application/json")
        if body["messages"][0]["content"] == "packed":
            data = gzip.compress(data)
            self.send_header("content-encoding", "gzip")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    handler = type("Handler", (Provider,), {"asked": [], "heard_one": threading.Event()})
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.asked, server.heard_one = handler.asked, handler.heard_one
    server.clients = []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    for client in server.clients:  # one that is left is collected in a cycle, its socket perhaps before it can close it
        client.close()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "live.llm.yaml"


def live(path: Path, mode: str = "once", **settings: Any) -> Any:
    contract = {"path": path, "record": mode, "source": "live"}
    return simulate("groq", contract=contract, hosts=["127.0.0.1"], **settings)


def replay(path: Path) -> Any:
    return simulate("groq", contract=path, hosts=["127.0.0.1"])


def ask(server: Any, text: str = "Hello", **fields: Any) -> Any:
    client = groq.Groq(base_url=server.url, max_retries=0)
    server.clients.append(client)
    return client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": text}], **fields)


def body(**fields: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}], **fields}


def test_the_providers_own_answer_is_recorded_and_replayed(server, path):
    with live(path) as api:
        answer = ask(server)
        assert api.calls.tokens == 74
        assert api.calls.last.usage.source == "reported"
        assert api.calls.cost > 0
        assert not api.calls.last.recorded

    assert answer.choices[0].message.content == "From the wire."
    assert server.asked[0]["authorization"] == f"Bearer {KEY}"
    assert read_cassette(path).metadata.source == "live"
    with replay(path) as api:
        assert ask(server).id == "chatcmpl-live"
        assert api.calls.tokens == 74
    assert len(server.asked) == 1


def test_keys_and_cookies_stay_out_of_the_recording(server, path):
    with live(path, check=False):
        ask(server, extra_body={"echo": True})

    written = path.read_text()
    assert "aB3dE6" not in written
    assert "session=secret" not in written


def test_a_stream_comes_as_it_is_sent(server, path):
    with live(path):
        stream = ask(server, "slowly", stream=True)
        first = next(iter(stream)).choices[0].delta.content  # the server waits for this before it goes on
        server.heard_one.set()
        rest = [event.choices[0].delta.content for event in stream]

    assert [first, *rest] == ["one ", "two"]
    with replay(path) as api:
        assert [event.choices[0].delta.content for event in ask(server, "slowly", stream=True)] == ["one ", "two"]
        assert len(api.calls.last.reply.events) == 3


def test_what_a_client_leaves_unread_is_recorded_all_the_same(server, path):
    with live(path), ask(server, stream=True) as stream:
        next(iter(stream))

    with replay(path):
        assert len(list(ask(server, stream=True))) == 2


def test_a_reply_that_is_packed_all_the_same_is_recorded_as_it_reads(server, path):
    with live(path):
        assert ask(server, "packed").id == "chatcmpl-live"

    assert "From the wire." in path.read_text()
    with replay(path):
        assert ask(server, "packed").id == "chatcmpl-live"


def test_a_broken_connection_is_not_recorded(server, path):
    with live(path, mode="all") as api:
        with pytest.raises(groq.APIConnectionError):
            ask(server, "break")
        ask(server)
        assert api.calls.statuses == [None, 200]

    assert len(read_cassette(path).interactions) == 1


def test_scripts_come_before_the_provider(server, path):
    with live(path) as api:
        api.fail("over_capacity")
        api.reply("Scripted.")
        with pytest.raises(groq.InternalServerError):
            ask(server)
        assert ask(server).choices[0].message.content == "Scripted."
        ask(server, "other")

    assert len(server.asked) == 1
    assert read_cassette(path).metadata.scripted == (0, 1)


def test_a_cut_of_what_the_provider_itself_streams_is_told(server, path):
    said = "cannot cut what the provider itself answers"
    with pytest.raises(ContractViolation, match=said) as told, live(path) as api:
        api.cut_stream(after=1)
        assert [event.choices[0].delta.content for event in ask(server, stream=True)] == ["one ", "two"]

    assert [finding.code for finding in told.value.violations] == ["LLM208"]


def test_only_what_is_missing_is_asked_of_the_provider(server, path):
    with live(path):
        ask(server, "a")

    with live(path, mode="new_episodes") as api:
        ask(server, "a")
        ask(server, "b")
        assert [call.recorded for call in api.calls] == [True, False]

    assert [asked["messages"][0]["content"] for asked in server.asked] == ["a", "b"]


def test_waits_are_real_where_the_provider_is(server, path):
    with live(path):
        assert current_stage().settings.mode == "real"


async def _by_httpx2(url: str) -> Any:
    async with httpx2.AsyncClient() as client:
        return (await client.post(url, json=body(), headers={"authorization": f"Bearer {KEY}"})).json()


async def _by_httpx(url: str) -> Any:
    async with httpx.AsyncClient() as client:
        return (await client.post(url, json=body(), headers={"authorization": f"Bearer {KEY}"})).json()


async def _by_aiohttp(url: str) -> Any:
    headers = {"authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(headers=headers) as client, client.post(url, json=body()) as answer:
        return await answer.json()


async def _by_requests(url: str) -> Any:
    post = lambda: requests.post(url, json=body(), headers={"authorization": f"Bearer {KEY}"}).json()  # noqa: E731
    return await asyncio.to_thread(post)


@pytest.mark.parametrize("by", [_by_httpx, _by_httpx2, _by_aiohttp, _by_requests])
def test_every_client_is_recorded_and_replayed(server, path, by):
    url = f"{server.url}/openai/v1/chat/completions"
    with live(path) as api:
        answer = asyncio.run(by(url))
        assert len(api.calls) == 1

    assert answer["id"] == "chatcmpl-live"
    with replay(path) as api:
        assert asyncio.run(by(url)) == answer
        assert api.calls.last.recorded
    assert len(server.asked) == 1


TEST = """
import groq, pytest

@pytest.mark.llm_contract(record="once", source="live")
@pytest.mark.groq_api(hosts=["127.0.0.1"])
def test_it(groq_api):
    client = groq.Groq(base_url="{url}")
    client.chat.completions.create(model="openai/gpt-oss-120b", messages=[{{"role": "user", "content": "Hello"}}])
"""


@pytest.mark.parametrize("key", ["", "llmcontract-dummy-key"])
def test_without_a_real_key_nothing_is_asked(pytester, monkeypatch, server, key, run_pytest):
    monkeypatch.setenv("GROQ_API_KEY", key)
    pytester.makepyfile(TEST.format(url=server.url))

    result = run_pytest("-q")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*llmcontract: *source=live calls groq itself, and GROQ_API_KEY holds no key; set it*"]
    )
    assert server.asked == []


def test_through_pytest(pytester, server, run_pytest):
    pytester.makepyfile(TEST.format(url=server.url))

    run_pytest("-q").assert_outcomes(passed=1)
    run_pytest("-q").assert_outcomes(passed=1)

    assert len(server.asked) == 1
