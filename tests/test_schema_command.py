"""``llmcontract schema``: what a finding names as its contract can be opened."""

from __future__ import annotations

import json
import shlex

import jsonschema
import pytest

from pytest_llmcontract.cli import main
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.report.findings import render


@pytest.fixture
def run(capsys):
    def run(line):
        code = main(["schema", *shlex.split(line)])
        return code, *capsys.readouterr()

    return run


def test_it_prints_a_schema_that_can_be_used_anywhere(run):
    code, out, err = run("groq chat.completions.request")

    schema = json.loads(out)
    jsonschema.Draft202012Validator.check_schema(schema)
    judge = jsonschema.Draft202012Validator(schema)
    assert (code, err) == (0, "")
    assert judge.is_valid({"model": "m", "messages": [{"role": "user", "content": "x"}]})
    assert not judge.is_valid({"model": "m", "messages": [], "max_token": 1})


@pytest.mark.parametrize(
    "line",
    [
        "groq chat.completions.request#/properties/n",
        "groq chat.completions.request.json#/properties/n",
        "groq schemas/groq/chat.completions.request.json#/properties/n",
        "schemas/groq/chat.completions.request.json#/properties/n",
    ],
)
def test_the_part_that_a_finding_points_at(run, line):
    part = json.loads(run(line)[1])

    assert part["maximum"] == 1
    assert part["x-fix"] == "ask once for each answer you need"


def test_the_day_of_an_edition(run):
    new = json.loads(run("groq chat.completions.request#/properties")[1])
    old = json.loads(run("groq chat.completions.request#/properties --edition 2024-12-01")[1])

    assert "citation_options" in new
    assert "citation_options" not in old


def test_without_a_name_it_lists_what_there_is(run):
    assert "chat.completions.request" in run("together")[1].splitlines()
    assert run("llmcontract")[1] == "ledger.schema\nscenario.schema\n"


@pytest.mark.parametrize(
    "contract",
    ["schemas/groq/chat.completions.request.json#/properties/n", "schemas/shared/chat.json#/$defs/answer"],
)
def test_what_a_finding_says_is_a_command_that_works(run, contract):
    text = render([Violation("LLM101", "not supported", contract=contract)])

    command = text.splitlines()[-1].strip()
    assert command.startswith("llmcontract schema ")
    assert run(command.removeprefix("llmcontract schema "))[0] == 0


def test_a_place_in_a_cassette_is_no_schema():
    assert "llmcontract schema" not in render([Violation("LLM206", "differs", contract="cassettes/a.yaml:3")])


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("grok x", "unknown provider 'grok'; accepted: groq, llmcontract, shared, together. Did you mean 'groq'?"),
        (
            "groq chat.completion.request",
            "unknown groq schema 'chat.completion.request'. Did you mean 'chat.completions.request'?",
        ),
        ("groq error#/propertis", "unknown part of schemas/groq/error.json# 'propertis'; accepted: "),
        ("groq error --edition 1999-01-01", "no groq edition is as old as 1999-01-01"),
    ],
)
def test_bad_input_is_one_line_and_two(run, line, words):
    code, out, err = run(line)

    assert (code, out) == (2, "")
    assert err.startswith(f"llmcontract schema: {words}")
    assert err.count("\n") == 1
