"""Groq's form: bodies, streams and headers as its servers send them, by edition.

The shapes are read off some 750 recorded exchanges of 2025 and 2026; JSON is compact and ends with a newline.
"""

from __future__ import annotations

import json
import math
import string
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pytest_llmcontract.core.completion.answers import Answer
from pytest_llmcontract.core.profile import Edition, ErrorSpec, Model
from pytest_llmcontract.core.turn import Turn
from pytest_llmcontract.core.wire import Ids, compact, content_type, encoded, filled, http_date, whole
from pytest_llmcontract.providers.groq.durations import reset_text, wait_text

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_CACHE_CONTROL = "private, max-age=0, no-store, no-cache, must-revalidate"
STUB = "stub"
"""The id of what a compound model answers as a whole."""
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


class GroqWire:
    """Groq's form on the day of *edition*."""

    def __init__(self, edition: Edition, ids: Ids) -> None:
        self._edition = edition
        self._dialect = edition.dialect
        self._ids = ids
        self.organization = "org_" + ids.letters(26, _CROCKFORD)
        self._region = self._dialect.regions[0] if self._dialect.regions else "us-central-1"

    def request_id(self, moment: datetime) -> str:
        # A lower-case ULID: 48 bits of milliseconds and 80 of chance, five to a letter.
        number = int(moment.timestamp() * 1000) << 80 | self._ids.number(80)
        return "req_" + "".join([_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5)])

    def encoded(self, body: Any) -> bytes:
        return encoded(body, self._dialect)

    # Bodies.

    def completion(self, turn: Turn, answer: Answer) -> bytes:
        body: dict[str, Any] = {
            "id": STUB if "compound" in turn.call.model else f"chatcmpl-{self._ids.uuid()}",
            "object": "chat.completion",
            "created": int(turn.now.timestamp()),
            "model": turn.call.model,
            "choices": [
                {
                    "index": 0,
                    "message": self._message(turn, answer),
                    "logprobs": None,
                    "finish_reason": answer.finish_reason,
                }
            ],
            "usage": _usage(answer),
        }
        if "compound" in turn.call.model:
            body["usage_breakdown"] = _breakdown(turn, answer)
        elif self._dialect.usage_breakdown != "absent":
            body["usage_breakdown"] = {"models": None} if self._dialect.usage_breakdown == "object" else None
        if not _is_compound(turn):
            body |= self._server(turn)
        body["x_groq"] = self._x_groq(turn)
        return self.encoded(body | self._service_tier(turn))

    def _service_tier(self, turn: Turn) -> dict[str, str]:
        tier = turn.body.get("service_tier") or "on_demand"
        return {"service_tier": tier} if self._dialect.service_tier_in_reply else {}

    def _message(self, turn: Turn, answer: Answer) -> dict[str, Any]:
        # A tool-call answer has no content at all, not even null.
        message: dict[str, Any] = {"role": "assistant"}
        if answer.content is not None:
            message["content"] = answer.content
        if answer.reasoning:
            message["reasoning"] = answer.reasoning
        if answer.tool_calls:
            message["tool_calls"] = self._tool_calls(turn, answer)
        return message

    def _tool_calls(self, turn: Turn, answer: Answer) -> list[dict[str, Any]]:
        return [
            {
                "id": self._tool_call_id(turn),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in answer.tool_calls
        ]

    def _tool_call_id(self, turn: Turn) -> str:
        if turn.call.model.startswith("openai/gpt-oss"):
            return f"fc_{self._ids.uuid()}"
        return self._ids.letters(9, string.ascii_lowercase + string.digits)

    def chunks(self, turn: Turn, answer: Answer) -> Iterator[bytes]:
        if _is_compound(turn):
            yield from self._compound_chunks(turn, answer)
            return
        head = compact(
            {
                "id": f"chatcmpl-{self._ids.uuid()}",
                "object": "chat.completion.chunk",
                "created": int(turn.now.timestamp()),
                "model": turn.call.model,
                **self._server(turn),
            }
        )[:-1]

        def event(delta: Mapping[str, Any], finish: str = "null", rest: str = "") -> bytes:
            choice = f'{{"index":0,"delta":{compact(delta)},"logprobs":null,"finish_reason":{finish}}}'
            return f'data: {head},"choices":[{choice}]{rest}}}\n\n'.encode()

        opening = None if answer.content is None and not answer.reasoning else ""
        mark = f',"x_groq":{compact(self._x_groq(turn))}' if self._dialect.x_groq_in_first_chunk else ""
        yield event({"role": "assistant", "content": opening}, rest=mark)
        channel = {"channel": "analysis"} if turn.call.model.startswith("openai/gpt-oss") else {}
        for thought in answer.reasoning.split(" ") if answer.reasoning else ():
            yield event({"reasoning": f"{thought} ", **channel})
        for piece in answer.pieces:
            yield event({"content": piece})
        if answer.tool_calls:
            calls = [call | {"index": i} for i, call in enumerate(self._tool_calls(turn, answer))]
            yield event({"tool_calls": calls})
        usage = compact(_usage(answer))
        last = f',"x_groq":{{"id":"{turn.request_id}","usage":{usage}}}'
        if self._dialect.usage_in_last_chunk or _asks_for_usage(turn.body):
            last += f',"usage":{usage}'
        yield event({}, json.dumps(answer.finish_reason), last)
        if _asks_for_usage(turn.body):
            # Asked for, the numbers come once more, in a chunk of their own.
            rest = compact(self._service_tier(turn))[1:-1]
            yield f'data: {head},"choices":[],"usage":{usage}{"," + rest if rest else ""}}}\n\n'.encode()

    def _compound_chunks(self, turn: Turn, answer: Answer) -> Iterator[bytes]:
        """A system of several models: no opening chunk, an id for each chunk, and what each model used at the end."""

        def event(id: str, delta: Mapping[str, Any], finish: str | None = None, **rest: Any) -> bytes:
            chunk = {
                "id": id,
                "object": "chat.completion.chunk",
                "created": int(turn.now.timestamp()),
                "model": turn.call.model,
                "system_fingerprint": None,
                "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
            }
            return f"data: {compact(chunk | rest)}\n\n".encode()

        thoughts = [f"{thought} " for thought in answer.reasoning.split(" ")] if answer.reasoning else []
        for thought in thoughts:
            yield event(f"chatcmpl-{self._ids.uuid()}", {"reasoning": thought})
        for piece in answer.pieces:
            yield event(f"chatcmpl-{self._ids.uuid()}", {"content": piece})
        used = {"usage": _usage(answer), "usage_breakdown": _breakdown(turn, answer)}
        yield event(STUB, {}, answer.finish_reason, x_groq=used)

    def error_chunk(self, turn: Turn, spec: ErrorSpec) -> Iterator[bytes]:
        body = filled(spec.body, {**spec.defaults, "model": turn.call.model})
        yield f"event: error\ndata: {compact(body)}\n\n".encode()

    def models(self, turn: Turn, models: Mapping[str, Model]) -> bytes:
        return self.encoded({"object": "list", "data": [self._model(model) for model in models.values()]})

    def one_model(self, turn: Turn, model: Model) -> bytes:
        return self.encoded(self._model(model))

    def _model(self, model: Model) -> dict[str, Any]:
        return {
            "id": model.id,
            "object": "model",
            "created": model.created,
            "owned_by": model.owner,
            "active": True,
            "context_window": model.context,
            "public_apps": None,
            "max_completion_tokens": model.max_output,
        }

    def images(self, turn: Turn) -> bytes:
        raise NotImplementedError("Groq makes no images")

    def picture(self, turn: Turn) -> bytes:
        raise NotImplementedError("Groq makes no images")

    def refusal(self, turn: Turn, spec: ErrorSpec, values: Mapping[str, Any], message: str | None) -> bytes:
        known = {"organization": self.organization, "request_id": turn.request_id, **values}
        body = filled(spec.body, known)
        if message is not None and isinstance(body, dict):
            body["error"]["message"] = message
        elif message is not None:
            # A page, or bare words: they are the whole body.
            body = message
        return self.encoded(body)

    # Limits.

    def shortage_error(self, turn: Turn) -> str:
        assert turn.shortage is not None
        if not turn.shortage.too_large or self._dialect.too_large_waits:
            return "rate_limit_exceeded"
        return "output_too_large" if turn.shortage.kind == "OTPM" else "request_too_large"

    def shortage_values(self, turn: Turn) -> Mapping[str, Any]:
        short = turn.shortage
        assert short is not None
        text, abbreviation, error_type = _LIMIT_WORDS[short.kind]
        tier = turn.body.get("service_tier") or "on_demand"
        return {
            "kind": abbreviation,
            "kind_text": text,
            "type": error_type,
            "limit": whole(short.limit),
            "used": str(math.ceil(short.used) if self._dialect.used_printed == "ceil" else math.floor(short.used)),
            "requested": self._dialect.requested_prefix + whole(short.requested),
            "wait": wait_text(short.wait),
            "service_tier": f" service tier `{tier}`" if self._dialect.service_tier_in_text else "",
            "upsell": self._dialect.upsell.get(turn.plan, ""),
        }

    # Headers.

    def headers(self, turn: Turn, status: int, body: bytes | None) -> dict[str, str]:
        headers = {
            "date": http_date(turn.now),
            "content-type": content_type(turn, body, "application/json"),
            "cache-control": "no-cache" if body is None else _CACHE_CONTROL,
            "vary": "Origin",
            "x-request-id": turn.request_id,
            "via": "1.1 google",
            "cf-cache-status": "DYNAMIC",
            "server": "cloudflare",
            "cf-ray": f"{self._ids.ray(turn.now)}-{self._region.upper()[:3]}",
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

    def _x_groq(self, turn: Turn) -> dict[str, Any]:
        mark: dict[str, Any] = {"id": STUB if "compound" in turn.call.model else turn.request_id}
        if self._dialect.x_groq_seed and not _is_compound(turn):
            mark["seed"] = turn.body.get("seed") or self._ids.number(31)
        return mark

    def _server(self, turn: Turn) -> dict[str, str]:
        """What shows of the server that answered."""
        shown = {"system_fingerprint": self._fingerprint(turn)}
        return shown | ({"instance_id": self._ids.uuid()} if turn.call.model in self._dialect.instance_id_of else {})

    def _fingerprint(self, turn: Turn) -> str:
        return f"fp_{zlib.crc32(turn.call.model.encode()):08x}"[:11].ljust(13, "0")


def _retry_after(turn: Turn) -> float:
    assert turn.shortage is not None
    return turn.retry_after if turn.retry_after is not None else math.ceil(turn.shortage.wait)


def _is_compound(turn: Turn) -> bool:
    return turn.call.model.startswith("groq/compound")


def _breakdown(turn: Turn, answer: Answer) -> dict[str, Any]:
    """What each model behind a compound one used; how many calls it makes of whom is its own choice."""
    inner = "openai/gpt-oss-120b" if _is_compound(turn) else "llama-3.3-70b-versatile"
    return {"models": [{"model": inner, "usage": _usage(answer)}]}


def _asks_for_usage(body: Mapping[str, Any]) -> bool:
    options = body.get("stream_options")
    return isinstance(options, Mapping) and options.get("include_usage") is True


def _usage(answer: Answer) -> dict[str, Any]:
    """Tokens and seconds; the seconds follow from a plausible speed, so that they are the same in every run."""
    usage = answer.usage
    prompt_time = round(usage.input_tokens * 4.5e-5, 9)
    completion_time = round(usage.output_tokens * 2e-3, 9)
    block: dict[str, Any] = {
        "queue_time": 0.05,
        "prompt_tokens": usage.input_tokens,
        "prompt_time": prompt_time,
        "completion_tokens": usage.output_tokens,
        "completion_time": completion_time,
        "total_tokens": usage.total_tokens,
        "total_time": round(prompt_time + completion_time, 9),
    }
    # Only on a hit: a request without one has no such key.
    if usage.cached_tokens:
        block["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    if answer.reasoning_tokens:
        block["completion_tokens_details"] = {"reasoning_tokens": answer.reasoning_tokens}
    return block
