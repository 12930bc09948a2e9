"""Makes the library: ``python cassettes/make.py`` writes ``cassettes/<provider>/<topic>/<behaviour>.yaml``.

One cassette a behaviour, from the simulator, with what the behaviour is known from; and their table in
``docs/library.md``. A test holds the files to what this script makes. To add one: an entry in :data:`BEHAVIOURS`, run
this, run ``llmcontract verify cassettes``.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_llmcontract import SimulatedProvider, simulate
from pytest_llmcontract.core.call.form import filled
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.facts.records import ErrorSpec
from pytest_llmcontract.core.files import write_whole
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.recordings.cassette import Metadata
from pytest_llmcontract.recordings.layout import cassette_text, interaction_form
from pytest_llmcontract.recordings.scrub import scrubbed_reply, scrubbed_request

HERE = Path(__file__).resolve().parent
BASES = {"groq": "https://api.groq.com/openai/v1", "together": "https://api.together.ai/v1"}
MODELS = {"groq": "openai/gpt-oss-120b", "together": "openai/gpt-oss-120b"}
EARS = "whisper-large-v3"

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CALLED = [
    {"role": "user", "content": "How is the weather in Paris?"},
    {
        "role": "assistant",
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "content": "Sunny, 21 degrees"},
]
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "inhabitants": {"type": "integer"}},
    "required": ["city", "inhabitants"],
    "additionalProperties": False,
}
CITY_FORMAT = {"type": "json_schema", "json_schema": {"name": "city", "strict": True, "schema": CITY}}

Ask = Callable[[str], ApiRequest]
"""Makes a request to the provider of that name."""
Given = Callable[[SimulatedProvider], Any]
"""Brings the provider into its state."""


@dataclass(frozen=True)
class Behaviour:
    """One thing a provider does."""

    name: str
    """``groq/errors/over_capacity``."""
    shows: str
    """In a sentence, for the table."""
    facts: tuple[str, ...]
    """Sources, by their keys in the provider's ``sources.json``."""
    ask: Ask
    given: Given = lambda api: None
    edition: str | None = None
    """The day it is true for; default the newest edition."""
    account: dict[str, Any] = field(default_factory=dict)
    """``plan=`` or ``tier=``."""
    status: int | None = None
    """Where a scripted body has another one than 200."""
    scripted: bool = False
    """Whether the reply is not the simulator's own, as a scripted error's never is."""

    @property
    def provider(self) -> str:
        return self.name.partition("/")[0]


# Requests


def post(path: str, **body: Any) -> Ask:
    def ask(provider: str) -> ApiRequest:
        told = {"model": MODELS[provider], **body} if path in ("/chat/completions", "/completions") else body
        return _request(provider, "POST", path, json.dumps(told).encode(), "application/json")

    return ask


def get(path: str) -> Ask:
    return lambda provider: _request(provider, "GET", path)


def listen(name: str = "speech.wav") -> Ask:
    """Ten seconds of silence, uploaded as SDKs do: eight samples a second."""
    sound = (
        b"RIFF" + struct.pack("<I4s4sIHHIIHH4sI", 116, b"WAVE", b"fmt ", 16, 1, 1, 8, 8, 1, 8, b"data", 80) + bytes(80)
    )
    model = f'--form\r\ncontent-disposition: form-data; name="model"\r\n\r\n{EARS}\r\n'
    file = f'--form\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = model.encode() + file.encode() + sound + b"\r\n--form--\r\n"
    kind = "multipart/form-data; boundary=form"
    return lambda provider: _request(provider, "POST", "/audio/transcriptions", body, kind)


def chat(**fields: Any) -> Ask:
    return post("/chat/completions", **{"messages": QUESTION, **fields})


def stream(**fields: Any) -> Ask:
    return chat(stream=True, **fields)


def draw(**fields: Any) -> Ask:
    return post(
        "/images/generations", **{"model": "black-forest-labs/FLUX.1-kontext-pro", "prompt": "A plum", **fields}
    )


