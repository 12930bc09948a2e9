"""Batches, through the providers' own SDKs: from a file of requests to its answers, in virtual hours."""

from __future__ import annotations

import json
import time
from decimal import Decimal

import groq
import httpx
import openai
import pytest
import together

from pytest_llmcontract import simulate

GROQ = "https://api.groq.com/openai/v1"
TOGETHER = "https://api.together.ai/v1"
KEY = {"authorization": "Bearer k"}
MODEL = {"groq": "openai/gpt-oss-20b", "together": "openai/gpt-oss-120b"}
HALF = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
CHAT = "/v1/chat/completions"

paid = pytest.mark.groq_api(plan="developer")


def chat(text, model=MODEL["groq"], **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 20, **more}


def a_line(id, body, **more):
    return {"custom_id": id, "method": "POST", "url": CHAT, "body": body, **more}


def as_file(lines):
    return "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines).encode()


def some(count, **more):
    return [a_line(f"r{number}", chat(f"Question {number}", **more)) for number in range(count)]


class Groq:
    """Batches as an application of Groq's has them."""

    def __init__(self):
        self.client = groq.Groq(max_retries=0)

    def start(self, lines, window="24h", **more):
        file = self.client.files.create(file=("lines.jsonl", as_file(lines)), purpose="batch")
        return self.client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window=window, **more)

    def look(self, batch):
        return self.client.batches.retrieve(batch.id)

    def read(self, file_id):
        return [json.loads(line) for line in self.client.files.content(file_id).text().splitlines()]


class Together:
    """The same of Together's."""

    def __init__(self, tmp_path):
        self.client = together.Together(max_retries=0)
        self.path = tmp_path / "lines.jsonl"

    def start(self, lines, **more):
        self.path.write_bytes(as_file(lines))
        file = self.client.files.upload(self.path, purpose="batch-api", check=False)
        return self.client.batches.create(input_file_id=file.id, endpoint=CHAT, **more).job

    def look(self, batch):
        return self.client.batches.retrieve(batch.id)

    def read(self, file_id):
        return [json.loads(line) for line in self.client.files.content(file_id).read().splitlines()]


@pytest.fixture
def on_groq(groq_api):
    return Groq()


@pytest.fixture
def on_together(together_api, tmp_path):
    return Together(tmp_path)


# From beginning to end


@paid
def test_a_batch_of_groqs_goes_through_its_statuses_in_order(groq_api, llm_clock, on_groq):
    batch = on_groq.start(some(4), metadata={"job": "7"})
    seen = [batch]
    while seen[-1].status != "completed":
        llm_clock.advance(seconds=0.25)
        seen.append(on_groq.look(batch))
    last = seen[-1]
    stamps = [last.created_at, last.in_progress_at, last.finalizing_at, last.completed_at, last.expires_at]

    assert list(dict.fromkeys(one.status for one in seen)) == ["validating", "in_progress", "finalizing", "completed"]
    assert (batch.request_counts.total, last.request_counts.total, last.request_counts.completed) == (0, 4, 4)
    assert stamps == sorted(stamps)
    assert last.expires_at == last.created_at + 86_400
    assert last.metadata == {"job": "7"}
    assert (last.error_file_id, last.errors, last.failed_at) == (None, None, None)
    progress = [one.request_counts.completed for one in seen]
    assert progress == sorted(progress)
    assert set(progress) == {0, 1, 2, 3, 4}


def test_a_batch_of_togethers_goes_through_its_statuses_in_order(together_api, llm_clock, on_together):
    batch = on_together.start(some(4, model=MODEL["together"]))
    seen = [batch]
    assert together_api.calls.last.status == 201
    while seen[-1].status != "COMPLETED":
        llm_clock.advance(seconds=0.25)
        seen.append(on_together.look(batch))
    last = seen[-1]

    assert list(dict.fromkeys(one.status for one in seen)) == ["VALIDATING", "IN_PROGRESS", "COMPLETED"]
    assert [one.progress for one in seen] == sorted(one.progress for one in seen)
    assert {0, 25, 50, 75, 100} == {one.progress for one in seen}
    assert (last.job_deadline - last.created_at).total_seconds() == 86_400
    assert last.completed_at > last.created_at
    assert last.x_model_id == MODEL["together"]
    assert on_together.read(last.error_file_id) == []


