"""The same application, tested in the ways people test: unittest, markers, wide fixtures, scripts, Hypothesis."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import unittest
from datetime import datetime

import groq
import pytest
import together
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmcontract import BadInput, ContractViolation, simulate

MODEL = "openai/gpt-oss-120b"


def ask(text, client=None, **more):
    answer = (client or groq.Groq()).chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": text}], **more
    )
    return answer.choices[0].message.content


# unittest, and markers of several levels.


@pytest.mark.groq_api(plan="developer", limits={"RPM": 7})
@pytest.mark.llm_clock(start=datetime(2026, 11, 2, 8))
class TestInUnittest(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _fixtures(self, groq_api, llm_clock):
        self.api, self.clock = groq_api, llm_clock

    def test_the_class_marker_holds(self):
        self.assertEqual(self.api.account.plan, "developer")
        self.assertEqual(self.api.limits(MODEL)["RPM"].limit, 7)
        self.assertEqual(self.clock.now.isoformat(), "2026-11-02T08:00:00+00:00")
        self.api.reply("Hello!")
        self.assertEqual(ask("hi"), "Hello!")

    @pytest.mark.groq_api(limits={"RPM": 3})
    def test_the_nearest_marker_wins_and_the_others_stay(self):
        self.assertEqual(self.api.limits(MODEL)["RPM"].limit, 3)
        self.assertEqual(self.api.account.plan, "developer")

    def test_a_state_of_its_own(self):
        self.assertEqual(len(self.api.calls), 0)


@pytest.mark.groq_api
class TestWithoutAFixture(unittest.TestCase):
    def test_the_marker_alone_is_enough(self):
        self.assertTrue(ask("hi"))


class TestInIsolatedAsyncio(unittest.IsolatedAsyncioTestCase):
    @pytest.fixture(autouse=True)
    def _fixtures(self, groq_api, llm_clock):
        self.api, self.clock = groq_api, llm_clock

    async def test_it_waits_in_virtual_time(self):
        self.api.fail("rate_limit_exceeded", retry_after=30)
        await groq.AsyncGroq().chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x"}])
        self.assertEqual(self.clock.elapsed, 30)


def test_module_class_and_test_markers_merge(pytester, run_pytest):
    pytester.makepyfile(
        """
        import pytest

        pytestmark = [pytest.mark.groq_api(plan="developer", edition="2026-06-04"), pytest.mark.together_api(tier=2)]

        def test_module(groq_api, together_api):
            assert (groq_api.account.plan, str(groq_api.edition.date)) == ("developer", "2026-06-04")
            assert together_api.account.tier == 2

        @pytest.mark.groq_api(plan="free")
        @pytest.mark.together_api(tier=3)
        class TestClass:
            def test_class(self, groq_api, together_api):
                assert (groq_api.account.plan, str(groq_api.edition.date)) == ("free", "2026-06-04")
                assert together_api.account.tier == 3

            @pytest.mark.groq_api(edition="2026-10-01")
            @pytest.mark.together_api(tier=5)
            def test_own(self, groq_api, together_api):
                assert (groq_api.account.plan, str(groq_api.edition.date)) == ("free", "2026-10-01")
                assert together_api.account.tier == 5

        @pytest.mark.parametrize("groq_api", [{"plan": "free"}, {"limits": {"RPM": 2}}], indirect=True, ids=str)
        def test_indirect(groq_api):
            assert str(groq_api.edition.date) == "2026-06-04"
            assert groq_api.account.plan == "free" or groq_api.limits("openai/gpt-oss-20b")["RPM"].limit == 2
        """
    )

    run_pytest("-q").assert_outcomes(passed=5)


@pytest.mark.parametrize(
    ("groq_api", "plan"), [({"plan": "free"}, "free"), ({"plan": "developer"}, "developer")], indirect=["groq_api"]
)
def test_indirect_beside_other_parameters(groq_api, plan):
    assert groq_api.account.plan == plan


# Fixtures of wider scope.

WIDE = """
import groq, pytest, together
from pytest_llmcontract import simulate

