"""``llmcontract serve`` with real clients: who answers, in which scope, in which time, and how connections break."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import groq
import httpx
import openai
import pytest
import together

GROQ, LLAMA = "openai/gpt-oss-120b", "meta-llama/Llama-3.3-70B-Instruct-Turbo"
HELLO = [{"role": "user", "content": "Hello"}]


CLIENTS = []


@pytest.fixture(autouse=True)
def closed():
    """Clients keep their connections: a test leaves none."""
    yield
    while CLIENTS:
        CLIENTS.pop().close()


def made(client, url, **more):
    CLIENTS.append(client(base_url=url, **{"api_key": "x", "max_retries": 0, **more}))
    return CLIENTS[-1]


def groq_client(url, **more):
    return made(groq.Groq, url, **more)


def together_client(url, **more):
    return made(together.Together, url, **more)


def openai_client(url, **more):
    return made(openai.OpenAI, url, **more)


# Addresses.


@pytest.mark.parametrize(
    ("client", "path", "model"),
    [
        (groq_client, "", GROQ),
        (groq_client, "/groq", GROQ),
        (openai_client, "/openai/v1", GROQ),
        (openai_client, "/groq/openai/v1", GROQ),
        (openai_client, "/groq/v1", GROQ),
        (openai_client, "/groq", GROQ),
        (together_client, "", LLAMA),
        (together_client, "/together", LLAMA),
        (openai_client, "/v1", LLAMA),
        (openai_client, "/together", LLAMA),
    ],
)
def test_a_client_finds_its_provider(server, request, client, path, model):
    test = request.node.name
    server.control("/reply", {"provider": "groq" if model == GROQ else "together", "content": "Hi."}, test=test)
    asked = client(server.url + path, default_headers={"x-llmcontract-test": test})
    assert asked.chat.completions.create(model=model, messages=HELLO).choices[0].message.content == "Hi."
    assert server.control("/findings", test=test) == []


@pytest.mark.parametrize(
    ("path", "model"), [("/openai/v1/openai/v1", GROQ), ("/openai/v1/v1", GROQ), ("/v1/v1", LLAMA)]
)
def test_a_base_that_stands_there_twice_is_answered_and_told(server, request, path, model):
    test = request.node.name
    asked = openai_client(server.url + path, default_headers={"x-llmcontract-test": test})
    asked.chat.completions.create(model=model, messages=HELLO)
    (finding,) = server.control("/findings", test=test)
    assert (finding["code"], finding["severity"]) == ("LLM105", "warning")


@pytest.mark.parametrize("base", ["/together", "/together/v1", "/v1"])
def test_what_a_client_puts_below_its_one_base_is_found_beside_it(server, request, base):
    """Together's SDK before its third asks ``/v2`` so, when it is told a base URL."""
    headers = {"x-llmcontract-test": request.node.name, "authorization": "Bearer x"}
    there = httpx.get(f"{server.url}{base}/public/inference-instance-types", headers=headers)
    (call,) = server.control("/calls", test=request.node.name)
    assert (there.status_code, call["operation"]) == (200, "v2.instance_types.list")
    assert server.control("/findings", test=request.node.name) == []


def test_what_stands_below_no_base_is_an_address_of_nobody(server):
    headers = {"authorization": "Bearer x"}
    assert httpx.get(f"{server.url}/together/v1/nothing", headers=headers).status_code == 404


def test_an_address_of_nobody_says_what_there_is(server):
    reply = httpx.get(f"{server.url}/nothing")
    assert reply.status_code == 404
    assert "/openai/v1/… or /groq/…" in reply.json()["error"]["message"]


def test_other_operations_are_answered_too(server):
    models = groq_client(f"{server.url}/t/models").models.list()
    assert GROQ in [model.id for model in models.data]
    assert httpx.get(f"{server.url}/t/models/openai/v1/models").status_code == 401


# Scopes.


def test_tests_that_share_a_server_do_not_disturb_each_other(server):
    server.control("/fail", {"provider": "groq", "error": "over_capacity", "times": None}, test="a")
    server.control("/reply", {"provider": "groq", "content": "b's"}, test="b")
    with pytest.raises(groq.InternalServerError):
        groq_client(f"{server.url}/t/a").chat.completions.create(model=GROQ, messages=HELLO)
    answer = groq_client(f"{server.url}/t/b").chat.completions.create(model=GROQ, messages=HELLO)
    assert answer.choices[0].message.content == "b's"
    assert [call["status"] for call in server.control("/calls", test="a")] == [503]
    server.control("/clock", {"hours": 2}, test="b")
    assert server.control("/state", test="a")["elapsed"] == 0
    assert server.control("/state", test="b")["elapsed"] == 7200


