"""What a person gets wrong in a marker, a flag or a script: the message names it, its place and what is accepted."""

from __future__ import annotations

import pytest

ERRORS = {
    "plan": ('@pytest.mark.groq_api(plan="fre")', "unknown plan of groq_api 'fre'; accepted: developer, free.*free"),
    "keyword": ("@pytest.mark.groq_api(plann=1)", "unknown argument of groq_api 'plann'; accepted: edition, hosts"),
    "positional": ('@pytest.mark.groq_api("free")', "only keywords are accepted: groq_api\\(\\*, plan="),
    "tier": ("@pytest.mark.together_api(tier=7)", "unknown tier of together_api 7; accepted: 0, 1, 2, 3, 4, 5"),
    "edition": ('@pytest.mark.groq_api(edition="June")', "edition 'June' is no date; expected YYYY-MM-DD"),
    "old edition": ('@pytest.mark.groq_api(edition="2020-01-01")', "no groq edition is as old as 2020-01-01"),
    "limit": ('@pytest.mark.groq_api(limits={"TPX": 1})', "unknown limit in limits= 'TPX'; accepted: ASD, ASH"),
    "limit value": ('@pytest.mark.groq_api(limits={"TPM": -1})', "expected a positive number"),
    "model field": ('@pytest.mark.groq_api(models={"m": {"contxt": 1}})', "unknown field of model 'm' 'contxt'"),
    "clock mode": ('@pytest.mark.llm_clock(mode="fast")', "unknown mode of llm_clock 'fast'; accepted: real, virtual"),
    "clock start": ('@pytest.mark.llm_clock(start="now")', "start of llm_clock is 'now'; accepted is a datetime"),
    "allow": ('@pytest.mark.llm_allow("LLM999")', "unknown code 'LLM999'.*; accepted: LLM101"),
    "balance": ('@pytest.mark.together_api(balance="much")', "balance: 'much' is no amount of dollars"),
    "spend limit": ("@pytest.mark.groq_api(spend_limit=5)", "spend_limit needs plan='developer'"),
}


@pytest.mark.parametrize(("marker", "words"), ERRORS.values(), ids=ERRORS)
def test_a_marker_with_a_typo_is_that_tests_setup_error(pytester, run_pytest, marker, words):
    pytester.makepyfile(f"import pytest\n{marker}\ndef test_it(llm_calls): pass\ndef test_other(groq_api): pass")

    result = run_pytest()

    result.assert_outcomes(errors=1, passed=1)
    result.stdout.re_match_lines([f".*{words}.*"])
    result.stdout.fnmatch_lines(["*(*marker * at *test_it*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_indirect_parameters_are_checked_like_markers(pytester, run_pytest):
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("groq_api", [{"plan": "developer"}, {"plan": "fre"}, "free"], indirect=True)
        def test_plan(groq_api):
            assert groq_api.account.plan == "developer"
        """
    )

    result = run_pytest()

    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(
        ["*unknown plan of groq_api 'fre'*", "*groq_api through indirect=True takes a dict of keywords, not 'free'*"]
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--llmcontract-edition=June"], "*--llmcontract-edition = 'June' is no date; accepted is YYYY-MM-DD*"),
        (["--llmcontract-edition=2001-01-01"], "*--llmcontract-edition = '2001-01-01': the first groq edition is*"),
        (["--llmcontract-guard=on"], "*invalid choice: 'on' (choose from*fixture*always*off*"),
        (
            ["-o", "llmcontract_guard=on"],
            "*llmcontract_guard = 'on' (ini): accepted are fixture, always, network, off*",
        ),
    ],
)
def test_a_flag_or_ini_key_with_a_typo_stops_the_session(pytester, run_pytest, arguments, words):
    pytester.makepyfile("def test_it(): pass")

    result = run_pytest(*arguments)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([words])


CALLS = {
    "error name": (
        'groq_api.fail("over_capacty")',
        r"unknown groq error 'over_capacty'\. Did you mean 'over_capacity'\?.* accepted: ",
    ),
    "status": ("groq_api.fail(418)", r"unknown groq error status 418; accepted: 400, 401"),
    "fail limit": ('groq_api.fail(429, limit="TPX")', r"no such limit; accepted: RPM, RPD"),
    "times": ('groq_api.reply("x", times=0)', r"times=0; accepted: a number of calls from 1, or None"),
    "cut": ('groq_api.cut_stream(how="bang")', r"how='bang'\) is not known; accepted: disconnect, error_event"),
    "when": ("groq_api.reply(when=5)", r"when=5 is not understood"),
    "rate": ("groq_api.chaos(2)", r"accepted is a share between 0 and 1"),
    "tool call": ('groq_api.reply(tool_calls=[{"nam": "x"}])', r"is not understood; accepted: \{'name': …"),
    "usage": ('groq_api.reply(usage={"tokens": 1})', r"unknown key of reply\(usage=\) 'tokens'.*accepted: "),
    "exhaust": ('groq_api.exhaust("TPX")', r"limit 'TPX' is not known; accepted: RPM"),
    "exhaust model": ('groq_api.exhaust("TPM", model="gpt-5")', r"unknown groq model 'gpt-5'; accepted"),
    "no such limit": ('groq_api.exhaust("ASH", model="openai/gpt-oss-20b")', r"unknown limit of openai/gpt-oss-20b"),
    "negative": ('groq_api.use("TPM", -5)', r"accepted is a number from 0"),
    "back in time": ("groq_api.clock.advance(seconds=-1)", r"cannot go back in time"),
    "latency": ("groq_api.latency(first_token=-1)", r"accepted is a number from 0"),
}


@pytest.mark.parametrize(("call", "words"), CALLS.values(), ids=CALLS)
def test_a_call_with_a_typo_says_what_is_accepted(groq_api, call, words):
    with pytest.raises(ValueError, match=words):
        eval(call, {"groq_api": groq_api})
