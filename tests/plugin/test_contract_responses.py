"""Groq's Responses API in ``llm_contract``: recorded and replayed, whole and streamed; judged afterwards."""

from __future__ import annotations

import pytest

from pytest_llmcontract.cli import main
from pytest_llmcontract.recordings.cassette import read_cassette

TEST = """
import openai, pytest

def ask(text, **more):
    client = openai.OpenAI(api_key="x", base_url="https://api.groq.com/openai/v1")
    with client.responses.stream(model="openai/gpt-oss-20b", input=text) as stream:
        streamed = stream.get_final_response().output_text
    return streamed, client.responses.create(model="openai/gpt-oss-20b", input=text, **more).output_text

@pytest.mark.llm_contract
@pytest.mark.llm_budget(calls=2, tokens=1000, cost="0.01")
def test_it(groq_api):
    streamed, whole = ask({text!r}, max_output_tokens=500)
    assert streamed == whole
    assert groq_api.calls.of(operation="responses").statuses == [200, 200]
    assert all(call.usage.total_tokens for call in groq_api.calls)
"""


@pytest.fixture
def run(pytester, run_pytest):
    def run(text, *arguments):
        pytester.makepyfile(test_it=TEST.format(text=text))
        return run_pytest("-q", *arguments)

    return run


def test_it_is_recorded_replayed_and_judged(pytester, run):
    run("Hello", "--llmcontract-record=once").assert_outcomes(passed=1)
    file = pytester.path / "cassettes" / "test_it" / "test_it.llm.yaml"
    assert [one.reply.status for one in read_cassette(file).interactions] == [200, 200]

    run("Hello").assert_outcomes(passed=1)
    assert main(["verify", str(file)]) == 0


def test_another_prompt_is_another_contract(run):
    run("Hello", "--llmcontract-record=once").assert_outcomes(passed=1)

    result = run("Goodbye")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(['LLM206 groq responses: *input "Hello" → "Goodbye", unlike its recording*'])


SEARCH = """
import openai, pytest

@pytest.mark.llm_contract
@pytest.mark.parametrize("stream", [False, True])
def test_it(groq_api, stream):
    client = openai.OpenAI(api_key="x", base_url="https://api.groq.com/openai/v1")
    answer = client.responses.create(
        model="openai/gpt-oss-120b", input="What is new?", tools=[{"type": "browser_search"}], stream=stream)
    for event in answer if stream else ():
        pass
    print("cost", groq_api.calls.last.cost)
"""


def test_what_groq_ran_costs_the_same_when_it_is_replayed(pytester, run_pytest):
    pytester.makepyfile(test_it=SEARCH)

    def costs(*arguments):
        result = run_pytest("-q", "-s", *arguments)
        result.assert_outcomes(passed=2)
        return [line.split()[-1] for line in result.outlines if "cost " in line]

    recorded = costs("--llmcontract-record=once")
    assert costs() == recorded
    assert all(float(cost) >= 0.005 for cost in recorded)  # a search alone
