"""JSON values that conform to a JSON Schema: what a simulated model answers a forced tool or a ``json_schema`` format.

The value is the same every time, small and readable (``{"city": "city", "days": 1}``), so that a test may assert on it.
Candidates are tried, the most useful first, and each is held to its schema; nothing leaves unchecked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain, islice, product
from typing import Any

from .errors import LlmContractError

Schema = Mapping[str, Any] | bool


class Unsatisfiable(LlmContractError):
    """No conforming value was found. The message says in one line for which part of the schema, and why."""


FORMATS = {
    "date-time": "2026-01-15T12:00:00Z",
    "date": "2026-01-15",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "user@example.com",
    "idn-email": "user@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "ipvanyaddress": "192.0.2.1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "iri": "https://example.com/",
    "uri-reference": "https://example.com/",
    "iri-reference": "https://example.com/",
    "uri-template": "https://example.com/{id}",
    "json-pointer": "/0",
    "relative-json-pointer": "0",
    "regex": "^.*$",
    "uuid": "00000000-0000-4000-8000-000000000001",
    "byte": "dGV4dA==",
    "base64": "dGV4dA==",
    "decimal": "1.0",
}
"""A value for each ``format``; addresses from the ranges kept for documentation (RFC 2606, 5737, 3849)."""

DEEP = 12
"""Levels of nesting at which a branch is given up: only schemas that recurse without end get there."""
TRIES = 200
"""Candidates tried for one part of a schema before it is given up."""


def conforming(schema: Mapping[str, Any], *, hint: str = "") -> Any:
    """
    A value that conforms to *schema*: the same for the same arguments, a fresh copy each time.

    Args:
        schema: JSON Schema; 2020-12 unless ``$schema`` says otherwise. ``$ref`` within the document only.
        hint: Text for a string that has no property name of its own.

    Raises:
        Unsatisfiable: No value conforms, none was found within a bounded search, or the schema is none.
    """
    return json.loads(_text(json.dumps(schema, default=dict), hint))


@lru_cache(maxsize=256)
def _text(schema: str, hint: str) -> str:
    """The value as JSON: an agent's tools are asked for again and again, and text cannot be changed by a caller."""
    return json.dumps(_Search(json.loads(schema)).value(hint))


