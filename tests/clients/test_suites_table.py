"""The table of the SDKs' own suites is what was counted, and a lenient server passes all of them."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from xml.etree import ElementTree

import pytest
import suites
import suites_asked

KEPT = json.loads(suites.KEPT.read_text("utf-8"))
OWN = [found for found in KEPT if found["sdk"] == found["provider"]]


def test_the_page_is_what_the_table_holds():
    page = suites.PAGE.read_text("utf-8")
    assert suites.written(page, KEPT) == page


@pytest.mark.parametrize("found", OWN, ids=lambda found: f"{found['sdk']} {found['version']}")
def test_lenient_all_of_a_providers_own_suite_passes(found):
    assert found["operations"]
    assert suites.sums(found, "lenient") == Counter(passed=suites.sums(found, "faithful").total())


@pytest.mark.parametrize("found", OWN, ids=lambda found: f"{found['sdk']} {found['version']}")
def test_what_a_faithful_provider_answers_is_what_its_own_sdk_says_but_for_what_was_recorded_otherwise(found):
    misfits = {name for name, row in found["operations"].items() if "misfit" in row["faithful"]}
    assert misfits <= {"images.generate"}


@pytest.mark.parametrize("found", OWN, ids=lambda found: f"{found['sdk']} {found['version']}")
def test_the_registry_has_every_address_that_a_providers_own_sdk_asks(found):
    assert found["others"][suites.LACKING] == 0


@pytest.mark.parametrize("found", KEPT, ids=lambda found: f"{found['sdk']} {found['version']} {found['provider']}")
@pytest.mark.parametrize("mode", suites.MODES)
def test_every_test_that_did_not_pass_says_why_and_it_is_never_a_mistake_of_ours(found, mode):
    reasons = found["reasons"].get(mode, {})
    told = sum(sum(its.values()) for its in reasons.values())
    assert told == suites.sums(found, mode).total() - suites.sums(found, mode)["passed"]
    assert [reason for reason in reasons if "llmcontract" in reason or re.match(r"misfit: 5\d\d", reason)] == []


@pytest.mark.parametrize(
    ("classname", "name", "operation"),
    [
        (
            "tests.api_resources.chat.test_completions.TestAsyncCompletions",
            "test_method_create_with_all_params_overload_1[strict]",
            "chat.completions.create",
        ),
        (
            "tests.api_resources.beta.endpoints.test_rollouts.TestRollouts",
            "test_path_params_preview_defaults[loose]",
            "beta.endpoints.rollouts.preview_defaults",
        ),
        ("tests.api_resources.test_models.TestModels", "test_streaming_response_list[loose]", "models.list"),
    ],
)
def test_a_tests_name_says_its_operation(classname, name, operation):
    assert suites.operation_of(classname, name) == operation


@pytest.mark.parametrize(
    ("provider", "method", "path", "kind"),
    [
        ("together", "POST", "/together/v1/endpoints", suites.ANSWERED),
        ("together", "GET", "/together/v1/compute/clusters", suites.NOT_SIMULATED),
        ("together", "POST", "/together/v1/responses", suites.LACKING),
        ("groq", "POST", "/groq/openai/v1/responses", suites.ANSWERED),
        ("groq", "GET", "/groq/openai/v1/vector_stores", suites.LACKING),
    ],
)
def test_the_registry_says_what_counts(provider, method, path, kind):
    assert suites_asked.kind_of(provider, method, path) == kind


SUITE = """
import httpx
import pytest

@pytest.fixture
def respx_mock():
    pass

def ask(path):
    with httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200))) as client:
        assert client.get("http://localhost/groq/openai/v1" + path).status_code == 200

def test_answered():
    ask("/models")

def test_lacking():
    ask("/vector_stores")

def test_asks_nothing():
    pass

def test_is_answered_by_a_fixture(respx_mock):
    ask("/vector_stores")

async def aask(path):
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda request: httpx.Response(200))) as client:
        await client.get("http://localhost/groq/openai/v1" + path)

def test_asynchronous():
    import asyncio
    asyncio.run(aask("/vector_stores"))
"""


@pytest.mark.slow
def test_a_test_notes_what_it_asks_for_and_is_skipped_where_that_is_not_answered(pytester, monkeypatch):
    monkeypatch.setenv(suites.PROVIDER, "groq")
    pytester.syspathinsert(suites.HERE)
    monkeypatch.setenv("PYTHONPATH", str(suites.HERE), prepend=os.pathsep)
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_subprocess("-p", suites_asked.__name__, "-p", "no:llmcontract", "--junitxml=found.xml")
    result.assert_outcomes(passed=3, skipped=2)
    cases = ElementTree.parse(pytester.path / "found.xml").iter("testcase")
    assert {case.get("name"): [each.get("value") for each in case.iter("property")] for case in cases} == {
        "test_answered": [suites.ANSWERED],
        "test_lacking": [suites.LACKING],
        "test_asks_nothing": [],
        "test_is_answered_by_a_fixture": [],
        "test_asynchronous": [suites.LACKING],
    }


@pytest.mark.parametrize(
    ("problem", "outcome", "said"),
    [
        (
            "groq.NotFoundError: Error code: 404 - {'error': {'message': 'no \"x\"', 'code': 1}}",
            "refused",
            '404 no "x"',
        ),
        ("together.NotFoundError: Error code: 404 - {'error': 'no x'}", "refused", "404 no x"),
        ("openai.BadRequestError: Error code: 400 - no x", "refused", "400 no x"),
        ("openai.InternalServerError: Error code: 501 - no x", "misfit", "501 no x"),
        ("AssertionError: assert None\n  +  where", "misfit", "AssertionError: assert None"),
    ],
)
def test_why_a_test_did_not_pass_is_in_its_providers_words(problem, outcome, said):
    assert (suites.outcome_of([problem]), suites.said_in(problem)) == (outcome, said)


def test_without_a_network_it_says_so_and_is_done(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setattr(suites, "version", lambda sdk: "1.0")
    monkeypatch.setattr(suites, "KEPT", tmp_path / "table.json")
    page = tmp_path / "page.md"
    page.write_text(suites.BEGIN + suites.END, "utf-8")
    monkeypatch.setattr(suites, "PAGE", page)
    monkeypatch.setattr(suites.sys, "argv", ["suites.py", "--only", "groq"])

    assert suites.main() == 0
    assert capsys.readouterr().out == "skipped: pip cannot fetch the source of groq 1.0\n"
    assert json.loads(suites.KEPT.read_text("utf-8")) == []
