"""``--llmcontract-redirect=on``: clients that no patch reaches find the simulation at the provider's own address."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest

pytest.importorskip("trustme")
pytest.importorskip("uvicorn")

CLIENTS = """
import asyncio, http.client, io, json, socket, ssl
import pytest

HOST, PATH = "api.groq.com", "/openai/v1/chat/completions"
URL = f"https://{HOST}{PATH}"
KEY = {"authorization": "Bearer any", "content-type": "application/json"}
BODY = {"model": "openai/gpt-oss-120b", "messages": [{"role": "user", "content": "Hello"}]}
DATA = json.dumps(BODY).encode()
REQUEST = (f"POST {PATH} HTTP/1.1\\r\\nhost: {HOST}\\r\\nauthorization: Bearer any\\r\\nconnection: close\\r\\n"
           f"content-type: application/json\\r\\ncontent-length: {len(DATA)}\\r\\n\\r\\n").encode() + DATA

def exchanged(sock):
    sock.sendall(REQUEST)
    reply = http.client.HTTPResponse(sock)
    reply.begin()
    return reply.status, reply.read().decode()

def read(text):
    return int(text.split()[1]), text

def by_tls_over_a_socket():
    with socket.create_connection((HOST, 443)) as sock:
        with ssl.create_default_context().wrap_socket(sock, server_hostname=HOST) as shown:
            return exchanged(shown)

def by_a_name_to_connect_to():
    with ssl.create_default_context().wrap_socket(socket.socket(), server_hostname=HOST) as shown:
        shown.connect((HOST, 443))
        return exchanged(shown)

def by_plain_http():
    with socket.create_connection((HOST, 80)) as sock:
        return exchanged(sock)

async def streams():
    reader, writer = await asyncio.open_connection(HOST, 443, ssl=True)
    writer.write(REQUEST)
    text = (await reader.read()).decode()
    writer.close()
    return read(text)

def by_streams_of_asyncio(): return asyncio.run(streams())

def by_trio():
    trio = pytest.importorskip("trio")
    async def call():
        stream = await trio.open_ssl_over_tcp_stream(HOST, 443)
        await stream.send_all(REQUEST)
        return read(b"".join([piece async for piece in stream]).decode())
    return trio.run(call)

def by_httpcore():
    reply = pytest.importorskip("httpcore").request("POST", URL, headers=KEY, content=DATA)
    return reply.status, reply.content.decode()

def by_niquests():
    reply = pytest.importorskip("niquests").post(URL, json=BODY, headers=KEY)
    return reply.status_code, reply.text

def by_niquests_async():
    niquests = pytest.importorskip("niquests")
    async def call():
        async with niquests.AsyncSession() as session:
            reply = await session.post(URL, json=BODY, headers=KEY)
            return reply.status_code, reply.text
    return asyncio.run(call())

def by_dspy():
    dspy = pytest.importorskip("dspy")
    return 200, dspy.LM("groq/openai/gpt-oss-120b", api_key="any", cache=False)("Hello")[0]

def by_curl_cffi():
    reply = pytest.importorskip("curl_cffi").Session().post(URL, json=BODY, headers=KEY)
    return reply.status_code, reply.text

def by_curl_cffi_async():
    curl_cffi = pytest.importorskip("curl_cffi")
    async def call():
        async with curl_cffi.AsyncSession() as session:
            reply = await session.post(URL, json=BODY, headers=KEY)
            return reply.status_code, reply.text
    return asyncio.run(call())

def by_pycurl():
    pycurl = pytest.importorskip("pycurl")
    heard, curl = io.BytesIO(), pycurl.Curl()
    curl.setopt(pycurl.URL, URL)
    curl.setopt(pycurl.POSTFIELDS, DATA.decode())
    curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in KEY.items()])
    curl.setopt(pycurl.WRITEDATA, heard)
    curl.perform()
    return curl.getinfo(pycurl.RESPONSE_CODE), heard.getvalue().decode()

def by_pyreqwest():
    client = pytest.importorskip("pyreqwest.client")
    with client.SyncClientBuilder().build() as one:
        reply = one.post(URL).headers(KEY).body_bytes(DATA).build().send()
        return reply.status, reply.text()

