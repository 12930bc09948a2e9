"""Values of a JSON Schema, as Hypothesis draws them: those of the schemas of this project, and the keywords they use.

``hypothesis-jsonschema`` refuses schemas that recurse, and fails with newer Hypothesis on every object. Here an object
is drawn field by field, and what its fields decide (``if``) afterwards; the compiled schema has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from pytest_llmcontract.core.contract.schemas import DatedSchema

Part = tuple[str, Any]
"""A schema and the file it stands in; a value has to fit several of them."""
Usual = Callable[[str], st.SearchStrategy[Any] | None]
"""What a field of that name is drawn from wherever it fits; ``None``: from its schema alone."""

MOST_OPTIONAL = 5
"""Fields of one object beyond those that it must have."""
MOST_ITEMS = 2
"""Items of a list beyond those that it must have."""
DEEPEST = 7
"""From there only what must be is drawn."""
ROUNDS = 6
"""How often the fields of an object may decide about others."""
LARGEST = 2**31 - 1
LONGEST = 20
"""Characters of a text of which nothing else is known."""

CONTAINERS = frozenset({"object", "array"})
_TYPES = ("string", "integer", "number", "boolean", "object", "array", "null")
_INFERRED = {
    "properties": "object",
    "required": "object",
    "additionalProperties": "object",
    "items": "array",
    "pattern": "string",
}
"""What is meant where no type is said."""

_letters = st.characters(exclude_categories=["Cs"])
texts = st.text(_letters, max_size=LONGEST)
leaves = st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | texts
moments = st.datetimes(datetime(2025, 1, 1), datetime(2030, 1, 1)).map(lambda day: day.replace(tzinfo=UTC).isoformat())
"""Days that there are, where a pattern only says how one is written."""
A_MOMENT = "2026-01-02T03:04:05Z"
things = st.dictionaries(texts, leaves, max_size=2)


@st.composite
def values(
    draw: st.DrawFn, form: DatedSchema, usual: Usual = lambda name: None, narrower: Any = True, *, nulls: bool = True
) -> Any:
    """A value that *form* accepts.

    Args:
        usual: What fields of some names usually hold.
        narrower: Another schema that it has to fit.
        nulls: Whether something may be ``null`` that can be anything else.
    """
    drawing = _Drawing(draw, form, usual, nulls)
    value = drawing.value([(form.name, form.document), (form.name, narrower)])
    if not form.accepts(value) or not drawing.fits([(form.name, narrower)], value):
        reject()
    return value


class _Drawing:
    """Draws one value."""

    def __init__(self, draw: st.DrawFn, form: DatedSchema, usual: Usual, nulls: bool) -> None:
        self.draw = draw
        self._usual = usual
        self._nulls = nulls
        self._form = form

    def value(self, wanted: Iterable[Part], name: str = "", depth: int = 0) -> Any:
        parts = [part for file, schema in wanted for part in self._parts(file, schema)]
        usual = self._usual(name) if name else None
        if usual is not None and self.fits(parts, found := self.draw(usual)):
            return found
        lists = [schema.get("enum", [schema.get("const")]) for _, schema in parts if {"enum", "const"} & schema.keys()]
        if lists:
            return self._one_of(self._said([value for value in lists[0] if self.fits(parts, value)], None))
        return self._of_type(self._one_of(self._said(_types_of(parts, depth), "null")), parts, depth)

    def _said(self, options: list[Any], null: str | None) -> list[Any]:
        """*options* without that of saying nothing, if it shall not be and there are others."""
        others = options if self._nulls else [option for option in options if option != null]
        return others or options

    def fits(self, parts: Iterable[Part], value: Any) -> bool:
        return all(self._form.fits(file, schema, value) for file, schema in parts)

    def _parts(self, file: str, schema: Any) -> Iterator[Part]:
        """The schema and all it is made of: what it refers to, and one of its alternatives."""
        if schema is False:
            reject()
        if not isinstance(schema, Mapping):
            return
        yield file, schema
        if "$ref" in schema:
            other, _, node = self._form.follow(file, schema["$ref"])
            yield from self._parts(other, node)
        for inner in schema.get("allOf", ()):
            yield from self._parts(file, inner)
        if "anyOf" in schema:
            yield from self._parts(file, self._one_of(schema["anyOf"]))

    def _one_of(self, options: list[Any]) -> Any:
        return self.draw(st.sampled_from(options)) if options else reject()

    def _of_type(self, kind: str, parts: list[Part], depth: int) -> Any:
        schemas = [schema for _, schema in parts]
        match kind:
            case "object":
                return self._object(parts, depth)
            case "array":
                return self._array(parts, depth)
            case "string":
                return self.draw(_strings(schemas))
            case "integer" | "number":
                return self.draw(_numbers(schemas, whole=kind == "integer"))
            case "boolean":
                return self.draw(st.booleans())
        return None

    def _array(self, parts: list[Part], depth: int) -> list[Any]:
        least = max((schema.get("minItems", 0) for _, schema in parts), default=0)
        most = min((schema.get("maxItems", least + MOST_ITEMS) for _, schema in parts), default=MOST_ITEMS)
        count = least if depth >= DEEPEST else self.draw(st.integers(least, max(least, min(most, least + MOST_ITEMS))))
        items = [(file, schema["items"]) for file, schema in parts if "items" in schema]
        return [self.value(items, "", depth + 1) if items else self.draw(leaves) for _ in range(count)]

    # Objects

    def _object(self, parts: list[Part], depth: int) -> dict[str, Any]:
        if not any(isinstance(schema.get("properties"), Mapping) for _, schema in parts) and not _has_if(parts):
            return self._free(parts, depth)
        found: dict[str, Any] = {}
        offered: set[str] = set()
        for _ in range(ROUNDS):
            holding = [*parts, *self._decided(parts, found)]
            fields, allowed = _fields_of(holding), _allowed(holding)
            new = [name for name in fields if name not in offered and (allowed is None or name in allowed)]
            offered |= fields.keys()
            before = dict(found)
            wanted = {*found, *_required(holding), *self._chosen(new, depth)}
            found = {
                name: self._field(name, fields.get(name, []), found, depth)
                for name in [*fields, *(wanted - fields.keys())]
                if name in wanted and (allowed is None or name in allowed)
            }
            if found == before:
                break
        return found

    def _chosen(self, names: list[str], depth: int) -> list[str]:
        if not names or depth >= DEEPEST:
            return []
        return self.draw(st.lists(st.sampled_from(names), unique=True, max_size=MOST_OPTIONAL))

    def _field(self, name: str, parts: list[Part], found: Mapping[str, Any], depth: int) -> Any:
        if name in found and self.fits(parts, found[name]):
            return found[name]
        return self.value(parts, name, depth + 1)

    def _decided(self, parts: Iterable[Part], value: Mapping[str, Any]) -> Iterator[Part]:
        """What the fields there are so far decide about others."""
        for file, schema in parts:
            if "if" in schema:
                branch = schema.get("then" if self._form.fits(file, schema["if"], value) else "else", True)
                inner = list(self._parts(file, branch))
                yield from inner
                yield from self._decided(inner, value)

    def _free(self, parts: list[Part], depth: int) -> dict[str, Any]:
        """An object whose fields have no names."""
        rest = [(file, schema["additionalProperties"]) for file, schema in parts if "additionalProperties" in schema]
        if any(schema is False for _, schema in rest):
            return {}
        if not rest or depth >= DEEPEST:
            return {} if depth >= DEEPEST else self.draw(things)
        names = self.draw(st.lists(texts, unique=True, max_size=MOST_ITEMS))
        return {name: self.value(rest, "", depth + 1) for name in names}


def _types_of(parts: list[Part], depth: int) -> list[str]:
    """The types that all of *parts* allow, ``null`` last."""
    kinds = set(_TYPES)
    for _, schema in parts:
        told = schema.get("type")
        if told is not None:
            named = {told} if isinstance(told, str) else set(told)
            kinds &= named | ({"integer"} if "number" in named else set())
    if kinds == set(_TYPES):
        kinds = {_INFERRED[word] for _, schema in parts for word in _INFERRED.keys() & schema.keys()} or kinds
    if depth >= DEEPEST and kinds - CONTAINERS:
        kinds -= CONTAINERS
    return [kind for kind in _TYPES if kind in kinds and not (kind == "integer" and "number" in kinds)]


def _has_if(parts: Iterable[Part]) -> bool:
    return any("if" in schema for _, schema in parts)


def _fields_of(parts: Iterable[Part]) -> dict[str, list[Part]]:
    """The named fields, and all that each has to fit; one that may not be is none."""
    fields: dict[str, list[Part]] = {}
    for file, schema in parts:
        for name, inner in schema.get("properties", {}).items():
            fields.setdefault(name, []).append((file, inner))
    return {name: inner for name, inner in fields.items() if not any(schema is False for _, schema in inner)}


def _required(parts: Iterable[Part]) -> list[str]:
    return [name for _, schema in parts for name in schema.get("required", ())]


def _allowed(parts: Iterable[Part]) -> set[str] | None:
    """The only names there may be; ``None``: any."""
    closed = [set(schema.get("properties", {})) for _, schema in parts if schema.get("additionalProperties") is False]
    return set.intersection(*closed) if closed else None


def _strings(schemas: list[Mapping[str, Any]]) -> st.SearchStrategy[str]:
    patterns = [schema["pattern"] for schema in schemas if "pattern" in schema]
    if not patterns:
        most = min((schema["maxLength"] for schema in schemas if "maxLength" in schema), default=LONGEST)
        return st.text(_letters, max_size=min(LONGEST, most))
    if all(re.search(pattern, A_MOMENT) for pattern in patterns):
        found = moments
    else:
        # As JSON Schema means it: a digit is one of ten. What may stand around the pattern is left away.
        found = st.from_regex(re.compile(patterns[0], re.ASCII), fullmatch=True)
    return found.filter(lambda text: all(re.search(pattern, text) for pattern in patterns))


def _numbers(schemas: list[Mapping[str, Any]], *, whole: bool) -> st.SearchStrategy[Any]:
    least = max((schema["minimum"] for schema in schemas if "minimum" in schema), default=-LARGEST)
    most = min((schema["maximum"] for schema in schemas if "maximum" in schema), default=LARGEST)
    integers = st.integers(least if isinstance(least, int) else int(least) + 1, int(most))
    return integers if whole else integers | st.floats(least, most, allow_nan=False)
