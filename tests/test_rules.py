"""``llmcontract rules`` and ``llmcontract explain``: the catalogue of rules, and the page of each."""

from __future__ import annotations

import json

import pytest

from pytest_llmcontract.cli import main
from pytest_llmcontract.core.facts.places import find_rule_pages
from pytest_llmcontract.core.findings.rules import RULES


@pytest.fixture
def run(capsys):
    """Run the command in this process; gives exit code, stdout and stderr."""

    def run(line):
        try:
            code = main(line.split())
        except SystemExit as stop:  # argparse
            code = stop.code
        return code, *capsys.readouterr()

    return run


def test_rules_lists_each_with_what_it_counts_as(run):
    code, out, err = run("rules")
    rows = [line.split(maxsplit=2) for line in out.splitlines() if line.startswith("LLM")]

    assert (code, err) == (0, "")
    assert rows == [[rule.code, rule.severity, rule.title] for rule in RULES.values()]
    assert max(map(len, out.splitlines())) <= 80


def test_rules_tells_scripts_the_same(run):
    code, out, err = run("rules --json")

    assert (code, err) == (0, "")
    assert json.loads(out)[0] == {
        "code": "LLM101",
        "title": "unsupported or unknown field",
        "severity": "error",
    }
    assert [rule["code"] for rule in json.loads(out)] == list(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_explain_prints_the_page_of_the_documentation(run, rule):
    code, out, err = run(f"explain {rule.code}")

    assert (code, err) == (0, "")
    assert out.startswith(f"# {rule.code}: {rule.title}\n")
    assert out == (find_rule_pages() / f"{rule.code}.md").read_text("utf-8")


def test_a_code_may_be_written_small(run):
    assert run("explain llm101") == run("explain LLM101")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("explain LLM1O1", "llmcontract explain: unknown rule 'LLM1O1'; accepted: LLM101, LLM102, "),
        ("explain LLM1O1", "Did you mean 'LLM101'?"),
        ("explain LLM1", "unknown rule 'LLM1'; accepted: LLM101"),
        ("explain", "the following arguments are required: CODE"),
    ],
)
def test_an_unknown_code_is_one_clear_line_and_exit_code_2(run, line, words):
    code, out, err = run(line)

    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err
