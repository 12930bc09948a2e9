"""The reply contract: what the simulator answers keeps it, and a reply that is not as it should be breaks it."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pytest_llmcontract import simulate
from pytest_llmcontract.core.contract.mismatch import Mismatch
from pytest_llmcontract.core.contract.reply import reply_contract
from pytest_llmcontract.core.contract.schemas import DatedSchema, schema_files
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers
from pytest_llmcontract.core.facts.load import edition_dates, load_edition

NEWEST = date(2026, 11, 20)
PROVIDERS = ("groq", "together")
EDITIONS = [(provider, day) for provider in PROVIDERS for day in edition_dates(provider)]

USAGE = {"prompt_tokens": 18, "completion_tokens": 3, "total_tokens": 21}
CHAT: dict[str, Any] = {
    "id": "o1",
    "object": "chat.completion",
    "created": 1765833490,
    "model": "openai/gpt-oss-20b",
    "prompt": [],
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "seed": None,
            "logprobs": None,
            "message": {"role": "assistant", "content": "Apple.", "tool_calls": []},
        }
    ],
    "usage": USAGE,
}


def check(body: object, status: int = 200, *, operation: str = "chat.completions") -> tuple[Mismatch, ...]:
    contract = reply_contract("together", operation, NEWEST)
    assert contract is not None
    return contract.check(status, body)


def message(**fields: object) -> dict[str, Any]:
    reply = copy.deepcopy(CHAT)
    reply["choices"][0]["message"] |= fields
    return reply


class TestMismatch:
    def test_says_what_where_and_what_would_be_right(self) -> None:
        (mismatch,) = check(CHAT | {"usage": USAGE | {"total_tokens": "21"}})

        assert mismatch == Mismatch(
            code="LLM201",
            path="$.usage.total_tokens",
            message="$.usage.total_tokens is a string, not an integer",
            sent="'21'",
            allowed="an integer",
            schema="schemas/shared/chat.json#/$defs/usage/properties/total_tokens",
        )

    def test_points_through_every_reference(self) -> None:
        (mismatch,) = check(message(content=1))

        assert mismatch.schema == "schemas/shared/chat.json#/$defs/message/properties/content"

    def test_a_missing_field_is_named_by_the_file_that_wants_it(self) -> None:
        found = check({key: value for key, value in CHAT.items() if key not in ("usage", "prompt")})

        assert [(mismatch.path, mismatch.schema) for mismatch in found] == [
            ("$.prompt", "schemas/together/chat.completions.reply.json#"),
            ("$.usage", "schemas/shared/chat.json#/$defs/answer"),
        ]

    @pytest.mark.parametrize(("index", "wrong"), [(-1, False), (0, False), (None, False), (-2, True), ("0", True)])
    def test_some_servers_do_not_count_their_tool_calls(self, index: object, wrong: bool) -> None:
        call = {"id": "call_1", "type": "function", "function": {"name": "pick", "arguments": "{}"}, "index": index}

        assert bool(check(message(tool_calls=[call]))) is wrong

    def test_the_status_tells_a_success_from_an_error(self) -> None:
        error = {"id": "o1", "error": {"message": "No.", "type": "server_error", "param": None, "code": None}}

        assert check(error, 500) == ()
        assert check(CHAT, 500) != ()
        assert check(error, 200) != ()

    def test_events_are_numbered(self) -> None:
        contract = reply_contract("together", "audio.speech", NEWEST)
        assert contract is not None
        good = {"object": "audio.tts.chunk", "model": "m", "b64": "AAAA"}

        (mismatch,) = contract.check_events([good, good | {"b64": 1}, good | {"b64": 2}])

        assert mismatch.path == "$[1].b64"
        assert mismatch.message == "$[1].b64 is an integer, not a string"


class TestUnknownFields:
    @pytest.mark.parametrize("name", ["weather", "kv_cache_usage", "x_together", "completion_speed"])
    def test_what_a_provider_adds_is_let_pass(self, name: str) -> None:
        assert check(CHAT | {name: 1}) == ()

    @pytest.mark.parametrize("name", ["reasonning", "reasonig", "raesoning", "Reasoning", "reasoning_"])
    def test_a_misspelling_is_not(self, name: str) -> None:
        (mismatch,) = check(message(**{name: "…"}))

        assert mismatch.path == f"$.choices[0].message.{name}"
        assert mismatch.message == f"$.choices[0].message.{name} is no field of this reply"
        assert (mismatch.allowed, mismatch.fix) == ("'reasoning'", "did you mean 'reasoning'?")

    def test_beside_the_field_it_looks_like_it_is_a_new_one(self) -> None:
        assert check(message(reasoning="…", reasonings=["…"])) == ()

    def test_to_other_tools_such_objects_are_open(self) -> None:
        """The files do not forbid what only our reading of x-open finds."""
        schemas = Path(__file__).parents[3] / "schemas" / "together"
        text = (schemas / "chat.completions.reply.json").read_text("utf-8")

        assert '"x-open": true' in text
        assert "unevaluatedProperties" not in text

    def test_a_name_that_no_json_can_hold_is_still_judged(self) -> None:
        """Python parses half a surrogate pair; the compiled validator cannot read it in a key."""
        odd = json.loads('{"\\ud800": 1}')

        assert check(CHAT | odd) == ()
        assert check({"id": 1} | odd) != ()


class TestContracts:
    def test_there_is_none_for_a_provider_without_schemas(self) -> None:
        assert reply_contract("nobody", "chat.completions", NEWEST) is None

    def test_is_made_once(self) -> None:
        assert reply_contract("groq", "chat.completions", NEWEST) is reply_contract("groq", "chat.completions", NEWEST)

    def test_what_has_no_schema_is_not_judged(self) -> None:
        contract = reply_contract("together", "clusters", NEWEST)
        assert contract is not None

        assert contract.check(200, "anything") == ()
        assert contract.check_events(["anything"]) == ()
        assert contract.check(400, "anything") != ()

    def test_a_family_may_have_errors_of_its_own(self) -> None:
        assert check({"error": "invalid input file"}, 400, operation="batches.create") == ()
        assert check({"error": "invalid input file"}, 400) != ()

    def test_good_replies_need_no_jsonschema(self) -> None:
        """Nor do those with a new field: a cassette may hold thousands."""
        script = (
            "import json, sys; from datetime import date\n"
            "from pytest_llmcontract.core.contract.reply import reply_contract\n"
            "contract = reply_contract('together', 'chat.completions', date(2026, 11, 20))\n"
            "body = json.loads(sys.stdin.read())\n"
            "print(contract.check(200, body), contract.check(200, body | {'new': 1}), 'jsonschema' in sys.modules)\n"
            "print(len(contract.check(200, {})) > 3, 'jsonschema' in sys.modules)"
        )

        run = subprocess.run(
            [sys.executable, "-c", script], input=json.dumps(CHAT), capture_output=True, text=True, check=True
        )

        assert run.stdout.splitlines() == ["() () False", "True True"]


# What the simulator answers.

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
TOOL = {"type": "function", "function": {"name": "pick", "parameters": SCHEMA}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "fruit", "schema": SCHEMA}}
BODIES: tuple[dict[str, Any], ...] = (
    {},
    {"seed": 7, "temperature": 0, "stop": "fruit"},
    {"tools": [TOOL], "tool_choice": "required"},
    {"response_format": FORMAT},
    {"max_tokens": 1},
)
STREAMS = ({}, {"stream_options": {"include_usage": True}}, {"tools": [TOOL], "tool_choice": "required"})


@pytest.mark.parametrize(("provider", "day"), EDITIONS, ids=str)
def test_every_reply_of_the_simulator_keeps_the_contract(provider: str, day: date) -> None:
    replies = list(simulated(provider, day))

    assert [
        (operation, mismatch.message)
        for operation, reply in replies
        for mismatch in judged(provider, operation, day, reply)
    ] == []
    assert len(replies) > 15


@pytest.mark.parametrize(("provider", "day"), EDITIONS, ids=str)
def test_every_error_of_the_catalogue_keeps_the_contract(provider: str, day: date) -> None:
    edition = load_edition(provider, day)
    errors = [spec for spec in edition.errors.values() if spec.status >= 400]
    only_of = {row.error: row.operations[0] for row in edition.refusals if row.operations}
    found, made = [], set()
    with simulate(provider, edition=day, check=False) as api:
        for spec in errors:
            api.reset()
            api.fail(spec.name)
            reply = answer(api, "chat.completions", chat(provider, day))
            made.add(reply.error)
            operation = only_of.get(spec.name, "unknown")
            found += [(spec.name, mismatch.message) for mismatch in judged(provider, operation, day, reply)]

    assert found == []
    assert len(made) > 10


@cache
def simulated(provider: str, day: date) -> tuple[tuple[str, ApiReply], ...]:
    """Replies to requests of every kind that the simulator answers, with their operations."""
    models = [model.id for model in chat_models(provider, day)]
    requests = [("chat.completions", {**body, **chat(provider, day, name)}) for name in models for body in BODIES]
    requests += [
        ("chat.completions", {**body, **chat(provider, day, name), "stream": True})
        for name in models
        for body in STREAMS
    ]
    edition = load_edition(provider, day)
    images = [name for name, model in edition.models.items() if model.type == "image" and not model.is_retired(day)]
    requests += [("images.generations", {"model": name, "prompt": "an apple"}) for name in images[:2]]
    coded = {"prompt": "an apple", "response_format": "base64"}
    requests += [("images.generations", {"model": name, **coded}) for name in images[:1]]
    requests += [body for model in edition.models.values() if (body := other_request(model, day))]
    requests += [("models.list", None)]
    requests += [("models.retrieve", None)] if provider == "groq" else []
    with simulate(provider, edition=day, check=False) as api:
        found = [(operation, answer(api, operation, body)) for operation, body in requests]
        api.cut_stream(after=2, how="error_event")
        found.append(("chat.completions", answer(api, "chat.completions", chat(provider, day) | {"stream": True})))
    return tuple(found)


def other_request(model: Any, day: date) -> tuple[str, dict[str, Any]] | None:
    """What a model of another kind is asked, where it answers."""
    if model.is_retired(day) or model.since > day or not model.serverless:
        return None
    if model.type == "embedding":
        return "embeddings", {"model": model.id, "input": ["a", "b"]}
    if model.type == "rerank":
        return "rerank", {"model": model.id, "query": "a", "documents": ["a", {"text": "b"}], "return_documents": True}
    if model.type == "video":
        return "videos.create", {"model": model.id, "prompt": "a"}
    return None


def chat_models(provider: str, day: date) -> list[Any]:
    """A few models of each kind that answers on *day*: those that think, and those that do not."""
    offered = [
        model
        for model in load_edition(provider, day).models.values()
        if model.type == "chat" and model.serverless and model.tier <= 1
        and model.since <= day and not model.is_retired(day)
    ]  # fmt: skip
    thinking = [model for model in offered if "reasoning" in model.capabilities]
    return thinking[:2] + [model for model in offered if model not in thinking][:2]


def chat(provider: str, day: date, model: str | None = None) -> dict[str, Any]:
    name = model or chat_models(provider, day)[0].id
    return {"model": name, "messages": [{"role": "user", "content": "Name a fruit."}]}


def answer(api: Any, operation: str, body: object) -> ApiReply:
    edition = api.edition
    method, _, path = next(line for line, name in edition.operations.items() if name == operation).partition(" ")
    known = next(iter(edition.models))
    url = f"https://{edition.hosts[0]}{edition.base}{path.replace('{id}', known)}"
    headers = Headers({"authorization": "Bearer x", "content-type": "application/json"})
    reply = api.simulator.answer(ApiRequest(method, url, headers, json.dumps(body).encode() if body else b"")).reply
    assert isinstance(reply, ApiReply)
    return reply


def judged(provider: str, operation: str, day: date, reply: ApiReply) -> tuple[Mismatch, ...]:
    contract = reply_contract(provider, operation, day)
    assert contract is not None
    if reply.events is not None:
        return contract.check_events(stream_data(reply))
    if "json" not in reply.headers["content-type"]:
        return ()
    return contract.check(reply.status, reply.json)


def stream_data(reply: ApiReply) -> list[Any]:
    lines = b"".join(event.data for event in reply.events or ()).decode().splitlines()
    return [json.loads(line[5:]) for line in lines if line.startswith("data:") and line[5:].strip() != "[DONE]"]


# Replies that somebody changed.


@cache
def samples() -> tuple[tuple[str, str, str, Any], ...]:
    """Provider, operation, kind and body of the accepted examples and of the simulator's answers, one of each shape."""
    found: list[tuple[str, str, str, Any]] = []
    for file in sorted((Path(__file__).parents[2] / "examples" / "replies" / "accepted").glob("*/*/*.json")):
        example = json.loads(file.read_text("utf-8"))
        kind = "event" if "events" in example else "error" if example["status"] >= 400 else "reply"
        bodies = example["events"] if "events" in example else [example["body"]]
        found += [(file.parts[-3], file.parts[-2], kind, body) for body in bodies]
    for provider in PROVIDERS:
        for operation, reply in simulated(provider, edition_dates(provider)[-1]):
            if reply.events is not None:
                found += [(provider, operation, "event", body) for body in stream_data(reply)]
            elif reply.status < 400:
                found.append((provider, operation, "reply", reply.json))
    shapes = {
        (*sample[:3], *sorted({(generic(path), name) for path, name in fields(sample[3])})): sample for sample in found
    }
    return tuple(shapes.values())


