"""The forms of replies as they changed from day to day and from model to model: read off recorded exchanges."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from datetime import date as day
from fnmatch import fnmatchcase
from typing import Any

import pytest

from pytest_llmcontract.core.call.routes import Routes
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers
from pytest_llmcontract.core.facts.load import edition_on
from pytest_llmcontract.core.facts.registry import provider_folder
from pytest_llmcontract.core.provider import provider_called
from pytest_llmcontract.core.world import World, noon_of
from pytest_llmcontract.recordings.cassette import Interaction
from pytest_llmcontract.recordings.dates import moment_of

HELLO = [{"role": "user", "content": "Say hello"}]
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}]
FORCED = {"tools": TOOLS, "tool_choice": "required"}
HOSTS = {"groq": "https://api.groq.com/openai/v1", "together": "https://api.together.xyz/v1"}


def answer(provider: str, model: str, on: str, path: str = "/chat/completions", **fields: Any) -> ApiReply:
    """The reply to a greeting at noon of that day."""
    body = {"model": model, **({"messages": HELLO} if path == "/chat/completions" else {}), **fields}
    headers = Headers({"authorization": "Bearer ***", "content-type": "application/json"})
    return send(provider, on, ApiRequest("POST", HOSTS[provider] + path, headers, json.dumps(body).encode()))


def send(provider: str, on: str, request: ApiRequest) -> ApiReply:
    facts, known = edition_on(provider, day.fromisoformat(on)), provider_called(provider)
    simulator = World(VirtualClock(noon_of(facts.date))).add(known, facts, known.settings())
    reply = simulator.answer(request).reply
    assert isinstance(reply, ApiReply)
    return reply


def chunks(reply: ApiReply) -> list[dict[str, Any]]:
    return [json.loads(line[5:]) for line in reply.text.splitlines() if line[:5] == "data:" and "[DONE]" not in line]


def choice(body: Mapping[str, Any]) -> dict[str, Any]:
    (first,) = body["choices"]
    return first


# Groq

LLAMA = "llama-3.1-8b-instant"


@pytest.mark.parametrize(
    ("on", "breakdown"),
    [
        ("2025-03-23", "absent"),
        ("2025-04-15", {"models": None}),
        ("2025-06-10", {"models": None}),
        ("2025-06-13", None),
    ],
)
def test_usage_breakdown(on, breakdown):
    assert answer("groq", LLAMA, on).json.get("usage_breakdown", "absent") == breakdown


@pytest.mark.parametrize(("on", "there"), [("2025-06-13", False), ("2025-07-20", True), ("2026-06-04", True)])
def test_service_tier(on, there):
    assert ("service_tier" in answer("groq", LLAMA, on).json) is there


@pytest.mark.parametrize(("on", "there"), [("2025-11-02", False), ("2025-12-13", True)])
def test_the_seed_of_x_groq(on, there):
    assert ("seed" in answer("groq", LLAMA, on).json["x_groq"]) is there


@pytest.mark.parametrize(("on", "there"), [("2025-07-20", True), ("2025-07-26", False), ("2025-08-01", True)])
def test_x_groq_in_the_first_chunk(on, there):
    assert ("x_groq" in chunks(answer("groq", LLAMA, on, stream=True))[0]) is there


@pytest.mark.parametrize(("on", "there"), [("2025-09-17", False), ("2025-10-03", True)])
def test_usage_in_the_last_chunk(on, there):
    last = chunks(answer("groq", LLAMA, on, stream=True))[-1]

    assert choice(last)["finish_reason"] == "stop"
    assert ("usage" in last, "usage" in last["x_groq"]) == (there, True)


def test_usage_that_was_asked_for_comes_once_more():
    reply = answer("groq", LLAMA, "2025-11-02", stream=True, stream_options={"include_usage": True})

    finish, last = chunks(reply)[-2:]
    assert choice(finish)["finish_reason"] == "stop"
    assert (last["choices"], last["service_tier"]) == ([], "on_demand")
    assert last["usage"] == finish["usage"] == finish["x_groq"]["usage"]


def test_a_compound_model_is_a_system():
    body = answer("groq", "groq/compound", "2025-12-13").json

    assert (body["id"], body["x_groq"]) == ("stub", {"id": "stub"})
    assert "system_fingerprint" not in body
    shares = [each["usage"] for each in body["usage_breakdown"]["models"]]
    for key in ("prompt_tokens", "completion_tokens", "total_tokens"):
        assert sum(share[key] for share in shares) == body["usage"][key]


def test_a_compound_model_streams_without_an_opening():
    first, *_, last = chunks(answer("groq", "groq/compound", "2025-12-13", stream=True))

    assert list(choice(first)["delta"]) == ["reasoning"]
    assert first["system_fingerprint"] is None
    assert last["id"] == "stub"
    assert list(last["x_groq"]) == ["usage", "usage_breakdown"]


# Together

TURBO, SCOUT = "meta-llama/Llama-3.3-70B-Instruct-Turbo", "meta-llama/Llama-4-Scout-17B-16E-Instruct"
DEEPSEEK, COGITO = "deepseek-ai/DeepSeek-V3.1", "deepcogito/cogito-v2-1-671b"


def test_togethers_own_engine_has_a_seed_and_finishes_with_the_usage():
    whole = answer("together", TURBO, "2025-05-30").json
    last = chunks(answer("together", TURBO, "2025-05-30", stream=True))[-1]

    assert isinstance(choice(whole)["seed"], int)
    assert choice(last)["finish_reason"] == "stop"
    assert last["usage"]["total_tokens"]


def test_other_engines_have_the_usage_in_a_chunk_of_its_own():
    whole = answer("together", SCOUT, "2025-07-22").json
    *_, finish, last = chunks(answer("together", SCOUT, "2025-07-22", stream=True))

    assert choice(whole)["seed"] is None
    assert (choice(finish)["finish_reason"], finish["usage"]) == ("stop", None)
    assert (last["choices"], bool(last["usage"])) == ([], True)


def test_tool_calls_in_openais_chunks():
    """A role, a name, its arguments; none of Together's own keys."""
    opening, name, arguments, finish, _ = chunks(answer("together", SCOUT, "2025-07-22", stream=True, **FORCED))

    assert choice(opening)["delta"] == {"role": "assistant", "content": None}
    assert choice(name)["delta"]["tool_calls"][0]["function"] == {"name": "weather", "arguments": ""}
    assert choice(arguments)["delta"]["tool_calls"][0]["function"] == {"arguments": "{}"}
    assert ("usage" in opening, "text" in choice(opening)) == (False, False)
    assert choice(finish)["stop_reason"] is None


