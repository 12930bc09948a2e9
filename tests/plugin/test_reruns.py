"""A test that is run again (pytest-rerunfailures and its kin) begins anew."""

from __future__ import annotations

RERUN = """
    from _pytest.runner import runtestprotocol

    def pytest_runtest_protocol(item, nextitem):
        if any(report.failed for report in runtestprotocol(item, nextitem=nextitem, log=False)):
            item._initrequest()
            for report in runtestprotocol(item, nextitem=nextitem, log=False):
                item.ihook.pytest_runtest_logreport(report=report)
        return True
"""


def test_what_a_failed_run_scripted_is_not_held_against_the_next(pytester, run_pytest):
    pytester.makeconftest(RERUN)
    pytester.makepyfile(
        """
        RUNS = []

        def test_it(groq_api):
            RUNS.append(1)
            if len(RUNS) == 1:
                groq_api.reply("never asked for")
                raise AssertionError("flaky")
        """
    )

    result = run_pytest()

    result.assert_outcomes(passed=1)
