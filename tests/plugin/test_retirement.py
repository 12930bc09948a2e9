"""LLM108: a model that retires soon is a warning, told in the test's report and once at the end; nothing fails."""

from __future__ import annotations

import pytest

APP = '''
import groq

def ask(model="llama-3.3-70b-versatile"):
    """That model is retired on 2026-08-16."""
    return groq.Groq().chat.completions.create(model=model, messages=[{"role": "user", "content": "Hi"}])
'''

HEAD = """
from datetime import UTC, datetime
import groq, pytest
from app import ask

def at(day):
    return pytest.mark.llm_clock(start=datetime.fromisoformat(day + "T12:00+00:00"))

pytestmark = pytest.mark.groq_api(edition="2026-06-04")
"""

WARNING = "LLM108 groq chat.completions: the model 'llama-3.3-70b-versatile' retires on 2026-08-16"


@pytest.fixture
def run(pytester, run_pytest):
    """Run pytest on the tests given, with ini lines and options."""

    def run(tests, *options, ini=(), plugins=()):
        pytester.makepyfile(app=APP, test_it=HEAD + tests)
        pytester.makeini("\n".join(["[pytest]", *ini]))
        return run_pytest(*options, plugins=plugins)

    return run


def test_it_warns_in_the_report_and_once_at_the_end(run):
    result = run(
        """
@at("2026-07-17")
def test_first(): ask()

@at("2026-08-15")
def test_second():
    ask()
    ask()
""",
        "-rP",
    )

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "*test_first*",
            "*llmcontract*",
            WARNING,
            "*sent *llama-3.3-70b-versatile on 2026-07-17, 30 days before",
            "*test_second*",
            f"{WARNING} (calls 1, 2 of 2)",
            "*sent *on 2026-08-15, 1 day before",
            "=* llmcontract =*",
            WARNING,
            "*in *test_it.py::test_first and 1 more test",
            "*sent by *app.py:5 in ask",
            "*How to fix: groq recommends openai/gpt-oss-120b or qwen/qwen3.6-27b;",
        ]
    )
    assert result.stdout.str().count(WARNING) == 3


def test_it_says_nothing_before_nor_of_other_models(run):
    result = run(
        """
@at("2026-07-16")
def test_early(): ask()

@at("2026-08-15")
def test_current(): ask("openai/gpt-oss-120b")

@at("2026-08-15")
def test_looking_is_no_use():
    groq.Groq().models.retrieve("llama-3.3-70b-versatile")
    groq.Groq().models.list()

@at("2026-08-16")
@pytest.mark.llm_allow("LLM104")
def test_too_late():
    with pytest.raises(groq.NotFoundError):
        ask()
"""
    )

    result.assert_outcomes(passed=4)
    result.stdout.no_fnmatch_line("*LLM108*")
    result.stdout.no_fnmatch_line("=* llmcontract =*")


TESTS = """
@at("2026-08-01")
def test_far(): ask()

@at("2026-08-13")
def test_near(): ask()
"""


@pytest.mark.parametrize(("days", "told"), [(0, []), (3, ["near"]), (15, ["far", "near"])])
def test_how_many_days_before_is_configurable(run, days, told):
    result = run(TESTS, "-rP", ini=[f"llmcontract_retires_within = {days}"])

    result.assert_outcomes(passed=2)
    # Once in each test's report, once in the summary.
    assert result.stdout.str().count(WARNING) == (len(told) + 1 if told else 0)
    if told:
        result.stdout.fnmatch_lines([f"*in *test_it.py::test_{told[0]}*"])


def test_simulations_of_wider_scope_follow_it_too(run, pytester):
    pytester.makeconftest(
        """
        import pytest
        from pytest_llmcontract import simulate

        @pytest.fixture(scope="session")
        def api():
            with simulate("groq", edition="2026-06-04") as api:
                api.clock.advance(days=60)
                yield api
        """
    )
    tests = "del pytestmark\ndef test_one(api): ask()\ndef test_two(api): ask()\n"

    told = run(tests)
    told.assert_outcomes(passed=2)
    told.stdout.fnmatch_lines([WARNING, "*test_one and 1 more test*"])
    run(tests, ini=["llmcontract_retires_within = 0"]).stdout.no_fnmatch_line("*LLM108*")


def test_a_test_that_fails_or_allows_it(run):
    result = run(
        """
@at("2026-08-01")
def test_fails():
    ask()
    assert 0

@at("2026-08-01")
@pytest.mark.llm_allow("LLM108")
def test_allows(): ask("llama-3.1-8b-instant")
"""
    )

    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["*assert 0*", "=* llmcontract =*", WARNING, "*in *test_fails"])
    result.stdout.no_fnmatch_line("*LLM108*llama-3.1-8b*")


def test_workers_of_xdist_tell_the_session_too(run):
    pytest.importorskip("xdist")
    result = run(
        """
@at("2026-08-01")
@pytest.mark.parametrize("n", range(4))
def test_each(n): ask()
""",
        "-n2",
        plugins=("xdist",),
    )

    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["=* llmcontract =*", WARNING, "*test_each* and 3 more tests"])
    assert result.stdout.str().count(WARNING) == 1


@pytest.mark.parametrize("value", ["soon", "-1", "1.5", "999999"])
def test_a_wrong_number_of_days_stops_pytest(run, value):
    result = run("", ini=[f"llmcontract_retires_within = {value}"])

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*llmcontract_retires_within = '{value}' (ini): accepted is a number of days*"])
