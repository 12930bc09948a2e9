"""What a command selects: its own flags, and the ini keys of the project, found where pytest finds them."""

from __future__ import annotations

import argparse

import pytest

from pytest_llmcontract.cli import main
from pytest_llmcontract.commands.project import add_selection, ini_settings, selection_of
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.findings.rules import RULES, Violation

FILES = {
    "pytest.ini": "[pytest]\nllmcontract_ignore = LLM2\nllmcontract_per_path_ignores =\n  old/*: LLM101\n  b: LLM4\n",
    ".pytest.ini": "[pytest]\nllmcontract_ignore = LLM2\nllmcontract_per_path_ignores = old/*: LLM101\n",
    "tox.ini": "[tox]\nenvlist = a\n[pytest]\nllmcontract_ignore = LLM2\nllmcontract_per_path_ignores = old: LLM101\n",
    "setup.cfg": "[tool:pytest]\nllmcontract_ignore =\n  LLM2\nllmcontract_per_path_ignores =\n  old/*: LLM101\n",
    "pyproject.toml": (
        '[tool.pytest.ini_options]\nllmcontract_ignore = ["LLM2"]\nllmcontract_per_path_ignores = ["old/*: LLM101"]\n'
    ),
}


def selected(*arguments):
    parser = argparse.ArgumentParser()
    add_selection(parser)
    return selection_of(parser.parse_args(arguments))


def ignored_codes(selection, place=""):
    return {code for code in RULES if not selection.counts(Violation(code, "…"), place)}


OF_RECORDINGS = {code for code in RULES if code.startswith("LLM2")}


@pytest.mark.parametrize(("name", "text"), FILES.items(), ids=FILES)
def test_the_keys_are_read_from_every_file_that_pytest_reads(tmp_path, monkeypatch, name, text):
    (tmp_path / name).write_text(text)
    below = tmp_path / "cassettes"
    below.mkdir()
    monkeypatch.chdir(below)

    assert ignored_codes(selected()) == OF_RECORDINGS
    assert ignored_codes(selected(), str(tmp_path / "old" / "a.yaml")) == {*OF_RECORDINGS, "LLM101"}
    assert ignored_codes(selected("--select=ALL")) == set()
    assert ignored_codes(selected("--ignore=LLM108")) == {"LLM108"}


def test_the_nearest_file_with_the_section_is_the_one(tmp_path):
    (tmp_path / "pytest.ini").write_text(FILES["pytest.ini"])
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "tox.ini").write_text("[tox]\nenvlist = a\n")
    (tmp_path / "inner" / "pyproject.toml").write_text("[tool.ruff]\nline-length = 100\n")

    folder, settings = ini_settings(tmp_path / "inner")

    assert folder == tmp_path
    assert settings["llmcontract_ignore"] == "LLM2"


@pytest.mark.parametrize(
    ("name", "text"), [("pyproject.toml", "[tool.pytest.ini_options\n"), ("pytest.ini", "llmcontract_ignore = LLM2\n")]
)
def test_a_file_that_does_not_parse_is_named(tmp_path, monkeypatch, name, text):
    (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(BadInput, match=name) as refused:
        selected()
    assert "\n" not in str(refused.value)


def test_a_flag_with_a_typo_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(
        BadInput, match=r"unknown rule 'LLM9'. Did you mean 'LLM\d+'\? \(--select\) Near it too: .*; accepted: ALL, "
    ):
        selected("--select=LLM9")


# verify

CASSETTE = """version: 1
interactions:
- request:
    method: GET
    uri: https://api.groq.com/openai/v1/models
    headers: {authorization: [Bearer gsk_Ux8PlT3nVq0sRb6yKe2wHd9mZc4aJf7o]}
  response:
    status: {code: 401, message: Unauthorized}
    headers: {date: ['Mon, 02 Nov 2026 12:00:00 GMT']}
    body: {string: '{"error":{"message":"Invalid API Key","type":"invalid_request_error","code":"invalid_api_key"}}'}
"""


@pytest.mark.parametrize(
    ("ini", "arguments", "code"),
    [
        ("", [], 1),
        ("", ["--ignore=LLM202"], 0),
        ("", ["--select=LLM1"], 0),
        ("llmcontract_ignore = LLM2", [], 0),
        ("llmcontract_ignore = LLM2", ["--select=LLM2"], 1),
        ("llmcontract_per_path_ignores = old: LLM202", [], 0),
        ("llmcontract_per_path_ignores = new: LLM202", [], 1),
    ],
)
@pytest.mark.parametrize("form", ["text", "json", "github", "sarif"])
def test_verify_tells_what_is_selected_and_nothing_else(tmp_path, monkeypatch, capsys, ini, arguments, code, form):
    (tmp_path / "pytest.ini").write_text(f"[pytest]\n{ini}\n")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "models.yaml").write_text(CASSETTE)
    monkeypatch.chdir(tmp_path)

    assert main(["verify", "old", f"--format={form}", *arguments]) == code
    assert ("LLM202" in capsys.readouterr().out) is (code == 1)


def test_verify_refuses_an_unknown_code_before_it_reads_anything(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    assert main(["verify", "not-there", "--select=LLM2O2"]) == 2
    assert "unknown rule 'LLM2O2'" in capsys.readouterr().err