class _Search:
    def __init__(self, root: Any) -> None:
        import jsonschema_rs
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import Draft202012Validator, validator_for

        self.root = root
        kind = validator_for(root, default=Draft202012Validator)
        try:
            kind.check_schema(root)
            self.compiled = jsonschema_rs.validator_for(root, retriever=_no_retrieval)
        except (SchemaError, ValueError) as error:
            raise Unsatisfiable(f"not a valid JSON Schema: {str(error).splitlines()[0]}") from None
        self.validator: Any = kind(root)

    def value(self, hint: str) -> Any:
        for value in self.values(self.root, hint or "text", (), 0):
            if self.compiled.is_valid(value):
                return value
        raise Unsatisfiable("no conforming value found")

    def valid(self, schema: Schema, value: Any) -> bool:
        return bool(self.validator.evolve(schema=schema).is_valid(value))

    def values(self, schema: Schema, name: str, refs: tuple[str, ...], depth: int) -> Iterator[Any]:
        """Distinct values for *schema*, most useful first. *refs* are the references being expanded around it."""
        if schema is False or depth > DEEP:
            return
        seen = set()
        for flat, inner in self.flats({} if schema is True else schema, refs):
            for value in islice(self.guesses(flat, name, inner, depth), TRIES):
                key = json.dumps(value, sort_keys=True)
                if key not in seen and self.valid(schema, value):
                    seen.add(key)
                    yield value

    # Schemas without $ref, allOf, anyOf, oneOf, if.

    def flats(self, schema: Schema, refs: tuple[str, ...]) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
        """The ways to read *schema* without combinators, each a plain schema; recursion comes last."""
        if isinstance(schema, bool):
            if schema:
                yield {}, refs
            return
        choices = list(self.choices(schema))
        plain = {key: value for key, value in schema.items() if key not in COMBINATORS}
        if not choices:
            yield plain, refs
            return
        for picked in islice(product(*choices), TRIES):
            yield from self.merged(plain, picked, refs)

    def choices(self, schema: Mapping[str, Any]) -> Iterator[list[Schema]]:
        """What must hold beside the plain keywords: one of each list."""
        for key in ("$ref", "$dynamicRef", "$recursiveRef"):
            if key in schema:
                yield [{"$ref": schema[key]}]
        for part in schema.get("allOf", ()):
            yield [part]
        for key in ("anyOf", "oneOf"):
            if key in schema:
                yield sorted(schema[key], key=_is_null)
        if "if" in schema:
            yield [{"allOf": [schema["if"], schema.get("then", True)]}, schema.get("else", True)]

    def merged(
        self, plain: dict[str, Any], parts: tuple[Schema, ...], refs: tuple[str, ...]
    ) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
        if not parts:
            yield plain, refs
            return
        first, rest = parts[0], parts[1:]
        if isinstance(first, Mapping) and list(first) == ["$ref"]:
            ref = first["$ref"]
            if refs.count(ref) > 1:
                return
            first, refs = self.lookup(ref), (*refs, ref)
        for flat, inner in self.flats(first, refs):
            yield from self.merged(_both(plain, flat), rest, inner)

    def lookup(self, ref: str) -> Schema:
        try:
            found: Schema = self.validator._resolver.lookup(ref).contents
        except Exception:
            raise Unsatisfiable(f"reference {ref!r} leads nowhere in the schema") from None
        return found

    # Guesses: candidates that nobody has checked yet.

    def guesses(self, schema: dict[str, Any], name: str, refs: tuple[str, ...], depth: int) -> Iterator[Any]:
        given = [*_given(schema)]
        yield from (value for value in given if value not in (None, [], {}, ""))
        for kind in _types(schema):
            if kind == "object":
                yield from self.objects(schema, refs, depth)
            elif kind == "array":
                yield from self.arrays(schema, name, refs, depth)
            elif kind == "string":
                yield from _strings(schema, name)
            elif kind in ("integer", "number"):
                yield from _numbers(schema, whole=kind == "integer")
            else:
                yield from {"boolean": (True, False), "null": (None,)}.get(kind, ())
        yield from given

    def objects(self, schema: dict[str, Any], refs: tuple[str, ...], depth: int) -> Iterator[dict[str, Any]]:
        properties = schema.get("properties", {})
        needed = _needed(schema)
        optional = [key for key in properties if key not in needed]
        least = schema.get("minProperties", 0)
        extra = [*optional, *islice(self.names(schema, refs, depth), least)]
        missing = max(0, least - len(needed))
        for keys in (needed + extra[:missing], needed + optional, *([*needed, key] for key in optional)):
            parts = {key: self.property(schema, key) for key in keys}
            streams = {key: _Stream(self.values(part, key, refs, depth + 1)) for key, part in parts.items()}
            yield from _combinations(streams)

    def names(self, schema: dict[str, Any], refs: tuple[str, ...], depth: int) -> Iterator[str]:
        """Names for properties the schema does not list."""
        for pattern in schema.get("patternProperties", {}):
            yield from islice(_strings({"pattern": pattern}, "key"), 8)
        names = self.values({"type": "string", **schema.get("propertyNames", {})}, "key", refs, depth + 1)
        yield from islice(names, 32)

    def property(self, schema: dict[str, Any], name: str) -> Schema:
        """All that must hold for the value of property *name*."""
        parts = [schema["properties"][name]] if name in schema.get("properties", {}) else []
        parts += [part for pattern, part in schema.get("patternProperties", {}).items() if _matches(pattern, name)]
        if not parts:
            parts = [schema.get("additionalProperties", True)]
        return parts[0] if len(parts) == 1 else {"allOf": parts}

    def arrays(self, schema: dict[str, Any], name: str, refs: tuple[str, ...], depth: int) -> Iterator[list[Any]]:
        prefix = schema.get("prefixItems", [])
        rest = schema.get("items", True)
        if isinstance(rest, list):  # draft-07 tuples
            prefix, rest = rest, schema.get("additionalItems", True)
        least = max(schema.get("minItems", 0), len(prefix) if "minItems" not in schema else 0)
        most = schema.get("maxItems", max(least, 1) if rest is not False else len(prefix))
        item = name[:-1] if name.endswith("s") and not name.endswith("ss") else name
        contains = [schema["contains"]] * schema.get("minContains", 1) if "contains" in schema else []
        recursive = self.recurs(rest, refs)
        for size in dict.fromkeys((max(least, 0 if recursive else min(1, most), len(contains)), least, 0, most)):
            if size > 1000:
                continue
            parts = [*prefix[:size], *[rest] * (size - len(prefix))]
            for index, part in enumerate(contains):
                at = size - 1 - index
                if at >= 0:
                    parts[at] = part if parts[at] is True else {"allOf": [part, parts[at]]}
            yield from self.lists(parts, item, refs, depth, unique=schema.get("uniqueItems", False))

    def lists(
        self, parts: list[Schema], name: str, refs: tuple[str, ...], depth: int, *, unique: bool
    ) -> Iterator[list[Any]]:
        if unique:
            taken: list[Any] = []
            for part in parts:
                used = {json.dumps(value, sort_keys=True) for value in taken}
                fresh = (
                    v for v in self.values(part, name, refs, depth + 1) if json.dumps(v, sort_keys=True) not in used
                )
                taken.extend(islice(fresh, 1))
            if len(taken) == len(parts):
                yield taken
            return
        streams = {str(i): _Stream(self.values(part, name, refs, depth + 1)) for i, part in enumerate(parts)}
        yield from (list(value.values()) for value in _combinations(streams))

    def recurs(self, schema: Schema, refs: tuple[str, ...]) -> bool:
        return isinstance(schema, Mapping) and schema.get("$ref") in refs


