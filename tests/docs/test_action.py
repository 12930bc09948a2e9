"""The GitHub action and the hooks of pre-commit: valid where they would run, and run here step by step."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pages import ROOT

ACTION, HOOKS = ROOT / "action.yml", ROOT / ".pre-commit-hooks.yaml"

GH = """#!{python}
import json, pathlib, sys
log, kept = pathlib.Path("gh.log"), pathlib.Path("comments.json")
comments = json.loads(kept.read_text()) if kept.exists() else {{}}
args = sys.argv[1:]
method = args[args.index("--method") + 1] if "--method" in args else "GET"
body = next((pathlib.Path(a.partition("@")[2]).read_text() for a in args if a.startswith("body=@")), None)
if method == "GET":
    print("\\n".join(id for id, text in comments.items() if text.startswith("<!-- pytest-llmcontract -->")))
elif method == "POST":
    comments[str(len(comments) + 7)] = body
else:
    id = next(a for a in args if a.startswith("repos/")).rpartition("/")[2]
    comments.pop(id) if method == "DELETE" else comments.update({{id: body}})
kept.write_text(json.dumps(comments))
log.open("a").write(method + "\\n")
"""

TEST = """
import groq
import pytest

@pytest.mark.parametrize("text", ["a", "b"])
def test_ask(groq_api, text):
    groq.Groq().chat.completions.create(model="openai/gpt-oss-120b", messages=[{"role": "user", "content": text}])
"""


class Action:
    """The steps of the action, run in a folder as GitHub would run them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps = {step["name"]: step for step in yaml.safe_load(ACTION.read_text("utf-8"))["runs"]["steps"]}
        (folder / "bin").mkdir()
        (folder / "bin" / "gh").write_text(GH.format(python=sys.executable))
        (folder / "bin" / "gh").chmod(0o755)
        path = os.pathsep.join((str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]))
        self.env = {
            **os.environ,
            "PATH": path,
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
            "GITHUB_REPOSITORY": "acme/app",
            "RUNNER_TEMP": str(folder),
            "LLMCONTRACT_TODAY": "2026-11-28",
        }

    def run(self, name: str, **env: str) -> subprocess.CompletedProcess[str]:
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", self.steps[name]["run"]]
        result = subprocess.run(
            command, cwd=self.folder, env={**self.env, **env}, capture_output=True, text=True, check=False
        )
        assert "Traceback" not in result.stderr, result.stderr
        return result

    def compare(self, ledger: str, base: str) -> str:
        """Say what changed and keep the comment; what GitHub has as comments then."""
        (self.folder / "output").write_text("")
        assert self.run("Say what changed", LEDGER=ledger, BASE=base).returncode == 0
        found = re.search("changed=(.*)", (self.folder / "output").read_text())
        if found:
            done = self.run("Keep one comment", CHANGED=found[1], PULL_REQUEST="12", GH_TOKEN="x")
            assert done.returncode == 0, done.stderr
        comments = self.folder / "comments.json"
        return list(json.loads(comments.read_text()).values()) if comments.exists() else []


@pytest.fixture
def action(tmp_path):
    return Action(tmp_path)


def test_the_published_schema_accepts_it():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions", str(ACTION)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_input_is_put_into_a_script():
    for step in yaml.safe_load(ACTION.read_text("utf-8"))["runs"]["steps"]:
        assert "${{" not in step["run"], "an input in a script can run anything: hand it over in env"


def test_a_dead_model_fails_the_scan_and_is_shown_at_its_line(action):
    (action.folder / "app.py").write_text("M = 'llama3-70b-8192'\n")
    result = action.run("Scan the source", PATHS=".")
    assert result.returncode == 1
    assert result.stdout.startswith("::error file=app.py,line=1,col=6,title=LLM104 retired model::")


def test_recordings_are_verified(action):
    (action.folder / "cassettes").mkdir()
    assert action.run("Verify the recordings", CASSETTES="cassettes").returncode == 0


def test_one_comment_says_what_changed_and_goes_when_nothing_did(action):
    (action.folder / "test_app.py").write_text(TEST)
    for name, text in (("base.json", TEST), ("same.json", TEST), ("more.json", TEST.replace('"b"', '"b", "c"'))):
        (action.folder / "test_app.py").write_text(text)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--llmcontract-report={name}"]
        subprocess.run(command, cwd=action.folder, check=True, capture_output=True)

    assert action.compare("same.json", "base.json") == []
    (first,) = action.compare("more.json", "base.json")
    assert first.startswith("<!-- pytest-llmcontract -->\n")
    assert "test_app.py::test_ask[c]" in first
    assert action.compare("more.json", "base.json") == [first]
    assert action.compare("same.json", "base.json") == []
    assert (action.folder / "gh.log").read_text().split() == ["GET", "GET", "POST", "GET", "PATCH", "GET", "DELETE"]


def test_without_a_ledger_to_compare_with_nothing_is_said(action):
    assert action.compare("ledger.json", "nothing.json") == []


def test_the_hooks_name_commands_that_there_are(tmp_path, run_command):
    hooks = {hook["id"]: hook for hook in yaml.safe_load(HOOKS.read_text("utf-8"))}
    assert list(hooks) == ["llmcontract-scan", "llmcontract-verify"]
    (tmp_path / "app.py").write_text("M = 'openai/gpt-oss-120b'\n")
    for hook in hooks.values():
        command = hook["entry"].removeprefix("llmcontract ")
        assert run_command(f"{command} {tmp_path}")[0] == 0


def test_the_hooks_are_what_pre_commit_reads():
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(HOOKS)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
