"""Values made for a schema: always conforming, always the same, and useful to look at."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import reduce
from typing import Any, Literal

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from pytest_llmcontract.core.completion.spelling import matches, spell
from pytest_llmcontract.core.completion.synthesis import Unsatisfiable, conforming

Schema = dict[str, Any]


def obj(*required: str, **properties: Any) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


EXPRESSION = {
    "$defs": {
        "any": {"anyOf": [{"$ref": "#/$defs/sum"}, {"$ref": "#/$defs/number"}]},
        "sum": obj("left", "right", left={"$ref": "#/$defs/any"}, right={"$ref": "#/$defs/any"}),
        "number": obj("value", value={"type": "integer"}),
    },
    "$ref": "#/$defs/any",
}

VALUES: dict[str, tuple[Any, Any]] = {
    # what a person would have written
    "named string": (obj("city", city={"type": "string"}), {"city": "city"}),
    "only required": (obj("a", a={"type": "string"}, b={"type": "string"}), {"a": "a"}),
    "first of enum": (obj("unit", unit={"enum": ["celsius", "fahrenheit"]}), {"unit": "celsius"}),
    "enum before default": ({"enum": ["a", "b"], "default": "b"}, "a"),
    "const": ({"const": {"a": [1, None]}}, {"a": [1, None]}),
    "default": (obj("n", n={"type": "integer", "default": 7}), {"n": 7}),
    "first example": (obj("sku", sku={"type": "string", "examples": ["SKU-1", "SKU-2"]}), {"sku": "SKU-1"}),
    "example as OpenAPI has it": (obj("sku", sku={"type": "string", "example": "SKU-3"}), {"sku": "SKU-3"}),
    "default that does not conform": (obj("n", n={"type": "integer", "default": "x"}), {"n": 1}),
    "null default is no value": (obj("a", a={"type": ["string", "null"], "default": None}), {"a": "a"}),
    "integer": ({"type": "integer"}, 1),
    "number": ({"type": "number"}, 1.0),
    "boolean": ({"type": "boolean"}, True),
    "null": ({"type": "null"}, None),
    "one item": (obj("tags", tags={"type": "array", "items": {"type": "string"}}), {"tags": ["tag"]}),
    "no item allowed": ({"type": "array", "maxItems": 0}, []),
    "empty object": ({"type": "object"}, {}),
    "no type": ({"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"a": 1}),
    "boolean schema": (True, "text"),
    # numbers
    "between": ({"type": "integer", "exclusiveMinimum": 1000, "exclusiveMaximum": 1002}, 1001),
    "multiple": ({"type": "integer", "multipleOf": 7, "exclusiveMinimum": 20}, 21),
    "fraction": ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
    "negative": ({"type": "integer", "maximum": -5}, -5),
    "decimal step": ({"type": "number", "multipleOf": 0.01, "minimum": 0.005}, 0.01),
    "joined bounds": ({"allOf": [{"type": "integer", "minimum": 10}, {"maximum": 12}, {"multipleOf": 4}]}, 12),
    "joined multiples": ({"allOf": [{"type": "integer", "multipleOf": 4}, {"multipleOf": 6}, {"minimum": 20}]}, 24),
    # strings
    "two patterns": ({"allOf": [{"type": "string", "pattern": "^x+"}, {"pattern": "^[xyz]+$"}]}, "x"),
    "pattern with a blank": ({"type": "string", "pattern": "^a "}, "a "),
    "too short": (obj("id", id={"type": "string", "minLength": 7}), {"id": "id id i"}),
    "too long": (obj("country", country={"type": "string", "maxLength": 2}), {"country": "co"}),
    "pattern that the name fits": (obj("slug", slug={"type": "string", "pattern": "^[a-z]+$"}), {"slug": "slug"}),
    "pattern": ({"type": "string", "pattern": r"^[A-Z]{3}-\d{4}$"}, "ABC-1234"),
    "optional part left out": ({"type": "string", "pattern": r"^\d{5}(-\d{4})?$"}, "12345"),
    "pattern and length": ({"type": "string", "pattern": "^c[a-z]*$", "minLength": 4, "maxLength": 5}, "cabcd"),
    "named group": ({"type": "string", "pattern": r"^(?<year>\d{4})-\p{Lu}+$"}, "1234-A"),
    "date": ({"type": "string", "format": "date"}, "2026-01-15"),
    "unknown format": (obj("x", x={"type": "string", "format": "acme-id"}), {"x": "x"}),
    # combinations
    "null comes last": (obj("a", a={"anyOf": [{"type": "null"}, {"type": "string"}]}), {"a": "a"}),
    "exactly one": ({"oneOf": [{"type": "integer", "multipleOf": 3}, {"type": "integer", "multipleOf": 5}]}, 3),
    "intersection": ({"allOf": [{"required": ["a"]}, {"required": ["b"], "type": "object"}]}, {"a": "a", "b": "b"}),
    "not": ({"type": "string", "not": {"enum": ["text"]}}, "text 2"),
    "not this type": ({"not": {"type": ["string", "integer"]}}, True),
    "if, then": (
        {**obj("to", to={"enum": ["US"]}), "additionalProperties": {"type": "integer"},
         "if": {"properties": {"to": {"const": "US"}}}, "then": {"required": ["zip"]}},
        {"to": "US", "zip": 1},
    ),
    "dependent": (
        {**obj("card", card={"type": "integer"}, cvc={"type": "integer"}), "dependentRequired": {"card": ["cvc"]}},
        {"card": 1, "cvc": 1},
    ),
    "dependent schema": (
        {"type": "object", "required": ["a"], "dependentSchemas": {"a": {"required": ["b"]}}}, {"a": "a", "b": "b"},
    ),
    "joined enums": ({"allOf": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}]}, "b"),
    "dependent twice": (
        {"type": "object", "required": ["a"],
         "allOf": [{"dependentRequired": {"a": ["b"]}}, {"dependentRequired": {"b": ["c"]}}]},
        {"a": "a", "b": "b", "c": "c"},
    ),
    # arrays and objects
    "tuple": ({"type": "array", "prefixItems": [{"const": "x"}, {"type": "integer"}], "items": False}, ["x", 1]),
    "tuple in two parts": (
        {"allOf": [{"type": "array", "prefixItems": [True, {"const": 5}]}, {"items": {"type": "integer"}}]}, [1, 5],
    ),
    "tuple of draft 7": (
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "minItems": 2,
         "items": [{"type": "integer"}, {"type": "boolean"}]},
        [1, True],
    ),
    "tuple of draft 7 in two parts": (
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "minItems": 1,
         "allOf": [{"items": [{"type": "integer"}]}, {"maxItems": 1}]},
        [1],
    ),
    "two sizes": ({"type": "array", "prefixItems": [{"type": "null"}], "maxItems": 2000, "minItems": 0}, [None]),
    "distinct": ({"type": "array", "uniqueItems": True, "minItems": 3, "items": {"enum": [1, 2, 3]}}, [1, 2, 3]),
    "distinct, with hindsight": (
        {"type": "array", "uniqueItems": True, "minItems": 2, "prefixItems": [{"enum": ["A", "B"]}, {"enum": ["A"]}]},
        ["B", "A"],
    ),
    "contains": ({"type": "array", "items": {"type": "integer"}, "contains": {"minimum": 9}}, [9]),
    "record": ({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 2},
               {"key": 1, "key 2": 1}),
    "patterned names": ({"type": "object", "patternProperties": {"^S_": {"type": "string"}}, "minProperties": 1,
                         "additionalProperties": False}, {"S_": "S_"}),
    "names": ({"type": "object", "propertyNames": {"pattern": "^[a-z]{2}$"}, "minProperties": 2,
               "additionalProperties": {"type": "boolean"}}, {"ab": True, "bc": True}),
    # references
    "reference": ({"$defs": {"n": {"type": "integer", "minimum": 4}}, "$ref": "#/$defs/n"}, 4),
    "reference with more": ({"$defs": {"s": {"type": "string"}}, "$ref": "#/$defs/s", "maxLength": 2}, "te"),
    "reference to a property": (obj("a", "b", a={"type": "boolean"}, b={"$ref": "#/properties/a"}),
                                {"a": True, "b": True}),
    "escaped reference": ({"$defs": {"a/b c": {"const": 5}}, "$ref": "#/$defs/a~1b%20c"}, 5),
    "anchor": ({"$defs": {"a": {"$anchor": "five", "const": 5}}, "$ref": "#five"}, 5),
    "identifier": ({"$id": "https://example.com/root", "$defs": {"a": {"$id": "a.json", "const": 5}}, "$ref": "a.json"},
                   5),
    "itself or a number": ({"anyOf": [{"$ref": "#"}, {"type": "integer"}]}, 1),
    "a pattern of ECMA beside a reference to a property": (
        obj("x", x=obj("year", "b", year={"type": "string", "pattern": r"^(?<y>\d{4})$"}, b={"$ref": "#/properties/c"}),
            c={"type": "boolean"}),
        {"x": {"year": "1234", "b": True}},
    ),
    "list that ends": ({**obj("next", next={"anyOf": [{"$ref": "#"}, {"type": "null"}]})}, {"next": {"next": None}}),
    "tree that ends": ({**obj("kids", kids={"type": "array", "items": {"$ref": "#"}})}, {"kids": [{"kids": []}]}),
    "expression that ends": (EXPRESSION, {"left": {"value": 1}, "right": {"value": 1}}),
    # what is no JSON Schema to the letter, and sent all the same
    "OpenAPI 3.0": (obj("n", n={"type": "integer", "minimum": 3, "exclusiveMinimum": True, "nullable": True}),
                    {"n": 4}),
    "OpenAPI 3.0, not exclusive": ({"type": "integer", "maximum": 0, "exclusiveMaximum": False, "const": 0}, 0),
    "decimal size": ({"type": "array", "minItems": 2.0, "items": {"type": "null"}}, [None, None]),
}  # fmt: skip

NOTHING: dict[str, tuple[Any, str]] = {
    "false": (False, "no value found for 'text'"),
    "enum of another type": ({"type": "string", "enum": [1, 2]}, "no value found for 'text'"),
    "crossed bounds": (obj("n", n={"type": "integer", "minimum": 5, "maximum": 4}), "no value found for 'n'"),
    "crossed lengths": ({"type": "string", "minLength": 5, "maxLength": 3}, "minLength"),
    "endless": ({**obj("n", n={"$ref": "#"})}, "no value found for 'n'"),
    "deeper than Python goes": (reduce(lambda inner, _: obj("x", x=inner), range(400), {}), "nested too deeply"),
    "another document that the validator knows": (
        {"$ref": "https://json-schema.org/draft/2020-12/schema"}, "cannot follow the reference",
    ),
    "too many ways": ({"anyOf": [{"const": n} for n in range(6000)], "type": "string"}, "among 5000 candidates"),
    "endless at once": ({"$ref": "#"}, "no value found"),
    "not anything": ({"not": {}}, "not"),
    "required and barred": (obj("a"), "no value found for 'a'"),
    "three distinct booleans": ({"type": "array", "uniqueItems": True, "minItems": 3, "items": {"type": "boolean"}},
                                "uniqueItems"),
    "two constants": ({"allOf": [{"const": 1}, {"const": 2}]}, "allOf"),
    "dangling": ({"$ref": "#/$defs/none"}, "'/$defs/none' does not exist"),
    "no schema": ({"type": "strin"}, "not a usable JSON Schema"),
    "elsewhere": ({"$ref": "https://example.com/x.json"}, "https://example.com/x.json"),
}  # fmt: skip


@pytest.mark.parametrize(("schema", "value"), VALUES.values(), ids=VALUES.keys())
def test_the_value_is_what_a_person_would_have_written(schema: Any, value: Any) -> None:
    made = conforming(schema)

    assert value == made
    assert type(value) is type(made)


@pytest.mark.parametrize(("schema", "reason"), NOTHING.values(), ids=NOTHING.keys())
def test_what_cannot_be_satisfied_is_said_in_one_line(schema: Any, reason: str) -> None:
    with pytest.raises(Unsatisfiable) as raised:
        conforming(schema)

    assert reason in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "format",
    [
        "date-time",
        "date",
        "time",
        "duration",
        "email",
        "hostname",
        "ipv4",
        "ipv6",
        "uri",
        "uuid",
        "json-pointer",
        "regex",
    ],
)
def test_formats_hold_where_they_are_checked(format: str) -> None:
    schema = {"type": "string", "format": format}

    assert jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(conforming(schema))


def test_the_hint_is_for_strings_without_a_name() -> None:
    question = "What is the weather like in Paris, France, today?"

    assert conforming({"type": "string"}, hint="Hello") == "Hello"
    assert conforming({"type": "array", "items": {"type": "string"}}, hint=question) == [
        "What is the weather like in Paris,"
    ]
    assert conforming(obj("city", city={"type": "string"}), hint=question) == {"city": "city"}


def test_each_call_gives_a_value_of_its_own() -> None:
    schema = obj("tags", tags={"type": "array", "items": {"type": "string"}})
    conforming(schema)["tags"].append("changed")

    assert conforming(schema) == {"tags": ["tag"]}


def test_the_value_is_the_same_in_another_process() -> None:
    schema = {"allOf": [obj("a", "b", a={"type": "string", "pattern": "^[xyz]{3}$"}, b={"enum": ["q", "r"]})]}
    code = (
        "import json; from pytest_llmcontract.core.completion.synthesis import conforming; "
        f"print(json.dumps(conforming({schema!r})))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert json.loads(out) == conforming(schema)


class Address(BaseModel):
    street: str
    zip_code: str = Field(pattern=r"^\d{5}(-\d{4})?$")
    country: str = Field(min_length=2, max_length=2)


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(ge=1, le=9)


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str


class Comment(BaseModel):
    text: str
    replies: list[Comment]


class Person(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    age: int = Field(ge=0, le=120)
    address: Address
    pet: Cat | Dog = Field(discriminator="kind")
    thread: Comment
    scores: dict[str, float]
    pair: tuple[int, str]
    nickname: str | None


def test_a_pydantic_model_reads_what_its_schema_gave() -> None:
    made = conforming(Person.model_json_schema())

    assert Person.model_validate(made).pet == Cat(kind="cat", lives=1)
    assert made["address"] == {"street": "street", "zip_code": "12345", "country": "co"}
    assert made["thread"] == {"text": "text", "replies": []}


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[\w.+-]+@[a-z]+\.com$",
        r"^\+?[1-9]\d{1,14}$",
        r"^(foo|bar)baz$",
        r"^#(?:[0-9a-fA-F]{3}){1,2}$",
        r"^[^\s]{8,}$",
        r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
        r"^(?=.*[A-Z])(?=.*\d).{8,}$",
        r"^[一-龥]{2,4}$",
        r"^v?\d+\.\d+\.\d+(-[a-z]+)?$",
        r"\bword\b",
        r"^a|b$",
        r"^[^a]x$",
        r"^x[^/]$",
        r"^y(?!z).$",
        r"^[\u0400-\u04ff]+$",
        r"^.?$",
        "",
    ],
)
def test_texts_are_spelled_out_along_a_pattern(pattern: str) -> None:
    assert any(matches(pattern, text) for text in spell(pattern, 0))
    assert matches(pattern, conforming({"type": "string", "pattern": pattern}))


def test_a_pattern_that_python_cannot_read_is_given_up() -> None:
    assert list(spell("[", 0)) == []
    assert not matches("[", "[")


# Schemas made around a value that conforms to them: what is found must conform, and something must be found.

SCALARS = st.none() | st.booleans() | st.integers(-50, 50) | st.text("abc d", max_size=6)
NAMES = st.text("abcd", min_size=1, max_size=3)


@st.composite
def schemas_for(draw: st.DrawFn, value: Any) -> Any:
    """A schema that *value* conforms to."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from([True, {}, {"const": value}, {"enum": ["other", value]}]))
    schema = draw(_of_the_type(value))
    wrap = draw(st.integers(0, 9))
    if wrap == 0:
        other = draw(st.sampled_from([{"type": "string", "minLength": 99}, {"type": "null"}, False, {"minimum": 7}]))
        return {"anyOf": draw(st.permutations([schema, other]))}
    if wrap == 1:
        return {"allOf": [schema, draw(_of_the_type(value))]}
    if wrap == 2 and value != "nothing":
        return {**schema, "not": {"const": "nothing"}}
    return schema


