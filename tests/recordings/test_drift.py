"""``llmcontract drift``: cassettes that the simulator made are the same in everything; what is changed is found."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import vcr
import yaml

from pytest_llmcontract.cli import main
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers, StreamEvent
from pytest_llmcontract.core.facts.load import edition_dates
from pytest_llmcontract.recordings.cassette import Interaction
from pytest_llmcontract.recordings.drift import Drift, drift
from pytest_llmcontract.recordings.drift_report import as_json, as_text
from pytest_llmcontract.recordings.drift_simulation import Resimulation
from pytest_llmcontract.recordings.layout import cassette_text, interaction_form

HOSTS = {"groq": "https://api.groq.com/openai", "together": "https://api.together.xyz"}
DAY = date(2025, 12, 14)
HELLO = [{"role": "user", "content": "Say hello"}]
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]
CHAT = {"groq": {"model": "openai/gpt-oss-120b", "messages": HELLO}}
CHAT["together"] = {"model": "deepseek-ai/DeepSeek-V3.1", "messages": HELLO}
DRAW = {"model": "black-forest-labs/FLUX.1-schnell", "prompt": "A plum"}

Change = Callable[[ApiReply], ApiReply]


def request(provider: str, body: Any = None, path: str = "/v1/chat/completions", method: str = "POST") -> ApiRequest:
    content = b"" if body is None else json.dumps(body).encode()
    return ApiRequest(method, HOSTS[provider] + path, Headers({"content-type": "application/json"}), content)


def recorded(sent: ApiRequest, *, day: date = DAY, plan: str = "groq/developer", status: int = 200) -> ApiReply:
    """What the provider answered, if it were as the simulator is."""
    provider = "groq" if "groq" in sent.host else "together"
    plans = [plan] if plan.startswith(provider) else []
    asked = Interaction(0, sent, ApiReply(status))
    return Resimulation(plans=plans).answer(provider, asked, day).reply


def cassette(path: Path, *exchanges: tuple[ApiRequest, ApiReply], **more: Any) -> Path:
    interactions = [interaction_form(sent, reply) | more for sent, reply in exchanges]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(cassette_text(path, {"version": 1, "interactions": interactions}), encoding="utf-8")
    return path


def without_header(*names: str) -> Change:
    return lambda reply: replace(reply, headers={k: v for k, v in reply.headers.items() if k not in names})


def with_header(**values: str) -> Change:
    new = {name.replace("_", "-"): value for name, value in values.items()}
    return lambda reply: replace(reply, headers={**reply.headers, **new})


def with_body(change: Callable[[dict[str, Any]], Any]) -> Change:
    def changed(reply: ApiReply) -> ApiReply:
        body = reply.json
        change(body)
        return replace(reply, body=json.dumps(body).encode())

    return changed


def as_whole(reply: ApiReply, body: bytes) -> ApiReply:
    """*reply* as if it had not been streamed."""
    return replace(reply, body=body, events=None, headers={**reply.headers, "content-type": "application/json"})


def with_chunk(index: int, change: Callable[[dict[str, Any]], Any]) -> Change:
    def changed(reply: ApiReply) -> ApiReply:
        events = list(reply.events)
        body = json.loads(events[index].data[5:])
        change(body)
        events[index] = StreamEvent(f"data: {json.dumps(body)}\n\n".encode())
        return replace(reply, events=tuple(events))

    return changed


def found(result: Drift) -> list[tuple[str, str, str]]:
    return [(d["field"], d["recorded"], d["simulated"]) for d in as_json(result)["differences"]]


def held(tmp_path: Path, body: dict[str, Any], change: Change, *, provider: str = "groq") -> list[tuple[str, str, str]]:
    """What drift finds in a recording that was changed."""
    sent = request(provider, body)
    result = drift(cassette(tmp_path / "a.yaml", (sent, change(recorded(sent)))))
    assert len(result.compared) == 1
    return found(result)


# The same


@pytest.mark.parametrize("day", [date(2025, 5, 9), date(2025, 9, 16), DAY, date(2026, 6, 4)])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("provider", "body"),
    [
        ("groq", {"model": "llama-3.1-8b-instant", "messages": HELLO}),
        ("groq", {"model": "llama-3.1-8b-instant", "messages": HELLO, "tools": TOOLS}),
        ("groq", {"model": "llama-3.1-8b-instant", "messages": HELLO, "n": 3}),
        ("groq", {"model": "nobody/nothing", "messages": HELLO}),
        ("together", {"model": "meta-llama/Llama-3.3-70B-Instruct-Turbo", "messages": HELLO}),
        ("together", {"model": "nobody/nothing", "messages": HELLO}),
        ("together", {"messages": HELLO}),
    ],
)
def test_what_the_simulator_recorded_is_the_same(tmp_path, provider, body, stream, day):
    sent = request(provider, {**body, "stream": stream})
    known = "nobody" not in str(body.get("model"))

    result = drift(cassette(tmp_path / "a.yaml", (sent, recorded(sent, day=day, status=200 if known else 404))))

    assert found(result) == []
    first = edition_dates(provider)[0]
    assert (len(result.older) if day < first else len(result.compared), result.share) == (1, 100)
    assert result.same == (day >= first)


def test_pictures_and_completions_too(tmp_path):
    draw = request("together", DRAW, "/v1/images/generations")
    picture = request("together", None, "/shrt/abc", "GET")
    complete = request("together", {"model": "mistralai/Mixtral-8x7B-v0.1", "prompt": "Paris is"}, "/v1/completions")
    day = date(2025, 8, 1)

    made = [(sent, recorded(sent, day=day)) for sent in (draw, picture, complete)]
    result = drift(cassette(tmp_path / "a.yaml", *made))

    assert [exchange.interaction.reply.status for exchange in result.exchanges] == [200, 200, 200]
    assert found(result) == []


# What differs is found, and nothing else


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (without_header("x-groq-region"), ("header x-groq-region", "nothing", "there")),
        (with_header(x_new="1"), ("header x-new", "there", "nothing")),
        (with_header(x_ratelimit_limit_tokens="250001"), ("x-ratelimit-limit-tokens", "250001", "250000")),
        (
            with_header(x_ratelimit_reset_requests="5m"),
            ("x-ratelimit-reset-requests", "5m", "0.1728s or a unit less"),
        ),
        (with_body(lambda body: body.pop("usage_breakdown")), ("body usage_breakdown", "nothing", "there")),
        (with_body(lambda body: body["usage"].pop("total_time")), ("body usage.total_time", "nothing", "there")),
        (with_body(lambda body: body["choices"][0].update(grade=1)), ("body choices[].grade", "there", "nothing")),
        (with_body(lambda body: body.update(object="chat")), ("object", "chat", "chat.completion")),
        (with_body(lambda body: body.update(id="cmpl-7")), ("form of id", "cmpl-7", "chatcmpl-<uuid>")),
    ],
)
def test_one_field_of_a_reply(tmp_path, change, difference):
    assert held(tmp_path, CHAT["groq"], change) == [difference]


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (with_chunk(0, lambda chunk: chunk.pop("x_groq")), ("first chunk x_groq", "nothing", "there")),
        (with_chunk(-2, lambda chunk: chunk.pop("usage")), ("last chunk usage", "nothing", "there")),
        (
            with_chunk(3, lambda chunk: chunk.pop("system_fingerprint")),
            ("other chunks system_fingerprint", "nothing", "there"),
        ),
        (lambda reply: replace(reply, events=reply.events[:-1]), ("end of stream", "nothing", "[DONE]")),
        (lambda reply: as_whole(reply, b'{"ok": true}'), ("body", "JSON", "a stream")),
    ],
)
def test_one_field_of_a_stream(tmp_path, change, difference):
    assert difference in held(tmp_path, {**CHAT["groq"], "stream": True}, change)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (
            with_body(lambda body: body["error"].update(message="property 'n' is 7 of 12")),
            ("error.message", "property 'n' is N of N", "'n' : number must be at most N"),
        ),
        (with_body(lambda body: body["error"].update(code="oh")), ("error.code", "oh", "nothing")),
        (with_body(lambda body: body["error"].update(type="oh")), ("error.type", "oh", "invalid_request_error")),
        (with_body(lambda body: body["error"].update(param="n")), ("body error.param", "there", "nothing")),
    ],
)
def test_one_field_of_an_error(tmp_path, change, difference):
    assert difference in held(tmp_path, {**CHAT["groq"], "n": 3}, change)


def test_another_status_hides_the_rest(tmp_path):
    differences = held(tmp_path, {**CHAT["groq"], "n": 3}, lambda reply: replace(reply, status=200))

    assert differences == [("status", "200", "400 'n' : number must be at most N")]


def test_numbers_and_the_model_in_a_message_may_be_others(tmp_path):
    sent = request("together", {"model": "Qwen/Qwen2.5-14B-Instruct", "messages": HELLO})
    reply = recorded(sent, day=date(2026, 6, 4))
    assert reply.status == 400

    result = drift(cassette(tmp_path / "a.yaml", (sent, reply)))

    assert found(result) == []


def test_waits_follow_from_their_text(tmp_path):
    """Of a 429 no request is the cause; what it says itself must fit together all the same."""
    from pytest_llmcontract.recordings.drift_comparison import compared

    text = "Rate limit reached. Please try again in 1m34.2s. Need more tokens?"
    body = json.dumps({"error": {"message": text, "type": "tokens", "code": "rate_limit_exceeded"}}).encode()

    def differences(wait: str) -> list[str]:
        reply = ApiReply(429, Headers({"retry-after": wait, "content-type": "application/json"}), body)
        return [difference.simulated for difference in compared(reply, reply).differences]

    assert differences("95") == []
    assert differences("94") == ["95"]


@pytest.mark.parametrize(
    ("headers", "difference"),
    [
        ({"retry_after": "9"}, ("retry-after", "9", "2")),
        ({"x_ratelimit_remaining": "99"}, ("x-ratelimit-remaining", "99", "at most 20")),
        ({"x_ratelimit_limit": "30"}, ("x-ratelimit-limit", "30", "10")),
    ],
)
def test_togethers_limits_fit_together(tmp_path, headers, difference):
    assert difference in held(tmp_path, CHAT["together"], with_header(**headers), provider="together")


# What no request determines is left out by name


def error(status: int, code: str) -> Change:
    body = {"error": {"message": "…", "type": "invalid_request_error", "code": code}}
    return lambda reply: replace(reply, status=status, body=json.dumps(body).encode(), events=None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (error(401, "invalid_api_key"), "401: the key is scrubbed"),
        (error(429, "rate_limit_exceeded"), "429: the state of the limits"),
        (error(503, ""), "5xx: the provider's health"),
        (error(400, "tool_use_failed"), "tool_use_failed: what the model got wrong"),
        (error(400, "model_terms_required"), "model_terms_required: what the account has agreed to"),
        (error(400, "organization_restricted"), "organization_restricted: the state of the account"),
    ],
)
def test_what_is_not_compared_is_counted_by_name(tmp_path, change, reason):
    sent = request("groq", CHAT["groq"])

    result = drift(cassette(tmp_path / "a.yaml", (sent, change(recorded(sent))), (sent, recorded(sent))))

    assert (len(result.compared), result.same) == (1, 1)
    assert result.left_out == {reason: 1}
    assert as_json(result)["left_out"] == {reason: 1}
    assert f"1 × {reason}" in as_text(result)


def test_an_error_within_a_stream_is_the_models(tmp_path):
    sent = request("groq", {**CHAT["groq"], "stream": True})
    event = StreamEvent(b'event: error\ndata: {"error":{"message":"x","code":"tool_use_failed"}}\n\n')
    reply = replace(recorded(sent), events=(event,))

    assert drift(cassette(tmp_path / "a.yaml", (sent, reply))).left_out == {
        "tool_use_failed: what the model got wrong": 1
    }


@pytest.mark.parametrize(
    "change",
    [
        with_body(lambda body: body["choices"][0]["message"].update(content="Something else altogether")),
        with_body(lambda body: body["choices"][0]["message"].pop("reasoning")),
        with_body(lambda body: body["usage"].update(prompt_tokens=7, prompt_tokens_details={"cached_tokens": 4})),
        with_body(lambda body: body.update(id="chatcmpl-REDACTED_1")),
        without_header("date", "via", "vary", "x-request-id"),
        with_header(set_cookie="__cf_bm=x"),
        with_header(x_ratelimit_remaining_tokens="200", x_ratelimit_reset_tokens="59.952s"),
    ],
)
def test_what_the_model_and_the_weather_decide_is_not_a_difference(tmp_path, change):
    assert held(tmp_path, CHAT["groq"], change) == []


def test_a_tool_called_where_the_simulator_does_not_leaves_the_body_out(tmp_path):
    sent = request("groq", {**CHAT["groq"], "tools": TOOLS})
    reply = recorded(request("groq", CHAT["groq"]))

    result = drift(cassette(tmp_path / "a.yaml", (sent, reply)))

    assert found(result) == []
    assert list(result.left_out) == ["body: the model chose a tool call, or text, where the simulator did not"]


def test_a_recorder_that_keeps_no_headers(tmp_path):
    sent = request("groq", CHAT["groq"])
    reply = replace(recorded(sent), headers={"content-type": "application/json"})

    result = drift(cassette(tmp_path / "a.yaml", (sent, reply)), edition="2025-12-13")

    assert found(result) == []
    assert list(result.left_out) == ["headers: the recorder kept none"]


def test_calls_elsewhere_and_operations_that_are_not_simulated(tmp_path):
    away = ApiRequest("GET", "https://example.org/cat.jpg", Headers({}))
    asked = ApiRequest("GET", "https://api.together.ai/v1/deployments", Headers({"authorization": "Bearer k"}))
    told = ApiReply(200, {"date": "Thu, 01 Oct 2026 12:00:00 GMT"}, b"{}")

    result = drift(cassette(tmp_path / "a.yaml", (away, ApiReply(200, {}, b"cat")), (asked, told)))

    assert result.compared == []
    assert result.left_out == {"example.org: no provider we know": 1, "jig: not simulated yet": 1}
    assert "none of which can be compared" in as_text(result)


def test_what_an_account_made_before_is_no_drift(tmp_path):
    form = b'--x\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--x\r\n'
    form += b'content-disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n{}\r\n--x--\r\n'
    upload = replace(
        request("groq", None, "/v1/files"),
        headers=Headers({"content-type": "multipart/form-data; boundary=x"}),
        body=form,
    )
    file = recorded(upload)
    looked = request("groq", None, "/v1/batches/batch_01jh6xa7reempvjyh6n3yst2zw", "GET")
    gone = recorded(looked, status=404)
    there = ApiReply(200, dict(gone.headers), b'{"id":"batch_01jh6xa7reempvjyh6n3yst2zw"}')

    result = drift(cassette(tmp_path / "a.yaml", (upload, file), (looked, there), (looked, gone)))

    assert (file.status, gone.status) == (200, 404)
    assert (len(result.compared), found(result)) == (2, [])
    assert result.left_out == {"batches.retrieve: what the account made before": 1}


# Edition, plan, model


MEDIA = {
    "model": "llama-3.3-70b-versatile",
    "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a"}}]}],
}


def test_each_recording_is_held_to_its_own_day(tmp_path):
    """``message[0]`` became ``messages[0]`` in the summer of 2025."""
    sent = request("groq", MEDIA)
    one, other = (recorded(sent, day=day) for day in (date(2025, 5, 9), date(2025, 9, 16)))
    assert one.text != other.text

    assert found(drift(cassette(tmp_path / "a.yaml", (sent, one), (sent, other)))) == []
    assert len(found(drift(tmp_path / "a.yaml", edition="2025-09-16"))) == 1


def test_a_recording_without_a_date_goes_by_its_neighbours(tmp_path):
    sent = request("groq", MEDIA)
    dated, undated = recorded(sent, day=date(2025, 5, 9)), recorded(sent, day=date(2025, 5, 9))
    undated = without_header("date", "cf-ray", "x-request-id")(undated)

    assert found(drift(cassette(tmp_path / "a.yaml", (sent, undated), (sent, dated)))) == []


def test_a_cassette_without_any_date_goes_by_its_models(tmp_path):
    """The newest edition in which what answered still does."""
    sent = request("groq", {"model": "llama-3.3-70b-versatile", "messages": HELLO})
    reply = without_header("date", "cf-ray", "x-request-id")(recorded(sent, day=date(2026, 6, 4)))
    reply = with_body(lambda body: (body.update(created=0), body["x_groq"].update(id="req_REDACTED")))(reply)

    result = drift(cassette(tmp_path / "a.yaml", (sent, reply)))

    assert result.exchanges[0].simulated.edition == date(2026, 6, 4)
    assert found(result) == []


@pytest.mark.parametrize(
    ("provider", "plan"),
    [("groq", "groq/free"), ("groq", "groq/developer"), ("together", "together/tier0"), ("together", "together/tier4")],
)
def test_the_plan_is_what_the_headers_tell(tmp_path, provider, plan):
    sent = request(provider, CHAT[provider])
    reply = recorded(sent, plan=plan)

    result = drift(cassette(tmp_path / "a.yaml", (sent, reply)))

    assert result.exchanges[0].simulated.plan == plan.partition("/")[2]
    assert found(result) == []


@pytest.mark.parametrize("name", ["groq/free", "free"])
def test_the_plan_may_be_told(tmp_path, name):
    sent = request("groq", CHAT["groq"])

    result = drift(cassette(tmp_path / "a.yaml", (sent, recorded(sent))), plans=[name])

    assert [field for field, *_ in found(result)] == ["x-ratelimit-limit-requests", "x-ratelimit-limit-tokens"]


def test_a_model_the_facts_do_not_have_is_taken_as_it_was_used(tmp_path):
    body = {"model": "acme/unheard-of", "messages": HELLO, "tools": TOOLS}
    sent = request("groq", body)
    reply = recorded(request("groq", {**body, "model": "llama-3.3-70b-versatile"}), plan="groq/developer")
    reply = replace(reply, body=reply.body.replace(b"llama-3.3-70b-versatile", b"acme/unheard-of"))

    result = drift(cassette(tmp_path / "a.yaml", (sent, reply)))

    assert [field for field, *_ in found(result)] == ["x-ratelimit-limit-tokens"]
    assert list(result.left_out) == ["what acme/unheard-of can do: our facts of that day do not have it"]


@pytest.mark.parametrize(
    ("like", "fields"),
    [
        ("llama-3.1-8b-instant", {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}]}),
        ("groq/compound", {"messages": HELLO, "tools": TOOLS}),
        ("llama3-70b-8192", {"messages": HELLO}),
        ("openai/gpt-oss-20b", {"messages": HELLO, "reasoning_effort": "low"}),
    ],
    ids=["pictures", "tools", "shut down", "reasoning"],
)  # fmt: skip
def test_what_such_a_model_was_refused_for_is_what_it_cannot_do(tmp_path, like, fields):
    sent = request("groq", {"model": "acme/unheard-of", **fields})
    reply = recorded(request("groq", {"model": like, **fields}))
    reply = replace(reply, body=reply.body.replace(like.encode(), b"acme/unheard-of"))

    result = drift(cassette(tmp_path / "a.yaml", (sent, reply)))

    assert {field for field, *_ in found(result)} <= {"x-ratelimit-limit-tokens", "x-ratelimit-limit-requests"}
    assert result.exchanges[0].simulated.reply.status == reply.status


def test_a_model_that_is_older_than_our_facts_of_it_is_taken_as_on_its_first_day(tmp_path):
    """Mixtral is known from 2025-05 on, and not to be had without an endpoint of one's own any more."""
    sent = request("together", {"model": "mistralai/Mixtral-8x7B-Instruct-v0.1", "messages": HELLO})
    reply = recorded(sent, day=date(2025, 5, 10))
    before = with_header(date="Wed, 05 Jun 2024 12:00:00 GMT")(reply)

    result = drift(cassette(tmp_path / "a.yaml", (sent, before)))

    assert result.exchanges[0].simulated.edition == date(2024, 6, 5)
    assert "status" not in [field for field, *_ in found(result)]


