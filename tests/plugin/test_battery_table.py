"""The verdicts of the battery: in the terminal, in the ledger, as Markdown, through workers."""

from __future__ import annotations

import json

import pytest

TEST = """
import groq
import pytest
from pytest_llmcontract import ClientContract

class TestOurClient(ClientContract):
    provider = "groq"
    expect = {"survives_an_origin_that_is_down": "not applicable: it has another address"}

    def call(self):
        answer = groq.Groq(max_retries=0).chat.completions.create(
            model="openai/gpt-oss-120b", messages=[{"role": "user", "content": "Hello"}]
        )
        return answer.choices[0].message.content

class TestSecret(TestOurClient):
    def call(self):
        super().call()
        return "gsk_" + "a1B2" * 13
"""
CHOSEN = "nothing_is_wrong or empty_answer or is_down or streams_the_whole"
LINES = [
    "*llmcontract battery*",
    "TestOurClient, groq: 1 pass, 1 fail, 2 not applicable",
    "  nothing wrong",
    "    pass  answers_when_nothing_is_wrong     the whole answer came back after 1 request and 0 s",
    "    n/a   streams_the_whole_answer          the class has no stream()",
    "  capacity",
    "    n/a   survives_an_origin_that_is_down   it has another address",
    "  answers",
    "    FAIL  does_not_pass_on_an_empty_answer  it returned nothing, as if that were the answer after*",
]


@pytest.fixture
def battery(pytester, run_pytest):
    def battery(*options, plugins=()):
        pytester.makepyfile(test_battery=TEST)
        return run_pytest("test_battery.py", "-k", f"TestOurClient and ({CHOSEN})", *options, plugins=plugins)

    return battery


def test_the_terminal_shows_every_verdict(battery):
    battery().stdout.fnmatch_lines(LINES, consecutive=True)


def test_quietly_it_shows_what_failed(battery):
    result = battery("-q")

    result.stdout.fnmatch_lines(["TestOurClient, groq: 1 pass, 1 fail*", "  answers", "    FAIL  does_not_pass_on*"])
    result.stdout.no_fnmatch_line("*    pass  answers_when*")


def test_workers_send_theirs(battery):
    pytest.importorskip("xdist")

    battery("-n", "2", plugins=("xdist",)).stdout.fnmatch_lines(
        ["TestOurClient, groq: 1 pass, 1 fail, 2 not applicable"]
    )


def test_the_ledger_and_the_page_have_them(battery, pytester):
    pytest.importorskip("bokeh")
    battery("--llmcontract-report=x.json", "--llmcontract-report=x.md", "--llmcontract-report=x.html")
    document = json.loads((pytester.path / "x.json").read_text("utf-8"))
    rows = {row["behaviour"]: row for row in document["battery"]}

    assert [row["verdict"] for row in document["battery"]] == ["pass", "not applicable", "not applicable", "fail"]
    failed = rows["does_not_pass_on_an_empty_answer"]
    assert (failed["outcome"], failed["requests"], failed["client"]) == ("nothing", 1, "TestOurClient")
    assert failed["detail"].startswith("what happens   The answer is empty.")
    assert document["tests"][failed["test"]]["id"].endswith("::test_does_not_pass_on_an_empty_answer")
    text = (pytester.path / "x.md").read_text("utf-8")
    assert "| `TestOurClient` | groq | 1 | 1 | 2 |" in text
    assert "does_not_pass_on_an_empty_answer" in (pytester.path / "x.html").read_text("utf-8")


def test_a_key_that_a_client_returns_is_shown_nowhere(pytester, run_pytest):
    pytester.makepyfile(test_battery=TEST)
    result = run_pytest("test_battery.py", "-k", "TestSecret and nothing_is_wrong", "--llmcontract-report=x.json")

    result.assert_outcomes(failed=1)
    assert "a1B2a1B2" not in result.stdout.str() + (pytester.path / "x.json").read_text("utf-8")
