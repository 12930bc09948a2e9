"""``ClientContract``: a good client passes all of it, a bad one fails with a message that teaches."""

from __future__ import annotations

import pytest

GOOD = '''
import random
import time

import groq
import together

MESSAGES = [{"role": "user", "content": "Say hello"}]
MODEL = "openai/gpt-oss-120b"
CLIENTS = {"groq": groq.Groq, "together": together.Together}


class NoAnswer(Exception):
    pass


def wait_for(error, attempt):
    """Seconds until it makes sense to ask again; None: never."""
    status = getattr(error, "status_code", None)
    code = str(getattr(error, "body", None))
    worth = "tool_use_failed" in code or "json_validate_failed" in code
    if status is not None and status not in (408, 409, 429, 498) and status < 500 and not worth:
        return None
    told = error.response.headers.get("retry-after") if status else None
    if told is not None:
        return float(told) if float(told) <= 60 else None
    return random.uniform(0.75, 1) * 2**attempt


def ask(provider, stream=False):
    sdk = {"groq": groq, "together": together}[provider]
    client = CLIENTS[provider](max_retries=0, timeout=30)
    for attempt in range(4):
        try:
            made = client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=stream)
            return read(made) if stream else whole(made.choices[0].message.content, made.choices[0].finish_reason)
        except sdk.APIError as error:
            wait = wait_for(error, attempt)
            if wait is None or attempt == 3:
                raise
            time.sleep(wait)


def read(stream):
    text, finish = "", None
    for chunk in stream:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    return whole(text, finish)


def whole(text, finish):
    if finish != "stop" or not text:
        raise NoAnswer(f"{len(text or '')} characters, finish_reason {finish}")
    return text
'''

TEST = """
import pytest
from pytest_llmcontract import ClientContract
from app import *

class TestOurClient(ClientContract):
    provider = "groq"

    def call(self):
        return ask("groq")
"""


@pytest.fixture
def battery(pytester, run_pytest):
    """Run the battery on a client, one behaviour or all of them: the client's source and what stands in the class."""

    def battery(app, test, *options, plugins=(), **outcomes):
        pytester.makepyfile(app=app, test_battery=test)
        result = run_pytest("test_battery.py", "-rs", *options, plugins=plugins)
        result.assert_outcomes(**outcomes)
        return result

    return battery


@pytest.mark.parametrize("provider", ["groq", "together"])
def test_a_good_client_passes_all_of_it(battery, provider):
    test = (
        TEST.replace('"groq"', f'"{provider}"') + f"\n    def stream(self):\n        return ask('{provider}', True)\n"
    )
    passed = {"groq": 62, "together": 56}[provider]

    result = battery(GOOD, test, passed=passed)

    result.stdout.no_fnmatch_line("*LLM3*")


BAD = """
import time

import groq

MESSAGES = [{"role": "user", "content": "Say hello"}]
MODEL = "openai/gpt-oss-120b"
client = groq.Groq(max_retries=0, api_key="x")


def create(**more):
    return client.chat.completions.create(model=MODEL, messages=MESSAGES, **more)


def in_a_second():
    for _ in range(5):
        try:
            return create().choices[0].message.content
        except groq.APIError as error:
            last = error
            time.sleep(1)
    raise last


def in_vain():
    for attempt in range(3):
        try:
            return create().choices[0].message.content
        except groq.APIError as error:
            last = error
            time.sleep(2**attempt)
    raise last


def many_times():
    for attempt in range(12):
        try:
            return create().choices[0].message.content
        except groq.APIError as error:
            last = error
            time.sleep(2**attempt * 0.1)
    raise last


def without_end():
    while True:
        try:
            return create().choices[0].message.content
        except groq.APIError:
            pass


def for_ever():
    while True:
        try:
            return create().choices[0].message.content
        except groq.APIError:
            time.sleep(600)


def only_waits():
    try:
        return create().choices[0].message.content
    except groq.APIError:
        while True:
            time.sleep(60)


def swallowed():
    try:
        return create().choices[0].message.content
    except groq.APIError:
        return None


def apologizes():
    try:
        return create().choices[0].message.content
    except groq.APIError:
        return "We are sorry, please try again later."


def crashes():
    try:
        return create().choices[0].message.content
    except groq.APIStatusError as error:
        return error.body["message"]


def cut_at_length():
    return create().choices[0].message.content


def a_part():
    text = ""
    try:
        for chunk in create(stream=True):
            text += chunk.choices[0].delta.content or ""
    except Exception:
        pass
    return text


def beside_a_heartbeat():
    import threading

    over = False

    def beat():
        while not over:
            time.sleep(1)

    threading.Thread(target=beat, daemon=True).start()
    try:
        return only_waits()
    finally:
        over = True


def a_fault_of_the_test():
    return "Hello"
"""


