"""What the model says: scripted by the test, else made up deterministically and usefully.

A forced tool gets arguments that conform to its schema; an ``auto`` tool is called once and then answered, so
that an agent's loop ends; a ``json_schema`` format gets a conforming object. How an answer looks on the wire is
the provider's business (:mod:`pytest_llmcontract.core.call.form`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_llmcontract.core.call.script import ScriptedReply, last_user_text
from pytest_llmcontract.core.completion.classifiers import probability, verdict
from pytest_llmcontract.core.completion.executed import Executed, executions
from pytest_llmcontract.core.completion.said import with_said
from pytest_llmcontract.core.completion.synthesis import ROOM, conforming
from pytest_llmcontract.core.completion.tokens import TokenEstimator, checked_count
from pytest_llmcontract.core.exchange import Usage, UsageSource
from pytest_llmcontract.core.facts.records import Model

# A model's tokens are words with the space before them, roughly; streams are cut at these.
_TOKENS = re.compile(r"\s*\S+|\s+$")


@dataclass(frozen=True, slots=True)
class ToolCall:
    name: str
    arguments: str
    """JSON text."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One completion, before it takes a provider's shape."""

    content: str | None
    """``None`` in a tool-call answer."""
    pieces: tuple[str, ...]
    """The content as a stream gives it."""
    reasoning: str
    """Empty where the model does not show any."""
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str
    usage: Usage
    reasoning_tokens: int = 0
    executed: tuple[Executed, ...] = ()
    """What the provider ran itself before it answered."""


def compose(
    body: Mapping[str, Any],
    model: Model,
    script: ScriptedReply,
    tokens: TokenEstimator,
    prompt_tokens: int,
    *,
    assumed_output: int | None = None,
) -> Completion:
    """The model's answer to a request of ``chat.completions``.

    Args:
        body: The request, valid under the contract.
        script: What the test wants said; an empty one leaves everything to the simulator.
        prompt_tokens: What the request itself counts.
        assumed_output: Tokens that a made-up completion counts, up to what the request allows; default its own.
    """
    calls = said_tool_calls(body, script)
    content = None if calls else _content(body, model, script)
    if model.says == "probability" and isinstance(content, str):
        content = (content,)  # a number is no run of words, and no maximum cuts it
        body = {**body, "max_tokens": None, "max_completion_tokens": None}
    pieces = content if isinstance(content, tuple) else tuple(_TOKENS.findall(content)) if content else ()
    finish = script.finish_reason or ("tool_calls" if calls else "stop")
    if script.content is None and not calls:
        pieces, finish = _limited(pieces, finish, body)
    text = None if content is None else "".join(pieces)
    reasoning = _reasoning(body, model, script)
    output, thought = (0, 0) if model.says == "probability" else _counted(text, calls, reasoning, tokens, model.id)
    made_up = script.content is None and script.structured is None and script.tool_calls is None
    if made_up and assumed_output is not None:
        output = min(assumed_output, asked_completion(body) or assumed_output)
    usage = told_usage(script.usage or {}, prompt_tokens, output, "assumed" if made_up else "estimated")
    # Beside an answer that the test wrote nothing is made up, and what was run in this turn is not run again.
    ran = tuple(executions(body)) if made_up and not calls and not _already_called(body.get("messages") or ()) else ()
    if ran:
        usage = replace(usage, tools=tuple([run.type for run in ran]))
    return Completion(text, pieces, reasoning, calls, finish, usage, min(thought, usage.output_tokens), ran)


def _content(body: Mapping[str, Any], model: Model, script: ScriptedReply) -> str | tuple[str, ...]:
    if script.content is not None:
        return script.content
    wanted = body.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    if script.structured is not None:
        return json.dumps(script.structured, ensure_ascii=False)
    if kind == "json_schema":
        return json.dumps(
            conforming(format_schema(wanted), hint=last_user_text(body), room=_room(body)), ensure_ascii=False
        )
    if model.says != "text":
        return _judged(last_user_text(body), model)
    if kind == "json_object":
        return json.dumps({"answer": _prose(model)}, ensure_ascii=False)
    return _prose(model)


def _judged(text: str, model: Model) -> str:
    if model.says == "probability":
        return probability(text)
    return verdict(text) if model.says == "verdict" else "safe"


def format_schema(wanted: Any) -> Mapping[str, Any]:
    """The schema of a ``json_schema`` format, in OpenAI's nesting or Together's flat one; ``{}`` if none is there."""
    inner = wanted.get("json_schema")
    schema = inner.get("schema") if isinstance(inner, Mapping) else wanted.get("schema")
    return schema if isinstance(schema, Mapping) else {}


def _prose(model: Model) -> str:
    return f"This is a simulated answer of {model.id}."


