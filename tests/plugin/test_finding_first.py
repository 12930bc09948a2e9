"""A test that an SDK's error came through: the finding first, the SDK's frames left out, the code in the summary."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

APP = """
import asyncio
import groq, httpx, openai

MODEL = "openai/gpt-oss-120b"
MESSAGES = [{"role": "user", "content": "x"}]

def ask(**more):
    return groq.Groq().chat.completions.create(model=MODEL, messages=MESSAGES, **more)

def ask_openai():
    client = openai.OpenAI(base_url="https://api.groq.com/openai/v1", api_key="x")
    return client.chat.completions.create(model=MODEL, messages=MESSAGES, logprobs=True)

def ask_raw():
    body = {"model": MODEL, "messages": MESSAGES, "logprobs": True}
    address = "https://api.groq.com/openai/v1/chat/completions"
    httpx.post(address, headers={"authorization": "Bearer x"}, json=body).raise_for_status()

async def ask_async():
    return await groq.AsyncGroq().chat.completions.create(model=MODEL, messages=MESSAGES, logprobs=True)

def ask_in_a_group():
    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(ask_async())
    asyncio.run(main())

def ask_and_wrap():
    try:
        ask(logprobs=True)
    except groq.APIError as error:
        raise RuntimeError("the model is not well") from error

def rate():
    try:
        return ask(logprobs=True)
    except groq.APIError:
        return None
"""
FINDING = "LLM101 groq chat.completions: $.logprobs is not supported"


@pytest.fixture
def failing(pytester, monkeypatch):
    """Run the lines of a test that fails; gives pytest's output."""
    monkeypatch.setenv("CI", "1")  # pytest cuts no summary
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\nasyncio_mode = auto\n")
    pytester.makepyfile(app=APP)

    def failing(test, *options, **outcomes):
        pytester.makepyfile("import pytest, unittest, groq, app\n" + test)
        result = pytester.runpytest_subprocess("-q", *options)
        result.assert_outcomes(**outcomes or {"failed": 1})
        return result.stdout.str()

    return failing


def summaries(text):
    """Of each test that failed, what the short summary says of it."""
    return dict(re.findall(r"^(?:FAILED|ERROR) \S+::(\w+) - (.*)", text, re.M))


def summary(text):
    (said,) = summaries(text).values()
    return said


def test_what_explains_an_error_that_came_through_stands_before_it(failing):
    text = failing(
        """
@pytest.fixture
def answer(groq_api): return app.ask(logprobs=True)
@pytest.mark.groq_api
class TestIt(unittest.TestCase):
    def test_in_class(self): app.ask(logprobs=True)
def test_groq(groq_api): app.ask(logprobs=True)
def test_openai(groq_api): app.ask_openai()
def test_httpx(groq_api): app.ask_raw()
def test_wrapped(groq_api): app.ask_and_wrap()
def test_group(groq_api): app.ask_in_a_group()
async def test_async(groq_api): await app.ask_async()
def test_setup(answer): pass
""",
        failed=7,
        errors=1,
    )

    tests = ("in_class", "groq", "openai", "httpx", "wrapped", "group", "async", "setup")
    assert summaries(text) == {f"test_{name}": FINDING for name in tests}
    for block in re.split(r"\n_{10,} .* _{10,}\n", text.partition("short test summary")[0])[1:]:
        assert block.startswith(FINDING)
        assert block.index("The error that came of it:") < block.index("Error: ")
        assert re.search(r"\([0-9]+ frames? of [a-z0-9, ]+ left out; see --full-trace\)", block)
        # Before pytest 9, what a group holds is printed by Python itself, with every frame.
        if "ExceptionGroup" not in block or pytest.version_tuple >= (9,):
            assert "site-packages" not in block
            assert "app.py:" in block