@paid
@pytest.mark.parametrize("window", ["24h", "48h", "168h", "1d", "7d"])
def test_a_window_is_one_of_24_hours_to_7_days(groq_api, on_groq, window):
    batch = on_groq.start(some(1), window)
    hours = int(window[:-1]) * (24 if window.endswith("d") else 1)

    assert batch.expires_at - batch.created_at == hours * 3600


@paid
@pytest.mark.llm_allow("LLM102")
@pytest.mark.parametrize("window", ["23h", "169h", "8d", "0d", "1w", "", "24"])
def test_no_other_window_is_accepted(groq_api, on_groq, window):
    with pytest.raises(groq.BadRequestError):
        on_groq.start(some(1), window)


@paid
def test_answers_come_in_another_order_than_the_questions(groq_api, llm_clock, on_groq):
    batch = on_groq.start(some(30))
    llm_clock.advance(hours=1)
    answers = on_groq.read(on_groq.look(batch).output_file_id)
    ids = [answer["custom_id"] for answer in answers]

    assert ids != [f"r{number}" for number in range(30)]
    assert sorted(ids) == sorted(f"r{number}" for number in range(30))
    for answer in answers:
        assert answer["id"].startswith("batch_req_out_")
        assert answer["response"]["request_id"] == answer["response"]["body"]["x_groq"]["id"]
        assert answer["response"]["body"]["service_tier"] == "batch"


@pytest.mark.parametrize("count", [2, 3])
@paid
def test_the_order_differs_however_few_there_are(groq_api, llm_clock, on_groq, count):
    batch = on_groq.start(some(count))
    llm_clock.advance(hours=1)
    ids = [answer["custom_id"] for answer in on_groq.read(on_groq.look(batch).output_file_id)]

    assert ids != sorted(ids)


def test_togethers_lines_need_no_address_of_their_own(together_api, llm_clock, on_together):
    lines = [{"custom_id": "a", "body": chat("Hi", MODEL["together"])}]
    batch = on_together.start(lines)
    llm_clock.advance(hours=1)
    (answer,) = on_together.read(on_together.look(batch).output_file_id)

    assert answer["id"].startswith("br_")
    assert len(answer["id"]) == 46
    assert answer["response"]["status_code"] == 200
    assert set(answer) == {"id", "custom_id", "response"}


# Lines are calls


@paid
def test_scripts_reach_the_lines(groq_api, llm_clock, on_groq):
    groq_api.reply("first of them")
    groq_api.reply("for seven", when="Question 7")
    fault = groq_api.fail(503, when="Question 3")
    batch = on_groq.start(some(9))
    llm_clock.advance(hours=1)
    batch = on_groq.look(batch)
    said = {
        answer["custom_id"]: answer["response"]["body"]["choices"][0]["message"]["content"]
        for answer in on_groq.read(batch.output_file_id)
    }
    (error,) = on_groq.read(batch.error_file_id)

    assert (said["r0"], said["r7"]) == ("first of them", "for seven")
    assert (batch.status, batch.request_counts.failed) == ("completed", 1)
    assert (error["custom_id"], error["error"], error["response"]["status_code"]) == ("r3", None, 503)
    assert len(fault.calls) == 1


def test_the_error_of_a_line_of_togethers_is_beside_it(together_api, llm_clock, on_together):
    together_api.fail(503, when="Question 1")
    batch = on_together.start(some(3, model=MODEL["together"]))
    llm_clock.advance(hours=1)
    batch = on_together.look(batch)
    (error,) = on_together.read(batch.error_file_id)

    assert batch.status == "COMPLETED"
    assert error["custom_id"] == "r1"
    assert error["error"] == {"message": "Service unavailable", "code": "service_unavailable"}


