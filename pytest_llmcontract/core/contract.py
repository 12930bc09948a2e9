"""Is a request body what the provider accepts? And if not: what is wrong, and what would the provider say?

The contract of an operation is a JSON Schema, ``schemas/<provider>/<operation>.request.json``, and what a schema
cannot say (which model takes what), which is the provider's :class:`Wording`.

A compiled validator (``jsonschema-rs``) decides, in microseconds. Only when it says no, ``jsonschema`` explains:
it is imported then, not before. Our schemas use no ``anyOf`` or ``oneOf``, so every error it finds is about one
value at one place, and no alternative that was never meant is reported.

Schemas carry dates. ``x-since`` and ``x-until`` on a property, or on an element of ``allOf``, are the first day it
is there and the first day it is gone; :func:`on_day` takes out what does not hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pytest_llmcontract.core.errors import DataError

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

    from pytest_llmcontract.core.profile import Model

Path = tuple[str | int, ...]
"""Keys and indexes from the body down, ``("messages", 0, "role")``."""


# What comes out


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing wrong with a request body. Texts are one line each; empty means not applicable."""

    code: str
    """``LLM101`` unsupported or unknown field, ``LLM102`` value outside the contract."""
    path: str
    """JSON path in the body, ``$.messages[0].role``."""
    message: str
    """Stands alone after ``groq chat.completions: ``: ``$.logprobs is not supported``."""
    sent: str = ""
    allowed: str = ""
    schema: str = ""
    """What says so, ``schemas/groq/chat.completions.request.json#/properties/n``."""
    fix: str = ""
    error: str | None = None
    """Name in the provider's error catalogue; ``None`` if the provider tolerates it."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """What fills the error's body: ``message``, ``param``, ``code``. An absent key is not sent, ``None`` is null."""


# What a provider adds


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a provider answers a mismatch."""

    error: str
    """Name in its error catalogue."""
    detail: Mapping[str, Any]
    """See :attr:`Mismatch.detail`."""


@dataclass(frozen=True, slots=True)
class Text:
    """A provider's words, with ``{placeholders}``, and how we know them."""

    template: str
    source: Literal["recorded", "pasted", "documented", "assumed"]
    """From a recorded exchange, an error that somebody pasted, the provider's documents, our guess."""
    note: str = ""

    def __call__(self, **values: object) -> str:
        return self.template.format(**values)


