"""What is asked of the simulation itself, under ``/_llmcontract/``: JSON in, JSON out.

One table says what there is: what answers, what it takes, and what the OpenAPI document says of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime
from inspect import Parameter, signature
from math import isfinite
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from urllib.parse import parse_qs

from pytest_llmcontract import __version__
from pytest_llmcontract.core.call.script import Script
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.errors import BadInput, LlmContractError, unknown
from pytest_llmcontract.core.exchange import NO_JSON, can_travel
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.secrets import scrubbed
from pytest_llmcontract.core.workload.costs import money_text
from pytest_llmcontract.serving.connections import strikes_too_late
from pytest_llmcontract.serving.scopes import Scope, Worlds
from pytest_llmcontract.simulated_provider import SimulatedProvider

Given = dict[str, Any]


@dataclass(frozen=True)
class Control:
    """One thing that can be asked."""

    method: str
    path: str
    what: str
    run: Callable[[Worlds, Scope, Given], Any]
    takes: Mapping[str, str]
    """Name -> JSON type, of what the body may hold."""
    provider: bool = False
    """Whether ``provider`` says whose it is."""
    needs: tuple[str, ...] = ()
    """Of what it takes, what has to be there."""


def answered(worlds: Worlds, name: str, method: str, path: str, query: str, body: bytes) -> tuple[int, Any]:
    """Status and body for a request of the control API, in the scope called *name*."""
    path = path.rstrip("/") or "/"
    if (method, path) == ("GET", "/"):
        return 200, _index()
    if (method, path) == ("GET", "/openapi.json"):
        return 200, openapi()
    control = next((one for one in CONTROLS if (one.method, one.path) == (method, path)), None)
    if control is None:
        known = sorted({f"{one.method} {one.path}" for one in CONTROLS})
        return 404, _problem(f"{method} {path} is nothing; there are {', '.join(known)}")
    try:
        said = run_control(control, worlds, worlds.named(name), {**_asked(control, query), **_read(body)})
    except LlmContractError as problem:
        return 400, _problem(str(problem))
    except Exception as problem:  # what an account makes of arguments that nobody foresaw is none of the server's end
        return 400, _problem(f"{control.method} {control.path}: {type(problem).__name__}: {problem}")
    return 200, _plain(said)


def run_control(control: Control, worlds: Worlds, scope: Scope, given: Given) -> Any:
    """What *control* answers that is asked with *given*.

    Raises:
        LlmContractError, TypeError, ValueError: It is not accepted.
    """
    _check(control, given)
    return control.run(worlds, scope, given)


def _asked(control: Control, query: str) -> Given:
    """What the query says: texts, or JSON where no text is taken."""
    kinds = _names(control)
    texts = {key: values[-1] for key, values in parse_qs(query).items()}
    return {key: text if "string" in kinds.get(key, "string") else _read_value(text) for key, text in texts.items()}


def _read_value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _read(body: bytes) -> Given:
    if not body.strip():
        return {}
    try:
        read = json.loads(body)
    except (ValueError, RecursionError) as problem:
        raise BadInput(f"the body is no JSON: {problem}") from None
    if not isinstance(read, dict):
        raise BadInput("the body is no JSON object")
    if not can_travel(read):
        raise BadInput(f"the body holds {NO_JSON}")
    return read


def _check(control: Control, given: Given) -> None:
    accepted = _names(control)
    for name, value in given.items():
        if name not in accepted:
            raise unknown(f"key of {control.path}", name, accepted or ("(none)",))
        if not _is_of(accepted[name], value):
            raise BadInput(f"{name} is {value!r}; accepted: {accepted[name]}")
    for name in control.needs:
        if name not in given:
            raise BadInput(f"{name} is missing")


def _is_of(kind: str, value: Any) -> bool:
    kinds = [_KINDS[one] for one in kind.split(" or ") if one != "any"]
    return not kinds or (bool in kinds if isinstance(value, bool) else isinstance(value, tuple(kinds)))


_KINDS: Mapping[str, Any] = {
    "string": str, "number": int | float, "integer": int, "boolean": bool,
    "array": list, "object": dict, "null": type(None),
}  # fmt: skip
"""The types of JSON in Python."""


def _problem(message: str) -> Given:
    return {"error": {"message": scrubbed(message), "type": "llmcontract"}}


# What is asked


def _provider(scope: Scope, given: Given) -> SimulatedProvider:
    name = given.pop("provider", None)
    if name is None:
        raise BadInput(f"provider is missing; accepted: {', '.join(scope.providers)}")
    if name not in scope.providers:
        raise unknown("provider", str(name), scope.providers)
    return scope.providers[name]


def _state(worlds: Worlds, scope: Scope, given: Given) -> Any:
    return {
        "scope": scope.name,
        "now": scope.world.clock.now.isoformat(),
        "elapsed": scope.world.clock.elapsed,
        "time": "real" if scope.world.clock.is_real else "virtual",
        "providers": {name: _about(api) for name, api in scope.providers.items()},
    }


def _about(api: SimulatedProvider) -> Given:
    live = [str(script.source) for script in api.simulator.state.scripts.live]
    return {"edition": str(api.edition.date), "calls": len(api.calls), "scripts": live, "account": _account(api)}


def _account(api: SimulatedProvider) -> Given:
    account = api.account
    names = (name for name in dir(type(account)) if not name.startswith("_"))
    values = {name: getattr(account, name) for name in names if isinstance(getattr(type(account), name), property)}
    return {name: _plain(value) for name, value in values.items() if name not in ("book", "names")}


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict") or is_dataclass(value):
        return _plain(value._asdict() if hasattr(value, "_asdict") else asdict(value))
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, float) and not isfinite(value):
        return None  # Python writes it, and no other language reads it
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _calls(worlds: Worlds, scope: Scope, given: Given) -> Any:
    scope.world.judge()
    return [_call(call) for call in scope.world.journal.calls]


def _call(call: Call) -> Given:
    return {
        "provider": call.provider,
        "operation": call.operation,
        "model": call.model,
        "status": call.status,
        "error": call.reply.error if call.reply else None,
        "at": call.at,
        "attempt": call.attempt,
        "made_by": call.made_by,
        "stream": call.stream,
        "request": call.request.json,
        "tokens": call.usage.total_tokens,
        "cost": money_text(call.cost),
        "retry_after": call.reply.retry_after if call.reply else None,
        "findings": [finding.code for finding in call.violations],
    }


def _findings(worlds: Worlds, scope: Scope, given: Given) -> Any:
    return [_finding(violation) for violation in scope.findings()]


def _finding(violation: Violation) -> Given:
    names = ("code", "severity", "message", "provider", "operation", "path", "sent", "allowed", "answer", "fix")
    return {name: scrubbed(getattr(violation, name)) for name in names}


def _script(script: Script) -> Given:
    return {"script": scrubbed(script.source), "times": script.times}


def _scripted(method: str) -> Callable[[Worlds, Scope, Given], Any]:
    """What calls *method* of a provider, and tells what came of it: a script, or how its limits and account stand."""

    def run(worlds: Worlds, scope: Scope, given: Given) -> Any:
        api = _provider(scope, given)
        if reason := strikes_too_late(given):
            raise BadInput(f"{reason}; accepted: connection_reset, read_timeout, and the errors of the provider")
        said = getattr(api, method)(**given)
        return _script(said) if isinstance(said, Script) else _about(api) if said is None else said

    return run


def _clock(worlds: Worlds, scope: Scope, given: Given) -> Any:
    clock = scope.world.clock
    if "to" in given:
        try:
            clock.travel_to(datetime.fromisoformat(str(given.pop("to"))))
        except ValueError as problem:
            raise BadInput(f"to: {problem}; accepted: a moment such as 2026-12-01T00:00:00+00:00") from None
    if given:
        clock.advance(**given)
    return {"now": clock.now.isoformat(), "elapsed": clock.elapsed}


def _act(worlds: Worlds, scope: Scope, given: Given) -> Any:
    """What a test does with ``api.account``: one of its methods, with its arguments."""
    api = _provider(scope, given)
    name = given.pop("do", None)
    if name is None:
        return _account(api)
    kind = type(api.account)
    does = [each for each in dir(kind) if each[0] != "_" and callable(getattr(kind, each)) and each not in _INNER]
    if name not in does:
        raise unknown("act of the account", str(name), does)
    getattr(api.account, name)(*given.pop("args", ()), **given.pop("with", {}))
    return _account(api)


_INNER = frozenset(
    ["plan_name", "refusal", "access", "spend", "afford", "rent", "end_rent", "settle", "remark", "share"]
)
"""What the path of a call asks of an account: no act of anybody's."""