def ask():
    answer = groq.Groq().chat.completions.create(
        model="openai/gpt-oss-120b", messages=[{"role": "user", "content": "x"}])
    return answer.choices[0].message.content

@pytest.fixture(scope="session")
def session_api():
    with simulate("groq", plan="developer") as api:
        yield api

@pytest.fixture(scope="module")
def module_api():
    with simulate("together") as api:
        yield api

@pytest.fixture(scope="class")
def class_api():
    with simulate("groq", limits={"RPM": 9}) as api:
        yield api
"""


def test_fixtures_of_every_scope_share_a_clock_and_the_innermost_answers(pytester, run_pytest):
    pytester.makepyfile(
        WIDE
        + """
class TestIt:
    def test_the_session_answers(self, session_api):
        session_api.reply("from the session")
        assert ask() == "from the session"

    def test_a_narrower_one_answers_instead(self, session_api, groq_api):
        before = len(session_api.calls)
        groq_api.reply("from the test")
        assert ask() == "from the test"
        assert len(session_api.calls) == before

    def test_afterwards_the_session_answers_again(self, session_api, module_api):
        session_api.reply("again")
        assert ask() == "again"
        together.Together().chat.completions.create(
            model="openai/gpt-oss-120b", messages=[{"role": "user", "content": "x"}])
        assert len(module_api.calls) == 1

    def test_elapsed_counts_from_the_beginning_of_each_test(self, session_api, llm_clock):
        assert llm_clock.elapsed == 0
        llm_clock.advance(hours=1)
        assert llm_clock.elapsed == 3600

    def test_and_again(self, session_api, llm_clock, llm_calls):
        assert (llm_clock.elapsed, llm_clock.slept, len(llm_calls)) == (0, 0, 0)
        session_api.fail("rate_limit_exceeded", retry_after=5)
        ask()
        assert (llm_clock.elapsed, llm_clock.slept, llm_calls.statuses) == (5, 5, [429, 200])

class TestClass:
    def test_class(self, class_api):
        assert class_api.limits("openai/gpt-oss-20b")["RPM"].limit == 9
        ask()

    def test_the_class_goes_on(self, session_api, class_api):
        assert len(class_api.calls) == 1
        ask()
        assert len(class_api.calls) == 2

def test_after_the_class(session_api):
    before = len(session_api.calls)
    ask()
    assert len(session_api.calls) == before + 1
"""
    )

    run_pytest("-q").assert_outcomes(passed=8)


@pytest.mark.parametrize("option", [["--llmcontract-edition=2026-06-30"], ["-o", "llmcontract_edition=2026-06-30"]])
def test_the_sessions_edition_holds_for_simulate_too(pytester, run_pytest, option):
    pytester.makepyfile(
        """
        from pytest_llmcontract import simulate

        def test_it(groq_api):
            with simulate("groq") as inner, simulate("groq", edition="2026-10-01") as named:
                assert str(inner.edition.date) == str(groq_api.edition.date) == "2026-06-04"
                assert str(named.edition.date) == "2026-10-01"
        """
    )

    run_pytest("-q", *option).assert_outcomes(passed=1)


def test_a_clock_that_a_wider_simulation_runs_cannot_be_set_otherwise(pytester, run_pytest):
    pytester.makepyfile(
        WIDE
        + """
@pytest.mark.llm_clock(mode="real")
def test_it(session_api, groq_api): pass