def test_before_the_first_edition_groq_did_not_name_its_region(tmp_path):
    sent = request("groq", {"model": "llama3-8b-8192", "messages": HELLO})
    reply = recorded(sent, day=date(2024, 9, 4), plan="groq/free")

    assert "x-groq-region" not in reply.headers
    assert reply.headers["x-ratelimit-limit-tokens"] == "30000"


# The simulated replies as cassettes


def test_out_has_the_same_names_and_order_for_vcrpy_to_play(tmp_path):
    sent, streamed = request("groq", CHAT["groq"]), request("groq", {**CHAT["groq"], "stream": True})
    away = ApiRequest("GET", "https://example.org/cat.jpg", Headers({}))
    secret = request("together", {**CHAT["together"], "user": "gsk_8fK2mPq9XvB4nR7tYw3LcZ6dHs1JgA5e"})
    source = tmp_path / "recordings"
    cassette(source / "groq" / "a.yaml", (sent, recorded(sent)), (away, ApiReply(200, {}, b"cat")))
    cassette(source / "b.json", (streamed, recorded(streamed)), (secret, recorded(secret)))

    drift(source, out=tmp_path / "out")

    assert sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*")) == [
        "b.json",
        "groq/a.yaml",
    ]
    written = yaml.safe_load((tmp_path / "out" / "groq" / "a.yaml").read_text("utf-8"))
    assert [one["response"]["body"]["string"][:3] for one in written["interactions"]] == ['{"i', "cat"]
    assert "gsk_" not in (tmp_path / "out" / "b.json").read_text("utf-8")
    with vcr.use_cassette(str(tmp_path / "out" / "b.json"), serializer="json", record_mode="none") as played:
        assert len(played) == 2
    assert found(drift(tmp_path / "out" / "groq")) == []