def _reset(worlds: Worlds, scope: Scope, given: Given) -> Any:
    if given.get("all"):
        worlds.forget_all()
    else:
        worlds.forget(scope.name)
    return {"reset": "all" if given.get("all") else scope.name}


# What there is

_WORDS: Mapping[Any, str] = {
    str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null", Any: "any",
    Mapping: "object", Iterable: "array", Sequence: "array", Literal: "string", Callable: "",
}  # fmt: skip
"""The types of JSON for those of Python's parameters; "": no JSON is one."""


def kinds_of(method: Callable[..., Any]) -> dict[str, str]:
    """What of *method* can be said in JSON: parameter -> JSON types, ``"integer or null"``."""
    types = get_type_hints(method)
    return {name: " or ".join(_kinds(types[name])) for name in _parameters(method)}


def _kinds(annotated: Any) -> list[str]:
    among = get_args(annotated) if isinstance(annotated, UnionType) or get_origin(annotated) is Union else (annotated,)
    return list(filter(None, dict.fromkeys(_WORDS[get_origin(one) or one] for one in among)))


def _parameters(method: Callable[..., Any]) -> dict[str, Parameter]:
    return {name: one for name, one in signature(method).parameters.items() if name != "self"}


def _method(name: str, what: str, how: str = "POST") -> Control:
    """A method of a provider, with its own parameters."""
    method = getattr(SimulatedProvider, name)
    needs = tuple(name for name, one in _parameters(method).items() if one.default is Parameter.empty)
    return Control(how, f"/{name}", what, _scripted(name), kinds_of(method), provider=True, needs=needs)


