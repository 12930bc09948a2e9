"""What Python scripts, the control API and a scenario script too: each method, parameter and value, or it is named."""

from __future__ import annotations

import inspect
import json
import re

import jsonschema
import pytest

from pytest_llmcontract import BadInput, simulate
from pytest_llmcontract.core.exchange import can_travel
from pytest_llmcontract.scripting import Scripting
from pytest_llmcontract.serving.control import answered, openapi
from pytest_llmcontract.serving.scenario import STEPS, read_scenario, scenario_schema
from pytest_llmcontract.serving.scopes import Scopes, ServerSettings

METHODS = {name: method for name, method in inspect.getmembers(Scripting, inspect.isfunction) if name[0] != "_"}
ONLY_LOOKS = {"limits"}
"""There is nothing to begin with in them, so no scenario has them."""
NEEDED = {
    "fail": {"error": 503}, "outage": {"seconds": 5}, "chaos": {"rate": 1}, "exhaust": {"limit": "RPM"},
    "use": {"limit": "RPM", "amount": 1}, "limits": {"model": "openai/gpt-oss-120b"},
}  # fmt: skip
VALUES = [
    None, True, False, 0, -1, 1, 1.5, 503, 1e300, float("nan"), float("inf"), 10**400, "", "x", "RPM", "stall",
    "read_timeout", "stream_tool_use_failed", "\ud800", [], [1], ["x"], ["read_timeout", 503], [None], [[1]], [{}], {},
    {"a": 1}, {"model": [1]}, {"model": None}, {"model": "x"},
]  # fmt: skip
TRIED = [(name, parameter) for name, method in METHODS.items() for parameter in inspect.signature(method).parameters]
TRIED = [(name, parameter) for name, parameter in TRIED if parameter != "self"]


def schemas_of(name):
    """What is published of a method: in the OpenAPI document, and in the schema of scenarios."""
    paths = openapi()["paths"][f"/_llmcontract/{name}"]
    if name in ONLY_LOOKS:
        query = [one for one in paths["get"]["parameters"] if one["in"] == "query"]
        needed = [one["name"] for one in query if one["required"]]
        return [{"properties": {one["name"]: one["schema"] for one in query}, "required": needed}]
    body = paths["post"]["requestBody"]["content"]["application/json"]["schema"]
    steps = scenario_schema()["properties"]["steps"]["items"]["oneOf"]
    return [body, *(step["properties"][name] for step in steps if name in step["properties"])]


def test_every_method_is_a_control_and_a_step():
    assert METHODS.keys() - ONLY_LOOKS == STEPS.keys() - {"clock", "account"}


@pytest.mark.parametrize("name", METHODS)
def test_every_parameter_is_published_with_what_it_needs(name):
    parameters = [one for one in inspect.signature(METHODS[name]).parameters.values() if one.name != "self"]
    needed = [one.name for one in parameters if one.default is one.empty]
    for schema in schemas_of(name):
        assert list(schema["properties"]) == ["provider", *(one.name for one in parameters)]
        assert schema["required"] == ["provider", *needed]


def python_refuses(name, given):
    """Why Python does; "": it accepts."""
    with simulate("groq", check=False) as api:
        try:
            getattr(api, name)(**given)
        except BadInput as refusal:
            return str(refusal)
    return ""


def control_refuses(name, given):
    status, said = answered(Scopes(ServerSettings()), "", "POST", f"/{name}", "", json.dumps(given).encode())
    return "" if status == 200 else said["error"]["message"]


def scenario_refuses(file, name, given):
    file.write_text(json.dumps({"steps": [{name: given}]}))
    try:
        Scopes(ServerSettings(), beginning=read_scenario(file))
    except BadInput as refusal:
        return str(refusal)
    return ""


@pytest.mark.parametrize(("name", "parameter"), [pair for pair in TRIED if pair[0] not in ONLY_LOOKS])
def test_a_value_is_taken_by_all_ways_or_by_none(tmp_path, name, parameter):
    for value in VALUES:
        given = {**NEEDED.get(name, {}), parameter: value}
        sent = {"provider": "groq", **given}
        told = [control_refuses(name, sent), scenario_refuses(tmp_path / "scenario.json", name, sent)]
        refusal = python_refuses(name, given)
        if can_travel(value):
            assert [bool(one) for one in told] == [bool(refusal)] * 2, (value, refusal, told)
        else:
            assert all("what no JSON can" in one for one in told), (value, told)
        for one in (refusal, *told):
            assert not re.search(r"\n|TypeError|unhashable|AttributeError", one), value
        if not refusal and can_travel(value):
            for schema in schemas_of(name):
                jsonschema.validate(sent, schema)


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_needed_is_told_when_it_is_missing(tmp_path, name):
    missing = next(iter(NEEDED[name]))
    if name not in ONLY_LOOKS:
        assert scenario_refuses(tmp_path / "scenario.json", name, {"provider": "groq"}).endswith(
            f"{missing} is missing"
        )
    method = "GET" if name in ONLY_LOOKS else "POST"
    status, said = answered(Scopes(ServerSettings()), "", method, f"/{name}", "provider=groq", b'{"provider": "groq"}')
    assert (status, said["error"]["message"]) == (400, f"{missing} is missing")


def test_limits_are_seen_as_python_sees_them():
    worlds = Scopes(ServerSettings(virtual=True))
    answered(worlds, "", "POST", "/use", "", b'{"provider": "groq", "limit": "RPM", "amount": 3}')

    query = "provider=groq&model=openai/gpt-oss-120b"
    status, limits = answered(worlds, "", "GET", "/limits", query, b"")

    assert (status, limits["RPM"]["used"]) == (200, 3)


def test_a_binary_body_is_one_of_yaml_alone(tmp_path):
    file = tmp_path / "scenario.yaml"
    file.write_text("steps: [{reply: {provider: groq, body: !!binary SUQz}}]")
    worlds = Scopes(ServerSettings(), beginning=read_scenario(file))

    (script,) = worlds.named("").providers["groq"].simulator.state.scripts.live

    assert script.part.body == b"ID3"
