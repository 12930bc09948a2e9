"""``api.url`` and ``api.env``: the server of a test, for clients that no patch reaches."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from urllib.parse import urlsplit

import groq
import httpx
import openai
import pytest
import together

from pytest_llmcontract import simulate
from pytest_llmcontract.core.facts.registry import DUMMY_KEY

GROQ, LLAMA = "openai/gpt-oss-120b", "meta-llama/Llama-3.3-70B-Instruct-Turbo"
HELLO = [{"role": "user", "content": "Hello"}]


def child(code, env):
    """What another process prints that runs *code*."""
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


ASKS_GROQ = f"""
import groq
client = groq.Groq(max_retries=RETRIES)
print(client.chat.completions.create(model={GROQ!r}, messages={HELLO!r}).choices[0].message.content)
"""
ASKS_TOGETHER = f"""
import together
client = together.Together(max_retries=0)
print(client.chat.completions.create(model={LLAMA!r}, messages={HELLO!r}).choices[0].message.content)
"""


def raw_post(url, body, *, read_all=True):
    """A call by a bare socket, as of a client that nothing of ours sees."""
    parts = urlsplit(url)
    data = json.dumps(body).encode()
    head = f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\nauthorization: Bearer x\r\nconnection: close\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    with socket.create_connection((parts.hostname, parts.port)) as sock:
        sock.sendall(head.encode() + data)
        reply = http.client.HTTPResponse(sock)
        reply.begin()
        return reply.status, reply.read() if read_all else b""


# Other processes.


def test_a_child_is_answered_by_the_simulation_of_the_test(groq_api, together_api):
    groq_api.reply("Groq's.")
    together_api.reply("Together's.")

    assert child(ASKS_GROQ.replace("RETRIES", "0"), groq_api.env) == "Groq's."
    assert child(ASKS_TOGETHER, groq_api.env) == "Together's."
    assert [call.model for call in groq_api.calls] == [GROQ]
    assert [call.model for call in together_api.calls] == [LLAMA]


def test_a_child_gets_the_addresses_and_no_real_key(groq_api, monkeypatch):
    monkeypatch.setenv("TOGETHER_API_KEY", "tgp_v1_real")
    monkeypatch.setenv("NO_PROXY", "example.com")
    monkeypatch.setenv("MINE", "stays")
    env = groq_api.env
    root = groq_api.url.removesuffix("/groq")

    assert env["GROQ_BASE_URL"] == env["GROQ_API_BASE"] == f"{root}/groq"
    assert env["TOGETHER_BASE_URL"] == env["TOGETHERAI_API_BASE"] == f"{root}/together"
    assert {env[name] for name in ("GROQ_API_KEY", "TOGETHER_API_KEY", "TOGETHERAI_API_KEY")} == {DUMMY_KEY}
    assert env["NO_PROXY"] == "example.com,127.0.0.1,localhost"
    assert env["MINE"] == "stays"
    assert os.environ["TOGETHER_API_KEY"] == "tgp_v1_real"


@pytest.mark.groq_api(limits={"RPM": 600})
def test_a_child_that_waits_as_it_is_told_to_gets_through(groq_api, llm_clock):
    groq_api.exhaust("RPM")

    child(ASKS_GROQ.replace("RETRIES", "1"), groq_api.env)

    refused, answered = groq_api.calls
    assert (refused.status, answered.status) == (429, 200)
    assert llm_clock.elapsed >= refused.reply.retry_after


def test_slowness_of_the_provider_costs_a_child_no_real_time(groq_api, llm_clock):
    """Else its client's patience of a minute would be at an end."""
    groq_api.latency(first_token=3600, per_token=1)

    child(ASKS_GROQ.replace("RETRIES", "0"), groq_api.env)

    assert llm_clock.elapsed >= 3600


def test_what_a_child_swallowed_fails_the_test(pytester, run_pytest):
    pytester.makepyfile(
        f"""
        import subprocess, sys
        CODE = '''
        import groq
        try:
            groq.Groq(max_retries=0).chat.completions.create(model="{GROQ}", messages=[], logprobs=True)
        except groq.BadRequestError:
            pass
        '''
        def test_it(groq_api):
            import textwrap
            subprocess.run([sys.executable, "-c", textwrap.dedent(CODE)], env=groq_api.env, check=True)
        """
    )
    result = run_pytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*LLM101*logprobs*"])


def test_a_provider_that_is_not_simulated_is_not_answered_and_told(pytester, run_pytest):
    pytester.makepyfile(
        """
        import urllib.error, urllib.request
        def test_it(groq_api):
            url = groq_api.env["TOGETHER_BASE_URL"] + "/v1/models"
            try:
                urllib.request.urlopen(urllib.request.Request(url, headers={"authorization": "Bearer x"}))
            except urllib.error.HTTPError as problem:
                assert problem.code == 403
                assert "together is not simulated in this test" in problem.read().decode()
        """
    )
    result = run_pytest()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*LLM204*together*"])


# The same process.


@pytest.mark.parametrize(
    ("client", "path"), [(groq.Groq, ""), (openai.OpenAI, ""), (openai.OpenAI, "/openai/v1"), (openai.OpenAI, "/v1")]
)
def test_the_address_is_the_base_of_every_client_of_groq(groq_api, client, path):
    groq_api.reply("Hi.")
    with client(base_url=groq_api.url + path, api_key="x") as asked:
        answer = asked.chat.completions.create(model=GROQ, messages=HELLO)
    assert answer.choices[0].message.content == "Hi."
    assert groq_api.calls[0].violations == []


