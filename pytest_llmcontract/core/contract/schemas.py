"""The JSON Schemas in ``schemas/``: read, cut down to a day, compiled; what decides, what explains, and where.

A compiled validator (``jsonschema-rs``) decides, in microseconds. Only when it says no, ``jsonschema`` explains:
it is imported then, not before. Our schemas use no ``anyOf`` or ``oneOf``, so every error it finds is about one
value at one place, and no alternative that was never meant is reported.

Files refer to each other by relative ``$ref``, so that any tool can use them where they lie; what such a tool reads
is the newest form. Four annotations say more:

``x-since``, ``x-until``
    On a property, or on an element of ``allOf``: the first day it is there and the first day it is gone.
    :func:`on_day` takes out what does not hold.
``x-was``
    Beside what a value has to be now: what it had to be before, oldest first, each with its ``x-until``.
``x-open``
    On an object of a reply: the provider adds fields to it now and then. To other tools it is open; here an unknown
    field of it is found, and :mod:`.reply` lets it pass unless it looks like a misspelling.
"""

from __future__ import annotations

import json
import pathlib
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from pytest_llmcontract.core.errors import DataError
from pytest_llmcontract.core.facts.places import find_schemas
from pytest_llmcontract.core.facts.registry import provider_folder, provider_names

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError
    from jsonschema_rs import Draft202012Validator as CompiledValidator

Path = tuple[str | int, ...]
"""Keys and indexes from a body down, ``("messages", 0, "role")``."""

ROOT = "https://pytest-llmcontract.invalid/schemas/"
"""What stands before a file's name in its ``$id``, once it is put together with others. Nobody fetches it."""


class _Nothing:
    def __repr__(self) -> str:
        return "nothing"


NOTHING = _Nothing()
"""What was sent for a missing field."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One place where a body breaks its schema: what both our words and the provider's are made from."""

    body: Any
    """The whole body."""
    path: Path
    """The value that failed; for a missing or unknown field, that field."""
    keyword: str
    """``additionalProperties``, ``required``, ``type``, ``enum``, ``minimum`` …"""
    expected: Any
    """The keyword's value."""
    sent: Any
    """The value that failed; :data:`NOTHING` for a missing field."""
    schema: Mapping[str, Any]
    """The subschema the keyword stands in."""
    place: str
    """Where that is: ``schemas/groq/chat.completions.request.json#/properties/n``."""
    known: Mapping[str, Any] = field(default_factory=dict)
    """For an unknown field: those there are in its place, with their schemas."""

    @property
    def name(self) -> str:
        """The field's own name, or that of the list it is in."""
        return next((str(part) for part in reversed(self.path) if isinstance(part, str)), "")

    @property
    def unknown(self) -> bool:
        """The contract has no such field."""
        return self.keyword in UNKNOWN

    @property
    def unsupported(self) -> bool:
        """The provider knows the field, and refuses what was sent."""
        return bool(self.schema.get("x-unsupported"))

    @property
    def ignored(self) -> bool:
        """The provider passes over it in silence."""
        return self.unknown and bool(self.schema.get("x-ignored"))

    @property
    def open(self) -> bool:
        """It is an unknown field of an object to which the provider adds fields."""
        return self.unknown and bool(self.schema.get("x-open"))


UNKNOWN = ("additionalProperties", "unevaluatedProperties")
"""Keywords that find unknown fields; the second one sees through ``$ref``."""


