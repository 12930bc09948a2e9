"""What all of Groq's replies share: ids, headers, and the words of its limits, by edition.

Read off some 750 recorded exchanges of 2025 and 2026.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pytest_llmcontract.core.call.form import Form, Ids, content_type, edge_headers, event, filled, http_date, whole
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.records import ErrorSpec
from pytest_llmcontract.providers.groq.dialect import GroqDialect, dialect_of
from pytest_llmcontract.providers.groq.durations import reset_text, wait_text
from pytest_llmcontract.providers.groq.forms.audio import SpeechForm, TranscriptForm
from pytest_llmcontract.providers.groq.forms.batches import BatchesForm, BatchForm
from pytest_llmcontract.providers.groq.forms.chat import ChatForm
from pytest_llmcontract.providers.groq.forms.files import DeletedForm, FileForm, FilesForm
from pytest_llmcontract.providers.groq.forms.models import DroppedModelForm, ModelForm, ModelsForm
from pytest_llmcontract.providers.groq.forms.responses import ResponsesForm
from pytest_llmcontract.providers.plain import ContentForm, EmbeddingsForm, PlainEnvelope, shortage_of

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_CACHE_CONTROL = "private, max-age=0, no-store, no-cache, must-revalidate"
_LIMIT_WORDS = {
    "RPM": ("requests per minute", "RPM", "requests"),
    "RPD": ("requests per day", "RPD", "requests"),
    "TPM": ("tokens per minute", "TPM", "tokens"),
    "TPD": ("tokens per day", "TPD", "tokens"),
    "ITPM": ("input tokens per minute", "ITPM", "tokens"),
    "OTPM": ("output tokens per minute", "OTPM", "tokens"),
    "ASH": ("seconds of audio per hour", "ASPH", "seconds"),
    "ASD": ("seconds of audio per day", "ASPD", "seconds"),
}
"""How refusals name each kind of limit, and the ``type`` of their error. Pasted refusals of 2024 to 2026."""
_RATE_KINDS = {"RPD": "requests", "TPM": "tokens", "ASH": "audio-seconds"}
"""The only limits that headers tell of, and under which word."""


class GroqEnvelope(PlainEnvelope):
    """Groq's form on the day of *edition*."""

    def __init__(self, edition: Edition, ids: Ids) -> None:
        super().__init__(edition, ids)
        self._dialect = dialect_of(edition)
        self.forms = {
            "chat.completions": ChatForm(self, self._dialect),
            "responses": ResponsesForm(self, self._dialect),
            "embeddings": EmbeddingsForm(self),
            "models.list": ModelsForm(self),
            "models.retrieve": ModelForm(self),
            "models.delete": DroppedModelForm(self),
            "audio.speech": SpeechForm(),
            "audio.transcriptions": TranscriptForm(self, "transcribe"),
            "audio.translations": TranscriptForm(self, "translate"),
            **_files(self, self._dialect),
            **_batches(self, self._dialect),
        }
        self.organization = "org_" + ids.letters(26, _CROCKFORD)
        self._region = self._dialect.regions[0] if self._dialect.regions else "us-central-1"

    def request_id(self, moment: datetime) -> str:
        return self.new_id("req", moment)

    def new_id(self, kind: str, moment: datetime) -> str:
        # A lower-case ULID: 48 bits of milliseconds and 80 of chance, five to a letter.
        number = int(moment.timestamp() * 1000) << 80 | self.ids.number(80)
        return f"{kind}_" + "".join([_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5)])

    def refusal_values(self, turn: Turn) -> Mapping[str, Any]:
        return {"organization": self.organization, "request_id": turn.request_id}

    def error_events(self, turn: Turn, spec: ErrorSpec) -> Iterator[bytes]:
        body = filled(spec.body, {**spec.defaults, "model": turn.call.model})
        yield event(body, "error")

    # Limits.

    def shortage_error(self, turn: Turn) -> str:
        short = shortage_of(turn)
        if not short.too_large or self._dialect.too_large_waits:
            return "rate_limit_exceeded"
        return "output_too_large" if short.kind == "OTPM" else "request_too_large"

    def shortage_values(self, turn: Turn) -> Mapping[str, Any]:
        short = shortage_of(turn)
        text, abbreviation, error_type = _LIMIT_WORDS[short.kind]
        return {
            "kind": abbreviation,
            "kind_text": text,
            "type": error_type,
            "limit": whole(short.limit),
            "used": str(math.ceil(short.used) if self._dialect.used_printed == "ceil" else math.floor(short.used)),
            "requested": self._dialect.requested_prefix + whole(short.requested),
            "wait": wait_text(short.wait),
            "service_tier": f" service tier `{turn.lane.name}`" if self._dialect.service_tier_in_text else "",
            "upsell": self._dialect.upsell.get(turn.plan, ""),
        }

    # Headers.

    def headers(self, turn: Turn, status: int, body: bytes | None) -> dict[str, str]:
        ray = f"{self.ids.ray(turn.now)}-{self._region.upper()[:3]}"
        if (edge := edge_headers(turn, ray)) is not None:
            return edge
        headers = {
            "date": http_date(turn.now),
            "content-type": content_type(turn, body, "application/json"),
            "cache-control": "no-cache" if body is None else _CACHE_CONTROL,
            "vary": "Origin",
            "x-request-id": turn.request_id,
            "via": "1.1 google",
            "cf-cache-status": "DYNAMIC",
            "server": "cloudflare",
            "cf-ray": ray,
            "alt-svc": 'h3=":443"; ma=86400',
        }
        if self._dialect.regions:
            headers["x-groq-region"] = self._region
        if self._dialect.strict_transport_security:
            headers["strict-transport-security"] = self._dialect.strict_transport_security
        if turn.error is None or turn.error.rate_headers:
            headers |= self._rate_headers(turn)
        if turn.error is not None:
            headers |= turn.error.headers
            wait = turn.retry_after if turn.shortage is None else _retry_after(turn)
            if wait is not None and turn.error.announces_wait:
                headers["retry-after"] = f"{wait:g}"
        return headers

    def _rate_headers(self, turn: Turn) -> dict[str, str]:
        headers: dict[str, str] = {}
        shown = [(word, turn.limits[kind]) for kind, word in _RATE_KINDS.items() if kind in turn.limits]
        for word, state in shown:
            headers[f"x-ratelimit-limit-{word}"] = whole(state.limit)
        for word, state in shown:
            headers[f"x-ratelimit-remaining-{word}"] = str(state.remaining)
        for word, state in shown:
            text = reset_text(
                state.reset_seconds,
                whole_milliseconds=self._dialect.duration_truncate_ms,
                least_ms=self._dialect.duration_least_ms,
            )
            headers[f"x-ratelimit-reset-{word}"] = text
        return headers


def _retry_after(turn: Turn) -> float:
    return turn.retry_after if turn.retry_after is not None else math.ceil(shortage_of(turn).wait)


def _files(envelope: PlainEnvelope, dialect: GroqDialect) -> dict[str, Form]:
    file = FileForm(envelope)
    return {
        "files.create": file,
        "files.list": FilesForm(envelope),
        "files.retrieve": file,
        "files.content": ContentForm(dialect),
        "files.delete": DeletedForm(envelope),
    }


def _batches(envelope: PlainEnvelope, dialect: GroqDialect) -> dict[str, Form]:
    batch = BatchForm(envelope, dialect)
    return {
        "batches.create": batch,
        "batches.list": BatchesForm(envelope, batch),
        "batches.retrieve": batch,
        "batches.cancel": batch,
    }