@pytest.mark.parametrize(
    ("client", "behaviour", "says"),
    [
        ("in_a_second", "obeys_a_retry_after_of_2_seconds", "LLM301: the application (in_a_second) asked again after 1 s, and retry-after says 2 s"),  # noqa: E501
        ("in_vain", "reports_a_revoked_key", "LLM304: *asked again after 401 invalid_api_key: the same request is refused again"),  # noqa: E501
        ("many_times", "gives_up_on_an_error_that_stays", "LLM302: 12 requests for one logical call*"),
        ("in_a_second", "backs_off_when_no_wait_is_told", "LLM303: *asked again 3 times, 1 s each time: without backoff"),  # noqa: E501
        ("without_end", "gives_up_on_an_error_that_stays", "storms: more than 200 requests, and no end"),
        ("for_ever", "gives_up_on_an_error_that_stays", "hangs: it was still not done after 3600 s"),
        ("only_waits", "survives_an_internal_error", "hangs: it was still not done after 3600 s"),
        ("beside_a_heartbeat", "survives_an_internal_error", "hangs: it was still not done after 3600 s"),
        ("swallowed", "survives_an_internal_error", "it returned nothing, as if that were the answer after 1 request and 0 s"),  # noqa: E501
        ("apologizes", "survives_an_internal_error", "it returned words of its own after 1 request and 0 s: 'We are sorry, please try again later.'; accepted: answers or raises or falls_back"),  # noqa: E501
        ("crashes", "survives_an_internal_error", "crashes KeyError after 1 request and 0 s; accepted: answers or raises or falls_back"),  # noqa: E501
        ("cut_at_length", "tells_an_answer_that_was_cut_at_its_length", "it returned a part as if it were the whole after 1 request and 0 s: 'Alpha, bravo,*"),  # noqa: E501
        ("a_part", "notices_a_stream_that_is_cut_after_some_events", "it returned a part as if it were the whole after 1 request and 0 s: 'Alpha,*"),  # noqa: E501
        ("a_part", "notices_a_stream_that_is_cut_before_its_first_event", "it returned nothing, as if that were the answer*"),  # noqa: E501
    ],
)  # fmt: skip
def test_a_bad_client_fails_with_a_message_that_teaches(battery, client, behaviour, says):
    kind = "stream" if behaviour.startswith("notices_a_stream") else "call"
    test = TEST.replace("call(self)", f"{kind}(self)").replace('ask("groq")', f"{client}()")

    result = battery(BAD, test, "-k", behaviour, failed=1)

    result.stdout.fnmatch_lines([f"{behaviour}: {says}", "what happens   *", "fix            *", "attempts"])


def test_a_request_that_breaks_the_contract_is_named(battery):
    test = TEST.replace('ask("groq")', "create(logprobs=True)")

    result = battery(BAD, test, "-k", "nothing_is_wrong", failed=1)

    result.stdout.fnmatch_lines(["answers_when_nothing_is_wrong: LLM101: $.logprobs is not supported*"])


def test_fixtures_reach_static_methods_too(battery):
    static = """
    @pytest.fixture
    def prompt(self):
        return "Hello"

    @staticmethod
    def call(prompt):
        return create(user=prompt)
"""
    battery(BAD, TEST + static, "-k", "nothing_is_wrong", passed=1)


def test_a_client_that_never_asks_is_told_so(battery):
    result = battery(BAD, TEST.replace('ask("groq")', "a_fault_of_the_test()"), "-k", "nothing_is_wrong", failed=1)

    result.stdout.fnmatch_lines(
        ["*the call made no request to groq", "fix            call the client itself*", "TestOurClient, groq: 1 fail"]
    )


def test_expect_takes_outcomes_exceptions_and_reasons(battery):
    expect = """
    expect = {
        "survives_an_internal_error": "substitutes",
        "survives_a_bad_gateway": ["answers", "substitutes"],
        "survives_an_origin_that_is_down": "not applicable: it has another address",
    }
"""
    test = TEST.replace('ask("groq")', "apologizes()") + expect

    result = battery(BAD, test, "-k", "internal_error or bad_gateway or is_down", passed=2, skipped=1)

    result.stdout.fnmatch_lines(["SKIPPED*it has another address"])


