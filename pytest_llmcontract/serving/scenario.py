"""A scenario: what every scope of a server begins with, from a file, for people who write no Python.

Its steps are those of the control API, by their names and with their keys. The schema is published as
``schemas/llmcontract/scenario.schema.json``; ``python -m pytest_llmcontract.serving.scenario`` prints it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pytest_llmcontract.core.errors import BadInput, LlmContractError, unknown
from pytest_llmcontract.core.exchange import NO_JSON, can_travel
from pytest_llmcontract.core.facts.registry import provider_names
from pytest_llmcontract.core.provider import provider_called
from pytest_llmcontract.serving.control import CONTROLS, Control, body_schema, run_control
from pytest_llmcontract.serving.scopes import Scope, ServerSettings, Worlds, scope_of

FORMAT = 1
STEPS: Mapping[str, Control] = {
    one.path[1:]: one for one in CONTROLS if one.method == "POST" and (one.provider or one.path == "/clock")
}
"""Name -> what a scenario may begin with."""
_SERVER = {"edition": str, "virtual_time": bool, "unlimited": bool, "lenient": bool}
"""What the options of ``serve`` are called in a file."""


@dataclass(frozen=True)
class Scenario:
    """A file, read."""

    file: str
    server: Mapping[str, Any]
    """By the names of the options."""
    providers: Mapping[str, Mapping[str, Any]]
    """The keywords of the markers."""
    steps: tuple[tuple[str, Mapping[str, Any]], ...]

    def begin(self, worlds: Worlds, scope: Scope) -> None:
        """Let *scope* begin so.

        Raises:
            BadInput: A step is not accepted; the message says which.
        """
        for number, (name, given) in enumerate(self.steps):
            try:
                run_control(STEPS[name], worlds, scope, dict(given))
            except Exception as problem:  # an account's own words for arguments that nobody foresaw, too
                raise BadInput(f"{self.file}: steps[{number}].{name}: {problem}") from None


def read_scenario(path: Path) -> Scenario:
    """The scenario in *path*, YAML or JSON.

    Raises:
        BadInput: It cannot be read, or says what nobody knows.
    """
    file = str(path)
    document = _object(file, "", _parsed(path))
    if not can_travel(document):
        raise BadInput(f"{file} holds {NO_JSON}")
    known = ["format", *_SERVER, "providers", "steps"]
    _check_keys(file, "", document, known)
    if document.get("format", FORMAT) != FORMAT:
        raise BadInput(f"{file}: format is {document['format']!r}; accepted: {FORMAT}")
    server = {name: _server_value(file, name, document[name]) for name in _SERVER if name in document}
    _check_settings(file, "edition", ServerSettings(edition=server.get("edition")))
    providers = _object(file, "providers", _or_empty(document.get("providers"), {}))
    _check_keys(file, "providers", providers, provider_names())
    return Scenario(
        file,
        server,
        {name: _keywords(file, name, _or_empty(given, {}), server.get("edition")) for name, given in providers.items()},
        tuple(_steps(file, _or_empty(document.get("steps"), []))),
    )


def _parsed(path: Path) -> Any:
    try:
        text = path.read_text("utf-8-sig")
        if path.suffix == ".json":
            return json.loads(text)
        return _yaml(text)
    except OSError as problem:
        raise BadInput(f"cannot read {path}: {problem.strerror}") from None
    except (ValueError, RecursionError) as problem:
        raise BadInput(f"{path}: {problem}") from None


def _yaml(text: str) -> Any:
    """YAML, whose dates stay texts as those of JSON are."""
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        loader.yaml_implicit_resolvers = {
            first: [(tag, shape) for tag, shape in known if tag != "tag:yaml.org,2002:timestamp"]
            for first, known in loader.yaml_implicit_resolvers.items()
        }
        return loader.get_single_data()
    except yaml.YAMLError as problem:
        raise ValueError(" ".join(str(problem).split())) from None


def _steps(file: str, given: Any) -> list[tuple[str, Mapping[str, Any]]]:
    if not isinstance(given, list):
        raise BadInput(f"{file}: steps is no list")
    return [_step(file, f"steps[{number}]", step) for number, step in enumerate(given)]


def _step(file: str, where: str, step: Any) -> tuple[str, Mapping[str, Any]]:
    named = _object(file, where, step)
    if len(named) != 1:
        raise BadInput(
            f"{file}: {where} has {len(named)} keys; accepted is one, the name of the step: {', '.join(STEPS)}"
        )
    _check_keys(file, where, named, STEPS)
    ((name, given),) = named.items()
    return name, _object(file, f"{where}.{name}", given)


def _keywords(file: str, provider: str, given: Any, edition: str | None) -> Mapping[str, Any]:
    where = f"providers.{provider}"
    keywords = _object(file, where, given)
    _check_settings(file, where, ServerSettings(providers={provider: keywords}, edition=edition))
    return keywords


def _check_settings(file: str, where: str, settings: ServerSettings) -> None:
    """Be sure that a scope can begin with *settings*."""
    try:
        scope_of("", settings)
    except LlmContractError as problem:
        raise BadInput(f"{file}: {where}: {problem}") from None


def _server_value(file: str, name: str, value: Any) -> Any:
    if not isinstance(value, _SERVER[name]):
        raise BadInput(f"{file}: {name} is {value!r}; accepted: {'a date' if name == 'edition' else 'true or false'}")
    return value


def _or_empty(value: Any, empty: Any) -> Any:
    """A key of YAML with nothing behind it says null."""
    return empty if value is None else value


def _object(file: str, where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise BadInput(f"{file}: {where or 'the document'} is no object")
    return value


def _check_keys(file: str, where: str, value: Mapping[str, Any], accepted: Any) -> None:
    for key in value:
        if key not in accepted:
            raise BadInput(f"{file}: {unknown(f'key of {where}' if where else 'key', key, list(accepted))}")


# The schema.


def scenario_schema() -> dict[str, Any]:
    """The JSON Schema of a scenario, as published."""
    steps = [
        {"type": "object", "properties": {name: body_schema(one)}, "required": [name], "additionalProperties": False,
         "description": one.what}
        for name, one in STEPS.items()
    ]  # fmt: skip
    switches = {name: {"type": "boolean"} for name, kind in _SERVER.items() if kind is bool}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A scenario of llmcontract serve",
        "type": "object",
        "properties": {
            "format": {"const": FORMAT},
            "edition": {"type": "string", "description": "the day whose facts hold"},
            **switches,
            "providers": {
                "type": "object",
                "description": "accounts and limits: the keywords of each provider's marker",
                "properties": {name: _settings_schema(name) for name in ("groq", "together")},
            },
            "steps": {
                "type": "array",
                "description": "what every scope begins with, in order",
                "items": {"oneOf": steps},
            },
        },
        "additionalProperties": False,
    }


def _settings_schema(provider: str) -> dict[str, Any]:
    names: dict[str, Any] = {field.name: {} for field in fields(provider_called(provider).settings)}
    return {"type": "object", "properties": names, "additionalProperties": False}


if __name__ == "__main__":
    print(json.dumps(scenario_schema(), indent=2, ensure_ascii=False))
