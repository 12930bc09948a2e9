"""The page, the summary and the annotations of real pytest runs, with the real Groq SDK."""

from __future__ import annotations

import json
import re

import pytest

APP = '''
import groq

def ask(text, **fields):
    """Swallows whatever the provider refuses."""
    try:
        groq.Groq().chat.completions.create(
            model="openai/gpt-oss-120b", messages=[{"role": "user", "content": text}], extra_body=fields)
    except groq.APIError:
        return "no answer"
'''
TESTS = """
import pytest
from app import ask

def test_passes(groq_api):
    ask("Hello")

def test_meets_the_limit(groq_api, llm_clock):
    groq_api.exhaust("TPM", model="openai/gpt-oss-120b")
    ask("Hello")

def test_sends_what_is_refused(groq_api):
    ask("Hello", logprobs=True)
"""
OUTCOMES = {"passed": 2, "failed": 1}


@pytest.fixture
def project(pytester, monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    pytester.path.joinpath(".git").mkdir()
    pytester.makepyfile(app=APP, test_it=TESTS)
    return pytester


def test_the_page_of_a_run_shows_its_calls_and_findings(project, browser, run_pytest):
    run_pytest("--llmcontract-report=out/page.html").assert_outcomes(**OUTCOMES)

    tab = browser.new_page()
    tab.goto(project.path.joinpath("out", "page.html").as_uri())
    tab.wait_for_selector("main[aria-busy=false]")

    assert tab.locator("#selected").inner_text() == "All 4 calls, 3 tests, 1 finding"
    assert tab.locator("#calls tbody tr", has_text="429 rate_limit_exceeded").count() == 1
    assert tab.locator("#limits tbody tr", has_text="TPM").locator("td").nth(3).inner_text() == "1"
    finding = tab.locator("#findings details")
    finding.locator("summary").click()
    assert finding.inner_text().split()[:3] == ["✕", "error:", "LLM101groq"]
    assert "app.py:6 in ask" in finding.inner_text()
    assert '"logprobs": true' in finding.get_by_label("Request").inner_text()
    assert "not supported" in finding.get_by_label("Reply").inner_text()
    assert "+ true" in finding.get_by_label("Difference").inner_text()
    tab.close()


def test_markdown_and_sarif_of_a_run_name_the_application_line(project, run_pytest):
    run_pytest("--llmcontract-report=it.md", "--llmcontract-report=it.sarif")

    (result,) = json.loads(project.path.joinpath("it.sarif").read_text("utf-8"))["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("app.py", 6)
    assert "`app.py:6 in ask` | `test_it.py::test_sends_what_is_refused`" in project.path.joinpath("it.md").read_text()


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "2")], ids=["here", "xdist"])
def test_on_github_a_run_annotates_once_and_writes_the_job_summary(project, monkeypatch, workers, run_pytest):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project.path / "summary.md"))

    result = run_pytest(*workers)

    result.assert_outcomes(**OUTCOMES)
    annotated = [line for line in result.outlines if line.startswith("::")]
    assert len(annotated) == 1
    assert re.match(r"::error file=app\.py,line=6,title=LLM101 [^:]+::groq chat\.completions", annotated[0])
    summary = project.path.joinpath("summary.md").read_text("utf-8")
    assert summary.count("## LLM calls") == 1
    assert "3 tests · 4 calls" in summary


def test_on_github_a_broken_budget_of_the_session_is_annotated_first(project, monkeypatch, run_pytest):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    result = run_pytest("--llmcontract-budget=calls=3")

    annotated = [line for line in result.outlines if line.startswith("::")]
    assert annotated[0] == (
        "::error file=pyproject.toml,line=1,title=LLM401 more calls than budgeted::"
        "budget of the session: 4 of 3 calls, exceeded"
    )
    assert len(annotated) == 2


def test_without_bokeh_a_page_is_refused_before_any_test_runs(project, run_pytest):
    project.makeconftest("import sys\nsys.modules['bokeh'] = None")

    result = run_pytest("--llmcontract-report=page.html")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*pip install 'pytest-llmcontract[[]report]'*"])
    assert "passed" not in result.stdout.str()
    assert not project.path.joinpath("page.html").exists()


def test_without_bokeh_other_reports_are_written(project, run_pytest):
    project.makeconftest("import sys\nsys.modules['bokeh'] = None")

    run_pytest("--llmcontract-report=it.md").assert_outcomes(**OUTCOMES)

    assert project.path.joinpath("it.md").exists()
