"""A fact has the days on which it was seen: before the first sight of a restriction none is assumed."""

import json
import shutil
from datetime import date

import pytest

from pytest_llmcontract import BadInput, simulate
from pytest_llmcontract.core.exchange import ApiRequest, Headers
from pytest_llmcontract.core.facts.load import assemble, edition_dates, edition_on, edition_with_plan
from pytest_llmcontract.core.facts.records import family_facts
from pytest_llmcontract.core.facts.registry import provider_folder

BEFORE, FIRST_SIGHT = date(2025, 12, 13), date(2025, 12, 14)
MODEL = {
    "id": "acme/lamp-1", "type": "chat", "owner": "Acme", "since": "2024-07-01", "source": "models-list",
    "changes": [{"on": str(FIRST_SIGHT), "serverless": False, "source": "recordings"}],
    "sources": {"serverless": "assumed-before", "since": "assumed-release"},
}  # fmt: skip


@pytest.fixture
def lamp(tmp_path):
    """A model that was first seen refused on one day, as it is known on any."""
    folder = tmp_path / "together"
    shutil.copytree(provider_folder("together"), folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (folder / "models.json").write_text(json.dumps([MODEL]))
    return lambda day: assemble(folder, "together", day).models["acme/lamp-1"]


def test_before_the_first_sight_of_a_restriction_there_is_none(lamp):
    assert lamp(BEFORE).serverless
    assert not lamp(FIRST_SIGHT).serverless


def test_what_is_filled_in_for_the_days_before_is_assumed(lamp):
    assert not lamp(BEFORE).is_seen("serverless")
    assert lamp(FIRST_SIGHT).is_seen("serverless")
    assert "since" in lamp(FIRST_SIGHT).assumed


def test_a_field_of_which_the_record_says_nothing_was_not_seen(lamp):
    assert lamp(BEFORE).input_modalities == ("text",)
    assert not lamp(BEFORE).is_seen("input_modalities")


def test_what_the_user_gives_counts_as_seen():
    edition = edition_on("together", FIRST_SIGHT)
    id = "Qwen/Qwen2.5-7B-Instruct"
    assert not edition.models[id].is_seen("capabilities")
    given = edition.with_models({id: {"capabilities": ["system"]}}).models[id]
    assert given.is_seen("capabilities")
    assert not given.is_seen("input_modalities")


@pytest.mark.parametrize("day", edition_dates("together"), ids=str)
def test_no_model_is_refused_on_a_day_on_which_nobody_could_have_seen_it(day):
    """What a later list of models leaves out was offered until then, as far as anybody knows."""
    early = [model for model in edition_on("together", day).models.values() if day < date(2026, 5, 27)]
    guessed = [model for model in early if model.source_of("serverless") == "assumed-serverless"]
    assert [model.id for model in guessed if not model.serverless] == []


def test_an_unknown_model_is_taken_for_one_of_its_family():
    models = edition_on("together", date(2025, 12, 14)).models
    assert family_facts(models, "arcee-ai/unheard-of") == {"third_party": True, "type": "chat"}
    assert (
        "third_party" not in family_facts(models, "Qwen/unheard-of")
        or not family_facts(models, "Qwen/x")["third_party"]
    )
    assert family_facts(models, "no-owner") == {}


# Editions and plans


@pytest.mark.parametrize(("plan", "day"), [("tier3", "2026-04-16"), ("prepaid", None), (None, None)])
def test_without_a_date_the_newest_edition_that_has_the_plan_holds(plan, day):
    assert str(edition_with_plan("together", plan).date) == (day or str(edition_dates("together")[-1]))


def test_a_date_without_the_plan_is_an_error_that_says_so():
    with pytest.raises(BadInput, match="edition of 2026-06-01 has no plan tier1: the newest that has it is 2026-04-16"):
        edition_with_plan("together", "tier1", "2026-06-04")


@pytest.mark.parametrize("day", edition_dates("together"), ids=str)
def test_every_edition_has_either_tiers_or_the_prepaid_plan(day):
    plans = edition_on("together", day).plans
    assert plans == (("tier1", "tier2", "tier3", "tier4", "tier5") if day < date(2026, 4, 22) else ("prepaid",))


# What was seen on a day


def called(edition, **body):
    """The reply to a call of a tool, and the provider."""
    with simulate("together", edition=edition) as api:
        reply = send(api, "https://api.together.xyz/v1/chat/completions", {**CALL, "stream": True, **body})
    return reply, [json.loads(line[5:]) for line in reply.text.splitlines() if line[5:].strip() not in ("", "[DONE]")]


TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
CALL = {
    "model": "meta-llama/Llama-3.3-70B-Instruct-Turbo", "messages": [{"role": "user", "content": "x"}],
    "tools": [TOOL], "tool_choice": "required",
}  # fmt: skip


def send(api, url, body):
    request = ApiRequest("POST", url, Headers({"authorization": "Bearer k"}), json.dumps(body).encode())
    return api.simulator.answer(request).reply


@pytest.mark.parametrize(
    ("edition", "first", "last"),
    [
        ("2024-10-14", {"index", "delta", "logprobs", "finish_reason"}, "tool_calls"),
        ("2025-08-01", {"index", "delta", "logprobs", "finish_reason"}, "usage"),
        ("2025-12-14", {"index", "role", "text", "delta", "logprobs", "finish_reason"}, "usage"),
    ],
)
def test_a_streamed_tool_call_has_the_form_of_its_day(edition, first, last):
    model = "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo" if edition < "2025" else CALL["model"]
    _, events = called(edition, model=model)
    assert set(events[0]["choices"][0]) == first
    assert "usage" not in events[0]
    assert last in (events[-1] if last == "usage" else events[-1]["choices"][0]["delta"])


@pytest.mark.parametrize(("edition", "told"), [("2024-10-14", False), ("2025-01-21", True), ("2026-05-31", False)])
def test_successes_carry_retry_after_on_the_days_on_which_they_did(edition, told):
    model = "meta-llama/Meta-Llama-3.1-70B-Instruct-Turbo" if edition < "2025-02" else CALL["model"]
    reply, _ = called(edition, model=model)
    assert reply.status == 200
    assert ("retry-after" in reply.headers) is told


@pytest.mark.parametrize(("edition", "taken"), [("2025-12-13", 1), ("2026-06-04", 500)])
def test_an_admitted_call_is_charged_its_maximum_since_the_day_on_which_that_was_seen(edition, taken):
    body = {"model": "openai/gpt-oss-120b", "messages": [{"role": "user", "content": "x"}], "max_tokens": 500}
    with simulate("groq", edition=edition) as api:
        api.reply("y", usage={"prompt_tokens": 80, "completion_tokens": 20})
        before = send(api, "https://api.groq.com/openai/v1/chat/completions", body).headers[
            "x-ratelimit-remaining-tokens"
        ]
        used = api.limits("openai/gpt-oss-120b")["TPM"].used
    prompt = 8000 - int(before) - taken
    assert prompt > 0
    assert used == pytest.approx(80 + 20 + (500 if taken == 500 else 0))


def test_more_output_than_a_limit_allows_must_not_be_asked_for_again():
    body = {"model": "qwen/qwen3.8-27b", "messages": [{"role": "user", "content": "x"}], "max_tokens": 2512}
    with simulate("groq", edition="2026-10-01") as api:
        reply = send(api, "https://api.groq.com/openai/v1/chat/completions", body)
    assert reply.status == 429
    assert reply.headers["x-should-retry"] == "false"
    assert "retry-after" not in reply.headers
    assert reply.headers["x-ratelimit-reset-tokens"] == "1ms"


@pytest.mark.parametrize(
    ("model", "body", "says"),
    [
        ("Qwen/Qwen3.7-Plus", {}, "This model only supports streaming."),
        (
            "moonshotai/Kimi-K3",
            {"response_format": {"type": "json_schema", "schema": {}}},
            "missing field `json_schema`",
        ),
        ("openai/gpt-oss-120b", {"response_format": {"type": "json_schema", "schema": {}}}, None),
    ],
)
def test_what_single_models_were_seen_to_insist_on(model, body, says):
    sent = {"model": model, "messages": [{"role": "user", "content": "x"}], **body}
    with simulate("together") as api:
        reply = send(api, "https://api.together.xyz/v1/chat/completions", sent)
        api.calls.last.violations.clear()
    assert reply.status == (400 if says else 200)
    assert (says or "") in reply.text


@pytest.mark.parametrize(("size", "status"), [(26_214_400, 400), (26_214_401, 413)])
def test_a_file_that_is_too_big_is_refused_before_its_form(size, status):
    parts = {"model": b"whisper-large-v3", "file": bytes(size)}
    head = 'Content-Disposition: form-data; name="{}"'
    named = {name: head.format(name) + ('; filename="a.wav"' if name == "file" else "") for name in parts}
    body = b"".join(b"--x\r\n" + named[name].encode() + b"\r\n\r\n" + data + b"\r\n" for name, data in parts.items())
    headers = Headers({"authorization": "Bearer k", "content-type": "multipart/form-data; boundary=x"})
    with simulate("groq") as api:
        url = "https://api.groq.com/openai/v1/audio/transcriptions"
        reply = api.simulator.answer(ApiRequest("POST", url, headers, body + b"--x--\r\n")).reply
        codes = [finding.code for finding in api.calls.last.violations]
        api.calls.last.violations.clear()
    assert reply.status == status
    assert ("LLM107" in codes) is (status == 413)


def test_speech_is_wav_only():
    body = {"model": "canopylabs/orpheus-v1-english", "voice": "troy", "input": "hello", "response_format": "mp3"}
    with simulate("groq") as api:
        reply = send(api, "https://api.groq.com/openai/v1/audio/speech", body)
        api.calls.last.violations.clear()
    assert reply.json["error"]["message"] == "response_format must be one of [wav]"