def test_nothing_is_written_if_a_cassette_is_damaged(tmp_path):
    sent = request("groq", CHAT["groq"])
    cassette(tmp_path / "in" / "a.yaml", (sent, recorded(sent)))
    (tmp_path / "in" / "b.yaml").write_text("interactions: [{request: 1}]")

    with pytest.raises(BadInput, match=r"b\.yaml:1: interaction 0"):
        drift(tmp_path / "in", out=tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_recordings_are_not_overwritten(tmp_path):
    sent = request("groq", CHAT["groq"])
    path = cassette(tmp_path / "a.yaml", (sent, recorded(sent)))
    before = path.read_bytes()

    with pytest.raises(BadInput, match=r"would be overwritten .*another folder as --out"):
        drift(tmp_path, out=tmp_path)

    assert path.read_bytes() == before


def test_two_cassettes_of_one_name(tmp_path):
    sent = request("groq", CHAT["groq"])
    for folder in ("one", "two"):
        cassette(tmp_path / folder / "a.yaml", (sent, recorded(sent)))

    with pytest.raises(BadInput, match="same name in --out"):
        drift(tmp_path / "one", tmp_path / "two", out=tmp_path / "out")

    assert not (tmp_path / "out").exists()


# The command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three recordings: two that lack a header, one of these with another status; one as it should be."""
    sent = request("groq", CHAT["groq"])
    reply, bare = recorded(sent), without_header("alt-svc")(recorded(sent))
    cassette(tmp_path / "a.yaml", (sent, bare), (sent, bare), (sent, replace(bare, status=201)), (sent, reply))
    return tmp_path


def test_text_is_grouped_the_most_frequent_first_with_a_place(folder, capsys):
    assert main(["drift", str(folder)]) == 0

    text = capsys.readouterr().out
    assert text.startswith("1 of 4 compared exchanges are the same in every field: 25.0 %\n")
    assert "  status                            3 of 4        75.0 %\n" in text
    assert "  names of headers                  1 of 3        33.3 %\n" in text
    header = text.index("    2 × groq: header alt-svc\n        recorded   nothing\n        simulated  there\n")
    assert header < text.index("    1 × groq: status\n        recorded   201\n        simulated  200\n")
    assert re.search(r"openai/gpt-oss-120b; 2025-12-14\n        such as \S+/a\.yaml:\d \(interaction 0\)\n", text)


def test_json_for_scripts(folder, capsys):
    assert main(["drift", "--json", str(folder)]) == 0

    answer = json.loads(capsys.readouterr().out)
    assert (answer["compared"], answer["same"], len(answer["differences"])) == (4, 1, 3)
    assert answer["differences"][1] == {
        "file": str(folder / "a.yaml"),
        "interaction": 1,
        "field": "header alt-svc",
        "recorded": "nothing",
        "simulated": "there",
    }


@pytest.mark.parametrize(("least", "code"), [("25", 0), ("25.1", 1), ("95", 1)])
def test_fail_under(folder, capsys, least, code):
    assert main(["drift", "--fail-under", least, str(folder)]) == code


def test_a_gate_that_can_compare_nothing_does_not_pass(tmp_path, capsys):
    sent = request("groq", CHAT["groq"])
    path = cassette(tmp_path / "a.yaml", (replace(sent, url="https://example.com/"), recorded(sent)))

    assert main(["drift", "--fail-under", "95", str(path)]) == 1
    assert "none of which can be compared" in capsys.readouterr().out
    assert main(["drift", str(path)]) == 0


def test_all_kinds_only_if_asked_for(tmp_path, capsys):
    sent = request("groq", CHAT["groq"])
    reply = with_header(**{f"x_more_{number}": "1" for number in range(25)})(recorded(sent))
    path = cassette(tmp_path / "a.yaml", (sent, reply))

    main(["drift", str(path)])
    short = capsys.readouterr().out
    main(["drift", "--all", str(path)])
    long = capsys.readouterr().out

    assert (short.count("header x-more"), long.count("header x-more")) == (20, 25)
    assert "… and 5 more kinds of difference, 5 times in all: --all shows them\n" in short


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], r"llmcontract drift: nowhere does not exist; expected a cassette or a folder with cassettes"),
        (["--plan", "groq/fre", "."], r"llmcontract drift: unknown plan 'groq/fre'\. Did you mean 'groq/free'"),
        (["--edition", "yesterday", "."], r"edition 'yesterday' is no date; expected YYYY-MM-DD"),
        (["--edition", "2020-01-01", "."], r"no groq edition is as old as 2020-01-01"),
    ],
)
def test_bad_input_is_one_line(folder, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)

    assert main(["drift", *arguments]) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert re.search(message, captured.err)