@pytest.mark.llm_clock(mode="virtual")
def test_other(session_api, groq_api): pass
"""
    )

    result = run_pytest("-q")

    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(
        ["llmcontract: llm_clock: a simulation of wider scope runs the clock already*::test_it)"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


# simulate() itself.


def test_the_innermost_simulation_answers():
    with simulate("groq") as outer, simulate("together") as other:
        with simulate("groq", plan="developer") as inner:
            inner.reply("inner")
            assert ask("x") == "inner"
            assert inner.clock is outer.clock is other.clock
            inner.clock.advance(minutes=1)
        outer.reply("outer")
        assert ask("x") == "outer"
        assert outer.clock.elapsed == 60
        assert (len(outer.calls), len(inner.calls), len(other.calls)) == (1, 1, 0)


def test_leaving_raises_what_was_found():
    def swallow():
        with pytest.raises(groq.BadRequestError):
            ask("x", extra_body={"logprobs": True})

    with pytest.raises(ContractViolation, match="LLM101 groq chat.completions: .*logprobs"), simulate("groq"):
        swallow()
    with simulate("groq", check=False) as api:
        swallow()
    assert [violation.code for violation in api.calls.last.violations] == ["LLM101"]


def test_leaving_raises_for_a_script_that_nobody_used():
    with pytest.raises(ContractViolation, match="LLM207"), simulate("groq") as api:
        api.reply("never")


def test_an_error_of_the_block_is_not_replaced():
    with pytest.raises(KeyError), simulate("groq") as api:
        api.reply("never")
        raise KeyError("mine")


def test_a_typo_says_what_is_accepted():
    with pytest.raises(BadInput, match="accepted: groq, together"), simulate("grok"):
        pass
    with pytest.raises(BadInput, match="accepted: developer, free"), simulate("groq", plan="gold"):
        pass


def test_a_script_of_its_own_needs_no_pytest(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys
            from time import sleep
            import groq
            from pytest_llmcontract import simulate

            with simulate("groq") as api:
                api.fail("rate_limit_exceeded", retry_after=50)
                api.reply("Hello!")
                answer = groq.Groq().chat.completions.create(
                    model="openai/gpt-oss-20b", messages=[{"role": "user", "content": "hi"}])
                print(answer.choices[0].message.content, api.calls.statuses, api.clock.slept)
            assert "pytest" not in sys.modules, "imports pytest"
            """
        )
    )

    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Hello! [429, 200] 50.0\n"


def test_a_script_that_breaks_the_contract_ends_in_the_violation(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import groq
            from pytest_llmcontract import simulate

            with simulate("groq"):
                try:
                    groq.Groq().chat.completions.create(
                        model="openai/gpt-oss-20b", messages=[{"role": "user", "content": "hi"}], logprobs=True)
                except groq.BadRequestError:
                    pass
            """
        )
    )

    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, check=False)

    assert done.returncode == 1
    assert "ContractViolation: LLM101 groq chat.completions" in done.stderr
    assert "script.py:7" in done.stderr


# Hypothesis.


@settings(max_examples=25)
@given(text=st.text(min_size=1, max_size=200), answer=st.text(min_size=1, max_size=50))
def test_any_text_goes_there_and_back(text, answer):
    with simulate("groq") as api:
        api.reply(answer)
        assert ask(text) == answer
        assert api.calls.last.request.json["messages"][0]["content"] == text


@settings(max_examples=25)
@given(pieces=st.lists(st.text(min_size=1), min_size=1, max_size=8))
def test_any_pieces_come_in_their_order(pieces):
    with simulate("together") as api:
        api.reply(pieces)
        stream = together.Together().chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "x"}], stream=True
        )
        said = [chunk.choices[0].delta.content for chunk in stream if chunk.choices]
        assert [piece for piece in said if piece] == pieces


@settings(max_examples=15)
@given(wait=st.floats(min_value=0.5, max_value=59), times=st.integers(min_value=1, max_value=2))
def test_any_wait_is_kept(wait, times):
    with simulate("groq") as api:
        api.fail("rate_limit_exceeded", retry_after=wait, times=times)
        ask("x")
        assert api.clock.slept == sum(call.reply.retry_after for call in api.calls[:times])
