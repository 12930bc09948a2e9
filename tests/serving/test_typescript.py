"""The example for vitest: what it asks of the server is there, and its own tests pass with the real packages."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from pytest_llmcontract.serving.control import openapi

EXAMPLE = Path(__file__).parents[2] / "examples" / "typescript"
PACKAGES = {"groq-sdk", "together-ai", "openai", "@ai-sdk/groq", "@ai-sdk/togetherai", "@ai-sdk/openai-compatible"}
CELLS = 7
"""Chat, stream, tools, structured output, 429 then success, 498 or 503, 401: of each client."""
CLIENTS = 8
"""Of OpenAI's package there are two, one for each provider, and of what is compatible with it."""


def text(name):
    return (EXAMPLE / name).read_text("utf-8")


def paths():
    return openapi()["paths"]


def taken(path):
    """What a POST to *path* takes, but for the provider."""
    schema = paths()[f"/_llmcontract{path}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return set(schema["properties"]) - {"provider"}


def declared(interface):
    """The names of an interface in the declarations."""
    body = re.search(rf"interface {interface} \{{\n(.*?)\n\}}", text("llmcontract/index.d.ts"), re.DOTALL)[1]
    return set(re.findall(r"^  (\w+)\??:", body, re.MULTILINE))


def test_every_address_that_it_asks_is_one_of_the_server():
    source = text("llmcontract/index.js")
    asked = re.findall(r'\.control\("(\w+)", "(/\w+)"', source)
    asked += [("POST", path) for path in re.findall(r'#post\("(/\w+)"', source)]
    assert {"/reply", "/fail", "/calls", "/findings", "/reset"} <= {path for _, path in asked}
    for method, path in asked:
        assert method.lower() in paths()[f"/_llmcontract{path}"], (method, path)


@pytest.mark.parametrize(("interface", "path", "own"), [("Reply", "/reply", set()), ("Failure", "/fail", {"error"})])
def test_what_it_declares_of_a_script_is_what_the_server_takes(interface, path, own):
    assert declared(interface) | own == taken(path)


@pytest.mark.parametrize("act", ["outage", "cutStream", "exhaust", "clock"])
def test_what_it_declares_of_an_act_is_what_the_server_takes(act):
    arguments = re.search(rf"^  {act}\((.*)\):", text("llmcontract/index.d.ts"), re.MULTILINE)[1]
    path = re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", f"/{act}")
    assert set(re.findall(r"(\w+)\??:", arguments)) - {"more", "by"} == taken(path)


def test_what_it_declares_of_calls_and_findings_is_what_the_server_says(server):
    server.control("/fail", {"provider": "groq", "error": 429}, test="declared")
    assert declared("Finding") == set(server.control("/findings", test="declared")[0])
    httpx.get(f"{server.url}/t/declared/groq/openai/v1/models")
    assert declared("Call") == set(server.control("/calls", test="declared")[0])


def test_it_asks_for_ranges_of_the_real_packages():
    needed = json.loads(text("package.json"))["devDependencies"]
    assert {*PACKAGES, "vitest"} <= set(needed)
    assert all(re.fullmatch(r"\^\d+\.\d+\.\d+", wanted) for wanted in needed.values())


def test_its_tests_use_every_package():
    for package in PACKAGES:
        assert f'from "{package}"' in text("tests/clients.ts")


def test_the_options_of_the_server_are_options(run_command):
    words = json.loads(re.search(r"OPTIONS = (\[.*\])", text("llmcontract/setup.js"))[1])
    assert words[0] == "serve"
    _, shown, _ = run_command("serve --help")
    assert {word for word in words if word.startswith("--")} <= set(re.findall(r"--[a-z-]+", shown))


def started_by(tmp_path):
    """A command that starts the ``llmcontract`` of this Python, wherever it is installed."""
    command = tmp_path / "llmcontract"
    command.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -c '
        "'import sys; from pytest_llmcontract.cli import main; sys.exit(main())' \"$@\"\n"
    )
    command.chmod(0o755)
    return str(command)


def vitest(tmp_path, **env):
    if shutil.which("npx") is None:
        pytest.skip("node is not installed")
    if not (EXAMPLE / "node_modules" / "vitest").exists():
        pytest.skip("its packages are not installed: npm install in examples/typescript")
    report = tmp_path / "report.json"
    command = ["npx", "--no-install", "vitest", "run", "--reporter=json", f"--outputFile={report}"]
    env = {**os.environ, "LLMCONTRACT": started_by(tmp_path), **env}
    done = subprocess.run(command, cwd=EXAMPLE, env=env, capture_output=True, text=True, timeout=300)
    return done, json.loads(report.read_text()) if report.exists() else None


@pytest.mark.slow
def test_its_tests_pass_with_the_real_packages(tmp_path):
    done, report = vitest(tmp_path)
    assert report is not None, done.stdout + done.stderr
    tests = {test["fullName"]: test for file in report["testResults"] for test in file["assertionResults"]}
    assert {name: test["failureMessages"] for name, test in tests.items() if test["status"] != "passed"} == {}
    assert done.returncode == 0, done.stdout + done.stderr
    cells = [name for name in tests if name.startswith((*PACKAGES, "openai for"))]
    assert len(cells) == CLIENTS * CELLS


@pytest.mark.slow
def test_a_server_that_does_not_start_is_told_with_what_to_do(tmp_path):
    done, _ = vitest(tmp_path, LLMCONTRACT="no-such-command")
    assert done.returncode != 0
    assert "pip install 'pytest-llmcontract[server]'" in done.stdout + done.stderr