@dataclass(frozen=True, slots=True)
class Failure:
    """One place where the body breaks the schema: what both our words and the provider's are made from."""

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
    pointer: str
    """Where that is in the schema's file, ``/properties/n``."""

    @property
    def name(self) -> str:
        """The field's own name, or that of the list it is in."""
        return next((str(part) for part in reversed(self.path) if isinstance(part, str)), "")

    @property
    def unknown(self) -> bool:
        """The contract has no such field."""
        return self.keyword == "additionalProperties"

    @property
    def unsupported(self) -> bool:
        """The provider knows the field, and refuses what was sent."""
        return bool(self.schema.get("x-unsupported"))

    @property
    def ignored(self) -> bool:
        """The provider passes over it in silence."""
        return self.unknown and bool(self.schema.get("x-ignored"))


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken rule that no schema can express, mostly because it depends on the model."""

    path: Path
    message: str
    """As :attr:`Mismatch.message`, without the path: ``asks for 9000 tokens``."""
    refusal: Refusal | None
    allowed: str = ""
    fix: str = ""
    code: str = "LLM102"


class Wording(Protocol):
    """What a provider says, on the day of an edition."""

    def refusal(self, failure: Failure) -> Refusal | None:
        """Its answer to a body that breaks the schema; ``None`` if it tolerates it."""

    def breaches(self, operation: str, body: Mapping[str, Any], model: Model | None) -> Iterable[Breach]:
        """What else is wrong with a body whose form is right. *model* is ``None`` if nobody knows it."""


class PlainWording:
    """For a provider whose words nobody has written down."""

    def refusal(self, failure: Failure) -> Refusal | None:
        return None if failure.ignored else Refusal("bad_request", {"message": message(failure), "param": failure.name})

    def breaches(self, operation: str, body: Mapping[str, Any], model: Model | None) -> Iterable[Breach]:
        del operation, body, model
        return ()


# The contract


class RequestContract:
    """What one operation of one provider accepts on one day.

    Args:
        provider: Name of the folder in ``schemas/``.
        operation: ``chat.completions``.
        edition: The day; a recording is judged by the day it was made.
        wording: What the provider says. Without one, mismatches have plain texts.
    """

    def __init__(self, provider: str, operation: str, edition: date, wording: Wording | None = None) -> None:
        self.provider = provider
        self.operation = operation
        self.edition = edition
        self.file = f"schemas/{provider}/{operation}.request.json"
        self._wording = wording or PlainWording()

    def check(self, body: object, model: Model | None = None) -> tuple[Mismatch, ...]:
        """Everything wrong with *body*, in the order in which the provider would meet it; ``()`` if nothing is.

        The first mismatch that has an ``error`` is what the provider answers. What depends on the model is looked
        at only if the provider would accept the body's form.
        """
        found = () if self._accepts(body) else self._explain(body)
        if any(mismatch.error for mismatch in found) or not isinstance(body, Mapping):
            return found
        breaches = tuple(self._wording.breaches(self.operation, body, model))
        return found + tuple(self._described(breach, body) for breach in breaches) if breaches else found

    # The form.

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The schema of this day."""
        return on_day(read_schema(self.provider, self.operation), self.edition)

    @cached_property
    def _accepts(self) -> Callable[[object], bool]:
        import jsonschema_rs

        is_valid = jsonschema_rs.Draft202012Validator(self.schema).is_valid

        def accepts(body: object) -> bool:
            try:
                return is_valid(body)
            except ValueError:
                # Half of a surrogate pair in a key, or a key that is no string: nothing that JSON can hold.
                return bool(self._explainer.is_valid(body))

        return accepts

    @cached_property
    def _explainer(self) -> Draft202012Validator:
        from jsonschema import Draft202012Validator

        return Draft202012Validator(self.schema)

    def _explain(self, body: object) -> tuple[Mismatch, ...]:
        failures = (failure for error in self._explainer.iter_errors(body) for failure in self._failures(error, body))
        # A union and the branch of it that was meant may both say so: the later one is the stricter.
        distinct = {(failure.path, failure.keyword): failure for failure in failures}
        return tuple(self._worded(failure) for failure in sorted(distinct.values(), key=_order))

    def _failures(self, error: ValidationError, body: object) -> Iterator[Failure]:
        path: Path = tuple(error.absolute_path)
        keyword, expected, sent = str(error.validator), error.validator_value, error.instance
        schema = error.schema if isinstance(error.schema, Mapping) else {}
        pointer = _pointer(self.schema, list(error.absolute_schema_path)[:-1])
        if keyword == "additionalProperties" and isinstance(sent, Mapping):
            unknown = [name for name in sent if name not in schema.get("properties", {})]
            for name in unknown:
                yield Failure(body, (*path, str(name)), keyword, expected, sent[name], schema, pointer)
        elif keyword == "required" and isinstance(sent, Mapping) and isinstance(expected, list):
            for name in expected:
                if name not in sent:
                    yield Failure(body, (*path, name), keyword, expected, NOTHING, schema, pointer)
        else:
            yield Failure(body, path, keyword, expected, sent, schema, pointer)

    def _worded(self, failure: Failure) -> Mismatch:
        refusal = self._wording.refusal(failure)
        return Mismatch(
            code="LLM101" if failure.unknown or failure.unsupported else "LLM102",
            path=json_path(failure.path),
            message=message(failure),
            sent=shown(failure.sent, failure.name),
            allowed=allowed(failure),
            schema=f"{self.file}#{failure.pointer}",
            fix=_fix(failure),
            error=refusal.error if refusal else None,
            detail=refusal.detail if refusal else {},
        )

    # The rest.

    def _described(self, breach: Breach, body: Mapping[str, Any]) -> Mismatch:
        path = json_path(breach.path)
        return Mismatch(
            code=breach.code,
            path=path,
            message=f"{path} {breach.message}",
            sent=shown(_at(body, breach.path), str(breach.path[-1])),
            allowed=breach.allowed,
            schema=f"{self.file}#/properties/{breach.path[0]}",
            fix=breach.fix,
            error=breach.refusal.error if breach.refusal else None,
            detail=breach.refusal.detail if breach.refusal else {},
        )