def by_pyreqwest_async():
    client = pytest.importorskip("pyreqwest.client")
    async def call():
        async with client.ClientBuilder().build() as one, asyncio.timeout(60):
            reply = await one.post(URL).headers(KEY).body_bytes(DATA).build().send()
            return reply.status, await reply.text()
    return asyncio.run(call())

def by_primp():
    reply = pytest.importorskip("primp").Client().post(URL, json=BODY, headers=KEY)
    return reply.status_code, reply.text

def by_impit():
    reply = pytest.importorskip("impit").Client().post(URL, content=DATA, headers=KEY)
    return reply.status_code, reply.text

def by_pyqwest():
    reply = pytest.importorskip("pyqwest").SyncClient().post(URL, headers=KEY, content=DATA)
    return reply.status, reply.text()

def by_pyqwest_async():
    client = pytest.importorskip("pyqwest").Client()
    async def call():
        reply = await client.post(URL, headers=KEY, content=DATA)
        return reply.status, reply.text()
    return asyncio.run(call())

def by_tornado():
    client = pytest.importorskip("tornado.httpclient")
    reply = client.HTTPClient().fetch(URL, method="POST", body=DATA, headers=KEY)
    return reply.code, reply.body.decode()

def by_twisted():
    treq = pytest.importorskip("treq")
    from twisted.internet import task
    heard = []
    async def call(reactor):
        reply = await treq.post(URL, data=DATA, headers=KEY)
        heard[:] = reply.code, await reply.text()
    with pytest.raises(SystemExit):
        task.react(call)
    return heard

def by_blacksheep():
    client = pytest.importorskip("blacksheep.client")
    from blacksheep import Content
    async def call():
        async with client.ClientSession() as session:
            headers = [(b"authorization", b"Bearer any")]
            reply = await session.post(URL, content=Content(b"application/json", DATA), headers=headers)
            return reply.status, await reply.text()
    return asyncio.run(call())

def by_geventhttpclient():
    client = pytest.importorskip("geventhttpclient").HTTPClient(HOST, ssl=True)
    reply = client.post(PATH, DATA, KEY)
    return reply.status_code, reply.read().decode()

def by_httpx():
    import httpx
    reply = httpx.post(URL, json=BODY, headers=KEY)
    return reply.status_code, reply.text

def by_requests():
    reply = pytest.importorskip("requests").post(URL, json=BODY, headers=KEY)
    return reply.status_code, reply.text