@paid
def test_a_fault_of_the_connection_is_no_lines(groq_api, llm_clock, on_groq):
    batch = on_groq.start(some(2))
    groq_api.fail("connection_reset")
    llm_clock.advance(hours=1)

    with pytest.raises(groq.APIConnectionError):
        on_groq.look(batch)
    assert on_groq.look(batch).request_counts.completed == 2


@pytest.mark.llm_allow("LLM207", "LLM208")
@paid
def test_a_when_of_the_test_that_fails_goes_through_no_clock(groq_api, llm_clock, on_groq):
    groq_api.reply("a", when=lambda request: request.json["messages"][1])
    batch = on_groq.start(some(2))
    llm_clock.advance(hours=1)
    made = groq_api.calls.of(operation="batches.create").last

    assert [finding.code for finding in made.violations] == ["LLM208"]
    assert on_groq.look(batch).request_counts.failed == 2


@paid
def test_what_is_wrong_with_lines_is_found_and_names_them(groq_api, llm_clock, on_groq):
    lines = some(5)
    for number in (1, 3, 4):
        lines[number]["body"]["logit_bias_of_mine"] = 1
    lines[2]["body"]["model"] = "no-such-model"
    batch = on_groq.start(lines)
    llm_clock.advance(hours=1)
    batch = on_groq.look(batch)
    found = {finding.code: finding for finding in groq_api.calls.of(operation="batches.create").last.violations}

    assert (batch.request_counts.completed, batch.request_counts.failed) == (1, 4)
    assert set(found) == {"LLM101", "LLM103"}
    assert found["LLM101"].message.startswith("groq batches.create: line 2: $.logit_bias_of_mine")
    assert found["LLM101"].message.endswith("(and 2 more lines)")
    assert found["LLM103"].path == "line 3: $.model"
    assert "test_batches.py" in found["LLM103"].site
    groq_api.calls.of(operation="batches.create").last.violations.clear()


def test_findings_of_lines_fail_the_test(run_pytest, pytester):
    pytester.makepyfile(
        """
        import json, groq, pytest

        @pytest.mark.groq_api(plan="developer")
        def test_it(groq_api, llm_clock):
            client = groq.Groq()
            body = {"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": "Hi"}], "colour": 1}
            line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}
            file = client.files.create(file=("a.jsonl", json.dumps(line).encode()), purpose="batch")
            client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
            llm_clock.advance(hours=1)
        """
    )
    result = run_pytest()

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*LLM101*batches.create: line 1: $.colour*", "*sent by*in test_it"])


def test_a_batch_is_in_the_ledger_with_its_cost(run_pytest, pytester):
    pytester.makepyfile(
        """
        import json, groq, pytest

        @pytest.mark.groq_api(plan="developer")
        def test_it(groq_api, llm_clock):
            groq_api.reply("Hello", usage={"prompt_tokens": 1000000, "completion_tokens": 0})
            client = groq.Groq()
            body = {"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": "Hi"}]}
            line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}
            file = client.files.create(file=("a.jsonl", json.dumps(line).encode()), purpose="batch")
            client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
            llm_clock.advance(hours=1)
        """
    )
    run_pytest("--llmcontract-report=ledger.json").assert_outcomes(passed=1)
    ledger = json.loads((pytester.path / "ledger.json").read_text())
    (made,) = [call for call in ledger["calls"] if call["operation"] == "batches.create"]

    assert Decimal(made["cost"]) == Decimal(ledger["totals"]["cost"]) == Decimal("0.0375")
    assert made["usage"]["input_tokens"] == 1_000_000
    assert [entry["amount"] for entry in ledger["money"]] == [made["cost"]]


@paid
def test_live_limits_are_not_touched(groq_api, llm_clock, on_groq):
    batch = on_groq.start(some(50))
    llm_clock.advance(hours=1)

    assert on_groq.look(batch).request_counts.completed == 50
    assert {state.used for state in groq_api.limits(MODEL["groq"]).values()} == {0}


@paid
def test_a_line_that_asks_for_a_stream_is_answered_whole(groq_api, llm_clock, on_groq):
    batch = on_groq.start(some(1, stream=True, stream_options={"include_usage": True}))
    llm_clock.advance(hours=1)
    (answer,) = on_groq.read(on_groq.look(batch).output_file_id)

    assert answer["response"]["body"]["object"] == "chat.completion"


