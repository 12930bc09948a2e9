"""The guard: whatever a call to a provider is made with, where nobody answers it the test fails, and nobody is asked.

Each test of the project swallows what its client meets, as careless applications do.
"""

from __future__ import annotations

import os
import re
from importlib.util import find_spec

import pytest

WAYS_OUT = """
import _socket, asyncio, contextlib, socket, ssl, sys
from concurrent.futures import ThreadPoolExecutor
from socket import getaddrinfo as kept_from_before
import pytest

HOST, URL, ADDRESS = "api.together.xyz", "https://api.together.xyz/v1/models", "192.0.2.7"

def by_a_function_that_was_kept(): kept_from_before(HOST, 443)
def by_the_c_module(): _socket.getaddrinfo(HOST, 443)
def by_a_name_alone(): socket.gethostbyaddr(HOST)
def by_a_socket(): socket.create_connection((HOST, 443))
def by_a_datagram(): socket.socket(type=socket.SOCK_DGRAM).connect((HOST, 443))
def by_a_name_to_send_to(): socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", (HOST, 443))
def by_an_address_and_a_name(): ssl.create_default_context().wrap_socket(
    socket.socket(), server_hostname=HOST).connect((ADDRESS, 443))
def by_a_thread():
    with ThreadPoolExecutor() as pool:
        pool.submit(socket.create_connection, (HOST, 443)).result()
def by_streams(): asyncio.run(asyncio.open_connection(HOST, 443, ssl=True))
def by_streams_to_an_address(): asyncio.run(asyncio.open_connection(ADDRESS, 443, ssl=True, server_hostname=HOST))

def by_trio():
    trio = pytest.importorskip("trio")
    trio.run(trio.open_tcp_stream, HOST, 443)

def by_gevent(): pytest.importorskip("gevent.socket").create_connection((HOST, 443))

def by_dnspython():
    resolver = pytest.importorskip("dns.resolver")
    resolver.Resolver(configure=False).resolve(HOST, "A")

def by_aiodns():
    aiodns = pytest.importorskip("aiodns")
    async def call():
        await aiodns.DNSResolver().query(HOST, "A")
    asyncio.run(call())

def by_niquests(): pytest.importorskip("niquests").get(URL)

def by_niquests_async():
    niquests = pytest.importorskip("niquests")
    async def call():
        async with niquests.AsyncSession() as session:
            await session.get(URL)
    asyncio.run(call())

def by_curl_cffi(): pytest.importorskip("curl_cffi").Session().get(URL)

def by_curl_cffi_async():
    curl = pytest.importorskip("curl_cffi")
    async def call():
        async with curl.AsyncSession() as session:
            await session.get(URL)
    asyncio.run(call())

def by_pycurl():
    pycurl = pytest.importorskip("pycurl")
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, URL)
    curl.perform()

def by_pyreqwest():
    client = pytest.importorskip("pyreqwest.client")
    with client.SyncClientBuilder().build() as one:
        one.get(URL).build().send()

def by_a_base_of_pyreqwest():
    client = pytest.importorskip("pyreqwest.client")
    with client.SyncClientBuilder().base_url("https://api.together.xyz/v1/").build() as one:
        one.get("models").build().send()

def by_primp(): pytest.importorskip("primp").Client().get(URL)
def by_primp_function(): pytest.importorskip("primp").get(URL)
def by_rnet(): pytest.importorskip("rnet").BlockingClient().get(URL)
def by_pyqwest(): pytest.importorskip("pyqwest").SyncClient().get(URL)

def by_a_request_of_pyqwest():
    pyqwest = pytest.importorskip("pyqwest")
    pyqwest.SyncHTTPTransport().execute_sync(pyqwest.SyncRequest("GET", URL))

def by_impit(): pytest.importorskip("impit").Client().get(URL)

WAYS = [way for name, way in list(globals().items()) if name.startswith("by_")]

@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_out(groq_api, way):
    with contextlib.suppress(Exception):
        way()
"""


@pytest.fixture
def ways_out(pytester, run_pytest, monkeypatch):
    """Two runs: primp and pyreqwest do not bear each other in one process."""
    monkeypatch.setenv("COLUMNS", "200")
    pytester.makepyfile(test_ways=WAYS_OUT)
    return [run_pytest("-v", "-rA", "-k", chosen) for chosen in ("not primp", "primp")]


def test_each_way_out_fails_its_test_naming_client_host_and_line(ways_out):
    output = "\n".join(result.stdout.str() for result in ways_out)

    assert sum(result.parseoutcomes().get("passed", 0) for result in ways_out) == 0
    for number, line in enumerate(WAYS_OUT.splitlines(), 1):
        if not line.startswith("def by_"):
            continue
        name = line.split("def ")[1].split("(")[0]
        told = f"FAILED test_ways.py::test_out[{name}] - LLM204 together: a call to api.together.xyz would have left"
        assert told in output or f"test_out[{name}] SKIPPED" in output
        if not line.endswith(":"):
            assert f"sent by   test_ways.py:{number} in {name}" in output or "SKIPPED" in output
    for client in ("socket", "asyncio", "ssl"):
        assert f"CONNECT //api.together.xyz by {client}\n" in output


