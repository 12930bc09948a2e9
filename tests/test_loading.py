"""Nobody who walks the modules makes us load, and what loads while time is frozen loads with real dates.

Each test is a process of its own: what is loaded already cannot be loaded wrongly.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest


def run(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "walk",
    [
        "[getattr(module, name, None) for module in modules for name in dir(module)]",
        "import inspect; [inspect.getmembers(module) for module in modules]",
        "import doctest; doctest.DocTestFinder().find(pytest_llmcontract)",
        "from freezegun import freeze_time\nwith freeze_time('2026-01-01'): pass",
    ],
    ids=["dir", "getmembers", "doctest", "freezegun"],
)
def test_reading_all_names_of_all_modules_loads_nothing_of_ours(walk):
    run(
        "import sys, pytest_llmcontract, pytest_llmcontract.plugin\n"
        "def ours(): return {name for name in sys.modules if name.startswith('pytest_llmcontract')}\n"
        "before = ours()\n"
        "modules = [module for name, module in sorted(sys.modules.items()) if name.startswith('pytest_llmcontract')]\n"
        f"{walk}\n"
        "assert ours() == before, ours() - before\n"
    )


@pytest.mark.parametrize("name", ["simulate", "cost", "verify", "limits_from"])
def test_a_name_that_is_asked_for_while_time_is_frozen_works_then_and_later(name):
    run(
        f"""
        import datetime
        import pytest_llmcontract
        from freezegun import freeze_time

        real = datetime.date, datetime.datetime
        with freeze_time("2026-01-01"):
            frozen = datetime.date, datetime.datetime
            from pytest_llmcontract import {name}
            assert (datetime.date, datetime.datetime) == frozen != real

        assert (datetime.date, datetime.datetime) == real
        assert callable({name})
        """
    )


def test_a_simulation_that_begins_and_ends_while_time_is_frozen():
    run(
        """
        import datetime
        import groq
        import pytest_llmcontract
        from freezegun import freeze_time

        def ask(api):
            api.fail("rate_limit_exceeded", retry_after=30)
            groq.Groq().chat.completions.create(model="openai/gpt-oss-20b", messages=[{"role": "user", "content": ""}])
            assert api.clock.slept == 30

        for _ in range(2):
            with freeze_time("2026-01-01"), pytest_llmcontract.simulate("groq") as api:
                ask(api)
        with pytest_llmcontract.simulate("groq") as api:
            ask(api)

        from pytest_llmcontract.core.facts import records as profile
        assert profile.Date is datetime.date
        """
    )


def test_a_loader_that_is_interrupted_leaves_frozen_time_frozen():
    from freezegun import freeze_time

    from pytest_llmcontract import loading

    with freeze_time("2026-01-01"):
        import datetime

        frozen = datetime.date
        with pytest.raises(ZeroDivisionError), loading.real_dates():
            assert datetime.date is not frozen
            _ = 1 / 0
        assert datetime.date is frozen


def test_tests_that_freeze_time_in_every_way_beside_the_fixtures(pytester):
    pytester.makepyfile(
        """
        import datetime
        import groq
        import pytest
        from freezegun import freeze_time

        def ask():
            groq.Groq().chat.completions.create(model="openai/gpt-oss-20b", messages=[{"role": "user", "content": ""}])

        @pytest.fixture
        def frozen():
            with freeze_time("2026-01-01"):
                yield

        @freeze_time("2026-01-01")
        def test_without_us():
            assert datetime.date.today() == datetime.date(2026, 1, 1)

        def test_frozen_before_us(frozen, groq_api, together_api, llm_clock):
            groq_api.fail("rate_limit_exceeded", retry_after=30)
            ask()
            assert llm_clock.slept == 30
            assert datetime.date.today() == datetime.date(2026, 1, 1)

        @freeze_time("2026-01-01")
        def test_decorated(groq_api, llm_clock):
            groq_api.fail("rate_limit_exceeded", retry_after=30)
            ask()
            assert llm_clock.slept == 30

        def test_inside(groq_api, llm_clock):
            groq_api.fail("rate_limit_exceeded", retry_after=30)
            with freeze_time("2026-01-01"):
                ask()
            assert llm_clock.slept == 30
            assert datetime.date.today() > datetime.date(2026, 1, 1)
        """
    )

    done = pytester.runpytest_subprocess("-p", "no:randomly", "--llmcontract-report=report.json")

    done.assert_outcomes(passed=4)


@pytest.mark.parametrize(
    "missing", ["trio", "anyio", "sniffio", "h2", "urllib3", "requests", "aiohttp", "wrapt", "vcr"]
)
def test_whoever_has_not_installed_a_library_is_answered_by_the_others(missing):
    run(
        f"""
        import sys
        sys.modules["{missing}"] = None  # as if it were not installed
        import http.client
        import httpcore
        from pytest_llmcontract import simulate

        with simulate("groq"):
            connection = http.client.HTTPSConnection("api.groq.com")
            connection.request("GET", "/openai/v1/models", headers={{"authorization": "Bearer gsk_test"}})
            assert connection.getresponse().status == 200
        """
    )
