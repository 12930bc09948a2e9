"""The form of "OpenAI as documented": what providers share, and what one of its own gets for nothing.

A package that registers a provider takes :data:`PLAIN` and replaces what differs::

    PROVIDER = replace(PLAIN, name="acme")
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pytest_llmcontract.core.call.form import (
    Form,
    Ids,
    TypedForm,
    compact,
    content_type,
    encoded,
    event,
    filled,
    http_date,
    worded,
)
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.completion.answers import Completion
from pytest_llmcontract.core.completion.vectors import packed
from pytest_llmcontract.core.contract.request import PlainWording
from pytest_llmcontract.core.facts.dialect import Dialect
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.records import ErrorSpec, Model
from pytest_llmcontract.core.kept.schedule import Schedule
from pytest_llmcontract.core.limits.limiter import Shortage
from pytest_llmcontract.core.limits.rules import Refill
from pytest_llmcontract.core.money.account import PlainAccount
from pytest_llmcontract.core.operations.embeddings import Vectors
from pytest_llmcontract.core.operations.lasting import Thing
from pytest_llmcontract.core.operations.models import Listing
from pytest_llmcontract.core.provider import Provider
from pytest_llmcontract.core.settings import ProviderSettings


class PlainEnvelope:
    """What all replies share: JSON bodies, errors as ``{"error": {…}}``, few headers."""

    def __init__(self, edition: Edition, ids: Ids) -> None:
        self.edition = edition
        self.ids = ids
        self.forms: Mapping[str, Form] = {
            "chat.completions": ChatForm(self),
            "embeddings": EmbeddingsForm(self),
            "models.list": ModelsForm(self),
            "models.retrieve": ModelForm(self),
        }

    def request_id(self, moment: datetime) -> str:
        return f"req_{self.ids.hex(32)}"

    def new_id(self, kind: str, moment: datetime) -> str:
        return f"{kind}-{self.ids.hex(24)}"

    def encoded(self, body: Any) -> bytes:
        return encoded(body, self.edition.dialect)

    def refusal(self, turn: Turn, spec: ErrorSpec, values: Mapping[str, Any], message: str | None) -> bytes:
        body = filled(spec.body, {**self.refusal_values(turn), **values})
        return self.encoded(body if message is None else worded(body, message))

    def refusal_values(self, turn: Turn) -> Mapping[str, Any]:
        """What every refusal may name."""
        return {"request_id": turn.request_id}

    def error_events(self, turn: Turn, spec: ErrorSpec) -> Iterator[bytes]:
        body = filled(spec.body, {**spec.defaults, "model": turn.call.model})
        yield event(body)

    def shortage_error(self, turn: Turn) -> str:
        return self.edition.error(429).name

    def shortage_values(self, turn: Turn) -> Mapping[str, Any]:
        short = shortage_of(turn)
        return {"kind": short.kind, "limit": f"{short.limit:g}", "used": f"{short.used:g}", "wait": f"{short.wait:g}s"}

    def headers(self, turn: Turn, status: int, body: bytes | None) -> dict[str, str]:
        headers = {
            "date": http_date(turn.now),
            "content-type": content_type(turn, body, "application/json"),
            "x-request-id": turn.request_id,
        }
        if turn.error is not None:
            headers |= turn.error.headers
        if turn.retry_after is not None:
            headers["retry-after"] = f"{turn.retry_after:g}"
        elif turn.shortage is not None:
            headers["retry-after"] = str(max(1, math.ceil(turn.shortage.wait)))
        return headers


def shortage_of(turn: Turn) -> Shortage:
    """The limit that refuses the call; asked only where there is one."""
    assert turn.shortage is not None
    return turn.shortage


@dataclass(frozen=True, slots=True)
class ChatForm:
    """``chat.completion`` and ``chat.completion.chunk``."""

    envelope: PlainEnvelope

    def body(self, turn: Turn, answer: Completion) -> bytes:
        message: dict[str, Any] = {"role": "assistant", "content": answer.content}
        if answer.tool_calls:
            message["tool_calls"] = self._tool_calls(answer)
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish_reason}
        head = self._head(turn, "chat.completion")
        return self.envelope.encoded({**head, "choices": [choice], "usage": usage_block(answer)})

    def events(self, turn: Turn, answer: Completion) -> Iterator[bytes]:
        head = self._head(turn, "chat.completion.chunk")

        def event(delta: Mapping[str, Any], finish: str | None = None) -> bytes:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
            return f"data: {compact({**head, 'choices': [choice]})}\n\n".encode()

        yield event({"role": "assistant", "content": "" if answer.content is not None else None})
        for piece in answer.pieces:
            yield event({"content": piece})
        if answer.tool_calls:
            yield event({"tool_calls": [{"index": i, **call} for i, call in enumerate(self._tool_calls(answer))]})
        yield event({}, answer.finish_reason)
        if asks_for_usage(turn.body):
            yield f"data: {compact({**head, 'choices': [], 'usage': usage_block(answer)})}\n\n".encode()

    def _head(self, turn: Turn, kind: str) -> dict[str, Any]:
        id = f"chatcmpl-{self.envelope.ids.hex(24)}"
        return {"id": id, "object": kind, "created": int(turn.now.timestamp()), "model": turn.call.model}

    def _tool_calls(self, answer: Completion) -> list[dict[str, Any]]:
        return [
            {
                "id": f"call_{self.envelope.ids.hex(24)}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in answer.tool_calls
        ]


def usage_block(answer: Completion) -> dict[str, Any]:
    """``usage`` as OpenAI has it."""
    usage = answer.usage
    block: dict[str, Any] = {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
    }
    if usage.cached_tokens:
        block["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    return block


def asks_for_usage(body: Mapping[str, Any]) -> bool:
    """Whether a request wants the numbers of a stream."""
    options = body.get("stream_options")
    return isinstance(options, Mapping) and options.get("include_usage") is True


def model_record(model: Model) -> dict[str, Any]:
    """One model as OpenAI lists it."""
    return {"id": model.id, "object": "model", "created": model.created, "owned_by": model.owner}


class ContentForm(TypedForm):
    """What is in a file, to the byte."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def type_of(self, turn: Turn) -> str:
        return self._dialect.file_content_type

    def body(self, turn: Turn, answer: Thing) -> bytes:
        data: bytes = answer.thing.data
        return data


