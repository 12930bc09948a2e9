"""``llmcontract rules`` and ``llmcontract explain``: the catalogue of rules, and the page of each."""

from __future__ import annotations

import json

import pytest

from pytest_llmcontract.core.facts.places import find_rule_pages
from pytest_llmcontract.core.findings.rules import RULES


def test_rules_lists_each_with_what_it_counts_as(run_command):
    code, out, err = run_command("rules")
    rows = [line.split(maxsplit=2) for line in out.splitlines() if line.startswith("LLM")]

    assert (code, err) == (0, "")
    assert rows == [[rule.code, rule.severity, rule.title] for rule in RULES.values()]
    assert max(map(len, out.splitlines())) <= 80


def test_rules_tells_scripts_the_same(run_command):
    code, out, err = run_command("rules --json")

    assert (code, err) == (0, "")
    assert json.loads(out)[0] == {
        "code": "LLM101",
        "title": "unsupported or unknown field",
        "severity": "error",
    }
    assert [rule["code"] for rule in json.loads(out)] == list(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_explain_prints_the_page_of_the_documentation(run_command, rule):
    code, out, err = run_command(f"explain {rule.code}")

    assert (code, err) == (0, "")
    assert out.startswith(f"# {rule.code}: {rule.title}\n")
    assert out == (find_rule_pages() / f"{rule.code}.md").read_text("utf-8")


def test_a_code_may_be_written_small(run_command):
    assert run_command("explain llm101") == run_command("explain LLM101")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("explain LLM1O1", "llmcontract explain: unknown rule 'LLM1O1'. Did you mean 'LLM101'? Near it too: "),
        ("explain LLM1O1", "Did you mean 'LLM101'?"),
        ("explain LLM1", "; accepted: LLM101, LLM102, "),
        ("explain", "the following arguments are required: CODE"),
    ],
)
def test_an_unknown_code_is_one_clear_line_and_exit_code_2(run_command, line, words):
    code, out, err = run_command(line)

    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err
