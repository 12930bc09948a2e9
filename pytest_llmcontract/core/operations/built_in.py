"""Tools that a provider runs itself, and systems of several models that choose them: what they do to a call."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from pytest_llmcontract.core.call.script import last_user_text
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.completion.reported import stream_objects
from pytest_llmcontract.core.exchange import ApiReply, Usage
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.money.prices import token_cost, tool_cost

ITEMS = {"web_search_call": "browser_search", "code_interpreter_call": "code_interpreter"}
"""Items of a response that a run of such a tool is told by, and the tool."""


def as_offered(state: State, turn: Turn, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """*body* as if it offered the tools that a system of several models chooses itself."""
    if turn.model is None or not turn.model.inner:
        return body
    return {**body, "tools": [{"type": name} for name in _chosen(state, body)]}


def _chosen(state: State, body: Mapping[str, Any]) -> Iterator[str]:
    """The first tool that the request enables by name; without names the first that its words want."""
    named = _tools_of(body).get("enabled_tools")
    own = {name: tool for name, tool in state.edition.tools.items() if tool.in_systems}
    if named is not None:
        yield from [name for name in named if name in own][:1]
        return
    said = last_user_text(body)
    fits = (name for name, tool in own.items() if tool.wanted and re.search(tool.wanted, said, re.IGNORECASE))
    yield from [name for name, _ in zip(fits, range(1), strict=False)]


def _tools_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    custom = body.get("compound_custom") or {}
    return custom.get("tools") or {}


def parts_of(model: Model, body: Mapping[str, Any], usage: Usage) -> tuple[tuple[str, int, int], ...]:
    """How the models behind *model* share what it used: half of the prompt, and what is left over, each."""
    if not model.inner:
        return ()
    chosen = (body.get("compound_custom") or {}).get("models") or {}
    first, last = chosen.get("reasoning_model") or model.inner[0], chosen.get("answering_model") or model.inner[-1]
    if first == last:
        return ((first, usage.input_tokens, usage.output_tokens),)
    read, wrote = usage.input_tokens // 2, usage.output_tokens // 4
    return (first, read, wrote), (last, usage.input_tokens - read, usage.output_tokens - wrote)


def as_told(state: State, model: Model, reply: ApiReply, usage: Usage) -> Usage:
    """*usage* with the tools and the models behind *model* that a recorded *reply* tells of."""
    if not (model.inner or model.built_in_tools):
        return usage
    objects = list(_mappings([reply.json] if reply.events is None else list(stream_objects(reply))))
    return replace(usage, tools=tuple(_ran(state, model, objects)), parts=tuple(_shares(objects)))


def _mappings(listed: object) -> Iterator[Mapping[str, Any]]:
    """The objects of a list in a reply, whoever wrote it."""
    yield from (each for each in (listed if isinstance(listed, list) else ()) if isinstance(each, Mapping))


def _ran(state: State, model: Model, objects: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A stream tells of a run as it begins and as it ends."""
    known = {
        (tool.function if name in model.built_in_tools and tool.function else tool.type): name
        for name, tool in state.edition.tools.items()
        if name in model.built_in_tools or (model.inner and tool.in_systems)
    }
    runs = {
        tuple(str(run.get(name)) for name in ("index", "type", "arguments")): str(run.get("name") or run.get("type"))
        for each in objects
        for choice in _mappings(each.get("choices"))
        for said in _mappings([choice.get("message"), choice.get("delta")])
        for run in _mappings(said.get("executed_tools"))
    }
    yield from (known[kind] for kind in runs.values() if kind in known)
    yield from (name for kind in _items(objects) if (name := ITEMS.get(kind, "")) in known.values())


def _items(objects: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The kinds of what came out of a response; a stream has all of it in its last event."""
    ended = [_response_of(each) for each in objects]
    for response in [each for each in ended if each.get("output")][-1:]:
        yield from (str(item.get("type")) for item in _mappings(response["output"]))


def _response_of(each: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(_mappings([each.get("response")]), each)


def _shares(objects: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, int, int]]:
    for each in objects:
        for told in _mappings([each.get("usage_breakdown"), *_breakdown_within(each)]):
            for share in _mappings(told.get("models")):
                (used,) = list(_mappings([share.get("usage")])) or [{}]
                read, wrote = used.get("prompt_tokens"), used.get("completion_tokens")
                if isinstance(read, int) and isinstance(wrote, int):
                    yield str(share.get("model")), read, wrote


def _breakdown_within(each: Mapping[str, Any]) -> Iterator[object]:
    yield from (mark.get("usage_breakdown") for mark in _mappings([each.get("x_groq")]))


def price_with_tools(state: State, turn: Turn, usage: Usage) -> Decimal:
    """The list price of tokens and tools. Tools cost the same in every lane, whose factor comes after."""
    cost = tool_cost(state.edition.tools, usage.tools) / turn.lane.price if usage.tools else Decimal(0)
    for name, read, wrote in usage.parts:
        if (inner := state.model(name)) is not None:
            cost += token_cost(inner.prices, Usage(read, wrote))
    return cost + token_cost(turn.model.prices, usage) if turn.model is not None else cost
