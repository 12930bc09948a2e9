"""Nothing leaves: a call to a provider that is not simulated fails its test by name, and nobody asks the DNS."""

from __future__ import annotations

import pytest

APP = '''
import groq, openai, together

MODEL = "openai/gpt-oss-120b"
MESSAGES = [{"role": "user", "content": "x"}]

def ask_groq():
    return groq.Groq(api_key="k", max_retries=0).chat.completions.create(model=MODEL, messages=MESSAGES)

def ask_together():
    """Falls back silently, as careless applications do."""
    try:
        return together.Together(api_key="k", max_retries=0).chat.completions.create(model=MODEL, messages=MESSAGES)
    except together.APIConnectionError:
        return None

async def aask_together():
    client = openai.AsyncOpenAI(api_key="k", base_url="https://api.together.xyz/v1", max_retries=0)
    try:
        return await client.chat.completions.create(model=MODEL, messages=MESSAGES)
    except openai.APIConnectionError:
        return None
'''
NO_NETWORK = """
import socket

ASKED = []

def refuse(*args, **kwargs):
    ASKED.append(args[0])
    raise OSError(f"asked for {args[0]}")

socket.getaddrinfo = refuse
"""


@pytest.fixture
def project(pytester):
    pytester.makepyfile(app=APP)
    pytester.makeconftest(NO_NETWORK)
    return pytester


def test_a_call_to_the_other_provider_fails_the_test(project, run_pytest):
    project.makepyfile(
        """
        import pytest
        from app import aask_together, ask_groq, ask_together

        def test_swallowed(groq_api):
            assert ask_together() is None

        @pytest.mark.asyncio
        async def test_in_a_loop(groq_api):
            assert await aask_together() is None

        def test_simulated(groq_api, together_api):
            assert ask_groq() and ask_together()

        def test_afterwards(groq_api):
            assert ask_groq()

        def test_nobody_asked_for_an_address():
            from conftest import ASKED
            assert ASKED == []
        """
    )

    result = run_pytest("-v", plugins=("asyncio",))

    result.assert_outcomes(failed=2, passed=3)
    result.stdout.fnmatch_lines(
        [
            "*LLM204 together: a call to api-inference.together.ai would have left this machine*",
            "*together-python*",
            "*sent by*app.py:12 in ask_together*",
            "*together_api*--llmcontract-guard=off*",
            "*LLM204 together: a call to api.together.xyz*",
            "*openai-python*",
            "*app.py:19 in aask_together*",
        ]
    )


@pytest.mark.parametrize(
    ("option", "outcomes"),
    [
        (["--llmcontract-guard=fixture"], {"passed": 1, "failed": 1}),
        (["--llmcontract-guard=always"], {"failed": 2}),
        (["--llmcontract-guard=off"], {"passed": 2}),
        (["-o", "llmcontract_guard=off"], {"passed": 2}),
        (["-o", "llmcontract_guard=off", "--llmcontract-guard=always"], {"failed": 2}),
    ],
    ids=" ".join,
)
def test_what_is_guarded(project, option, outcomes, run_pytest):
    project.makepyfile(
        """
        from app import ask_together

        def test_without_a_fixture():
            assert ask_together() is None

        def test_with_one(groq_api):
            assert ask_together() is None
        """
    )

    run_pytest("-q", *option).assert_outcomes(**outcomes)


def test_guard_off_holds_for_simulations_of_wider_scope_too(project, run_pytest):
    project.makepyfile(
        """
        import pytest
        from app import ask_together
        from pytest_llmcontract import simulate

        @pytest.fixture(scope="session", autouse=True)
        def api():
            with simulate("groq") as api:
                yield api

        def test_it():
            assert ask_together() is None
        """
    )

    run_pytest("-q").assert_outcomes(failed=1)
    run_pytest("-q", "--llmcontract-guard=off").assert_outcomes(passed=1)


def test_a_block_of_simulate_raises_for_a_call_that_was_stopped(project, run_pytest):
    project.makepyfile(
        """
        import pytest
        from app import ask_groq, ask_together
        from pytest_llmcontract import ContractViolation, simulate

        def test_it():
            with pytest.raises(ContractViolation, match="LLM204 together: a call to api.*would have left"):
                with simulate("groq"):
                    ask_groq(), ask_together()
        """
    )

    run_pytest("-q").assert_outcomes(passed=1)


