"""Whatever a test does, the session goes on; no report of it holds a secret; and what is reported is forgotten."""

from __future__ import annotations

import json

import pytest

KEY = "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"
HEAD = """
    import time
    import httpx
    import pytest
    URL = "https://api.groq.com/openai/v1/chat/completions"
    HEADERS = {"authorization": "Bearer x"}
    BODY = {"model": "openai/gpt-oss-120b", "messages": [{"role": "user", "content": "x"}]}
"""


@pytest.mark.parametrize("github", ["true", ""])
def test_what_cannot_be_told_is_one_line_and_the_others_are_told(pytester, monkeypatch, github):
    monkeypatch.setenv("GITHUB_ACTIONS", github)
    pytester.makepyfile(
        HEAD
        + """
    def test_half_a_letter(groq_api):
        httpx.post(URL, headers=HEADERS, content=b'{"model":"\\\\ud83d","messages":[]}')
    def test_sleeps_for_ever(groq_api):
        httpx.post(URL, headers=HEADERS, json=BODY)
        time.sleep(10**12)
    def test_last(groq_api):
        httpx.post(URL, headers=HEADERS, json=BODY)
        """
    )

    result = pytester.runpytest("--llmcontract-report=o.json")

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*::test_sleeps_for_ever is in no report and no sum: * (OverflowError: *)"])
    told = json.loads((pytester.path / "o.json").read_text())["tests"]
    assert [test["id"].rpartition("::")[2] for test in told] == ["test_half_a_letter", "test_last"]


def test_a_test_that_is_interrupted_is_in_the_ledger(pytester):
    pytester.makepyfile(
        HEAD
        + """
    def test_a(groq_api):
        httpx.post(URL, headers=HEADERS, json=BODY)
        raise KeyboardInterrupt
        """
    )

    pytester.runpytest_subprocess("--llmcontract-report=o.json")

    ledger = json.loads((pytester.path / "o.json").read_text())
    assert [test["outcome"] for test in ledger["tests"]] == ["crashed"]
    assert ledger["totals"]["calls"] == 1


def test_what_a_test_did_is_forgotten_once_it_is_reported(pytester):
    pytester.makepyfile(
        HEAD
        + """
    import gc, weakref
    SEEN = []
    def test_a(groq_api):
        httpx.post(URL, headers=HEADERS, json=BODY)
        SEEN.append(weakref.ref(groq_api))
    def test_b():
        gc.collect()
        assert SEEN[0]() is None
        """
    )

    pytester.runpytest("--llmcontract-report=o.json").assert_outcomes(passed=2)


@pytest.mark.parametrize("workers", [[], ["-n1"]])
def test_no_output_of_a_session_holds_a_secret(pytester, monkeypatch, workers):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "summary.md"))
    pytester.makepyfile(
        HEAD
        + """
    KEY = "gsk_A1b2C3d4E5f6G7h8I9j0" + "A1b2C3d4E5f6G7h8I9j0KLmnOPqrStuV"
    @pytest.mark.llm_contract
    @pytest.mark.parametrize("where", ["header", "agent", "query", "user", "field", "name", "text", "model", "ours"])
    def test_leaks(groq_api, where):
        headers = HEADERS | {"header": {"x-own": KEY}, "agent": {"user-agent": "app/" + KEY}}.get(where, {})
        more = {"field": {"unknown": KEY}, "name": {KEY: 1}, "model": {"model": KEY},
                "text": {"user": "“" + KEY, "unknown": 1}}.get(where, {})
        url = {"query": URL + "?k=%20" + KEY, "user": URL.replace("//", "//" + KEY + "@")}.get(where, URL)
        if where == "ours":
            groq_api.reply("it is " + KEY, times=2)
        httpx.post(url, headers=headers, json=BODY | more)
        """
    )
    reports = [f"--llmcontract-report=o.{form}" for form in ("json", "md", "sarif")]

    result = pytester.runpytest_subprocess(
        "--llmcontract-record=all", "--junitxml=junit.xml", "-rA", "-p", "no:randomly", *workers, *reports
    )

    assert result.parseoutcomes()["failed"] > 3
    written = [path for path in pytester.path.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")]
    assert {"o.json", "o.md", "o.sarif", "junit.xml", "summary.md"} <= {path.name for path in written}
    texts = [result.stdout.str(), result.stderr.str(), *(path.read_text("utf-8") for path in written)]
    assert not [text for text in texts if KEY in text or KEY[24:] in text]


def test_a_key_in_a_parameter_is_in_no_name_of_a_file(pytester):
    pytester.makepyfile(
        HEAD
        + f"""
    @pytest.mark.llm_contract
    @pytest.mark.parametrize("key", ["{KEY}", "{KEY[::-1].replace("_ksg", "")}"[:3]])
    def test_named(groq_api, key):
        httpx.post(URL, headers=HEADERS, json=BODY)
        """
    )

    pytester.runpytest("--llmcontract-record=once").assert_outcomes(passed=2)

    cassettes = list(pytester.path.rglob("*.llm.yaml"))
    assert len(cassettes) == 2
    assert not [path for path in cassettes if KEY in path.name or KEY in path.read_text()]
