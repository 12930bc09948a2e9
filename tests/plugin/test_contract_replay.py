"""``llm_contract`` through pytest: replaying, and the verdict."""

from __future__ import annotations

import pytest

from pytest_llmcontract.recordings.cassette import read_cassette

CLIENT = '''
import os, groq

MODEL = "openai/gpt-oss-120b"

def ask(text):
    """Swallows whatever the provider says."""
    try:
        return groq.Groq().chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": text}], user=os.environ.get("APP_USER"))
    except groq.APIError:
        return None
'''
TEST = """
import pytest
from client import ask

@pytest.mark.llm_contract{marker}
def test_it(groq_api):
    {calls}
"""


@pytest.fixture
def project(pytester):
    pytester.makepyfile(client=CLIENT)
    return pytester


@pytest.fixture
def run(project, run_pytest):
    def run(calls, *arguments, marker=""):
        project.makepyfile(test_it=TEST.format(calls=calls, marker=marker))
        return run_pytest("-q", *arguments)

    return run


@pytest.fixture
def recorded(run, project):
    run('ask("first"); ask("second")', "--llmcontract-record=once").assert_outcomes(passed=1)
    return project.path / "cassettes" / "test_it" / "test_it.llm.yaml"


def test_a_call_that_changed_fails_the_test_also_if_the_application_swallows_it(run, recorded):
    result = run('ask("first"); ask("another")')

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            'LLM206 groq chat.completions: *.content "second" → "another", unlike its recording (call 2 of 2)',
            "",
            "  sent      {*another*",
            "  allowed   the 2 recorded calls of chat.completions, 1 of them not made yet",
            "  contract  cassettes/test_it/test_it.llm.yaml:*",
            "  sent by   client.py:* in ask",
            "",
            "  beside recorded call 2 of 2:",
            "",
            "    $.messages[[]0].content",
            '      recorded  "second"',
            '      sent      "another"',
            "",
            "  How to fix: *--llmcontract-record=new_episodes test_it.py::test_it",
            "FAILED test_it.py::test_it - LLM206 groq chat.completions: $.messages*",
        ]
    )
    result.stdout.no_fnmatch_line("*LLM205*")


def test_a_call_too_many_fails_the_test(run, recorded):
    result = run('ask("first"); ask("second"); ask("first")')

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "LLM204 groq chat.completions: nothing is recorded for this call any more (call 3 of 3)",
            "  How to fix: record what is missing: *--llmcontract-record=new_episodes test_it.py::test_it",
            "  if it may be made any number of times: llm_contract(repeats=True)",
        ]
    )
    run('ask("first"); ask("second"); ask("first")', marker="(repeats=True)").assert_outcomes(passed=1)


def test_a_call_that_is_made_no_more_is_a_warning(run, recorded):
    result = run('ask("second")')

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "LLM205 groq chat.completions: recorded call 1 of 2 was not made",
            "*How to fix: *--llmcontract-record=all test_it.py::test_it",
        ]
    )


def test_a_failing_test_is_not_told_of_calls_it_did_not_get_to(run, recorded):
    result = run('ask("first"); assert 0')

    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*LLM205*")


def test_nothing_recorded_at_all(run, project):
    result = run('ask("first")')

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "LLM204 groq chat.completions: nothing is recorded for this call",
            "*there is no test_it.llm.yaml*",
            "*How to fix: record the test: *--llmcontract-record=once test_it.py::test_it",
        ]
    )
    assert not (project.path / "cassettes").exists()


def test_allowed_findings_are_notes(run, recorded):
    run('ask("first"); ask("b")', marker='\n@pytest.mark.llm_allow("LLM206")').assert_outcomes(passed=1)


def test_a_recorded_reply_that_does_not_fit_the_schema_fails_the_test(run, recorded):
    recorded.write_text(recorded.read_text().replace('"object":"chat.completion"', '"objekt":"chat.completion"'))

    result = run('ask("first"); ask("second")')

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["LLM201 groq chat.completions: *object*", "*cassettes/test_it/test_it.llm.yaml:*"])


def test_a_secret_in_a_recording_fails_the_test(run, recorded):
    recorded.write_text(recorded.read_text().replace("Bearer ***", "Bearer gsk_" + "aB3dE6gH9kL2nP5r" * 3))

    result = run('ask("first"); ask("second")')

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["LLM202 *", "*cassettes/test_it/test_it.llm.yaml:*"])
    result.stdout.no_fnmatch_line("*aB3dE6gH9kL2nP5r*")


def test_an_old_recording_is_a_warning(run, recorded):
    this_year = str(read_cassette(recorded).metadata.recorded_at.year)
    recorded.write_text(recorded.read_text().replace(f"'{this_year}-", "'2024-"))

    result = run('ask("first"); ask("second")')

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["LLM203 recorded * days ago, on 2024-*"])


def test_another_user_key_and_client_version_do_not_matter(run, recorded, monkeypatch):
    monkeypatch.setenv("GROQ_API_KEY", "gsk_" + "zY8xW5vU2tS9rQ6p" * 3)
    recorded.write_text(recorded.read_text().replace("Groq/Python", "Groq/Python 9.9.9 was"))

    run('assert ask("first"); assert ask("second")').assert_outcomes(passed=1)


def test_what_changes_is_left_out_for_the_whole_module(run, recorded, project, monkeypatch):
    monkeypatch.setenv("APP_USER", "u-1")
    run('ask("first"); ask("second")').assert_outcomes(failed=1)

    run('ask("first"); ask("second")', marker='(ignore=["user"])').assert_outcomes(passed=1)


def test_a_test_with_a_cassette_of_its_own_beside_ours(project, run, recorded):
    """The suffix keeps them apart: ``@pytest.mark.vcr`` of pytest-recording uses ``test_it.yaml``."""
    (recorded.parent / "test_it.yaml").write_text("interactions: []\nversion: 1\n")

    run('assert ask("first"); assert ask("second")').assert_outcomes(passed=1)


def test_a_rerun_begins_again(project, recorded, run_pytest):
    project.makepyfile(
        test_it="""
        import pytest
        from client import ask

        tries = []

        @pytest.mark.llm_contract
        def test_it(groq_api):
            tries.append(1)
            assert ask("first") and ask("second")
            assert len(tries) == 2
        """
    )
    project.makeconftest(
        """
        import pytest
        from _pytest.runner import runtestprotocol

        @pytest.hookimpl
        def pytest_runtest_protocol(item, nextitem):
            item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
            for attempt in range(2):
                item._initrequest()
                reports = runtestprotocol(item, nextitem=nextitem, log=False)
            for report in reports:
                item.ihook.pytest_runtest_logreport(report=report)
            item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
            return True
        """
    )

    run_pytest("-q").assert_outcomes(passed=1)