ASSUMED_TO_BE_OFFERED = "Qwen/Qwen2.5-7B-Instruct"
"""Its facts begin with a list of 2026 that has it as not serverless."""


@pytest.mark.parametrize("offered", [True, False])
def test_whether_a_model_was_offered_is_told_by_the_recording_where_the_facts_only_guess(tmp_path, offered):
    day = date(2025, 12, 14)
    sent = request("together", {"model": ASSUMED_TO_BE_OFFERED, "messages": HELLO})
    refusal = recorded(
        request("together", {"model": "Qwen/Qwen2.5-14B-Instruct", "messages": HELLO}), day=day, status=400
    )
    reply = recorded(sent, day=day) if offered else refusal
    assert reply.status == (200 if offered else 400)
    result = drift(cassette(tmp_path / "a.yaml", (sent, replace(reply, body=reply.body.replace(b"14B", b"7B")))))
    assert [difference.aspect for exchange in result.compared for difference in exchange.comparison.differences] == []
    assert list(result.left_out) == (
        [] if offered else [f"what {ASSUMED_TO_BE_OFFERED} can do: our facts of that day do not have it"]
    )


def test_a_restriction_that_was_seen_that_day_is_not_taken_from_the_recording(tmp_path):
    sent = request("together", {"model": "Qwen/Qwen2.5-14B-Instruct", "messages": HELLO})
    assert recorded(sent, day=date(2025, 12, 13)).status == 200
    assert recorded(sent, day=date(2025, 12, 14)).status == 400


