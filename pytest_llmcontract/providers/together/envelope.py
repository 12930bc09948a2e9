"""What all of Together's replies share: ids, headers, and the words of its limits, by edition.

Read off some 980 recorded exchanges of 2025 and 2026; the ``etag`` of a body is that of Express.
"""

from __future__ import annotations

import base64
import hashlib
import math
import string
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pytest_llmcontract.core.call.form import (
    DONE,
    Form,
    Ids,
    content_type,
    edge_headers,
    event,
    filled,
    http_date,
    whole,
)
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.records import ErrorSpec
from pytest_llmcontract.core.operations import operation_of
from pytest_llmcontract.providers.plain import ContentForm, PlainEnvelope, shortage_of
from pytest_llmcontract.providers.together.dialect import TogetherDialect, dialect_of
from pytest_llmcontract.providers.together.forms import billing, dedicated, jobs
from pytest_llmcontract.providers.together.forms.audio import SpeechForm, TranscriptForm, VoicesForm
from pytest_llmcontract.providers.together.forms.batches import BatchesForm, BatchForm, NewBatchForm
from pytest_llmcontract.providers.together.forms.chat import ChatForm
from pytest_llmcontract.providers.together.forms.files import (
    AddedForm,
    AddressForm,
    DeletedForm,
    FileForm,
    FilesForm,
    PartsForm,
)
from pytest_llmcontract.providers.together.forms.images import COLO, ImagesForm, PictureForm, picture_id
from pytest_llmcontract.providers.together.forms.models import ModelsForm
from pytest_llmcontract.providers.together.forms.shown import Shown
from pytest_llmcontract.providers.together.forms.vectors import EmbeddingsForm, RerankForm
from pytest_llmcontract.providers.together.forms.videos import VideoForm

VERSIONED = {
    "chat.completions": "x-inference-version",
    "completions": "x-inference-version",
    "images.generations": "x-image-version",
}
"""The header in which the server of a model tells its version, by operation."""
_LETTERS = string.ascii_letters + string.digits
_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "video/mp4": "mp4", "video/webm": "webm"}
"""Of the files in the store."""
_UUIDS = {
    "file": "file-",
    "batch": "",
    "endpoint": "endpoint-",
    "model": "model-",
    "upload_job": "job-",
    "org": "",
    "user": "",
}
"""What stands before the UUID of a thing, by its kind."""
_JSON = "application/json; charset=utf-8"


