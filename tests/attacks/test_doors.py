"""No call leaves silently: whatever the spelling of the host, the proxy, the redirect, the class or the layer."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import aiohttp
import httpcore
import httpx
import httpx2
import pytest
import requests
import urllib3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_llmcontract import simulate
from pytest_llmcontract.core.hosts import is_loopback, known_services, normal_host, service_at
from pytest_llmcontract.simulation import current_stage

HOST = "api.groq.com"
PATH = "/openai/v1/models"
HEADERS = {"authorization": "Bearer k"}

pytestmark = pytest.mark.usefixtures("left")


# How a host is written.

FULL_WIDTH = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
spellings = st.lists(
    st.sampled_from(
        [
            str.upper,
            str.title,
            lambda host: host + ".",
            lambda host: host.replace(".", "\u3002", 1),
            lambda host: host.translate(FULL_WIDTH),
            lambda host: host.replace("o", "\uff4f"),
            lambda host: host.replace("p", "\u00adp"),
        ]
    ),
    max_size=4,
)
places = st.sampled_from(
    ["{}", "{}:443", "{}:8080", "https://{}", "http://{}:1/v1?x#y", "https://user:pass@{}/x", " {} "]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spellings, places, st.sampled_from([HOST, "llm-gateway.test", "xn--bcher-kva.example", "a-b.c1.test"]))
def test_one_host_has_one_form_however_it_is_written(changes, place, host):
    written = host
    for change in changes:
        written = change(written)
    assert normal_host(place.format(written)) == host


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40))
def test_the_form_of_whatever_text_is_its_own(text):
    once = normal_host(text)
    assert normal_host(once) == once or ":" in once
    assert once == once.lower()
    assert not once.endswith(".")


def test_letters_of_other_scripts_are_compared_as_they_are_looked_up():
    assert normal_host("B\u00dcCHER.example.") == "xn--bcher-kva.example"
    assert normal_host("[::1]:80") == normal_host("http://[0:0:0:0:0:0:0:1]/") == "::1"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1", "app.localhost", "0.0.0.0"])
def test_what_is_this_machine(host):
    assert is_loopback(host)
    assert not is_loopback("127.0.0.1.example.com")


GATEWAYS = [
    "llm-gateway.test",
    "LLM-Gateway.Test.",
    "llm-gateway.test:8443",
    "https://llm-gateway.test:8443/v1/",
    "\uff4clm-gateway.test",
]


@pytest.mark.parametrize("named", GATEWAYS)
@pytest.mark.parametrize("called", ["llm-gateway.test", "LLM-GATEWAY.test:8443"])
def test_a_gateway_is_simulated_however_it_is_named(named, called):
    with simulate("groq", hosts=[named]) as api:
        assert httpx.get(f"https://{called}{PATH}", headers=HEADERS).status_code == 200
        assert requests.get(f"https://{called}{PATH}", headers=HEADERS).status_code == 200
        assert len(api.calls) == 2


@pytest.mark.parametrize("named", ["", "https://", 7, None])
def test_a_host_that_is_none_is_refused_where_it_is_named(named):
    with (
        pytest.raises(Exception, match=r"hosts=.*accepted(: host names| is the name of a host)"),
        simulate("groq", hosts=[named]),
    ):
        pass


def by_httpx(host: str) -> int:
    return httpx.get(f"https://{host}{PATH}", headers=HEADERS).status_code


def by_httpx2(host: str) -> int:
    return httpx2.get(f"https://{host}{PATH}", headers=HEADERS).status_code


def by_requests(host: str) -> int:
    return requests.get(f"https://{host}{PATH}", headers=HEADERS).status_code


def by_urllib3(host: str) -> int:
    return urllib3.PoolManager(retries=False).request("GET", f"https://{host}{PATH}", headers=HEADERS).status


def by_urllib(host: str) -> int:
    with urllib.request.urlopen(urllib.request.Request(f"https://{host}{PATH}", headers=HEADERS)) as reply:
        return reply.status


def by_http_client(host: str) -> int:
    connection = http.client.HTTPSConnection(host)
    connection.request("GET", PATH, headers=HEADERS)
    return connection.getresponse().status


def by_aiohttp(host: str) -> int:
    async def call() -> int:
        async with aiohttp.ClientSession() as session, session.get(f"https://{host}{PATH}", headers=HEADERS) as reply:
            return reply.status

    return asyncio.run(call())


WAYS = [by_httpx, by_httpx2, by_requests, by_urllib3, by_urllib, by_http_client, by_aiohttp]


@pytest.mark.parametrize("host", ["API.Groq.com", "api.groq.com.", "api.groq.com:443", "API.GROQ.COM.:443"])
@pytest.mark.parametrize("by", WAYS)
def test_every_client_meets_the_simulation_however_it_writes_the_host(by, host):
    with simulate("groq") as api:
        assert by(host) == 200
        assert len(api.calls) == 1


# Proxies.


class Elsewhere(BaseHTTPRequestHandler):
    """A server of the application's, or a proxy: it keeps the first lines of what comes, and redirects."""

    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.requestline)
        self.send_response(307)
        self.send_header("location", f"https://{HOST}{PATH}")
        self.send_header("content-length", "0")
        self.end_headers()

    do_CONNECT = do_POST = do_GET  # noqa: N815

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def elsewhere() -> Iterator[Any]:
    handler = type("Handler", (Elsewhere,), {"seen": []})
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.seen, server.address = handler.seen, f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("by", ["requests", "urllib3", "urllib", "httpx", "aiohttp", "http.client"])
def test_a_proxy_never_hears_of_a_simulated_host(by, scheme, elsewhere, monkeypatch):
    url, proxy = f"{scheme}://{HOST}{PATH}", elsewhere.address
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv("https_proxy", proxy)
    with simulate("groq") as api:
        assert through_a_proxy(by, url, proxy) == 200
        (call,) = api.calls
        assert call.request.host == HOST
        assert call.request.headers["authorization"] == "Bearer ***"
    assert elsewhere.seen == []


