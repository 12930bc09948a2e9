"""The types with which SDKs write requests and read replies, by operation: what ``types=`` of the strategies means.

They are found by the address of a call in the SDK that is installed: a new operation, or a new SDK, adds nothing here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from typing import Any, get_args

from pydantic import TypeAdapter
from sdk_methods import Typed, typed_calls
from typing_extensions import is_typeddict

from pytest_llmcontract.core.facts.load import edition_dates, edition_on

PROVIDERS = ("groq", "together")
NEWEST = {provider: edition_dates(provider)[-1] for provider in PROVIDERS}
OPENAI = {("groq", "responses"): "POST /responses"}
"""What Groq's SDK does not have, and OpenAI's has at the same address."""
ELSEWHERE = {
    ("together", "files.create"): Typed(None, "together.types.file_response.FileResponse", None),
    ("together", "fine_tuning.create"): Typed("together.lib.types.fine_tuning.FinetuneRequest", None, None),
}
"""What a method of Together's SDK has from code beside its resources."""
WITHOUT = {
    "together": {
        "endpoints.*": "its third SDK asks v2 for them",
        "hardware.list": "its third SDK asks v2 for it",
        "jobs.*": "its third SDK asks v2 for uploads",
        "models.list": "its third SDK asks v2 for it",
        "models.upload": "its third SDK asks v2 for it",
        "whoami": "its third SDK asks v3 for it",
        "code_interpreter.*": "the third SDK has none",
        "evaluations.models": "no SDK asks for it",
        "files.*": "its uploader sends and reads them without types",
        "fine_tuning.supported_models": "no SDK asks for it",
    },
    "groq": {},
}
"""What no SDK has a type for, and why: patterns of operations."""


def _lines(provider: str) -> dict[str, list[str]]:
    """Operation → the addresses at which it is, as :func:`typed_calls` has them."""
    there = edition_on(provider, NEWEST[provider])
    found: dict[str, list[str]] = {}
    for line, operation in there.operations.items():
        verb, _, path = line.partition(" ")
        whole = path.removeprefix("/") if path.startswith("//") else there.base + path
        found.setdefault(operation, []).append(f"{verb} {re.sub(r'{[^}]*}', '{}', whole)}")
    return found


def _typed() -> dict[tuple[str, str], Typed]:
    own = {
        (provider, operation): typed_calls(provider)[line]
        for provider in PROVIDERS
        for operation, lines in _lines(provider).items()
        for line in lines
        if line in typed_calls(provider)
    }
    return {**own, **{pair: typed_calls("openai")[line] for pair, line in OPENAI.items()}}


def _of(kind: str) -> dict[tuple[str, str], Any]:
    both = [*_typed().items(), *ELSEWHERE.items()]
    return {pair: named(getattr(typed, kind)) for pair, typed in both if getattr(typed, kind) is not None}


def named(wanted: Any) -> Any:
    """The type of a dotted name."""
    if not isinstance(wanted, str):
        return wanted
    module, _, attribute = wanted.rpartition(".")
    return getattr(import_module(module), attribute)


UNLIKE = {("together", "completions"): "its type wants a token in every event, which the provider does not send"}
"""Streams whose events are not as the SDK's type has them."""
REQUESTS, REPLIES, EVENTS = (_of(kind) for kind in Typed._fields)
OPENAI_REQUESTS = {
    pair: typed_calls("openai")[address].request
    for pair, address in {
        ("groq", "audio.speech"): "POST /audio/speech",
        ("groq", "audio.transcriptions"): "POST /audio/transcriptions",
        ("groq", "audio.translations"): "POST /audio/translations",
        ("groq", "chat.completions"): "POST /chat/completions",
        ("groq", "embeddings"): "POST /embeddings",
        ("together", "chat.completions"): "POST /chat/completions",
        ("together", "completions"): "POST /completions",
        ("together", "embeddings"): "POST /embeddings",
    }.items()
}
OPENAI_REPLIES = {
    ("groq", "audio.transcriptions"): "openai.types.audio.transcription.Transcription",
    ("groq", "audio.translations"): "openai.types.audio.translation.Translation",
    ("groq", "chat.completions"): "openai.types.chat.chat_completion.ChatCompletion",
    ("groq", "embeddings"): "openai.types.create_embedding_response.CreateEmbeddingResponse",
    ("groq", "models.list"): "openai.pagination.SyncPage",
    ("groq", "models.retrieve"): "openai.types.model.Model",
    ("together", "audio.transcriptions"): "openai.types.audio.transcription.Transcription",
    ("together", "audio.translations"): "openai.types.audio.translation.Translation",
    ("together", "chat.completions"): "openai.types.chat.chat_completion.ChatCompletion",
    ("together", "embeddings"): "openai.types.create_embedding_response.CreateEmbeddingResponse",
}
"""Not files and batches, whose replies lack what OpenAI's types require, nor Together's completions (``object``)."""


def has_none(provider: str, operation: str) -> bool:
    """Whether it is known that no SDK has types for it."""
    return any(fnmatchcase(operation, pattern) for pattern in WITHOUT[provider])


@cache
def sdk_type(wanted: Any, *, streams: bool = False) -> TypeAdapter[Any]:
    """That type; of a union for streaming requests and others the one for this request."""
    dicts = [one for one in get_args(wanted) if is_typeddict(one)]
    return TypeAdapter(next((one for one in dicts if one.__name__.endswith("ParamsStreaming") == streams), wanted))


def judge(wanted: Any, body: Any) -> None:
    """Raise what is wrong with *body*, if its type says so."""
    streams = isinstance(body, Mapping) and body.get("stream") is True
    wanted = named(wanted)
    sdk_type(wanted, streams=streams).validate_python(_with_writes(body))


def _with_writes(body: Any) -> Any:
    """OpenAI's newest type of a response asks for a count of tokens that Groq does not have."""
    if not isinstance(body, Mapping):
        return body
    if "response" in body:  # an event that has it in it
        return {**body, "response": _with_writes(body["response"])}
    if body.get("object") != "response" or not body.get("usage"):
        return body
    details = {"cache_write_tokens": 0, **body["usage"]["input_tokens_details"]}
    return {**body, "usage": {**body["usage"], "input_tokens_details": details}}
