"""The tests that ``llmcontract reproduce`` writes: they pass, and look as ruff would leave them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from test_solve import NATURAL, REFUSALS, body

from pytest_llmcontract.reproduce.paste import read_paste
from pytest_llmcontract.reproduce.solve import solve
from pytest_llmcontract.reproduce.testfile import as_test, code, literal, quoted

FUNCTION_FAILED = "Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details."
BY_SDK = [
    "groq.BadRequestError: Error code: 400 - {'error': {'message': 'New words', 'type': 'new', 'code': 'x\\x07'}}",
    "openai.APIStatusError: Error code: 503 - {'error': 'upstream said no'} api.groq.com",
    "together.BadRequestError: Error code: 400 - {'error': {'message': 'New', 'type': 'invalid_request_error'}}",
    "groq.APIStatusError: error code: 1010",
    "groq.RateLimitError: Error code: 429 - " + repr({"error": {"message": REFUSALS["tokens a minute"]}}),
]
PASTES = [
    *BY_SDK,
    *REFUSALS.values(),
    *NATURAL,
    REFUSALS["tokens a day"].replace("`", ""),
    body(FUNCTION_FAILED, code="tool_use_failed", failed_generation='{"a": "\\n\'x\'"}'),
    body(FUNCTION_FAILED, code="tool_use_failed", status_code=400),
    body("A text with \"both\" 'quotes' and \\ nobody knows", code="tool_use_failed", type="invalid_request_error"),
    "<title>api.together.xyz | 524: A timeout occurred</title>",
    json.dumps(
        {"error": {"message": {"message": "acme/text-1 is not a multimodal model None", "type": "BadRequestError"}}}
    ),
]


def written(text: str) -> str:
    found = solve(read_paste(text))
    assert found is not None
    return as_test(found)


@pytest.fixture
def files(pytester):
    for index, text in enumerate(PASTES):
        pytester.path.joinpath(f"test_paste_{index}.py").write_text(written(text), "utf-8")
    return pytester


def test_they_pass(files, run_pytest):
    result = run_pytest("-p", "no:cacheprovider", "-q")

    result.assert_outcomes(passed=len(PASTES))


@pytest.mark.skipif(shutil.which("ruff", path=sys.prefix + "/bin") is None, reason="ruff is not installed")
@pytest.mark.parametrize("command", [["format", "--diff"], ["check"]], ids=" ".join)
def test_ruff_has_nothing_to_add(files, command):
    ruff = str(shutil.which("ruff", path=sys.prefix + "/bin"))

    result = subprocess.run([ruff, *command, "--isolated", "."], capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout + result.stderr


def test_every_number_says_where_it_came_from():
    text = written(REFUSALS["a limit of its own"])

    assert '# "Limit 20000": 6000 in this edition' in text
    assert '# "Used 19000"' in text
    assert '# "Requested 2000": the tokens of its prompt, and those it asks for' in text
    assert "call()" in text


def test_a_contradiction_stands_in_the_file():
    text = written(REFUSALS["tokens a day"].replace("9m52.272s", "1s"))

    assert "The text contradicts itself" in text
    assert "9m52.272s" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", '"plain"'),
        ("it's", '"it\'s"'),
        ('say "x"', "'say \"x\"'"),
        ("both ' and \"", '"both \' and \\""'),
        ("a\\b\n", '"a\\\\b\\n"'),
        ("é…", '"é…"'),
    ],
)
def test_quotes(text, expected):
    assert quoted(text) == expected
    assert eval(expected) == text


def test_a_long_prompt_is_written_short():
    assert literal("word " * 3000 + "ab") == '"word " * 3000 + "ab"'


def test_what_does_not_fit_a_line_is_broken():
    value = {"name": ["x" * 40, "y" * 40], "model": "m"}

    assert code(value, 8, 0, {"m": "MODEL"}) == (
        '{\n            "name": [\n                "' + "x" * 40 + '",\n                "' + "y" * 40 + '",\n'
        '            ],\n            "model": MODEL,\n        }'
    )