def test_expect_of_a_class_of_exceptions_is_that_one(battery):
    expect = """
    expect = {"reports_a_revoked_key": groq.AuthenticationError, "reports_a_model_that_is_gone": groq.RateLimitError}
"""
    test = TEST.replace('ask("groq")', "cut_at_length()") + expect

    result = battery(BAD, test, "-k", "revoked_key or model_that_is_gone", passed=1, failed=1)

    result.stdout.fnmatch_lines(["reports_a_model_that_is_gone: raises NotFoundError *; accepted: RateLimitError"])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('expect = {"survives_an_internal_eror": "raises"}', "unknown behaviour in TestOurClient.expect 'survives_an_internal_eror'. Did you mean 'survives_an_internal_error'?"),  # noqa: E501
        ('expect = {"reports_a_revoked_key": "gives_up"}', "TestOurClient.expect['reports_a_revoked_key'] is 'gives_up'; accepted: answers, falls_back, raises, tells"),  # noqa: E501
        ('provider = "grok"', "unknown provider of TestOurClient 'grok'; accepted: groq, together"),
        ('behaviours = [{"id": "x", "about": "y", "what": "z", "faults": [], "might": []}]', "accepted keys: id, about, what"),  # noqa: E501
        ('behaviours = [{"id": "x", "about": "y", "what": "z", "faults": [{"fial": {}}], "may": []}]', "is no fault; accepted: one of fail, outage"),  # noqa: E501
    ],
)  # fmt: skip
def test_what_is_not_known_is_one_clear_error(pytester, run_pytest, line, said):
    pytester.makepyfile(app=BAD, test_battery=f"{TEST}\n    {line}\n")

    result = run_pytest("test_battery.py")

    result.assert_outcomes(errors=1)
    [told] = [line for line in result.outlines if line.startswith("E ")]
    assert said in told


ASYNC = """
import asyncio
import groq
import pytest
from pytest_llmcontract import ClientContract

MESSAGES = [{"role": "user", "content": "Say hello"}]


@pytest.fixture
def client():
    return groq.AsyncGroq(max_retries=0)


class TestOurClient(ClientContract):
    provider = "groq"

    async def call(self, client, unused=None):
        async with asyncio.timeout(100):
            while True:
                try:
                    return await client.chat.completions.create(model="openai/gpt-oss-120b", messages=MESSAGES)
                except groq.InternalServerError:
                    await asyncio.sleep(30)

    async def stream(self, client):
        answer = await client.chat.completions.create(model="openai/gpt-oss-120b", messages=MESSAGES, stream=True)
        async for chunk in answer:
            yield chunk
"""
CHOSEN = "internal_error or stays and error or stalls or cut_after_some or nothing_is_wrong or whole_answer"


@pytest.mark.parametrize("plugins", [(), ("asyncio",), ("anyio",)])
def test_asynchronous_clients_and_their_fixtures(battery, plugins):
    """By whichever plugin runs them, or by none."""
    mark = {"asyncio": "pytestmark = pytest.mark.asyncio\n", "anyio": "pytestmark = pytest.mark.anyio\n"}
    if plugins:
        pytest.importorskip("pytest_asyncio" if plugins == ("asyncio",) else "anyio")
    named = {"asyncio": "pytest_asyncio.plugin", "anyio": "anyio.pytest_plugin"}
    test = ASYNC.replace("\n\n\n@pytest", "\n" + "".join(mark[name] for name in plugins) + "\n\n@pytest", 1)
    if plugins == ("anyio",):
        test += "\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"

    battery("", test, "-k", CHOSEN, plugins=tuple(named[name] for name in plugins), passed=6)


@pytest.mark.parametrize("backend", ["", "trio"])
def test_a_hanging_task_is_stopped_at_its_deadline(battery, backend):
    test = ASYNC.replace("async with asyncio.timeout(100)", "if True")
    if backend:
        pytest.importorskip("trio")
        test = "import anyio\n" + test.replace("asyncio.sleep", "anyio.sleep")
        test += "\n\npytestmark = pytest.mark.anyio\n\n@pytest.fixture\ndef anyio_backend():\n    return 'trio'\n"
    plugins = ("anyio.pytest_plugin",) if backend else ()

    result = battery("", test, "-k", "gives_up_on_an_error_that_stays", plugins=plugins, failed=1)

    result.stdout.fnmatch_lines(["*hangs: it was still not done after 3600 s"])