def _request(provider: str, method: str, path: str, body: bytes = b"", kind: str = "") -> ApiRequest:
    headers = {"authorization": "Bearer ***"} | ({"content-type": kind} if kind else {})
    base = BASES[provider].removesuffix("/v1") if path.startswith("/shrt/") else BASES[provider]
    return ApiRequest(method, base + path, Headers(headers), body)


# States


def _nothing(api: SimulatedProvider) -> None:
    """It answers by itself."""


def _replies(*content: Any, **parts: Any) -> Given:
    """As ``api.reply()`` takes them."""
    return lambda api: api.reply(*content, **parts)


def _fails(error: str) -> Given:
    return lambda api: api.fail(error)


def _calls(*cities: str) -> Given:
    return _replies(tool_calls=[{"name": "get_weather", "arguments": {"city": city}} for city in cities])


def _cut(how: Any) -> Given:
    def given(api: SimulatedProvider) -> None:
        api.reply(["Voilà,", " déjà", " là,", " très."], reasoning="")
        api.cut_stream(after=2, how=how)

    return given


# Behaviours of both providers

_REASONING = "The user asks for the capital of France."


def _common(provider: str) -> Iterator[Behaviour]:
    rows: list[tuple[str, str, Ask, Given]] = [
        ("chat/answer", "an answer", chat(), _replies("Paris.")),
        ("chat/length", "an answer that `max_tokens` cuts off", chat(max_tokens=4), _nothing),
        ("chat/reasoning", "an answer with its reasoning", chat(), _replies("Paris.", reasoning=_REASONING)),
        (
            "chat/cached_prompt",
            "an answer to a prompt that was cached in part",
            chat(),
            _replies(
                "Paris.",
                usage={"prompt_tokens": 2048, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1920}},
            ),
        ),
        ("tools/call", "the model calls a tool", chat(messages=CALLED[:1], tools=[WEATHER]), _calls("Paris")),
        (
            "tools/parallel_calls",
            "the model calls a tool twice at once",
            chat(messages=CALLED[:1], tools=[WEATHER]),
            _calls("Paris", "Lyon"),
        ),
        (
            "tools/required",
            "a tool that must be called is",
            chat(messages=CALLED[:1], tools=[WEATHER], tool_choice="required"),
            _nothing,
        ),
        (
            "tools/answer",
            "an answer after a tool has",
            chat(messages=CALLED, tools=[WEATHER]),
            _replies("Sunny, 21 degrees."),
        ),
        ("tools/stream_call", "a tool call in a stream", stream(messages=CALLED[:1], tools=[WEATHER]), _calls("Paris")),
        (
            "structured/json_schema",
            "an object that fits the schema",
            chat(response_format=CITY_FORMAT),
            _replies(structured={"city": "Paris", "inhabitants": 2_100_000}),
        ),
        (
            "structured/json_object",
            "some JSON object",
            chat(
                messages=[{"role": "user", "content": "Name a city, in JSON."}], response_format={"type": "json_object"}
            ),
            _replies(structured={"city": "Paris"}),
        ),
        ("streams/whole", "a stream", stream(), _replies("The capital is Paris.")),
        (
            "streams/usage",
            "a stream that reports its usage",
            stream(stream_options={"include_usage": True}),
            _replies("The capital is Paris."),
        ),
        ("streams/reasoning", "a stream with reasoning", stream(), _replies("Paris.", reasoning=_REASONING)),
        ("streams/cut", "the connection breaks in the middle of a stream", stream(), _cut("disconnect")),
        ("streams/torn", "the connection breaks in the middle of a letter", stream(), _cut("truncate")),
        ("streams/stall", "a stream that never goes on", stream(), _cut("stall")),
        ("streams/error", "an error in the middle of a stream", stream(), _cut("error_event")),
        ("models/list", "the models there are", get("/models"), _nothing),
    ]
    for name, shows, ask, given in rows:
        facts = ("probe-2026-10",) if provider == "groq" and "cached" in name else ("recordings",)
        yield Behaviour(f"{provider}/{name}", shows, facts, ask, given)


# Errors: each of the catalogue

_ASKED = {
    **dict.fromkeys(("unsupported_audio_format", "invalid_media_file", "audio_prompt_too_long"), listen()),
    "image_size": draw(),
    "unauthorized": get("/models"),
}
"""What is asked where a chat would not be answered so."""