def test_tool_calls_in_togethers_own_chunks():
    *_, call, _, _ = chunks(answer("together", "zai-org/GLM-4.6", "2025-12-14", stream=True, **FORCED))

    assert choice(call)["delta"]["tool_calls"][0]["function"]["name"] == "weather"
    assert (call["usage"], choice(call)["text"]) == (None, "")


@pytest.mark.parametrize(
    ("model", "on", "key"),
    [(SCOUT, "2025-08-09", "stop_reason"), (DEEPSEEK, "2025-09-01", "matched_stop"), (COGITO, "2025-12-14", None)],
)
def test_what_shows_of_the_engine_when_tools_are_offered(model, on, key):
    told = {**FORCED, "tool_choice": "none"} if model != COGITO else {}
    first = choice(chunks(answer("together", model, on, stream=True, **told))[0])

    assert {"stop_reason", "matched_stop"} & first.keys() == ({key} if key else set())


def test_a_third_partys_keys_are_left_as_they_are():
    body = answer("together", COGITO, "2025-12-14").json

    assert {"kv_transfer_params", "prompt_token_ids", "service_tier", "system_fingerprint"} <= body.keys()
    assert "token_ids" in choice(body)
    assert "metadata" not in body


def test_a_server_of_gemma_that_leaves_much_out():
    whole = choice(answer("together", "google/gemma-3-27b-it", "2025-09-01").json)
    *others, last = chunks(answer("together", "google/gemma-3-27b-it", "2025-09-01", stream=True))

    assert "finish_reason" not in whole
    assert all("usage" not in chunk and "text" not in choice(chunk) for chunk in [*others, last])
    assert choice(last)["stop_reason"] == 106


@pytest.mark.parametrize(("on", "there"), [("2025-12-14", True), ("2026-05-31", False)])
def test_the_first_chunk_lost_its_usage(on, there):
    first, second = chunks(answer("together", "openai/gpt-oss-120b", on, stream=True))[:2]

    assert ("usage" in first, "usage" in second) == (there, True)


def test_stream_tokens_is_an_older_name_of_stream():
    assert answer("together", TURBO, "2025-05-30", stream_tokens=True).events is not None


@pytest.mark.parametrize(
    ("on", "begins"),
    [("2025-01-09", r"[0-9a-f]{16}$"), ("2025-05-30", r"n\w{6}-\w{6}-"), ("2025-12-14", r"o\w{6}-\w{6}-")],
)
def test_ids(on, begins):
    assert re.match(begins, answer("together", TURBO, on).json["id"])


