"""Recordings that are stale, and recorded calls that no test makes: warned of, failed for, or recorded anew."""

from __future__ import annotations

import re

import pytest

TEST = """
import groq
import pytest

pytestmark = pytest.mark.llm_contract

def ask(text):
    groq.Groq().chat.completions.create(model="openai/gpt-oss-120b", messages=[{"role": "user", "content": text}])

def test_ask(groq_api):
    ask("a")
    ask("b")
"""


@pytest.fixture
def project(pytester, run_pytest):
    """A test whose recording is of January."""
    pytester.makepyfile(test_app=TEST)
    run_pytest("--llmcontract-record=once").assert_outcomes(passed=1)
    cassette = pytester.path / "cassettes" / "test_app" / "test_ask.llm.yaml"
    text = re.sub(r"recorded_at: .*", "recorded_at: '2026-01-02T12:00:00+00:00'", cassette.read_text())
    cassette.write_text(text)
    return cassette


def ini(pytester, *lines):
    pytester.makeini("\n".join(["[pytest]", *lines]))


def test_a_stale_recording_warns(project, pytester, run_pytest):
    ini(pytester)
    result = run_pytest()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["LLM203 *recorded * days ago, on 2026-01-02*"])


def test_a_project_says_when_one_is_stale(project, pytester, run_pytest):
    ini(pytester, "llmcontract_expire_after = 9999w")
    result = run_pytest()
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*LLM203*")


def test_a_project_may_fail_for_one(project, pytester, run_pytest):
    ini(pytester, "llmcontract_expire_after = 30d", "llmcontract_on_expiry = fail")
    result = run_pytest()
    assert "passed=1" not in str(result.parseoutcomes())
    result.stdout.fnmatch_lines(["*LLM203 *recorded * days ago, on 2026-01-02*"])
    assert result.ret == 1


def test_a_project_may_record_one_anew(project, pytester, run_pytest):
    ini(pytester, "llmcontract_expire_after = 30d", "llmcontract_on_expiry = rerecord")
    run_pytest().assert_outcomes(passed=1)
    assert "2026-01-02" not in project.read_text()
    result = run_pytest()
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*LLM203*")


def test_what_the_provider_answered_is_not_recorded_from_the_simulator(project, pytester, run_pytest):
    project.write_text(project.read_text().replace("source: simulator", "source: live"))
    before = project.read_text()
    ini(pytester, "llmcontract_on_expiry = rerecord")
    result = run_pytest()
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*LLM203 *recorded * days ago*"])
    assert project.read_text() == before


def test_a_recorded_call_that_is_not_made_fails_where_it_is_asked_for(project, pytester, run_pytest):
    pytester.makepyfile(test_app=TEST.replace('    ask("b")', ""))
    ini(pytester, "llmcontract_expire_after = 9999w")
    run_pytest().assert_outcomes(passed=1)
    result = run_pytest("--llmcontract-unplayed=error")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*LLM205 groq chat.completions: recorded call 2 of 2 was not made*"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("llmcontract_expire_after = soon", "*llmcontract_expire_after (ini) = 'soon'; accepted: a number of days*"),
        ("llmcontract_expire_after = 0d", "*llmcontract_expire_after (ini) = '0d'*"),
        ("llmcontract_on_expiry = weep", "*llmcontract_on_expiry = 'weep' (ini): accepted are warn, fail, rerecord*"),
        ("llmcontract_unplayed = fatal", "*llmcontract_unplayed = 'fatal' (ini): accepted are warning, error*"),
    ],
)
def test_bad_input_ends_the_run_in_one_line(pytester, run_pytest, line, message):
    ini(pytester, line)
    result = run_pytest()
    assert result.ret == 4
    result.stderr.fnmatch_lines([message])
