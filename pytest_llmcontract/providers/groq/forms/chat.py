"""Groq's chat completions: bodies and streams as its servers send them, by edition.

The shapes are read off some 750 recorded exchanges of 2025 and 2026; JSON is compact and ends with a newline.
"""

from __future__ import annotations

import json
import string
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pytest_llmcontract.core.call.form import Ids, compact
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.completion.answers import Completion
from pytest_llmcontract.core.completion.executed import Executed
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.providers.groq.dialect import GroqDialect
from pytest_llmcontract.providers.plain import PlainEnvelope, asks_for_usage

STUB = "stub"
"""The id of what a compound model answers as a whole."""


class ChatForm:
    """The whole body and the stream of a chat completion."""

    def __init__(self, envelope: PlainEnvelope, dialect: GroqDialect) -> None:
        self._envelope = envelope
        self._ids: Ids = envelope.ids
        self._dialect = dialect

    def body(self, turn: Turn, answer: Completion) -> bytes:
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
            "usage": _usage_of(turn, answer),
        }
        if "compound" in turn.call.model:
            body["usage_breakdown"] = _breakdown(turn, answer)
        elif self._dialect.usage_breakdown != "absent":
            body["usage_breakdown"] = {"models": None} if self._dialect.usage_breakdown == "object" else None
        if not _is_compound(turn):
            body |= self._server(turn)
        body["x_groq"] = self._x_groq(turn)
        return self._envelope.encoded(body | self._service_tier(turn))

    def _service_tier(self, turn: Turn) -> dict[str, str]:
        return {"service_tier": turn.lane.name} if self._dialect.service_tier_in_reply else {}

    def _message(self, turn: Turn, answer: Completion) -> dict[str, Any]:
        # A tool-call answer has no content at all, not even null.
        message: dict[str, Any] = {"role": "assistant"}
        if answer.content is not None:
            message["content"] = answer.content
        if answer.reasoning:
            message["reasoning"] = answer.reasoning
        if answer.tool_calls:
            message["tool_calls"] = self._tool_calls(turn, answer)
        if answer.executed:
            message["executed_tools"] = [self._executed(turn, index, run) for index, run in enumerate(answer.executed)]
        return message

    def _executed(self, turn: Turn, index: int, run: Executed) -> dict[str, Any]:
        """Quotes within code are not escaped in the arguments of a compound system (recorded)."""
        tool = self._envelope.edition.tools.get(run.type)
        called: dict[str, Any] = {"type": tool.type if tool else run.type, "arguments": run.arguments}
        if tool and tool.function:
            code = str(run.asked.get("code", ""))
            called["arguments"] = f'{{"code": "{code}"}}'
            if not _is_compound(turn):
                called = {"type": "function", "name": tool.function, "arguments": code}
        found = [
            {"title": f"Simulated page {number}", "url": url, "content": run.output, "score": 0.9}
            for number, url in enumerate(run.pages, 1)
        ]
        return {
            "index": index,
            **called,
            "output": run.output,
            "search_results": {"results": found},
        }

    def _executed_deltas(self, turn: Turn, answer: Completion) -> Iterator[dict[str, Any]]:
        """Of a stream: each tool as it begins, and once more with its output."""
        for index, run in enumerate(answer.executed):
            whole = self._executed(turn, index, run)
            begun = {name: value for name, value in whole.items() if name != "output"}
            yield {"executed_tools": [begun | {"search_results": {"results": []}}]}
            yield {"executed_tools": [whole]}

    def _tool_calls(self, turn: Turn, answer: Completion) -> list[dict[str, Any]]:
        return [
            {
                "id": tool_call_id(self._ids, turn.call.model),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in answer.tool_calls
        ]

    def events(self, turn: Turn, answer: Completion) -> Iterator[bytes]:
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
        for delta in self._executed_deltas(turn, answer):
            yield event(delta)
        for piece in answer.pieces:
            yield event({"content": piece})
        if answer.tool_calls:
            calls = [call | {"index": i} for i, call in enumerate(self._tool_calls(turn, answer))]
            yield event({"tool_calls": calls})
        usage = compact(_usage_of(turn, answer))
        last = f',"x_groq":{{"id":"{turn.request_id}","usage":{usage}}}'
        if self._dialect.usage_in_last_chunk or asks_for_usage(turn.body):
            last += f',"usage":{usage}'
        yield event({}, json.dumps(answer.finish_reason), last)
        if asks_for_usage(turn.body):
            # Asked for, the numbers come once more, in a chunk of their own.
            rest = compact(self._service_tier(turn))[1:-1]
            yield f'data: {head},"choices":[],"usage":{usage}{"," + rest if rest else ""}}}\n\n'.encode()

    def _compound_chunks(self, turn: Turn, answer: Completion) -> Iterator[bytes]:
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
        for delta in self._executed_deltas(turn, answer):
            yield event(f"chatcmpl-{self._ids.uuid()}", delta)
        for piece in answer.pieces:
            yield event(f"chatcmpl-{self._ids.uuid()}", {"content": piece})
        used = {"usage": _usage(answer), "usage_breakdown": _breakdown(turn, answer)}
        yield event(STUB, {}, answer.finish_reason, x_groq=used)

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


def tool_call_id(ids: Ids, model: str) -> str:
    """The id of a call of a function, as the software behind *model* makes it."""
    if model.startswith("openai/gpt-oss"):
        return f"fc_{ids.uuid()}"
    return ids.letters(9, string.ascii_lowercase + string.digits)


def _is_compound(turn: Turn) -> bool:
    return turn.call.model.startswith("groq/compound")


def _breakdown(turn: Turn, answer: Completion) -> dict[str, Any]:
    """What each model behind a compound one used."""
    used = ((name, Usage(read, wrote)) for name, read, wrote in answer.usage.parts)
    shares = ((name, replace(answer, usage=usage, reasoning_tokens=0)) for name, usage in used)
    return {"models": [{"model": name, "usage": _usage(share)} for name, share in shares]}


def _usage_of(turn: Turn, answer: Completion) -> dict[str, Any]:
    """As a classifier tells it, too: its answer counts no tokens, and it names no sum."""
    classifies = turn.model is not None and turn.model.says == "probability"
    return _usage(answer) | ({"total_tokens": 0} if classifies else {})


def seconds_of(answer: Completion) -> dict[str, float]:
    """How long each part of it took: by a plausible speed, so that it is the same in every run."""
    prompt, completion = round(answer.usage.input_tokens * 4.5e-5, 9), round(answer.usage.output_tokens * 2e-3, 9)
    return {
        "completion_time": completion,
        "prompt_time": prompt,
        "queue_time": 0.05,
        "total_time": round(prompt + completion, 9),
    }


def _usage(answer: Completion) -> dict[str, Any]:
    """Tokens and seconds."""
    usage, took = answer.usage, seconds_of(answer)
    block: dict[str, Any] = {
        "queue_time": took["queue_time"],
        "prompt_tokens": usage.input_tokens,
        "prompt_time": took["prompt_time"],
        "completion_tokens": usage.output_tokens,
        "completion_time": took["completion_time"],
        "total_tokens": usage.total_tokens,
        "total_time": took["total_time"],
    }
    # Only on a hit: a request without one has no such key.
    if usage.cached_tokens:
        block["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    if answer.reasoning_tokens:
        block["completion_tokens_details"] = {"reasoning_tokens": answer.reasoning_tokens}
    return block
