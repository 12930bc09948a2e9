"""How Together AI refuses a request body.

It says little: *Input validation error* for most of it, and passes over fields it does not know. Single models, and
the servers of third parties behind it, speak for themselves. They were heard about chat completions, completions and
images; that other operations are refused in the same words is assumed.

:data:`TEXTS` holds every text with how we know it; what is ``assumed`` there was never seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from pytest_llmcontract.core.contract import mismatch
from pytest_llmcontract.core.contract.request import (
    Breach,
    Text,
)
from pytest_llmcontract.core.contract.rules_of_sound import no_voice, unasked_times
from pytest_llmcontract.core.contract.schemas import Failure, Path
from pytest_llmcontract.core.refusal import Refusal

if TYPE_CHECKING:
    from pytest_llmcontract.core.facts.records import Model

TEXTS: Mapping[str, Text] = {
    # The form.
    "missing": Text("Invalid request", "recorded", "a missing model, 2025-01; other fields follow"),
    "empty": Text("Prompt cannot be empty", "recorded", "2025-09; for an empty list of messages it is assumed"),
    "range": Text("{field} must be within [{low}, {high}], got {value}", "pasted", "of temperature, 2026-10"),
    "other": Text("Input validation error", "recorded", "2025-07 to 2026-01, for video; else assumed"),
    # The models.
    "logprobs": Text("{value} is greater than the maximum of {limit} - 'logprobs'", "pasted", "2024-04 and 2026-08"),
    "logprobs_gemma": Text(
        "[{{'type': 'bool_parsing', 'loc': ('body', 'logprobs'), 'msg': 'Input should be a valid boolean, "
        "unable to interpret input', 'input': {value}}}]",
        "recorded",
        "2025-09",
    ),
    "constraints": Text("{model} is not supported for JSON mode/function calling", "pasted", "2024-09"),
    "no_tools": Text(
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
        "recorded",
        "2025-09 of Together's own server, 2025-12 of a third party's",
    ),
    "unwrapped": Text("Invalid JSON data: missing field `json_schema`", "pasted", "of Kimi K3, 2026-08"),
    "not_multimodal": Text("{model} is not a multimodal model None", "recorded", "2025-08 to 2025-12"),
    "size": Text(
        "Invalid value for '{field}' parameter. Image {field} must be an integer value between {low} and {high}, "
        "in multiples of '{step}'.",
        "recorded",
        "width of FLUX.2-dev, 2025-12; height follows",
    ),
}

SERVERS_OWN_WORDS_SINCE = date(2025, 9, 1)
"""From here on the server itself refuses tools that its model has none of; before, Together did."""
MOST_LOGPROBS = 5
"""The documents say 20; the servers of 2026-08 said 5 (of one model), those of 2024-04 said 1."""
FLUX2_SIDE = range(512, 2048 + 1, 16)
"""Pixels of a side of a FLUX.2-dev image; FLUX.2-pro and -flex drew 256 (recorded)."""


class TogetherWording:
    """What Together AI says on *day*."""

    def __init__(self, day: date) -> None:
        self._day = day

    # The form.

    def refusal(self, operation: str, failure: Failure) -> Refusal | None:
        if failure.ignored:
            return None
        schema = failure.schema
        if operation.startswith("audio.") and failure.path == ("file",) and failure.keyword == "pattern":
            return Refusal("audio_unsupported_format")
        if operation.startswith("batches."):
            return Refusal("batch_invalid", {"message": mismatch.message(failure)})
        if failure.keyword == "required" and len(failure.path) == 1:
            return _invalid(TEXTS["missing"](), param=failure.name)
        if failure.keyword == "minItems" and failure.path == ("messages",):
            return _invalid(TEXTS["empty"]())
        if failure.keyword in ("minimum", "maximum") and "minimum" in schema and "maximum" in schema:
            low, high = schema["minimum"], schema["maximum"]
            return _invalid(TEXTS["range"](field=failure.name, low=low, high=high, value=failure.sent))
        return _invalid(TEXTS["other"]())

    # The models.

    def breaches(self, operation: str, body: Mapping[str, Any], model: Model | None) -> Iterator[Breach]:
        if operation.startswith("audio."):
            yield from self._sound(body, model)
        if operation == "images.generations":
            yield from self._size(body)
        elif operation == "chat.completions":
            yield from self._logprobs(body)
            if model is not None:
                yield from self._insisted(body, model)
                yield from self._media(body, model)
                yield from self._constraints(body, model)

    def _sound(self, body: Mapping[str, Any], model: Model | None) -> Iterator[Breach]:
        voice, form = body.get("voice"), body.get("response_format")
        # Voices of Kokoro may be mixed: af_bella(2)+af_heart(1).
        names = [name.partition("(")[0].strip() for name in str(voice).split("+")] if voice is not None else []
        if model is not None and len(model.voices) > 1 and not set(names) <= set(model.voices):
            yield no_voice(voice, model, None)
        if body.get("stream") is True and form not in (None, "raw"):
            yield Breach(
                ("response_format",),
                f"is {form!r}, and a stream has bare samples only",
                _invalid(TEXTS["other"]()),
                "'raw'",
                "send response_format: 'raw', or no stream",
            )
        yield from unasked_times(body)

    def _size(self, body: Mapping[str, Any]) -> Iterator[Breach]:
        for side in ("width", "height"):
            if body["model"].endswith("FLUX.2-dev") and body.get(side) is not None and body[side] not in FLUX2_SIDE:
                low, high, step = FLUX2_SIDE.start, FLUX2_SIDE[-1], FLUX2_SIDE.step
                yield Breach(
                    (side,),
                    f"is {body[side]}, which {body['model']} does not draw",
                    _invalid(TEXTS["size"](field=side, low=low, high=high, step=step)),
                    f"{low} to {high} in steps of {step}",
                    f"send the nearest multiple of {step} from {low} to {high}",
                )

    def _logprobs(self, body: Mapping[str, Any]) -> Iterator[Breach]:
        value = body.get("logprobs")
        if value is None or isinstance(value, bool):
            return
        if str(body["model"]).startswith("google/gemma-3"):
            # Streamed, the same mistake was answered with the general text.
            text = TEXTS["other"]() if body.get("stream") else TEXTS["logprobs_gemma"](value=value)
            yield Breach(("logprobs",), f"is {value}, and gemma wants true", _invalid(text), "true, false", "send true")
        elif value > MOST_LOGPROBS:
            yield Breach(
                ("logprobs",),
                f"is {value}, above {MOST_LOGPROBS}",
                _invalid(TEXTS["logprobs"](value=value, limit=MOST_LOGPROBS)),
                f"0 to {MOST_LOGPROBS}",
                f"send at most {MOST_LOGPROBS}",
            )

    def _insisted(self, body: Mapping[str, Any], model: Model) -> Iterator[Breach]:
        """What single models were seen to insist on."""
        wanted = body.get("response_format") or {}
        if "stream_only" in model.rules and body.get("stream") is not True:
            yield Breach(
                ("stream",),
                f"is not true, and {model.id} only streams",
                Refusal("streaming_required"),
                "true",
                "send stream: true",
            )
        if "json_schema_wrapped" in model.rules and wanted.get("type") == "json_schema" and "json_schema" not in wanted:
            yield Breach(
                ("response_format",),
                f"has no json_schema, which {model.id} looks for",
                _invalid(TEXTS["unwrapped"]()),
                "{'type': 'json_schema', 'json_schema': {'schema': …}}",
                "put the schema below response_format.json_schema.schema",
            )

    def _media(self, body: Mapping[str, Any], model: Model) -> Iterator[Breach]:
        """Third parties' servers refuse what their models do not take; Together's own answer it, some models aside."""
        for kind, place in _media(body):
            if kind in model.input_modalities:
                continue
            refused = model.third_party or model.is_seen("input_modalities")
            yield Breach(
                place,
                f"is {kind}, which {model.id} {'does not take' if refused else 'may not look at'}",
                self._not_taken(kind, model) if refused else None,
                ", ".join(model.input_modalities),
                f"choose a model that takes {kind}",
            )
            return

    def _not_taken(self, kind: str, model: Model) -> Refusal:
        text = TEXTS["not_multimodal"](model=model.id)
        if model.third_party:
            return _invalid(_third_party(text))
        return _invalid(text if kind == "image" else TEXTS["other"]())

    def _constraints(self, body: Mapping[str, Any], model: Model) -> Iterator[Breach]:
        if not model.capabilities or not model.is_seen("capabilities"):
            # Nothing is known of it, and most models can.
            return
        wanted = body.get("response_format")
        kind = wanted["type"] if wanted else None
        refusals = {}
        if kind in ("json_object", "json_schema") and kind not in model.capabilities:
            refusals["response_format"] = self._unconstrained(model)
        if body.get("tools") and "tools" not in model.capabilities:
            refusals["tools"] = self._no_tools(body, model)
        for field, refusal in refusals.items():
            fix = "leave it out, or choose another model"
            yield Breach((field,), f"is not supported by {model.id}", refusal, "nothing", fix)

    def _unconstrained(self, model: Model) -> Refusal:
        return _invalid(TEXTS["constraints"](model=model.id), code="constraints_model")

    def _no_tools(self, body: Mapping[str, Any], model: Model) -> Refusal:
        if self._day < SERVERS_OWN_WORDS_SINCE:
            return self._unconstrained(model)
        if model.third_party:
            return _invalid(_third_party(TEXTS["no_tools"]()))
        # Of a stream that it refuses, Together says no more than that.
        return _invalid(TEXTS["other" if body.get("stream") else "no_tools"]())


def _invalid(message: object, *, param: str | None = None, code: str | None = None) -> Refusal:
    return Refusal("invalid_request", {"message": message, "param": param, "code": code})


def _third_party(text: str) -> dict[str, Any]:
    """The words of somebody else's server, passed on as they came."""
    return {"message": text, "type": "BadRequestError", "param": None, "code": 400}


def _media(body: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
    """Kind and place of every part that is not text."""
    for index, message in enumerate(body["messages"]):
        content = message.get("content")
        for part, value in enumerate(content if isinstance(content, list) else ()):
            if kind := _PARTS.get(value["type"]):
                yield kind, ("messages", index, "content", part)


_PARTS = {"image_url": "image", "video_url": "video", "audio_url": "audio", "input_audio": "audio"}