@pytest.mark.parametrize(
    ("provider", "model"), [("groq", "qwen/qwen3.8-27b"), ("together", "deepseek-ai/DeepSeek-V4-Pro-0813")]
)
def test_a_model_that_batches_do_not_have_fails_its_line(provider, model, tmp_path):
    settings = {"plan": "developer"} if provider == "groq" else {}
    with simulate(provider, check=False, **settings) as api:
        application = Groq() if provider == "groq" else Together(tmp_path)
        batch = application.start([*some(1, model=MODEL[provider]), a_line("other", chat("Hi", model))])
        api.clock.advance(hours=1)
        (error,) = application.read(application.look(batch).error_file_id)
        (finding,) = api.calls.of(operation="batches.create").last.violations

    assert error["custom_id"] == "other"
    assert (finding.code, finding.path) == ("LLM102", "line 2: $.model")


@pytest.mark.groq_api(plan="developer", models={"mine": {"type": "chat"}})
def test_a_model_of_ones_own_is_taken_by_a_batch(groq_api, llm_clock, on_groq):
    batch = on_groq.start(some(1, model="mine"))
    llm_clock.advance(hours=1)

    assert on_groq.look(batch).request_counts.completed == 1


# Money


USAGE = {"prompt_tokens": 1_000_000, "completion_tokens": 500_000}


@paid
def test_groqs_batch_costs_half_and_is_on_the_call_that_made_it(groq_api, llm_clock, on_groq):
    groq_api.reply("a", usage=USAGE, times=2)
    batch = on_groq.start(some(2))
    scripted = groq_api.calls.of(operation="batches.create")
    llm_clock.advance(hours=1)
    on_groq.look(batch)

    assert scripted.cost == 2 * (Decimal("0.075") + Decimal("0.30") / 2) / 2
    assert scripted.last.usage.total_tokens == 3_000_000
    assert groq_api.calls.cost == scripted.cost
    assert groq_api.account.spent == scripted.cost


@paid
def test_the_cache_discount_comes_on_top_of_nothing(groq_api, llm_clock, on_groq):
    groq_api.reply("a", usage={**USAGE, "prompt_tokens_details": {"cached_tokens": 800_000}})
    batch = on_groq.start(some(1))
    llm_clock.advance(hours=1)
    on_groq.look(batch)

    assert groq_api.calls.cost == (Decimal("0.075") + Decimal("0.30") / 2) / 2


@pytest.mark.parametrize(("model", "cost"), [(HALF, "0.78"), (MODEL["together"], "0.45")])
def test_on_together_half_the_price_is_for_single_models(together_api, llm_clock, on_together, model, cost):
    together_api.reply("a", usage=USAGE)
    before = together_api.account.balance
    batch = on_together.start(some(1, model=model))
    llm_clock.advance(hours=1)
    on_together.look(batch)

    assert together_api.calls.cost == Decimal(cost)
    assert before - together_api.account.balance == Decimal(cost)


@paid
@pytest.mark.llm_budget(cost=0.01)
def test_failed_lines_cost_nothing(groq_api, llm_clock, on_groq):
    groq_api.fail(500, when="Question", times=3)
    batch = on_groq.start(some(3))
    llm_clock.advance(hours=1)

    assert on_groq.look(batch).request_counts.failed == 3
    assert groq_api.calls.cost == 0


# What ends one early


@paid
def test_a_batch_expires_in_part(groq_api, llm_clock, on_groq):
    groq_api.reply("a", usage=USAGE, times=None)
    groq_api.capacity(batch_lines_per_hour=1)
    batch = on_groq.start(some(30))
    llm_clock.advance(days=1)
    batch = on_groq.look(batch)
    answered = {answer["custom_id"] for answer in on_groq.read(batch.output_file_id)}
    left = on_groq.read(batch.error_file_id)

    assert (batch.status, batch.expired_at) == ("expired", batch.expires_at)
    assert (batch.request_counts.completed, batch.request_counts.failed, batch.request_counts.total) == (23, 0, 30)
    assert answered == {f"r{number}" for number in range(23)}
    assert {line["custom_id"] for line in left} == {f"r{number}" for number in range(23, 30)}
    assert {line["error"]["code"] for line in left} == {"batch_expired"}
    assert groq_api.calls.cost == 23 * Decimal("0.1125")
    llm_clock.advance(days=3)
    assert on_groq.look(batch).request_counts.completed == 23


