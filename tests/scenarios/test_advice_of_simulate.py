"""What ``simulate()`` raises advises what does something there: no marker, no fixture, no flag of pytest."""

from __future__ import annotations

import groq
import httpcore
import pytest
import together

from pytest_llmcontract import ContractViolation, simulate

MESSAGES = [{"role": "user", "content": "x"}]


def ask(**more):
    try:
        groq.Groq(max_retries=0).chat.completions.create(model="openai/gpt-oss-120b", messages=MESSAGES, **more)
    except groq.APIError:
        return


def ask_together():
    try:
        together.Together(api_key="x", max_retries=0).chat.completions.create(model="m", messages=MESSAGES)
    except together.APIError:
        return


@pytest.mark.parametrize(
    ("act", "advice"),
    [(lambda: ask(logprobs=True), "check=False"), (ask_together, "simulate it too: with simulate('together')")],
)
def test_what_it_raises_names_nothing_of_pytest(act, advice):
    with pytest.raises(ContractViolation) as raised, simulate("groq"):
        act()

    text = str(raised.value)
    assert advice in text
    assert not any(word in text for word in ("pytest.mark", "llm_allow", "--llmcontract", "fixture"))


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("https://api.groq.com/openai/v1/models", "call by a client that is simulated"),
        ("https://api.openai.com/v1/models", "mock the call"),
    ],
)
def test_nobody_is_told_to_simulate_what_is_simulated_or_cannot_be(url, advice):
    with pytest.raises(ContractViolation) as raised, simulate("groq"), pytest.raises(httpcore.ConnectError):
        httpcore.ConnectionPool().request("GET", url)

    assert advice in str(raised.value)
    assert "simulate it too" not in str(raised.value)


def test_what_is_not_as_recorded_is_advised_in_keywords_of_contract(tmp_path):
    cassette = str(tmp_path / "c.yaml")
    with simulate("groq", contract={"path": cassette, "record": "once"}):
        ask()

    with pytest.raises(ContractViolation) as raised, simulate("groq", contract=cassette):
        ask(temperature=0.5)

    assert "llm_contract(" not in str(raised.value)
    assert '"ignore": ["' in str(raised.value)


def test_a_service_tier_that_the_plan_lacks_is_a_finding():
    with pytest.raises(ContractViolation, match="the plan 'free' has no service tier 'flex'"), simulate("groq"):
        ask(service_tier="flex")
    with simulate("groq", plan="developer") as api:
        ask(service_tier="flex")
    assert api.calls.statuses == [200]
