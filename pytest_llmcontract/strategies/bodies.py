"""Bodies of requests and replies: valid by the project's schemas, on the day of an edition."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from pytest_llmcontract.core.contract.reply import reply_contract
from pytest_llmcontract.core.contract.request import RequestContract, operations_with_contract
from pytest_llmcontract.core.contract.schemas import DatedSchema, schema_files
from pytest_llmcontract.core.errors import unknown
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.provider import contracts_of
from pytest_llmcontract.core.sound.made import Sound, wav
from pytest_llmcontract.strategies.known import edition_of, known, models_for
from pytest_llmcontract.strategies.values import Usual, moments, things, values

TYPES: Mapping[str, tuple[str, ...]] = {"sdk": ("sdk",), "openai": ("sdk", "openai"), "any": ()}
"""Whose types a body has to fit, beside the schema: those of the provider's SDK, of OpenAI's too, or nobody's."""

ROUNDS = 5
"""How often what a model does not take is left out before a body is given up."""

words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
ids = st.from_regex(r"[a-z]{2,5}[-_][a-zA-Z0-9]{8}", fullmatch=True)
names = st.from_regex(r"[a-z][a-z0-9_]{0,11}", fullmatch=True)


def requests(
    provider: str,
    operation: str = "chat.completions",
    *,
    model: str | None = None,
    types: str = "sdk",
    edition: str | date | None = None,
) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies of requests that the provider accepts: fields as it has them, and what the model takes of them.

    The fields of a form come with their file as ``(name, bytes)``, as SDKs take it.

    Args:
        operation: As ``Call.operation``, ``"responses"``; one with a body.
        model: The model that is asked; default any that can do it, and any name where none can.
        types: ``sdk``: what the types of the provider's SDK allow; ``openai``: of OpenAI's too; ``any``: all that the
            provider accepts, also ``null`` for what is left out.
        edition: The day whose contract holds; default the newest.

    Raises:
        BadInput: No such provider, operation, model or day; the message lists those there are.
    """
    there = edition_of(provider, edition)
    known(operation, operations_with_contract(provider), f"{provider} operation with a request body")
    contract = contracts_of(provider, there.date)[operation]
    return _requests(contract, models_for(there, operation, model), narrower_for(contract.form, types), types == "any")


def replies(
    provider: str, operation: str = "chat.completions", *, types: str = "sdk", edition: str | date | None = None
) -> st.SearchStrategy[Any]:
    """Bodies of successful replies, as the provider may send them: for ``api.reply(body=…)``, or a parser of one's own.

    Args:
        types: As of :func:`requests`. ``any`` is what no SDK's types know: ``finish_reason: null``, lists for objects.

    Raises:
        BadInput: No such provider, operation or day; the message lists those there are.
    """
    there = edition_of(provider, edition)
    ending = ".reply.json"
    replied = [name.removesuffix(ending) for name in schema_files(provider) if name.endswith(ending)]
    known(operation, replied, f"{provider} operation that replies in JSON")
    promised = reply_contract(provider, operation, there.date)
    assert promised is not None
    assert promised.reply is not None
    form = promised.reply.schema
    return values(form, _of_models(*there.models.values()), narrower_for(form, types)).map(coherent)


# Requests


@st.composite
def _requests(
    draw: st.DrawFn, contract: RequestContract, models: list[Model], narrower: Any, nulls: bool
) -> dict[str, Any]:
    model = draw(st.sampled_from(models)) if models and "model" in contract.fields else None
    usual = _of_models(model) if model else _of_models()
    body = _taken(contract, draw(values(contract.form, usual, narrower, nulls=nulls)), model)
    return _with_file(draw, contract, body) if _is_form(contract) and "file" in body else body


def _taken(contract: RequestContract, body: dict[str, Any], model: Model | None) -> dict[str, Any]:
    """*body* without the fields that the contract or the model does not take beside the others."""
    for _ in range(ROUNDS):
        wrong = contract.check(body, model)
        if not wrong:
            return body
        for mismatch in wrong:
            body.pop(re.split(r"[.\[]", mismatch.path.removeprefix("$."))[0], None)
    reject()


def _is_form(contract: RequestContract) -> bool:
    return "body is a form" in str(contract.schema.get("description"))


def _with_file(draw: st.DrawFn, contract: RequestContract, body: dict[str, Any]) -> dict[str, Any]:
    """The file's bytes beside its name: sound, or lines of JSON."""
    if contract.operation.startswith("audio."):
        data = wav(Sound("", 8000, length=draw(st.floats(0.1, 3))))
    else:
        data = "".join(draw(st.lists(_lines, min_size=1, max_size=2))).encode()
    return {**body, "file": (body["file"], data)}