def test_a_batch_of_togethers_expires_after_a_day_whatever_is_asked(together_api, llm_clock, on_together):
    together_api.capacity(batch_lines_per_hour=1)
    batch = on_together.start(some(30, model=MODEL["together"]), completion_window="72h")
    llm_clock.advance(days=1)
    batch = on_together.look(batch)

    assert batch.status == "EXPIRED"
    assert len(on_together.read(batch.output_file_id)) == 23


@paid
def test_a_batch_of_groqs_is_cancelled_within_ten_minutes(groq_api, llm_clock, on_groq):
    groq_api.capacity(batch_lines_per_hour=60)
    batch = on_groq.start(some(10))
    llm_clock.advance(minutes=3, seconds=30)
    cancelling = on_groq.client.batches.cancel(batch.id)
    assert (cancelling.status, cancelling.cancelled_at) == ("cancelling", None)
    llm_clock.advance(minutes=10)
    batch = on_groq.look(batch)

    assert (batch.status, batch.cancelled_at - batch.cancelling_at) == ("cancelled", 600)
    assert len(on_groq.read(batch.output_file_id)) == 3
    with pytest.raises(groq.BadRequestError):
        on_groq.client.batches.cancel(batch.id)


@paid
def test_a_batch_that_did_not_begin_is_cancelled_without_an_answer(groq_api, llm_clock, on_groq):
    batch = on_groq.start(some(3))
    on_groq.client.batches.cancel(batch.id)
    llm_clock.advance(minutes=10)
    batch = on_groq.look(batch)

    assert (batch.status, batch.in_progress_at, batch.output_file_id) == ("cancelled", None, None)
    assert (batch.request_counts.total, batch.request_counts.failed) == (0, 0)
    assert {line["error"]["code"] for line in on_groq.read(batch.error_file_id)} == {"batch_cancelled"}


def test_a_batch_of_togethers_is_cancelled_at_once(together_api, llm_clock, on_together):
    batch = on_together.start(some(10, model=MODEL["together"]))
    assert on_together.client.batches.cancel(batch.id).status == "CANCELLED"
    llm_clock.advance(days=2)

    assert on_together.look(batch).status == "CANCELLED"
    assert together_api.calls.cost == 0
    with pytest.raises(together.BadRequestError):
        on_together.client.batches.cancel(batch.id)


@paid
def test_a_faster_pace_holds_from_the_next_line_on(groq_api, llm_clock, on_groq):
    groq_api.capacity(batch_lines_per_hour=1)
    batch = on_groq.start(some(100))
    llm_clock.advance(hours=2, seconds=2)
    assert on_groq.look(batch).request_counts.completed == 2
    groq_api.capacity(batch_lines_per_hour=100)
    llm_clock.advance(hours=3)

    assert on_groq.look(batch).status == "completed"


@paid
@pytest.mark.parametrize(("pace", "answered"), [(1e-300, 0), (1e300, 30)])
def test_a_pace_may_be_as_slow_or_fast_as_one_likes(groq_api, llm_clock, on_groq, pace, answered):
    groq_api.capacity(batch_lines_per_hour=pace)
    batch = on_groq.start(some(30))
    llm_clock.advance(days=1)

    assert on_groq.look(batch).request_counts.completed == answered


@paid
def test_a_reset_forgets_batches_and_stops_them(groq_api, llm_clock, on_groq):
    batch = on_groq.start(some(3))
    groq_api.reset()
    llm_clock.advance(days=1)

    assert on_groq.client.batches.list().data == []
    assert groq_api.calls.cost == 0
    with pytest.raises(groq.NotFoundError):
        on_groq.look(batch)