def test_completions():
    whole = answer("together", "mistralai/Mixtral-8x7B-v0.1", "2025-01-15", "/completions", prompt="Paris is")
    first, *_, last = chunks(
        answer("together", "mistralai/Mixtral-8x7B-v0.1", "2025-01-15", "/completions", prompt="Paris is", stream=True)
    )

    assert (whole.json["object"], choice(whole.json)["text"][:4]) == ("text.completion", "This")
    assert whole.json["usage"]["prompt_tokens"] > 0
    assert (first["object"], choice(first)["text"]) == ("completion.chunk", "This")
    assert last["usage"] == whole.json["usage"]


def test_completions_want_a_model():
    body = json.dumps({"prompt": "Paris is"}).encode()
    headers = Headers({"authorization": "Bearer ***"})

    reply = send("together", "2025-01-15", ApiRequest("POST", f"{HOSTS['together']}/completions", headers, body))

    assert reply.status == 400
    assert (reply.json["error"]["message"], reply.json["error"]["param"]) == ("Invalid request", "model")


def test_the_address_of_a_picture_gives_a_picture_to_anybody():
    made = answer("together", "black-forest-labs/FLUX.1-schnell", "2025-07-23", "/images/generations", prompt="A plum")
    (picture,) = made.json["data"]

    reply = send("together", "2025-07-23", ApiRequest("GET", picture["url"], Headers({})))

    assert (reply.status, reply.headers["content-type"], reply.body[:3]) == (200, "image/jpeg", b"\xff\xd8\xff")
    assert "x-ratelimit-limit" not in reply.headers


@pytest.mark.parametrize(
    ("model", "stream", "told"),
    [
        (DEEPSEEK, False, {"x-inference-version", "x-amzn-trace-id", "x-api-call-start", "x-api-call-end"}),
        (DEEPSEEK, True, {"x-inference-version", "x-amzn-trace-id", "x-api-call-start"}),
        ("Qwen/Qwen2.5-14B-Instruct", False, {"x-content-type-options"}),
    ],
)
def test_headers_tell_how_far_a_call_came(model, stream, told):
    headers = answer("together", model, "2025-12-14", stream=stream).headers

    known = {"x-inference-version", "x-amzn-trace-id", "x-api-call-start", "x-api-call-end", "x-content-type-options"}
    assert known & headers.keys() == told


def test_every_engine_serves_a_model_we_know():
    records = json.loads((provider_folder("together") / "engines.json").read_text("utf-8"))
    models = [record["id"] for record in json.loads((provider_folder("together") / "models.json").read_text("utf-8"))]

    patterns = [pattern for record in records for pattern in record["models"]]

    assert [pattern for pattern in patterns if not any(fnmatchcase(model, pattern) for model in models)] == []


# Both


@pytest.mark.parametrize(("provider", "model"), [("groq", LLAMA), ("together", TURBO)])
def test_the_ray_tells_the_time(provider, model):
    """Cloudflare numbers requests by the time: what dates a recording dates a simulated one as well."""
    reply = answer(provider, model, "2025-05-30")
    bare = ApiReply(200, Headers({"cf-ray": reply.headers["cf-ray"]}))

    moment = moment_of(Interaction(0, ApiRequest("GET", "", Headers({})), bare))

    assert abs((moment - datetime(2025, 5, 30, 12, tzinfo=UTC)).total_seconds()) < 1


def test_a_route_outside_the_base():
    routes = Routes("/v1", {"GET //shrt/{id}": "images.content", "GET /models": "models.list"})

    assert routes.find("GET", "/shrt/a1b2") == ("images.content", {"id": "a1b2"})
    assert routes.find("GET", "/v1/shrt/a1b2") == ("unknown", {})


def test_an_address_may_name_several_things():
    routes = Routes(
        "/v1",
        {
            "GET //v2/projects/{project}/endpoints/{id}": "endpoints.retrieve",
            "POST //v2/projects/{project}/endpoints/{id}/deployments": "deployments.create",
            "GET /models/{id}": "models.retrieve",
        },
    )
    assert routes.find("GET", "/v2/projects/p-1/endpoints/ep-1") == (
        "endpoints.retrieve",
        {"project": "p-1", "id": "ep-1"},
    )
    assert routes.find("POST", "/v2/projects/p/endpoints/ep/deployments")[0] == "deployments.create"
    assert routes.find("GET", "/v2/projects/p/q/endpoints/ep")[0] == "unknown"
    assert routes.find("GET", "/v1/models/meta/Llama%2F3") == ("models.retrieve", {"id": "meta/Llama/3"})
