"""The table of the SDKs' own suites is what was counted, and a lenient server passes all of them."""

from __future__ import annotations

import json
from collections import Counter

import pytest
import suites

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


def test_operations_that_are_not_simulated_do_not_count():
    (own,) = (suite for suite in suites.SUITES if suite.sdk == "together")
    assert not own.counts("clusters.storage.create")
    assert not own.counts("beta.jig.deploy")
    assert own.counts("endpoints.rollouts.start")


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