def through_a_proxy(by: str, url: str, proxy: str) -> int:
    if by == "requests":
        return requests.get(url, headers=HEADERS).status_code
    if by == "urllib3":
        return urllib3.ProxyManager(proxy).request("GET", url, headers=HEADERS).status
    if by == "urllib":
        with urllib.request.urlopen(urllib.request.Request(url, headers=HEADERS)) as reply:
            return reply.status
    if by == "httpx":
        return httpx.get(url, headers=HEADERS).status_code
    if by == "aiohttp":

        async def call() -> int:
            async with (
                aiohttp.ClientSession(trust_env=True) as session,
                session.get(url, headers=HEADERS) as reply,
            ):
                return reply.status

        return asyncio.run(call())
    address = proxy.removeprefix("http://")
    if url.startswith("http:"):
        connection = http.client.HTTPConnection(address)
        connection.request("GET", url, headers=HEADERS)
    else:
        connection = http.client.HTTPSConnection(address)
        connection.set_tunnel(HOST)
        connection.request("GET", PATH, headers=HEADERS)
    return connection.getresponse().status


# Redirects.


@pytest.mark.parametrize("by", ["requests", "urllib", "httpx", "aiohttp", "urllib3"])
def test_a_redirect_to_a_simulated_host_arrives_there(by, elsewhere):
    async def by_aiohttp() -> int:
        async with aiohttp.ClientSession() as session, session.get(elsewhere.address, headers=HEADERS) as reply:
            return reply.status

    with simulate("groq", check=False) as api:
        status = {
            "requests": lambda: requests.get(elsewhere.address, headers=HEADERS).status_code,
            "urllib": lambda: urllib.request.urlopen(urllib.request.Request(elsewhere.address, headers=HEADERS)).status,
            "httpx": lambda: httpx.get(elsewhere.address, headers=HEADERS, follow_redirects=True).status_code,
            "urllib3": lambda: urllib3.PoolManager().request("GET", elsewhere.address, headers=HEADERS).status,
            "aiohttp": lambda: asyncio.run(by_aiohttp()),
        }
        assert _status(status[by]) in (200, 401)  # clients take the key off for another host
        assert len(api.calls) == 1


def _status(call: Any) -> int:
    try:
        return int(call())
    except urllib.error.HTTPError as error:
        with error:
            return error.code


# Classes and calls of http.client.


class Connects(http.client.HTTPSConnection):
    """As httplib2 and botocore have them: a way to connect of its own."""

    def connect(self) -> None:
        import socket

        self.sock = self._context.wrap_socket(socket.create_connection((self.host, self.port)))

    _context: ssl.SSLContext


class Plain(http.client.HTTPSConnection):
    pass


@pytest.mark.parametrize("first", [True, False], ids=["connects first", "connects by itself"])
@pytest.mark.parametrize("kind", [http.client.HTTPSConnection, Plain, Connects])
def test_a_connection_of_whatever_class_meets_the_simulation(kind, first):
    with simulate("groq") as api:
        connection = kind(HOST)
        if first:
            connection.connect()
        for _ in range(2):
            connection.request("GET", PATH, headers=HEADERS)
            reply = connection.getresponse()
            assert json.loads(reply.read())["object"] == "list"
        assert len(api.calls) == 2


def test_a_class_that_is_made_while_the_simulation_lasts_does_too():
    with simulate("groq") as api:
        late = type("Late", (Connects,), {"connect": lambda self: Connects.connect(self)})
        connection = late(HOST)
        connection.connect()
        connection.request("GET", PATH, headers=HEADERS)
        assert connection.getresponse().status == 200
        assert len(api.calls) == 1


# urllib3 by itself.


