"""JSON values that conform to a JSON Schema: what a simulated model answers a forced tool or a ``json_schema`` format.

The value is the same every time, small and readable (``{"city": "city", "days": 1}``), so that a test may assert on it.
Candidates are tried, the most useful first; each part is held to its schema and the whole to the document, by the
compiled validator that the contract uses too, so that nothing wrong is ever returned.

Libraries were tried on 51 schemas as pydantic, zod and OpenAI tools emit them. ``jsf`` 0.11: 37 conforming values,
9 crashes (recursion, tuples), 5 wrong, random words even with a seed, 0.4 s to import. ``hypothesis-jsonschema`` 0.23:
40, 8 refused (recursion), 3 wrong, empty strings and zeros, 18 ms each, and it fails on every object with hypothesis
6.170. ``schemathesis`` builds on the latter; ``polyfactory`` reads models, not schemas. This module gives all 51, in
1 ms each. Of the JSON-Schema-Test-Suite's 347 schemas of draft 2020-12 (less those for formats, vocabularies and
remote documents) it gives 319 and says rightly of 11 that nothing conforms; most of the other 17 use nested ``$id`` or
other documents.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain, islice, product
from math import lcm
from typing import Any
from urllib.parse import unquote

from pytest_llmcontract.core.completion.spelling import matches, spell
from pytest_llmcontract.core.errors import LlmContractError

Schema = Mapping[str, Any] | bool
Check = Callable[[Any], bool]


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

TRIES = 200
"""Candidates tried for one part of a schema before it is given up."""
BUDGET = 5_000
"""Candidates tried in all; only schemas that recurse in many ways at once come near."""
STEPS = 100_000
"""Ways that the search goes in all, a part of a document or a branch each: schemas of real tools take some hundred."""
ROOM = 600_000
"""Characters of a value, where nobody says less: no model generates more than some 131,072 tokens at once."""


def conforming(schema: Mapping[str, Any], *, hint: str = "", room: int = ROOM) -> Any:
    """
    A value that conforms to *schema*: the same for the same arguments, a fresh copy each time.

    Objects have their required properties, arrays one item where they may. Of a property the first ``enum`` value is
    taken, else its ``default``, else its first example, else its own name for a string, 1 for a number, true.

    Args:
        schema: JSON Schema; 2020-12 unless ``$schema`` says otherwise. ``$ref`` within the document only.
        hint: Text for a string that has no property name of its own; the first 40 characters are used.
        room: Characters that the provider would generate at most.

    Raises:
        Unsatisfiable: No value conforms, none was found within a bounded search or room, or the schema is none.
    """
    if isinstance(schema, Mapping) and schema.get("type") == "object":
        hint = ""  # every string in it has a name
    return json.loads(_text(json.dumps(schema, default=dict), _short(hint), room))


def _short(hint: str) -> str:
    """The first words, up to 40 characters."""
    return hint.strip() if len(hint) <= 40 else hint[:41].rpartition(" ")[0].strip() or hint[:40]


def _text(schema: str, hint: str, room: int) -> str:
    """The value as JSON: an agent's tools are asked for again and again, and text cannot be changed by a caller."""
    # What is remembered stays: only what is small.
    return _remembered(schema, hint, room) if len(schema) < 20_000 and room <= ROOM else _found(schema, hint, room)


def _found(schema: str, hint: str, room: int) -> str:
    try:
        return json.dumps(_Search(json.loads(schema, parse_float=_number), room).value(hint or "text"))
    except RecursionError:
        raise Unsatisfiable("the schema is nested too deeply") from None
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as problem:
        raise Unsatisfiable(f"not a usable JSON Schema: {problem}"[:200]) from None


_remembered = lru_cache(maxsize=64)(_found)


def _number(text: str) -> int | float:
    """``2.0`` is an integer in JSON Schema, also as a ``minItems``."""
    number = float(text)
    return int(number) if number.is_integer() else number