@paid
def test_a_week_takes_no_time(groq_api, llm_clock, on_groq):
    batch = on_groq.start(some(3), "7d")
    while on_groq.look(batch).status != "completed":
        time.sleep(3600)
    llm_clock.advance(days=7)

    assert on_groq.look(batch).status == "completed"


# What fails a file, and what fails a line


GOOD = a_line("good", chat("Hi"))
WHOLE = {
    "no JSON": ([GOOD, "{"], 2),
    "no object": ([GOOD, "[1]"], 2),
    "half a character": ([GOOD, '{"custom_id": "\\ud800"}'], 2),
    "no number": ([GOOD, '{"custom_id": "a", "body": {"temperature": NaN}}'], 2),
    "too deep": ([GOOD, '{"custom_id": "a", "body": ' + "[" * 100_000], 2),
    "no id": ([GOOD, {"method": "POST", "url": CHAT, "body": chat("Hi")}], 2),
    "an id twice": ([GOOD, GOOD], 2),
    "an empty id": ([a_line("", chat("Hi"))], 1),
    "a number as id": ([a_line(7, chat("Hi"))], 1),
}


@pytest.mark.llm_allow("LLM102")
@pytest.mark.parametrize("case", WHOLE)
@paid
def test_what_fails_the_whole_file(groq_api, llm_clock, on_groq, case):
    lines, number = WHOLE[case]
    batch = on_groq.start(lines)
    assert batch.status == "validating"
    llm_clock.advance(seconds=1)
    failed = httpx.get(f"{GROQ}/batches/{batch.id}", headers=KEY).json()

    assert (failed["status"], failed["output_file_id"]) == ("failed", None)
    assert failed["failed_at"] == batch.created_at + 1
    assert failed["errors"][0]["line"] == number
    made = groq_api.calls.of(operation="batches.create").last
    assert [finding.code for finding in made.violations] == ["LLM102"]
    assert f"line {number}: " in made.violations[0].message


@pytest.mark.llm_allow("LLM102")
@paid
def test_a_file_of_blank_lines_fails(groq_api, llm_clock, on_groq):
    batch = on_groq.start(["", "  ", ""])
    llm_clock.advance(seconds=1)

    assert on_groq.look(batch).status == "failed"


@pytest.mark.llm_allow("LLM102")
@pytest.mark.parametrize("count", [50_000, 50_001])
@paid
def test_more_lines_than_are_allowed_fail_the_file(groq_api, llm_clock, on_groq, count):
    batch = on_groq.start(some(count))
    llm_clock.advance(seconds=1)

    assert on_groq.look(batch).status == ("in_progress" if count == 50_000 else "failed")


ALONE = {
    "method": (a_line("bad", chat("Hi"), method="GET"), "invalid_method"),
    "url": (a_line("bad", chat("Hi"), url="/v1/embeddings"), "invalid_url"),
    "body": (a_line("bad", "Hi"), "invalid_body"),
    "no body": ({"custom_id": "bad", "method": "POST", "url": CHAT}, "invalid_body"),
}


@pytest.mark.llm_allow("LLM102")
@pytest.mark.parametrize("case", ALONE)
@paid
def test_what_fails_a_line_alone(groq_api, llm_clock, on_groq, case):
    line, code = ALONE[case]
    batch = on_groq.start([GOOD, line])
    llm_clock.advance(hours=1)
    done = httpx.get(f"{GROQ}/batches/{batch.id}", headers=KEY).json()

    assert done["status"] == "completed"
    assert done["request_counts"] == {"completed": 1, "failed": 1, "total": 2}
    assert [(error["code"], error["line"]) for error in done["errors"]] == [(code, 2)]
    assert [line["custom_id"] for line in on_groq.read(done["error_file_id"])] == ["bad"]