@pytest.mark.parametrize("preload", [True, False], ids=["whole", "piece by piece"])
def test_raw_urllib3_answers_and_gives_its_connection_back(preload):
    body = json.dumps({"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": "x"}], "stream": True})
    with simulate("groq") as api, urllib3.PoolManager(maxsize=1, block=True) as pool:
        for _ in range(3):
            url = f"https://{HOST}/openai/v1/chat/completions"
            reply = pool.request("POST", url, body=body, headers=HEADERS, preload_content=preload)
            data = reply.data if preload else b"".join(reply.stream())
            assert data.endswith(b"data: [DONE]\n\n")
            reply.release_conn()
        assert len(api.calls) == 3
        assert reply.connection is None


# Below every way in.


def escapes() -> list[str]:
    stage = current_stage()
    assert stage is not None
    return [finding.message for finding in stage.escapes()]


def test_httpcore_by_itself_is_stopped_and_named():
    with simulate("groq"):
        with pytest.raises(httpcore.ConnectError, match="stopped a call to api.groq.com"):
            httpcore.request("GET", f"https://{HOST}{PATH}", headers=HEADERS)
        assert escapes() == ["groq: a call to api.groq.com would have left this machine"]


async def test_httpcore_in_a_loop_too():
    with simulate("groq"):
        async with httpcore.AsyncConnectionPool() as pool:
            with pytest.raises(httpcore.ConnectError, match="stopped a call"):
                await pool.request("GET", f"https://{HOST}{PATH}", headers=HEADERS)
        (finding,) = current_stage().escapes()
        assert "test_doors.py" in finding.site
        assert finding.sent.startswith(f"GET https://{HOST}{PATH}")


def test_httpcore_through_a_proxy_too(elsewhere):
    with simulate("groq"):
        with httpcore.HTTPProxy(elsewhere.address) as pool, pytest.raises(httpcore.ConnectError):
            pool.request("GET", f"https://{HOST}{PATH}", headers=HEADERS)
        assert len(escapes()) == 1
    assert elsewhere.seen == []


def test_a_bare_socket_is_stopped_where_it_looks_the_name_up():
    import socket

    with simulate("groq"):
        with pytest.raises(OSError, match="stopped a call to api.groq.com"):
            socket.create_connection((HOST, 443))
        assert len(escapes()) == 1


async def test_a_stream_of_asyncio_too():
    with simulate("groq"):
        with pytest.raises(OSError, match="stopped a call to api.groq.com"):
            await asyncio.open_connection(HOST, 443, ssl=True)
        assert len(escapes()) == 1


# Well-known services.


@pytest.mark.parametrize("by", WAYS)
def test_a_well_known_service_is_not_called_by_mistake(by):
    with simulate("groq"):
        with pytest.raises(Exception, match="openai would have been called for real|would have been called"):
            by("api.openai.com")
        assert escapes() == ["openai: a call to api.openai.com would have left this machine"]


def test_through_a_proxy_neither(elsewhere, monkeypatch):
    monkeypatch.setenv("https_proxy", elsewhere.address)
    with simulate("groq"):
        for by in (by_httpx, by_requests):
            with pytest.raises(Exception, match="would have been called"):
                by("api.anthropic.com")
        assert len(escapes()) == 2
    assert elsewhere.seen == []


def test_who_is_mocked_is_called_as_ever(httpx_mock):
    httpx_mock.add_response(url="https://api.openai.com/v1/models", json={"mine": True})
    with simulate("groq"):
        assert httpx.get("https://api.openai.com/v1/models").json() == {"mine": True}
        assert escapes() == []


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("api.openai.com", "openai"),
        ("eu.api.openai.com", "openai"),
        ("my-resource.openai.azure.com", "azure ai"),
        ("bedrock-runtime.eu-central-1.amazonaws.com", "bedrock"),
        ("us-central1-aiplatform.googleapis.com", "google"),
        ("s3.eu-central-1.amazonaws.com", None),
        ("huggingface.co", None),
        ("openai.com.example.org", None),
    ],
)
def test_whose_a_host_is(host, service):
    assert service_at(host) == service


def test_the_list_of_services_is_in_normal_form_and_names_no_simulated_provider():
    from pytest_llmcontract.core.facts.registry import provider_hosts, provider_names

    listed = [host for hosts in known_services().values() for host in hosts]
    assert [normal_host(host) for host in listed] == listed
    assert len(set(listed)) == len(listed)
    assert not set(listed) & {host for name in provider_names() for host in provider_hosts(name)}


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v1/chat/completions", "http://localhost:9/v1/messages"])
@pytest.mark.parametrize("post", [httpx.post, requests.post])
def test_a_chat_that_went_to_somebody_else_is_a_note_that_names_him(post, url):
    with simulate("groq", check=False):
        for _ in range(2):
            with pytest.raises(Exception):  # noqa: B017  nobody listens there
                post(url, json={})
        (note,) = current_stage().escapes()
        assert (note.code, note.severity) == ("LLM204", "note")
        assert url.split("/")[2].split(":")[0] in note.message
