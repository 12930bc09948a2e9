"""What a session found, where its CI shows it: GitHub's annotations and job summary, SARIF at the call site."""

from __future__ import annotations

import json

import pytest

from pytest_llmcontract.report.ci import publish, session_sarif
from pytest_llmcontract.report.markdown import markdown


def published(document, **environ):
    lines = []
    publish(document, lines.append, environ)
    return [line for line in lines if line]


def sites(sarif):
    (run,) = json.loads(sarif)["runs"]
    locations = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    return {(place["artifactLocation"]["uri"], place["region"]["startLine"]) for place in locations}


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with the application in a folder of its own, in which the session was started."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "services" / "chat").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "services" / "chat")
    return tmp_path


def test_elsewhere_nothing_is_said_or_written(medium, tmp_path):
    summary = tmp_path / "summary.md"

    assert published(medium, GITHUB_STEP_SUMMARY=str(summary)) == []
    assert not summary.exists()


def test_on_github_the_summary_is_added_to_what_is_there(medium, tmp_path):
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")

    published(medium, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))

    assert summary.read_text("utf-8") == f"before\n{markdown(medium)}\n"


def test_a_session_without_calls_leaves_the_summary_alone(medium, tmp_path):
    summary = tmp_path / "summary.md"
    empty = medium.model_copy(update={"calls": (), "violations": ()})

    assert published(empty, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary)) == []
    assert not summary.exists()


def test_a_summary_that_cannot_be_written_is_said_and_hides_nothing(medium, tmp_path):
    lines = published(medium, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(tmp_path))

    assert lines[-1] == f"llmcontract: no job summary: {tmp_path}: Is a directory"
    assert lines[0].startswith("::error ")


def test_annotations_stand_at_the_line_as_the_repository_has_it(medium, repository):
    lines = published(medium.model_copy(update={"budgets": ()}), GITHUB_ACTIONS="true")

    assert lines[0].startswith("::error file=services/chat/app/")
    assert all(line.startswith(("::error file=services/chat/", "::warning file=services/chat/")) for line in lines)


def test_equal_findings_are_annotated_once(medium):
    first = medium.violations[0].model_copy(update={"severity": "error"})

    lines = published(medium.model_copy(update={"violations": (first,) * 5, "budgets": ()}), GITHUB_ACTIONS="true")

    assert len(lines) == 1


def test_no_more_annotations_than_github_shows_and_no_notes(medium):
    first = medium.violations[0]
    severities = ["note"] * 3 + ["warning"] * 12 + ["error"] * 14
    many = tuple(
        first.model_copy(update={"severity": severity, "site": f"app/x.py:{line}"})
        for line, severity in enumerate(severities, start=1)
    )

    lines = published(medium.model_copy(update={"violations": many}), GITHUB_ACTIONS="true")

    assert [line.split()[0] for line in lines] == ["::error"] * 10 + ["::warning"] * 10


def test_sarif_stands_at_the_call_sites_as_the_repository_has_them(medium, repository):
    expected = {item.site.rpartition(" in ")[0] for item in medium.violations}

    found = {f"{file}:{line}" for file, line in sites(session_sarif(medium))}

    assert found == {f"services/chat/{site}" for site in expected}


def test_without_a_repository_sites_are_seen_from_where_the_session_was_started(medium, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert all(file.startswith("app/") for file, _ in sites(session_sarif(medium)))


def test_sarif_says_everything_that_was_found_once(medium):
    results = json.loads(session_sarif(medium))["runs"][0]["results"]

    kinds = {(item.code, item.message, item.site) for item in medium.violations}
    assert len(results) == len(kinds)
    assert {result["ruleId"] for result in results} == {code for code, _, _ in kinds}