WAYS = [way for name, way in list(globals().items()) if name.startswith("by_")]
"""
ON = "--llmcontract-redirect=on"


@pytest.fixture
def project(pytester):
    pytester.makepyfile(clients=CLIENTS)
    return pytester


@pytest.mark.parametrize("chosen", ["not primp", "primp"])  # primp and pyreqwest do not bear each other in one process
def test_each_client_is_answered_at_the_providers_own_address(project, run_pytest, chosen):
    project.makepyfile(
        """
        import time
        import pytest
        from clients import WAYS

        @pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
        def test_way(groq_api, llm_clock, way):
            groq_api.reply("Hi there.")
            status, text = way()
            assert (status, "Hi there." in text) == (200, True)
            assert groq_api.calls.statuses == [200]
            assert groq_api.calls.last.site.startswith("clients.py:")
            if way.__name__ != "by_curl_cffi_async":  # which sleeps by itself
                assert llm_clock.elapsed == 0
        """
    )

    outcomes = run_pytest("-v", ON, "-k", chosen).parseoutcomes()

    assert outcomes["passed"] >= 1
    assert not {"failed", "errors"} & outcomes.keys()


def test_without_it_they_are_stopped(project, run_pytest):
    project.makepyfile(
        """
        import contextlib
        from clients import by_tls_over_a_socket

        def test_it(groq_api):
            with contextlib.suppress(OSError):
                by_tls_over_a_socket()
        """
    )

    result = run_pytest("-q")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*lead it to the simulation: --llmcontract-redirect=on*"])
    run_pytest("-q", ON).assert_outcomes(passed=1)
    run_pytest("-q", "-o", "llmcontract_redirect=on").assert_outcomes(passed=1)
    run_pytest("-q", "-o", "llmcontract_redirect=on", "--llmcontract-redirect=off").assert_outcomes(failed=1)


def test_what_was_found_in_a_redirected_call_fails_its_test_by_its_line(project, run_pytest):
    project.makepyfile(
        """
        import http.client, json, socket, ssl
        import clients

        def test_it(groq_api):
            body = json.dumps({**clients.BODY, "logprobs": True}).encode()
            with socket.create_connection((clients.HOST, 443)) as sock:
                with ssl.create_default_context().wrap_socket(sock, server_hostname=clients.HOST) as shown:
                    for _ in range(2):
                        head = clients.REQUEST.partition(b"connection")[0]
                        head += b"content-type: application/json\\r\\ncontent-length: %d\\r\\n\\r\\n" % len(body)
                        shown.sendall(head + body)
                        answer = http.client.HTTPResponse(shown)
                        answer.begin()  # here it waits
                        answer.read()
        """
    )

    result = run_pytest("-q", ON)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*LLM101 groq chat.completions: $.logprobs*"])
    result.stdout.fnmatch_lines(["*sent by*test_what_was_found*:1[0-9] in test_it*"])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which threads run")
def test_no_timeout_fires_beside_a_heartbeat_however_slow_the_machine_is(project, run_pytest):
    """As in niquests, which looks after its idle connections in the loop of its calls."""
    project.makepyfile(
        """
        import asyncio, hashlib
        import clients
        from pytest_llmcontract.adapters.redirect import front

        async def heartbeat():
            while True:
                await asyncio.sleep(5)

        async def calls():
            beating = asyncio.create_task(heartbeat())
            for _ in range(3):
                async with asyncio.timeout(120):
                    assert (await clients.streams())[0] == 200
            beating.cancel()

        def test_it(groq_api, monkeypatch):
            begin = front.Hold.begin

            def slow(hold):
                hashlib.pbkdf2_hmac("sha256", b"", b"", 100_000)
                begin(hold)

            monkeypatch.setattr(front.Hold, "begin", slow)
            asyncio.run(calls())
            assert groq_api.calls.statuses == [200, 200, 200]
        """
    )

    run_pytest("-q", ON).assert_outcomes(passed=1)


def test_a_retry_waits_on_the_virtual_clock_and_a_stream_comes_piece_by_piece(project, run_pytest):
    project.makepyfile(
        """
        import json, socket, ssl, time
        import clients

        def test_retry(groq_api, llm_clock):
            groq_api.fail("rate_limit_exceeded", retry_after=30)
            began = time.monotonic()
            assert clients.by_tls_over_a_socket()[0] == 429
            time.sleep(30)
            assert clients.by_tls_over_a_socket()[0] == 200
            assert llm_clock.elapsed == 30
            assert time.monotonic() - began < 20

        def test_stream(groq_api, llm_clock):
            groq_api.reply(["One ", "two ", "three."])
            groq_api.latency(first_token=5, per_token=1)
            body = json.dumps({**clients.BODY, "stream": True}).encode()
            request = clients.REQUEST.replace(clients.DATA, body).replace(b"length: %d" % len(clients.DATA),
                                                                          b"length: %d" % len(body))
            with socket.create_connection((clients.HOST, 443)) as sock:
                with ssl.create_default_context().wrap_socket(sock, server_hostname=clients.HOST) as shown:
                    shown.sendall(request)
                    pieces = list(iter(lambda: shown.recv(65536), b""))
            assert len(pieces) > 3
            assert b"[DONE]" in b"".join(pieces)
            assert llm_clock.elapsed >= 7
        """
    )

    run_pytest("-q", ON).assert_outcomes(passed=2)


def test_many_calls_that_are_slow_by_script_wait_together(project, run_pytest):
    project.makepyfile(
        """
        from concurrent.futures import ThreadPoolExecutor
        import clients

        def test_it(groq_api, llm_clock):
            groq_api.latency(first_token=2)
            with ThreadPoolExecutor(12) as pool:
                statuses = list(pool.map(lambda _: clients.by_tls_over_a_socket()[0], range(12)))
            assert statuses == [200] * 12
            assert llm_clock.elapsed >= 2
        """
    )

    run_pytest("-q", ON).assert_outcomes(passed=1)


def test_a_compiled_client_meets_a_broken_stream_before_its_timeout(project, run_pytest):
    if find_spec("pyreqwest") is None:
        pytest.skip("pyreqwest is not installed")
    project.makepyfile(
        """
        import asyncio
        import clients, pytest
        from pyreqwest.client import ClientBuilder
        from pyreqwest.exceptions import PyreqwestError

        def test_it(groq_api, llm_clock):
            groq_api.reply([f"{n} " for n in range(20)])
            groq_api.cut_stream(after=2)
            async def call():
                async with ClientBuilder().build() as client, asyncio.timeout(300):
                    request = client.post(clients.URL).headers(clients.KEY).body_json({**clients.BODY, "stream": True})
                    async with request.build_streamed() as reply:
                        while await reply.body_reader.read_chunk() is not None:
                            pass
            with pytest.raises(PyreqwestError):
                asyncio.run(call())
            assert llm_clock.elapsed < 300
        """
    )

    run_pytest("-q", ON).assert_outcomes(passed=1)


@pytest.mark.parametrize("fault", ["connection_reset", "cut"])
def test_a_connection_really_breaks(project, run_pytest, fault):
    project.makepyfile(
        f"""
        import http.client, json
        import pytest, clients

        def test_it(groq_api):
            if {fault!r} == "cut":
                groq_api.reply("Too long to end.")
                groq_api.cut_stream(after=1)
                clients.BODY["stream"] = True
                body = json.dumps(clients.BODY).encode()
                clients.REQUEST = clients.REQUEST.replace(clients.DATA, body).replace(
                    b"length: %d" % len(clients.DATA), b"length: %d" % len(body))
            else:
                groq_api.fail("connection_reset")
            with pytest.raises((ConnectionError, http.client.IncompleteRead, http.client.BadStatusLine)):
                clients.by_tls_over_a_socket()
        """
    )

    run_pytest("-q", ON).assert_outcomes(passed=1)


def test_a_provider_that_is_not_simulated_is_stopped_as_ever(project, run_pytest):
    project.makepyfile(
        """
        import contextlib, socket
        import clients

        def test_socket(together_api):
            with contextlib.suppress(OSError):
                clients.by_tls_over_a_socket()

        def test_after_the_simulation():
            with contextlib.suppress(OSError):
                clients.by_tls_over_a_socket()

        def test_proxy(together_api, monkeypatch):
            import os
            from urllib.parse import urlsplit
            proxy = urlsplit(os.environ["HTTPS_PROXY"])
            with socket.create_connection((proxy.hostname, proxy.port)) as sock:
                sock.sendall(b"CONNECT api.groq.com:443 HTTP/1.1\\r\\nUser-Agent: strange/1.0\\r\\n\\r\\n")
                assert b" 403 " in sock.recv(65536)
        """
    )

    result = run_pytest("-q", ON)

    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(["*CONNECT //api.groq.com by strange 1.0*"])


def test_a_compiled_client_that_does_not_follow_is_stopped_and_told_what_to_do(project, run_pytest, monkeypatch):
    """Here it is one that follows a proxy of the user's."""
    if find_spec("curl_cffi") is None:
        pytest.skip("curl_cffi is not installed")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    project.makepyfile(
        """
        import contextlib, os
        import clients

        def test_it(groq_api):
            assert os.environ["HTTPS_PROXY"] == "http://127.0.0.1:9"
            with contextlib.suppress(Exception):
                clients.by_curl_cffi()
        """
    )

    result = run_pytest("-q", ON)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*by curl_cffi *", "*groq_api.url as its base URL*"])