@pytest.mark.parametrize("package", ["curl_cffi", "pyreqwest", "primp", "dns", "trio"])
def test_a_client_is_called_by_its_name_and_version(ways_out, package):
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    output = "\n".join(result.stdout.str() for result in ways_out)

    assert re.search(rf"\n  sent      CONNECT //api.together.xyz by {package} \d+\.\d+", output)


def test_a_client_that_bypasses_python_is_told_when_it_is_imported(pytester, run_pytest):
    if find_spec("primp") is None:
        pytest.skip("primp is not installed")
    pytester.makepyfile("def test_it(groq_api):\n    import primp")

    result = run_pytest("-rA")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*LLM204 primp opens connections past Python's sockets*", "*groq_api.url*"])


def test_what_has_its_own_sockets_may_call_this_machine(pytester, run_pytest):
    if find_spec("primp") is None:
        pytest.skip("primp is not installed")
    pytester.makepyfile(
        """
        import primp, socket

        def test_it(groq_api):
            body = {"model": "openai/gpt-oss-120b", "messages": [{"role": "user", "content": "x"}]}
            url, headers = groq_api.url + "/chat/completions", {"authorization": "Bearer x"}
            reply = primp.Client().post(url, json=body, headers=headers)
            assert reply.status_code == 200
            assert socket.gethostbyname("localhost") == "127.0.0.1"
        """
    )

    run_pytest("-rA").assert_outcomes(passed=1)


# Children.

KEY = "tgp_v1_4f9aKq8ZrT2mWx7LbN3pVc6YhD1s"
STARTS = f'''
import asyncio, multiprocessing, os, platform, subprocess, sys
import pytest

COMMAND = [sys.executable, "-c", "open('there', 'w')"]
WITH = {{**os.environ, "TOGETHER_API_KEY": "{KEY}"}}

def by_run(env): subprocess.run(COMMAND, env=env)
def by_inheritance(env):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOGETHER_API_KEY", env["TOGETHER_API_KEY"])
        subprocess.run(COMMAND)
def by_system(env):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOGETHER_API_KEY", env["TOGETHER_API_KEY"])
        os.system("echo > there")
def by_spawn(env): os.waitpid(os.posix_spawn(sys.executable, COMMAND, env), 0)
def by_exec(env):
    if not (child := os.fork()):
        try:
            os.execve(sys.executable, COMMAND, env)
        finally:
            os._exit(1)
    os.waitpid(child, 0)
def by_asyncio(env):
    async def start():
        await (await asyncio.create_subprocess_exec(*COMMAND, env=env)).wait()
    asyncio.run(start())
def by_multiprocessing(env):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOGETHER_API_KEY", env["TOGETHER_API_KEY"])
        child = multiprocessing.get_context("spawn").Process(target=open, args=("there", "w"))
        child.start()
        child.join()

STARTS = [start for name, start in list(globals().items()) if name.startswith("by_")]

@pytest.fixture(autouse=True)
def _nothing_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
'''


def test_no_child_is_started_with_a_real_key(pytester, run_pytest):
    pytester.makepyfile(
        STARTS
        + """
@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.__name__)
def test_with(groq_api, start):
    try:
        start(WITH)
    except OSError:
        pass
    assert not os.path.exists("there")
"""
    )

    result = run_pytest("-v")

    result.assert_outcomes(failed=7)
    result.stdout.fnmatch_lines(
        [
            "LLM204 together: a child process would take TOGETHER_API_KEY along, a real key*",
            "*sent *python*-c open('there', 'w')",
            "*sent by*test_no_child*:7 in by_run",
            "*env=together_api.env*",
        ]
    )
    result.stdout.no_fnmatch_line("*AssertionError*")
    result.stdout.no_fnmatch_line(f"*{KEY}*")


def test_children_without_a_real_key_are_nobodys_business(pytester, run_pytest):
    pytester.makepyfile(
        STARTS
        + """
@pytest.mark.parametrize("start", STARTS, ids=lambda start: start.__name__)
@pytest.mark.parametrize("key", ["", "test", "gsk_test_4f9aKq8ZrT2mWx7LbN3p", "llmcontract-dummy-key"])
def test_without(groq_api, start, key):
    start({**os.environ, "TOGETHER_API_KEY": key})
    assert os.path.exists("there")

def test_with_the_environment_of_the_simulation(together_api, monkeypatch):
    monkeypatch.setenv("TOGETHER_API_KEY", WITH["TOGETHER_API_KEY"])
    by_run(together_api.env)
    by_run({**together_api.env, "TOGETHER_API_KEY": WITH["TOGETHER_API_KEY"]})  # it is led to this machine

def test_what_python_asks_the_system_itself(groq_api, monkeypatch):
    import ctypes.util
    monkeypatch.setenv("TOGETHER_API_KEY", WITH["TOGETHER_API_KEY"])
    platform.processor(), ctypes.util.find_library("c")

def test_without_a_simulation():
    by_run(WITH)
    assert os.path.exists("there")
"""
    )

    run_pytest("-q").assert_outcomes(passed=31)


