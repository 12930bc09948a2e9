"""Facts of one's own: a pasted ``/models`` reply compared, written as an overlay, and laid over ours."""

from __future__ import annotations

import json

import pytest

from pytest_llmcontract.core.facts.load import load_edition

NEW = "openai/gpt-oss-240b"


def groq_reply(*, without=(), extra=(), **changed):
    """What Groq would list today."""
    edition = load_edition("groq")
    models = [m for m in edition.models.values() if not m.is_retired(edition.date) and m.id not in without]
    listed = [{"id": m.id, "object": "model", "owned_by": m.owner, "context_window": m.context} for m in models]
    for record in listed:
        record |= changed.get(record["id"], {})
    return {"object": "list", "data": [*listed, *extra]}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLMCONTRACT_TODAY", "2026-11-28")
    return tmp_path


def write(folder, reply):
    (folder / "models.json").write_text(json.dumps(reply))


def test_the_same_models_are_0(folder, run_command):
    write(folder, groq_reply())
    code, out, err = run_command("models groq --check models.json")
    assert (code, err) == (0, "")
    assert out.endswith(": the same\n")


def test_new_gone_and_changed_models_are_told(folder, run_command):
    changed = {"openai/gpt-oss-120b": {"context_window": 262144}}
    extra = [{"id": NEW, "created": 1795000000, "owned_by": "OpenAI", "context_window": 131072}]
    write(folder, groq_reply(without=["openai/gpt-oss-20b"], extra=extra, **changed))
    code, out, _ = run_command("models groq --check models.json")
    assert code == 1
    assert out.splitlines() == [
        f"new      {NEW}",
        "gone     openai/gpt-oss-20b",
        "changed  openai/gpt-oss-120b: context 131072 -> 262144",
        "11 models listed, against groq 2026-10-01: 1 new, 1 gone, 1 changed",
    ]


def test_a_model_that_is_not_active_is_not_listed(folder, run_command):
    write(folder, groq_reply(extra=[{"id": NEW, "active": False}]))
    assert run_command("models groq --check models.json")[0] == 0


@pytest.fixture
def overlay(folder, run_command):
    """An overlay with a new model, one gone and one changed, in force for this project."""
    changed = {"openai/gpt-oss-120b": {"context_window": 262144}}
    extra = [{"id": NEW, "created": 1795000000, "owned_by": "OpenAI", "context_window": 131072}]
    write(folder, groq_reply(without=["openai/gpt-oss-20b"], extra=extra, **changed))
    run_command("models groq --check models.json --overlay facts.json")
    (folder / "pytest.ini").write_text("[pytest]\nllmcontract_facts = facts.json\n")
    return folder / "facts.json"


def test_commands_know_what_is_laid_over(overlay, run_command):
    assert run_command("models groq --check models.json")[0] == 0
    known = json.loads(run_command(f"models groq --model {NEW} --json")[1])
    assert known["models"][0]["context"] == 131072
    assert "facts.json" in run_command("models groq --model openai/gpt-oss-120b")[1]
    (overlay.parent / "app.py").write_text("M = 'groq/openai/gpt-oss-20b'\n")
    assert "is retired since 2026-11-28" in run_command("scan app.py")[1]


def test_nothing_is_left_of_it_elsewhere(overlay, run_command, monkeypatch, tmp_path_factory):
    run_command("models groq")
    monkeypatch.chdir(tmp_path_factory.mktemp("other"))
    assert run_command(f"models groq --model {NEW}")[0] == 2


def test_another_provider_in_the_file_is_kept(folder, run_command):
    (folder / "facts.json").write_text(json.dumps({"together": {"read": "2026-11-01", "models": []}}))
    write(folder, groq_reply())
    run_command("models groq --check models.json --overlay facts.json")
    assert set(json.loads((folder / "facts.json").read_text())) == {"groq", "together"}


def test_tests_call_a_model_that_is_laid_over(overlay, pytester, run_pytest):
    pytester.path.joinpath("facts.json").write_bytes(overlay.read_bytes())
    pytester.makeini("[pytest]\nllmcontract_facts = facts.json")
    pytester.makepyfile(
        f"""
import groq

def test_new(groq_api):
    groq.Groq().chat.completions.create(model="{NEW}", messages=[{{"role": "user", "content": "x"}}])
"""
    )
    run_pytest().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "facts.json: no JSON"),
        ("[]", "facts.json: expected an object: provider -> its facts"),
        ('{"grok": {}}', "grok"),
        ('{"groq": {"model": []}}', "model"),
        ('{"groq": {"models": [{}], "read": "2026-11-01"}}', "models: expected a list of objects, each with an id"),
        ('{"groq": {"read": "yesterday"}}', "read: expected the day it was read"),
        ('{"groq": {"read": "2026-11-01", "models": [{"id": "x", "type": "chat"}]}}', "record 'x': key"),
        ('{"groq": {"read": "2026-11-01", "gone": [{"id": "x", "on": "soon"}]}}', "gone: on:"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_it(folder, run_command, text, message):
    (folder / "facts.json").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\nllmcontract_facts = facts.json\n")
    code, out, err = run_command("models groq")
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("models groq --check nowhere.json", "nowhere.json: No such file"),
        ("models groq --overlay x.json", "--overlay needs --check FILE"),
    ],
)
def test_bad_input_is_2(folder, run_command, line, message):
    code, _, err = run_command(line)
    assert code == 2
    assert message in err


@pytest.mark.parametrize("reply", ["{}", "[]", '{"data": [1]}', "not json"])
def test_what_is_no_reply_is_refused(folder, run_command, reply):
    (folder / "models.json").write_text(reply)
    code, _, err = run_command("models groq --check models.json")
    assert code == 2
    assert "models.json: " in err


def test_old_facts_are_told(folder, run_command, monkeypatch):
    monkeypatch.setenv("LLMCONTRACT_TODAY", "2027-03-01")
    assert "the newest facts of groq are of 2026-10-01, 151 days ago" in run_command("models groq")[2]
    monkeypatch.setenv("LLMCONTRACT_TODAY", "2026-10-20")
    assert run_command("models groq")[2] == ""
