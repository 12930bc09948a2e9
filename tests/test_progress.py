"""Long work shows how far it is, and only on a terminal: the commands as a shell starts them, on a pseudo-terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

pty = pytest.importorskip("pty")

MANY = 12

CASSETTE = """version: 1
interactions:
- request:
    method: GET
    uri: https://api.groq.com/openai/v1/models
    headers: {authorization: ['***']}
  response:
    status: {code: 401, message: Unauthorized}
    headers: {date: ['Mon, 02 Nov 2026 12:00:00 GMT']}
    body: {string: '{"error":{"message":"Invalid API Key","type":"invalid_request_error","code":"invalid_api_key"}}'}
"""

LEDGER = """{"format": 1, "tool": "pytest-llmcontract 0.1.0", "editions": {}, "tests": [], "calls": [], "totals": {},
"sessions": [{"id": "%d", "started": "2026-11-02T12:00:00Z"}], "violations": [], "budgets": []}"""

# Impatient, so that little work is enough: nothing here waits for time to pass.
RUN = """
import sys
from pytest_llmcontract.report import progress
progress.PATIENCE = 0
from pytest_llmcontract.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def folder(tmp_path):
    """Many recordings, and the ledgers of as many shards."""
    (tmp_path / "cassettes").mkdir()
    for number in range(MANY):
        (tmp_path / "cassettes" / f"{number}.yaml").write_text(CASSETTE)
        (tmp_path / f"shard-{number}.json").write_text(LEDGER % number)
    return tmp_path


def on_a_terminal(folder, *arguments):
    """Stdout as a pipe has it, stderr as a terminal has it."""
    terminal, its_end = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", RUN, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=its_end, text=True
    ) as process:
        os.close(its_end)
        out, _ = process.communicate()
        shown = b""
        try:
            while piece := os.read(terminal, 1024):
                shown += piece
        except OSError:  # Linux says so that the other end is closed
            pass
    os.close(terminal)
    return out, shown.decode()


def piped(folder, *arguments):
    command = [sys.executable, "-c", RUN, *arguments]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return result.stdout, result.stderr


COMMANDS = {
    "verify": ("verify", "cassettes"),
    "verify --format json": ("verify", "cassettes", "--format", "json"),
    "drift": ("drift", "cassettes"),
    "drift --json": ("drift", "cassettes", "--json"),
    "report": ("report", *(f"shard-{number}.json" for number in range(MANY))),
}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_a_terminal_sees_how_far_it_is_and_nothing_of_it_in_the_end(folder, arguments):
    _, shown = on_a_terminal(folder, *arguments)

    assert re.findall(rf"\r(\d+) of {MANY} (?:files|ledgers)", shown) == [str(number) for number in range(1, MANY + 1)]
    assert re.search(r"\r +\r$", shown)


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_what_is_piped_is_the_answer_alone(folder, arguments):
    out, shown = piped(folder, *arguments)

    assert shown == ""
    assert "\r" not in out
    assert out == on_a_terminal(folder, *arguments)[0]