@cache
def contract_for(
    provider: str, operation: str, edition: date, wording: Callable[[date], Wording] | None = None
) -> RequestContract | None:
    """The contract of *operation* on the day *edition*, or ``None`` if there is no schema for it.

    The same one every time: compiling takes a millisecond, and waits for the first body. *wording* makes the
    provider's words of that day.
    """
    if operation not in operations_with_contract(provider):
        return None
    return RequestContract(provider, operation, edition, wording(edition) if wording else None)


# Schemas and their dates


@cache
def operations_with_contract(provider: str) -> tuple[str, ...]:
    """Operations whose request has a schema."""
    from pytest_llmcontract.core.data import find_schemas

    suffix = ".request.json"
    return tuple(sorted(path.name.removesuffix(suffix) for path in (find_schemas() / provider).glob(f"*{suffix}")))


@cache
def read_schema(provider: str, operation: str) -> Mapping[str, Any]:
    """The schema as its file has it, dates and all.

    Raises:
        DataError: There is no such file, or it is no JSON object.
    """
    from pytest_llmcontract.core.data import find_schemas

    file = find_schemas() / provider / f"{operation}.request.json"
    try:
        schema = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise DataError(f"{file}: {problem}") from problem
    if not isinstance(schema, dict):
        raise DataError(f"{file}: $: a schema is an object")
    return schema


def on_day(schema: Mapping[str, Any], day: date) -> dict[str, Any]:
    """A copy of *schema* without what does not hold on *day*.

    A property is taken out. An element of a list becomes ``true``, so that pointers into the file stay right.
    """
    return {key: _on_day(value, day) for key, value in schema.items()}


def _on_day(value: Any, day: date) -> Any:
    if isinstance(value, list):
        return [_on_day(item, day) if _holds(item, day) else True for item in value]
    if isinstance(value, dict):
        return {key: _on_day(item, day) for key, item in value.items() if _holds(item, day)}
    return value


def _holds(value: Any, day: date) -> bool:
    if not isinstance(value, dict):
        return True
    since, until = value.get("x-since"), value.get("x-until")
    return (since is None or date.fromisoformat(since) <= day) and (until is None or day < date.fromisoformat(until))


# Places


def json_path(path: Path) -> str:
    """``$.messages[0].role``"""
    return "$" + "".join(_step(part) for part in path)


