"""The table of faults: each client, by each way in, meets what it meets of a provider that really fails so.

Connections that fail before a reply are held in tests/adapters/test_connection_faults.py.
"""

from __future__ import annotations

from functools import partial

import pytest
from fault_table import ANY, BASE, FAULTS, WITHIN, WORDS, by_http_client, check, placed, streamed, waiting_together

from pytest_llmcontract import simulate


@pytest.mark.filterwarnings("ignore")  # curl_cffi's, of callbacks
@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("client", WITHIN)
def test_where_it_sends_a_client_meets_what_it_really_would(client, name):
    steps = list(placed(FAULTS[name].steps))
    with simulate("groq", check=False) as api:
        for method, given in steps:
            getattr(api, method)(**given)
        api.reply(WORDS, reasoning="")
        seen = streamed(WITHIN[client], BASE, FAULTS[name].patience)
        assert len(api.calls) == 1

    check(client, name, seen)


BY_SERVER = ["httpx", "requests", "http.client", "aiohttp", "curl_cffi", "niquests"]


@pytest.fixture(scope="module")
def by_server(serve):
    """What clients see of a server, in real time: a slow answer is really slow."""
    with serve() as server:
        yield waiting_together(partial(scripted, server), BY_SERVER)


def scripted(server, client, name):
    scope = f"{client}-{list(FAULTS).index(name)}"
    for method, given in placed((*FAULTS[name].steps, ("reply", {"content": WORDS, "reasoning": ""}))):
        server.script(f"/{method}", {"provider": "groq", **given}, test=scope)
    return streamed(ANY[client], f"{server.url}/t/{scope}/openai/v1", FAULTS[name].patience)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("client", BY_SERVER)
def test_by_a_server_a_client_meets_what_it_really_would(by_server, client, name):
    check(client, name, by_server(client, name))


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.ends != "slow"])
def test_a_tests_own_server_brings_the_same(name):
    steps = list(placed(FAULTS[name].steps))
    with simulate("groq", check=False) as api:
        for method, given in steps:
            if method == "latency":
                pytest.skip("what is slow takes virtual seconds there, and no patience of a client's ends in them")
            getattr(api, method)(**given)
        api.reply(WORDS, reasoning="")
        seen = streamed(by_http_client, api.url, FAULTS[name].patience)

    check("http.client", name, seen)