_lines = things.map(lambda thing: json.dumps(thing) + "\n")


# What fields usually hold


def _of_models(*models: Model) -> Usual:
    return _usual(tuple(model.id for model in models), tuple(voice for model in models for voice in model.voices))


@cache
def _usual(models: tuple[str, ...], voices: tuple[str, ...]) -> Usual:
    """By a field's name: what makes a body look like one, where its schema allows it."""
    named = {**_NAMED, "model": st.sampled_from(models) if models else names}
    if voices:
        named["voice"] = st.sampled_from(voices)

    def usual(name: str) -> st.SearchStrategy[Any] | None:
        return moments if name.endswith(("_at", "_deadline")) else named.get(name)

    return usual


@st.composite
def _schemas(draw: st.DrawFn) -> dict[str, Any]:
    """A JSON Schema as tools and formats take it, also where they are strict."""
    fields = draw(st.dictionaries(names, st.sampled_from(["string", "integer", "number", "boolean"]), max_size=3))
    return {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in fields.items()},
        "required": list(fields),
        "additionalProperties": False,
    }


schemas = _schemas()

_NAMED: Mapping[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("id", "call_id", "tool_call_id", "file_id", "training_file"), ids),
    **dict.fromkeys(("content", "text", "input", "prompt"), words),
    **dict.fromkeys(("parameters", "schema"), schemas),
    **dict.fromkeys(("max_tokens", "max_completion_tokens", "max_output_tokens"), st.integers(1, 4_000)),
    "name": names,
    "arguments": things.map(json.dumps),
    "url": names.map("https://example.com/{}.png".format),
    "created": st.integers(1_700_000_000, 1_800_000_000),
    "file": st.sampled_from(["sound.wav", "lines.jsonl"]),
    "language": st.sampled_from(["en", "de", "ja"]),
}


# Replies


def coherent(value: Any) -> Any:
    """*value* with numbers that agree: places in lists, and sums of tokens."""
    if isinstance(value, list):
        return [_placed(coherent(item), place) for place, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    found = {name: coherent(inner) for name, inner in value.items()}
    for parts in (("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens")):
        counts = [found.get(part, 0) for part in parts]
        if "total_tokens" in found and parts[0] in found and all(isinstance(count, int) for count in counts):
            found["total_tokens"] = sum(counts)
    return found


def _placed(item: Any, place: int) -> Any:
    return {**item, "index": place} if isinstance(item, dict) and isinstance(item.get("index"), int) else item


# What SDKs read


@cache
def narrower_for(form: DatedSchema, types: str) -> Any:
    """What of *form* the types of SDKs allow; ``True``: all."""
    if types not in TYPES:
        raise unknown("strategies' types=", types, TYPES)
    return {"allOf": [True, *(_narrower()[whose].get(form.name.removesuffix(".json"), True) for whose in TYPES[types])]}


@cache
def _narrower() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "sdk_types.json").read_text("utf-8"))
    return {whose: _whole(types, types) for whose, types in found.items()}


def _whole(part: Any, types: Mapping[str, Any]) -> Any:
    """*part* with what is ``like`` another type in its place."""
    if isinstance(part, list):
        return [_whole(item, types) for item in part]
    if not isinstance(part, dict):
        return part
    return _whole(types[part["like"]], types) if "like" in part else {name: _whole(part[name], types) for name in part}