@pytest.mark.llm_allow("LLM102")
@pytest.mark.parametrize(
    "bad",
    ["{", "[1]", {"body": chat("Hi", MODEL["together"])}, {"custom_id": "a" * 65, "body": {}}, {"custom_id": "a"}],
)
def test_any_malformed_line_fails_a_batch_of_togethers(together_api, llm_clock, on_together, bad):
    good = {"custom_id": "good", "body": chat("Hi", MODEL["together"])}
    batch = on_together.start([good, bad])
    llm_clock.advance(seconds=10)
    batch = on_together.look(batch)

    assert (batch.status, batch.output_file_id) == ("FAILED", None)
    assert batch.error.startswith("line 2: ")


@pytest.mark.llm_allow("LLM102")
def test_a_line_that_is_too_long_ends_a_batch_of_togethers(together_api, llm_clock, on_together):
    long = {"custom_id": "long", "body": chat("x" * 10_000_000, MODEL["together"])}
    batch = on_together.start([long])
    llm_clock.advance(seconds=10)
    batch = on_together.look(batch)

    assert batch.status == "FAILED"
    assert batch.error.endswith("error reading input file")


@pytest.mark.llm_allow("LLM102")
def test_sound_has_to_be_said_to_be_a_file(together_api, llm_clock, on_together):
    line = {"custom_id": "a", "method": "POST", "body": {"model": "openai/whisper-large-v3", "file": "https://x/a.wav"}}
    on_together.path.write_bytes(as_file([line]))
    client = on_together.client
    file = client.files.upload(on_together.path, purpose="batch-api", check=False)
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/audio/transcriptions").job
    llm_clock.advance(hours=1)
    (error,) = on_together.read(on_together.look(batch).error_file_id)

    assert error["error"]["message"] == "Content-Type must be multipart/form-data"


@paid
def test_a_file_of_groqs_may_mix_speech_and_chat(groq_api, llm_clock, on_groq):
    heard = {"model": "whisper-large-v3", "url": "https://example.org/a.wav"}
    batch = on_groq.start([*some(1), a_line("heard", heard, url="/v1/audio/transcriptions")])
    llm_clock.advance(hours=1)
    batch = on_groq.look(batch)
    bodies = {line["custom_id"]: line["response"]["body"] for line in on_groq.read(batch.output_file_id)}

    assert batch.request_counts.failed == 0
    assert "text" in bodies["heard"]
    assert bodies["r0"]["object"] == "chat.completion"


def test_sound_of_togethers_batches_is_an_address(together_api, llm_clock, on_together):
    line = {"custom_id": "a", "method": "FILE", "body": {"model": "openai/whisper-large-v3", "file": "https://x/a.wav"}}
    on_together.path.write_bytes(as_file([line]))
    client = on_together.client
    file = client.files.upload(on_together.path, purpose="batch-api", check=False)
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/audio/transcriptions").job
    llm_clock.advance(hours=1)
    (answer,) = on_together.read(on_together.look(batch).output_file_id)

    assert "text" in answer["response"]["body"]
    assert together_api.calls.cost > 0


# What cannot be asked


@paid
def test_a_file_that_is_not_there_cannot_be_run(groq_api, on_groq):
    for id in ("file_01jh6x76wtemjr74t1fh0faj5t", "file-5a2b1c3d-8f0e-4d6c-9b7a-1e2f3a4b5c6d"):
        with pytest.raises(groq.BadRequestError):
            on_groq.client.batches.create(input_file_id=id, endpoint=CHAT, completion_window="24h")


@paid
def test_a_file_of_answers_is_no_file_of_requests(groq_api, llm_clock, on_groq):
    batch = on_groq.start(some(1))
    llm_clock.advance(hours=1)
    answers = on_groq.look(batch).output_file_id

    with pytest.raises(groq.BadRequestError, match="purpose"):
        on_groq.client.batches.create(input_file_id=answers, endpoint=CHAT, completion_window="24h")


