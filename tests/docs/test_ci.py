"""The ready CI jobs: valid where they would run, the same on the page as in the files, and run here line by line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pages import ROOT, blocks

FOLDER = ROOT / "examples" / "ci"
GITHUB, GITLAB = FOLDER / "github.yml", FOLDER / "gitlab.yml"

APP = """
import groq

def ask(text):
    messages = [{"role": "user", "content": text}]
    answer = groq.Groq().chat.completions.create(model="openai/gpt-oss-120b", messages=messages)
    return answer.choices[0].message.content
"""

TESTS = """
import pytest
from app import ask

@pytest.mark.parametrize("text", ["cats", "dogs", "birds", "bees"])
def test_ask(groq_api, text):
    groq_api.reply("Yes.", usage={"prompt_tokens": 1000, "completion_tokens": 10})
    assert ask(text) == "Yes."
"""


# They are what they say.


@pytest.mark.parametrize(
    ("file", "options"),
    [
        (GITHUB, ["--builtin-schema", "vendor.github-workflows"]),
        (GITLAB, ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]),
    ],
    ids=["github", "gitlab"],
)
def test_the_published_schema_accepts_it(file, options):
    command = [sys.executable, "-m", "check_jsonschema", *options, str(file)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout + result.stderr


def test_the_page_shows_the_files_as_they_are():
    shown = [block.text for block in blocks(ROOT / "docs" / "ci.md") if block.language == "yaml"]

    assert shown == [file.read_text("utf-8") for file in (GITHUB, GITLAB)]


# They run.


class Project:
    """A small project in which the lines of a job are run, with the package that is installed here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "app.py").write_text(APP)
        (folder / "requirements.txt").write_text("groq\n")
        (folder / "tests").mkdir()
        (folder / "tests" / "test_app.py").write_text(TESTS)
        (folder / "pytest.ini").write_text(
            "[pytest]\npythonpath = .\nasyncio_default_fixture_loop_scope = function\naddopts = -p no:cacheprovider\n"
        )
        tools = folder / "bin"
        tools.mkdir()
        (tools / "pip").write_text("#!/bin/sh\nexit 0\n")  # what it would install is there
        (tools / "pip").chmod(0o755)
        self.summary = folder / "summary.md"
        path = os.pathsep.join((str(tools), str(Path(sys.executable).parent), os.environ["PATH"]))
        self.env = {**os.environ, "PATH": path}

    def run(self, line: str, **env: str) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            ["bash", "-e", "-c", line],
            cwd=self.folder,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in result.stderr, result.stderr
        return result

    def read(self, name: str) -> dict[str, object]:
        return json.loads((self.folder / name).read_text("utf-8"))


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def on_github(project: Project, ref: str) -> dict[str, subprocess.CompletedProcess[str]]:
    """Run the workflow as GitHub would; gives what each named step of the last job printed."""
    jobs = yaml.safe_load(GITHUB.read_text("utf-8"))["jobs"]
    there = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(project.summary)}
    for shard in jobs["test"]["strategy"]["matrix"]["shard"]:
        for step in jobs["test"]["steps"]:
            if "run" in step:
                assert project.run(step["run"], SHARD=str(shard), **there).returncode == 0
    results: dict[str, subprocess.CompletedProcess[str]] = {}
    for step in jobs["report"]["steps"]:
        condition = step.get("if", "success()")
        failed = any(result.returncode for result in results.values())
        if "run" not in step or (failed and "cancelled" not in condition):
            continue
        if "github.ref" not in condition or ref == "main":
            results[step["name"]] = project.run(step["run"], **there)
    return results


def on_gitlab(project: Project, branch: str) -> dict[str, subprocess.CompletedProcess[str]]:
    """Run the jobs as GitLab would; gives what the script of each printed."""
    jobs = yaml.safe_load(GITLAB.read_text("utf-8"))
    results: dict[str, subprocess.CompletedProcess[str]] = {}
    total = jobs["llm-test"]["parallel"]
    for index in range(1, total + 1):
        there = {"GITLAB_CI": "true", "CI_NODE_TOTAL": str(total), "CI_NODE_INDEX": str(index)}
        results[f"llm-test {index}"] = project.run("\n".join(jobs["llm-test"]["script"]), **there)
    results["llm-report"] = project.run("\n".join(jobs["llm-report"]["script"]), GITLAB_CI="true")
    if branch == "main" and results["llm-report"].returncode == 0:
        results["llm-baseline"] = project.run("\n".join(jobs["llm-baseline"]["script"]))
    return results


def spend_more(project: Project) -> None:
    """A branch that asks twice where once was enough."""
    tests = project.folder / "tests" / "test_app.py"
    tests.write_text(tests.read_text().replace('assert ask(text) == "Yes."', 'ask(text)\n    ask("again")'))


@pytest.mark.parametrize("run", [on_github, on_gitlab])
def test_the_jobs_pass_and_leave_report_and_baseline(project, run):
    results = run(project, "main")

    assert {name: result.returncode for name, result in results.items()} == dict.fromkeys(results, 0)
    assert project.read("base.json")["totals"]["calls"] == 4
    assert project.read("base.json")["totals"]["tokens"] == 4040
    assert (project.folder / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize("run", [on_github, on_gitlab])
def test_a_branch_is_compared_with_the_main_branch(project, run):
    run(project, "main")
    spend_more(project)
    results = run(project, "feature")

    report = next(result for name, result in results.items() if name.lower().endswith("report"))
    assert report.returncode == 0
    assert "4" in report.stdout
    assert "8" in report.stdout
    assert project.read("base.json")["totals"]["calls"] == 4


def test_on_github_there_is_a_summary_and_sarif(project):
    on_github(project, "feature")

    assert "4" in project.summary.read_text("utf-8")
    assert project.read("report.sarif")["version"] == "2.1.0"


def test_on_gitlab_every_test_has_its_figures_in_the_junit_report(project):
    on_gitlab(project, "feature")
    both = "".join((project.folder / f"junit-{index}.xml").read_text("utf-8") for index in (1, 2))

    assert both.count('<property name="llmcontract.calls" value="1"') == 4


@pytest.mark.parametrize("run", [on_github, on_gitlab])
def test_a_session_over_its_budget_fails_the_report(project, run):
    tests = project.folder / "tests" / "test_app.py"
    tests.write_text(tests.read_text().replace('"prompt_tokens": 1000', '"prompt_tokens": 100_000'))
    (project.folder / "app.py").write_text(APP)
    results = run(project, "main")

    report = next(result for name, result in results.items() if name.lower().endswith("report"))
    assert report.returncode == 1
    assert "LLM402" in report.stdout + report.stderr
    assert not (project.folder / "base.json").exists()