class DatedSchema:
    """One schema file as it is on one day, with all it refers to.

    Args:
        name: The file below ``schemas/``, ``groq/chat.completions.request.json``.
        day: What does not hold on it is left out.
    """

    def __init__(self, name: str, day: date) -> None:
        self.name = name
        self.day = day

    @cached_property
    def document(self) -> dict[str, Any]:
        """The schema with every file it refers to inside, as the standard bundles them: usable anywhere."""
        files = _closure(self.name, self.day)
        root = {"$id": ROOT + self.name, **files.pop(self.name)}
        root["$defs"] = root.get("$defs", {}) | {name: {"$id": ROOT + name, **file} for name, file in files.items()}
        return root

    @cached_property
    def flat(self) -> dict[str, Any]:
        """The schema with every file it refers to among its ``$defs``, and references within the document only."""
        files = _closure(self.name, self.day)
        places = {name: "" if name == self.name else f"/$defs/{name.replace('/', ':')}" for name in files}
        local = {place: _within(files[name], name, places) for name, place in places.items()}
        root = local.pop("")
        root["$defs"] = root.get("$defs", {}) | {place.rpartition("/")[2]: file for place, file in local.items()}
        return dict(root)

    @cached_property
    def fields(self) -> frozenset[str]:
        """The names of the fields of a body."""
        return frozenset(name for name, _ in self._known(self.name, self.document))

    def accepts(self, value: object) -> bool:
        """Whether *value* fits."""
        try:
            return self._compiled.is_valid(value)
        except ValueError:
            # Half of a surrogate pair in a key, or a key that is no string: nothing that JSON can hold.
            return bool(self._explainer.is_valid(value))

    def accept(self, values: Sequence[object]) -> bool:
        """Whether every one of *values* fits; one question for a whole stream."""
        try:
            return self._compiled_list.is_valid(values)
        except ValueError:
            return all(map(self.accepts, values))

    def fits(self, file: str, part: Any, value: object) -> bool:
        """Whether *value* fits *part*, a schema that may refer to others as one in *file* does."""
        if isinstance(part, bool):
            return part
        if id(part) not in self._parts:
            # With the schema itself: as long as it is kept, nothing else has its identity.
            self._parts[id(part)] = part, self._compiled_part(file, part)
        return self._parts[id(part)][1].is_valid(value)

    def unknown_fields(self, value: object) -> tuple[str, ...] | None:
        """Names of the unknown fields of open objects; ``None`` if anything else is wrong too.

        Takes microseconds: what :meth:`failures` would say at length, without a reason to ask it.
        """
        from jsonschema_rs import ValidationErrorKind

        try:
            kinds = [error.kind for error in self._compiled.iter_errors(value)]
        except ValueError:  # as in accepts
            return None
        news = [kind for kind in kinds if isinstance(kind, ValidationErrorKind.UnevaluatedProperties)]
        return tuple(name for kind in news for name in kind.unexpected) if len(news) == len(kinds) else None

    def failures(self, value: object) -> list[Failure]:
        """Everything wrong with *value*, in the order of a walk over sorted keys."""
        found = (failure for error in self._explainer.iter_errors(value) for failure in self._failures(error, value))
        # A union and the branch of it that was meant may both say so: the later one is the stricter.
        distinct = {(failure.path, failure.unknown or failure.keyword): failure for failure in found}
        return sorted(distinct.values(), key=_order)

    @cached_property
    def _compiled(self) -> CompiledValidator:
        import jsonschema_rs

        return jsonschema_rs.Draft202012Validator(self.document)

    @cached_property
    def _parts(self) -> dict[int, tuple[Mapping[str, Any], CompiledValidator]]:
        """Parts that were asked for, by identity."""
        return {}

    def _compiled_part(self, file: str, part: Mapping[str, Any]) -> CompiledValidator:
        import jsonschema_rs

        defined = self.document.get("$defs", {})
        others = {name: node for name, node in defined.items() if "$id" in node and name != file}
        own = {name: node for name, node in defined.items() if "$id" not in node}
        if file != self.name:
            others, own = {**others, self.name: {**self.document, "$defs": own}}, defined[file].get("$defs", {})
        return jsonschema_rs.Draft202012Validator({**part, "$id": ROOT + file, "$defs": {**own, **others}})

    @cached_property
    def _compiled_list(self) -> CompiledValidator:
        import jsonschema_rs

        return jsonschema_rs.Draft202012Validator({"type": "array", "items": self.document})

    @cached_property
    def _explainer(self) -> Draft202012Validator:
        from jsonschema import Draft202012Validator
        from referencing import Registry
        from referencing.jsonschema import DRAFT202012

        # Found once: else every reference goes through all files again.
        registry = Registry().with_resource("", DRAFT202012.create_resource(self.document)).crawl()
        return Draft202012Validator(self.document, registry=registry)

    def _failures(self, error: ValidationError, body: object) -> Iterator[Failure]:
        path: Path = tuple(error.absolute_path)
        keyword, expected, sent = str(error.validator), error.validator_value, error.instance
        schema = error.schema if isinstance(error.schema, Mapping) else {}
        file, pointer = self._find(self.name, "", self.document, list(error.absolute_schema_path)[:-1], schema)
        place = f"schemas/{file}#{pointer}"
        if keyword in UNKNOWN and isinstance(sent, Mapping):
            known = dict(self._known(file, schema))
            for name in sent:
                if name not in known:
                    yield Failure(body, (*path, str(name)), keyword, expected, sent[name], schema, place, known)
        elif keyword == "required" and isinstance(sent, Mapping) and isinstance(expected, list):
            for name in expected:
                if name not in sent:
                    yield Failure(body, (*path, name), keyword, expected, NOTHING, schema, place)
        else:
            yield Failure(body, path, keyword, expected, sent, schema, place)

    # Through references.

    def _find(
        self, file: str, pointer: str, node: Any, path: Sequence[str | int], wanted: Mapping[str, Any]
    ) -> tuple[str, str]:
        """File and pointer of *wanted*, at the end of *path*; jsonschema leaves ``$ref`` and ``if`` out of a path."""
        if not path and node is wanted:
            return file, pointer
        if path and _has(node, path[0]):
            found = self._find(file, f"{pointer}/{path[0]}", node[path[0]], path[1:], wanted)
            if found[0]:
                return found
        if isinstance(node, Mapping) and "$ref" in node:
            return self._find(*self.follow(file, node["$ref"]), path, wanted)
        return "", ""

    def follow(self, file: str, reference: str) -> tuple[str, str, Any]:
        """File, pointer and schema that a ``$ref`` in *file* means."""
        file, pointer = _target(file, reference)
        node = self.document if file == self.name else self.document["$defs"][file]
        for part in pointer.split("/")[1:]:
            node = node[part]
        return file, pointer, node

    def _known(self, file: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """The fields of an object, and those of what it extends."""
        if "$ref" in schema:
            other, _, node = self.follow(file, schema["$ref"])
            yield from self._known(other, node)
        yield from schema.get("properties", {}).items()


def dated_schema(name: str, day: date) -> DatedSchema:
    """The same one until something in it changes: compiling takes a millisecond, and waits for the first body."""
    return _schema_since(name, max((turn for turn in _turning_days(name) if turn <= day), default=date.min))


@cache
def _schema_since(name: str, day: date) -> DatedSchema:
    return DatedSchema(name, day)


@cache
def _turning_days(name: str) -> frozenset[date]:
    """The days on which something comes or goes, in the file or in one it refers to."""
    return frozenset(date.fromisoformat(day) for schema in _closure(name).values() for day in _days(schema))


# Files


@cache
def schema_files(provider: str) -> frozenset[str]:
    """The names of a provider's schema files, without their folder."""
    return frozenset(path.name for path in _schema_folder(provider).glob("*.json"))


def _schema_folder(name: str) -> pathlib.Path:
    """Where the schemas of a provider lie, or those that several share: with ours, or in its own package."""
    ours = find_schemas() / name
    return ours if ours.is_dir() or name not in provider_names() else provider_folder(name) / "schemas"


@cache
def read_schema(name: str) -> Mapping[str, Any]:
    """The schema as its file below ``schemas/`` has it, dates and all.

    Raises:
        DataError: There is no such file, or it is no JSON object.
    """
    folder, _, rest = name.partition("/")
    file = _schema_folder(folder) / rest
    try:
        schema = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise DataError(f"{file}: {problem}") from problem
    if not isinstance(schema, dict):
        raise DataError(f"{file}: $: a schema is an object")
    return schema


def _closure(name: str, day: date | None = None) -> dict[str, Mapping[str, Any]]:
    """The schema *name* and every one it refers to, directly or not, by file; as of *day*, or as they stand."""
    found: dict[str, Mapping[str, Any]] = {}
    waiting = [name]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found[file] = on_day(read_schema(file), day) if day else read_schema(file)
            waiting += (_target(file, reference)[0] for reference in _references(found[file]))
    return found


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        yield node["$ref"]
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _references(value)


def _within(node: Any, file: str, places: Mapping[str, str]) -> Any:
    """A copy of *node*, a part of *file*, that refers to each file by its place in one document."""
    if isinstance(node, dict):
        copy = {key: _within(value, file, places) for key, value in node.items() if key != "$id"}
        if isinstance(node.get("$ref"), str):
            named, pointer = _target(file, node["$ref"])
            copy["$ref"] = f"#{places[named]}{pointer}"
        return copy
    return [_within(value, file, places) for value in node] if isinstance(node, list) else node


def _target(file: str, reference: str) -> tuple[str, str]:
    """``shared/chat.json`` and ``/$defs/tool``, for ``../shared/chat.json#/$defs/tool`` in a provider's file."""
    path, _, pointer = reference.partition("#")
    return posixpath.normpath(posixpath.join(posixpath.dirname(file), path)) if path else file, pointer


def _has(node: Any, part: str | int) -> bool:
    return part in node if isinstance(node, Mapping) else isinstance(node, list) and isinstance(part, int)


# Days


def _days(node: Any) -> Iterator[str]:
    """Every ``x-since`` and ``x-until`` below *node*."""
    if isinstance(node, dict):
        yield from (node[key] for key in ("x-since", "x-until") if isinstance(node.get(key), str))
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _days(value)


def on_day(schema: Mapping[str, Any], day: date) -> dict[str, Any]:
    """A copy of *schema* without what does not hold on *day*, its open objects closed.

    A property is taken out. An element of a list becomes ``true``, so that pointers into the file stay right.
    """
    return {key: _on_day(value, day) for key, value in schema.items()} | _closing(schema)


def _on_day(value: Any, day: date) -> Any:
    if isinstance(value, list):
        return [_on_day(item, day) if _holds(item, day) else True for item in value]
    if isinstance(value, dict):
        value = _as_it_was(value, day)
        return {key: _on_day(item, day) for key, item in value.items() if _holds(item, day)} | _closing(value)
    return value


def _as_it_was(schema: dict[str, Any], day: date) -> dict[str, Any]:
    """*schema*, or the older form of it that held on *day*."""
    older = (form for form in schema.get("x-was", ()) if day < date.fromisoformat(form["x-until"]))
    return next(({key: value for key, value in form.items() if key != "x-until"} for form in older), schema)


def _holds(value: Any, day: date) -> bool:
    if not isinstance(value, dict):
        return True
    since, until = value.get("x-since"), value.get("x-until")
    return (since is None or date.fromisoformat(since) <= day) and (until is None or day < date.fromisoformat(until))


def _closing(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"unevaluatedProperties": False} if schema.get("x-open") is True else {}


# Order


def _order(failure: Failure) -> tuple[Any, ...]:
    """As a walk over sorted keys meets them, depth first; what is missing comes after its siblings.

    So does kin-openapi, whose texts Groq's are.
    """
    *parents, last = failure.path or ("",)
    missing = failure.keyword == "required"
    place = [(0, _sortable(part)) for part in parents] + [(1 if missing else 0, _sortable(last))]
    return place, _KEYWORD_ORDER.get(failure.keyword, 9)


def _sortable(part: str | int) -> tuple[int, str]:
    return (part, "") if isinstance(part, int) else (0, part)


_KEYWORD_ORDER = {"enum": 0, "const": 0, "type": 1}
