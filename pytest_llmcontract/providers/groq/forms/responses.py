"""Groq's Responses API: the reply, and the events of its stream.

Read off two examples of the documents (2025-08-05 and 2025-08-25) and two whole replies in public repositories
(2025-12-28 and 2026-07-25). Of a stream, the names of its events were told; their keys are OpenAI's (assumed), and so
are the items of tools that Groq runs itself, but for those of a server (documented).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from pytest_llmcontract.core.call.form import compact
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.completion.answers import Completion
from pytest_llmcontract.core.completion.executed import SERVER, Executed, tools_of
from pytest_llmcontract.providers.groq.dialect import GroqDialect
from pytest_llmcontract.providers.groq.forms.chat import seconds_of, tool_call_id
from pytest_llmcontract.providers.plain import PlainEnvelope

Item = dict[str, Any]

_METRICS = "inference-metrics"
"""Value of the header ``Groq-Beta`` that asks for the seconds, which come as texts among the metadata (documented)."""
_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Why an answer is not whole, by why the model stopped: OpenAI's words (assumed)."""
_NOT_CALLED = {
    "code": "tool_required_not_called",
    "message": "Tool choice is required, but model did not call a tool",
}
"""What becomes of ``tool_choice: required`` with a server's tools alone, although one was called: the code and the
status were noted in 2026-10, the words are those of chat completions (assumed)."""


