"""``llmcontract init``: what it finds, shows and writes; and that what it wrote runs."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

APPS = {
    "groq": "import groq\nMODEL = 'openai/gpt-oss-20b'\n",
    "together": "from together import Together\n",
    "openai": "from openai import OpenAI\nc = OpenAI(base_url='https://api.groq.com/openai/v1')\n",
    "langchain": "from langchain_groq import ChatGroq\n",
    "nothing": "import json\n",
    "dead": "import groq\nMODEL = 'llama-3.3-70b-versatile'\n",
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLMCONTRACT_TODAY", "2026-11-28")

    def made(name):
        (tmp_path / "app.py").write_text(APPS[name])
        return tmp_path

    return made


@pytest.mark.parametrize("name", APPS)
def test_what_it_writes_runs(project, run_command, name):
    folder = project(name)
    code, out, err = run_command("init --yes")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "now: pytest"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert "3 passed" in result.stdout, result.stdout + result.stderr
    assert run_command("scan tests --today 2026-11-28")[0] == 0


def test_it_asks_a_model_that_the_project_names_if_that_answers(project, run_command):
    project("groq")
    run_command("init --yes")
    assert '"openai/gpt-oss-20b"' in (project("groq") / "tests" / "test_llm.py").read_text()


def test_it_shows_before_it_writes_and_writes_nothing_unasked(project, run_command):
    folder = project("groq")
    code, out, err = run_command("init")
    assert code == 1
    assert "--- tests/conftest.py\n" in out
    assert "it imports groq; tests of calls to groq" in out
    assert "nothing written; --yes writes without asking" in err
    assert [path.name for path in folder.iterdir()] == ["app.py"]


def test_what_is_there_stays_as_it_is(project, run_command):
    folder = project("groq")
    (folder / "tests").mkdir()
    (folder / "tests" / "conftest.py").write_text("# mine\n")
    out = run_command("init --yes")[1]
    assert "tests/conftest.py is there, and stays as it is" in out
    assert (folder / "tests" / "conftest.py").read_text() == "# mine\n"
    assert run_command("init --yes")[0] == 0


def test_the_job_and_the_hook_are_what_they_say(project, run_command):
    folder = project("groq")
    run_command("init --yes")
    for file, schema in (
        (folder / ".github" / "workflows" / "llm.yml", "vendor.github-workflows"),
        (folder / ".pre-commit-config.yaml", None),
    ):
        assert yaml.safe_load(file.read_text())
        if schema:
            check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
            assert subprocess.run(check, capture_output=True, check=False).returncode == 0


def test_bad_input_is_2(project, run_command):
    project("groq")
    code, _, err = run_command("init nowhere")
    assert code == 2
    assert "nowhere: there is no such folder" in err
