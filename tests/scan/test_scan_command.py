"""``llmcontract scan``: what it prints, writes and exits with."""

from __future__ import annotations

import json

import pytest

DEAD = "llama-3.1-8b-instant"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_bytes(f"A = '{DEAD}'\r\nB = 'groq/compound'\r\n".encode())
    (tmp_path / "ok.py").write_text("C = 'openai/gpt-oss-120b'\n")
    return tmp_path


def test_it_prints_a_line_for_each_finding_and_a_sum(tree, run_command):
    code, out, err = run_command("scan --today 2026-11-28")
    assert (code, err) == (1, "")
    assert out.splitlines()[0] == (
        f"app.py:1:6: LLM104 the Groq model '{DEAD}' is retired since 2026-08-16;"
        " the API answers 404 model_not_found from 2026-08-16 on"
    )
    assert "How to fix: Groq recommends openai/gpt-oss-20b" in out
    assert out.splitlines()[-1].startswith("2 files, 2026-11-28: 2 errors (facts: groq ")


def test_a_clean_tree_is_0(tree, run_command):
    code, out, _ = run_command("scan ok.py --today 2026-11-28")
    assert code == 0
    assert "1 file, 2026-11-28: nothing found" in out


def test_json_sarif_and_github_say_the_same(tree, run_command):
    found = json.loads(run_command("scan --today 2026-11-28 --format json")[1])
    assert [(v["file"], v["line"], v["column"], v["code"]) for v in found["violations"]] == [
        ("app.py", 1, 6, "LLM104"),
        ("app.py", 2, 6, "LLM104"),
    ]
    log = json.loads(run_command("scan --today 2026-11-28 --format sarif")[1])
    regions = [result["locations"][0]["physicalLocation"]["region"] for result in log["runs"][0]["results"]]
    assert regions == [{"startLine": 1, "startColumn": 6}, {"startLine": 2, "startColumn": 6}]
    lines = run_command("scan --today 2026-11-28 --format github")[1].splitlines()
    assert lines[0].startswith("::error file=app.py,line=1,col=6,title=LLM104 retired model::")


def test_fix_shows_and_writes_what_the_provider_named_and_nothing_else(tree, run_command):
    code, out, _ = run_command("scan --today 2026-11-28 --fix")
    assert code == 1  # groq/compound has no successor
    assert f"-A = '{DEAD}'" in out
    assert "+A = 'openai/gpt-oss-20b'" in out
    assert (tree / "app.py").read_bytes() == b"A = 'openai/gpt-oss-20b'\r\nB = 'groq/compound'\r\n"
    assert run_command("scan --today 2026-11-28 --fix --ignore LLM104")[0] == 0


def test_rules_are_selected_as_everywhere(tree, run_command):
    (tree / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\nllmcontract_per_path_ignores = ["app.py: LLM104"]\n'
    )
    assert run_command("scan --today 2026-11-28")[0] == 0
    assert run_command("scan --today 2026-11-28 --select LLM105")[0] == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("scan nowhere", "nowhere: there is no such file or folder"),
        ("scan --today tomorrow", "--today 'tomorrow' is no date; expected YYYY-MM-DD"),
        ("scan --within -3", "--within -3: accepted is a number of days from 0"),
        ("scan --ignore LLM9", "LLM9"),
    ],
)
def test_bad_input_is_2(tree, run_command, line, message):
    code, out, err = run_command(line)
    assert (code, out) == (2, "")
    assert message in err
