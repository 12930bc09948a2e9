"""What ``reply()`` is given, checked as it is written: each part for its own sense, before any request is known."""

from __future__ import annotations

import inspect
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from pytest_llmcontract.core.call.script import ScriptedReply, When
from pytest_llmcontract.core.errors import BadInput, unknown

USAGE = ("prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "cached_tokens", "seconds")
"""What ``usage=`` may have."""
_SPELT_ELSEWHERE = {
    "input_tokens": "prompt_tokens",
    "output_tokens": "completion_tokens",
    "input_tokens_details": "prompt_tokens_details",
}
"""The same in the words of the Responses API."""
_DETAILS = ("cached_tokens",)
MOST_SECONDS = 1_000_000
"""Of sound: some eleven days."""
FINISHES = ("stop", "length", "tool_calls", "function_call", "content_filter", "eos")
"""Why a model stops, where the provider's schema does not list it."""


def scripted_reply(
    content: str | Sequence[str] | None,
    structured: Mapping[str, Any] | None,
    tool_calls: Iterable[Mapping[str, Any]] | None,
    body: Any,
    headers: Mapping[str, str] | None,
    reasoning: str | None,
    finish_reason: str | None,
    usage: Mapping[str, Any] | None,
    finishes: Collection[str],
) -> ScriptedReply:
    """The parts of ``reply()``.

    Args:
        finishes: What ``finish_reason`` may be.

    Raises:
        BadInput: One is no answer of any model.
    """
    reply = ScriptedReply(
        _content(content),
        _object("structured", structured),
        _tool_calls(tool_calls),
        checked_body("reply", body),
        checked_headers("reply", headers),
        checked_text("reply", "reasoning", reasoning),
        _finish(finish_reason, finishes),
        _usage(usage),
    )
    _together(reply)
    return reply


def _bad(part: str, value: Any, accepted: str) -> BadInput:
    return BadInput(f"reply({part}=): {_shown(value)} is not understood; accepted: {accepted}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _content(content: Any) -> str | tuple[str, ...] | None:
    if content is None or isinstance(content, str):
        return content
    accepted = "a text, or a list of the texts that a stream gives it in; an object is structured= or body="
    if isinstance(content, bytes | bytearray | Mapping) or not isinstance(content, Iterable):
        raise _bad("content", content, accepted)
    pieces = tuple(content)
    for piece in pieces:
        if not isinstance(piece, str):
            raise _bad("content", piece, accepted)
    return pieces


def _object(part: str, value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value) or not _is_json(value):
        raise _bad(part, value, "a dict of what JSON has, with texts as names")
    return value


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    except (ValueError, RecursionError):
        return True  # NaN and the like have a message of their own
    return True


def checked_text(method: str, part: str, value: Any) -> str | None:
    """A text, or ``None``.

    Raises:
        BadInput: It is something else.
    """
    if value is not None and not isinstance(value, str):
        raise BadInput(f"{method}({part}=): {_shown(value)} is not understood; accepted: a text")
    return value


def checked_body(method: str, body: Any) -> Any:
    """What can be the body of a reply.

    Raises:
        BadInput: It is neither JSON nor text nor bytes.
    """
    if not isinstance(body, bytes | str) and not _is_json(body):
        raise BadInput(f"{method}(body=): {_shown(body)} is not understood; accepted: what JSON has, a text, bytes")
    return body


def _tool_calls(calls: Any) -> tuple[Mapping[str, Any], ...] | None:
    if calls is None:
        return None
    if isinstance(calls, str | bytes | Mapping) or not isinstance(calls, Iterable):
        raise _bad("tool_calls", calls, "a list of {'name': …, 'arguments': {…}}")
    return tuple(_tool_call(call) for call in calls)


def _tool_call(call: Any) -> Mapping[str, Any]:
    known = isinstance(call, Mapping) and "name" in call and not set(call) - {"name", "arguments"}
    if not known or not isinstance(call["name"], str) or not call["name"]:
        raise _bad("tool_calls", call, "{'name': …, 'arguments': {…}}")
    if not isinstance(call.get("arguments", {}), str):
        _object("tool_calls", call.get("arguments", {}))
        if not isinstance(call.get("arguments", {}), Mapping):
            raise _bad("tool_calls", call, "arguments that are a dict, or JSON text")
    return {**call}


def _finish(reason: Any, finishes: Collection[str]) -> str | None:
    if reason is not None and reason not in finishes:
        raise unknown("finish_reason of reply()", str(reason), finishes)
    return reason if reason is None else str(reason)


def _usage(usage: Any, known: Sequence[str] = USAGE) -> Mapping[str, Any] | None:
    if usage is None:
        return None
    if not isinstance(usage, Mapping):
        raise _bad("usage", usage, "{'prompt_tokens': …, 'completion_tokens': …}")
    counts: dict[str, Any] = _spelt_alike(usage) if known is USAGE else {**usage}
    for name, value in counts.items():
        if name not in known:
            raise unknown("key of reply(usage=)", str(name), (*known, *(_SPELT_ELSEWHERE if known is USAGE else ())))
        if name == "prompt_tokens_details":
            _usage({} if value is None else value, _DETAILS)
        elif name == "seconds":
            _seconds(value)
        elif isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise BadInput(f"reply(usage=): {name} is {value!r}; accepted: a whole number from 0")
    _sums(counts)
    return counts


def _spelt_alike(usage: Mapping[Any, Any]) -> dict[Any, Any]:
    for name, usual in _SPELT_ELSEWHERE.items():
        if name in usage and usual in usage:
            raise BadInput(f"reply(usage=): {name} and {usual} are the same; accepted: one of them")
    return {_SPELT_ELSEWHERE.get(name, name): value for name, value in usage.items()}


def _seconds(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < MOST_SECONDS:
        raise BadInput(f"reply(usage=): seconds is {value!r}; accepted: a number from 0 to {MOST_SECONDS:,}")


def _sums(usage: Mapping[str, Any]) -> None:
    """What is counted twice is the same number twice."""
    prompt, completion, total = (usage.get(f"{name}_tokens") for name in ("prompt", "completion", "total"))
    if prompt is not None and completion is not None and total not in (None, prompt + completion):
        raise BadInput(f"reply(usage=): total_tokens is {total}; {prompt} and {completion} are {prompt + completion}")
    details = usage.get("prompt_tokens_details") or {}
    cached = details.get("cached_tokens", usage.get("cached_tokens", 0))
    if prompt is not None and cached > prompt:
        raise BadInput(f"reply(usage=): {cached} cached_tokens of {prompt} prompt_tokens; accepted: no more than those")


def _together(reply: ScriptedReply) -> None:
    """Parts of which one would be dropped without a word."""
    names = ("content", "structured", "tool_calls", "reasoning", "finish_reason", "usage")
    given = [name for name in names if getattr(reply, name) is not None]
    if reply.body is not None and given:
        raise BadInput(f"reply(body=, {given[0]}=): the body is the whole reply; accepted beside it: headers")
    said = [name for name in ("content", "structured", "tool_calls") if getattr(reply, name)]
    if len(said) > 1:
        raise BadInput(f"reply({said[0]}=, {said[1]}=): a reply has one of content, structured, tool_calls, or a body")


def checked_headers(method: str, headers: Any) -> dict[str, str]:
    """Headers as a reply may have them.

    Raises:
        BadInput: A name or value is no text, or cannot stand in a header.
    """
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise BadInput(f"{method}(headers=): {_shown(headers)} is not understood; accepted: a dict of texts")
    for name, value in headers.items():
        if not (_travels(name) and name and _travels(value)):
            header = f"{_shown(name)}: {_shown(value)}"
            raise BadInput(f"{method}(headers=): {header} is no header; accepted: text of one line in latin-1")
    return dict(headers)


def _travels(text: Any) -> bool:
    if not isinstance(text, str) or any(letter in text for letter in "\r\n\0"):
        return False
    return all(ord(letter) < 256 for letter in text)


def check_when(when: When, fields: Collection[str]) -> None:
    """A condition that no request can meet would only ever be found as a script that was never used.

    Args:
        fields: Those of the requests of all operations; empty where nobody knows them.

    Raises:
        BadInput: It names a field that no request has, or is asynchronous.
    """
    if isinstance(when, Mapping):
        for name in when:
            if fields and name not in fields:
                raise unknown("field of a request in when=", str(name), fields)
    elif inspect.iscoroutinefunction(when):
        raise BadInput(f"when={_shown(when)} is asynchronous; accepted: a plain callable taking the ApiRequest")