def test_togethers_refusals_of_batches_are_texts(together_api, on_together, tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text('{"text": "a"}')
    training = on_together.client.files.upload(path, purpose="fine-tune", check=False)
    asked = [{"endpoint": CHAT, "input_file_id": id} for id in (training.id, "file-1")]
    refused = [httpx.post(f"{TOGETHER}/batches", json=body, headers=KEY) for body in asked]
    refused.append(httpx.get(f"{TOGETHER}/batches/batch_01jh6x76wtemjr74t1fh0faj5t", headers=KEY))
    refused.append(httpx.post(f"{TOGETHER}/batches/none/cancel", headers=KEY))

    assert [reply.status_code for reply in refused] == [400, 400, 404, 404]
    assert {type(reply.json()["error"]) for reply in refused} == {str}


@pytest.mark.parametrize("rate", [-1, 0, "fast", float("nan")])
def test_a_pace_that_is_none_says_what_is_accepted(groq_api, rate):
    with pytest.raises(ValueError, match=r"capacity\(batch_lines_per_hour"):
        groq_api.capacity(batch_lines_per_hour=rate)


# Lists


@paid
def test_groqs_list_is_read_page_by_page(groq_api, on_groq):
    made = [on_groq.start(some(1)).id for _ in range(45)]
    found, cursor, pages = [], "", 0
    while cursor is not None:
        page = httpx.get(f"{GROQ}/batches", params={"cursor": cursor} if cursor else {}, headers=KEY).json()
        found += [batch["id"] for batch in page["data"]]
        cursor, pages = page["paging"]["next_cursor"], pages + 1

    assert found == made[::-1]
    assert pages == 3
    assert httpx.get(f"{GROQ}/batches", params={"cursor": "x"}, headers=KEY).status_code == 400


@paid
def test_groqs_list_is_narrowed_down_by_ids(groq_api, on_groq):
    made = [on_groq.start(some(1)).id for _ in range(3)]
    asked = httpx.get(f"{GROQ}/batches", params={"id": [made[0], made[2], "batch_none"]}, headers=KEY).json()

    assert {batch["id"] for batch in asked["data"]} == {made[0], made[2]}
    assert "paging" not in asked
    many = [f"batch_{number}" for number in range(201)]
    assert httpx.get(f"{GROQ}/batches", params={"id": many}, headers=KEY).status_code == 400
    assert httpx.get(f"{GROQ}/batches", params={"id": many[:200]}, headers=KEY).status_code == 200


def test_togethers_list_is_bare_and_the_newest_first(together_api, on_together):
    made = [on_together.start(some(1, model=f"{MODEL['together']}"), priority=n).id for n in range(3)]

    assert [batch.id for batch in on_together.client.batches.list()] == made[::-1]


@paid
def test_openais_sdk_runs_batches_at_groq(groq_api, llm_clock):
    client = openai.OpenAI(base_url=GROQ, api_key="k")
    file = client.files.create(file=("a.jsonl", as_file(some(2))), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
    llm_clock.advance(hours=1)

    assert client.batches.retrieve(batch.id).status == "completed"
    assert [one.id for one in client.batches.list()] == [batch.id]


@pytest.mark.parametrize(("day", "last"), [("2025-05-09", "metadata"), ("2026-10-01", "project_id")])
def test_the_keys_of_groqs_batch_are_those_of_the_day(day, last):
    with simulate("groq", plan="developer", edition=day, check=False) as api:
        model = next(name for name, known in api.edition.models.items() if known.type == "chat")
        batch = Groq().start(some(1, model=model))
        record = httpx.get(f"{GROQ}/batches/{batch.id}", headers=KEY).json()

    assert list(record)[-1] == last


@paid
@pytest.mark.parametrize("method", ["outage", "chaos"])
@pytest.mark.parametrize(("error", "status"), [(503, 503), ("connect_error", 200), ("connection_reset", 200)])
def test_an_outage_or_chaos_meets_lines_but_breaks_no_connection_of_theirs(
    groq_api, llm_clock, on_groq, method, error, status
):
    given = {"outage": {"seconds": 10**6, "error": error}, "chaos": {"rate": 1, "errors": [error]}}[method]
    getattr(groq_api, method)(**given, when={"model": MODEL["groq"]})
    batch = on_groq.start(some(2))
    llm_clock.advance(hours=24)

    done = on_groq.look(batch)
    lines = [line for file in (done.output_file_id, done.error_file_id) if file for line in on_groq.read(file)]
    assert [line["response"]["status_code"] for line in lines] == [status, status]
