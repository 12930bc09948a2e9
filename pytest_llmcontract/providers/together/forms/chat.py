"""Together's chat completions and completions: bodies and streams as its servers send them, by edition and engine.

The shapes are read off some 980 recorded exchanges of 2025 and 2026; JSON is indented by two spaces, without a
newline at the end.
"""

from __future__ import annotations

import json
import string
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_llmcontract.core.call.form import Ids, compact
from pytest_llmcontract.core.call.script import last_user_text
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.completion.answers import Completion, choices_asked, split_tokens
from pytest_llmcontract.core.facts.records import Engine
from pytest_llmcontract.providers.plain import PlainEnvelope
from pytest_llmcontract.providers.together.dialect import TogetherDialect


class ChatForm:
    """The whole body and the stream of both kinds of completions."""

    def __init__(self, envelope: PlainEnvelope, dialect: TogetherDialect) -> None:
        self._envelope = envelope
        self._ids: Ids = envelope.ids
        self._edition = envelope.edition
        self._dialect = dialect

    def body(self, turn: Turn, answer: Completion) -> bytes:
        engine = self._engine(turn)
        choice: dict[str, Any] = {"index": 0}
        if turn.operation == "completions":
            kind = "text.completion"
            choice["text"] = answer.content
        else:
            kind = "chat.completion"
            choice["message"] = self._message(turn, answer)
        logprobs = _logprobs(answer.pieces) if _wants_logprobs(turn) else None
        choice |= {
            "logprobs": logprobs,
            "finish_reason": self._finish(answer),
            "seed": self._seed(turn),
            **engine.choice,
        }
        for key in engine.choice_without:
            del choice[key]
        body = {
            "id": turn.request_id,
            "object": kind,
            "created": int(turn.now.timestamp()),
            "model": turn.call.model,
            **({"metadata": {"weight_version": "default"}} if engine.weight_version else {}),
            **engine.reply,
            "prompt": self._prompt(turn),
            "choices": [choice | {"index": index} for index in range(choices_asked(turn.body))],
            "usage": _usage(answer),
        }
        return self._envelope.encoded(body)

    def _prompt(self, turn: Turn) -> list[dict[str, Any]]:
        """What was asked, where the request wants to read it again."""
        if turn.body.get("echo") is not True:
            return []
        text = last_user_text(turn.body)
        return [{"text": text, "logprobs": _logprobs(split_tokens(text)) if _wants_logprobs(turn) else None}]

    def _engine(self, turn: Turn) -> Engine:
        return self._edition.engine_of(turn.call.model)

    def _seed(self, turn: Turn) -> int | None:
        seed: int | None = turn.body.get("seed")
        return self._ids.number(63) if seed is None and self._engine(turn).seed else seed

    def _finish(self, answer: Completion) -> str:
        return "eos" if self._dialect.finish_reason_eos and answer.finish_reason == "stop" else answer.finish_reason

    def _message(self, turn: Turn, answer: Completion) -> dict[str, Any]:
        message: dict[str, Any] = {
            "role": "assistant",
            "content": answer.content,
            "tool_calls": self._tool_calls(answer),
        }
        if turn.model and "reasoning" in turn.model.capabilities:
            message["reasoning"] = answer.reasoning
        return message

    def _tool_calls(self, answer: Completion) -> list[dict[str, Any]]:
        return [
            {
                "id": f"call_{self._ids.letters(24, string.ascii_lowercase + string.digits)}",
                "index": index,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for index, call in enumerate(answer.tool_calls)
        ]

    def events(self, turn: Turn, answer: Completion) -> Iterator[bytes]:
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

    def _bare_calls(self, head: str, answer: Completion, *, ends: bool) -> Iterator[bytes]:
        """Tool calls in OpenAI's chunks; the last finishes where the stream *ends* with it."""

        def event(delta: Mapping[str, Any], finish: str = "null") -> bytes:
            choice = f'{{"index":0,"delta":{compact(delta)},"logprobs":null,"finish_reason":{finish}}}'
            return f'{head},"choices":[{choice}]}}\n\n'.encode()

        yield event({"role": "assistant", "content": None})
        *pieces, last = self._call_pieces(answer)
        for piece in pieces:
            yield event({"tool_calls": [piece]})
        yield event({"tool_calls": [last]}, '"tool_calls"' if ends else "null")

    def _marked_calls(self, head: str, end: str, answer: Completion) -> Iterator[bytes]:
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

    def _call_pieces(self, answer: Completion) -> Iterator[dict[str, Any]]:
        """Of each call its name, then its arguments."""
        for call in self._tool_calls(answer):
            function = call["function"]
            yield call | {"function": function | {"arguments": ""}}
            yield {"index": call["index"], "function": {"arguments": function["arguments"]}}


def _members(more: Mapping[str, Any]) -> str:
    """The members of *more* as they go on within an object: ``,"stop_reason":null``."""
    return f",{compact(more)[1:-1]}" if more else ""


def _wants_logprobs(turn: Turn) -> bool:
    return bool(turn.body.get("logprobs"))


def _logprobs(pieces: Sequence[str]) -> dict[str, Any]:
    """Lists side by side; the figures follow from the tokens, so that they are the same in every run."""
    ids = [zlib.crc32(piece.encode("utf-8", "surrogatepass")) % 128_000 for piece in pieces]
    likely = [-round((number % 1000) / 1000, 3) for number in ids]
    top = [{piece: logprob} for piece, logprob in zip(pieces, likely, strict=True)]
    return {"tokens": list(pieces), "token_logprobs": likely, "token_ids": ids, "top_logprobs": top}


def _usage(answer: Completion) -> dict[str, Any]:
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