# What is not the provider's, what a recorder did not keep, what the facts do not reach


def test_what_was_recorded_from_the_simulator_is_left_out(tmp_path, capsys):
    sent = request("groq", CHAT["groq"])
    path = cassette(tmp_path / "a.yaml", (sent, recorded(sent)), (sent, recorded(sent)))
    document = yaml.safe_load(path.read_text())

    for block, left_out in (
        ({"source": "simulator"}, {"recorded from the simulator, not from the provider": 2}),
        ({"source": "live", "scripted": [1]}, {"answered by a script of its test": 1}),
    ):
        path.write_text(yaml.dump({**document, "metadata": {"llmcontract": {"format": 1, **block}}}))
        result = drift(path)
        assert result.left_out == left_out
        assert len(result.compared) == 2 - sum(left_out.values())
    path.write_text(yaml.dump({**document, "metadata": {"llmcontract": {"format": 1, "source": "simulator"}}}))
    assert main(["drift", "--fail-under", "95", str(path)]) == 1
    assert "2 × recorded from the simulator, not from the provider" in capsys.readouterr().out


@pytest.mark.parametrize("given", ["-1", "101", "nan", "most"])
def test_a_gate_is_a_percentage(folder, capsys, given):
    with pytest.raises(SystemExit) as end:
        main(["drift", f"--fail-under={given}", str(folder)])

    assert end.value.code == 2
    assert f"argument --fail-under: {given!r} is no percentage; expected 0 to 100" in capsys.readouterr().err


