"""What a session writes and is held to: here, over workers of pytest-xdist, and when one of them dies."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from decimal import Decimal

import jsonschema
import pytest

from pytest_llmcontract.core.facts.places import find_schemas
from pytest_llmcontract.report.document import LedgerDocument

TESTS = """
import os
import pytest
from app import rate, summarise

def test_plain(): pass

@pytest.mark.parametrize("n", range(12))
def test_each(groq_api, n):
    summarise("word " * n)

def test_dies(groq_api):
    summarise("a")
    if os.environ.get("DIES"):
        os._exit(3)

@pytest.mark.llm_budget(calls=5)
def test_swallowed(groq_api, together_api):
    groq_api.fail("flex_capacity_exceeded")
    together_api.reply("From the other side.", usage={"prompt_tokens": 100, "completion_tokens": 50})
    summarise("a")
    rate("with a key: gsk_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789")

@pytest.mark.llm_allow("LLM101")
def test_allowed(groq_api):
    rate("x")
"""


@pytest.fixture(autouse=True)
def _not_on_github(monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


@pytest.fixture
def session(project):
    project.makepyfile(test_it=TESTS)
    return project


def ledger_of(project, name="ledger.json"):
    """The ledger as it was written, which conforms to the published schema."""
    text = project.path.joinpath(name).read_text("utf-8")
    schema = json.loads((find_schemas() / "llmcontract" / "ledger.schema.json").read_text("utf-8"))
    jsonschema.validate(json.loads(text), schema)
    return LedgerDocument.model_validate_json(text)


def test_workers_and_one_process_give_the_same_ledger_to_the_last_digit(session, run_pytest):
    ledgers = {}
    for workers in ("0", "2"):
        result = run_pytest("-n", workers, f"--llmcontract-report={workers}.json", plugins=("xdist",))
        result.assert_outcomes(passed=15, failed=1)
        ledgers[workers] = ledger_of(session, f"{workers}.json")
    here, shared = ledgers["0"], ledgers["2"]

    assert here.totals == shared.totals
    assert here.totals.calls == 17
    assert here.totals.cost == sum(call.cost for call in here.calls) > Decimal(0)
    assert {test.id for test in here.tests} == {test.id for test in shared.tests}
    assert {test.worker for test in here.tests} == {""}
    assert {test.worker for test in shared.tests} == {"gw0", "gw1"}
    assert "test_it.py::test_plain" not in {test.id for test in here.tests}
    assert here.editions == {"groq": ("2026-10-01",), "together": ("2026-10-07",)}


def test_a_finding_has_what_was_sent_answered_and_expected_and_no_key(session, run_pytest):
    run_pytest("--llmcontract-report=ledger.json", "-k", "swallowed or allowed")
    ledger = ledger_of(session)

    error, note = ledger.violations
    assert (error.code, error.severity, note.severity) == ("LLM101", "error", "note")
    call = ledger.calls[error.call]
    assert (call.provider, call.status, call.error, call.site) == ("groq", 400, "bad_request", error.site)
    assert ledger.tests[error.test].outcome == "failed"
    assert ledger.tests[note.test].outcome == "passed"
    assert '"logprobs":true' in error.request.replace(" ", "")
    assert "not supported" in error.reply
    assert "$.logprobs" in error.difference
    assert "gsk_" not in session.path.joinpath("ledger.json").read_text("utf-8")
    assert "with a key: ***" in error.request
    assert [(line.name, line.used, line.limit, line.ok) for line in ledger.budgets] == [("calls", 3, 5, True)]


def test_what_a_call_was_is_in_its_entry(session, run_pytest):
    session.makepyfile(
        test_it="""
        from app import summarise

        def test_limit(groq_api):
            groq_api.exhaust("TPM")
            groq_api.reply("Short.", usage={"prompt_tokens": 500, "completion_tokens": 20})
            summarise("a")
        """
    )
    run_pytest("--llmcontract-report=ledger.json")
    refused, answered = ledger_of(session).calls

    assert (refused.status, refused.error, refused.refused.limit) == (429, "rate_limit_exceeded", "TPM")
    assert refused.limits["TPM"] == (8_000, 8_000)
    assert refused.usage.input_tokens == 0
    assert (answered.attempt, answered.at, answered.refused) == (2, refused.retry_after, None)
    assert (answered.usage.input_tokens, answered.usage.source) == (500, "scripted")
    assert answered.limits["RPM"][0] > 0
    assert (answered.plan, answered.client[:12], answered.scripted) == ("free", "groq-python ", True)


def test_a_worker_that_dies_loses_nothing_that_was_reported(session, monkeypatch, run_pytest):
    monkeypatch.setenv("DIES", "1")
    result = run_pytest(
        "-n", "2", "--llmcontract-report=ledger.json", "--llmcontract-budget=calls=100", plugins=("xdist",)
    )
    ledger = ledger_of(session)

    assert result.ret == 1
    (crashed,) = [test for test in ledger.tests if test.outcome == "crashed"]
    assert crashed.id == "test_it.py::test_dies"
    assert crashed.worker in ("gw0", "gw1")
    assert len(ledger.tests) == 15
    assert ledger.totals.calls == 16
    result.stdout.fnmatch_lines(["used    16 calls in 15 tests (2 failed), * tokens, $*", "budget  calls: 16 of 100"])


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_session_over_its_budget_does_not_pass(session, workers, run_pytest):
    options = ("-n", workers, "-k", "each", "--llmcontract-budget=cost=0.0001,tokens=1M")

    result = run_pytest(*options, plugins=("xdist",))

    result.assert_outcomes(passed=12)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "=* llmcontract =*",
            "used    12 calls in 12 tests, * tokens, $0.000*",
            "budget  cost: $0.000* of $0.0001, exceeded",
            "        tokens: * of 1,000,000",
            "LLM403 budget of the session: $0.000* of $0.0001, exceeded",
        ]
    )


def test_the_ini_key_does_the_same_and_the_flag_goes_before_it(session, run_pytest):
    session.makeini("[pytest]\nllmcontract_budget = calls=1\nllmcontract_report = out/a.json out/b.md\n")

    assert run_pytest("-k", "each").ret == 1
    assert ledger_of(session, "out/a.json").totals.calls == 12
    assert session.path.joinpath("out", "b.md").exists()
    other = run_pytest("-k", "each", "--llmcontract-budget=calls=12", "--llmcontract-report=c.json")
    assert other.ret == 0
    assert ledger_of(session, "c.json").budgets[0].limit == 12


@pytest.mark.parametrize("options", [("--no-summary",), ("-p", "no:terminal")], ids=str)
def test_a_broken_budget_is_told_where_there_is_no_summary(session, options, run_pytest):
    result = run_pytest("-k", "each", "--llmcontract-budget=calls=1", *options)

    assert result.ret == 1
    result.stdout.fnmatch_lines(["llmcontract: LLM401 budget of the session: 12 of 1 calls, exceeded"])


def test_only_collecting_leaves_the_reports_of_the_last_run_alone(session, run_pytest):
    session.path.joinpath("ledger.json").write_text("of the last run")

    result = run_pytest("--collect-only", "--llmcontract-report=ledger.json", "--llmcontract-budget=calls=9")

    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("=* llmcontract =*")
    assert session.path.joinpath("ledger.json").read_text() == "of the last run"


def test_a_session_that_nobody_asks_about_says_nothing(session, run_pytest):
    result = run_pytest("-q", "-k", "each or plain")

    result.assert_outcomes(passed=13)
    result.stdout.no_fnmatch_line("=* llmcontract =*")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (
            "--llmcontract-report=a.txt",
            "--llmcontract-report: *a.txt: unknown suffix '.txt'; accepted: .json, *",
        ),
        ("--llmcontract-report=test_it.py/a.json", "--llmcontract-report: cannot write *test_it.py/a.json: *"),
        ("--llmcontract-budget=cost=cheap", "--llmcontract-budget: cost is 'cheap'; expected a number*"),
        ("--llmcontract-budget=price=1", "unknown budget in --llmcontract-budget 'price'; accepted: calls, *"),
    ],
)
def test_what_is_not_accepted_stops_pytest_before_any_test(session, option, words, run_pytest):
    result = run_pytest(option)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{words}"])
    result.stdout.no_fnmatch_line("*passed*")


def test_a_page_without_its_library_stops_pytest_before_any_test(session, run_pytest):
    session.makeconftest("import sys\nsys.modules['bokeh'] = None\n")
    session.makeini("[pytest]\naddopts = -p conftest\npythonpath = .\n")

    result = run_pytest("--llmcontract-report=a.html")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*an .html report needs Bokeh: pip install 'pytest-llmcontract[[]report]'*"])


def test_a_report_that_can_no_more_be_written_is_told_and_fails_the_session(session, run_pytest):
    session.makepyfile(
        test_it="""
        from pathlib import Path
        from app import summarise

        def test_it(groq_api):
            summarise("a")
            Path("out.json").mkdir()
        """
    )

    result = run_pytest("--llmcontract-report=out.json", "--llmcontract-report=b.json")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["cannot write *out.json: Is a directory"])
    assert ledger_of(session, "b.json").totals.calls == 1
    assert [path.name for path in session.path.iterdir() if path.suffix == ".tmp"] == []


def test_phases_reruns_and_outcomes(session, run_pytest):
    """Reports as pytest-rerunfailures sends them, with calls in every phase."""
    session.makeconftest(
        """
        import pytest
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            if "again" not in item.name:
                return None
            for last in (False, True):
                item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
                for report in runtestprotocol(item, nextitem=nextitem, log=False):
                    if report.when == "call" and not last:
                        report.outcome = "rerun"
                    item.ihook.pytest_runtest_logreport(report=report)
                item._initrequest()
            return True
        """
    )
    session.makepyfile(
        test_it="""
        import pytest
        from app import summarise

        @pytest.fixture
        def around(groq_api):
            summarise("before")
            yield
            summarise("after")

        def test_again(around): summarise("it")
        def test_skips(around): pytest.skip("no")
        @pytest.mark.xfail
        def test_xfails(around): assert 0
        @pytest.mark.xfail
        def test_xpasses(around): pass
        @pytest.fixture
        def broken(around): assert 0
        def test_error(broken): pass
        """
    )

    run_pytest("--llmcontract-report=ledger.json")
    ledger = ledger_of(session)
    calls = [sum(call.test == index for call in ledger.calls) for index in range(len(ledger.tests))]

    assert [(test.id.partition("::test_")[2], test.outcome) for test in ledger.tests] == [
        ("again", "rerun"),
        ("again", "passed"),
        ("skips", "skipped"),
        ("xfails", "xfailed"),
        ("xpasses", "xpassed"),
        ("error", "error"),
    ]
    assert calls == [3, 3, 2, 2, 2, 2]


def test_properties_for_junit_on_tests_that_called(session, run_pytest):
    run_pytest("--junitxml=junit.xml", "-k", "plain or swallowed")
    cases = ElementTree.parse(session.path / "junit.xml").iter("testcase")
    properties = {
        case.get("name"): {each.get("name"): each.get("value") for each in case.iter("property")} for case in cases
    }

    assert properties["test_plain"] == {}
    assert properties["test_swallowed"].keys() == {"llmcontract.calls", "llmcontract.tokens", "llmcontract.cost"}
    assert properties["test_swallowed"]["llmcontract.calls"] == "3"
    assert Decimal(properties["test_swallowed"]["llmcontract.cost"]) > 0


def test_times_are_those_of_the_test_in_simulations_of_wider_scope(session, run_pytest):
    session.makepyfile(
        test_it="""
        import pytest
        from app import summarise
        from pytest_llmcontract import simulate

        @pytest.fixture(scope="session")
        def api():
            with simulate("groq", edition="2026-06-04") as api:
                yield api

        @pytest.mark.parametrize("n", range(2))
        def test_one(api, n):
            api.clock.advance(seconds=30)
            summarise("a")
            api.clock.advance(seconds=12)
        """
    )

    run_pytest("--llmcontract-report=ledger.json")
    ledger = ledger_of(session)

    assert [(test.began.isoformat(), test.seconds) for test in ledger.tests] == [
        ("2026-06-04T12:00:00+00:00", 42.0),
        ("2026-06-04T12:00:42+00:00", 42.0),
    ]
    assert [(call.test, call.at) for call in ledger.calls] == [(0, 30.0), (1, 30.0)]
