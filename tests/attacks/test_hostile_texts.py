"""Texts from outside (cassettes, ledgers, pastes) come out of every door as texts: nothing obeys them."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_llmcontract.cli import main
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.words import in_line, visible, visible_json
from pytest_llmcontract.report.findings import render
from pytest_llmcontract.report.github import annotations
from pytest_llmcontract.report.warnings import carried, summary

EVIL = (
    "x\n::error file=app.py,line=1::pwn\r\n  ::set-output name=a::b\n##[error]pwn\x1b[31m\x1b]0;owned\x07\x9b2J"
    "\u202eevil\u2066\u200f\u2028::error::z\x7f\x08<img src=x onerror=alert(1)> @octocat ![x](http://evil/x.png)"
)
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
COMMAND = re.compile(r"(?m)^\s*::|##\[")


def assert_inert(text):
    assert not OBEYED.search(text), repr(OBEYED.search(text))
    assert not COMMAND.search(text), text


def cassette(**more):
    body = json.dumps({"model": EVIL, "messages": 1, EVIL: EVIL})
    request = {"method": "POST", "uri": f"https://api.groq.com/openai/v1/a{EVIL}", "body": body, "headers": {}}
    chat = {**request, "uri": "https://api.groq.com/openai/v1/chat/completions", "headers": {"user-agent": [EVIL]}}
    reply = {"status": {"code": 404}, "headers": {EVIL: ["a"]}, "body": {"string": json.dumps({"error": EVIL})}}
    interactions = [
        {"request": part, "response": reply, "recorded_by": f"test_{EVIL}"}
        for part in (request, chat, {**chat, "uri": "https://other.example/" + EVIL})
    ]
    return {"interactions": interactions, "version": 1, **more}


def ledger(prefix="t"):
    usage = {"input_tokens": 1, "cached_tokens": 0, "output_tokens": 1, "source": "estimated"}
    call = {"test": 0, "provider": EVIL, "plan": EVIL, "operation": EVIL, "model": EVIL, "status": 200, "error": EVIL,
            "at": 0, "took": 0, "attempt": 1, "stream": False, "client": EVIL, "site": EVIL, "usage": usage,
            "cost": "1", "scripted": False, "recorded": False, "retry_after": None, "limits": {EVIL: [1, 2]},
            "refused": {"limit": EVIL, "requested": 1, "wait": 1}}  # fmt: skip
    texts = ("message", "provider", "operation", "path", "sent", "allowed", "contract", "answer", "fix", "site")
    found = {"code": "LLM101", "severity": "error", "test": 0, "call": 0, **dict.fromkeys(texts, EVIL),
             "request": EVIL, "reply": EVIL, "difference": EVIL}  # fmt: skip
    budgets = [{"scope": scope, "test": test, "name": name, "limit": 1, "used": 2, "ok": False, "source": None,
                "detail": EVIL} for scope, test, name in (("session", None, "calls"), ("test", 0, EVIL))]  # fmt: skip
    totals = {"tests": 1, "calls": 1, "tokens": 2, "input_tokens": 1, "cached_tokens": 0, "output_tokens": 1,
              "cost": "1", "retries": 0, "seconds": 0, "violations": 1, "errors": 1}  # fmt: skip
    tests = [{"id": prefix + EVIL, "outcome": "passed", "session": 0, "worker": EVIL, "began": "2026-01-01T00:00:00Z",
              "seconds": 0}]  # fmt: skip
    return {"format": 1, "tool": EVIL, "editions": {EVIL: [EVIL]}, "tests": tests, "calls": [call], "totals": totals,
            "violations": [found], "sessions": [{"id": EVIL, "started": "2026-01-01T00:00:00Z", "shard": EVIL}],
            "budgets": [*budgets]}  # fmt: skip


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.json").write_text(json.dumps(cassette()))
    (tmp_path / "m.json").write_text(json.dumps(cassette(metadata={"llmcontract": {EVIL: 1}})))
    (tmp_path / "l.json").write_text(json.dumps(ledger()))
    (tmp_path / "old.json").write_text(json.dumps(ledger("another")))
    (tmp_path / "bad.json").write_text(json.dumps({"format": EVIL, "tool": EVIL}))
    return tmp_path


COMMANDS = [
    "drift c.json --all",
    "drift c.json --json",
    "drift m.json",
    "verify c.json",
    "verify c.json --format json",
    "verify c.json --format sarif",
    "verify c.json --contract",
    "verify c.json --contract --format json",
    "verify m.json",
    "report l.json",
    "report l.json --format json",
    "report l.json --format md",
    "report l.json --format sarif",
    "report l.json --against old.json",
    "report l.json --against old.json --format md",
    "report l.json --against old.json --format json",
    "report bad.json",
    "report l.json old.json --output out.md",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_that_a_command_prints_is_obeyed(files, capsys, command):
    main(command.split())

    out, err = capsys.readouterr()
    assert out or err or command.endswith("out.md")
    assert_inert(out)
    assert_inert(err)
    if (files / "out.md").exists():
        assert_inert((files / "out.md").read_text())
        assert "<img" not in re.sub("`[^`]*`", "", (files / "out.md").read_text())


def test_annotations_are_one_command_each(files, capsys):
    main(["verify", "c.json", "--format", "github"])

    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if line.startswith("::")]) == len(lines) - 1
    assert not any(OBEYED.search(line) for line in lines)
    assert all(re.match(r"::(error|warning|notice) file=[^,]*,line=\d+,title=LLM\d+", line) for line in lines[:-1])


@pytest.mark.parametrize(
    "text", ["Error code: 404 - {'error': {'message': '%s', 'type': 'x'}}", "%s", "model `%s` does not exist"]
)
@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_paste_writes_a_test_that_shows_what_it_holds(files, capsys, text, flags):
    known = "The model `llama-9%s` does not exist or you do not have access to it."
    body = {"error": {"message": known % EVIL, "type": "invalid_request_error", "code": "model_not_found"}}
    for pasted in (text % EVIL, json.dumps(body), json.dumps(body, ensure_ascii=False)):
        (files / "p.txt").write_text(pasted, "utf-8")
        main(["reproduce", "p.txt", *flags])
        out, err = capsys.readouterr()
        assert_inert(out)
        assert_inert(err)


def test_what_a_test_is_told_is_inert():
    finding = Violation("LLM101", EVIL, sent=EVIL, allowed=EVIL, fix=EVIL, site=EVIL, difference=EVIL, contract=EVIL)
    warning = Violation("LLM108", EVIL, severity="warning", fix=EVIL, site=EVIL)

    assert_inert(render([finding, warning]))
    assert_inert(summary([("t", part) for part in carried([warning])]))
    assert not any(OBEYED.search(line) for line in annotations([finding, warning]))


ANY = st.text(st.characters(), max_size=60) | st.text(st.sampled_from(EVIL + '\ud83d\\"u0'), max_size=60)


@given(ANY)
@settings(max_examples=300)
def test_what_is_visible_is_inert_and_stays_so(text):
    shown = visible(text)

    assert_inert(shown)
    assert visible(shown) == shown
    assert "\n" not in in_line(text)


@given(st.recursive(ANY | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(ANY, inner), max_leaves=6))
@settings(max_examples=300)
@pytest.mark.parametrize("escaped", [True, False])
def test_json_that_is_made_visible_is_json_of_visible_texts(escaped, value):
    read = json.loads(visible_json(json.dumps(value, ensure_ascii=escaped)))

    def texts(part):
        if isinstance(part, str):
            yield part
        for inner in [*part, *part.values()] if isinstance(part, dict) else part if isinstance(part, list) else ():
            yield from texts(inner)

    assert not any(OBEYED.search(text) for text in texts(read))


@given(st.recursive(ANY, lambda inner: st.lists(inner) | st.dictionaries(ANY, inner), max_leaves=6))
@settings(max_examples=300)
def test_visible_json_says_the_same(value):
    """What is printed for scripts."""
    assert json.loads(visible(json.dumps(value, ensure_ascii=False))) == json.loads(json.dumps(value))
