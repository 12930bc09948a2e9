"""Findings fail the test they belong to, whatever the application does with the errors it meets."""

from __future__ import annotations

import pytest

WORDS = [
    "*LLM101 groq chat.completions: *logprobs*",
    "*sent by*app.py:*in rate*",
    '*@pytest.mark.llm_allow("LLM101")*',
]


def test_a_swallowed_refusal_fails_the_test_in_its_call_phase(project, run_pytest):
    project.makepyfile(
        test_it="""
        from app import rate

        def test_rating(groq_api):
            assert rate("x") == "no rating"
        """
    )

    result = run_pytest("-q")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(WORDS)
    result.stdout.fnmatch_lines(["FAILED *test_rating* - *LLM101 groq chat.completions: *"])
    result.stdout.no_fnmatch_line("*plugin.py*")


def test_a_test_that_failed_anyway_shows_the_findings_beside_its_own_error(project, run_pytest):
    project.makepyfile(
        """
        from app import rate

        def test_rating(groq_api):
            assert rate("x") == "five"
        """
    )

    result = run_pytest("-q")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert 'no rating' == 'five'*", "*llmcontract*", "*LLM101*"])


def test_async_tests_and_unittest_classes_too(project, run_pytest):
    project.makepyfile(
        """
        import unittest
        import pytest
        from app import arate, rate

        async def test_async(groq_api):
            await arate("x")

        @pytest.mark.groq_api(plan="developer")
        class TestCase(unittest.TestCase):
            def test_in_class(self):
                rate("x")

        @pytest.mark.parametrize("text", ["a", "b"])
        def test_each(groq_api, text):
            rate(text)
        """
    )

    run_pytest("-q", "-o", "asyncio_mode=auto", plugins=("asyncio",)).assert_outcomes(failed=4)


def test_allowing_a_code_turns_it_into_a_note(project, run_pytest):
    project.makepyfile(
        """
        import pytest
        from app import rate

        @pytest.mark.llm_allow("LLM101")
        def test_rating(groq_api):
            assert rate("x") == "no rating"
        """
    )

    run_pytest("-q").assert_outcomes(passed=1)


def test_an_unused_script_fails_a_test_that_passed(project, run_pytest):
    project.makepyfile(
        """
        from app import summarise

        def test_one(groq_api):
            groq_api.fail("over_capacity", when="nobody says this")
            groq_api.reply("used", times=3)
            summarise("x")

        def test_failed_anyway(groq_api):
            groq_api.reply("never")
            assert False

        def test_for_ever(groq_api):
            groq_api.reply("never", times=None)
            groq_api.latency(first_token=1)
            groq_api.chaos(0.0)
        """
    )

    result = run_pytest("-q")

    result.assert_outcomes(failed=2, passed=1)
    result.stdout.fnmatch_lines(
        [
            "*LLM207 groq: groq_api.fail('over_capacity') at test_*.py:4 in test_one was never used*",
            "*LLM207 groq: groq_api.reply('used') at test_*.py:5 in test_one was used 1 times, 2 left*",
        ]
    )
    result.stdout.no_fnmatch_line("*never') at*")


def test_a_simulation_of_wider_scope_fails_the_test_during_which_it_happened(project, run_pytest):
    project.makeconftest(
        """
        import pytest
        from pytest_llmcontract import simulate

        @pytest.fixture(scope="session")
        def api():
            with simulate("groq") as api:
                yield api
        """
    )
    project.makepyfile(
        """
        from app import rate, summarise

        def test_good(api):
            summarise("x")

        def test_bad(api):
            rate("x")

        def test_good_again(api):
            summarise("x")
        """
    )

    result = run_pytest("-v")

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*test_bad FAILED*"])


def test_findings_of_setup_fail_the_call_and_those_of_teardown_are_errors(project, run_pytest):
    project.makepyfile(
        """
        import pytest
        from app import rate

        @pytest.fixture
        def early(groq_api):
            rate("x")

        @pytest.fixture
        def late(groq_api):
            yield
            rate("x")

        def test_early(early): pass
        def test_late(late): pass
        """
    )

    result = run_pytest("-v")

    result.assert_outcomes(failed=1, passed=1, errors=1)
    result.stdout.fnmatch_lines(["*test_early FAILED*", "*test_late PASSED*", "*test_late ERROR*"])


def test_xdist_workers_tell_it_too(project, run_pytest):
    project.makepyfile(
        """
        import pytest
        from app import rate, summarise

        @pytest.mark.parametrize("n", range(4))
        def test_good(groq_api, n):
            summarise("x")

        def test_bad(groq_api):
            rate("x")
        """
    )

    result = run_pytest("-q", "-n", "2", plugins=("xdist",))

    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["*LLM101 groq chat.completions*"])


@pytest.mark.parametrize("outcome", ["pytest.skip('no')", "pytest.xfail('known')"])
def test_a_test_that_skips_stays_skipped(project, outcome, run_pytest):
    project.makepyfile(
        f"""
        import pytest
        from app import rate

        def test_rating(groq_api):
            rate("x")
            {outcome}
        """
    )

    result = run_pytest("-q")

    assert result.ret == 0


def test_chaos_tells_its_seed_when_a_test_fails(project, run_pytest):
    project.makepyfile(
        """
        from app import summarise

        def test_chaos(groq_api):
            groq_api.chaos(1.0, errors=[400], seed=7)
            summarise("x")
        """
    )

    result = run_pytest("-q")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*groq_api.chaos(1, seed=7) at *struck 1 of 1 calls; the same seed repeats it*"])
