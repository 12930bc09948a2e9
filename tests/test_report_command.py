"""``llmcontract report``: several ledgers as one answer, exit codes, bad input."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from pytest_llmcontract.report.collect import Collector
from pytest_llmcontract.report.document import LedgerDocument


class Report:
    """One phase of a test, as pytest reports it."""

    def __init__(self, nodeid, when, outcome="passed"):
        self.nodeid, self.when, self.outcome = nodeid, when, outcome


def call(cost, tokens=100, status=200):
    """A call as a test sends it home."""
    usage = {"input_tokens": tokens, "cached_tokens": 0, "output_tokens": 0, "source": "scripted"}
    texts = {
        "provider": "groq",
        "plan": "free",
        "operation": "chat.completions",
        "model": "m",
        "client": "",
        "site": "",
    }
    flags = {"stream": False, "scripted": True, "recorded": False}
    numbers = {"at": 0.0, "took": 0.0, "attempt": 1, "retry_after": None}
    none = {"error": None, "refused": None, "limits": {"TPM": [tokens, 8000]}}
    return {**texts, **flags, **numbers, **none, "status": status, "usage": usage, "cost": cost}


@pytest.fixture
def shard(tmp_path, monkeypatch):
    """Write the ledger of a session with calls by test; gives the name of the file."""
    monkeypatch.chdir(tmp_path)

    def shard(name, calls, **budget):
        collector = Collector()
        for test, made in calls.items():
            collector.add(Report(test, "setup"), None)
            part = {"began": "2026-10-01T12:00:00Z", "seconds": 1.5, "editions": {"groq": "2026-10-01"}, "calls": made}
            collector.add(Report(test, "call"), json.dumps(part))
            collector.add(Report(test, "teardown"), None)
        document = collector.document({key: Decimal(limit) for key, limit in budget.items()})
        Path(name).write_text(document.model_dump_json())
        return name

    return shard


@pytest.fixture
def run(run_command):
    """Run ``report``."""
    return lambda line: run_command(f"report {line}")


def test_shards_are_added_up_and_listed(shard, run):
    shard("shard-1.json", {"test_a.py::test_a": [call("0.10"), call("0.000000001")]})
    shard("shard-2.json", {"test_b.py::test_b": [call("0.20", 300)]})

    code, out, err = run("shard-1.json shard-2.json")

    assert (code, err) == (0, "")
    assert out == (
        "used    3 calls in 2 tests, 500 tokens, $0.300000001\n"
        "\n"
        "shard         calls  tokens          cost\n"
        "shard-1.json      2     200  $0.100000001\n"
        "shard-2.json      1     300         $0.20\n"
        "\n"
        "test               calls  tokens          cost\n"
        "test_b.py::test_b      1     300         $0.20\n"
        "test_a.py::test_a      2     200  $0.100000001\n"
    )


def test_the_budget_that_ledgers_carry_holds_for_all_of_them(shard, run):
    shard("1.json", {"a": [call("0.30")]}, cost="0.50")
    shard("2.json", {"b": [call("0.30")]}, cost="0.50")

    assert run("1.json")[0] == 0
    code, out, _ = run("1.json 2.json")
    assert code == 1
    assert "LLM403 budget of the session: $0.60 of $0.50, exceeded\n" in out


def test_a_budget_of_the_command_adds_to_it(shard, run):
    shard("1.json", {"a": [call("0.30")]}, cost="0.50")

    code, out, _ = run("1.json --budget tokens=99,cost=0.40")

    assert code == 1
    assert out.splitlines()[1:4] == [
        "budget  cost: $0.30 of $0.40",
        "        tokens: 100 of 99, exceeded",
        "LLM402 budget of the session: 100 of 99 tokens, exceeded",
    ]


@pytest.mark.parametrize("form", ["json", "md", "html", "sarif"])
def test_every_form_to_a_file_and_to_stdout(shard, run, form):
    shard("1.json", {"a": [call("0.30")]}, cost="0.10")

    code, out, err = run(f"1.json --output out/all.{form}")
    assert (code, out) == (1, "")
    assert err == "llmcontract report: LLM403 budget of the session: $0.30 of $0.10, exceeded\n"
    code, out, _ = run(f"1.json --format {form}")
    assert out == Path("out", f"all.{form}").read_text("utf-8")


def test_one_call_writes_several_files_and_prints(shard, run):
    shard("1.json", {"a": [call("0.30")]}, cost="0.10")

    code, out, err = run("1.json --output all.json --output page/all.html --output all.sarif --format md")

    assert code == 1
    assert out.startswith("## LLM calls\n")
    assert err.count("exceeded") == 1
    assert LedgerDocument.model_validate_json(Path("all.json").read_text()).totals.calls == 1
    assert Path("page/all.html").read_text("utf-8").startswith("<!doctype html>")
    assert json.loads(Path("all.sarif").read_text())["version"] == "2.1.0"


def test_nothing_is_written_if_one_of_the_files_cannot_be(shard, run):
    shard("1.json", {"a": [call("0.30")]})

    code, out, err = run("1.json --output all.json --output all.txt")

    assert (code, out) == (2, "")
    assert "unknown suffix '.txt'" in err
    assert not Path("all.json").exists()


def finding(code, severity):
    """A finding as a test sends it home."""
    texts = [
        "path",
        "sent",
        "allowed",
        "contract",
        "answer",
        "fix",
        "site",
        "provider",
        "operation",
        "request",
        "reply",
    ]
    named = {"code": code, "severity": severity, "message": f"{code} was found", "call": None, "difference": ""}
    return named | dict.fromkeys(texts, "")


@pytest.fixture
def found(tmp_path, monkeypatch):
    """The ledger of two tests, one of which failed, with a warning and an error."""
    monkeypatch.chdir(tmp_path)
    collector = Collector()
    for test, outcome, code, severity in (("a", "failed", "LLM101", "error"), ("b", "passed", "LLM108", "warning")):
        part = {"began": "2026-10-01T12:00:00Z", "seconds": 0, "violations": [finding(code, severity)]}
        collector.add(Report(test, "call", outcome), json.dumps(part))
        collector.add(Report(test, "teardown"), None)
    Path("found.json").write_text(collector.document({}).model_dump_json())


@pytest.mark.parametrize(
    ("option", "code", "said"),
    [
        ("", 0, ""),
        (" --fail-on error", 1, "llmcontract report: --fail-on error: 1 finding in 1 test: LLM101\n"),
        (" --fail-on warning", 1, "llmcontract report: --fail-on warning: 2 findings in 2 tests: LLM101, LLM108\n"),
    ],
)
def test_findings_are_a_gate_where_somebody_asks_for_it(found, run, option, code, said):
    assert run("found.json" + option)[::2] == (code, said)


def test_a_gate_that_holds_from_no_known_severity_is_bad_input(found, run):
    assert run("found.json --fail-on fatal")[0] == 2


def test_without_a_finding_as_grave_the_gate_passes(shard, run):
    shard("1.json", {"a": [call("0.30")]})

    assert run("1.json --fail-on note")[0] == 0


def test_it_says_how_many_tests_failed(found, run):
    assert run("found.json")[1].startswith("used    0 calls in 2 tests (1 failed), ")
    assert "1 test failed" in run("found.json --format md")[1]


def test_a_merged_ledger_is_a_ledger(shard, run):
    shard("1.json", {"a": [call("0.30")]}, cost="0.50")
    shard("2.json", {"b": [call("0.30")]})

    run("1.json 2.json --output both.json")

    document = LedgerDocument.model_validate_json(Path("both.json").read_text())
    assert [session.shard for session in document.sessions] == ["1.json", "2.json"]
    assert run("both.json")[0] == 1


def test_what_cannot_be_read_is_told_and_the_others_are_counted(shard, run):
    shard("good.json", {"a": [call("0.30")]}, cost="0.10")
    Path("cut.json").write_text(Path("good.json").read_text()[:500])
    Path("newer.json").write_text(Path("good.json").read_text().replace('"format":1', '"format":2'))

    code, out, err = run("cut.json good.json newer.json gone.json")

    assert code == 2
    assert out.startswith("used    1 call in 1 test, 100 tokens, $0.30\n")
    assert [line.partition(": ")[2].partition(":")[0] for line in err.splitlines()] == [
        "cut.json", "newer.json", "gone.json",
    ]  # fmt: skip


def test_nothing_is_written_if_nothing_can_be_read(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert run("gone.json --output all.json")[0] == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--budget cost=cheap", "--budget: cost is 'cheap'; expected a number"),
        ("--budget price=1", "unknown budget in --budget 'price'; accepted: calls, cost"),
        ("--output all.txt", "--output: all.txt: unknown suffix '.txt'; accepted: .json, .html, .md, .sarif"),
        ("--output 1.json/all.json", "--output: cannot write 1.json/all.json: "),
        ("--output .", "--output: .: unknown suffix ''"),
        ("--against gone.json", "gone.json: No such file or directory"),
        ("--against 1.json --format html", "--against: changes are not shown as html; accepted: text, json, md"),
    ],
)
def test_bad_input_is_one_line_and_two(shard, run, options, words):
    shard("1.json", {"a": [call("0.30")]})

    code, out, err = run(f"1.json {options}")

    assert (code, out) == (2, "")
    assert err.startswith(f"llmcontract report: {words}")
    assert err.count("\n") == 1


def test_against_another_ledger_it_says_what_changed(shard, run):
    shard("old.json", {"test_a": [call("0.10")], "test_same": [call("0.01")]})
    shard("new.json", {"test_a": [call("0.10"), call("0.15", 4000)], "test_same": [call("0.01")]})

    code, out, err = run("new.json --against old.json")

    assert (code, err) == (0, "")
    assert out == (
        "            before  after             change\n"
        "tests            2      2               same\n"
        "calls            2      3        +1 (+50.0%)\n"
        "tokens         200  4,200  +4,000 (+2000.0%)\n"
        "cost         $0.11  $0.26   +$0.15 (+136.4%)\n"
        "retries          0      0               same\n"
        "seconds          3      3               same\n"
        "violations       0      0               same\n"
        "\n"
        "tests, the most changed first\n"
        "  test_a\n"
        "    calls 1 -> 2, tokens 100 -> 4,100, cost $0.10 -> $0.25\n"
        "\n"
        "limits at their peak\n"
        "  TPM of groq free, m: 1.2% -> 50.0%\n"
    )


def test_against_in_json_and_markdown(shard, run):
    shard("old.json", {"test_a": [call("0.10")]})
    shard("new.json", {"test_a": [call("0.25")]})

    changes = json.loads(run("new.json --against old.json --format json")[1])
    run("new.json --against old.json --output changes.md")

    assert changes["totals"]["cost"] == ["0.10", "0.25"]
    assert changes["tests"] == [{"id": "test_a", "calls": [1, 1], "tokens": [100, 100], "cost": ["0.10", "0.25"]}]
    assert "| `test_a` | 1 | 100 | \\$0.10 → \\$0.25 |" in Path("changes.md").read_text()


def test_many_shards_show_progress_on_a_terminal_and_only_there(shard):
    names = [shard(f"{number}.json", {f"test_{number}": [call("0.01")]}) for number in range(3)]
    slow = (
        "import sys, pytest_llmcontract.report.progress as progress\n"
        "progress.PATIENCE = 0\n"
        "from pytest_llmcontract.cli import main\n"
        "sys.exit(main(['report', *sys.argv[1:]]))\n"
    )
    ours, theirs = pty.openpty()
    on_terminal = subprocess.run(
        [sys.executable, "-c", slow, *names], stderr=theirs, stdout=subprocess.PIPE, check=True
    )  # fmt: skip
    os.close(theirs)
    piped = subprocess.run([sys.executable, "-c", slow, *names], capture_output=True, check=True)

    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "2 of 3 ledgers" in shown
    assert piped.stderr == b""
    assert on_terminal.stdout == piped.stdout
