"""A behaviour's faults on a provider: they meet whom it says, and of those whom a fault's own `when` means."""

from __future__ import annotations

import httpx
import pytest

from pytest_llmcontract import BadInput, simulate
from pytest_llmcontract.battery.outside import _impossible
from pytest_llmcontract.battery.staging import Staged
from pytest_llmcontract.core.battery.behaviours import read_behaviour

URL = "https://api.groq.com/openai/v1/chat/completions"
FIRST, SECOND = "openai/gpt-oss-120b", "openai/gpt-oss-20b"


def behaviour(*faults, **more):
    return read_behaviour({"id": "x", "about": "y", "what": "z", "faults": faults, "may": ["raises"], **more})


def asked(model=FIRST, **fields):
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], **fields}
    return httpx.post(URL, json=body, headers={"authorization": "Bearer k"}, timeout=600).status_code


@pytest.fixture
def api():
    with simulate("groq", check=False) as api:
        yield api


@pytest.mark.parametrize("when", [{"temperature": 0}, lambda request: request.json.get("temperature") == 0])
def test_a_when_holds_beside_whom_a_behaviour_strikes(api, when):
    staged = Staged(behaviour({"fail": {"error": 503, "when": when, "times": None}}, strikes="model"), api)

    assert asked() == 200
    assert not staged.struck
    assert asked(temperature=0) == 503
    assert asked(SECOND, temperature=0) == 200
    assert staged.struck
    staged.withdraw()
    assert asked(temperature=0) == 200


def test_its_faults_come_together_as_those_of_a_test(api):
    faults = [
        {"chaos": {"rate": 1, "errors": [521]}},
        {"outage": {"seconds": 60, "error": 503}},
        {"latency": {"first_token": 2}},
        {"use": {"limit": "RPM", "amount": 1}},
    ]
    Staged(behaviour(*faults), api)

    assert api.limits(FIRST)["RPM"].used == 1
    assert asked() == 503
    assert api.clock.elapsed == 2
    api.clock.advance(seconds=60)
    assert asked() == 521


def test_a_when_that_no_request_meets_is_refused(api):
    with pytest.raises(BadInput, match="unknown field of a request in when= 'temprature'"):
        Staged(behaviour({"fail": {"error": 503, "when": {"temprature": 0}}}), api)


@pytest.mark.parametrize(
    "fault", [{"fail": {"error": "dns_error"}}, {"chaos": {"rate": 1, "errors": [503, "dns_error"]}}]
)
def test_what_cannot_happen_to_a_command_says_so(fault):
    assert _impossible(behaviour(fault), "groq") == "dns_error cannot happen to a client that has reached a server"