def test_a_gate_of_nothing_is_one(tmp_path):
    """0 % of nothing has been shown by nothing."""
    sent = request("groq", CHAT["groq"])
    path = cassette(tmp_path / "a.yaml", (replace(sent, url="https://example.com/"), recorded(sent)))

    assert main(["drift", "--fail-under", "0", str(path)]) == 1


def test_a_recorder_that_keeps_some_headers(tmp_path):
    sent = request("groq", CHAT["groq"])
    reply = recorded(sent)
    kept = ("content-type", "x-ratelimit-limit-tokens", "x-request-id", "x-groq-region", "x-ratelimit-limit-requests")
    reply = replace(reply, headers={name: reply.headers[name] for name in kept} | {"x-new": "1"})

    result = drift(cassette(tmp_path / "a.yaml", (sent, reply)), edition="2025-12-13")

    assert found(result) == [("header x-new", "there", "nothing")]
    assert list(result.left_out) == ["headers: the recorder kept some of them"]


def test_limits_that_were_redacted(tmp_path):
    sent = request("groq", CHAT["groq"])
    redact = with_header(x_ratelimit_limit_tokens="**REDACTED**", x_ratelimit_limit_requests="<REDACTED>")

    result = drift(cassette(tmp_path / "a.yaml", (sent, redact(recorded(sent)))))

    assert found(result) == []
    assert list(result.left_out) == ["limits: the recorder redacted them"]


