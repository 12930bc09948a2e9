"""``llmcontract reproduce``: what it reads and writes, and what it says to bad input."""

from __future__ import annotations

import io
import json
import sys
import time
from types import SimpleNamespace

import pytest

from pytest_llmcontract.cli import main

KEY = "Error code: 401 - {'error': {'message': 'Invalid API Key', 'code': 'invalid_api_key'}}"


def slowness() -> float:
    """How much slower this processor is than one that squares a million numbers in a twentieth of a second; from 1."""
    begun = time.process_time()
    sum(number * number for number in range(1_000_000))
    return max(1.0, (time.process_time() - begun) / 0.05)


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command on *text*; exit code, standard output and error."""

    def run(text: str | bytes = "", *arguments: str) -> tuple[int, str, str]:
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        stdin = io.BytesIO(data)
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stdin, isatty=lambda: False))
        code = main(["reproduce", *arguments])
        return code, *capsys.readouterr()

    return run


class TestOutput:
    def test_a_test_on_standard_output(self, run):
        code, out, _ = run(KEY)

        assert code == 0
        assert "def test_groq_invalid_api_key(groq_api):" in out
        compile(out, "test", "exec")

    def test_a_file(self, run, tmp_path):
        target = tmp_path / "test_key.py"

        code, out, _ = run(KEY, "--output", str(target))

        assert code == 0
        assert out == f"{target}: groq invalid_api_key, 401, by the simulator's rules and texts\n"
        assert "def call()" in target.read_text("utf-8")
        assert list(tmp_path.iterdir()) == [target]

    def test_json(self, run):
        code, out, _ = run(KEY, "--json")
        answer = json.loads(out)

        assert code == 0
        assert list(answer) == ["recognised", "provider", "error", "natural", "status", "headers", "body", "notes"]
        assert answer["body"]["error"]["message"] == "Invalid API Key"

    def test_from_a_file(self, run, tmp_path):
        (tmp_path / "error.txt").write_text(KEY)

        assert run("", str(tmp_path / "error.txt"), "--json")[0] == 0

    def test_a_dash_is_standard_input(self, run):
        assert run(KEY, "-", "--json")[0] == 0

    def test_a_file_is_not_overwritten_unless_told(self, run, tmp_path):
        target = tmp_path / "test_key.py"
        target.write_text("mine")

        code, _, err = run(KEY, "--output", str(target))

        assert (code, target.read_text()) == (2, "mine")
        assert "the file exists; give another name, or --force" in err
        assert run(KEY, "--output", str(target), "--force")[0] == 0
        assert "def call()" in target.read_text()

    def test_several_are_listed_on_standard_error(self, run):
        other = "Error code: 429 - {'error': {'message': 'Quota', 'code': 'insufficient_quota'}}"

        code, out, err = run(f"{KEY}\n{other}\n")

        assert code == 0
        assert "test_groq_invalid_api_key" in out
        assert err.splitlines()[1:] == ["* 1: nobody named, 401, Invalid API Key", "  2: OpenAI, 429, Quota"]

    def test_another_of_several(self, run):
        assert run(KEY, "--pick", "2")[0] == 2

    def test_whose_it_seems_to_be(self, run):
        code, out, err = run(
            "openai.RateLimitError: Error code: 429 - {'error': {'code': 'insufficient_quota', 'message': 'x'}}"
        )

        assert (code, out) == (1, "")
        assert "it seems to be OpenAI's, which is not simulated" in err

    def test_not_recognised(self, run):
        code, out, err = run("It does not work.")

        assert (code, out) == (1, "")
        assert err.startswith("llmcontract reproduce: standard input: not recognised; looked for ")
        assert err.count("\n") == 1

    def test_not_recognised_in_json(self, run):
        code, out, err = run("It does not work.", "--json")

        assert (code, err) == (1, "")
        assert json.loads(out)["recognised"] is False


class TestLines:
    def test_as_many_lines_as_given(self, run):
        lines = [KEY, "", "nothing known", "x" * 1_000_001, "a\0b", "Invalid API\\nKey groq", KEY + "\u2028"]

        code, out, _ = run("\n".join(lines), "--lines", "--json")
        answers = [json.loads(line) for line in out.splitlines()]

        assert code == 1
        assert [answer["recognised"] for answer in answers] == [True, False, False, False, False, True, True]

    def test_all_recognised(self, run):
        assert run(f"{KEY}\n{KEY}\n", "--lines")[0] == 0

    def test_into_a_file(self, run, tmp_path):
        run(f"{KEY}\n{KEY}\n", "--lines", "--output", str(tmp_path / "out.jsonl"))

        assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2


NESTED = '{"a":' * 150_000


class TestBadInput:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "nothing was pasted"),
            (" \n\t", "nothing was pasted"),
            (b"\x89PNG\r\n\0\0", "this is no text"),
            (bytes(range(128, 256)) * 20, "this is no text"),
            ("x" * 1_000_001, "more than 1,000,000 bytes"),
            ('{"error": {"message": "Rate lim', "the JSON ends in the middle"),
            (NESTED, "the JSON ends in the middle"),
        ],
        ids=["empty", "blank", "binary", "bytes", "too long", "half a JSON", "nested"],
    )
    def test_is_one_line(self, run, text, said):
        code, out, err = run(text)

        assert (code, out) == (2, "")
        assert err.startswith("llmcontract reproduce: standard input: ")
        assert said in err
        assert err.count("\n") == 1

    def test_files(self, run, tmp_path):
        folder = str(tmp_path)

        assert run("", folder) == (2, "", f"llmcontract reproduce: {folder}: Is a directory\n")
        assert run("", f"{folder}/none")[0] == 2
        assert run(KEY, "--output", f"{folder}/none/x.py")[0] == 2
        assert run(KEY, "--output", folder)[0] == 2
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--provider", "grok"], "Did you mean 'groq'?"),
            (["--edition", "yesterday"], "expected YYYY-MM-DD"),
            (["--edition", "2020-01-01"], "the first is 2024-04-01"),
        ],
    )
    def test_arguments(self, run, arguments, said):
        code, _, err = run(KEY, *arguments)

        assert code == 2
        assert said in err

    @pytest.mark.parametrize(
        "text",
        [
            "{" * 900_000,
            "{'" * 400_000,
            "{'" + "\\'" * 400_000,
            '{"error":{"message":"' * 40_000,
            "(TPM): Limit 1 " * 60_000,
            "'messages.0' : " * 60_000,
            "'a' : (" * 100_000,
            "Rate limit reached for model `" * 30_000,
            "Unable to access model " * 40_000,
            "&amp;%3F`*" * 90_000,
            "\n>" * 400_000,
        ],
        ids=lambda text: text[:12],
    )
    def test_no_text_takes_long(self, run, text):
        begun = time.process_time()

        run(text, "--json")

        assert time.process_time() - begun < 10 * slowness()

    @pytest.mark.parametrize(
        "text",
        [
            "Rate limit reached for model `x` (TPM): Limit 999999999999999, Used 999999999999999, Requested 999999999.",
            "Rate limit reached for model `whisper-large-v3` (ASPH): Limit 7200, Used 7200, Requested 999999999999.",
            "Rate limit reached for model `x` (TPM): Limit 0, Used 0, Requested 5. Please try again in 5s.",
            "Rate limit reached for model `x` (TPM): Limit 100, Used 5, Requested 5. Please try again in 12.345s.",
            "'messages.99999999' : for 'role:user' the following must be satisfied[('messages.99999999' : Value is not "
            "nullable)]",
            "'tools' : maximum number of items is 99999",
            "Too many images provided. This model supports up to 999999999 images",
            f"`max_tokens` must be less than or equal to `{'9' * 4000}`, the maximum value for `max_tokens` is less "
            "than the `context_window` for this model",
            '{"error": {"message": "\\ud800", "type": "invalid_request_error", "code": "tool_use_failed"}}',
        ],
        ids=lambda text: text[:50],
    )
    def test_no_number_breaks_it(self, run, text):
        code, _, err = run(text, "--json")

        assert code in (0, 1)
        assert "12.345s" not in err