class ResponsesForm:
    """The whole reply and the stream of a response."""

    def __init__(self, envelope: PlainEnvelope, dialect: GroqDialect) -> None:
        self._envelope = envelope
        self._form = dialect.responses_form

    def body(self, turn: Turn, answer: Completion) -> bytes:
        return self._envelope.encoded(self._ended(turn, answer, self._id(turn, "resp"), self._items(turn, answer)))

    def events(self, turn: Turn, answer: Completion) -> Iterator[bytes]:
        id, number = self._id(turn, "resp"), count()

        def event(kind: str, **rest: Any) -> bytes:
            data = compact({"type": f"response.{kind}", "sequence_number": next(number), **rest})
            return f"event: response.{kind}\ndata: {data}\n\n".encode()

        begun = self._response(turn, id, "in_progress", [], None)
        yield event("created", response=begun)
        yield event("in_progress", response=begun)
        items = self._items(turn, answer)
        for index, item in enumerate(items):
            for kind, rest in _told(item, answer.pieces):
                yield event(kind, output_index=index, **rest)
        ended = self._ended(turn, answer, id, items)
        yield event(ended["status"], response=ended)

    def _id(self, turn: Turn, kind: str) -> str:
        return self._envelope.new_id(kind, turn.now)

    # The response

    def _ended(self, turn: Turn, answer: Completion, id: str, items: list[Item]) -> dict[str, Any]:
        reason = _INCOMPLETE.get(answer.finish_reason)
        failed = _server_alone(turn, answer)
        status = "incomplete" if reason or failed else "completed"
        ended = self._response(turn, id, status, items, self._usage(answer), seconds_of(answer))
        ended["error"] = dict(_NOT_CALLED) if failed else None
        ended["incomplete_details"] = {"reason": reason} if reason else None
        return ended

    def _response(
        self,
        turn: Turn,
        id: str,
        status: str,
        items: list[Item],
        usage: Mapping[str, Any] | None,
        seconds: Mapping[str, float] | None = None,
    ) -> dict[str, Any]:
        """All keys in the order in which they were seen."""
        asked, first = turn.body, self._form == "first"
        told = asked.get("instructions") is not None or first
        usual_tops = None if self._form == "groq_key" else 0
        return {
            "id": id,
            "object": "response",
            "status": status,
            "created_at": int(turn.now.timestamp()),
            "output": items,
            "previous_response_id": None,
            "model": turn.call.model,
            "reasoning": self._reasoning(asked),
            "max_output_tokens": asked.get("max_output_tokens"),
            **({"instructions": asked.get("instructions")} if told else {}),
            "text": asked.get("text") or {"format": {"type": "text"}},
            "tools": [_shown(tool) for tool in asked.get("tools") or ()],
            "tool_choice": asked.get("tool_choice") or "auto",
            "truncation": "disabled",
            "metadata": _metadata(turn, seconds),
            **({"groq": None} if self._form == "groq_key" else {}),
            "temperature": _or(asked.get("temperature"), 1),
            "top_p": _or(asked.get("top_p"), 1),
            "user": asked.get("user"),
            "service_tier": _TIERS.get(turn.lane.name, turn.lane.name),
            **({} if first else {"background": False}),
            "error": None,
            "incomplete_details": None,
            "usage": usage,
            "parallel_tool_calls": _or(asked.get("parallel_tool_calls"), True),
            "store": False,
            **({} if first else {"top_logprobs": usual_tops, "max_tool_calls": asked.get("max_tool_calls")}),
        }

    def _reasoning(self, asked: Mapping[str, Any]) -> dict[str, Any] | None:
        wanted = asked.get("reasoning") or {}
        if self._form == "first":
            return {"effort": wanted.get("effort"), "summary": wanted.get("summary")}
        if self._form == "groq_key" and not wanted:
            return None
        return {"effort": wanted.get("effort")} | ({"summary": wanted["summary"]} if wanted.get("summary") else {})

    def _usage(self, answer: Completion) -> dict[str, Any]:
        usage, thought = answer.usage, answer.reasoning_tokens
        both = self._form == "both_details"
        # Both counts in each of the details: of the other side it is 0, and so was that of the thoughts.
        read = {"cached_tokens": usage.cached_tokens} | ({"reasoning_tokens": 0} if both else {})
        said = {"cached_tokens": 0, "reasoning_tokens": 0} if both else {"reasoning_tokens": thought}
        return {
            "input_tokens": usage.input_tokens,
            "input_tokens_details": read,
            "output_tokens": usage.output_tokens,
            "output_tokens_details": said,
            "total_tokens": usage.total_tokens,
        }

    # Its items

    def _items(self, turn: Turn, answer: Completion) -> list[Item]:
        """What came out, in order: the tools a server has, thoughts, what was run, calls, the text."""
        listed = [self._list_of(tool) for tool in turn.body.get("tools") or () if tool.get("type") == SERVER]
        status = "incomplete" if answer.finish_reason in _INCOMPLETE else "completed"
        items = [*listed, *self._thought(turn, answer)]
        items += [self._run(turn, executed) for executed in answer.executed]
        items += [self._call(turn, call.name, call.arguments) for call in answer.tool_calls]
        if answer.content is not None:
            part = _text(answer.content) | ({} if self._form == "first" else {"logprobs": None})
            message = {"type": "message", "id": self._id(turn, "msg"), "status": status, "role": "assistant"}
            items.append({**message, "content": [part]})
        return items

    def _thought(self, turn: Turn, answer: Completion) -> list[Item]:
        item: Item = {"type": "reasoning", "id": self._id(turn, "resp"), "status": "completed"}
        if answer.reasoning:
            item["content"] = [{"type": "reasoning_text", "text": answer.reasoning}]
        return [{**item, "summary": []}] if answer.reasoning or self._form == "groq_key" else []

    def _call(self, turn: Turn, name: str, arguments: str) -> Item:
        return {
            "type": "function_call",
            "id": self._id(turn, "fc"),
            "status": "completed",
            "call_id": tool_call_id(self._envelope.ids, turn.call.model),
            "name": name,
            "arguments": arguments,
        }

    def _list_of(self, server: Mapping[str, Any]) -> Item:
        tools = [
            {"name": name, "description": f"A simulated tool, {name}.", "input_schema": _INPUT}
            for name in tools_of(server)
        ]
        number = self._envelope.ids.number(30) + 10**9
        return {
            "type": "mcp_list_tools",
            "id": f"mcpl_{number}",
            "server_label": server.get("server_label"),
            "tools": tools,
        }

    def _run(self, turn: Turn, run: Executed) -> Item:
        if run.type == SERVER:
            called = {"server_label": run.server, "name": run.name, "arguments": run.arguments, "output": run.output}
            return {"type": "mcp_call", "id": self._id(turn, "mcp"), "status": "completed", **called}
        if "code" in run.asked:
            logs = [{"type": "logs", "logs": run.output}]
            code = {"code": run.asked["code"], "container_id": self._id(turn, "cntr"), "outputs": logs}
            return {"type": "code_interpreter_call", "id": self._id(turn, "ci"), "status": "completed", **code}
        opened = "url" in run.asked
        action = {"type": "open_page" if opened else "search", **run.asked}
        return {"type": "web_search_call", "id": self._id(turn, "ws"), "status": "completed", "action": action}


