"""A server goes on serving, whatever is sent to it: bytes that no client would write, and clients that vanish."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import time
from contextlib import closing, suppress

import httpx
import pytest
from test_control import GOOD

from pytest_llmcontract.core.exchange import BEFORE_SENDING
from pytest_llmcontract.serving import app as serving_app
from pytest_llmcontract.serving.app import App
from pytest_llmcontract.serving.connections import Connections
from pytest_llmcontract.serving.control import CONTROLS
from pytest_llmcontract.serving.scopes import Scopes, ServerSettings

CHAT, SOUND = "/openai/v1/chat/completions", "/openai/v1/audio/transcriptions"
BODY = json.dumps({"model": "openai/gpt-oss-120b", "messages": [{"role": "user", "content": "Hello"}]}).encode()
STREAM = BODY[:-1] + b', "stream": true}'
USUAL = {"host": "localhost", "authorization": "Bearer x", "content-type": "application/json", "connection": "close"}
CHUNKED = {"transfer-encoding": "chunked"}


def written(path=CHAT, body=BODY, method="POST", version="HTTP/1.1", more=(), **fields):
    """A request as it is written; a field of ``None`` is left out, *more* are further fields as they are."""
    given = {
        "content-length": str(len(body)),
        **USUAL,
        **{name.replace("_", "-"): text for name, text in fields.items()},
    }
    lines = [f"{name}: {text}" for name, text in given.items() if text is not None]
    head = "\r\n".join([f"{method} {path} {version}", *lines, *more])
    return head.encode("latin-1") + b"\r\n\r\n" + body


def connected(server):
    return socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=60)


def sent(server, data):
    """All that comes back."""
    parts = []
    with closing(connected(server)) as there, suppress(ConnectionResetError):  # of a request that it does not read on
        there.sendall(data)
        while part := there.recv(65536):
            parts.append(part)
    return b"".join(parts)


def status(answer):
    return int(answer.split(b" ", 2)[1])


def still_serves(server):
    return status(sent(server, written())) == 200


@pytest.fixture(scope="module")
def server(serve):
    with serve("--virtual-time", "--unlimited") as running:
        yield running


def chunks(*parts):
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))


BROKEN = {
    "two lengths": written(more=["content-length: 3"]),
    "a length below nothing": written(content_length="-5"),
    "a length in words": written(content_length="many"),
    "a length beyond all numbers": written(content_length="9" * 23),
    "a chunk without a size": written(body=b"zz\r\nhello\r\n0\r\n\r\n", content_length=None, **CHUNKED),
    "a chunk that is longer than it says": written(body=b"2\r\nhello\r\n0\r\n\r\n", content_length=None, **CHUNKED),
    "a chunk beyond all numbers": written(body=b"f" * 22 + b"\r\nhello\r\n", content_length=None, **CHUNKED),
    "a coding that nobody knows": written(content_length=None, transfer_encoding="gzip"),
    "a field without end": written(more=["x-long: " + "y" * 200_000]),
    "an address without end": written(path=CHAT + "?" + "y" * 200_000),
    "no host": written(host=None),
    "two hosts": written(more=["host: evil.example"]),
    "NUL in the address": written(path="/openai/v1/mod\0els"),
    "letters in the address": written(path="/openai/v1/models/\xff\xfe"),
    "a gap in the address": written(path="/openai/v1/mod els"),
    "no address": written(path=""),
    "a body that is compressed": written(body=gzip.compress(BODY)),
    "a body in UTF-16": written(body=BODY.decode().encode("utf-16")),
    "a body in UTF-32": written(body=BODY.decode().encode("utf-32")),
    "a body in Latin-1": written(body=BODY.replace(b"Hello", b"\xe9")),
    "a form": written(body=b"model=x", content_type="application/x-www-form-urlencoded"),
    "XML": written(body=b"<a/>", content_type="text/xml"),
    "parts without a boundary": written(SOUND, b"--x\r\n", content_type="multipart/form-data"),
    "parts that do not end": written(
        SOUND,
        b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nabc',
        content_type="multipart/form-data; boundary=x",
    ),
    "parts without names": written(
        "/openai/v1/files", b"--x\r\ncontent-disposition: form-data\r\n\r\na\r\n--x--\r\n",
        content_type="multipart/form-data; boundary=x",
    ),
    "10,000 brackets": written(body=b"[" * 10_000 + b"]" * 10_000),
    "10,000 objects": written(body=b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
    "10,000 brackets among the messages": written(body=b'{"messages":' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    "a number of 5,000 digits": written(body=BODY[:-1] + b', "max_tokens": ' + b"9" * 5000 + b"}"),
    "an address of nobody": written("/nothing/v1/models", b"", "GET"),
    "a method of nobody": written("/openai/v1/models", b"", "FROB"),
    "OPTIONS": written("*", b"", "OPTIONS"),
    "TRACE": written("/openai/v1/models", b"", "TRACE"),
    "a tunnel": written("api.groq.com:443", b"", "CONNECT"),
    "another server's address": written("http://evil.example/openai/v1/models", b"", "GET"),
    "a way out of the folder": written("/openai/v1/../../etc/passwd", b"", "GET"),
    "a scope alone": written("/t/alone", b"", "GET"),
    "a scope in a scope": written("/t/a/t/b/openai/v1/models", b"", "GET"),
}  # fmt: skip


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_gets_a_4xx_and_the_server_goes_on(server, data):
    assert 400 <= status(sent(server, data)) < 500
    assert still_serves(server)


FINE = {
    "two lengths that agree": written(more=[f"content-length: {len(BODY)}"]),
    "chunks": written(body=chunks(BODY[:7], BODY[7:]), content_length=None, **CHUNKED),
    "chunks with a trailer": written(body=chunks(BODY)[:-2] + b"x-t: 1\r\n\r\n", content_length=None, **CHUNKED),
    "an expectation": written(expect="100-continue"),
    "HTTP/1.0": written(version="HTTP/1.0"),
    "HTTP/1.0 without a host": written(version="HTTP/1.0", host=None),
    "5,000 fields": written(more=[f"x-{number}: y" for number in range(5000)]),
    "no content type": written(content_type=None),
    "a mark before the body": written(body=b"\xef\xbb\xbf" + BODY),
    "another protocol": written(connection="Upgrade, close", upgrade="h2c"),
    "a websocket": written(connection="Upgrade, close", upgrade="websocket", more=["sec-websocket-version: 13"]),
    "a scope of 30,000 letters": written(more=["x-llmcontract-test: " + "s" * 30_000]),
    "a scope of odd letters": written(more=["x-llmcontract-test: ../../\xff<script>"]),
    "a scope of escapes": written("/t/%00%2f%zz/openai/v1/chat/completions"),
    "a scope of nothing": written("/t//openai/v1/chat/completions"),
}


@pytest.mark.parametrize("data", FINE.values(), ids=FINE)
def test_what_is_odd_but_right_is_answered(server, data):
    answer = sent(server, data).removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert status(answer) == 200


def test_two_requests_in_one_piece_get_two_answers_in_order(server):
    first = written("/openai/v1/models", b"", "GET", connection="keep-alive")
    answers = sent(server, first + written())
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert answers.index(b'"object":"list"') < answers.index(b'"chat.completion"')


def test_what_is_escaped_in_an_address_reaches_the_provider_as_it_was_sent(server):
    with httpx.Client(base_url=f"{server.url}/t/escaped", headers={"authorization": "Bearer x"}) as client:
        names = ["a%3Fb", "a%23b", "a%0D%0Ab", "a%2541"]
        said = [client.get(f"/openai/v1/models/{name}").json()["error"]["message"] for name in names]
    assert [message.split("`")[1] for message in said] == ["a?b", "a#b", "a\r\nb", "a%41"]


# Whose page it is that calls.


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:80", "127.3.2.1", "[::1]:8765", "localhost.", "x.localhost:1"]
)
def test_this_machine_is_called_by_many_names(server, host):
    assert status(sent(server, written(host=host))) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8765", "localhost.evil.example", "127.0.0.1.evil.example", "localhost@evil.example",
     "evil.example, localhost", "[evil.example]", "10.0.0.1", "0.0.0.0", ""],
)  # fmt: skip
@pytest.mark.parametrize("path", [CHAT, "/_llmcontract/reset"])
def test_another_name_is_refused(server, host, path):
    assert status(sent(server, written(path, host=host))) == 403


# Who leaves, and who is slow.


def calls(server, test):
    return len(server.control("/calls", test=test))


@pytest.mark.parametrize("how", ["length", "chunks"])
def test_half_a_request_is_no_call(server, how):
    data = written(f"/t/half-{how}{CHAT}")[:-5]
    if how == "chunks":
        data = written(f"/t/half-{how}{CHAT}", chunks(BODY)[:-9], content_length=None, **CHUNKED)
    server.control("/reply", {"provider": "groq", "content": "For another."}, test=f"half-{how}")
    with closing(connected(server)) as there:
        there.sendall(data)
        time.sleep(0.1)
    assert still_serves(server)
    assert calls(server, f"half-{how}") == 0
    assert b"For another." in sent(server, written(f"/t/half-{how}{CHAT}"))


def test_who_sends_byte_by_byte_is_waited_for(server):
    data = written()
    with closing(connected(server)) as there:
        there.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(data), 7):
            there.sendall(data[start : start + 7])
            time.sleep(0.001)
        assert status(there.recv(65536)) == 200


def test_who_leaves_before_the_answer_harms_nobody(server):
    for _ in range(50):
        with closing(connected(server)) as there:
            there.sendall(written(body=STREAM))
    assert still_serves(server)


def test_to_who_leaves_within_a_stream_nothing_more_is_written():
    class Transport(asyncio.Transport):
        def get_extra_info(self, name, default=None):
            return ("127.0.0.1", 1) if name == "peername" else default

        def is_closing(self):
            return len(said) == 3

        def close(self):
            pass

    async def receive():
        return heard.pop()

    async def send(message):
        said.append(message)

    heard = [{"type": "http.disconnect"}, {"type": "http.request", "body": STREAM, "more_body": False}]
    said, connections = [], Connections()
    connections.opened(Transport())
    headers = [(b"host", b"localhost"), (b"authorization", b"Bearer x"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "raw_path": CHAT.encode(), "path": CHAT, "query_string": b"",
             "headers": headers, "client": ("127.0.0.1", 1)}  # fmt: skip
    app = App(Scopes(ServerSettings(virtual=True)), ["localhost"], connections)
    asyncio.run(app(scope, receive, send))
    assert [message["type"].rpartition(".")[2] for message in said] == ["start", "body", "body"]
    assert b"data: " in said[-1]["body"]
    assert heard == []  # uvicorn has heard too that the client is gone, and misses no end of the reply


def test_a_thousand_that_say_nothing_harm_nobody(server):
    held = []
    try:
        for _ in range(1000):
            held.append(connected(server))
    except OSError:
        if len(held) < 200:
            pytest.skip("this machine has no more connections")
        held.pop().close()
    try:
        assert still_serves(server)
    finally:
        for one in held:
            one.close()
    assert still_serves(server)


def test_50_megabytes_are_refused_in_the_providers_words(server):
    long = json.dumps({"model": "openai/gpt-oss-120b", "messages": [{"role": "user", "content": "x" * 50_000_000}]})
    answer = sent(server, written(body=long.encode()))
    assert (status(answer), b'"code":"context_length_exceeded"' in answer) == (400, True)


def test_more_than_anybody_takes_is_refused_when_it_was_heard(monkeypatch):
    monkeypatch.setattr(serving_app, "LARGEST", 1000)
    heard, said = [], []

    async def receive():
        heard.append(400)
        return {"type": "http.request", "body": b"x" * 400, "more_body": len(heard) < 4}

    async def send(message):
        said.append(message)

    scope = {"type": "http", "method": "POST", "raw_path": CHAT.encode(), "path": CHAT, "query_string": b"",
             "headers": [(b"host", b"localhost")]}  # fmt: skip
    app = App(Scopes(ServerSettings(virtual=True)), ["localhost"], Connections())
    asyncio.run(app(scope, receive, send))
    assert (said[0]["status"], len(heard)) == (413, 4)


# The control API.


ODD = [0, -1, 10**400, 1e308, True, None, "", "\0", "x" * 10_000, [], [[]], {}, {"a": {"a": 1}}]


@pytest.mark.parametrize("control", [one for one in CONTROLS if one.method == "POST"], ids=lambda one: one.path)
def test_odd_values_are_taken_or_refused_in_a_sentence(server, control):
    scope = f"odd{control.path.replace('/', '-')}"
    for name in control.takes:
        for value in ODD:
            given = {**GOOD[control.path], name: value}
            data = json.dumps(given).encode() if value != 10**400 else b'{"%b": 1%b}' % (name.encode(), b"0" * 400)
            answer = sent(server, written(f"/t/{scope}/_llmcontract{control.path}", data))
            assert status(answer) in (200, 400), (given, answer)
    assert still_serves(server)


@pytest.mark.parametrize("fault", sorted(BEFORE_SENDING))
@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("/fail", lambda fault: {"error": fault}),
        ("/outage", lambda fault: {"error": fault, "seconds": 5}),
        ("/chaos", lambda fault: {"errors": [503, fault], "rate": 1}),
    ],
)
def test_what_happens_before_a_server_is_reached_is_refused(server, path, given, fault):
    answered, said = server.control(path, {"provider": "groq", **given(fault)}, test="early")
    assert answered == 400
    assert said.startswith(f"{fault} cannot happen to a client that has reached a server; accepted: connection_reset, ")


# The end.


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("/latency", {"per_token": 60}),
        ("/latency", {"first_token": 60}),
        ("/cut_stream", {"how": "stall", "after": 2}),
    ],
    ids=["slow", "before the answer", "stalled"],
)
def test_who_is_being_answered_when_the_server_ends_sees_the_connection_end(serve, path, given):
    with serve() as server:
        server.control(path, {"provider": "groq", **given})
        with closing(connected(server)) as there:
            there.sendall(written(body=STREAM))
            while not server.control("/calls"):
                time.sleep(0.01)
            assert server.stop() == 0
            heard = b"".join(iter(lambda: there.recv(65536), b""))
        assert b"Internal Server Error" not in heard
        assert not heard.endswith(b"0\r\n\r\n")
        assert "Traceback" not in server.process.stderr.read()