def _errors(provider: str) -> Iterator[Behaviour]:
    edition = load_edition(provider)
    for spec in edition.errors.values():
        if spec.status == 200:
            continue
        yield Behaviour(
            f"{provider}/errors/{spec.name}",
            f"{spec.status} {_first_words(spec, provider)}",
            (spec.source,),
            _ASKED.get(spec.name, chat()),
            _fails(spec.name),
        )


def _first_words(spec: ErrorSpec, provider: str) -> str:
    """The beginning of an error's text, for the table."""
    body = filled(spec.body, {"model": MODELS[provider], **spec.defaults})
    if isinstance(body, str):
        return "with a page of the proxy" if body.startswith("<") else f"“{body}”"
    if "error" not in body:
        return "with the id of the one that is there"
    message = body["error"]["message"] if isinstance(body["error"], dict) else body["error"]
    first = str(message["message"] if isinstance(message, dict) else message).split(". ")[0]
    return f"“{first[:90]}{'…' if len(first) > 90 else ''}”".replace("|", "\\|")


# Limits, each kind


def _limit(kind: str, ask: Ask, *, model: str, shows: str, facts: tuple[str, ...], **more: Any) -> Behaviour:
    return Behaviour(f"groq/limits/{kind}", shows, facts, ask, lambda api: api.exhaust(kind, model=model), **more)


def _limits() -> Iterator[Behaviour]:
    model = MODELS["groq"]
    for kind, of in {
        "RPM": "requests a minute",
        "RPD": "requests a day",
        "TPM": "tokens a minute",
        "TPD": "tokens a day",
    }.items():
        yield _limit(
            kind, chat(), model=model, shows=f"refused: too many {of}", facts=("limiter-study", "pasted-errors")
        )
    split = "qwen/qwen3.8-27b"
    for kind, of in {"ITPM": "input tokens a minute", "OTPM": "output tokens a minute"}.items():
        ask = chat(model=split, max_tokens=100)
        yield _limit(kind, ask, model=split, shows=f"refused: too many {of}", facts=("pasted-errors",))
    for kind, of in {"ASH": "seconds of audio an hour", "ASD": "seconds of audio a day"}.items():
        yield _limit(kind, listen(), model=EARS, shows=f"refused: too many {of}", facts=("pasted-errors",))
    together = MODELS["together"]
    yield Behaviour(
        "together/limits/requests",
        "refused: too many requests, with the headers of 2025",
        ("recordings",),
        chat(model="meta-llama/Llama-3.3-70B-Instruct-Turbo"),
        lambda api: api.exhaust("RPM", model="meta-llama/Llama-3.3-70B-Instruct-Turbo"),
        edition="2025-12-14",
    )
    yield Behaviour(
        "together/limits/requests_2026",
        "refused: too many requests, as documented for 2026",
        ("docs-2026-07",),
        chat(),
        lambda api: api.exhaust("RPM", model=together),
    )


# Retirement, and forms of one provider


def _single() -> Iterator[Behaviour]:
    yield Behaviour(
        "groq/retirement/last_day",
        "a model on its last day still answers",
        ("deprecations",),
        chat(model="llama-3.3-70b-versatile"),
        _replies("Paris."),
        edition="2026-06-04",
    )
    yield Behaviour(
        "groq/retirement/gone",
        "a retired model is refused",
        ("deprecations", "recordings"),
        chat(),
        _fails("model_decommissioned"),
    )
    yield Behaviour(
        "together/retirement/not_serverless",
        "a model that left serverless wants an endpoint of its own",
        ("recordings",),
        chat(),
        _fails("model_not_serverless"),
    )
    yield Behaviour(
        "groq/chat/compound",
        "an answer of a compound model, with what each model behind it used",
        ("recordings",),
        chat(model="groq/compound"),
        _replies("Paris."),
        edition="2025-12-13",
    )
    yield Behaviour(
        "groq/streams/compound",
        "a stream of a compound model",
        ("recordings",),
        stream(model="groq/compound"),
        _replies("Paris."),
        edition="2025-12-13",
    )
    yield Behaviour(
        "groq/chat/flex", "an answer of the flex tier", ("docs-flex",), chat(service_tier="flex"),
        _replies("Paris."), account={"plan": "developer"},
    )  # fmt: skip
    yield Behaviour("groq/models/one", "one model", ("recordings",), get(f"/models/{MODELS['groq']}"))
    yield Behaviour("together/images/url", "a picture by its address", ("recordings",), draw())
    base64 = draw(response_format="base64")
    yield Behaviour("together/images/base64", "a picture in the reply", ("recordings",), base64)
    yield Behaviour("together/images/picture", "the picture behind the address", ("recordings",), get("/shrt/5fP09yMJ"))
    yield Behaviour(
        "together/completions/answer",
        "a text that goes on",
        ("recordings",),
        post("/completions", prompt="Paris is"),
        _replies(" the capital of France."),
    )