def test_each_worker_of_xdist_has_its_own(project, run_pytest):
    if find_spec("curl_cffi") is None:
        pytest.skip("curl_cffi is not installed")
    project.makepyfile(
        """
        import pytest
        from clients import by_curl_cffi, by_tls_over_a_socket

        @pytest.mark.parametrize("way", [by_curl_cffi, by_tls_over_a_socket] * 2)
        def test_it(groq_api, way):
            assert way()[0] == 200
            assert groq_api.calls.statuses == [200]
        """
    )

    run_pytest("-q", ON, "-n", "2", plugins=("xdist",)).assert_outcomes(passed=4)


def test_a_client_with_roots_of_its_own_is_told_of(project, run_pytest):
    """A child here: in this process every context of Python's trusts the redirect."""
    code = """
    import socket, ssl, sys
    port = int(sys.argv[1])
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(b"CONNECT api.groq.com:443 HTTP/1.1\\r\\n\\r\\n")
        sock.recv(65536)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.wrap_socket(sock, server_hostname="api.groq.com")
        except ssl.SSLCertVerificationError:
            print("it does not trust")
    """
    project.makefile(".txt", child=code)
    project.makepyfile(
        """
        import os, subprocess, sys, textwrap
        from pathlib import Path

        def test_it(groq_api):
            code = textwrap.dedent(Path("child.txt").read_text())
            port = os.environ["HTTPS_PROXY"].rpartition(":")[2]
            done = subprocess.run([sys.executable, "-c", code, port], capture_output=True, text=True)
            assert "it does not trust" in done.stdout, done.stderr
        """
    )

    result = run_pytest("-q", ON)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*LLM204 groq: a client does not trust the certificate that the redirect shows for api.groq.com*",
            "*$SSL_CERT_FILE*",
        ]
    )