def test_a_scope_begins_anew(server):
    groq_client(f"{server.url}/t/anew").models.list()
    assert len(server.control("/calls", test="anew")) == 1
    server.control("/reset", {}, test="anew")
    assert server.control("/calls", test="anew") == []


def test_limits_are_counted_as_calls_come_from_many_clients(serve):
    with serve("--virtual-time", "--groq", "plan=free", 'limits={"RPM": 20}') as server:
        client = groq_client(server.url)

        def ask(_):
            try:
                client.chat.completions.create(model=GROQ, messages=HELLO)
            except groq.RateLimitError:
                return 429
            return 200

        with ThreadPoolExecutor(16) as pool:
            statuses = list(pool.map(ask, range(60)))
        assert statuses.count(200) == 20
        server.control("/clock", {"seconds": 60})
        assert ask(0) == 200


# How calls are repeated: no stack tells, so what is found names no layer.


def asked_bare(url, client=httpx):
    body = {"model": GROQ, "messages": HELLO}
    return client.post(f"{url}/openai/v1/chat/completions", json=body, headers={"authorization": "Bearer k"})


def test_a_client_that_comes_back_too_early_is_told(serve):
    with serve("--groq", "plan=free", 'limits={"RPM": 1}') as server, httpx.Client() as client:
        assert [asked_bare(server.url, client).status_code for _ in range(2)] == [200, 429]
        time.sleep(0.2)
        assert asked_bare(server.url, client).status_code == 429
        [found] = server.control("/findings")
        assert (found["code"], found["severity"]) == ("LLM301", "note")
        assert [call["attempt"] for call in server.control("/calls")] == [1, 1, 2]
        assert server.control("/calls")[2]["findings"] == ["LLM301"]


@pytest.mark.parametrize("keeps", [True, False], ids=["one connection", "a connection for each call"])
def test_one_call_after_another_is_no_burst(serve, keeps):
    with serve("--groq", "plan=free", 'limits={"RPM": 3}', "--virtual-time") as server, httpx.Client() as client:
        for _ in range(9):
            asked_bare(server.url, client if keeps else httpx)
        assert "LLM306" not in {found["code"] for found in server.control("/findings")}


def test_many_connections_at_once_are_a_burst(serve):
    with serve("--groq", "plan=free", 'limits={"RPM": 3}', "--virtual-time") as server:

        async def burst():
            async with httpx.AsyncClient(timeout=30) as client:
                await asyncio.gather(*(asked_bare(server.url, client) for _ in range(12)))

        asyncio.run(burst())
        [found] = [found for found in server.control("/findings") if found["code"] == "LLM306"]
        assert found["severity"] == "error"


# Streams, and how connections break.


def test_a_stream_comes_event_by_event(serve):
    with serve() as server:
        server.control("/latency", {"provider": "groq", "per_token": 86_400})
        stream = groq_client(server.url).chat.completions.create(model=GROQ, messages=HELLO, stream=True)
        assert next(iter(stream)).choices


def test_a_slow_stream_takes_as_long_as_it_should(serve):
    with serve() as server:
        server.control("/latency", {"provider": "groq", "first_token": 0.2, "per_token": 0.1})
        server.control("/reply", {"provider": "groq", "content": ["a ", "b ", "c ", "d"]})
        began = time.monotonic()
        stream = groq_client(server.url).chat.completions.create(model=GROQ, messages=HELLO, stream=True)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
        assert text == "a b c d"
        assert time.monotonic() - began > 0.2 + 4 * 0.1


def test_in_virtual_time_nothing_waits(server):
    """Else the client's patience would be at an end."""
    server.control("/latency", {"provider": "groq", "first_token": 3600, "per_token": 3600}, test="slow")
    stream = groq_client(f"{server.url}/t/slow", timeout=60).chat.completions.create(
        model=GROQ, messages=HELLO, stream=True
    )
    assert len(list(stream)) > 2
    assert server.control("/state", test="slow")["elapsed"] > 3600