COMBINATORS = frozenset({"$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf", "if", "then", "else"})


class _Stream:
    """An iterator that can be read again by index; each value is made once."""

    def __init__(self, source: Iterator[Any]) -> None:
        self.source, self.made = source, list[Any]()

    def first(self, count: int) -> list[Any]:
        self.made += islice(self.source, max(0, count - len(self.made)))
        return self.made[:count]


def _combinations(streams: Mapping[str, _Stream]) -> Iterator[dict[str, Any]]:
    """All first values; then one of them changed at a time; then the first three of each."""
    first = {}
    for key, stream in streams.items():
        if not (made := stream.first(1)):
            return
        first[key] = made[0]
    yield first
    for key, stream in streams.items():
        yield from ({**first, key: value} for value in stream.first(24)[1:])
    for values in product(*(stream.first(3) for stream in streams.values())):
        yield dict(zip(streams, values, strict=True))


def _no_retrieval(uri: str) -> Any:
    raise ValueError(f"{uri} is outside the schema")


def _is_null(schema: Schema) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == "null"


def _given(schema: Mapping[str, Any]) -> Iterator[Any]:
    if "const" in schema:
        yield schema["const"]
    yield from schema.get("enum", ())
    if "default" in schema:
        yield schema["default"]
    examples = schema.get("examples", ())
    yield from examples if isinstance(examples, list) else ()
    if "example" in schema:
        yield schema["example"]


def _types(schema: Mapping[str, Any]) -> list[str]:
    kinds = schema.get("type")
    if kinds is None:
        implied = [kind for kind, keys in IMPLIES.items() if any(key in schema for key in keys)]
        kinds = [
            *implied,
            *(kind for kind in ("string", "integer", "boolean", "object", "array", "null") if kind not in implied),
        ]
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    return sorted(kinds, key=lambda kind: kind == "null")


