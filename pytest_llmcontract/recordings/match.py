"""Do two requests mean the same? Model, messages, tools, sampling and format count; how they were written does not.

Two requests mean the same if they are for the same operation of the same provider and their bodies say the same
values. So these do not matter: headers, which of a provider's hosts was called, the order of keys, ``1`` or ``1.0``,
a field that is null or has the value it has anyway (:data:`USUAL`), how a tool call's arguments are spaced, and the
boundary of a form. What a test knows to be volatile it takes out with a :class:`Tolerance`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pytest_llmcontract.core.call.multipart import File, read_form
from pytest_llmcontract.core.call.routes import UNKNOWN
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import ApiRequest
from pytest_llmcontract.core.facts.registry import provider_names
from pytest_llmcontract.recordings.providers import owner, routes_of

USUAL: Mapping[str, Any] = {
    "stream": False,
    "n": 1,
    "logprobs": False,
    "store": False,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "parallel_tool_calls": True,
    "tools": [],
    "response_format": {"type": "text"},
    "service_tier": "on_demand",
}
"""Fields that SDKs send or leave out from one version to the next, with the value that they have when left out."""

UNHEARD = frozenset({"stream_options"})
"""Fields that say how an answer is sent, not what is asked."""


# What is asked


@dataclass(frozen=True, slots=True)
class Address:
    """What a request is for."""

    provider: str
    """Empty for a host that no provider has, and a path that none has either."""
    operation: str
    target: str = ""
    """What the path names beside it, the model of ``GET /models/{id}``."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a request asks. Equal ones ask the same."""

    address: Address
    body: Any
    """Its values, without what does not matter."""
    key: str
    """All of it as one text, for comparing."""


def address_of(request: ApiRequest) -> Address:
    """The operation that *request* is for, by its host or, behind a gateway, by its path."""
    known = owner(request)
    for provider in (known,) if known else provider_names():
        operation, targets = routes_of(provider).find(request.method, request.path)
        if operation != UNKNOWN or known:
            return Address(provider, operation, "/".join(targets.values()))
    return Address("", UNKNOWN)


def meaning(request: ApiRequest, address: Address, tolerance: Tolerance) -> Meaning:
    """What *request* asks, as far as *tolerance* looks."""
    body = tolerance.applied(_body(request, address))
    query = sorted(parse_qsl(urlsplit(request.url).query))
    place = request.path if address.operation == UNKNOWN else ""
    key = json.dumps([address.provider, address.operation, address.target, place, query, body], sort_keys=True)
    return Meaning(address, body, key)


def _body(request: ApiRequest, address: Address) -> Any:
    parsed = request.json
    if isinstance(parsed, dict):
        plain = _plain(parsed)
        return {name: value for name, value in plain.items() if not _goes_without_saying(name, value)}
    if parsed is not None:
        return _plain(parsed)
    if form := read_form(request):
        return {name: _part(value) for name, value in form.items()}
    return _digest(request.body) if request.body else None


def _part(value: Any) -> Any:
    """A field of a form."""
    if isinstance(value, list):
        return [_part(item) for item in value]
    return _digest(value.data) if isinstance(value, File) else value


def _goes_without_saying(name: str, value: Any) -> bool:
    return name in UNHEARD or (name in USUAL and type(value) is type(USUAL[name]) and value == USUAL[name])


def _plain(value: Any) -> Any:
    """*value* without nulls, whole numbers as such, the arguments of tool calls parsed."""
    if isinstance(value, dict):
        return {
            name: _arguments(item) if name == "arguments" else _plain(item)
            for name, item in value.items()
            if item is not None
        }
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _arguments(value: Any) -> Any:
    """A tool call carries its arguments as a text that holds JSON."""
    try:
        parsed = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value
    return _plain(parsed) if isinstance(parsed, dict) else value


def _digest(data: bytes) -> dict[str, Any]:
    """A file, as far as it is compared and shown."""
    return {"bytes": len(data), "sha256": sha256(data).hexdigest()}