# Batches: nobody recorded one; these are the words of the documentation

_FILE, _BATCH = "file_01jh6x76wtemjr74t1fh0faj5t", "batch_01jh6xa7reempvjyh6n3yst2zw"
_LINE = {
    "id": "batch_req_123",
    "custom_id": "request-1",
    "response": {"status_code": 200, "request_id": "req_01jh6xa7", "body": {"choices": [], "usage": {}}},
    "error": None,
}
_JOB = "5a2b1c3d-8f0e-4d6c-9b7a-1e2f3a4b5c6d"


def _groq_batch(status: str, done: int = 0) -> dict[str, Any]:
    created = 1736472600
    over = status == "completed"
    return {
        "id": _BATCH, "object": "batch", "endpoint": "/v1/chat/completions", "errors": None, "input_file_id": _FILE,
        "completion_window": "24h", "status": status,
        "output_file_id": "file_01jh6xa97be52b7pg88czwrrwb" if over else None, "error_file_id": None,
        "created_at": created, "in_progress_at": created + 60 if done or over else None,
        "expires_at": created + 86400, "finalizing_at": created + 600 if over else None,
        "completed_at": created + 660 if over else None, "failed_at": None, "expired_at": None,
        "cancelling_at": None, "cancelled_at": None,
        "request_counts": {"total": 3 if done or over else 0, "completed": done, "failed": 0}, "metadata": None,
    }  # fmt: skip


def _together_job(status: str, progress: int) -> dict[str, Any]:
    over = status == "COMPLETED"
    return {
        "id": _JOB, "user_id": "user-1", "input_file_id": "file-1", "file_size_bytes": 966, "status": status,
        "job_deadline": "2026-09-01T12:00:00Z", "created_at": "2026-08-31T12:00:00Z",
        "endpoint": "/v1/chat/completions", "progress": progress, "model_id": MODELS["together"],
        **({"output_file_id": "file-2", "completed_at": "2026-08-31T13:00:00Z"} if over else {}),
    }  # fmt: skip


def _batches() -> Iterator[Behaviour]:
    create = post("/batches", input_file_id=_FILE, endpoint="/v1/chat/completions", completion_window="24h")
    uploaded = {
        "id": _FILE, "object": "file", "bytes": 966, "created_at": 1736472501, "filename": "batch.jsonl",
        "purpose": "batch",
    }  # fmt: skip
    groq: list[tuple[str, str, Ask, Any]] = [
        ("created", "a batch is taken", create, _groq_batch("validating")),
        ("in_progress", "a batch under way", get(f"/batches/{_BATCH}"), _groq_batch("in_progress", 1)),
        ("completed", "a finished batch", get(f"/batches/{_BATCH}"), _groq_batch("completed", 3)),
        ("listed", "the batches there are", get("/batches"), {"object": "list", "data": [_groq_batch("completed", 3)]}),
        ("file", "what is known of an uploaded file", get(f"/files/{_FILE}"), uploaded),
        ("output", "the answers of a batch, a line each", get(f"/files/{_FILE}/content"), json.dumps(_LINE) + "\n"),
    ]
    for name, shows, ask, body in groq:
        yield _documented(f"groq/batch/{name}", shows, "docs-batch", ask, body, account={"plan": "developer"})
    start = post("/batches", input_file_id="file-1", endpoint="/v1/chat/completions")
    taken = {"job": _together_job("VALIDATING", 0)}
    yield _documented("together/batch/created", "a batch is taken", "openapi", start, taken, status=201)
    for status, progress, shows in (("IN_PROGRESS", 40, "a batch under way"), ("COMPLETED", 100, "a finished batch")):
        job = _together_job(status, progress)
        yield _documented(f"together/batch/{status.lower()}", shows, "openapi", get(f"/batches/{_JOB}"), job)