IMPLIES = {
    "object": ("properties", "required", "additionalProperties", "patternProperties", "minProperties", "propertyNames"),
    "array": ("items", "prefixItems", "contains", "minItems", "uniqueItems"),
    "string": ("pattern", "format", "minLength", "maxLength"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


def _needed(schema: Mapping[str, Any]) -> list[str]:
    """Required properties, with those that they make required."""
    needed = list(dict.fromkeys(schema.get("required", ())))
    depends = {**schema.get("dependencies", {}), **schema.get("dependentRequired", {})}
    for key in needed:  # grows while it is read
        also = depends.get(key, ())
        needed += [name for name in also if name not in needed] if isinstance(also, list) else []
    return needed


def _strings(schema: Mapping[str, Any], name: str) -> Iterator[str]:
    least = schema.get("minLength", 0)
    most = schema.get("maxLength", max(least, 4096))
    bases: Iterable[str] = (name, *(f"{name} {number}" for number in range(2, 26)))
    if schema.get("format") in FORMATS:
        bases = chain((FORMATS[schema["format"]],), bases)
    if "pattern" in schema:
        plain = (base for base in islice(bases, 2) if _matches(schema["pattern"], base))
        bases = chain(plain, _patterned(schema["pattern"], least))
    for base in bases:
        if len(base) < least:
            base = (base + " ") * (least // (len(base) + 1) + 1)
            yield base[:least] if not base[:least].endswith(" ") else base[: least - 1] + "x"
        else:
            yield base[:most] if most >= 0 else base
    yield from ("a" * least, "b" * least)


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False


def _patterned(pattern: str, least: int) -> Iterator[str]:
    return iter(())


def _numbers(schema: Mapping[str, Any], *, whole: bool) -> Iterator[Any]:
    step = schema.get("multipleOf")
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    unit = step or (1 if whole else 0.5)
    starts: list[Any] = [1, 0]
    for bound in (low, above):
        if isinstance(bound, int | float) and not isinstance(bound, bool):
            starts += [bound, (bound // unit) * unit, (bound // unit + 1) * unit]
    for bound in (high, below):
        if isinstance(bound, int | float) and not isinstance(bound, bool):
            starts += [bound, (bound // unit) * unit, (bound // unit - 1) * unit]
    bounds = [b for b in (low, above, high, below) if isinstance(b, int | float) and not isinstance(b, bool)]
    if len(bounds) >= 2:
        starts.append((min(bounds) + max(bounds)) / 2)
    if step:
        starts = [step, *starts]
    for start in chain(starts, (start + unit * n for n in range(1, 24) for start in starts)):
        if not whole:
            yield float(start)
        elif float(start).is_integer():
            yield int(start)


def _both(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    """One plain schema for two that must both hold; what cannot be joined is left to the check."""
    joined = {**left, **right}
    for key in left.keys() & right.keys():
        mine, theirs = left[key], right[key]
        if key in ("properties", "patternProperties"):
            joined[key] = {
                **mine,
                **theirs,
                **{k: {"allOf": [mine[k], theirs[k]]} for k in mine.keys() & theirs.keys()},
            }
        elif key == "required":
            joined[key] = [*mine, *theirs]
        elif key in ("items", "additionalProperties", "propertyNames", "contains"):
            joined[key] = mine if mine == theirs else {"allOf": [mine, theirs]}
        elif key == "enum":
            joined[key] = [value for value in mine if value in theirs]
        elif key == "type":
            joined[key] = _common(mine, theirs)
        elif key.startswith("min") or key == "exclusiveMinimum":
            joined[key] = max(mine, theirs)
        elif key.startswith("max") or key == "exclusiveMaximum":
            joined[key] = min(mine, theirs)
    return joined


def _common(left: str | list[str], right: str | list[str]) -> list[str]:
    mine, theirs = ([kinds] if isinstance(kinds, str) else kinds for kinds in (left, right))
    whole = ["integer"] if {"integer", "number"} <= {*mine, *theirs} else []
    return [*(kind for kind in mine if kind in theirs), *whole]