@st.composite
def _of_the_type(draw: st.DrawFn, value: Any) -> Schema:
    some = st.booleans()
    if value is None:
        return {"type": draw(st.sampled_from(["null", ["string", "null"]]))}
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int):
        schema: Schema = {"type": draw(st.sampled_from(["integer", "number", ["integer", "null"]]))}
        if draw(some):
            schema["minimum"] = value - draw(st.integers(0, 3))
        if draw(some):
            schema["exclusiveMaximum"] = value + draw(st.integers(1, 3))
        if draw(some) and value:
            schema["multipleOf"] = draw(st.sampled_from([n for n in range(1, 51) if value % n == 0]))
        return schema
    if isinstance(value, str):
        schema = {"type": "string"}
        if draw(some):
            schema["minLength"] = draw(st.integers(0, len(value)))
        if draw(some):
            schema["maxLength"] = len(value) + draw(st.integers(0, 3))
        if draw(some):
            schema["pattern"] = draw(st.sampled_from(["^[abc d]*$", f"^{value}", "^.*$", ""]))
        return schema
    if isinstance(value, list):
        schema = {"type": "array", "minItems": draw(st.integers(0, len(value)))}
        if draw(some):
            schema["maxItems"] = len(value) + draw(st.integers(0, 2))
        if value and draw(some):
            schema["prefixItems"] = [draw(schemas_for(item)) for item in value]
        elif value and all(item == value[0] for item in value):
            schema["items"] = draw(schemas_for(value[0]))
        return schema
    schema = {"type": "object", "properties": {name: draw(schemas_for(item)) for name, item in value.items()}}
    schema["required"] = sorted(draw(st.sets(st.sampled_from(sorted(value))))) if value else []
    schema["minProperties"] = draw(st.integers(0, len(value)))
    schema["additionalProperties"] = draw(some)
    return schema


JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)


@settings(max_examples=300, derandomize=True)
@given(st.data())
def test_where_a_value_exists_one_is_found_and_it_conforms(data: st.DataObject) -> None:
    schema = data.draw(JSON.flatmap(schemas_for), label="schema")
    if data.draw(st.booleans(), label="referred to"):
        schema = {"$defs": {"it": schema}, "$ref": "#/$defs/it"}

    made = conforming(schema)

    assert jsonschema_rs.validator_for(schema).is_valid(made)
    assert conforming(json.loads(json.dumps(schema))) == made
