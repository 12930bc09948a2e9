"""The faults of the table by the ways in that it leaves out: a scenario, a recording, the redirect; all with `when=`."""

from __future__ import annotations

import json
from functools import partial

import pytest
from fault_table import ANY, BASE, FAULTS, WITHIN, WORDS, by_http_client, check, placed, waiting_together

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
    scope = f"{client}-{list(FAULTS).index(name)}"  # the first call of each, whose ids are as long as those of any first
    return ANY[client](f"{server.url}/t/{scope}/openai/v1", FAULTS[name].patience, name)


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
        by_http_client(BASE, 60)
    return contract


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("client", ["httpx", "httpx-asyncio", "requests", "aiohttp"])
def test_what_a_recording_answers_fails_as_it_really_would(recorded, client, name):
    with simulate("groq", check=False, contract=recorded) as api:
        for method, given in placed(FAULTS[name].steps):
            getattr(api, method)(**given)
        seen = WITHIN[client](BASE, FAULTS[name].patience)

    check(client, name, seen)