def test_pytest_socket_does_not_mind(project, run_pytest):
    project.makepyfile(
        """
        import groq, httpx, pytest, pytest_socket
        from app import ask_groq, ask_together

        def test_it(groq_api, together_api, llm_clock):
            groq_api.fail("rate_limit_exceeded", retry_after=30)
            groq.Groq(max_retries=1).chat.completions.create(
                model="openai/gpt-oss-20b", messages=[{"role": "user", "content": "x"}])
            assert ask_together()
            assert llm_clock.slept == 30

        def test_the_socket_is_closed_indeed(groq_api):
            with pytest.raises(pytest_socket.SocketBlockedError):
                import socket
                socket.socket()
        """
    )

    run_pytest("-q", "--disable-socket", plugins=("socket",)).assert_outcomes(passed=2)


def test_async_with_unix_sockets_allowed(project, run_pytest):
    project.makepyfile(
        """
        import groq, pytest

        @pytest.mark.asyncio
        async def test_it(groq_api, llm_clock):
            groq_api.fail("rate_limit_exceeded", retry_after=30)
            await groq.AsyncGroq().chat.completions.create(
                model="openai/gpt-oss-20b", messages=[{"role": "user", "content": "x"}])
            assert llm_clock.slept == 30
        """
    )

    run_pytest("-q", "--disable-socket", "--allow-unix-socket", plugins=("asyncio", "socket")).assert_outcomes(passed=1)


def test_xdist_workers_keep_their_simulations_apart(project, run_pytest):
    project.makepyfile(
        """
        import pytest
        from app import ask_groq, ask_together

        @pytest.mark.parametrize("n", range(20))
        def test_good(groq_api, llm_clock, n):
            groq_api.fail("over_capacity", times=None)
            groq_api.reset()
            groq_api.use("RPD", n)
            ask_groq()
            assert groq_api.limits("openai/gpt-oss-120b")["RPD"].used == pytest.approx(n + 1)
            assert llm_clock.elapsed == 0

        def test_bad(groq_api):
            ask_together()
        """
    )

    result = run_pytest("-q", "-n", "2", plugins=("xdist",))

    result.assert_outcomes(passed=20, failed=1)
    result.stdout.fnmatch_lines(["*LLM204 together: *", "*app.py:12 in ask_together*"])


def test_the_guard_on_the_network_lets_nothing_but_this_machine_be_called(project, run_pytest):
    project.makepyfile(
        """
        import asyncio, http.server, socket, threading
        import aiohttp, httpx, pytest, requests
        from conftest import ASKED

        def by_aiohttp(url):
            async def call():
                async with aiohttp.ClientSession() as session, session.get(url) as reply:
                    return reply.status
            return asyncio.run(call())

        def by_socket(url):
            host, _, port = url.partition("//")[2].partition("/")[0].partition(":")
            with socket.create_connection((host, int(port or 80)), timeout=5):
                return 200

        def by_httpx(url):
            return httpx.get(url).status_code

        def by_requests(url):
            return requests.get(url).status_code

        CLIENTS = [by_httpx, by_requests, by_aiohttp, by_socket]

        @pytest.mark.parametrize("client", CLIENTS)
        @pytest.mark.parametrize("url", ["http://weather.test/ulm", "http://192.0.2.7/", "http://[2001:db8::1]/"])
        def test_elsewhere(client, url):
            if "[" in url and client is by_socket:
                pytest.skip("it does not read such an address")
            with pytest.raises(Exception):
                client(url)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args): ...

        @pytest.mark.parametrize("client", CLIENTS)
        def test_here(client):
            with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
                thread = threading.Thread(target=server.serve_forever, args=(0.01,))
                thread.start()
                try:
                    assert client(f"http://127.0.0.1:{server.server_port}/") == 200
                    assert client(f"http://localhost:{server.server_port}/") == 200
                finally:
                    server.shutdown()
                    thread.join()

        def test_with_a_fixture(groq_api):
            with pytest.raises(httpx.ConnectError, match="nothing but this machine"):
                httpx.get("https://weather.test/ulm")

        def test_an_open_host():
            with pytest.raises(httpx.ConnectError, match="asked for open.weather.test"):
                httpx.get("https://open.weather.test/ulm")
            assert ASKED == ["open.weather.test"]
        """
    )
    project.makeconftest(
        """
        import socket

        ASKED = []
        really = socket.getaddrinfo

        def refuse(host, *args, **kwargs):
            if host in ("127.0.0.1", "localhost"):
                return really("127.0.0.1", *args, **kwargs)
            name = host.decode() if isinstance(host, bytes) else host
            ASKED.append(name)
            raise OSError(f"asked for {name}")

        socket.getaddrinfo = refuse
        """
    )
    project.makeini("[pytest]\nllmcontract_allow_hosts =\n    *.weather.test\n    10.0.0.1")

    result = run_pytest("-v", "--llmcontract-guard=network")

    result.assert_outcomes(passed=5, failed=12, skipped=1)
    result.stdout.fnmatch_lines(["*LLM204 network: a call to weather.test would have left this machine*"])
