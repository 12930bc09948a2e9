"""Together's form: bodies, streams and headers as its servers send them, by edition.

The shapes are read off some 980 recorded exchanges of 2025 and 2026; JSON is indented by two spaces, without a
newline at the end, and its ``etag`` is that of Express.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import string
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pytest_llmcontract.core.completion.answers import Answer
from pytest_llmcontract.core.profile import Edition, Engine, ErrorSpec, Model
from pytest_llmcontract.core.routes import TEXT_OPERATIONS
from pytest_llmcontract.core.turn import Turn
from pytest_llmcontract.core.wire import DONE, Ids, compact, content_type, encoded, filled, http_date, whole

VERSIONED = {
    "chat.completions": "x-inference-version",
    "completions": "x-inference-version",
    "images.generations": "x-image-version",
}
"""The header in which the server of a model tells its version, by operation."""
_LETTERS = string.ascii_letters + string.digits
_COLO = "PDX"
_JSON = "application/json; charset=utf-8"
# The smallest picture there is: a JPEG of one grey pixel.
_PIXEL = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP///////////////////////////////////////////////////////////////////////////////"
    "///////wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAv/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AT//Z"
)


class TogetherWire:
    """Together's form on the day of *edition*."""

    def __init__(self, edition: Edition, ids: Ids) -> None:
        self._edition = edition
        self._dialect = edition.dialect
        self._ids = ids

    def request_id(self, moment: datetime) -> str:
        letter = self._dialect.request_id_letter
        ray = self._ids.ray(moment) + (f"-{_COLO}" if self._dialect.request_id_place else "")
        return f"{letter}{self._ids.letters(6, _LETTERS)}-{self._ids.letters(6, _LETTERS)}-{ray}" if letter else ray

    def encoded(self, body: Any) -> bytes:
        return encoded(body, self._dialect)

    # Bodies.

    def completion(self, turn: Turn, answer: Answer) -> bytes:
        engine = self._engine(turn)
        choice: dict[str, Any] = {"index": 0}
        if turn.operation == "completions":
            kind = "text.completion"
            choice["text"] = answer.content
        else:
            kind = "chat.completion"
            choice["message"] = self._message(turn, answer)
        choice |= {"logprobs": None, "finish_reason": self._finish(answer), "seed": self._seed(turn), **engine.choice}
        for key in engine.choice_without:
            del choice[key]
        body = {
            "id": turn.request_id,
            "object": kind,
            "created": int(turn.now.timestamp()),
            "model": turn.call.model,
            **({"metadata": {"weight_version": "default"}} if engine.weight_version else {}),
            **engine.reply,
            "prompt": [],
            "choices": [choice],
            "usage": _usage(answer),
        }
        return self.encoded(body)

    def _engine(self, turn: Turn) -> Engine:
        return self._edition.engine_of(turn.call.model)

    def _seed(self, turn: Turn) -> int | None:
        seed: int | None = turn.body.get("seed")
        return self._ids.number(63) if seed is None and self._engine(turn).seed else seed

    def _finish(self, answer: Answer) -> str:
        return "eos" if self._dialect.finish_reason_eos and answer.finish_reason == "stop" else answer.finish_reason

    def _message(self, turn: Turn, answer: Answer) -> dict[str, Any]:
        message: dict[str, Any] = {
            "role": "assistant",
            "content": answer.content,
            "tool_calls": self._tool_calls(answer),
        }
        if turn.model and "reasoning" in turn.model.capabilities:
            message["reasoning"] = answer.reasoning
        return message

    def _tool_calls(self, answer: Answer) -> list[dict[str, Any]]:
        return [
            {
                "id": f"call_{self._ids.letters(24, string.ascii_lowercase + string.digits)}",
                "index": index,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for index, call in enumerate(answer.tool_calls)
        ]

    def chunks(self, turn: Turn, answer: Answer) -> Iterator[bytes]:
        engine = self._engine(turn)
        kind = "completion.chunk" if turn.operation == "completions" else "chat.completion.chunk"
        head = compact({"id": turn.request_id, "object": kind, "created": int(turn.now.timestamp())})[:-1]
        model = json.dumps(turn.call.model)
        usage = compact(_usage(answer))
        offered = bool(turn.body.get("tools"))
        extra = _members(engine.tools_choice) if offered else ""
        null = ',"usage":null'
        before = {"all": null, "later": "", "none": ""}[engine.usage_null]

        def event(text: str, finish: str = "null", rest: str = extra, after: str | None = None, **delta: Any) -> bytes:
            nonlocal before
            said = compact({"token_id": None, "role": "assistant", "content": text, **delta})
            shown = f'"text":{json.dumps(text, ensure_ascii=False)},' if engine.text else ""
            choice = f'{{"index":0,{shown}"logprobs":null,"finish_reason":{finish}{rest},"delta":{said}}}'
            end = before if after is None else after
            before = "" if engine.usage_null == "none" else null
            return f'data: {head},"choices":[{choice}],"model":{model}{end}}}\n\n'.encode()

        for thought in answer.reasoning.split(" ") if answer.reasoning else ():
            yield event("", reasoning=f"{thought} ")
        for piece in answer.pieces:
            yield event(piece)
        if answer.tool_calls and engine.tool_calls == "bare":
            yield from self._bare_calls(f'data: {head},"model":{model}', answer, ends=engine.ends_with_call)
            if engine.ends_with_call:
                return
        elif answer.tool_calls and engine.tool_calls == "marked":
            before = null
            yield from self._marked_calls(f"data: {head}", f',"model":{model}}}', answer)
        elif answer.tool_calls:
            yield event("", tool_calls=self._tool_calls(answer))
        finish = json.dumps(self._finish(answer))
        if offered and engine.finishes_twice:
            yield event("", finish)
            yield event("", finish, "", f',"usage":{usage}')
            return
        finishing = f',"usage":{usage}' if engine.usage == "finish" else None
        yield event("", finish, extra + _members(engine.finish_choice), finishing)
        if engine.usage == "chunk":
            yield f'data: {head},"choices":[],"model":{model},"usage":{usage}}}\n\n'.encode()

    def _bare_calls(self, head: str, answer: Answer, *, ends: bool) -> Iterator[bytes]:
        """Tool calls in OpenAI's chunks; the last finishes where the stream *ends* with it."""

        def event(delta: Mapping[str, Any], finish: str = "null") -> bytes:
            choice = f'{{"index":0,"delta":{compact(delta)},"logprobs":null,"finish_reason":{finish}}}'
            return f'{head},"choices":[{choice}]}}\n\n'.encode()

        yield event({"role": "assistant", "content": None})
        *pieces, last = self._call_pieces(answer)
        for piece in pieces:
            yield event({"tool_calls": [piece]})
        yield event({"tool_calls": [last]}, '"tool_calls"' if ends else "null")

    def _marked_calls(self, head: str, end: str, answer: Answer) -> Iterator[bytes]:
        """Tool calls in Together's own chunks, without usage: the first has the role in its choice too."""

        def event(finish: str = "null", mark: str = "", **more: Any) -> bytes:
            said = compact({"token_id": None, "role": "assistant", "content": "", **more})
            choice = f'{{"index":0,{mark}"text":"","logprobs":null,"finish_reason":{finish},"delta":{said}}}'
            return f'{head},"choices":[{choice}]{end}\n\n'.encode()

        yield event(mark='"role":"assistant",')
        *pieces, last = self._call_pieces(answer)
        for piece in pieces:
            yield event(tool_calls=[piece])
        yield event('"tool_calls"', tool_calls=[last])

    def _call_pieces(self, answer: Answer) -> Iterator[dict[str, Any]]:
        """Of each call its name, then its arguments."""
        for call in self._tool_calls(answer):
            function = call["function"]
            yield call | {"function": function | {"arguments": ""}}
            yield {"index": call["index"], "function": {"arguments": function["arguments"]}}

    def error_chunk(self, turn: Turn, spec: ErrorSpec) -> Iterator[bytes]:
        # A chunk like the others, with an error in its choice; then the stream ends as if nothing had been.
        body = filled(spec.body, {**spec.defaults, "created": int(turn.now.timestamp()), "model": turn.call.model})
        yield f"data: {compact(body)}\n\n".encode()
        yield DONE

    def models(self, turn: Turn, models: Mapping[str, Model]) -> bytes:
        # A bare array, and compact, unlike every other body.
        return compact([self._model(model) for model in models.values()]).encode()

    def one_model(self, turn: Turn, model: Model) -> bytes:
        return self.encoded(self._model(model))

    def _model(self, model: Model) -> dict[str, Any]:
        prices = model.prices
        pricing: dict[str, Any] = {
            "hourly": 0,
            "input": float(prices.input or 0),
            "output": float(prices.output or 0),
            "base": 0,
            "finetune": 0,
        }
        if prices.cached_input is not None:
            pricing["cached_input"] = float(prices.cached_input)
        return {
            "id": model.id,
            "object": "model",
            "created": model.created,
            "type": model.type,
            "running": False,
            "display_name": model.name or model.id,
            "organization": model.owner,
            "link": "",
            "license": "",
            "context_length": model.context,
            "config": {"chat_template": None, "stop": [], "bos_token": None, "eos_token": None},
            "pricing": pricing,
        }

    def images(self, turn: Turn) -> bytes:
        wanted = turn.body.get("n") or 1
        pictures: list[dict[str, Any]] = []
        for index in range(wanted):
            picture: dict[str, Any] = {"index": index}
            if turn.body.get("response_format") in ("base64", "b64_json"):
                picture["b64_json"] = _PIXEL
            else:
                picture["url"] = f"https://api.together.ai/shrt/{self._ids.letters(16, _LETTERS)}"
            pictures.append(picture | {"timings": {"inference": 0.5}})
        body = {"id": self._picture_id(turn), "model": turn.call.model, "object": "list", "data": pictures}
        return self.encoded(body)

    def _picture_id(self, turn: Turn) -> str:
        return f"{turn.request_id}-{_COLO}"

    def picture(self, turn: Turn) -> bytes:
        return base64.b64decode(_PIXEL)

    def refusal(self, turn: Turn, spec: ErrorSpec, values: Mapping[str, Any], message: str | None) -> bytes:
        id = self._picture_id(turn) if turn.operation == "images.generations" else turn.request_id
        known = {"id": id} if self._dialect.error_id else {}
        body = filled(spec.body, {**known, "request_id": turn.request_id, **values})
        if message is not None and isinstance(body, dict):
            body["error"]["message"] = message
        elif message is not None:
            # A page, or bare words: they are the whole body.
            body = message
        return self.encoded(body)

    # Limits.

    def shortage_error(self, turn: Turn) -> str:
        own = turn.model and self._edition.limits_record(self._edition.plans[0], turn.model.id)
        special = (own and own.model) or turn.call.model in self._edition.overrides
        return "model_rate_limit" if special else "rate_limit"

    def shortage_values(self, turn: Turn) -> Mapping[str, Any]:
        assert turn.shortage is not None
        rpm = turn.limits["RPM"].limit if "RPM" in turn.limits else turn.shortage.limit
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
            "cf-ray": f"{turn.request_id.removesuffix(f'-{_COLO}')[-16:]}-{_COLO}",
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
        return {
            "date": http_date(turn.now),
            "content-type": "image/jpeg",
            "content-disposition": f'inline; filename="{self._ids.uuid()}.jpg"',
            "cache-control": "max-age=31536000, public",
            "expires": http_date(turn.now + timedelta(days=365)),
            "access-control-expose-headers": "X-Request-ID",
            "content-security-policy": "script-src 'none'",
            "x-content-type-options": "nosniff",
            "strict-transport-security": "max-age=2592000; includeSubDomains",
            "vary": "Origin",
            "cf-cache-status": "DYNAMIC",
            "server": "cloudflare",
            "cf-ray": f"{self._ids.ray(turn.now)}-{_COLO}",
            "alt-svc": 'h3=":443"; ma=86400',
        }

    def _way_headers(self, turn: Turn, stamp: str, *, whole: bool) -> dict[str, str]:
        """How far a call came: to the server of its model, to the limiter, or not past the list of models."""
        step = turn.error.step if turn.error else "answer"
        headers = {}
        if turn.operation in TEXT_OPERATIONS and step == "model":
            headers["x-content-type-options"] = "nosniff"
        elif turn.error is not None and "x-content-type-options" in turn.error.headers:
            pass  # answered before the call was traced
        elif turn.operation in TEXT_OPERATIONS and self._dialect.trace_header:
            headers["x-amzn-trace-id"] = f"{self._ids.uuid()}-noamzn"
        if step in ("contract", "size", "answer") and turn.operation in VERSIONED:
            headers[VERSIONED[turn.operation]] = "v2"
            if turn.error is None or not turn.call.stream:
                headers["x-api-call-start"] = stamp
            if turn.error is None and whole:
                headers["x-api-call-end"] = stamp
        return headers

    def _rate_headers(self, turn: Turn) -> dict[str, str]:
        """The per-second dialect; ``retry-after`` is on successes too, and equals the reset."""
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


def _members(more: Mapping[str, Any]) -> str:
    """The members of *more* as they go on within an object: ``,"stop_reason":null``."""
    return f",{compact(more)[1:-1]}" if more else ""


def _usage(answer: Answer) -> dict[str, Any]:
    usage = answer.usage
    block: dict[str, Any] = {
        "prompt_tokens": usage.input_tokens,
        "total_tokens": usage.total_tokens,
        "completion_tokens": usage.output_tokens,
    }
    if usage.cached_tokens:
        block["cached_tokens"] = usage.cached_tokens
    if answer.reasoning_tokens:
        block["reasoning_tokens"] = answer.reasoning_tokens
    return block