def _documented(name: str, shows: str, fact: str, ask: Ask, body: Any, **more: Any) -> Behaviour:
    """The reply is word for word as the documentation has it: not the simulator's."""
    return Behaviour(name, f"{shows} (documented)", (fact,), ask, _replies(body=body), scripted=True, **more)


BEHAVIOURS = (
    *_common("groq"),
    *_common("together"),
    *_single(),
    *_limits(),
    *_batches(),
    *_errors("groq"),
    *_errors("together"),
)


# Making


def cassette(behaviour: Behaviour) -> str:
    """The text of the cassette."""
    with simulate(behaviour.provider, check=False, edition=behaviour.edition, **behaviour.account) as api:
        behaviour.given(api)
        call = api.simulator.answer(behaviour.ask(behaviour.provider)).call
        edition, plan = api.edition, call.plan
    assert call.reply is not None
    reply = replace(call.reply, status=behaviour.status) if behaviour.status else call.reply
    document = {
        "version": 1,
        "interactions": [interaction_form(scrubbed_request(call.request), scrubbed_reply(reply))],
        "metadata": {"llmcontract": _header(behaviour, edition, plan, call, reply)},
    }
    return cassette_text(Path(behaviour.name + ".yaml"), document)


def _header(behaviour: Behaviour, edition: Edition, plan: str, call: Call, reply: ApiReply) -> dict[str, Any]:
    sources = [(key, edition.sources[key]) for key in behaviour.facts]
    metadata = Metadata(
        # No recorded_at: what is shown is true for its edition, however old the file is.
        source="simulator",
        provider=(behaviour.provider,),
        edition=(edition.date,),
        plan=(plan,),
        scripted=(0,) if reply.scripted or behaviour.scripted else (),
        cut={0: "stall" if reply.cut.how == "stall" else "disconnect"} if reply.cut else {},
        shows=behaviour.shows,
        facts=tuple(f"{key} ({source.kind}, {source.read}): {source.what}" for key, source in sources),
    )
    return {**metadata.model_dump(mode="json", exclude_defaults=True), "format": 1}


def path_of(behaviour: Behaviour) -> Path:
    return HERE / f"{behaviour.name}.yaml"


PAGE = HERE.parent / "docs" / "library.md"
BEGIN = "<!-- made by cassettes/make.py -->\n"


def table() -> str:
    """The library as a table for each topic, for the documentation."""
    topics: dict[str, list[Behaviour]] = {}
    for behaviour in sorted(BEHAVIOURS, key=lambda behaviour: behaviour.name):
        topics.setdefault(behaviour.name.rpartition("/")[0], []).append(behaviour)
    return "\n".join("\n".join(_topic(topic, found)) + "\n" for topic, found in topics.items())


def _topic(topic: str, found: list[Behaviour]) -> Iterator[str]:
    yield f"### {topic}\n"
    yield "| name | shows | known from |\n|---|---|---|"
    for behaviour in found:
        day = f" ({behaviour.edition})" if behaviour.edition else ""
        yield f"| `{behaviour.name}` | {behaviour.shows}{day} | {', '.join(behaviour.facts)} |"


def main() -> int:
    made = {path_of(behaviour): cassette(behaviour) for behaviour in BEHAVIOURS}
    for path in HERE.glob("*/*/*.yaml"):
        if path not in made:
            path.unlink()
    for path, text in made.items():
        write_whole(path, text)
    write_whole(PAGE, PAGE.read_text("utf-8").partition(BEGIN)[0] + BEGIN + "\n" + table())
    print(f"{len(made)} cassettes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