@pytest.mark.parametrize("option", ["--llmcontract-guard=off", "-o llmcontract_allow_hosts=*.together.*"])
def test_an_open_guard_lets_a_child_have_its_key(pytester, run_pytest, option):
    pytester.makepyfile(f"{STARTS}\ndef test_it(groq_api):\n    by_run(WITH)\n    assert os.path.exists('there')")

    run_pytest("-q", *option.split()).assert_outcomes(passed=1)


def test_what_a_library_starts_for_itself_is_a_warning(pytester, run_pytest):
    library = pytester.mkdir("site-packages") / "helper.py"
    library.write_text("import subprocess, sys\ndef help():\n    subprocess.run([sys.executable, '-c', ''])\n")
    pytester.makepyfile(
        f"""
        import sys
        sys.path.insert(0, {os.fspath(library.parent)!r})
        import helper

        def test_it(groq_api, monkeypatch):
            monkeypatch.setenv("TOGETHER_API_KEY", "{KEY}")
            helper.help()
        """
    )

    result = run_pytest("-q")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*LLM204 together: a child process would take TOGETHER_API_KEY along*"])


@pytest.mark.parametrize(
    "command",
    [
        ["curl", "https://api.together.xyz/v1/models"],
        "cd / && curl -s api.together.xyz",
        ["/usr/bin/wget", "-q", "http://api.together.xyz"],
    ],
)
def test_a_command_that_calls_a_provider_is_not_run(pytester, run_pytest, command):
    pytester.makepyfile(
        f"""
        import subprocess, pytest

        def test_it(groq_api):
            with pytest.raises(PermissionError):
                subprocess.run({command!r}, shell={isinstance(command, str)})
        """
    )

    result = run_pytest("-q")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["LLM204 together: a call to api.together.xyz*", "*CONNECT //api.together.xyz by *"])


def test_other_commands_may_speak_of_providers(pytester, run_pytest):
    pytester.makepyfile(
        """
        import subprocess

        def test_it(groq_api):
            subprocess.run("echo https://api.together.xyz; echo no-curl api.together.xyz", shell=True)
        """
    )

    run_pytest("-q").assert_outcomes(passed=1)
    run_pytest("-q", "--llmcontract-guard=network").assert_outcomes(passed=1)


# Always.

CALLS = """
import contextlib, socket
with contextlib.suppress(OSError):
    socket.create_connection(("api.groq.com", 443))
"""


@pytest.mark.parametrize("mode", ["always", "network"])
def test_always_a_module_that_calls_when_it_is_imported_is_an_error(pytester, run_pytest, mode):
    pytester.makepyfile(test_calls=f"{CALLS}\ndef test_it(): ...", test_does_not="def test_it(): ...")

    result = run_pytest("-v", f"--llmcontract-guard={mode}")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*ERROR collecting test_calls.py*", "LLM204 groq: a call to api.groq.com*"])
    run_pytest("-v").assert_outcomes(passed=2)


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
@pytest.mark.parametrize("hook", ["", "def pytest_sessionstart():", "def pytest_sessionfinish():"])
def test_always_a_session_that_calls_outside_tests_fails(pytester, run_pytest, hook, workers):
    body = CALLS.replace("\n", "\n    ") if hook else CALLS
    pytester.makeconftest(f"{hook}\n{body}")
    pytester.makepyfile("def test_it(): ...")
    plugins = ("xdist",) if workers else ()

    result = run_pytest("-q", "--llmcontract-guard=always", *workers, plugins=plugins)

    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*outside any test*", "LLM204 groq: a call to api.groq.com*", "*conftest.py:*"])
    result = run_pytest("-q", *workers, plugins=plugins)
    assert result.ret == pytest.ExitCode.OK


def test_always_may_be_said_in_the_ini_file(pytester, run_pytest):
    pytester.makeini("[pytest]\nllmcontract_guard = always")
    pytester.makepyfile(f"{CALLS}\ndef test_it(): ...")

    run_pytest("-q").assert_outcomes(errors=1)


# Its net.


def test_the_hook_is_installed_once_and_hears_nothing_between_simulations(pytester, run_pytest):
    pytester.makepyfile(
        """
        import sys
        from pytest_llmcontract import simulate
        from pytest_llmcontract.adapters.exits import audit

        INSTALLED = []
        really = sys.addaudithook

        def test_it(monkeypatch):
            monkeypatch.setattr(sys, "addaudithook", lambda hook: (INSTALLED.append(hook), really(hook)))
            for _ in range(3):
                with simulate("groq"):
                    assert audit._handlers
            assert len(INSTALLED) == 1
        """
    )

    run_pytest("-q").assert_outcomes(passed=1)
