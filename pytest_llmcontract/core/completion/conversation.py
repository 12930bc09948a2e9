"""A request of the Responses API as a chat, so that counting, answering and judging know one form only.

What has no place in a chat is left out; what has one keeps its order: text, pictures, calls and their results. Whether
the request is a good one its contract says: anything at all is taken here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]

_SAME = ("model", "temperature", "top_p", "stream", "user", "service_tier", "metadata", "parallel_tool_calls")
"""Fields that both have."""


def is_responses(body: Mapping[str, Any]) -> bool:
    """Whether *body* reads as a request of the Responses API: an embedding has neither instructions nor items."""
    items = body.get("input")
    return "messages" not in body and (
        "instructions" in body or (isinstance(items, list) and any(map(_is_item, items)))
    )


def _is_item(value: object) -> bool:
    return isinstance(value, Mapping)


def as_chat(body: Mapping[str, Any]) -> dict[str, Any]:
    """The request *body* of ``responses`` as a body of ``chat.completions``."""
    chat = {name: body[name] for name in _SAME if name in body}
    chat["messages"] = [message for message, _ in _messages(body)]
    if (most := body.get("max_output_tokens")) is not None:
        chat["max_completion_tokens"] = most
    if (effort := _mapping(body.get("reasoning")).get("effort")) is not None:
        chat["reasoning_effort"] = effort
    if (wanted := _mapping(_mapping(body.get("text")).get("format"))) and "type" in wanted:
        chat["response_format"] = _format(wanted)
    if isinstance(body.get("tools"), list):
        chat["tools"] = [_tool(tool) for tool in body["tools"] if isinstance(tool, Mapping)]
    if body.get("tool_choice") is not None:
        chat["tool_choice"] = _function(body["tool_choice"]) if _is_item(body["tool_choice"]) else body["tool_choice"]
    return chat


def place_of(body: Mapping[str, Any], path: Path) -> Path:
    """Where in the request *body* of ``responses`` that stands which stands at *path* in :func:`as_chat` of it."""
    match path:
        case ("messages", int(index), *rest):
            item = [item for _, item in _messages(body)][index]
            if item is None or isinstance(body.get("input"), str):
                return ("instructions",) if item is None else ("input",)
            return ("input", item, *rest)
        case ("messages", *_):
            return ("input",)
        case ("tools", int(index), "function", *rest):
            return ("tools", index, *rest)
        case ("response_format", "json_schema", *rest):
            return ("text", "format", *rest)
        case (str(name), *rest) if name in _PLACES:
            return (*_PLACES[name], *rest)
    return path


_PLACES: Mapping[str, Path] = {
    "max_completion_tokens": ("max_output_tokens",),
    "reasoning_effort": ("reasoning", "effort"),
    "response_format": ("text", "format"),
}


# Messages


def _messages(body: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], int | None]]:
    """Each message, and the number of the (first) item it is made of; ``None`` for the instructions."""
    if body.get("instructions") is not None:
        yield {"role": "system", "content": body["instructions"]}, None
    items = body.get("input")
    if isinstance(items, str):
        yield {"role": "user", "content": items}, 0
        return
    said: tuple[dict[str, Any], int] | None = None
    """What the assistant says, as long as it goes on: a thought, a text, calls at once."""
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if not isinstance(item, Mapping):
            continue
        for message in _made_of(item):
            if said is not None and _goes_on(said[0], message):
                _join(said[0], message)
                continue
            if said is not None:
                yield said
            said = (message, index) if message["role"] == "assistant" else None
            if said is None:
                yield message, index
    if said is not None:
        yield said


def _goes_on(said: Mapping[str, Any], message: Mapping[str, Any]) -> bool:
    """Whether *message* is one with what the assistant *said* just before; two texts are two messages."""
    if message["role"] != "assistant":
        return False
    return "tool_calls" in message or ("content" not in said and "tool_calls" not in said)


def _join(said: dict[str, Any], message: Mapping[str, Any]) -> None:
    for name, value in message.items():
        said[name] = said[name] + value if name == "tool_calls" and name in said else value


def _made_of(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The messages of a chat that *item* is."""
    match item.get("type", "message"):
        case "message":
            yield {"role": str(item.get("role")), "content": _content(item.get("content"))}
        case "function_call":
            yield _called(item.get("call_id"), item)
        case "function_call_output":
            content = _content(item.get("output"))
            yield {"role": "tool", "tool_call_id": item.get("call_id"), "content": content}
        case "reasoning":
            yield {"role": "assistant", "reasoning": _thought(item)}
        case _ if "output" in item or "arguments" in item or "code" in item:
            # The provider ran it, and it comes back: a call and its result.
            yield _called(item.get("id"), item)
            yield {"role": "tool", "tool_call_id": item.get("id"), "content": _content(item.get("output"))}


def _called(id: object, item: Mapping[str, Any]) -> dict[str, Any]:
    arguments = item.get("arguments", item.get("code", ""))
    function = {"name": item.get("name", item.get("type")), "arguments": arguments}
    return {"role": "assistant", "tool_calls": [{"id": id, "type": "function", "function": function}]}


def _thought(item: Mapping[str, Any]) -> str:
    parts = [part for name in ("content", "summary") for part in _parts(item.get(name))]
    return "\n".join(str(part.get("text", "")) for part in parts)


def _content(content: Any) -> Any:
    """A content as a chat has it: a text of one part is the text itself."""
    if not isinstance(content, list):
        return "" if content is None else content
    parts = [_part(part) for part in _parts(content)]
    return parts[0]["text"] if len(parts) == 1 and "text" in parts[0] else parts


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    if part.get("type") == "input_image":
        detail = {"detail": part["detail"]} if "detail" in part else {}
        return {"type": "image_url", "image_url": {"url": part.get("image_url"), **detail}}
    text = part.get("text", part.get("refusal"))
    return {"type": "text", "text": text if isinstance(text, str) else ""}


def _parts(content: Any) -> list[Mapping[str, Any]]:
    return [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []


# What the answer may be


def _format(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """``text.format`` in the nesting of ``response_format``."""
    if wanted["type"] != "json_schema":
        return {"type": wanted["type"]}
    return {"type": "json_schema", "json_schema": {name: value for name, value in wanted.items() if name != "type"}}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    return _function(tool) if tool.get("type") == "function" else dict(tool)


def _function(flat: Mapping[str, Any]) -> dict[str, Any]:
    """A function in a chat's nesting; what is none stays as it is."""
    if flat.get("type") != "function":
        return dict(flat)
    return {"type": "function", "function": {name: value for name, value in flat.items() if name != "type"}}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