@dataclass(frozen=True, slots=True)
class EmbeddingsForm:
    """Vectors as numbers, or as base64 of single-precision numbers where the request asks so."""

    envelope: PlainEnvelope

    def body(self, turn: Turn, answer: Vectors) -> bytes:
        usage = {"prompt_tokens": answer.usage.input_tokens, "total_tokens": answer.usage.total_tokens}
        return self.envelope.encoded({**embeddings_body(turn, answer), "usage": usage})


def embeddings_body(turn: Turn, answer: Vectors) -> dict[str, Any]:
    """All but what was used."""
    coded = turn.body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": b64encode(packed(numbers)).decode() if coded else numbers}
        for index, numbers in enumerate(answer.vectors)
    ]
    return {"object": "list", "data": data, "model": turn.call.model}


@dataclass(frozen=True, slots=True)
class ModelsForm:
    """The list of models."""

    envelope: PlainEnvelope

    def body(self, turn: Turn, answer: Listing) -> bytes:
        return self.envelope.encoded({"object": "list", "data": [model_record(model) for model in answer.models]})


@dataclass(frozen=True, slots=True)
class ModelForm:
    """One model."""

    envelope: PlainEnvelope

    def body(self, turn: Turn, answer: Listing) -> bytes:
        return self.envelope.encoded(model_record(answer.models[0]))


@dataclass(frozen=True, kw_only=True)
class PlainSettings(ProviderSettings):
    """What the marker of a plain provider takes."""

    plan: str = ""
    """As limits are listed by; default the first in ``api.json``."""


def plain_account(edition: Edition, settings: PlainSettings, schedule: Schedule) -> PlainAccount:
    """A plan, no money.

    Raises:
        BadInput: There is no such plan.
    """
    return PlainAccount(edition.known_plan(settings.plan) if settings.plan else edition.plans[0])


PLAIN = Provider(
    name="plain",
    settings=PlainSettings,
    plan_settings=lambda plan: PlainSettings(plan=plan),
    account=plain_account,
    rule=lambda edition, kind, limit, window: Refill(limit, window),
    envelope=PlainEnvelope,
    wording=lambda day: PlainWording(),
)
"""To be had with another name: ``replace(PLAIN, name="acme")``."""