@pytest.mark.parametrize("style", ["auto", "long", "short", "line", "native", "no"])
def test_every_style_of_traceback(failing, style):
    text = failing("def test_it(groq_api): app.ask(logprobs=True)", f"--tb={style}")

    assert summary(text) == FINDING
    assert "site-packages" not in text
    if style == "line":
        assert re.search(r"app\.py:8: " + re.escape(FINDING), text)


def test_workers_of_xdist_send_it_home(failing):
    text = failing("def test_it(groq_api): app.ask(logprobs=True)", "-n", "1")

    assert summary(text) == FINDING
    assert text.index(FINDING) < text.index("The error that came of it:") < text.index("E  ")
    assert "left out; see --full-trace" in text


def test_junit_names_the_failure_so(failing, pytester):
    failing("def test_it(groq_api): app.ask(logprobs=True)", "--junitxml=junit.xml")

    (failure,) = ElementTree.parse(pytester.path / "junit.xml").iter("failure")
    assert failure.get("message") == FINDING
    assert failure.text.startswith(FINDING)


def test_full_trace_leaves_nothing_out(failing):
    text = failing("def test_it(groq_api): app.ask(logprobs=True)", "--full-trace")

    assert summary(text) == FINDING
    assert "_base_client.py" in text


def test_who_speaks_first(failing):
    text = failing(
        """
def test_two_findings(groq_api):
    app.rate()
    app.ask(temperature=9)
def test_finding_alone(groq_api): app.rate()
def test_error_without_finding(groq_api):
    groq_api.fail(401)
    app.ask()
def test_what_came_of_a_swallowed_error(groq_api): app.rate().choices
def test_assertion(groq_api): assert app.rate() == 5
@pytest.mark.llm_budget(calls=1)
def test_budget_beside_another_error(groq_api):
    app.ask()
    app.ask()
    {}["key"]
def test_caught(groq_api):
    with pytest.raises(groq.BadRequestError): app.ask(logprobs=True)
@pytest.mark.llm_allow("LLM101")
def test_allowed(groq_api):
    with pytest.raises(groq.BadRequestError): app.ask(logprobs=True)
def test_caught_but_unlike(groq_api):
    with pytest.raises(groq.BadRequestError, match="sun"): app.ask(logprobs=True)
""",
        failed=8,
        passed=1,
    )

    said = summaries(text)
    assert said.pop("test_two_findings").endswith(" (and 1 more)")
    assert said.pop("test_error_without_finding").startswith("groq.AuthenticationError: Error code: 401")
    assert said.pop("test_caught_but_unlike").startswith("AssertionError: Regex pattern did not match.")
    assert said == {
        "test_finding_alone": FINDING,
        "test_what_came_of_a_swallowed_error": FINDING,
        "test_assertion": "assert None == 5 (LLM101)",
        "test_budget_beside_another_error": "KeyError: 'key' (LLM401)",
        "test_caught": FINDING,
    }
    blocks = dict(re.findall(r"\n_{10,} (\w+) _{10,}\n(.*?)(?=\n_{10,} |\n=====)", text, re.S))
    swallowed, asserted = blocks["test_what_came_of_a_swallowed_error"], blocks["test_assertion"]
    assert swallowed.index(FINDING) < swallowed.index("AttributeError")
    assert asserted.index("assert None == 5") < asserted.index(FINDING)


def test_what_is_left_as_it_was(failing):
    text = failing(
        """
import json
@pytest.mark.groq_api
class TestIt(unittest.TestCase):
    def test_skipped(self):
        app.rate()
        pytest.skip("no")
    def test_xfailed(self):
        app.rate()
        pytest.xfail("known")
def test_error_of_another_library(groq_api):
    app.ask()
    json.loads("{")
def test_mistake_of_the_test(groq_api):
    groq_api.fail("no_such_error")
""",
        failed=2,
        skipped=1,
        xfailed=1,
    )

    other, mistake = text.split("test_mistake_of_the_test", 1)
    assert "decoder.py" in other
    assert "left out" not in other
    assert re.search(r"^test_\w+\.py:\d+: BadInput", mistake, re.M)
