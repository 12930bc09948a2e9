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
GITHUB, GITLAB, NIGHTLY = FOLDER / "github.yml", FOLDER / "gitlab.yml", FOLDER / "nightly.yml"

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
        (NIGHTLY, ["--builtin-schema", "vendor.github-workflows"]),
        (GITLAB, ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]),
    ],
    ids=["github", "nightly", "gitlab"],
)
def test_the_published_schema_accepts_it(file, options):
    command = [sys.executable, "-m", "check_jsonschema", *options, str(file)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout + result.stderr


def test_the_page_shows_the_files_as_they_are():
    shown = [block.text for block in blocks(ROOT / "docs" / "ci.md") if block.language == "yaml"]

    assert shown == [file.read_text("utf-8") for file in (GITHUB, GITLAB, NIGHTLY)]


# They run.

Results = dict[str, "subprocess.CompletedProcess[str]"]


class Project:
    """A small project in which the lines of a job are run, with the package that is installed here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "app.py").write_text(APP)
        (folder / "requirements.txt").write_text("groq\n")
        (folder / "tests").mkdir()
        (folder / "tests" / "test_app.py").write_text(TESTS)
        (folder / "pytest.ini").write_text(
            "[pytest]\npythonpath = .\naddopts = -p no:cacheprovider -p llmcontract -p pytest-split\n"
        )
        tools = folder / "bin"
        tools.mkdir()
        (tools / "pip").write_text("#!/bin/sh\nexit 0\n")  # what it would install is there
        (tools / "pip").chmod(0o755)
        path = os.pathsep.join((str(tools), str(Path(sys.executable).parent), os.environ["PATH"]))
        self.env = {**os.environ, "PATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}

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

    def text(self, name: str) -> str:
        return (self.folder / name).read_text("utf-8")

    def totals(self, name: str) -> dict[str, object]:
        return json.loads(self.text(name))["totals"]


class OnGithub:
    """Runs the workflow as GitHub would; the actions it uses move files to where they are already."""

    last = "Hold all shards together to the budget"

    def __init__(self, project: Project) -> None:
        self.project = project
        self.jobs = yaml.safe_load(GITHUB.read_text("utf-8"))["jobs"]
        self.env = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(project.folder / "summary.md")}

    def test(self) -> Results:
        results = {}
        for shard in self.jobs["test"]["strategy"]["matrix"]["shard"]:
            for step in self.jobs["test"]["steps"]:
                if "run" in step:
                    results[f"{step['name']} {shard}"] = self.project.run(step["run"], SHARD=str(shard), **self.env)
        return results

    def report(self, branch: str, budget: str) -> Results:
        results: Results = {}
        for step in self.jobs["report"]["steps"]:
            condition = step.get("if", "success()")
            failed = any(result.returncode for result in results.values())
            if "run" not in step or (failed and "cancelled" not in condition):
                continue
            if "github.ref" not in condition or branch == "main":
                line = step["run"].replace("cost=0.50,tokens=200000", budget)
                results[step["name"]] = self.project.run(line, **self.env)
        return results


class OnGitlab:
    """Runs the jobs as GitLab would."""

    last = "llm-report"

    def __init__(self, project: Project) -> None:
        self.project = project
        self.jobs = yaml.safe_load(GITLAB.read_text("utf-8"))

    def test(self) -> Results:
        total = self.jobs["llm-test"]["parallel"]
        env = {"GITLAB_CI": "true", "CI_NODE_TOTAL": str(total)}
        return {
            f"llm-test {index}": self._script("llm-test", CI_NODE_INDEX=str(index), **env)
            for index in range(1, total + 1)
        }

    def report(self, branch: str, budget: str) -> Results:
        script = self.jobs["llm-report"]["script"]
        self.jobs["llm-report"]["script"] = [line.replace("cost=0.50,tokens=200000", budget) for line in script]
        results = {"llm-report": self._script("llm-report", GITLAB_CI="true")}
        if branch == "main" and results["llm-report"].returncode == 0:
            results["llm-baseline"] = self._script("llm-baseline")
        return results

    def _script(self, job: str, **env: str) -> subprocess.CompletedProcess[str]:
        return self.project.run("\n".join(self.jobs[job]["script"]), **env)


USUAL = "cost=0.50,tokens=200000"


@pytest.fixture(scope="module", params=[OnGithub, OnGitlab], ids=["github", "gitlab"])
def ci(request, tmp_path_factory):
    """A push to the main branch, a branch that asks twice where once was enough, and that with a smaller budget."""
    project = Project(tmp_path_factory.mktemp("project"))
    ci = request.param(project)
    ci.main = {**ci.test(), **ci.report("main", USUAL)}
    tests = project.folder / "tests" / "test_app.py"
    tests.write_text(tests.read_text().replace('assert ask(text) == "Yes."', 'ask(text)\n    ask("again")'))
    ci.feature = {**ci.test(), **ci.report("feature", USUAL)}
    ci.over = ci.report("feature", "tokens=4K")
    return ci


def test_every_line_of_the_jobs_runs(ci):
    for results in (ci.main, ci.feature):
        assert {name: result.returncode for name, result in results.items()} == dict.fromkeys(results, 0)


def test_the_main_branch_leaves_the_ledger_of_all_shards(ci):
    assert (ci.project.totals("base.json")["calls"], ci.project.totals("base.json")["tokens"]) == (4, 4040)


def test_a_branch_is_compared_with_it(ci):
    shown = ci.feature[ci.last].stdout if isinstance(ci, OnGitlab) else ci.project.text("summary.md")

    assert ci.project.totals("ledger.json")["calls"] == 8
    assert [line for line in shown.splitlines() if "calls" in line.lower() and "4" in line and "8" in line]


def test_there_is_a_page_to_open(ci):
    assert "</html>" in ci.project.text("report.html")


def test_shards_that_are_together_over_the_budget_fail_the_report(ci):
    result = ci.over[ci.last]

    assert result.returncode == 1
    assert "LLM402" in result.stdout + result.stderr


def test_github_shows_findings_at_the_lines_of_the_code(ci):
    if isinstance(ci, OnGitlab):
        pytest.skip("GitHub's")

    assert json.loads(ci.project.text("report.sarif"))["version"] == "2.1.0"


def test_gitlab_lists_the_tests_with_their_figures(ci):
    if isinstance(ci, OnGithub):
        pytest.skip("GitLab's")
    both = ci.project.text("junit-1.xml") + ci.project.text("junit-2.xml")

    assert both.count('<property name="llmcontract.calls" value="2"') == 4


# At night.

RECORDED = """
import groq
import pytest

@pytest.mark.llm_contract
def test_ask(groq_api):
    groq.Groq().chat.completions.create(model="openai/gpt-oss-120b", messages=[{"role": "user", "content": "Hello"}])
"""
GIT = '#!/bin/sh\necho git "$@" >> commands.log\n'
GH = '#!/bin/sh\necho gh "$@" >> commands.log\n'


@pytest.fixture
def night(tmp_path):
    """The steps of the nightly job, in a project with a recording; git and gh only say what they were told."""
    project = Project(tmp_path)
    (tmp_path / "tests" / "test_app.py").write_text(RECORDED)
    for name, text in (("git", GIT), ("gh", GH)):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    steps = {step.get("name"): step for step in yaml.safe_load(NIGHTLY.read_text("utf-8"))["jobs"]["record"]["steps"]}
    record = steps["Record again, from the providers"]["run"].replace("=live", "=simulator")
    assert project.run(record).returncode == 0
    cassette = next(tmp_path.rglob("*.llm.yaml"))
    cassette.write_text(cassette.read_text().replace("source: simulator", "source: live"))
    return project, steps


def drifted(project, steps):
    env = {"GITHUB_OUTPUT": "output", "GITHUB_STEP_SUMMARY": "summary"}
    assert project.run(steps["Ask whether they still answer as they did"]["run"], **env).returncode == 0
    return project.text("output").strip()


def test_at_night_nothing_happens_where_nothing_changed(night):
    assert drifted(*night) == "changed=false"


def test_at_night_a_change_opens_a_pull_request(night):
    project, steps = night
    cassette = next(project.folder.rglob("*.llm.yaml"))
    cassette.write_text(cassette.read_text().replace('"system_fingerprint"', '"fingerprint_of_system"'))
    assert drifted(project, steps) == "changed=true"
    assert project.run(steps["Open a pull request with the new recordings"]["run"]).returncode == 0
    said = project.text("commands.log").splitlines()
    assert said[-2:] == [
        "git push --force origin llm-nightly",
        "gh pr create --head llm-nightly --title The providers answer otherwise --body-file drift.txt",
    ]