@pytest.mark.parametrize("client", [together.Together, openai.OpenAI])
def test_the_address_is_the_base_of_every_client_of_together(together_api, client):
    together_api.reply("Hi.")
    with client(base_url=together_api.url, api_key="x") as asked:
        answer = asked.chat.completions.create(model=LLAMA, messages=HELLO)
    assert answer.choices[0].message.content == "Hi."


def test_a_call_by_a_bare_socket_shares_state_and_ledger(groq_api):
    groq_api.fail(503)
    body = {"model": GROQ, "messages": HELLO}
    assert raw_post(f"{groq_api.url}/chat/completions", body)[0] == 503
    with groq.Groq() as client:
        client.chat.completions.create(model=GROQ, messages=HELLO)
    assert [call.status for call in groq_api.calls] == [503, 200]


def test_a_slow_answer_to_this_process_moves_the_virtual_clock_alone(groq_api, llm_clock):
    groq_api.latency(first_token=400)
    began = time.monotonic()
    assert raw_post(f"{groq_api.url}/chat/completions", {"model": GROQ, "messages": HELLO})[0] == 200
    assert llm_clock.elapsed == pytest.approx(400, abs=5)
    assert time.monotonic() - began < 200


def test_this_process_waits_on_the_virtual_clock_alone(groq_api, llm_clock):
    groq_api.fail("rate_limit_exceeded", retry_after=300)
    body = {"model": GROQ, "messages": HELLO}
    began = time.monotonic()
    assert raw_post(f"{groq_api.url}/chat/completions", body)[0] == 429
    time.sleep(300)
    assert raw_post(f"{groq_api.url}/chat/completions", body)[0] == 200
    assert llm_clock.elapsed == 300
    assert time.monotonic() - began < 200


def test_in_real_time_it_waits_really(pytester, run_pytest):
    pytester.makepyfile(
        f"""
        import httpx, pytest, time
        @pytest.mark.llm_clock(mode="real")
        def test_it(groq_api):
            groq_api.latency(first_token=0.3)
            began = time.monotonic()
            body = {{"model": "{GROQ}", "messages": {HELLO!r}}}
            reply = httpx.post(groq_api.url + "/chat/completions", json=body, headers={{"authorization": "Bearer x"}})
            assert reply.status_code == 200
            assert time.monotonic() - began > 0.3
        """
    )
    result = run_pytest()
    result.assert_outcomes(passed=1)


def test_the_control_api_speaks_of_the_test(groq_api):
    root = groq_api.url.removesuffix("/groq")
    httpx.post(f"{root}/_llmcontract/reply", json={"provider": "groq", "content": "Scripted."})
    status, body = raw_post(f"{groq_api.url}/chat/completions", {"model": GROQ, "messages": HELLO})
    assert (status, b"Scripted." in body) == (200, True)
    assert [call["status"] for call in httpx.get(f"{root}/_llmcontract/calls").json()] == [200]
    assert httpx.get(f"{root}/_llmcontract/state").json()["time"] == "virtual"
    httpx.post(f"{root}/_llmcontract/reset", json={})
    assert list(groq_api.calls) == []


# Its life.


@pytest.mark.parametrize("fault", ["connect_error", "connect_timeout", "dns_error"])
def test_what_happens_before_a_server_is_reached_is_told_and_fails_the_test(fault):
    with simulate("groq", check=False) as api:
        api.fail(fault)
        status, said = raw_post(f"{api.url}/chat/completions", {"model": GROQ, "messages": HELLO})

        assert status == 501
        assert f"{fault} cannot happen to a client that has reached a server" in said.decode()
        (call,) = api.calls
        assert [(found.code, found.severity) for found in call.violations] == [("LLM208", "error")]
        assert raw_post(f"{api.url}/chat/completions", {"model": GROQ, "messages": HELLO})[0] == 200


def test_without_being_asked_for_there_is_no_server(groq_api):
    assert "llmcontract-server" not in [thread.name for thread in threading.enumerate()]


def test_it_is_one_server_that_ends_with_the_last_simulation():
    with simulate("groq") as outer:
        first = outer.url
        with simulate("together") as inner:
            assert inner.url.removesuffix("together") == first.removesuffix("groq")
        assert raw_post(f"{outer.url}/chat/completions", {"model": GROQ, "messages": HELLO})[0] == 200
        assert outer.url == first
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", urlsplit(first).port))
    assert "llmcontract-server" not in [thread.name for thread in threading.enumerate()]


def test_it_ends_also_while_a_client_waits_for_ever():
    with simulate("groq", check=False) as api:
        api.fail("read_timeout")
        parts = urlsplit(api.url)
        waiting = socket.create_connection((parts.hostname, parts.port))
        body = json.dumps({"model": GROQ, "messages": HELLO}).encode()
        head = f"POST {parts.path}/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer x\r\n"
        waiting.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        while not api.calls:
            time.sleep(0.01)
    with waiting:
        waiting.settimeout(60)
        with suppress(ConnectionResetError):
            assert waiting.recv(1) == b""


def test_without_uvicorn_it_is_told_what_to_install(groq_api, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ValueError, match=r"pip install 'pytest-llmcontract\[server\]'"):
        print(groq_api.url)
