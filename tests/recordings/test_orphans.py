"""``llmcontract verify --orphans``: recordings whose test is gone or renamed."""

from __future__ import annotations

import pytest

TEST = """
import groq
import pytest

@pytest.mark.llm_contract
@pytest.mark.parametrize("text", ["a", "b"])
def test_ask(groq_api, text):
    groq.Groq().chat.completions.create(model="openai/gpt-oss-120b", messages=[{"role": "user", "content": text}])
"""
VCR = """
version: 1
interactions:
- request: {method: GET, uri: 'https://api.groq.com/openai/v1/models', headers: {}, body: null}
  response: {status: {code: 404, message: Not Found}, headers: {}, body: {string: ''}}
"""


@pytest.fixture
def project(pytester, run_pytest, monkeypatch):
    """A test with two recordings, and two recordings of pytest-recording."""
    pytester.makeini("[pytest]")
    pytester.mkdir("tests").joinpath("test_app.py").write_text(TEST)
    run_pytest("--llmcontract-record=once").assert_outcomes(passed=2)
    for name in ("test_app/test_ask[a].yaml", "shared.yaml"):
        (pytester.path / "tests" / "cassettes" / name).write_text(VCR)
    monkeypatch.chdir(pytester.path)
    return pytester.path


def orphans(out):
    return sorted(line.partition(":")[0] for line in out.splitlines() if "no test replays it" in line)


def test_a_recording_that_a_test_replays_is_none(project, run_command):
    code, out, _ = run_command("verify tests --orphans --ignore LLM203")
    assert (code, orphans(out)) == (0, [])


def test_recordings_of_a_test_that_was_renamed_are(project, run_command):
    tests = project / "tests" / "test_app.py"
    tests.write_text(TEST.replace('["a", "b"]', '["b"]'))
    code, out, _ = run_command("verify tests --orphans")
    assert code == 1
    assert orphans(out) == [
        "tests/cassettes/test_app/test_ask[a].llm.yaml",
        "tests/cassettes/test_app/test_ask[a].yaml",
    ]
    assert "tests/test_app.py::test_ask[a] is gone or renamed" in out


def test_a_module_that_is_gone_takes_its_recordings_with_it(project, run_command):
    (project / "tests" / "test_app.py").rename(project / "tests" / "test_new.py")
    assert len(orphans(run_command("verify tests --orphans")[1])) == 3


def test_tests_that_are_deselected_are_there(project, run_command):
    (project / "pytest.ini").write_text("[pytest]\naddopts = -k nothing\n")
    assert orphans(run_command("verify tests --orphans")[1]) == []


def test_where_pytest_cannot_collect_nothing_is_called_an_orphan(project, run_command):
    (project / "tests" / "test_app.py").write_text("import nothing_of_that_name")
    code, out, err = run_command("verify tests --orphans")
    assert (code, orphans(out)) == (2, [])
    assert "--orphans: pytest cannot collect the tests" in err