class TogetherEnvelope(PlainEnvelope):
    """Together's form on the day of *edition*."""

    def __init__(self, edition: Edition, ids: Ids) -> None:
        super().__init__(edition, ids)
        self._dialect = dialect_of(edition)
        chat = ChatForm(self, self._dialect)
        self.forms = {
            "chat.completions": chat,
            "completions": chat,
            "models.list": ModelsForm(),
            "embeddings": EmbeddingsForm(self),
            "rerank": RerankForm(self),
            "images.generations": ImagesForm(self),
            "images.content": PictureForm(),
            **{name: Shown(self, show) for name, show in {**jobs.SHOWN, **billing.SHOWN, **dedicated.SHOWN}.items()},
            "fine_tuning.download": jobs.ArchiveForm(),
            "videos.create": VideoForm(self),
            "videos.retrieve": VideoForm(self),
            "audio.speech": SpeechForm(self, self._dialect),
            "audio.transcriptions": TranscriptForm(self, "transcribe"),
            "audio.translations": TranscriptForm(self, "translate"),
            "voices.list": VoicesForm(self),
            **_files(self, self._dialect),
            **_batches(self),
        }

    def request_id(self, moment: datetime) -> str:
        letter = self._dialect.request_id_letter
        ray = self.ids.ray(moment) + (f"-{COLO}" if self._dialect.request_id_place else "")
        return f"{letter}{self.ids.letters(6, _LETTERS)}-{self.ids.letters(6, _LETTERS)}-{ray}" if letter else ray

    def new_id(self, kind: str, moment: datetime) -> str:
        if kind == "hex":
            return self.ids.hex(8)
        if kind == "ft":
            return f"ft-{self.ids.hex(8)}-{self.ids.hex(4)}"
        if kind == "eval":
            return f"eval-{self.ids.hex(4)}-{int(moment.timestamp())}"
        if kind in _UUIDS:
            return f"{_UUIDS[kind]}{self.ids.uuid()}"
        if kind == "picture":
            return self.ids.letters(16, _LETTERS)
        return f"{kind}_{self.ids.letters(22, _LETTERS)}"

    def refusal_values(self, turn: Turn) -> Mapping[str, Any]:
        drawn = turn.operation == "images.generations"
        known = {"id": picture_id(turn) if drawn else turn.request_id} if self._dialect.error_id else {}
        return {**known, "request_id": turn.request_id}

    def error_events(self, turn: Turn, spec: ErrorSpec) -> Iterator[bytes]:
        # A chunk like the others, with an error in its choice; then the stream ends as if nothing had been.
        if turn.operation == "audio.speech" and spec.body == self.edition.stream_error.body:
            spec = self.edition.error(500)  # no chunk of a chat within sound; its words as events (assumed)
        known = {**self.refusal_values(turn), "created": int(turn.now.timestamp()), "model": turn.call.model}
        yield event(filled(spec.body, {**spec.defaults, **known}))
        yield DONE

    # Limits.

    def shortage_error(self, turn: Turn) -> str:
        own = turn.model and self.edition.limits_record(self.edition.plans[0], turn.model.id)
        special = (own and own.model) or turn.call.model in self.edition.overrides
        return "model_rate_limit" if special else "rate_limit"

    def shortage_values(self, turn: Turn) -> Mapping[str, Any]:
        short = shortage_of(turn)
        rpm = turn.limits["RPM"].limit if "RPM" in turn.limits else short.limit
        tpm = turn.limits["TPM"].limit if "TPM" in turn.limits else 0
        return {
            "rpm": whole(rpm),
            "qps": whole(rpm / 60),
            "tpm": whole(tpm),
            "tps": whole(tpm / 60),
            "queries": f"{float(rpm):.1f}",
            "and_tokens": f" and {whole(tpm)} tokens" if tpm else "",
            "limit": whole(rpm),
        }

    # Headers.

    def headers(self, turn: Turn, status: int, body: bytes | None) -> dict[str, str]:
        if turn.operation == "images.content" and turn.error is None:
            return self._picture_headers(turn)
        if (edge := edge_headers(turn, f"{turn.request_id[-16:]}-{COLO}")) is not None:
            return edge
        stamp = turn.now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{turn.now.microsecond // 1000:03}Z"
        headers = {
            "date": http_date(turn.now),
            "content-type": content_type(turn, body, _JSON),
            "access-control-allow-origin": "*",
            "vary": "Accept-Encoding",
            "x-api-received": stamp,
            **({"x-request-id": turn.request_id} if self._dialect.request_id_header else {}),
            "strict-transport-security": "max-age=15552000; includeSubDomains",
            "cf-cache-status": "DYNAMIC",
            "server": "cloudflare",
            "cf-ray": f"{turn.request_id.removesuffix(f'-{COLO}')[-16:]}-{COLO}",
            "alt-svc": 'h3=":443"; ma=86400',
        }
        if body is None:
            headers["content-type"] = "text/event-stream;charset=utf-8"
            headers["cache-control"] = "no-cache, no-transform"
        else:
            headers["etag"] = etag(body)
        headers |= self._way_headers(turn, stamp, whole=body is not None)
        headers |= self._rate_headers(turn)
        if turn.error is not None:
            headers |= turn.error.headers
        return headers

    def _picture_headers(self, turn: Turn) -> dict[str, str]:
        """Pictures come from a store, not from the API; they may be kept for a year."""
        kind = turn.content_type or _JSON
        return {
            "date": http_date(turn.now),
            "content-type": kind,
            "content-disposition": f'inline; filename="{self.ids.uuid()}.{_ENDINGS.get(kind, "bin")}"',
            "cache-control": "max-age=31536000, public",
            "expires": http_date(turn.now + timedelta(days=365)),
            "access-control-expose-headers": "X-Request-ID",
            "content-security-policy": "script-src 'none'",
            "x-content-type-options": "nosniff",
            "strict-transport-security": "max-age=2592000; includeSubDomains",
            "vary": "Origin",
            "cf-cache-status": "DYNAMIC",
            "server": "cloudflare",
            "cf-ray": f"{self.ids.ray(turn.now)}-{COLO}",
            "alt-svc": 'h3=":443"; ma=86400',
        }

    def _way_headers(self, turn: Turn, stamp: str, *, whole: bool) -> dict[str, str]:
        """How far a call came: to the server of its model, to the limiter, or not past the list of models."""
        step = turn.error.step if turn.error else "answer"
        headers = {}
        if operation_of(turn).reads_text and step == "model":
            headers["x-content-type-options"] = "nosniff"
        elif turn.error is not None and "x-content-type-options" in turn.error.headers:
            pass  # answered before the call was traced
        elif operation_of(turn).reads_text and self._dialect.trace_header:
            headers["x-amzn-trace-id"] = f"{self.ids.uuid()}-noamzn"
        if step in ("contract", "size", "answer") and turn.operation in VERSIONED:
            headers[VERSIONED[turn.operation]] = "v2"
            if turn.error is None or not turn.call.stream:
                headers["x-api-call-start"] = stamp
            if turn.error is None and whole:
                headers["x-api-call-end"] = stamp
        return headers

    def _rate_headers(self, turn: Turn) -> dict[str, str]:
        """The per-second dialect; ``retry-after`` equals the reset."""
        refused = turn.shortage is not None
        headers: dict[str, str] = {}
        told = turn.retry_after
        if self._shows_limits(turn):
            requests = turn.limits["RPM"]
            left = max(1, math.ceil(requests.reset_seconds)) if refused else round(requests.reset_seconds)
            reset = whole(told) if told is not None else str(left)
            headers = {
                "x-ratelimit": "true" if refused else "false",
                "x-ratelimit-limit": f"{requests.limit / 60:.10g}",
                "x-ratelimit-remaining": "0" if refused else str(requests.remaining),
                "x-ratelimit-reset": reset,
            }
            if refused or self._dialect.retry_after_on_success:
                headers["retry-after"] = reset
            if self._dialect.rate_headers_dynamic and "TPM" in turn.limits:
                # No unit is documented; 0, 1 and 2 were seen.
                headers |= {"x-ratelimit-limit-dynamic": "1", "x-ratelimit-remaining-dynamic": "1"}
            tokens = turn.limits.get("TPM")
            per_second = tokens.limit / 60 if tokens else 0
            left_now = max(0, math.floor(per_second - (tokens.used if tokens else 0)))
            headers["x-ratelimit-limit-tokens"] = whole(per_second)
            headers["x-ratelimit-remaining-tokens"] = str(left_now)
        elif told is not None:
            headers["retry-after"] = whole(told)
        elif refused and turn.shortage is not None:
            # Documented for 2026: the only header left, and a suggestion.
            headers["x-ratelimit-reset"] = str(max(1, math.ceil(turn.shortage.wait)))
        return headers

    def _shows_limits(self, turn: Turn) -> bool:
        if self._dialect.rate_headers != "per_second" or "RPM" not in turn.limits:
            return False
        hosted_elsewhere = turn.model is not None and turn.model.third_party
        return not hosted_elsewhere and (turn.error is None or turn.error.rate_headers)


def etag(body: bytes) -> str:
    """The weak entity tag that Express gives *body*; recorded ones agree."""
    digest = base64.b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode()
    return f'W/"{len(body):x}-{digest[:27]}"'


def _files(envelope: PlainEnvelope, dialect: TogetherDialect) -> dict[str, Form]:
    file = FileForm(envelope, dialect)
    # The store that takes a file has no form: it answers nothing.
    return {
        "files.create": file,
        "files.upload_url": AddressForm(envelope, dialect),
        "files.put": file,
        "files.preprocess": file,
        "files.multipart_initiate": PartsForm(envelope, dialect),
        "files.multipart_complete": AddedForm(envelope, dialect),
        "files.multipart_abort": file,
        "files.list": FilesForm(envelope, dialect),
        "files.retrieve": file,
        "files.content": ContentForm(dialect),
        "files.delete": DeletedForm(envelope, dialect),
    }


def _batches(envelope: PlainEnvelope) -> dict[str, Form]:
    batch = BatchForm(envelope)
    return {
        "batches.create": NewBatchForm(envelope, batch),
        "batches.list": BatchesForm(envelope, batch),
        "batches.retrieve": batch,
        "batches.cancel": batch,
    }
