"""How Groq refuses a request body, to the letter.

Two servers speak. The first validates the body's form; its words are those of kin-openapi (*value must be a string*,
*number must be at most 2*), put together in Groq's own way: ``'messages.2' : for 'role:tool' the following must be
satisfied[('messages.2.content' : value must be a string)]``. The second knows the models: ``messages[0].content must
be a string``. Both stop at the first thing they do not like. They were heard about chat completions; that other
operations are refused in the same words is assumed.

:data:`TEXTS` holds every text with how we know it; what is ``assumed`` there was never seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from pytest_llmcontract.core.completion.conversation import as_chat, place_of
from pytest_llmcontract.core.contract.nearest import edits
from pytest_llmcontract.core.contract.request import (
    Breach,
    Text,
)
from pytest_llmcontract.core.contract.rules_of_sound import no_voice, unasked_times
from pytest_llmcontract.core.contract.schemas import NOTHING, Failure, Path
from pytest_llmcontract.core.refusal import Refusal

if TYPE_CHECKING:
    from pytest_llmcontract.core.facts.records import Model

# Days on which the words changed. Each lies between the last time one form was seen and the first time the next was.

SUGGESTIONS_UNTIL = date(2025, 6, 1)
"""``did you mean`` was seen from 2024-03 to 2025-05; none of a dozen refusals since 2025-06-23 has it."""
ONE_FORMAT_UNTIL = date(2025, 5, 1)
"""``response_format`` had one form then, alternatives later."""
DOCS_LINK_SINCE = date(2025, 7, 1)
"""``See supported models at …``: not in 2025-06, there in 2025-07."""
LONG_MAX_TOKENS_SINCE = date(2025, 1, 1)
"""The short text was seen in 2024-07, the long one from 2025-07 on; the day between them is assumed."""
PLURAL_SINCE = date(2025, 8, 1)
"""``message[0]`` in 2025-07, ``messages[0]`` in 2025-08."""
STRICT_SINCE = date(2026, 8, 19)
"""The first sight of a strict schema refused for its form; until then there was none."""
PARAM_SINCE = date(2025, 11, 1)
"""``param``, and some texts wrapped in ``code=400, message=…``: not in 2025-10, there in 2025-12."""

TEXTS: Mapping[str, Text] = {
    # The form.
    "unknown": Text("property '{name}' is unsupported", "pasted", "2024-03 to 2026-10"),
    "suggestion": Text(", did you mean '{near}'?", "pasted", "2024-03 to 2025-05"),
    "missing": Text("property '{name}' is missing", "pasted", "of model, of a tool message's content"),
    "null": Text("Value is not nullable", "pasted", "2025"),
    "type": Text("value must be {kind}", "pasted", "a string, a number, an object; the others follow"),
    "enum": Text("value is not one of the allowed values [{values}]", "pasted", "2025-03 to 2026-10"),
    "role": Text("discriminator property 'role' has invalid value", "pasted", "2025 and 2026"),
    "no_role": Text("discriminator property 'role' is missing", "assumed"),
    "maximum": Text("number must be at most {limit:g}", "pasted", "of n and temperature, 2026"),
    "minimum": Text("number must be at least {limit:g}", "assumed", "kin-openapi's"),
    "max_items": Text("maximum number of items is {limit}", "pasted", "of tools and stop, 2026"),
    "min_items": Text("minimum number of items is {limit}", "pasted", "of messages and a tool message's content"),
    "max_properties": Text("there must be at most {limit} properties", "assumed", "kin-openapi's"),
    "max_length": Text("maximum string length is {limit}", "assumed", "kin-openapi's"),
    "pattern": Text('string doesn\'t match the regular expression "{pattern}"', "assumed", "kin-openapi's"),
    "one_of": Text("one of the following must be satisfied[{options}]", "pasted", "2025-08 to 2026-10"),
    "for_role": Text("for 'role:{role}' the following must be satisfied[({reason})]", "recorded", "2025-05"),
    "no_object": Text("value must be an object", "assumed", "of a body that is no JSON object"),
    # Audio.
    "long_prompt": Text(
        "prompt length must be {limit} characters or fewer, but provided prompt contains {count} characters",
        "pasted",
        "2026-03",
    ),
    "sound_type": Text("response_format must be one of [wav]", "pasted", "of speech, 2026-01"),
    "no_voice": Text("voice must be one of [{values}]", "assumed", "in the words of response_format"),
    "file_type": Text("file must be one of the following types: [{types}]", "pasted", "2026-10"),
    # The models.
    "unsupported": Text(
        "`{field}` is not supported with this model",
        "pasted",
        "logprobs, reasoning_effort, tool calling; others follow",
    ),
    "both": Text("cannot specify both `include_reasoning` and `reasoning_format`", "pasted"),
    "effort": Text("`reasoning_effort` must be one of {values}", "pasted", "2026"),
    "raw": Text(
        "`reasoning_format` must be `parsed` or `hidden` with tools or JSON mode", "assumed", "the 400 is documented"
    ),
    "text_only": Text("{messages}[{index}].content must be a string", "recorded", "2025-07 to 2025-12"),
    "no_system": Text("prompting with images is incompatible with system messages", "recorded", "2024-10"),
    "images": Text("Too many images provided. This model supports up to {limit} images", "pasted", "2026"),
    "max_tokens": Text(
        "`{field}` must be less than or equal to `{limit}`, the maximum value for `{field}` is less than "
        "the `context_window` for this model",
        "pasted",
        "2025-07 to 2026-10",
    ),
    "max_tokens_2024": Text("{field} for `{model}` must be less than or equal to {limit}", "pasted", "2024-07"),
    "tool_type": Text("tools[{index}].type must be one of [function, mcp]", "recorded", "2025-08 to 2026-02"),
    "one_message": Text(
        "messages must contains a single user message for text classification models", "pasted", "2026-07 to 2026-10"
    ),
    "tools_and_json": Text("json mode cannot be combined with tool/function calling", "pasted", "2025 and 2026"),
    "no_json_word": Text(
        "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
        "pasted",
    ),
    "no_schema": Text("json schema is required", "recorded", "2025-05 to 2025-12"),
    "no_json_schema": Text(
        "This model does not support response format `json_schema`", "recorded", "2025-05 to 2025-12"
    ),
    "docs_link": Text(
        ". See supported models at https://console.groq.com/docs/structured-outputs#supported-models",
        "recorded",
        "2025-07",
    ),
    "open_object": Text(
        "invalid JSON schema for {where}: {name}: `additionalProperties:false` must be set on every object",
        "pasted",
        "of response_format, 2026-08; of a tool it is assumed",
    ),
    "left_out": Text(
        "invalid JSON schema for {where}: {name}: `required` must be an array including every key in `properties`",
        "assumed",
        "that strict schemas require every property is documented",
    ),
    "wrapped": Text("code=400, message={message}, type=invalid_request_error", "recorded", "2025-12 to 2026-02"),
}

SYSTEM_TOOLS = ("web_search", "code_interpreter", "visit_website", "browser_automation", "wolfram_alpha")
"""Tools that a request may enable of a compound system (documented)."""
SYSTEM_FIELDS = ("search_settings", "include_domains", "exclude_domains", "compound_custom")
"""Fields that only compound systems know."""

AUDIO_TYPES = ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "opus", "wav", "webm")
"""Endings of the names of files that transcriptions take, in the order of the refusal (pasted)."""

MODEL_FIELDS = ("logprobs", "top_logprobs", "logit_bias")
"""Fields the second server refuses, in its own words."""


class GroqWording:
    """What Groq says on *day*."""

    def __init__(self, day: date) -> None:
        self._day = day

    # The form.

    def refusal(self, operation: str, failure: Failure) -> Refusal | None:
        if failure.ignored:
            return None
        if failure.path and failure.path[0] in MODEL_FIELDS:
            field = str(failure.path[0])
            return self._bad_request(TEXTS["unsupported"](field=field), param=field)
        if operation.startswith("audio.") and (refusal := _of_sound(failure)):
            return refusal
        error = "unsupported_property" if failure.unknown else "bad_request"
        return Refusal(error, {"message": self._sentence(operation, failure)})

    def _sentence(self, operation: str, failure: Failure) -> str:
        if not failure.path:
            return TEXTS["no_object"]()
        if operation != "chat.completions":
            return self._unknown(failure) if _is_refused(failure) and len(failure.path) == 1 else self._placed(failure)
        match failure.path:
            case ("messages", index, "role"):
                return f"'messages.{index}' : {TEXTS['no_role' if failure.sent is NOTHING else 'role']()}"
            case ("messages", int(index), _, *_):
                role = failure.body["messages"][index]["role"]
                return f"'messages.{index}' : {TEXTS['for_role'](role=role, reason=self._placed(failure))}"
            case ("response_format", *_) if self._day >= ONE_FORMAT_UNTIL:
                return self._formats(failure)
            case (_,) if failure.unknown:
                return self._unknown(failure)
        return self._placed(failure)

    def _placed(self, failure: Failure) -> str:
        """``'stop' : value must be a boolean``, or every alternative where a place takes several kinds of value."""
        own = f"'{_dotted(failure)}' : {self._reason(failure)}"
        place, kinds = _alternatives(failure)
        if len(kinds) < 2 or failure.sent is None or (failure.sent is NOTHING and failure.path == place):
            return own
        where = ".".join(map(str, place))
        options = [f"('{where}' : {TEXTS['type'](kind=_KINDS[kind])})" for kind in kinds]
        if (meant := _kind(_value(failure.body, place))) in kinds:
            # Of a value of the right kind, its own fault is told in place of the kind.
            options[kinds.index(meant)] = f"({own})"
        return f"'{where}' : {TEXTS['one_of'](options=' OR '.join(options))}"

    def _formats(self, failure: Failure) -> str:
        """``response_format`` is one of three objects, and each says why it is not the one."""
        sent = failure.body["response_format"]
        if not isinstance(sent, dict):
            reasons = [f"('response_format' : {TEXTS['type'](kind='an object')})"] * 3
        elif "type" not in sent:
            reasons = [f"('response_format.type' : {TEXTS['missing'](name='type')})"] * 3
        else:
            # Of a missing name, the path that was seen leaves json_schema out.
            where = _dotted(failure).replace(".json_schema.name", ".name")
            own = f"('{where}' : {self._reason(failure)})"
            kinds = ("text", "json_schema", "json_object")
            reasons = [own if sent["type"] == kind else self._not_this_format(kind) for kind in kinds]
        return f"'response_format' : {TEXTS['one_of'](options=' OR '.join(reasons))}"

    def _not_this_format(self, kind: str) -> str:
        return f"('response_format.type' : {TEXTS['enum'](values=repr(kind))})"

    def _reason(self, failure: Failure) -> str:
        expected = failure.expected
        match failure.keyword:
            case "additionalProperties":
                return self._unknown(failure)
            case "required":
                return TEXTS["missing"](name=failure.name)
            case "type" | "enum" | "const" if failure.sent is None:
                return TEXTS["null"]()
            case "type" if expected == "null":
                return TEXTS["unknown"](name=failure.name)
            case "type":
                kind = expected if isinstance(expected, str) else expected[0]
                return TEXTS["type"](kind=_KINDS[kind])
            case "enum" | "const":
                values = expected if isinstance(expected, list) else [expected]
                return TEXTS["enum"](values=",".join(_quoted(value) for value in values if value is not None))
            case "minItems":
                return TEXTS["min_items"](limit=expected)
            case "maxItems":
                return TEXTS["max_items"](limit=expected)
            case "maxProperties":
                return TEXTS["max_properties"](limit=expected)
            case "maxLength":
                return TEXTS["max_length"](limit=expected)
            case "pattern":
                return TEXTS["pattern"](pattern=expected)
            case "minimum":
                return TEXTS["minimum"](limit=expected)
        return TEXTS["maximum"](limit=expected)

    def _unknown(self, failure: Failure) -> str:
        text = TEXTS["unknown"](name=failure.name)
        if self._day >= SUGGESTIONS_UNTIL or not failure.known:
            return text
        return text + TEXTS["suggestion"](near=nearest(failure.name, failure.known))

    # The models.

    def breaches(self, operation: str, body: Mapping[str, Any], model: Model | None) -> Iterator[Breach]:
        if operation.startswith("audio."):
            yield from self._sound(body, model)
        elif operation == "responses":
            yield from self._of_responses(body, model)
        elif operation == "chat.completions":
            yield from self._of_chat(body, model)

    def _of_responses(self, body: Mapping[str, Any], model: Model | None) -> Iterator[Breach]:
        """What is wrong with the chat that *body* is, told where it stands in *body*; the words are assumed."""
        for breach in self._of_chat(as_chat(body), model):
            yield replace(breach, path=place_of(body, breach.path), refusal=_in_other_words(breach.refusal))

    def _of_chat(self, body: Mapping[str, Any], model: Model | None) -> Iterator[Breach]:
        yield from self._classified(body, model)
        yield from _of_systems(body, model)
        yield from self._reasoning(body, model)
        yield from self._images(body, model)
        yield from self._max_tokens(body, model)
        yield from self._tools(body, model)
        yield from self._format(body, model)
        yield from self._strict(body)

    def _classified(self, body: Mapping[str, Any], model: Model | None) -> Iterator[Breach]:
        if model is None or model.says != "probability":
            return
        roles = [message["role"] for message in body["messages"]]
        if roles != ["user"]:
            yield Breach(
                ("messages",),
                f"is {', '.join(roles)}, and {model.id} classifies one text",
                self._bad_request(TEXTS["one_message"]()),
                "exactly one user message",
                "send the text alone, as a user message",
            )

    def _sound(self, body: Mapping[str, Any], model: Model | None) -> Iterator[Breach]:
        voice = body.get("voice")
        if voice is not None and model is not None and model.voices and voice not in model.voices:
            refusal = self._bad_request(TEXTS["no_voice"](values=" ".join(model.voices)))
            yield no_voice(voice, model, refusal if model.is_seen("voices") else None)
        yield from unasked_times(body)

    def _strict(self, body: Mapping[str, Any]) -> Iterator[Breach]:
        """A strict schema describes closed objects that have every property."""
        if self._day < STRICT_SINCE:
            return
        for where, name, place, schema in _strict_schemas(body):
            for path, fault in strict_faults(schema):
                told = {"where": where, "name": f"'{name}'"}
                refusal = self._bad_request(TEXTS[fault](**told)) if fault in TEXTS else None
                message, allowed = _FAULTS.get(
                    fault, (f"is a keyword that strict schemas may not know: {fault}", "types, enum, anyOf, $ref")
                )
                yield Breach((*place, *path), message, refusal, allowed, "correct the schema, or leave strict out")

    def _reasoning(self, body: Mapping[str, Any], model: Model | None) -> Iterator[Breach]:
        effort, style = body.get("reasoning_effort"), body.get("reasoning_format")
        if style is not None and body.get("include_reasoning") is not None:
            yield Breach(
                ("reasoning_format",),
                "excludes include_reasoning",
                self._bad_request(TEXTS["both"]()),
                "one of the two",
                "leave one of them out",
            )
        if style == "raw" and (body.get("tools") or _format_of(body) not in (None, "text")):
            yield Breach(
                ("reasoning_format",),
                "is 'raw', which excludes tools and JSON mode",
                self._bad_request(TEXTS["raw"](), param="reasoning_format"),
                "'parsed', 'hidden'",
                "send 'parsed' or 'hidden'",
            )
        if model is None:
            return
        lacks = "reasoning" not in model.capabilities and model.is_seen("capabilities")
        for name, value in (("reasoning_effort", effort), ("reasoning_format", style)):
            if value is not None and lacks:
                text = TEXTS["unsupported"](field=name)
                yield _not_for_model(name, model, self._bad_request(text, param=name))
        if effort is not None and model.reasoning_efforts and effort not in model.reasoning_efforts:
            text = TEXTS["effort"](values=_listed(model.reasoning_efforts))
            yield Breach(
                ("reasoning_effort",),
                f"is {effort!r}, which {model.id} does not take",
                self._bad_request(text, param="reasoning_effort"),
                ", ".join(map(repr, model.reasoning_efforts)),
                f"send one of {', '.join(map(repr, model.reasoning_efforts))}",
            )

    def _images(self, body: Mapping[str, Any], model: Model | None) -> Iterator[Breach]:
        if model is None:
            return
        places = [place for index, message in enumerate(body["messages"]) for place in _image_places(index, message)]
        if places and "image" not in model.input_modalities and model.is_seen("input_modalities"):
            index = places[0][1]
            place = f"messages[{index}].content"
            text = TEXTS["text_only"](messages="messages" if self._day >= PLURAL_SINCE else "message", index=index)
            yield Breach(
                places[0],
                f"is an image, and {model.id} reads text only",
                self._bad_request(text, param=place),
                "a string, or parts of text",
                "choose a model that sees",
            )
        elif places and "no_system_with_images" in model.rules and _has_system(body) and model.is_seen("rules"):
            yield Breach(
                places[0],
                f"is an image beside a system message, which {model.id} does not take",
                self._bad_request(TEXTS["no_system"]()),
                "images without a system message",
                "move the system message into the user's",
            )
        elif model.max_images is not None and len(places) > model.max_images:
            yield Breach(
                places[model.max_images],
                f"is image {model.max_images + 1}, and {model.id} takes {model.max_images}",
                self._bad_request(TEXTS["images"](limit=model.max_images)),
                f"at most {model.max_images} images",
                "send fewer images",
            )

    def _max_tokens(self, body: Mapping[str, Any], model: Model | None) -> Iterator[Breach]:
        for name in ("max_completion_tokens", "max_tokens"):
            asked = body.get(name)
            if asked is not None and model is not None and model.max_output is not None and asked > model.max_output:
                form = "max_tokens" if self._day >= LONG_MAX_TOKENS_SINCE else "max_tokens_2024"
                text = TEXTS[form](field=name, limit=model.max_output, model=model.id)
                yield Breach(
                    (name,),
                    f"is {asked}, above the {model.max_output} of {model.id}",
                    Refusal("bad_request", {"message": text, "param": name}),
                    f"at most {model.max_output}",
                    f"send at most {model.max_output}",
                )

    def _tools(self, body: Mapping[str, Any], model: Model | None) -> Iterator[Breach]:
        tools = body.get("tools") or ()
        built_in = model.built_in_tools if model is not None else ()
        for index, tool in enumerate(tools):
            if tool["type"] not in ("function", "mcp", *built_in):
                yield Breach(
                    ("tools", index, "type"),
                    f"is {tool['type']!r}, which this model does not take",
                    self._wrapped(TEXTS["tool_type"](index=index)),
                    ", ".join(map(repr, ("function", "mcp", *built_in))),
                    "describe it as a function",
                )
        if tools and model is not None and "tools" not in model.capabilities and model.is_seen("capabilities"):
            text = TEXTS["unsupported"](field="tool calling")
            yield _not_for_model("tools", model, self._bad_request(text, param="tool calling"))

    def _format(self, body: Mapping[str, Any], model: Model | None) -> Iterator[Breach]:
        kind, place = _format_of(body), ("response_format",)
        if kind in (None, "text"):
            return
        if body.get("tools"):
            yield Breach(
                place,
                f"is {kind}, which excludes tools",
                self._bad_request(TEXTS["tools_and_json"](), param="response_format"),
                "response_format or tools",
                "ask for the format in a call of its own, without tools",
            )
        if kind == "json_object" and not _says_json(body):
            yield Breach(
                place,
                "is json_object, and no message says 'json'",
                self._bad_request(TEXTS["no_json_word"]()),
                "the word 'json' in a message",
                "tell the model in a message to answer in JSON",
            )
        if kind != "json_schema":
            return
        if model is not None and "json_schema" not in model.capabilities:
            text = TEXTS["no_json_schema"]() + (TEXTS["docs_link"]() if self._day >= DOCS_LINK_SINCE else "")
            yield _not_for_model("response_format", model, self._bad_request(text, param="response_format"))
        if body["response_format"]["json_schema"].get("schema") is None:
            yield Breach(
                ("response_format", "json_schema", "schema"),
                "is missing",
                self._wrapped(TEXTS["no_schema"](), param="response_format"),
                "a JSON Schema",
                "put the schema below response_format.json_schema.schema",
            )

    def _bad_request(self, message: str, param: str = "") -> Refusal:
        """A refusal of the second server; ``param`` came with the change of 2025-11."""
        named = {"param": param} if param and self._day >= PARAM_SINCE else {}
        return Refusal("bad_request", {"message": message, **named})

    def _wrapped(self, message: str, param: str = "") -> Refusal:
        text = TEXTS["wrapped"](message=message) if self._day >= PARAM_SINCE else message
        return self._bad_request(text, param=param)


def _in_other_words(refusal: Refusal | None) -> Refusal | None:
    """A refusal of a chat as the Responses API says it: it names the field that was sent."""
    if refusal is None:
        return None
    told = {
        name: str(text).replace("max_completion_tokens", "max_output_tokens") for name, text in refusal.values.items()
    }
    return replace(refusal, values=told)


def _of_systems(body: Mapping[str, Any], model: Model | None) -> Iterator[Breach]:
    """What compound systems alone know. None of it was seen refused."""
    if body.keys().isdisjoint(SYSTEM_FIELDS):
        return
    searches = body.get("search_settings") or {}
    places: list[Path] = [(name,) for name in ("include_domains", "exclude_domains")]
    places += [("search_settings", *place) for place in places]
    for place in places:
        for index, domain in enumerate((searches if len(place) == 2 else body).get(str(place[-1])) or ()):
            if "://" in domain or not domain.strip() or any(letter.isspace() for letter in domain):
                allowed = "a domain, with a path or * for a part of it: example.com, *.org, example.com/docs"
                yield Breach((*place, index), "is no domain", None, allowed, "send the bare domain")
    own = [name for name in SYSTEM_FIELDS if body.get(name)]
    if own and model is not None and not model.inner:
        yield Breach((own[0],), f"has no effect on {model.id}", None, "a compound system", f"leave {own[0]} out")
        return
    tools = (body.get("compound_custom") or {}).get("tools") or {}
    enabled = tools.get("enabled_tools") or ()
    for index, name in enumerate(enabled):
        if name not in SYSTEM_TOOLS:
            place = ("compound_custom", "tools", "enabled_tools", index)
            yield Breach(
                place, "is no tool of compound systems", None, ", ".join(map(repr, SYSTEM_TOOLS)), "correct it"
            )
    if "wolfram_alpha" in enabled and not (tools.get("wolfram_settings") or {}).get("authorization"):
        place = ("compound_custom", "tools", "wolfram_settings")
        yield Breach(place, "lacks the key that wolfram_alpha needs", None, "{'authorization': …}", "send your key")
    if "browser_automation" in enabled and "web_search" not in enabled:
        place = ("compound_custom", "tools", "enabled_tools")
        yield Breach(place, "has browser_automation without web_search", None, "both of them", "enable web_search too")


def nearest(name: str, known: Iterable[str]) -> str:
    """The field that Groq thought was meant: the one with the fewest edits (Levenshtein), however many those are.

    That fits all nine suggestions seen. Where several are as near, two were given for the same name (``id``:
    ``name`` and ``role``), as a Go map would; we take the shortest, then the first by name.
    """
    return min(known, key=lambda field: (edits(name, field), len(field), field))


_KINDS = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "array": "an array",
    "object": "an object",
}


_UNIONS: Mapping[str, tuple[str, ...]] = {
    "stop": ("string", "array"),
    "tool_choice": ("string", "object"),
    "function_call": ("string", "object"),
    "content": ("string", "array"),
}
"""Fields that take more than one kind of value, null aside; ``content`` in messages, the others at the top."""


def _alternatives(failure: Failure) -> tuple[Path, tuple[str, ...]]:
    """The field on the way to *failure* that takes several kinds of value, and those kinds."""
    path = failure.path
    place = path[:3] if path[0] == "messages" else path[:1]
    if path == place and failure.keyword == "type":
        expected = failure.expected if isinstance(failure.expected, list) else [failure.expected]
        return place, tuple(kind for kind in expected if kind != "null")
    if (place[-1] == "content") != (len(place) == 3):
        return place, ()
    return place, _UNIONS.get(str(place[-1]), ())


def _value(body: Any, path: Path) -> Any:
    for part in path:
        body = body[part]
    return body


def _kind(value: object) -> str:
    names: Mapping[type, str] = {str: "string", list: "array", dict: "object"}
    return names.get(type(value), "")


def _dotted(failure: Failure) -> str:
    """``messages.1.content``; for an unknown field, the object that holds it, as kin-openapi has it."""
    return ".".join(map(str, failure.path[:-1] if _is_refused(failure) else failure.path))


def _is_refused(failure: Failure) -> bool:
    """Whether it is the field that is refused, whatever its value."""
    return failure.unknown or (failure.unsupported and (failure.expected == "null" or failure.keyword == "maxItems"))


def _of_sound(failure: Failure) -> Refusal | None:
    """The refusals of audio that were seen, which have words of their own."""
    match failure.path, failure.keyword:
        case ("prompt",), "maxLength":
            count = len(failure.sent)
            text = TEXTS["long_prompt"](limit=failure.expected, count=count)
            return Refusal("audio_prompt_too_long", {"message": text, "count": count})
        case ("response_format",), "enum" if failure.expected == ["wav", None]:
            return Refusal("bad_request", {"message": TEXTS["sound_type"]()})
        case ("file",), "pattern":
            text = TEXTS["file_type"](types=" ".join(AUDIO_TYPES))
            return Refusal("unsupported_audio_format", {"message": text})
    return None


def _quoted(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else json.dumps(value)


def _image_places(index: int, message: Mapping[str, Any]) -> Iterator[Path]:
    content = message.get("content")
    if isinstance(content, list):
        for part, value in enumerate(content):
            if value["type"] == "image_url":
                yield ("messages", index, "content", part)


def _has_system(body: Mapping[str, Any]) -> bool:
    return any(message.get("role") in ("system", "developer") for message in body["messages"])


_FAULTS = {
    "open_object": ("is an object without additionalProperties: false", "additionalProperties: false on every object"),
    "left_out": ("does not require every property", "every key of properties in required"),
}
_DOUBTFUL = ("allOf", "oneOf", "not", "if", "dependentRequired", "dependentSchemas", "patternProperties")
"""Keywords that the documents do not name for strict schemas; nobody saw them refused."""


def _strict_schemas(body: Mapping[str, Any]) -> Iterator[tuple[str, str, Path, Any]]:
    """Every schema that asks to be followed strictly: what it is for, its name, its place, itself."""
    wanted = (body.get("response_format") or {}).get("json_schema") or {}
    if wanted.get("strict") is True:
        place: Path = ("response_format", "json_schema", "schema")
        yield "response_format", str(wanted.get("name") or ""), place, wanted.get("schema")
    for index, tool in enumerate(body.get("tools") or ()):
        function = tool.get("function") or {}
        if function.get("strict") is True:
            place = ("tools", index, "function", "parameters")
            yield "tool", str(function.get("name") or ""), place, function.get("parameters")


def strict_faults(schema: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """What a strict schema must not be, depth first: ``open_object``, ``left_out``, or a keyword."""
    if isinstance(schema, list):
        for index, part in enumerate(schema):
            yield from strict_faults(part, (*path, index))
    if not isinstance(schema, dict):
        return
    if "properties" in schema or schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            yield path, "open_object"
        elif set(schema.get("properties") or ()) - set(schema.get("required") or ()):
            yield path, "left_out"
    yield from (((*path, word), word) for word in _DOUBTFUL if word in schema)
    for key, part in schema.items():
        if key in ("properties", "$defs", "definitions") and isinstance(part, dict):
            for name, inner in part.items():
                yield from strict_faults(inner, (*path, key, name))
        elif key in ("items", "anyOf", "prefixItems"):
            yield from strict_faults(part, (*path, key))


def _format_of(body: Mapping[str, Any]) -> str | None:
    wanted = body.get("response_format")
    return wanted["type"] if wanted else None


def _says_json(body: Mapping[str, Any]) -> bool:
    return any("json" in text.lower() for message in body["messages"] for text in _texts(message.get("content")))


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        yield part.get("text") or ""


def _listed(values: tuple[str, ...]) -> str:
    """```low`, `medium`, or `high```; two are joined without a comma."""
    quoted = [f"`{value}`" for value in values]
    if len(quoted) < 3:
        return " or ".join(quoted)
    return f"{', '.join(quoted[:-1])}, or {quoted[-1]}"


def _not_for_model(field: str, model: Model, refusal: Refusal) -> Breach:
    fix = "leave it out, or choose another model"
    return Breach((field,), f"is not supported by {model.id}", refusal, "nothing", fix)