def test_a_body_that_was_not_kept(tmp_path):
    sent = request("groq", CHAT["groq"])

    result = drift(cassette(tmp_path / "a.yaml", (sent, replace(recorded(sent), body=b""))))

    assert found(result) == []
    assert list(result.left_out) == ["body: the recorder kept none"]


@pytest.mark.parametrize(
    ("message", "url", "left_out"),
    [
        ("One of the image(s) could not be processed (possibly corrupt)", "https://example.org/a.png", True),
        ("failed to retrieve media: received HTTP status code 404", "https://example.org/a.png", True),
        ("One of the image(s) could not be processed (possibly corrupt)", "data:image/png;base64,AAAA", False),
        ("messages must be a list", "https://example.org/a.png", False),
    ],
)
def test_what_lies_behind_a_url_is_in_no_recording(tmp_path, message, url, left_out):
    picture = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
    sent = request("groq", {"model": "meta-llama/llama-4-scout-17b-16e-instruct", "messages": [picture]})
    refused = ApiReply(
        400, {"date": "Sat, 13 Dec 2025 12:00:00 GMT"}, json.dumps({"error": {"message": message}}).encode()
    )

    result = drift(cassette(tmp_path / "a.yaml", (sent, refused)))

    assert result.left_out.get("what lies behind a URL: it is not in the recording", 0) == left_out


def test_what_is_older_than_the_facts_is_counted_apart(tmp_path, capsys):
    sent = request("groq", {"model": "llama3-8b-8192", "messages": HELLO})
    reply = recorded(sent, day=date(2023, 6, 5), plan="groq/free")
    path = cassette(tmp_path / "a.yaml", (sent, reply))

    result = drift(path)

    assert (result.compared, len(result.older)) == ([], 1)
    first = edition_dates("groq")[0]
    assert f"Counted apart: 1 of 1 that are older than our facts, which begin of groq on {first}." in as_text(result)
    assert as_json(result)["older"] == {"compared": 1, "same": 1}
    assert main(["drift", "--fail-under", "1", str(path)]) == 1