# What a test knows to be volatile

Normalise = Mapping[str, str] | Callable[[Any], Any]

IGNORED = "(ignored)"
"""Stands for an ignored element of a list: the others keep their places."""

_PATH = re.compile(r"\$(?:\.[A-Za-z_][\w-]*|\.\.[A-Za-z_][\w-]*|\.\*|\[\d+\]|\[\*\])+")
_NAME = re.compile(r"[A-Za-z_][\w-]*")
_STEP = re.compile(r"(\.\.|\.)([A-Za-z_][\w-]*|\*)|\[(\d+|\*)\]")
_ACCEPTED_PATHS = 'a field\'s name, "seed", or a path to it: "$.messages[*].content", "$.tools[0].function", "$..id"'


@dataclass(frozen=True, slots=True)
class _Step:
    """One step down in a path."""

    name: str | int
    """``*`` for each."""
    deep: bool = False
    """At any depth."""


class Tolerance:
    """What is left out of the comparison, in recorded requests and in those that are sent.

    Args:
        ignore: Fields, by name or JSON path.
        normalise: Regular expression -> what it is replaced by, in every text of the body; or a function that takes
            the body and returns what is compared of it. It comes before *ignore*.

    Raises:
        BadInput: A path or an expression is not understood; the message says which and what is.
    """

    def __init__(self, ignore: Iterable[str] = (), normalise: Normalise | None = None) -> None:
        if isinstance(ignore, str):
            raise BadInput(f"ignore={ignore!r}: accepted is a list of them, such as [{ignore!r}]")
        self._paths = [_steps(path) for path in ignore]
        self._normalise = _normaliser(normalise)

    def applied(self, body: Any) -> Any:
        """What is left of *body*, itself untouched."""
        if self._normalise is not None:
            body = self._normalise(deepcopy(body))
        elif self._paths:
            body = deepcopy(body)
        for steps in self._paths:
            _take_out(body, steps)
        return body


def _steps(path: object) -> tuple[_Step, ...]:
    if isinstance(path, str) and _NAME.fullmatch(path):
        return (_Step(path),)
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise BadInput(f"ignore: {path!r} is no path; accepted is {_ACCEPTED_PATHS}")
    return tuple(
        _Step(name or (int(index) if index.isdigit() else index), dots == "..")
        for dots, name, index in _STEP.findall(path)
    )


def _normaliser(given: Normalise | None) -> Callable[[Any], Any] | None:
    if given is None or callable(given):
        return given
    if not isinstance(given, Mapping):
        raise BadInput(
            f"normalise={given!r}: accepted is {{regular expression: replacement}}, or a function of the body"
        )
    rules = []
    for pattern, replacement in given.items():
        try:
            rules.append((re.compile(pattern), str(replacement)))
        except (re.error, TypeError) as problem:
            raise BadInput(f"normalise: {pattern!r} is no regular expression: {problem}") from None

    def normalised(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: normalised(item) for name, item in value.items()}
        if isinstance(value, list):
            return [normalised(item) for item in value]
        if isinstance(value, str):
            for pattern, replacement in rules:
                value = pattern.sub(replacement, value)
        return value

    return normalised


def _take_out(value: Any, steps: tuple[_Step, ...]) -> None:
    step, rest = steps[0], steps[1:]
    holders = list(_within(value)) if step.deep else [value]
    for holder in holders:
        for place in _places(holder, step.name):
            if rest:
                _take_out(holder[place], rest)
            elif isinstance(holder, dict):
                del holder[place]
            else:
                holder[place] = IGNORED


def _places(holder: Any, name: str | int) -> list[Any]:
    if isinstance(holder, dict):
        return list(holder) if name == "*" else [name] if name in holder else []
    if isinstance(holder, list):
        if name == "*":
            return list(range(len(holder)))
        return [name] if isinstance(name, int) and name < len(holder) else []
    return []


def _within(value: Any) -> Iterator[Any]:
    """*value* and all that it holds."""
    yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _within(item)