class _Search:
    """The search for one schema document."""

    def __init__(self, root: Any, room: int) -> None:
        self.room = room
        self.steps = 0
        try:
            whole = _compiled(root)
        except ValueError as error:
            try:
                root = _modern(root)
                whole = _compiled(root)
            except ValueError:
                raise Unsatisfiable(f"not a usable JSON Schema: {str(error).splitlines()[0]}") from None
        self.root = root
        self.checks: dict[int, tuple[Schema, Check]] = {id(root): (root, whole)}
        """By identity; a schema is kept beside its check so that its identity stays its own."""
        shared = [root[key] for key in ("$defs", "definitions") if isinstance(root, dict) and key in root]
        self.weight = 1 + sum(1 for _ in _parts(shared)) // 20
        """What it takes to check a part, which needs all definitions: in steps."""
        self.tried = 0
        self.dead_end = ""

    def step(self, size: int = 1) -> None:
        """Go on, if the search has not gone far enough."""
        self.steps += size
        if self.steps > STEPS:
            raise Unsatisfiable(f"no conforming value within {STEPS:,} steps: the schema branches too often")

    def fit(self, what: str, size: int) -> None:
        """Be sure that *size* characters would be generated at all."""
        if size > self.room:
            raise Unsatisfiable(f"{what}: a value has at least {size:,} characters, more than the model may generate")

    def value(self, name: str) -> Any:
        for value in self.values(self.root, name, ()):
            return value
        raise Unsatisfiable(self.dead_end)

    def valid(self, schema: Schema, value: Any) -> bool:
        self.tried += 1
        if self.tried > BUDGET:
            raise Unsatisfiable(f"no conforming value among {BUDGET} candidates")
        if id(schema) not in self.checks:
            self.step(self.weight)
            self.checks[id(schema)] = (schema, self.check(schema))
        return self.checks[id(schema)][1](value)

    def check(self, schema: Schema) -> Check:
        """The check of a part. What refers to the document other than to its definitions is left to `jsonschema`."""
        if isinstance(schema, bool):
            return lambda value: schema
        shared = {key: self.root[key] for key in ("$schema", "$defs", "definitions") if key in self.root}
        refs = {part[key] for part in _parts([schema, shared]) for key in REFERENCES if isinstance(part.get(key), str)}
        if all(ref.startswith(("#/$defs/", "#/definitions/")) for ref in refs):
            return _compiled({**shared, **schema})
        return self.interpreted(schema)

    def interpreted(self, schema: Schema) -> Check:
        from jsonschema.validators import Draft202012Validator, extend, validator_for

        # Python's regular expressions may go on for ever: the compiled ones decide.
        kind = extend(  # type: ignore[no-untyped-call]
            validator_for(self.root, default=Draft202012Validator), {"pattern": _pattern}
        )
        part = kind(self.root).evolve(schema=schema)

        def check(value: Any) -> bool:
            try:
                return bool(part.is_valid(value))
            except re.error:
                return True  # not a Python pattern: the check of the whole decides

        return check

    def values(self, schema: Schema, name: str, refs: tuple[str, ...]) -> Iterator[Any]:
        """Distinct values for *schema*, most useful first. *refs* are the references being expanded around it."""
        seen = set()
        for flat, inner in self.flats(schema, refs):
            for value in islice(self.guesses(flat, name, inner), TRIES):
                key = json.dumps(value, sort_keys=True)
                self.step(len(key) // 100)
                if key not in seen and self.valid(schema, value):
                    seen.add(key)
                    yield value
        if not seen and not self.dead_end:
            self.dead_end = f"no value found for {name!r}: {json.dumps(schema)[:120]}"

    # Schemas without $ref, allOf, anyOf, oneOf, if.

    def flats(self, schema: Schema, refs: tuple[str, ...]) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
        """The ways to read *schema* without combinators, each a plain schema; recursion comes last."""
        self.step()
        if isinstance(schema, bool):
            if schema:
                yield {}, refs
            return
        choices = list(self.choices(schema, refs))
        plain = {key: value for key, value in schema.items() if key not in COMBINATORS}
        if not choices:
            yield plain, refs
            return
        for picked in islice(product(*choices), BUDGET):
            yield from self.merged(plain, picked, refs)

    def choices(self, schema: Mapping[str, Any], refs: tuple[str, ...]) -> Iterator[list[Schema]]:
        """What must hold beside the plain keywords: one of each list."""
        for key in REFERENCES:
            if key in schema:
                yield [{"$ref": schema[key]}]
        for part in schema.get("allOf", ()):
            yield [part]
        for key in ("anyOf", "oneOf"):
            if key in schema:
                yield sorted(schema[key], key=lambda branch: _is_null(branch) + 2 * self.recurs(branch, refs))
        for key in ("dependentSchemas", "dependencies"):
            yield from ([True, part] for part in schema.get(key, {}).values() if not isinstance(part, list))
        if "if" in schema:
            yield [{"allOf": [schema["if"], schema.get("then", True)]}, schema.get("else", True)]

    def merged(
        self, plain: dict[str, Any], parts: tuple[Schema, ...], refs: tuple[str, ...]
    ) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
        self.step()
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
        """The schema that *ref* points to, in this document."""
        base, _, place = ref.partition("#")
        self.step(self.weight if base or not place.startswith("/") else 1)
        try:
            found: Any = next(part for part in _parts(self.root) if _id(part).endswith(base)) if base else self.root
            if place and not place.startswith("/"):
                anchors = ("$anchor", "$dynamicAnchor")
                return next(part for part in _parts(found) if place in [part.get(key) for key in anchors])
            for step in unquote(place).split("/")[1:]:
                key = step.replace("~1", "/").replace("~0", "~")
                found = found[int(key)] if isinstance(found, list) else found[key]
        except (StopIteration, LookupError, ValueError, TypeError):
            raise Unsatisfiable(f"cannot follow the reference {ref!r}") from None
        return found  # type: ignore[no-any-return]

    # Guesses: candidates that nobody has checked yet.

    def guesses(self, schema: dict[str, Any], name: str, refs: tuple[str, ...]) -> Iterator[Any]:
        given = [*_given(schema)]
        yield from (value for value in given if value not in (None, [], {}, ""))
        for kind in () if "const" in schema or "enum" in schema else _types(schema):
            if kind == "object":
                yield from self.objects(schema, refs)
            elif kind == "array":
                yield from self.arrays(schema, name, refs)
            elif kind == "string":
                self.fit(repr(name), schema.get("minLength", 0))
                yield from _strings(schema, name)
            elif kind in ("integer", "number"):
                yield from _numbers(schema, whole=kind == "integer")
            else:
                yield from {"boolean": (True, False), "null": (None,)}.get(kind, ())
        yield from given

    def objects(self, schema: dict[str, Any], refs: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        properties = schema.get("properties", {})
        needed = _needed(schema)
        optional = [key for key in properties if key not in needed]
        least = schema.get("minProperties", 0)
        self.fit("an object", 7 * least)  # {"a":1,
        extra = [*optional, *islice(self.names(schema, refs), least)]
        missing = max(0, least - len(needed))
        for keys in chain((needed + extra[:missing], needed + optional), ([*needed, key] for key in optional)):
            self.step(1 + len(keys) // 10)
            parts = {key: self.property(schema, key) for key in keys}
            streams = {key: _Stream(self.values(part, key, refs)) for key, part in parts.items()}
            yield from _combinations(streams)

    def names(self, schema: dict[str, Any], refs: tuple[str, ...]) -> Iterator[str]:
        """Names for properties the schema does not list."""
        patterned = (text for pattern in schema.get("patternProperties", {}) for text in _longer(spell(pattern, 1)))
        free = self.values({"allOf": [{"type": "string"}, schema.get("propertyNames", True)]}, "key", refs)
        listed = schema.get("properties", {})
        for name in dict.fromkeys(chain(islice(patterned, 200), islice(free, 50))):
            if name not in listed and self.property(schema, name) is not False:
                yield name

    def property(self, schema: dict[str, Any], name: str) -> Schema:
        """All that must hold for the value of property *name*."""
        parts = [schema["properties"][name]] if name in schema.get("properties", {}) else []
        parts += [part for pattern, part in schema.get("patternProperties", {}).items() if matches(pattern, name)]
        if not parts:
            parts = [schema.get("additionalProperties", True)]
        return parts[0] if len(parts) == 1 else {"allOf": parts}

    def arrays(self, schema: dict[str, Any], name: str, refs: tuple[str, ...]) -> Iterator[list[Any]]:
        prefix = schema.get("prefixItems", [])
        rest = schema.get("items", True)
        if isinstance(rest, list):  # draft-07 tuples
            prefix, rest = rest, schema.get("additionalItems", True)
        least = max(schema.get("minItems", 0), len(prefix) if "minItems" not in schema else 0)
        self.fit(repr(name), 2 * least)  # 1,
        most = schema.get("maxItems", max(least, 1) if rest is not False else len(prefix))
        item = name[:-1] if re.fullmatch(r"\w+[^s]s", name) else name
        self.fit(repr(name), 2 * schema.get("minContains", 1))
        contains = [schema["contains"]] * schema.get("minContains", 1) if "contains" in schema else []
        recursive = self.recurs(rest, refs)
        sizes = (max(least, 0 if recursive else min(1, most), len(contains)), least, 0, min(most, 1000))
        for size in dict.fromkeys(sizes):
            self.step(1 + size // 10)
            parts = [*prefix[:size], *[rest] * (size - len(prefix))]
            for index, part in enumerate(contains):
                at = size - 1 - index
                if at >= 0:
                    parts[at] = part if parts[at] is True else {"allOf": [part, parts[at]]}
            yield from self.lists(parts, item, refs, unique=schema.get("uniqueItems", False))

    def lists(self, parts: list[Schema], name: str, refs: tuple[str, ...], *, unique: bool) -> Iterator[list[Any]]:
        if unique:
            yield from self.distinct(parts, name, refs)
        streams = {str(i): _Stream(self.values(part, name, refs)) for i, part in enumerate(parts)}
        yield from (list(value.values()) for value in _combinations(streams))

    def distinct(self, parts: list[Schema], name: str, refs: tuple[str, ...]) -> Iterator[list[Any]]:
        """For each part the first value that none before it has; nothing where that does not work out."""
        taken: dict[str, Any] = {}
        for part in parts:
            keyed = ((json.dumps(value, sort_keys=True), value) for value in self.values(part, name, refs))
            taken |= islice((pair for pair in keyed if pair[0] not in taken), 1)
        if len(taken) == len(parts):
            yield list(taken.values())

    def recurs(self, schema: Schema, refs: tuple[str, ...]) -> bool:
        return isinstance(schema, Mapping) and schema.get("$ref") in refs


REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
COMBINATORS = frozenset({*REFERENCES, "allOf", "anyOf", "oneOf", "if", "then", "else"})


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


def _parts(value: Any) -> Iterator[dict[str, Any]]:
    """All objects in a schema document."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _parts(child)


def _id(part: Mapping[str, Any]) -> str:
    return str(part.get("$id", "")).removesuffix("#")


def _modern(schema: Any) -> Any:
    """*schema* without the ``exclusiveMinimum: true`` of draft 4 and OpenAPI 3.0."""
    if isinstance(schema, list):
        return [_modern(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    new = {key: _modern(value) for key, value in schema.items()}
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(new.get(exclusive), bool) and new.pop(exclusive) and bound in new:
            new[exclusive] = new.pop(bound)
    return new


def misfit(value: Any, schema: Mapping[str, Any]) -> str | None:
    """Why *value* does not fit *schema*, in one line; ``None`` if it does, or the schema is none."""
    import jsonschema_rs

    try:
        document = _modern(json.loads(json.dumps(schema, default=dict)))
        errors = jsonschema_rs.validator_for(document, retriever=_no_retrieval).iter_errors(value)
        error = next(iter(errors), None)
    except (ValueError, RecursionError):
        return None
    if error is None:
        return None
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path)
    return " ".join(f"${place}: {error.message}".split())


def _compiled(schema: Any) -> Check:
    import jsonschema_rs  # here, not above: pytest starts without it

    check: Check = jsonschema_rs.validator_for(schema, retriever=_no_retrieval).is_valid
    return check


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    """The keyword ``pattern`` of jsonschema."""
    from jsonschema.exceptions import ValidationError

    if isinstance(instance, str) and not matches(pattern, instance):
        yield ValidationError("does not match")


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
    yield from schema.get("examples", ())
    if "example" in schema:  # OpenAPI
        yield schema["example"]


def _types(schema: Mapping[str, Any]) -> list[str]:
    kinds = schema.get("type")
    if kinds is None:
        implied = [kind for kind, keys in IMPLIES.items() if any(key in schema for key in keys)]
        kinds = [
            *implied,
            *(kind for kind in ("string", "integer", "boolean", "object", "array", "null") if kind not in implied),
        ]
    return sorted(_listed(kinds), key=lambda kind: kind == "null")


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
    least, most = schema.get("minLength", 0), schema.get("maxLength", 1 << 30)
    plain: Iterable[str] = (name, *(f"{name} {number}" for number in range(2, 26)))
    if schema.get("format") in FORMATS:
        plain = (FORMATS[schema["format"]], *plain)
    if patterns := _listed(schema.get("pattern", [])):
        spelled = (text for pattern in patterns for text in spell(pattern, least))
        plain = chain((name, re.sub(r"\W+", "-", name.lower())), spelled, plain)
    for text in plain:
        short = text if len(text) <= most else text[:most].rstrip() or text[:most]
        yield short if len(short) >= least else _padded(short, name, least)
    yield from (letter * least for letter in "abcdefghijklmnopqrstuvwxyz")


def _padded(text: str, name: str, length: int) -> str:
    """*text* and then *name* again and again, exactly *length* characters and no blank at the end."""
    whole = f"{text} " + f"{name} " * (length // (len(name) + 1) + 1)
    return whole[: length - 1] + (whole[length - 1].strip() or "x")


def _longer(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from (text, f"{text}key", f"{text}key2", f"{text}key3")


def _numbers(schema: Mapping[str, Any], *, whole: bool) -> Iterator[Any]:
    """1, 0, then numbers at, beside and between the bounds, then further up from each of these."""
    step = schema.get("multipleOf")
    unit = step or (1 if whole else 0.5)
    named = (schema.get(key) for key in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"))
    bounds = [bound for bound in named if isinstance(bound, int | float) and not isinstance(bound, bool)]
    starts: list[int | float] = [step] if step else []
    starts += [1, 0]
    for bound in bounds:
        starts += [bound, *((bound // unit + steps) * unit for steps in (0, 1, -1))]
    if len(bounds) > 1:
        starts.append((min(bounds) + max(bounds)) / 2)
    for number in (start + unit * n for n in range(24) for start in starts):
        if not whole:
            yield round(float(number), 12)
        elif isinstance(number, int) or number.is_integer():
            yield int(number)


def _both(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    """One plain schema for two that must both hold; what cannot be joined is left to the check."""
    joined = {**left, **right, **_joined_items(left, right)}
    for key in left.keys() & right.keys():
        mine, theirs = left[key], right[key]
        if key in ("properties", "patternProperties"):
            joined[key] = {**mine, **theirs, **{k: _all(mine[k], theirs[k]) for k in mine.keys() & theirs.keys()}}
        elif key == "required":
            joined[key] = [*mine, *theirs]
        elif key in ("additionalProperties", "propertyNames", "contains"):
            joined[key] = _all(mine, theirs)
        elif key in ("dependentRequired", "dependentSchemas", "dependencies"):
            joined[key] = {**mine, **theirs}
        elif key == "multipleOf" and isinstance(mine, int) and isinstance(theirs, int):
            joined[key] = lcm(mine, theirs)
        elif key == "enum":
            joined[key] = [value for value in mine if value in theirs]
        elif key == "pattern":  # a list from here on: each is tried, the check holds all
            joined[key] = [*_listed(mine), *_listed(theirs)]
        elif key == "type":
            joined[key] = _common(mine, theirs)
        elif key.startswith("min") or key == "exclusiveMinimum":
            joined[key] = max(mine, theirs)
        elif key.startswith("max") or key == "exclusiveMaximum":
            joined[key] = min(mine, theirs)
    return joined


def _all(left: Schema, right: Schema) -> Schema:
    return left if right is True or left == right else right if left is True else {"allOf": [left, right]}


def _joined_items(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    """``prefixItems`` and ``items`` of both, place by place; draft-07 tuples are left alone."""
    (mine, my_rest), (theirs, their_rest) = (
        (schema.get("prefixItems", []), schema.get("items", True)) for schema in (left, right)
    )
    if isinstance(my_rest, list) or isinstance(their_rest, list):
        return {}
    prefix = [
        _all(mine[at] if at < len(mine) else my_rest, theirs[at] if at < len(theirs) else their_rest)
        for at in range(max(len(mine), len(theirs)))
    ]
    rest = _all(my_rest, their_rest)
    return {**({"prefixItems": prefix} if prefix else {}), **({"items": rest} if rest is not True else {})}


def _common(left: str | list[str], right: str | list[str]) -> list[str]:
    mine, theirs = _listed(left), _listed(right)
    whole = ["integer"] if {"integer", "number"} <= {*mine, *theirs} else []
    return [*(kind for kind in mine if kind in theirs), *whole]


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
