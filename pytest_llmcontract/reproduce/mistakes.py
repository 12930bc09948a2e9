"""The mistake behind a refused request: guessed from the refusal's words, and kept if the contract answers the same.

Groq's form check names place and fault, ``'messages.2.content' : value must be a string``: the fault is put there and
the contract asked. Its other texts, and Together's, have a short list of requests each that may be meant.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from pytest_llmcontract.core.contract.request import Text
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.provider import contracts_of
from pytest_llmcontract.providers.groq import wording as groq_wording
from pytest_llmcontract.providers.together import wording as together_wording
from pytest_llmcontract.reproduce.catalogue import TELLING, Template, template
from pytest_llmcontract.reproduce.paste import Paste, plain
from pytest_llmcontract.reproduce.requests import CHATS, chat, default_model, fitting_models, with_model
from pytest_llmcontract.reproduce.scenario import Request, Scenario

FAULTS = 12
"""Faults of one text that are tried."""
DEEPEST, LONGEST_LIST = 12, 200

FUNCTION = {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}
TOOL = {"type": "function", "function": FUNCTION}
TOOL_CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/apple.png"}}
TEXT = {"type": "text", "text": "Hello"}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}

_LEAF = re.compile(r"'([\w.-]{1,120})' : ((?:[^()\[\]]|\[[^\[\]()]{0,400}\]){1,500})")
_ROLE = re.compile(r"for 'role: ?(\w{1,20})'")
_NAMED = re.compile(r"property '([^']{1,120})' is (unsupported|missing)")
_BOUND = re.compile(r"number must be at (most|least) (-?[0-9.]{1,20})")
_COUNT = re.compile(r"(maximum|minimum) number of items is ([0-9]{1,5})")


def mistakes(paste: Paste, provider: str, edition: Edition, model: str) -> Iterator[Scenario]:
    """Requests that *edition* refuses with the words of *paste*.

    Args:
        model: The one the text tells of; empty if it names none.
    """
    if provider == "groq":
        yield from _of_form(paste, edition, model)
    yield from _of_model(paste, provider, edition, model)


def speaks_of_form(paste: Paste) -> bool:
    """Whether the text is one of Groq's form check."""
    text = paste.plain
    return bool(_LEAF.search(text) or _NAMED.search(text))


# The form.


def _of_form(paste: Paste, edition: Edition, model: str) -> Iterator[Scenario]:
    text = paste.plain
    if not speaks_of_form(paste):
        return
    name = model or default_model(edition)
    contract = contracts_of("groq", edition.date)["chat.completions"]
    for body in _faulty_bodies(text, name):
        refusal = next((mismatch for mismatch in contract.check(body) if mismatch.error), None)
        if refusal and _same(str(refusal.detail.get("message")), text):
            yield Scenario("groq", edition.date, refusal.error or "", Request(body=body))


def _faulty_bodies(text: str, model: str) -> Iterator[dict[str, Any]]:
    role = _ROLE.search(text)
    if role is None and "'response_format" in text:
        for wrong in _WRONG_FORMATS:
            yield chat(model, response_format=wrong)
    for place, reason in _leaves(text):
        if reason.startswith(("for 'role", "one of")):
            continue
        for path, value in _faults([part for part in place.split(".") if part], reason):
            body = _placed(chat(model), path, value, role[1] if role else "user")
            if body is not None:
                yield body


@lru_cache(maxsize=8)
def _leaves(text: str) -> tuple[tuple[str, str], ...]:
    """Each place that the text names, and what is wrong there."""
    found = tuple((leaf[1], leaf[2]) for leaf in islice(_LEAF.finditer(text), FAULTS))
    return found or tuple(("", named[0]) for named in islice(_NAMED.finditer(text), 1))


_WRONG_FORMATS: tuple[Any, ...] = (
    {},
    "json_object",
    {"type": "json"},
    {"type": "json_schema"},
    {"type": "json_schema", "json_schema": {}},
    {"type": "json_schema", "json_schema": {"schema": {}}},
    {"type": "json_schema", "json_schema": "answer"},
    {"type": "json_schema", "json_schema": {"name": 5, "schema": {}}},
)

_ABSENT = object()


def _faults(path: list[str], reason: str) -> Iterator[tuple[list[str], Any]]:
    """Where to put what, for the contract to say *reason* of *path*."""
    if named := _NAMED.search(reason):
        name, what = named.groups()
        if what == "unsupported":
            yield [*path, name], "x"
        else:
            yield path if path[-1:] == [name] else [*path, name], _ABSENT
    elif "not nullable" in reason:
        yield path, None
    elif "discriminator" in reason:
        place = path if path[-1:] == ["role"] else [*path, "role"]
        yield place, _ABSENT if "missing" in reason else "x"
    elif bound := _BOUND.search(reason):
        limit = float(bound[2])
        step = 1 if bound[1] == "most" else -1
        yield path, int(limit) + step if limit.is_integer() else limit + step
    elif count := _COUNT.search(reason):
        short = count[1] == "minimum"
        number = min(int(count[2]), LONGEST_LIST) + (-1 if short else 1)
        yield path, [_item(path)] * number
    else:
        others: tuple[Any, ...] = (5, "x", [], {}, True, None, ["x"], 0.5)
        for value in others:
            yield path, value