def is_caught(provider: str, operation: str, kind: str, body: object) -> bool:
    contract = reply_contract(provider, operation, NEWEST)
    assert contract is not None
    if kind == "event":
        return contract.check_events([body]) != ()
    return contract.check(200 if kind == "reply" else 400, body) != ()


FREE = ("config", "metadata", "reasoning_format")
"""Objects whose fields are anybody's."""


def fields(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Every field anywhere in *value*, with the way to the object that holds it; of a list, in its first item."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield path, name
            if name not in FREE:
                yield from fields(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value[:1]):
            yield from fields(inner, (*path, index))


def changed(body: Any, path: tuple[Any, ...], change: Any) -> Any:
    body = copy.deepcopy(body)
    holder = body
    for part in path:
        holder = holder[part]
    change(holder)
    return body


def share_caught(change_of: Any) -> float:
    verdicts = [
        is_caught(provider, operation, kind, changed(body, path, change))
        for provider, operation, kind, body in samples()
        for path, name in fields(body)
        if (change := change_of(provider, operation, kind, path, name))
    ]
    assert len(verdicts) > 300
    return sum(verdicts) / len(verdicts)


def test_wrong_types_are_caught() -> None:
    wrong = {str: 7, dict: "x", list: "x", type(None): True}

    def change_of(*place: Any) -> Any:
        return lambda holder: holder.update({place[-1]: wrong.get(type(holder[place[-1]]), "x")})

    assert share_caught(change_of) > 0.98


@pytest.mark.parametrize("slip", ["drop a letter", "swap letters", "double a letter", "camel case"])
def test_misspelt_fields_are_caught(slip: str) -> None:
    def change_of(*place: Any) -> Any:
        name = place[-1]
        wrong = misspelt(name, slip)
        return (lambda holder: holder.update({wrong: holder.pop(name)})) if len(name) > 2 and wrong != name else None

    assert share_caught(change_of) > 0.98


def misspelt(name: str, slip: str) -> str:
    half = len(name) // 2
    head, tail = name[:half], name[half:]
    match slip:
        case "drop a letter":
            return head + tail[1:]
        case "swap letters":
            return head[:-1] + tail[:1] + head[-1:] + tail[1:]
        case "double a letter":
            return head + tail[:1] + tail
    first, *words = name.split("_")
    return first + "".join(word.capitalize() for word in words)


SDK_TYPES = {
    ("groq", "chat.completions", "reply"): "groq.types.chat.ChatCompletion",
    ("groq", "chat.completions", "event"): "groq.types.chat.ChatCompletionChunk",
    ("groq", "embeddings", "reply"): "groq.types.CreateEmbeddingResponse",
    ("groq", "audio.transcriptions", "reply"): "groq.types.audio.Transcription",
    ("groq", "audio.translations", "reply"): "groq.types.audio.Translation",
    ("groq", "models.list", "reply"): "groq.types.ModelListResponse",
    ("groq", "models.retrieve", "reply"): "groq.types.Model",
    ("groq", "models.delete", "reply"): "groq.types.ModelDeleted",
    ("groq", "files.list", "reply"): "groq.types.FileListResponse",
    ("groq", "files.delete", "reply"): "groq.types.FileDeleteResponse",
    ("groq", "batches.create", "reply"): "groq.types.BatchCreateResponse",
    ("groq", "batches.list", "reply"): "groq.types.BatchListResponse",
    ("together", "chat.completions", "reply"): "together.types.chat.ChatCompletion",
    ("together", "chat.completions", "event"): "together.types.chat.ChatCompletionChunk",
    ("together", "completions", "reply"): "together.types.Completion",
    ("together", "embeddings", "reply"): "together.types.Embedding",
    ("together", "rerank", "reply"): "together.types.RerankCreateResponse",
    ("together", "images.generations", "reply"): "together.types.ImageFile",
    ("together", "videos.create", "reply"): "together.types.VideoJob",
    ("together", "audio.speech", "event"): "together.types.AudioSpeechStreamChunk",
    ("together", "files.list", "reply"): "together.types.FileList",
    ("together", "files.retrieve", "reply"): "together.types.FileResponse",
    ("together", "fine_tuning.retrieve", "reply"): "together.types.FinetuneResponse",
    ("together", "fine_tuning.events", "reply"): "together.types.FineTuningListEventsResponse",
    ("together", "fine_tuning.checkpoints", "reply"): "together.types.FineTuningListCheckpointsResponse",
}
"""Where the SDKs say what must be there."""

NOT_REALLY = {
    "chat.completions.reply: choices.[].message.tool_calls.[].index",
    "chat.completions.event: choices.[].delta.role",
    "chat.completions.event: choices.[].delta.tool_calls.[].id",
    "chat.completions.event: choices.[].delta.tool_calls.[].type",
    "chat.completions.event: choices.[].delta.tool_calls.[].function.name",
    "chat.completions.event: choices.[].delta.tool_calls.[].function.arguments",
    "rerank.reply: results.[].document",
}
"""What servers leave out although an SDK requires it: recorded, but for rerank, which says so in its schema."""


@pytest.mark.parametrize("place", SDK_TYPES, ids=" ".join)
def test_what_the_sdk_requires_is_required(place: tuple[str, str, str]) -> None:
    _, operation, kind = place
    module, _, name = SDK_TYPES[place].rpartition(".")
    model = getattr(import_module(module), name)
    missed = {
        f"{operation}.{kind}: {'.'.join((*generic(path), field))}"
        for sample in samples()
        if sample[:3] == place and "error" not in sample[3]
        for path, field in required_fields(model, sample[3])
        if not is_caught(*place, changed(sample[3], path, lambda holder, field=field: holder.pop(field)))
    }

    assert missed - NOT_REALLY == set()


def required_fields(model: Any, value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Fields of *value* that the SDK's *model* requires, with the way to the object that holds them."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        if not isinstance(value, dict) or key not in value:
            continue
        if field.is_required():
            yield path, key
        for inner in models_in(field.annotation):
            for index, item in enumerate(value[key]) if isinstance(value[key], list) else [(None, value[key])]:
                yield from required_fields(inner, item, (*path, key) if index is None else (*path, key, index))


def models_in(annotation: Any) -> list[Any]:
    """The one model that a field's type names; none where it is a choice of several."""
    found = [model for part in get_args(annotation) for model in models_in(part)]
    return [annotation] if hasattr(annotation, "model_fields") else found if len(found) == 1 else []


def generic(path: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple("[]" if isinstance(part, int) else part for part in path)


# Both validators.

REPLY_FILES = [
    f"{provider}/{name}"
    for provider in PROVIDERS
    for name in sorted(schema_files(provider))
    if not name.endswith(".request.json")
]

values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from(["x", "", "function", 0.5]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "data", "x"]), inner),
    max_leaves=3,
)