CONTROLS = (
    Control("GET", "/state", "the time, and what stands at each provider", _state, {}),
    Control("GET", "/calls", "every call, in order", _calls, {}),
    Control("GET", "/findings", "what is wrong with the calls, and scripts that nothing used", _findings, {}),
    _method("limits", "kind -> state of every limit of a model", "GET"),
    _method("reply", "script an answer"),
    _method("fail", "script an error by name or status, or a fault of the connection"),
    _method("outage", "refuse everything for a while"),
    _method("latency", "answer slowly"),
    _method("cut_stream", "break a stream"),
    _method("chaos", "refuse some calls at random"),
    _method("exhaust", "drain a limit"),
    _method("use", "count an amount against a limit"),
    _method("capacity", "what there is room for"),
    Control("POST", "/clock", "move the time on", _clock,
            {**kinds_of(VirtualClock.advance), "to": "string"}),
    Control("GET", "/account", "the account", _act, {}, provider=True),
    Control("POST", "/account", "do something with the account: one of its methods", _act,
            {"do": "string", "args": "array", "with": "object"}, provider=True),
    Control("POST", "/reset", "begin this scope anew, or all of them", _reset, {"all": "boolean"}),
)  # fmt: skip


# What it says of itself


def _index() -> Given:
    return {
        "pytest-llmcontract": __version__,
        "scope": "header x-llmcontract-test, or /t/NAME before a path: limits, scripts, ledger, clock of its own",
        "openapi": "/_llmcontract/openapi.json",
        "controls": {f"{one.method} /_llmcontract{one.path}": one.what for one in CONTROLS},
    }


def openapi() -> Given:
    """The OpenAPI document of the control API."""
    paths: dict[str, Given] = {}
    for one in CONTROLS:
        paths.setdefault(f"/_llmcontract{one.path}", {})[one.method.lower()] = _operation(one)
    info = {"title": "pytest-llmcontract: control", "version": __version__}
    return {"openapi": "3.1.0", "info": info, "paths": paths}


def _operation(one: Control) -> Given:
    said: Given = {
        "summary": one.what,
        "parameters": [{"name": "x-llmcontract-test", "in": "header", "schema": {"type": "string"}}],
        "responses": {"200": {"description": "done"}, "400": {"description": "not accepted; the message says what is"}},
    }
    if one.method == "GET":
        needed = body_schema(one)["required"]
        query = [
            {"name": name, "in": "query", "schema": _schema(kind), "required": name in needed}
            for name, kind in _names(one).items()
        ]
        return {**said, "parameters": said["parameters"] + query}
    return {**said, "requestBody": {"content": {"application/json": {"schema": body_schema(one)}}}}


def body_schema(one: Control) -> Given:
    """The JSON Schema of what *one* takes."""
    return {
        "type": "object",
        "properties": {name: _schema(kind) for name, kind in _names(one).items()},
        "required": [*(["provider"] if one.provider else []), *one.needs],
        "additionalProperties": False,
    }


def _names(one: Control) -> Mapping[str, str]:
    return {**({"provider": "string"} if one.provider else {}), **one.takes}


def _schema(kind: str) -> Given:
    kinds = kind.split(" or ")
    if kinds == ["any"]:
        return {}
    return {"type": kinds[0] if len(kinds) == 1 else kinds}
