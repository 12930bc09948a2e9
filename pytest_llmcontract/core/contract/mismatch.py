"""What is wrong with a body, in our own words: one line each for what, where, what was sent and what is allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_llmcontract.core.contract.schemas import NOTHING, Failure, Path
from pytest_llmcontract.core.secrets import excerpt
from pytest_llmcontract.core.words import listed


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing wrong with a body. Texts are one line each; empty means not applicable."""

    code: str
    """``LLM101`` unsupported or unknown field, ``LLM102`` value outside the contract; ``LLM201`` of a reply."""
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
    certain: bool = True
    """Whether somebody saw it refused. What nobody saw refused is a warning, and is answered."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """What fills the error's body: ``message``, ``param``, ``code``. An absent key is not sent, ``None`` is null."""


def json_path(path: Path) -> str:
    """``$.messages[0].role``"""
    return "$" + "".join(_step(part) for part in path)


def _step(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if re.fullmatch(r"[A-Za-z_$][\w$]*", part) else f"[{part!r}]"


def message(failure: Failure) -> str:
    """One line about *failure*, for a person: ``$.temperature is 3, above 2``."""
    path, sent = json_path(failure.path) if failure.path else "the body", shown(failure.sent, failure.name)
    match failure.keyword:
        case _ if failure.ignored:
            return f"{path} is not a field of this API, which ignores it"
        case _ if failure.unknown:
            return f"{path} is not supported"
        case "required":
            return f"{path} is missing"
        case "type":
            if failure.unsupported and failure.expected == "null":
                return f"{path} is not supported"
            return f"{path} is {kind_of(failure.sent)}, not {_kinds(failure.expected)}"
        case "enum" | "const" | "maxItems" if failure.unsupported:
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
        case "maxProperties":
            return f"{path} has {len(failure.sent)} keys, more than {failure.expected}"
        case "maxLength":
            return f"{path} has {len(failure.sent):,} characters, more than {failure.expected:,}"
    return f"{path} is {sent}, which breaks the contract's {failure.keyword!r}"


def allowed(failure: Failure) -> str:
    """What would have been accepted in its place: ``0 to 2``, ``'auto', 'none'``."""
    schema = failure.schema
    match failure.keyword:
        case _ if failure.unknown:
            return ", ".join(known) if len(known := _known(failure)) <= 12 else "a field of the contract"
        case "required":
            return "the field"
        case "enum" | "maxItems" if failure.unsupported:
            return "nothing"
        case "enum":
            return listed(failure.sent, map(shown, failure.expected))
        case "type" if failure.unsupported and failure.expected == "null":
            return "nothing"
        case "type":
            return _kinds(failure.expected)
        case "minimum" | "maximum" if "minimum" in schema and "maximum" in schema:
            low, high = schema["minimum"], schema["maximum"]
            return f"only {low}" if low == high else f"{low} to {high}"
        case "minimum" | "minItems":
            return f"at least {failure.expected}"
        case "maximum" | "maxItems" | "maxProperties" | "maxLength":
            return f"at most {failure.expected}"
    return shown(failure.expected)


def fix(failure: Failure) -> str:
    """What to do about it."""
    if own := failure.schema.get("x-fix"):
        return str(own)
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
    return sorted(name for name, schema in failure.known.items() if not _refused(schema))


def _refused(schema: Any) -> bool:
    return isinstance(schema, Mapping) and bool(schema.get("x-unsupported")) and "maximum" not in schema


_LONGEST = 60
"""Characters of a value that a message shows."""

SECRET = re.compile(r"key|token(?!s)|secret|password|authorization|credential", re.IGNORECASE)


def shown(value: object, name: str = "") -> str:
    """A value as JSON, short; of a field that may hold a secret only that there is one."""
    if value is NOTHING:
        return "nothing"
    if isinstance(value, str) and SECRET.search(name):
        return "'***'"
    if isinstance(value, str):
        return excerpt(repr(value), _LONGEST)
    try:
        return excerpt(json.dumps(value, ensure_ascii=False), _LONGEST)
    except (TypeError, ValueError):
        return excerpt(repr(value), _LONGEST)


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