@pytest.mark.parametrize("how", ["disconnect", "truncate"])
def test_a_cut_stream_breaks_on_the_socket(server, how):
    server.control("/cut_stream", {"provider": "groq", "after": 2, "how": how}, test=how)
    stream = groq_client(f"{server.url}/t/{how}").chat.completions.create(model=GROQ, messages=HELLO, stream=True)
    with pytest.raises(httpx.TransportError):
        list(stream)


def test_a_stall_lasts_until_the_client_has_had_enough(server):
    server.control("/cut_stream", {"provider": "groq", "after": 2, "how": "stall"}, test="stall")
    client = groq_client(f"{server.url}/t/stall", timeout=5)  # what comes before the stall is there by then
    with pytest.raises(httpx.ReadTimeout):
        list(client.chat.completions.create(model=GROQ, messages=HELLO, stream=True))


@pytest.mark.parametrize(
    ("fault", "error", "patience"),
    [
        ("connection_reset", groq.APIConnectionError, 60),
        ("read_timeout", groq.APITimeoutError, 5),
    ],  # the server has heard it by then
)
def test_a_connection_that_breaks_reaches_the_client(server, fault, error, patience):
    server.control("/fail", {"provider": "groq", "error": fault}, test=fault)
    with pytest.raises(error):
        groq_client(f"{server.url}/t/{fault}", timeout=patience).chat.completions.create(model=GROQ, messages=HELLO)
    groq_client(f"{server.url}/t/{fault}").chat.completions.create(model=GROQ, messages=HELLO)


def test_the_connection_that_breaks_is_the_one_that_asked_whoever_it_forwards_for(server):
    server.control("/fail", {"provider": "groq", "error": "connection_reset"}, test="forwarded")
    client = groq_client(f"{server.url}/t/forwarded", default_headers={"x-forwarded-for": "10.1.2.3"})
    with pytest.raises(groq.APIConnectionError) as caught:
        client.chat.completions.create(model=GROQ, messages=HELLO)
    assert not isinstance(caught.value, groq.APITimeoutError)


def test_a_client_that_leaves_in_the_middle_harms_nobody(server):
    async def leave():
        async with groq.AsyncGroq(base_url=server.url, api_key="x", max_retries=0) as client:
            stream = await client.chat.completions.create(model=GROQ, messages=HELLO, stream=True)
            async for _ in stream:
                break
            await stream.close()

    asyncio.run(leave())
    groq_client(server.url).models.list()


# What it is asked badly.


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"", 400),
        (b"[" * 10_000, 400),
        (b"\xff\xfe", 400),
        (json.dumps({"model": "x", "messages": HELLO}).encode(), 404),
    ],
)
def test_a_bad_body_is_refused_as_the_provider_would(server, body, status):
    headers = {"authorization": "Bearer x", "content-type": "application/json"}
    reply = httpx.post(f"{server.url}/t/bad/openai/v1/chat/completions", content=body, headers=headers)
    assert reply.status_code == status
    assert reply.json()["error"]["message"]


def test_half_a_request_and_many_idle_connections_do_not_stop_it(server):
    port = int(server.url.rpartition(":")[2])
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
    for one in held[:50]:
        one.sendall(b"POST /openai/v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99\r\n\r\n{")
    groq_client(server.url).models.list()
    for one in held:
        one.close()
    groq_client(server.url).models.list()


def test_a_page_that_names_another_host_is_refused(server):
    reply = httpx.get(f"{server.url}/openai/v1/models", headers={"host": "evil.example", "authorization": "Bearer x"})
    assert reply.status_code == 403


def test_no_key_is_shown_by_the_control_api(server):
    key = "gsk_" + "a1B2c3D4e5F6g7H8" * 3
    groq_client(f"{server.url}/t/key", api_key=key).chat.completions.create(model=GROQ, messages=HELLO)
    shown = httpx.get(f"{server.url}/t/key/_llmcontract/calls").text
    assert "Hello" in shown
    assert key not in shown


# The process.


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_when_it_is_told_to(serve, how):
    with serve() as server:
        groq_client(server.url).models.list()
        assert server.stop(how) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(server.url)
        assert "Traceback" not in server.process.stderr.read()