def _item(path: list[str]) -> Any:
    items = {"tools": TOOL, "functions": FUNCTION, "messages": {"role": "user", "content": "Hello"}, "content": TEXT}
    return items.get(path[-1] if path else "", "x")


def _placed(body: dict[str, Any], path: list[str], value: Any, role: str) -> dict[str, Any] | None:
    """*body* with *value* at *path*, and what has to stand on the way there."""
    if not path or len(path) > DEEPEST:
        return None
    body = copy.deepcopy(body)
    if path[0] == "messages" and len(path) > 1 and path[1].isdigit():
        if int(path[1]) > LONGEST_LIST:
            return None
        body["messages"] = [{"role": "user", "content": "Hello"} for _ in range(int(path[1]))] + [_message(role)]
    node: Any = body
    for index, part in enumerate(path[:-1]):
        node = _entered(node, part, path[: index + 1])
        if node is None:
            return None
    return body if _put(node, path[-1], value) else None


def _message(role: str) -> dict[str, Any]:
    extra = {"tool": {"tool_call_id": "call_1"}, "function": {"name": "get_weather"}}
    return {"role": role, "content": "Hello", **extra.get(role, {})}


def _entered(node: Any, part: str, place: list[str]) -> Any:
    """What stands at *part* of *node*; something usual is put there if nothing is."""
    if isinstance(node, list):
        if not part.isdigit() or int(part) > LONGEST_LIST:
            return None
        while len(node) <= int(part):
            node.append(copy.deepcopy(node[-1] if node else _item(place[:-1])))
        return node[int(part)]
    if not isinstance(node, dict):
        return None
    if not isinstance(node.get(part), dict | list):
        node[part] = copy.deepcopy(_USUAL.get(part, {}))
    return node[part]


_USUAL: Mapping[str, Any] = {
    "tools": [TOOL],
    "functions": [FUNCTION],
    "tool_calls": [TOOL_CALL],
    "content": [TEXT],
    "stop": ["x"],
    "messages": [{"role": "user", "content": "Hello"}],
    "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
    "function_call": {"name": "get_weather"},
    "response_format": JSON_SCHEMA,
    "image_url": {"url": "https://example.com/apple.png"},
    "documents": [{}],
    "include_domains": ["example.com"],
    "exclude_domains": ["example.com"],
}


def _put(node: Any, part: str, value: Any) -> bool:
    if isinstance(node, list) and part.isdigit() and int(part) <= LONGEST_LIST:
        while len(node) <= int(part):
            node.append(copy.deepcopy(node[-1]) if node else "x")
        node[int(part)] = value
        return value is not _ABSENT
    if not isinstance(node, dict):
        return False
    if value is _ABSENT:
        node.pop(part, None)
    else:
        node[part] = value
    return True


# The models.


@dataclass(frozen=True)
class Mistake:
    """A request that may be meant."""

    fields: Mapping[str, Any]
    content: Any = "Hello"
    needs: Mapping[str, Any] | None = None
    """What a model must be like to refuse it, where the edition has no such model."""
    index: int = 0
    """Of the message that has *content*."""
    operation: str = "chat.completions"
    fits: Callable[[Model], bool] = lambda model: model.type in CHATS


def _of_model(paste: Paste, provider: str, edition: Edition, model: str) -> Iterator[Scenario]:
    text = paste.plain
    for key, pattern in _texts(provider):
        found = pattern.find(text)
        if found is None or (pattern.weight < 12 and not found[1]):
            continue
        for mistake in _MISTAKES[provider][key](found[0]):
            yield from _tried(paste, provider, edition, found[0].get("model", model), mistake)


def _tried(paste: Paste, provider: str, edition: Edition, model: str, mistake: Mistake) -> Iterator[Scenario]:
    contract = contracts_of(provider, edition.date)[mistake.operation]
    text = paste.plain
    for name, models in _models(edition, model, mistake):
        body = _body(name, mistake)
        known = edition.with_models(models).models.get(name) if models else edition.models.get(name)
        refusal = next((mismatch for mismatch in contract.check(body, known) if mismatch.error), None)
        if refusal and _same(_text_of(refusal.detail.get("message")), text):
            request = Request(mistake.operation, body)
            yield Scenario(provider, edition.date, refusal.error or "", request, {"models": models})
            return


def _same(refusal: str, text: str) -> bool:
    """Whether the plain *text* has the refusal in it, or is a part of it."""
    refusal = plain(refusal)
    return refusal in text or (len(text) >= TELLING and text in refusal)


def _text_of(message: Any) -> str:
    return str(message.get("message")) if isinstance(message, dict) else str(message)


def _models(edition: Edition, model: str, mistake: Mistake) -> Iterator[tuple[str, dict[str, Any]]]:
    """Models to try: that of the text, those of the edition, one made to fit."""
    needs = dict(mistake.needs or {})
    if model:
        yield model, with_model(edition, model)
        yield model, with_model(edition, model, **needs)
        return
    kinds: dict[str, str] = {}
    for known in fitting_models(edition, lambda known: known.serverless and mistake.fits(known)):
        kinds.setdefault(known.model_dump_json(include=_TRAITS), known.id)
    for name in kinds.values():
        yield name, {}
    name = default_model(edition, mistake.fits)
    yield name, with_model(edition, name, **needs)


