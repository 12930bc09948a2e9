"""Annotations: lines that GitHub shows beside the code, escaped as its runner reads them."""

from __future__ import annotations

import pytest

from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.report.github import annotations


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """The working directory, with the files that findings are in."""
    monkeypatch.chdir(tmp_path)
    for name in ("cassettes/a.yaml", "app/client.py", "a,b:c.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()


@pytest.mark.usefixtures("repository")
def test_a_line_for_each_finding_the_gravest_first():

    lines = annotations(
        [
            Violation("LLM203", "recorded 200 days ago", severity="warning", site="cassettes/a.yaml:3"),
            Violation("LLM108", "retires", severity="note", site="app/client.py:41 in ask"),
            Violation("LLM101", "groq: $.n is 2", site="cassettes/a.yaml:12", fix="send 1"),
        ]
    )

    assert lines == [
        "::error file=cassettes/a.yaml,line=12,title=LLM101 unsupported or unknown field::"
        "groq: $.n is 2%0AHow to fix: send 1",
        "::warning file=cassettes/a.yaml,line=3,title=LLM203 stale recording::recorded 200 days ago",
        "::notice file=app/client.py,line=41,title=LLM108 model retires soon::retires",
    ]


@pytest.mark.usefixtures("repository")
def test_what_means_something_to_the_runner_is_escaped():
    [line] = annotations([Violation("LLM101", "100%\r\nof a::b", site="a,b:c.yaml:3")])

    assert line == "::error file=a%2Cb%3Ac.yaml,line=3,title=LLM101 unsupported or unknown field::100%25%0D%0Aof a::b"


def test_no_key_gets_into_it():
    key = "gsk_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"

    assert key not in annotations([Violation("LLM101", f"sent {key}")])[0]
