"""The ``llmcontract`` command: answers on stdout, one line of complaint on stderr, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

OSS = "openai/gpt-oss-120b"


# fit


def test_fit_says_what_binds(run_command):
    code, out, err = run_command(f"fit groq/free {OSS} --tokens-per-call 500 --edition 2026-06-04")

    assert (code, err) == (0, "")
    assert out.startswith("TPD binds: 400 calls a day, 16 a minute at most\n")


@pytest.mark.parametrize(
    ("workload", "code", "fits"),
    [
        ("", 0, None),
        ("--calls-per-day 400", 0, True),
        ("--calls-per-day 401", 1, False),
        ("--calls-per-minute 16 --calls-per-day 0.4K", 0, True),
        ("--calls-per-minute 17", 1, False),
    ],
)
def test_fit_tells_scripts_by_json_and_exit_code(run_command, workload, code, fits):
    told, out, err = run_command(f"fit groq/free {OSS} --tokens-per-call 0.5K --edition 2026-06-04 --json {workload}")
    answer = json.loads(out)

    assert (told, answer["fits"]) == (code, fits)
    assert bool(err) == (fits is False)  # what may help is for people
    assert all(line.startswith("llmcontract fit: note: ") for line in err.splitlines())
    assert list(answer) == ["fits", "binding", "calls_per_day", "calls_per_minute", "limits", "fits_on"]
    assert (answer["calls_per_day"], answer["calls_per_minute"]) == (400, 16)


def test_what_json_cannot_hold_goes_to_stderr(run_command):
    code, out, err = run_command(f"fit groq/free {OSS} --json")

    assert code == 0
    assert json.loads(out)["binding"] == "RPD"
    assert err == "llmcontract fit: note: TPM and TPD not judged: tokens a call are not given\n"


# cost


def test_cost_says_the_sum_first(run_command):
    code, out, err = run_command(f"cost groq {OSS} --input-tokens 10M --output-tokens 2M")

    assert (code, err) == (0, "")
    assert out.startswith("$2.70\n")


@pytest.mark.parametrize(
    ("line", "cost"),
    [
        ("openai/gpt-oss-20b --input-tokens 10M --output-tokens 2M", "1.35"),
        (f"{OSS} --input-tokens 10M --output-tokens 2M --batch", "1.35"),
        (f"{OSS} --input-tokens 100M --cached-tokens 50M --output-tokens 20M", "23.25"),
        (f"{OSS} --input-tokens 100M --cached-tokens 50M --output-tokens 20M --batch", "13.50"),
        ("whisper-large-v3-turbo --audio-hours 1000", "40.00"),
        ("canopylabs/orpheus-v1-english --characters 1M", "22.00"),
        (f"{OSS} --tool web_search=1K --tool code_interpreter=1.5", "5.27"),
    ],
)
def test_cost_tells_scripts_by_json(run_command, line, cost):
    code, out, _ = run_command(f"cost groq {line} --edition 2026-06-04 --json")
    answer = json.loads(out)

    assert (code, answer["cost"], answer["edition"]) == (0, cost, "2026-06-04")
    assert list(answer) == ["cost", "parts", "edition"]


def test_an_amount_of_nothing_costs_nothing(run_command):
    assert run_command(f"cost groq {OSS} --input-tokens 0 --edition 2026-06-04")[0] == 0


# Bad input


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("fit groq gpt", "llmcontract fit: plan 'groq' is not understood; expected PROVIDER/PLAN, such as groq/free"),
        (f"fit groq/gratis {OSS}", "llmcontract fit: unknown groq plan 'gratis'; accepted: developer, free"),
        (f"fit groq/free {OSS} --tokens-per-call lots", "tokens_per_call is 'lots'; expected a number such as 12000"),
        (f"fit groq/free {OSS} --edition 1999-01-01", "no groq edition is as old as 1999-01-01"),
        ("fit groq/free", "the following arguments are required: MODEL"),
        (
            f"cost groq {OSS}",
            "llmcontract cost: nothing to price: give at least one of --input-tokens, --cached-tokens",
        ),
        (f"cost groq {OSS} --batch --json", "nothing to price: give at least one of --input-tokens"),
        (
            f"cost grok {OSS}",
            "llmcontract cost: unknown provider 'grok'; accepted: groq, together. Did you mean 'groq'?",
        ),
        (f"cost groq {OSS} --tool web_search", "--tool 'web_search' is not understood; expected NAME=N"),
        (f"cost groq {OSS} --tool web_search=1 --tool web_search=2", "--tool 'web_search' is given twice"),
        (f"cost groq {OSS} --images 1", f"{OSS} has no price for images"),
        (f"cost groq {OSS} --input-token=x", "input_tokens is 'x'; expected a number"),
        ("price groq", "invalid choice: 'price'"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(run_command, line, words):
    code, out, err = run_command(line)

    assert (code, out) == (2, "")
    assert words in err.splitlines()[-1]
    assert err.count("\n") == 1 or err.startswith("usage: ")


def test_it_runs_as_a_command():
    line = [sys.executable, "-m", "pytest_llmcontract.cli", "fit", "groq/free", OSS, "--calls-per-day", "1001"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stdout.startswith("does not fit: 1,001 calls a day, RPD allows 1,000\n")
