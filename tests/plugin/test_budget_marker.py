"""``llm_budget`` in real pytest runs, with real SDKs: which markers win, what fails, what is said."""

from __future__ import annotations

import pytest

HEAD = """
import groq, pytest, together
from app import summarise

pytestmark = pytest.mark.groq_api(edition="2026-06-04")
"""


@pytest.fixture
def run(project, run_pytest):
    """Run pytest on the tests given."""

    def run(tests, *options, plugins=()):
        project.makepyfile(test_it=HEAD + tests)
        return run_pytest(*options, plugins=plugins)

    return run


def test_a_budget_that_is_exceeded_fails_the_test_and_says_where_and_how_to_fix_it(run):
    result = run(
        """
@pytest.mark.llm_budget(calls=2)
def test_too_many(groq_api):
    for text in ("a", "b", "c"):
        summarise(text)

@pytest.mark.llm_budget(calls=3, tokens="6K", cost="0.002", retries=0, seconds=1, share=0.5,
                        fits="groq/free", per_day=100, per_minute=2, output=200)
def test_within(groq_api):
    summarise("a")
"""
    )

    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "LLM401 budget: 3 of 2 calls, exceeded at call 3, t = 0.0 s",
            "*sent *3 calls",
            "*sent by *app.py:* in summarise",
            "*or allow more: calls= of marker llm_budget at test_it.py::test_too_many",
            '*@pytest.mark.llm_allow("LLM401")*',
            "FAILED *test_too_many - *LLM401 budget: 3 of 2 calls*",
        ]
    )


def test_markers_of_module_class_and_test_merge_and_the_nearest_wins(run):
    result = run(
        """
pytestmark = [pytestmark, pytest.mark.llm_budget(calls=1, tokens=10)]

class TestIt:
    pytestmark = pytest.mark.llm_budget(tokens=10_000)

    def test_of_class(self, groq_api):
        summarise("a")

    def test_of_module(self, groq_api):
        summarise("a")
        summarise("b")

    @pytest.mark.llm_budget(calls=None)
    def test_lifted(self, groq_api):
        summarise("a")
        summarise("b")

    @pytest.mark.llm_budget(tokens=11)
    def test_of_test(self, groq_api):
        summarise("a")
""",
        "-v",
    )

    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        ["*test_of_class PASSED*", "*test_of_module FAILED*", "*test_lifted PASSED*", "*test_of_test FAILED*"]
    )
    result.stdout.fnmatch_lines(["LLM402 budget: * of 11 tokens, exceeded at call 1, t = 0.0 s"])
    # Who wants to allow more is led to the one marker that counts.
    result.stdout.fnmatch_lines(
        [
            "*or allow more: calls= of marker llm_budget at test_it.py",
            "*or allow more: tokens= of marker llm_budget at test_it.py::TestIt::test_of_test",
        ]
    )


def test_each_typo_is_the_setup_error_of_its_test_with_its_place(run):
    result = run(
        """
@pytest.mark.llm_budget(call=1)
def test_keyword(groq_api): pass

@pytest.mark.llm_budget(1)
def test_positional(groq_api): pass

@pytest.mark.llm_budget(share="half")
class TestClass:
    def test_value(self, groq_api): pass

@pytest.mark.llm_budget(fits="groq/fre")
def test_plan(groq_api): pass
"""
    )

    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines(
        [
            "llmcontract: unknown argument of llm_budget 'call'; accepted: calls, cost, *Did you mean 'calls'? "
            "(marker llm_budget at test_it.py::test_keyword)",
            "llmcontract: llm_budget(1,): only keywords*: llm_budget(*, calls=None, *",
            "llmcontract: llm_budget(share=) is 'half'; expected a number * "
            "(marker llm_budget at test_it.py::TestClass)",
            "llmcontract: unknown plan in llm_budget(fits=) 'groq/fre'; accepted: groq/developer, groq/free. *",
        ]
    )
    result.stdout.no_fnmatch_line("*plugin.py*")


def test_allowing_the_code_makes_a_note_of_it(run):
    result = run(
        """
@pytest.mark.llm_budget(calls=0)
@pytest.mark.llm_allow("LLM401")
def test_allowed(groq_api):
    summarise("a")
""",
        "-rP",
    )

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["LLM401 budget: 1 of 0 calls, exceeded at call 1*"])