FALLS_BACK = """
import groq, together
from pytest_llmcontract import ClientContract

MESSAGES = [{"role": "user", "content": "Say hello"}]

def from_groq():
    return groq.Groq(max_retries=0).chat.completions.create(model="openai/gpt-oss-120b", messages=MESSAGES)

class TestOurClient(ClientContract):
    provider = "groq"
    fallbacks = ["together"]

    def call(self):
        try:
            return from_groq()
        except (groq.APIStatusError, groq.APIConnectionError):
            client = together.Together(max_retries=0)
            return client.chat.completions.create(model="openai/gpt-oss-120b", messages=MESSAGES)

class TestItsOther(ClientContract):
    provider = "groq"
    fallbacks = ["together"]

    def call(self):
        return from_groq()
"""


def test_who_has_a_fallback_has_to_use_it(battery):
    result = battery("", FALLS_BACK, "-k", "outage or spend_block or flex", passed=3, failed=3)

    result.stdout.fnmatch_lines(
        ["gets_through_an_outage*: raises InternalServerError *; accepted: answers or falls_back"]
    )


def test_behaviours_of_ones_own_are_ten_lines(battery):
    own = """
    behaviours = [
        {
            "id": "reports_a_teapot",
            "about": "ours",
            "what": "The provider is a teapot.",
            "faults": [{"fail": {"error": 500, "message": "I am a teapot", "times": None}}],
            "may": ["raises"],
        }
    ]
"""
    battery(GOOD, TEST + own, "-k", "teapot", passed=1)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ('{"fail": {"error": "teapot"}}', "llmcontract: behaviour 'reports_a_teapot': unknown groq error 'teapot'"),
        ('{"fail": {"eror": 500}}', "llmcontract: behaviour 'reports_a_teapot': *unexpected keyword argument 'eror'"),
    ],
)
def test_a_fault_of_ones_own_that_is_none_is_one_clear_error(battery, fault, said):
    own = f"""
    behaviours = [{{"id": "reports_a_teapot", "about": "x", "what": "y", "faults": [{fault}], "may": ["raises"]}}]
"""
    result = battery(GOOD, TEST + own, "-k", "teapot", failed=1)

    result.stdout.fnmatch_lines([f"{said}*"])


POOR = """
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.facts.edition import Edition

@pytest.fixture(autouse=True)
def poor(monkeypatch):
    known = Edition.error
    def error(self, name):
        if name == "invalid_api_key":
            raise BadInput("unknown groq error 'invalid_api_key'; accepted: a, b, c")
        return known(self, name)
    monkeypatch.setattr(Edition, "error", error)
"""


def test_what_a_provider_does_not_do_is_not_applicable(battery):
    result = battery(GOOD, TEST + POOR, "-k", "revoked_key", skipped=1)

    result.stdout.fnmatch_lines(["SKIPPED*groq does not do that: unknown groq error 'invalid_api_key'"])


def test_an_object_is_the_answer_of_who_asks_for_one(battery):
    test = (
        TEST.replace('return ask("groq")', "return cut_at_length()")
        + """
    structured = {"name": "Anna Maria Mustermann", "towns": ["Buxtehude", "Castrop-Rauxel"]}
"""
    )
    battery(BAD, test, "-k", "nothing_is_wrong or cut_at_its_length", passed=1, failed=1)


def test_what_the_model_cannot_say_to_a_client_is_not_applicable(battery):
    """Who forces a tool gets no text, whatever the battery has in store."""
    forced = """
    structured = {"city": "Castrop-Rauxel an der Emscher"}

    def call(self):
        schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
        tools = [{"type": "function", "function": {"name": "visit", "parameters": schema}}]
        return create(tools=tools, tool_choice="required")
"""
    result = battery(BAD, TEST + forced, "-k", "nothing_is_wrong or refusal", passed=1, skipped=1)

    result.stdout.fnmatch_lines(["*n/a*passes_on_a_refusal*what the model is to say is no answer to what it asks for"])


def test_a_test_of_the_same_name_takes_the_place_of_ours(battery):
    own = "\n    def test_reports_a_revoked_key(self):\n        pytest.skip('ours')\n"

    battery(GOOD, TEST + own, "-k", "revoked_key", skipped=1)


def test_a_class_below_may_ask_another_provider(battery):
    test = (
        TEST.replace('ask("groq")', "ask(self.provider)")
        + """
class TestTogether(TestOurClient):
    provider = "together"
"""
    )
    battery(GOOD, test, "-k", "flex or busy_server or revoked_key", passed=4)