_TIERS = {"on_demand": "default", "": "default"}
"""Service tiers by the name they have elsewhere."""
_INPUT = {"type": "object", "properties": {"query": {"type": "string"}}}


def _shown(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A tool as the reply repeats it: what a server is told in secret is not told again (assumed)."""
    return {name: value for name, value in tool.items() if name != "headers"}


def _or(value: Any, usual: Any) -> Any:
    return usual if value is None else value


def _metadata(turn: Turn, seconds: Mapping[str, float] | None) -> dict[str, str]:
    told = dict(turn.body.get("metadata") or {})
    if seconds is None or _METRICS not in turn.request.headers.get("groq-beta", ""):
        return told
    return told | {name: f"{value:.9f}" for name, value in seconds.items()}


def _server_alone(turn: Turn, answer: Completion) -> bool:
    """Whether a call was required and only a server's tool was called."""
    return turn.body.get("tool_choice") == "required" and any(run.type == SERVER for run in answer.executed)


def _text(text: str) -> Item:
    return {"type": "output_text", "text": text, "annotations": []}


# A stream tells an item from its beginning to its end


def _told(item: Item, pieces: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events of one *item*: their kinds and data."""
    id, kind = item["id"], item["type"]
    yield "output_item.added", {"item": _begun(item)}
    if kind in ("message", "reasoning"):
        for index, part in enumerate(item.get("content") or ()):
            yield from _told_part(part, pieces, {"item_id": id, "content_index": index})
    elif kind == "function_call":
        yield from _told_arguments("function_call_arguments", item, name=item["name"])
    elif kind == "mcp_call":
        yield "mcp_call.in_progress", {"item_id": id}
        yield from _told_arguments("mcp_call_arguments", item)
        yield "mcp_call.completed", {"item_id": id}
    else:
        for step in _STEPS[kind]:
            yield f"{kind}.{step}", {"item_id": id}
    yield "output_item.done", {"item": item}


_STEPS: Mapping[str, tuple[str, ...]] = {
    "mcp_list_tools": ("in_progress", "completed"),
    "web_search_call": ("in_progress", "searching", "completed"),
    "code_interpreter_call": ("in_progress", "interpreting", "completed"),
}


def _begun(item: Item) -> Item:
    """*item* before anything is in it."""
    empty: Item = {"content": [], "arguments": "", "outputs": [], "tools": [], "code": "", "output": None}
    begun = {name: empty.get(name, value) for name, value in item.items()}
    return begun | ({"status": "in_progress"} if "status" in item else {})


def _told_arguments(kind: str, item: Item, **more: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    # They come whole, as in chat completions.
    yield f"{kind}.delta", {"item_id": item["id"], "delta": item["arguments"]}
    yield f"{kind}.done", {"item_id": item["id"], **more, "arguments": item["arguments"]}


def _told_part(part: Item, pieces: Sequence[str], place: Item) -> Iterator[tuple[str, dict[str, Any]]]:
    text, is_text = part["text"], part["type"] == "output_text"
    more: Item = {"logprobs": []} if is_text else {}
    said = pieces if is_text else re.findall(r"\S*\s*", text)[:-1]
    yield "content_part.added", {**place, "part": {**part, "text": ""}}
    for piece in said:
        yield f"{part['type']}.delta", {**place, "delta": piece, **more}
    yield f"{part['type']}.done", {**place, "text": text, **more}
    yield "content_part.done", {**place, "part": part}