@settings(max_examples=400)
@given(data=st.data(), day=st.sampled_from([date(2024, 3, 1), date(2025, 6, 1), NEWEST]))
def test_both_validators_agree_on_changed_replies(data: st.DataObject, day: date) -> None:
    provider, operation, kind, body = data.draw(st.sampled_from(samples()))
    places = list(fields(body))
    for _ in range(data.draw(st.integers(0, 3)) if places else 0):
        path, name = data.draw(st.sampled_from(places))
        replacement = data.draw(values | st.just(...))
        body = changed(body, path, lambda holder: replace(holder, name, replacement))  # noqa: B023
        places = list(fields(body)) or [((), "x")]
    name = f"{operation}.{kind}.json" if kind != "error" else "error.json"
    schema = DatedSchema(f"{provider}/{name}", day).document

    assert jsonschema_rs.Draft202012Validator(schema).is_valid(body) == Draft202012Validator(schema).is_valid(body)


def replace(holder: dict[str, Any], name: str, value: Any) -> None:
    if value is ...:
        holder.pop(name, None)
    else:
        holder[name] = value


@pytest.mark.parametrize("name", REPLY_FILES)
def test_nothing_but_an_object_or_a_list_is_a_reply(name: str) -> None:
    provider, _, file = name.partition("/")

    for body in (None, "text", 1, True):
        if (name, body) == ("together/batches.list.reply.json", None):
            continue  # an empty list
        assert not DatedSchema(f"{provider}/{file}", NEWEST).accepts(body)