_TRAITS = {"type", "capabilities", "input_modalities", "max_output", "max_images", "reasoning_efforts", "third_party"}


def _body(model: str, mistake: Mistake) -> dict[str, Any]:
    if mistake.operation != "chat.completions":
        return {"model": model, "prompt": "A red apple.", **mistake.fields}
    body = chat(model, mistake.content, **mistake.fields)
    body["messages"] = [{"role": "user", "content": "Hello"} for _ in range(mistake.index)] + body["messages"]
    return body


def _texts(provider: str) -> list[tuple[str, Template]]:
    texts: Mapping[str, Text] = {"groq": groq_wording.TEXTS, "together": together_wording.TEXTS}.get(provider, {})
    return [(key, template(texts[key].template)) for key in _MISTAKES.get(provider, {}) if key in texts]


def _number(values: Mapping[str, str], name: str, usual: int = 0) -> int:
    value = values.get(name, "")
    return min(int(value), 10**7) if value.isdigit() else usual


def _without(capability: str) -> Mapping[str, Any]:
    rest = {"tools", "json_object", "json_schema", "reasoning", "system"} - {capability}
    return {"capabilities": frozenset(rest)}


def _unsupported(values: Mapping[str, str]) -> list[Mistake]:
    field = values.get("field", "")
    if field.endswith("calling"):
        return [Mistake({"tools": [TOOL]}, needs=_without("tools"))]
    sent = {"logprobs": True, "top_logprobs": 1, "logit_bias": {"1": 1}, "reasoning_effort": "low"}
    sent |= {"reasoning_format": "parsed"}
    return [Mistake({field: sent[field]}, needs=_without("reasoning"))] if field in sent else []


def _images(values: Mapping[str, str]) -> list[Mistake]:
    limit = min(_number(values, "limit", 3), 50)
    needs = {"input_modalities": ("text", "image"), "max_images": limit}
    return [Mistake({}, [TEXT, *[PICTURE] * (limit + 1)], needs)]


def _text_only(values: Mapping[str, str]) -> list[Mistake]:
    index = min(_number(values, "index"), LONGEST_LIST)
    return [Mistake({}, [TEXT, PICTURE], {"input_modalities": ("text",)}, index)]


def _most(values: Mapping[str, str]) -> list[Mistake]:
    limit = _number(values, "limit", 8192)
    return [Mistake({values.get("field", "max_tokens"): limit + 1}, needs={"max_output": limit})]


def _efforts(values: Mapping[str, str]) -> list[Mistake]:
    return [Mistake({"reasoning_effort": effort}) for effort in ("none", "default", "low", "xhigh")]


_MISTAKES: Mapping[str, Mapping[str, Callable[[Mapping[str, str]], list[Mistake]]]] = {
    "groq": {
        "unsupported": _unsupported,
        "both": lambda v: [Mistake({"include_reasoning": True, "reasoning_format": "parsed"})],
        "effort": _efforts,
        "raw": lambda v: [Mistake({"reasoning_format": "raw", "tools": [TOOL]})],
        "text_only": _text_only,
        "images": _images,
        "max_tokens": _most,
        "max_tokens_2024": _most,
        "tool_type": lambda v: [Mistake({"tools": [TOOL] * min(_number(v, "index"), 99) + [{"type": "web_search"}]})],
        "tools_and_json": lambda v: [
            Mistake({"tools": [TOOL], "response_format": {"type": "json_object"}}, "As JSON.")
        ],
        "no_json_word": lambda v: [Mistake({"response_format": {"type": "json_object"}})],
        "no_schema": lambda v: [
            Mistake({"response_format": {"type": "json_schema", "json_schema": {"name": "answer"}}})
        ],
        "no_json_schema": lambda v: [Mistake({"response_format": JSON_SCHEMA}, needs=_without("json_schema"))],
    },
    "together": {
        "empty": lambda v: [Mistake({"messages": []})],
        "range": lambda v: [Mistake({v.get("field", ""): _value(v.get("value", ""))})],
        "logprobs": lambda v: [Mistake({"logprobs": _number(v, "value")})],
        "logprobs_gemma": lambda v: [
            Mistake({"logprobs": _number(v, "value", 2)}, fits=lambda m: m.id.startswith("google/gemma-3"))
        ],
        "constraints": lambda v: [
            Mistake({"response_format": {"type": "json_object"}}, "As JSON.", _without("json_object")),
            Mistake({"tools": [TOOL]}, needs=_without("tools")),
        ],
        "not_multimodal": lambda v: [Mistake({}, [TEXT, PICTURE], {"input_modalities": ("text",)})],
        "size": lambda v: [
            Mistake(
                {v.get("field", "width"): _number(v, "low", 512) - 1},
                operation="images.generations",
                fits=lambda m: m.type == "image",
            )
        ],
    },
}


def _value(text: str) -> Any:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