def _step(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if re.fullmatch(r"[A-Za-z_$][\w$]*", part) else f"[{part!r}]"


def _pointer(schema: Any, path: Sequence[str | int]) -> str:
    """Where *path* leads, through every ``$ref``: ``["properties", "user", "type"]`` -> ``/properties/user/type``.

    jsonschema leaves ``$ref`` and ``if`` out of its paths.
    """
    node, pointer = schema, ""
    for part in path:
        while isinstance(node, Mapping) and "$ref" in node and part not in node:
            pointer = node["$ref"].removeprefix("#")
            node = _follow(schema, pointer)
        node = node[part]
        pointer += f"/{part}"
    return _followed(node, pointer)


def _followed(node: Any, pointer: str) -> str:
    only_refers = isinstance(node, Mapping) and "$ref" in node and not node.keys() - {"$ref", "description"} - DATES
    return node["$ref"].removeprefix("#") if only_refers else pointer


def _follow(schema: Any, pointer: str) -> Any:
    for part in pointer.strip("/").split("/"):
        schema = schema[part]
    return schema


DATES = frozenset({"x-since", "x-until"})


class _Nothing:
    def __repr__(self) -> str:
        return "nothing"


NOTHING = _Nothing()
"""What was sent for a missing field."""


def _at(body: Any, path: Path) -> Any:
    for part in path:
        try:
            body = body[part]
        except (KeyError, IndexError, TypeError):
            return NOTHING
    return body


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


# Our own words


def message(failure: Failure) -> str:
    """One line about *failure*, for a person: ``$.temperature is 3, above 2``."""
    path, sent = json_path(failure.path) if failure.path else "the body", shown(failure.sent, failure.name)
    match failure.keyword:
        case "additionalProperties" if failure.ignored:
            return f"{path} is not a field of this API, which ignores it"
        case "additionalProperties":
            return f"{path} is not supported"
        case "required":
            return f"{path} is missing"
        case "type":
            if failure.unsupported and failure.expected == "null":
                return f"{path} is not supported"
            return f"{path} is {kind_of(failure.sent)}, not {_kinds(failure.expected)}"
        case "enum" | "const" if failure.unsupported:
            return f"{path} is not supported"
        case "enum" | "const":
            return f"{path} is {sent}, which the contract does not know"
        case "minimum" | "maximum" if allowed(failure).startswith("only "):
            return f"{path} is {sent}, and {allowed(failure)} is supported"
        case "minimum":
            return f"{path} is {sent}, below {failure.expected}"
        case "maximum":
            return f"{path} is {sent}, above {failure.expected}"
        case "minItems":
            return f"{path} has {_items(len(failure.sent))}, fewer than {failure.expected}"
        case "maxItems":
            return f"{path} has {_items(len(failure.sent))}, more than {failure.expected}"
    return f"{path} is {sent}, which breaks the contract's {failure.keyword!r}"


def allowed(failure: Failure) -> str:
    """What would have been accepted in its place: ``0 to 2``, ``'auto', 'none'``."""
    schema = failure.schema
    match failure.keyword:
        case "additionalProperties" if len(known := _known(failure)) <= 12:
            return ", ".join(known)
        case "additionalProperties":
            return "a field of the contract"
        case "required":
            return "the field"
        case "enum" if failure.unsupported:
            return "nothing"
        case "enum":
            return ", ".join(shown(value) for value in failure.expected)
        case "type" if failure.unsupported and failure.expected == "null":
            return "nothing"
        case "type":
            return _kinds(failure.expected)
        case "minimum" | "maximum" if "minimum" in schema and "maximum" in schema:
            low, high = schema["minimum"], schema["maximum"]
            return f"only {low}" if low == high else f"{low} to {high}"
        case "minimum" | "minItems":
            return f"at least {failure.expected}"
        case "maximum" | "maxItems":
            return f"at most {failure.expected}"
    return shown(failure.expected)


def _fix(failure: Failure) -> str:
    if fix := failure.schema.get("x-fix"):
        return str(fix)
    if failure.unknown:
        import difflib

        near = difflib.get_close_matches(failure.name, _known(failure), n=1)
        return f"did you mean {near[0]!r}?" if near else "leave it out"
    if failure.unsupported:
        return "leave it out"
    if failure.keyword == "required":
        return f"send {failure.name!r}"
    return f"send one of {allowed(failure)}" if failure.keyword == "enum" else f"send {allowed(failure)}"


def _known(failure: Failure) -> list[str]:
    """The fields there are in place of an unknown one, without those that are always refused."""
    fields = failure.schema.get("properties", {})
    return sorted(name for name, schema in fields.items() if not _refused(schema))


def _refused(schema: Any) -> bool:
    return isinstance(schema, Mapping) and bool(schema.get("x-unsupported")) and "maximum" not in schema


SECRET = re.compile(r"key|token|secret|password|authorization|credential", re.IGNORECASE)


def shown(value: object, name: str = "") -> str:
    """A value as JSON, short; of a field that may hold a secret only that there is one."""
    if value is NOTHING:
        return "nothing"
    if isinstance(value, str) and SECRET.search(name):
        return "'***'"
    if isinstance(value, str):
        return _short(repr(value))
    try:
        return _short(json.dumps(value, ensure_ascii=False))
    except (TypeError, ValueError):
        return _short(repr(value))


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def kind_of(value: object) -> str:
    """``a string``, ``null`` …: what JSON calls it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return _WORDS["boolean"]
    if isinstance(value, int):
        return _WORDS["integer"]
    names = {float: "number", str: "string", list: "array", tuple: "array"}
    return _WORDS[names.get(type(value), "object")]


def _kinds(expected: str | Sequence[str]) -> str:
    names = [expected] if isinstance(expected, str) else list(expected)
    return " or ".join(_WORDS[name] for name in names)


_WORDS = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def _items(count: int) -> str:
    return f"{count} item" if count == 1 else f"{count} items"