def test_a_test_that_failed_anyway_tells_its_budget_too(run):
    result = run(
        """
@pytest.mark.llm_budget(calls=0)
def test_fails(groq_api):
    summarise("a")
    assert 0
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*assert 0*", "LLM401 budget: 1 of 0 calls*", "FAILED *test_fails - assert 0 (LLM401)"]
    )


def test_retries_of_the_sdk_and_waiting_are_counted(run):
    result = run(
        """
@pytest.mark.llm_budget(retries=1)
def test_retries(groq_api):
    groq_api.fail("over_capacity", times=2)
    summarise("a")

@pytest.mark.llm_budget(seconds=10)
def test_waits(groq_api):
    groq_api.fail(429, retry_after=20)
    summarise("a")
"""
    )

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "LLM406 budget: 2 of 1 retry, exceeded at call 3, t = *",
            "LLM407 budget: 20.0 of 10 s, exceeded at call 2, t = 20.0 s",
        ]
    )


def test_both_providers_count_in_order(run):
    result = run(
        """
@pytest.mark.llm_budget(calls=1)
def test_falls_back(groq_api, together_api):
    groq_api.fail("flex_capacity_exceeded")
    together_api.reply("From the other side.")
    assert summarise("a") == "From the other side."
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["LLM401 budget: 2 of 1 call, exceeded at call 2*", "*sent by *app.py:* in summarise"])


def test_calls_of_fixtures_and_of_simulate_in_the_test_count(run):
    result = run(
        """
from pytest_llmcontract import simulate

@pytest.fixture
def warm(groq_api):
    summarise("warm up")

@pytest.mark.llm_budget(calls=1)
def test_fixture(warm):
    summarise("a")

@pytest.mark.llm_budget(calls=1)
def test_inside():
    for _ in range(2):
        with simulate("groq"):
            summarise("a")
"""
    )

    result.assert_outcomes(failed=2)
    assert result.stdout.str().count("LLM401 budget: 2 of 1 call, exceeded at call 2, t = 0.0 s") >= 2


def test_a_simulation_of_wider_scope_is_held_test_by_test(run):
    result = run(
        """
from pytest_llmcontract import simulate

@pytest.fixture(scope="module")
def api():
    with simulate("groq") as api:
        yield api

@pytest.mark.llm_budget(calls=1, seconds=5)
@pytest.mark.parametrize("n", range(3))
def test_one(api, n):
    summarise("a")
    api.clock.advance(seconds=4)

@pytest.mark.llm_budget(calls=1)
def test_two(api):
    summarise("a")
    api.clock.advance(seconds=4)
    summarise("b")
"""
    )

    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["LLM401 budget: 2 of 1 call, exceeded at call 2, t = 4.0 s"])


def test_output_is_what_made_up_completions_count_and_nothing_else(run):
    result = run(
        """
def ask(**fields):
    messages = [{"role": "user", "content": "Hello"}]
    return groq.Groq().chat.completions.create(model="openai/gpt-oss-120b", messages=messages, **fields).usage

@pytest.mark.llm_budget(output=500)
def test_made_up(groq_api):
    before = groq_api.limits("openai/gpt-oss-120b")["TPM"].used
    usage = ask()
    assert usage.completion_tokens == 500
    assert groq_api.limits("openai/gpt-oss-120b")["TPM"].used - before == usage.total_tokens
    assert groq_api.calls.last.usage.source == "assumed"
    assert ask(max_completion_tokens=100).completion_tokens == 100

@pytest.mark.llm_budget(output=500)
def test_scripted(groq_api):
    groq_api.reply("Short.")
    assert ask().completion_tokens < 50
    groq_api.reply("x", usage={"completion_tokens": 7})
    assert ask().completion_tokens == 7

def test_after_it(groq_api):
    assert ask().completion_tokens < 50
"""
    )

    result.assert_outcomes(passed=3)


def test_a_budget_without_any_call_is_kept(run):
    run(
        """
pytestmark = pytest.mark.llm_budget(calls=0, tokens=0, cost=0, share=0, seconds=0, fits="together/tier1", per_day=9)

def test_no_simulation(): pass
@pytest.mark.groq_api
def test_no_call(groq_api): pass
"""
    ).assert_outcomes(passed=2)


def test_unittest_classes_and_async_tests_have_budgets_too(run):
    result = run(
        """
import unittest

@pytest.mark.groq_api
@pytest.mark.llm_budget(calls=0)
class TestCase(unittest.TestCase):
    def test_in_class(self):
        summarise("a")

@pytest.mark.asyncio
@pytest.mark.llm_budget(calls=0)
async def test_async(groq_api):
    messages = [{"role": "user", "content": "Hello"}]
    await groq.AsyncGroq().chat.completions.create(model="openai/gpt-oss-120b", messages=messages)
""",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
        plugins=("asyncio",),
    )

    result.assert_outcomes(failed=2)
    assert result.stdout.str().count("\nLLM401 budget: 1 of 0 calls, exceeded at call 1") == 2