def test_calls_to_others_go_through_its_proxy(project, run_pytest):
    project.makepyfile(
        """
        import os, socket, threading
        from urllib.parse import urlsplit

        def test_it():
            proxy = urlsplit(os.environ["HTTPS_PROXY"])
            with socket.create_server(("127.0.0.1", 0)) as server:
                port = server.getsockname()[1]
                def echo():
                    connection, _ = server.accept()
                    with connection:
                        connection.sendall(connection.recv(100).upper())
                thread = threading.Thread(target=echo)
                thread.start()
                with socket.create_connection((proxy.hostname, proxy.port)) as sock:
                    sock.sendall(b"CONNECT 127.0.0.1:%d HTTP/1.1\\r\\n\\r\\n" % port)
                    assert b" 200 " in sock.recv(100)
                    sock.sendall(b"hello")
                    assert sock.recv(100) == b"HELLO"
                thread.join()

        def test_what_is_no_proxy_request_is_refused():
            proxy = urlsplit(os.environ["HTTPS_PROXY"])
            with socket.create_connection((proxy.hostname, proxy.port)) as sock:
                sock.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
                assert b" 405 " in sock.recv(100)
        """
    )

    run_pytest("-q", ON).assert_outcomes(passed=2)


def test_it_ends_with_the_session_and_leaves_nothing_behind(pytester):
    """In a process that outlives its pytest."""
    pytester.makepyfile(
        test_it="def test_it(groq_api): ...",
        main="""
        import os, pytest, socket, threading
        before = dict(os.environ)
        assert pytest.main(["-q", "-p", "no:cacheprovider", "--llmcontract-redirect=on", "test_it.py"]) == 0
        changed = {name for name in before | os.environ if before.get(name) != os.environ.get(name)}
        assert not changed - {"PYTEST_VERSION", "PYTEST_CURRENT_TEST"}, changed
        for thread in threading.enumerate():
            if thread.name == "llmcontract-redirect":
                thread.join(60)
                assert not thread.is_alive()
        print("as before")
        """,
    )

    result = pytester.run(sys.executable, "main.py")

    assert "as before" in result.stdout.str(), result.stderr.str()


def test_outside_pytest_simulate_takes_it_as_an_argument(pytester):
    pytester.makepyfile(
        clients=CLIENTS,
        main="""
        import os, clients
        from pytest_llmcontract import simulate
        before = dict(os.environ)
        with simulate("groq", redirect=True) as api:
            api.reply("Hi there.")
            assert "Hi there." in clients.by_tls_over_a_socket()[1]
            assert api.calls.statuses == [200]
        assert dict(os.environ) == before
        print("done")
        """,
    )

    result = pytester.run(sys.executable, "main.py")

    assert "done" in result.stdout.str(), result.stderr.str()


@pytest.mark.parametrize("missing", ["trustme"])
def test_what_is_missing_is_told_before_anything_runs(project, run_pytest, missing):
    project.makepyfile("def test_it(): ...")
    project.makeconftest("")
    (project.path / "site").mkdir()
    (project.path / "site" / f"{missing}.py").write_text("raise ImportError")
    project.makepyfile(hide=f"import sys\nsys.modules[{missing!r}] = None")

    result = run_pytest("-q", ON, "-p", "hide")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--llmcontract-redirect=on: *pip install 'pytest-llmcontract[[]redirect]'*"])


def test_a_value_that_is_not_accepted_is_told(project, run_pytest):
    project.makepyfile("def test_it(): ...")

    result = run_pytest("-q", "-o", "llmcontract_redirect=yes")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*llmcontract_redirect = 'yes' (ini): accepted are on, off*"])
