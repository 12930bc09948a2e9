"""The faults of the table by the ways in that it leaves out: a scenario, with `when=`; a recording; the redirect."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import urlsplit

import pytest
from fault_table import (
    AMPLE,
    ANY,
    BASE,
    FAULTS,
    PATIENCE,
    WITHIN,
    WORDS,
    Seen,
    by_http_client,
    check,
    check_alike,
    of_a_real_one,
    placed,
    seeing,
    streamed,
    waiting_together,
    whole_stream,
)

from pytest_llmcontract import simulate

REPLY = ("reply", {"content": WORDS, "reasoning": ""})


def steps_of(name, user=""):
    """What is scripted for a fault, and the answer that it strikes; for the calls of *user* alone."""
    for method, given in (*placed(FAULTS[name].steps), REPLY):
        yield method, {**given, "when": {**given.get("when", {}), "user": user}} if user else given


# A scenario: one file for all of them, each for a user of its own.

BY_SCENARIO = ["httpx", "requests", "niquests"]


@pytest.fixture(scope="module")
def by_scenario(serve, tmp_path_factory):
    steps = [{method: {"provider": "groq", **given}} for name in FAULTS for method, given in steps_of(name, name)]
    file = tmp_path_factory.mktemp("scenario") / "faults.json"
    file.write_text(json.dumps({"steps": steps}))
    with serve("--scenario", str(file)) as server:
        yield waiting_together(partial(asked_of, server), BY_SCENARIO)


def asked_of(server, client, name):
    scope = f"{client}-{list(FAULTS).index(name)}"  # whose first call has ids as long as those of any other
    return streamed(ANY[client], f"{server.url}/t/{scope}/openai/v1", FAULTS[name].patience, name)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("client", BY_SCENARIO)
def test_by_a_scenario_a_client_meets_what_it_really_would(by_scenario, client, name):
    check(client, name, by_scenario(client, name))


# A recording.


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A whole answer, for each call that is made of it."""
    contract = {"path": tmp_path_factory.mktemp("cassettes") / "whole.llm.yaml"}
    with simulate("groq", contract={**contract, "record": "once"}) as api:
        api.reply(WORDS, reasoning="")
        streamed(by_http_client, BASE, AMPLE)
    return contract


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("client", ["httpx", "httpx-asyncio", "requests", "aiohttp"])
def test_what_a_recording_answers_fails_as_it_really_would(recorded, client, name):
    with simulate("groq", check=False, contract=recorded) as api:
        for method, given in placed(FAULTS[name].steps):
            getattr(api, method)(**given)
        seen = streamed(WITHIN[client], BASE, FAULTS[name].patience)

    check(client, name, seen)


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.patience != PATIENCE])
def test_a_tests_own_server_answers_from_a_recording_with_the_same(recorded, name):
    with simulate("groq", check=False, contract=recorded) as api:
        for method, given in placed(FAULTS[name].steps):
            getattr(api, method)(**given)
        seen = streamed(by_http_client, api.url, FAULTS[name].patience)
        assert [call.recorded for call in api.calls if call.status == 200] in ([], [True])

    check("http.client", name, seen)


# The redirect: clients that no patch reaches, at the provider's own address.


def by_tls(trusting):
    """A socket with TLS, as asyncio's streams and trio have it too."""

    def call(url, body, patience):
        seen, parts, sent = Seen(), urlsplit(url), json.dumps(body).encode()
        head = f"POST {parts.path} HTTP/1.1\r\nhost: {parts.hostname}\r\nauthorization: Bearer k\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(sent)}\r\n\r\n"
        with (
            seeing(seen),
            socket.create_connection((parts.hostname, parts.port or 443), timeout=patience) as plain,
            trusting.wrap_socket(plain, server_hostname=parts.hostname) as shown,
        ):
            shown.sendall(head.encode() + sent)
            reply = http.client.HTTPResponse(shown)
            reply.begin()
            seen.status = reply.status
            while piece := reply.read1(65536):
                seen.body += piece
        return seen

    return call


@pytest.fixture(scope="module")
def authority():
    return pytest.importorskip("trustme").CA()


WAITING = ("stall within a character", "no reply", "a stall before an error event")
"""Of those that wait for a client's patience, which really passes."""
REDIRECTED = [name for name, fault in FAULTS.items() if fault.patience != PATIENCE or name in WAITING]


def redirected(name, call):
    with simulate("groq", check=False, redirect=True) as api:
        for method, given in steps_of(name):
            getattr(api, method)(**given)
        return streamed(call, BASE, FAULTS[name].patience)


def check_by_tls(name, authority):
    server, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(trusting)
    call = by_tls(trusting)
    whole_stream()  # by one thread alone
    with ThreadPoolExecutor(1) as pool:
        real = pool.submit(of_a_real_one, "", name, call, server)
        check_alike(redirected(name, call), real.result())


@pytest.mark.parametrize("name", REDIRECTED)
def test_a_socket_that_is_redirected_meets_what_it_really_would(authority, name):
    check_by_tls(name, authority)


@pytest.mark.parametrize("fault", ["connect_error", "connect_timeout", "dns_error"])
def test_what_cannot_happen_to_a_redirected_socket_is_told(authority, fault):
    with simulate("groq", check=False, redirect=True) as api:
        api.fail(fault)
        seen = streamed(by_tls(ssl.create_default_context()), BASE, AMPLE)
        found = [found.code for call in api.calls for found in call.violations]

    assert (seen.status, found) == (501, ["LLM208"])
    assert f"{fault} cannot happen to a client that has reached a server" in seen.body.decode()


@pytest.mark.llm_clock(mode="real")
def test_what_is_slow_is_slow_for_a_redirected_socket_in_real_time(authority, llm_clock):
    check_by_tls("slow first token", authority)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in REDIRECTED if name not in WAITING])
def test_a_compiled_client_that_is_redirected_meets_what_it_really_would(authority, name):
    check("curl_cffi", name, redirected(name, ANY["curl_cffi"]))