def _reasoning(body: Mapping[str, Any], model: Model, script: ScriptedReply) -> str:
    hidden = body.get("include_reasoning") is False or body.get("reasoning_format") == "hidden"
    disabled = body.get("reasoning_effort") == "none" or body.get("reasoning") == {"enabled": False}
    if hidden or disabled:
        return ""
    if script.reasoning is not None:
        return script.reasoning
    # Beside an answer that the test wrote nothing is made up.
    invented = "reasoning" in model.capabilities and script.content is None and script.structured is None
    return "The request is simple; answer it." if invented else ""


def said_tool_calls(body: Mapping[str, Any], script: ScriptedReply) -> tuple[ToolCall, ...]:
    """The tools that the answer calls; ``()``: it is text."""
    if script.tool_calls is not None:
        return tuple(ToolCall(call["name"], _arguments(call.get("arguments", {}))) for call in script.tool_calls)
    if script.content is not None:
        return ()
    tool = _tool_to_call(body)
    if tool is None:
        return ()
    if script.structured is not None:
        return (ToolCall(tool["name"], json.dumps(script.structured, ensure_ascii=False)),)
    schema = tool.get("parameters") or {"type": "object"}
    asked = last_user_text(body)
    arguments = conforming(with_said(schema, asked), hint=asked, room=_room(body))
    return (ToolCall(tool["name"], json.dumps(arguments, ensure_ascii=False)),)


def _room(body: Mapping[str, Any]) -> int:
    """Characters that the request leaves an answer: some six a token, and never so few that no object fits."""
    asked = asked_completion(body)
    return min(ROOM, max(4096, 6 * asked)) if asked else ROOM


def _arguments(given: Any) -> str:
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def offered_functions(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The functions that the request offers the model."""
    return [tool["function"] for tool in body.get("tools") or () if isinstance(tool.get("function"), Mapping)]


def _tool_to_call(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The function the model calls: the forced one, or the first offered one if none was called in this turn yet."""
    functions = offered_functions(body)
    choice = body.get("tool_choice")
    if not functions or choice == "none":
        return None
    if isinstance(choice, Mapping):
        wanted = choice.get("function", {}).get("name")
        return next((function for function in functions if function["name"] == wanted), None)
    if choice == "required":
        return functions[0]
    return None if _already_called(body.get("messages") or ()) else functions[0]


def _already_called(messages: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a tool has answered since the user last spoke."""
    for message in reversed(messages):
        if message.get("role") in ("tool", "function"):
            return True
        if message.get("role") == "user":
            return False
    return False


def _limited(pieces: tuple[str, ...], finish: str, body: Mapping[str, Any]) -> tuple[tuple[str, ...], str]:
    """What the request leaves of a made-up answer: up to its ``stop``, and a piece a token of its ``max_tokens``."""
    if stops := body.get("stop"):
        text = whole = "".join(pieces)
        for stop in filter(None, (stops,) if isinstance(stops, str) else stops):
            text = text.partition(stop)[0]
        if text != whole:
            pieces = tuple(_TOKENS.findall(text))
    most = asked_completion(body)
    if most is not None and len(pieces) > most:
        return pieces[:most], "length"
    return pieces, finish


def asked_completion(body: Mapping[str, Any]) -> int | None:
    """The longest completion that the request allows, if it says."""
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    return most if isinstance(most, int) else None


def choices_asked(body: Mapping[str, Any]) -> int:
    """How many answers the request wants; all are the same."""
    count = body.get("n")
    return count if isinstance(count, int) and count > 0 else 1


def split_tokens(text: str) -> tuple[str, ...]:
    """*text* in pieces as a model reads it, roughly."""
    return tuple(_TOKENS.findall(text))


def _counted(
    text: str | None, calls: Sequence[ToolCall], reasoning: str, tokens: TokenEstimator, model: str
) -> tuple[int, int]:
    """Tokens of the answer, and how many of them are its reasoning."""
    listed = [{"name": call.name, "arguments": call.arguments} for call in calls]
    said = checked_count(tokens.output(text, listed, model=model))
    if not reasoning:
        return said, 0
    whole = checked_count(tokens.output(text, listed, reasoning, model=model))
    return whole, whole - said


def told_usage(told: Mapping[str, Any], prompt_tokens: int, output_tokens: int, source: UsageSource) -> Usage:
    """What was counted, unless the test scripted it."""
    if "completion_tokens" in told:
        source = "scripted" if "prompt_tokens" in told else "estimated"
    details = told.get("prompt_tokens_details") or {}
    return Usage(
        told.get("prompt_tokens", prompt_tokens),
        told.get("completion_tokens", output_tokens),
        details.get("cached_tokens", told.get("cached_tokens", 0)),
        source=source,
    )
