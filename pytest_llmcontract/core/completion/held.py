"""Is what a test scripts something that a model could have answered to this request?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.completion.answers import ToolCall, format_schema, offered_functions, said_tool_calls
from pytest_llmcontract.core.completion.synthesis import misfit
from pytest_llmcontract.core.secrets import excerpt

_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Unlike:
    """One thing that was scripted and not asked for. Texts are one line each."""

    path: str
    """In the scripted message, ``$.tool_calls[0].name``."""
    message: str
    """Goes on after ``the scripted reply``."""
    scripted: str
    asked: str


def unlike(body: Mapping[str, Any], script: ScriptedReply) -> Iterator[Unlike]:
    """Everything in *script* that does not answer the request *body*; what is left to the simulator always does."""
    if script.content is None and script.structured is None and script.tool_calls is None:
        return
    calls = said_tool_calls(body, script)
    if calls:
        yield from _unlike_calls(body, calls)
    else:
        yield from _unlike_text(body, script)


# Tools


def _unlike_calls(body: Mapping[str, Any], calls: Sequence[ToolCall]) -> Iterator[Unlike]:
    tools = {str(function.get("name")): function for function in offered_functions(body)}
    choice = body.get("tool_choice")
    asked = f"one of the tools {', '.join(tools)}" if tools else "no tool"
    if choice == "none":
        yield Unlike("$.tool_calls", "calls a tool, and the request forbids it", calls[0].name, "tool_choice: none")
    if len(calls) > 1 and body.get("parallel_tool_calls") is False:
        names = ", ".join(call.name for call in calls)
        yield Unlike("$.tool_calls", "calls several tools at once", names, "parallel_tool_calls: false")
    for index, call in enumerate(calls):
        path = f"$.tool_calls[{index}]"
        if call.name not in tools:
            said = f"calls the tool {call.name!r}, which the request does not offer"
            yield Unlike(f"{path}.name", said, call.name, asked)
        elif _forced(choice) not in ("", call.name):
            said = f"calls the tool {call.name!r}, and the request forces another"
            yield Unlike(f"{path}.name", said, call.name, f"the tool {_forced(choice)}")
        else:
            yield from _unlike_arguments(f"{path}.arguments", call, tools[call.name].get("parameters"))


def _forced(choice: Any) -> str:
    """The one function that must be called; empty if there is none."""
    function = choice.get("function") if isinstance(choice, Mapping) else None
    return str(function.get("name", "")) if isinstance(function, Mapping) else ""


def _unlike_arguments(path: str, call: ToolCall, schema: Any) -> Iterator[Unlike]:
    said = f"calls {call.name!r} with arguments"
    if (problem := _misfit_text(call.arguments, schema)) is not None:
        yield Unlike(path, f"{said} {problem}", _short(call.arguments), _short_schema(schema))


# Text


def _unlike_text(body: Mapping[str, Any], script: ScriptedReply) -> Iterator[Unlike]:
    said = "".join(script.content or ()) if script.structured is None else json.dumps(script.structured, default=dict)
    choice = body.get("tool_choice")
    if offered_functions(body) and (choice == "required" or _forced(choice)):
        asked = f"the tool {_forced(choice)}" if _forced(choice) else "tool_choice: required"
        yield Unlike("$.content", "is text, and the request requires a tool", _short(said), asked)
        return
    wanted = body.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    if kind not in ("json_schema", "json_object") or script.finish_reason == "length" or script.tool_calls is not None:
        return
    schema = format_schema(wanted) if kind == "json_schema" else {"type": "object"}
    if (problem := _misfit_text(said, schema)) is not None:
        what = "is text" if script.structured is None else "is an object"
        yield Unlike("$.content", f"{what} {problem}", _short(said), f"{kind}: {_short_schema(schema)}")


def _misfit_text(text: str, schema: Any) -> str | None:
    """Why *text* is no JSON that fits *schema*; ``None`` if it is."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return "that is no JSON"
    problem = misfit(value, schema) if isinstance(schema, Mapping) else None
    return None if problem is None else f"that does not fit the schema asked for: {problem}"


def _short(text: str) -> str:
    return excerpt(text, _LONGEST)


def _short_schema(schema: Any) -> str:
    return _short(json.dumps(schema, ensure_ascii=False, default=dict)) if schema else "any object"