def test_options_are_those_of_the_markers(serve):
    options = ("--groq", "plan=developer", "--together", "tier=2", "edition=2026-01-20", "--lenient", "--unlimited")
    with serve(*options) as server:
        state = server.control("/state")["providers"]
        assert state["groq"]["account"]["plan"] == "developer"
        assert state["together"]["account"]["tier"] == 2
        client = groq_client(server.url)
        assert client.chat.completions.create(model="my-model", messages=HELLO).model == "my-model"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("serve --port 0 --groq plan=gold", "plan"),
        ("serve --port 0 --groq plans=free", "plans"),
        ("serve --port 0 --groq developer", "accepted: KEY=VALUE, such as plan=developer"),
        ("serve --port 99999", "--port 99999; accepted: 0 to 65535"),
        ("serve --port 0 --host 192.0.2.1", "cannot listen on 192.0.2.1:0"),
        ("serve --port 0 --edition tomorrow", "tomorrow"),
    ],
)
def test_bad_input_is_2(run_command, line, message):
    code, out, err = run_command(line)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_port_in_use_says_what_to_do(server, run_command):
    port = server.url.rpartition(":")[2]
    code, _, err = run_command(f"serve --port {port}")
    assert code == 2
    assert err.startswith(f"llmcontract serve: cannot listen on 127.0.0.1:{port}: Address already in use; --port 0 ")


def test_in_the_end_it_writes_reports(serve, tmp_path):
    ledger, page = tmp_path / "out" / "ledger.json", tmp_path / "report.md"
    with serve("--report", str(ledger), "--report", str(page)) as server:
        groq_client(f"{server.url}/t/one").chat.completions.create(model=GROQ, messages=HELLO)
        server.control("/reset", {}, test="one")
        with pytest.raises(groq.BadRequestError):
            groq_client(f"{server.url}/t/two").chat.completions.create(model=GROQ, messages=HELLO, logprobs=True)
        assert server.stop() == 0
    document = json.loads(ledger.read_text())
    assert [(test["id"], test["outcome"]) for test in document["tests"]] == [
        ("serve::one", "passed"),
        ("serve::two", "failed"),
    ]
    assert [violation["code"] for violation in document["violations"]] == ["LLM101"]
    assert "LLM101" in page.read_text()


def test_a_report_that_cannot_be_written_is_told_before_it_begins(run_command):
    code, _, err = run_command("serve --port 0 --report ledger.pdf")
    assert code == 2
    assert "unknown suffix '.pdf'" in err


# Things that last.


@pytest.mark.parametrize("way", ["header", "path"])
def test_a_file_is_put_to_the_server_and_stays_in_its_scope(server, tmp_path, way):
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'{"text": "a"}\n\xff')
    scope = f"upload-{way}"
    if way == "header":
        client = together_client(server.url, default_headers={"x-llmcontract-test": scope})
    else:
        client = together_client(f"{server.url}/t/{scope}")
    sent = client.files.upload(path, purpose="fine-tune", check=False)

    assert client.files.content(sent.id).read() == path.read_bytes()
    assert together_client(f"{server.url}/t/another").files.list().data == []


@pytest.mark.parametrize("script", ["fail", "exhaust"])
def test_an_sdk_that_waits_as_it_is_told_to_gets_through_in_virtual_time(serve, script):
    with serve("--virtual-time", "--groq", 'limits={"RPM": 60}') as server:
        given = {"fail": {"error": 429, "retry_after": 1}, "exhaust": {"limit": "RPM"}}[script]
        server.control(f"/{script}", {"provider": "groq", **given})
        groq_client(server.url, max_retries=1).chat.completions.create(model=GROQ, messages=HELLO)
        refused, answered = server.control("/calls")
        assert (refused["status"], answered["status"]) == (429, 200)
        assert answered["at"] >= refused["retry_after"]


def test_what_is_said_is_json_that_any_language_reads(server):
    path = "/openai/v1/chat/completions"
    body = b'{"model": "openai/gpt-oss-120b", "messages": [], "temperature": Infinity, "top_p": NaN}'
    httpx.post(f"{server.url}/t/strict{path}", content=body, headers={"authorization": "Bearer x"})

    def refused(name):
        raise AssertionError(f"{name} is no JSON")

    for what in ("state", "calls", "findings", "account?provider=groq", "account?provider=together"):
        said = httpx.get(f"{server.url}/t/strict/_llmcontract/{what}").text
        assert json.loads(said, parse_constant=refused), what
