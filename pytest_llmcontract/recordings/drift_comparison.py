"""A recorded reply against the simulated one, field by field.

Compared are status, error, names of headers, keys of the body or of a stream's first, last and other chunks, and the
values that follow from rules: limits, what is left of them and when they are full again, the form of ids.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_llmcontract.core.exchange import ApiReply
from pytest_llmcontract.core.facts.records import LIMIT_KINDS
from pytest_llmcontract.core.secrets import excerpt, scrubbed
from pytest_llmcontract.recordings.drift_simulation import LIMIT_HEADERS, told_limits
from pytest_llmcontract.recordings.drift_unknown import CHOSEN, COUNTED, HEADERS, objects_of

ASPECTS = ("status", "error", "headers", "body", "values")
"""What is compared, in the order of a report."""
NOTHING = "nothing"
"""In place of a value that one side does not have."""
LONGEST = 160
"""Characters of a value that are shown."""


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One field in which the two replies differ."""

    aspect: str
    field: str
    """``status``, ``error.message``, ``header x-groq-region``, ``body usage.queue_time``, ``first chunk …``."""
    recorded: str
    simulated: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was compared of one exchange, and what of it differs."""

    aspects: tuple[str, ...]
    differences: tuple[FieldDifference, ...]
    left_out: tuple[str, ...] = ()
    """Parts of the reply that no request determines."""


def compared(recorded: ApiReply, simulated: ApiReply, model: str = "") -> Comparison:
    """Field by field.

    Args:
        model: Its name in a message is none that differs.
    """
    if recorded.status != simulated.status:
        one, other = (_status_text(reply, model) for reply in (recorded, simulated))
        return Comparison(("status",), (FieldDifference("status", "status", one, other),))
    aspects, found, left_out = ["status"], list[FieldDifference](), list[str]()
    if recorded.status >= 400:
        aspects.append("error")
        found += _errors(recorded, simulated, model)
    if _kept_headers(recorded):
        aspects.append("headers")
        found += _headers(recorded, simulated)
        if not _kept_all_headers(recorded):
            left_out.append("headers: the recorder kept some of them")
    else:
        left_out.append("headers: the recorder kept none")
    if any(_REDACTED.search(recorded.headers.get(name, "")) for name in LIMIT_HEADERS):
        left_out.append("limits: the recorder redacted them")
    if not recorded.text.strip() and simulated.text.strip():
        left_out.append("body: the recorder kept none")
    elif _form(recorded) == _form(simulated) and _kind_of_answer(recorded) != _kind_of_answer(simulated):
        # The rest of the form follows from that.
        left_out.append("body: the model chose a tool call, or text, where the simulator did not")
    else:
        aspects.append("body")
        found += _bodies(recorded, simulated)
    aspects.append("values")
    found += _values(recorded, simulated)
    return Comparison(tuple(aspects), tuple(found), tuple(left_out))


# Errors


def _status_text(reply: ApiReply, model: str) -> str:
    """``200``, ``400 Input validation error``."""
    said = f" {normalised(_error_text(reply), model)}" if reply.status >= 400 else ""
    return excerpt(f"{reply.status}{said}", LONGEST)


def _errors(recorded: ApiReply, simulated: ApiReply, model: str) -> Iterator[FieldDifference]:
    one, other = _error(recorded), _error(simulated)
    for key in ("type", "code"):
        yield from _unequal("error", f"error.{key}", one.get(key), other.get(key))
    messages = (normalised(error.get("message"), model) for error in (one, other))
    yield from _unequal("error", "error.message", *messages)


def _error(reply: ApiReply) -> Mapping[str, Any]:
    body = reply.json
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {"message": error if error is not None else scrubbed(reply.text)[:200]}


def _error_text(reply: ApiReply) -> str:
    return _shown(_error(reply).get("message")) if reply.status >= 400 else ""


_VARIABLE = (
    (re.compile(r"org_\w+"), "org_…"),
    (re.compile(r"(?:/[\w.-]+){3,}"), "<path>"),
    (re.compile(r"\b\d[\d.,]*(?:[a-zµ]+\b)?"), "N"),
)


def normalised(message: Any, model: str = "") -> str:
    """*message* with the model, numbers, paths and organisations made the same."""
    text = _shown(message)
    if model:
        text = text.replace(model, "<model>")
    for pattern, same in _VARIABLE:
        text = pattern.sub(same, text)
    return text


# Headers


def _kept_headers(reply: ApiReply) -> bool:
    """Whether the recorder kept any of what the provider says there; some keep the content type only."""
    return any(name == "server" or (name.startswith("x-") and name != "x-request-id") for name in reply.headers)


def _kept_all_headers(reply: ApiReply) -> bool:
    """Servers on the way add headers to every reply: where there are none of these, a recorder chose what to keep."""
    return any(name in reply.headers for name in _OF_EVERY_REPLY)


_OF_EVERY_REPLY = ("date", "server", "connection", "via", "cf-ray", "cf-cache-status")
_SCRUBBED = {"x-request-id", "cf-ray"}
"""Ids that some recorders take out."""


def _headers(recorded: ApiReply, simulated: ApiReply) -> Iterator[FieldDifference]:
    have, want = ({name.lower() for name in reply.headers} - HEADERS for reply in (recorded, simulated))
    if not any(name.startswith("x-") for name in have):
        want = {name for name in want if not name.startswith("x-")}
    want -= _SCRUBBED - have
    if not _kept_all_headers(recorded):
        want &= have
    for name in sorted(have ^ want):
        there, absent = ("there", NOTHING) if name in have else (NOTHING, "there")
        yield FieldDifference("headers", f"header {name}", there, absent)


# Bodies


def _kind_of_answer(reply: ApiReply) -> frozenset[str]:
    """``text``, ``tools``: what the model answered with."""
    kinds = set()
    for body in objects_of(reply):
        for choice in body.get("choices") or ():
            said = choice.get("message", choice.get("delta")) if isinstance(choice, dict) else None
            if isinstance(said, dict):
                kinds |= {"tools"} if said.get("tool_calls") else set()
                kinds |= {"text"} if str(said.get("content") or "").strip() else set()
    return frozenset({"tools"} if "tools" in kinds and not reply.events else kinds)


def _bodies(recorded: ApiReply, simulated: ApiReply) -> Iterator[FieldDifference]:
    one, other = _form(recorded), _form(simulated)
    if one != other:
        yield FieldDifference("body", "body", one, other)
        return
    for (place, have), (_, want) in zip(_parts(recorded), _parts(simulated), strict=True):
        if not have or not want:  # a stream of two chunks has no others
            continue
        for path in sorted(have ^ want):
            if not any(shorter in have ^ want for shorter in _above(path)):
                there, absent = ("there", NOTHING) if path in have else (NOTHING, "there")
                yield FieldDifference("body", f"{place} {path}", there, absent)
    if one == "a stream":
        ends = ("[DONE]" if "[DONE]" in reply.text else NOTHING for reply in (recorded, simulated))
        yield from _unequal("body", "end of stream", *ends)


def _form(reply: ApiReply) -> str:
    if reply.events is not None:
        return "a stream" if objects_of(reply) else "a stream of no JSON"
    if reply.json is not None:
        return "JSON"
    return reply.headers.get("content-type", "").partition(";")[0] or "text"


def _parts(reply: ApiReply) -> list[tuple[str, set[str]]]:
    """The parts of a reply that have a shape of their own, each with the paths of its keys."""
    if reply.events is None:
        return [("body", set(_paths(reply.json)))]
    first, *others = objects_of(reply) or [{}]
    last = others.pop() if others else first
    inner = [set(_paths(body)) for body in others]
    return [
        ("first chunk", set(_paths(first))),
        ("other chunks", set.intersection(*inner) if inner else set()),
        ("last chunk", set(_paths(last))),
    ]


def _paths(value: Any, prefix: str = "") -> Iterator[str]:
    """The path of every key whose presence follows from rules: ``choices[].message.role``."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key not in CHOSEN and key not in COUNTED:
                path = f"{prefix}.{key}" if prefix else str(key)
                yield path
                yield from _paths(part, path)
    elif isinstance(value, list) and value:
        yield from _paths(value[0], f"{prefix}[]")


def _above(path: str) -> Iterator[str]:
    while "." in path:
        path = path.rpartition(".")[0]
        yield path.removesuffix("[]")


# Values


def _values(recorded: ApiReply, simulated: ApiReply) -> Iterator[FieldDifference]:
    limits = told_limits(simulated)
    for name, value in told_limits(recorded).items():
        if name in limits:
            yield from _unequal("values", name, value, limits[name])
    yield from _resets(recorded)
    yield from _waits(recorded)
    one, other = (next(iter(objects_of(reply)), {}) for reply in (recorded, simulated))
    if one:  # else its body was not kept, or is no JSON
        yield from _unequal("values", "object", one.get("object"), other.get("object"))
    for name in ("id", "system_fingerprint", "x_groq.id"):
        forms = [form_of_id(_part_of(body, name)) for body in (one, other)]
        if all(forms):
            yield from _unequal("values", f"form of {name}", *forms)


def _part_of(body: Any, path: str) -> Any:
    for key in path.split("."):
        body = body.get(key) if isinstance(body, dict) else None
    return body


_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_LONG_HEX = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{8,}(?![0-9A-Za-z])")
_REDACTED = re.compile(r"REDACTED|\*\*\*|xxxx", re.IGNORECASE)


def form_of_id(id: Any) -> str:
    """How an id is made: ``chatcmpl-<uuid>``, ``req_<26>``, ``<7>-<6>-<16 hex>``; empty for none, or a redacted one."""
    if not isinstance(id, str) or not id or _REDACTED.search(id):
        return ""
    form = _LONG_HEX.sub(lambda found: f"<{len(found[0])} hex>", _UUID.sub("<uuid>", id))
    form = re.sub(r"-[A-Z]{3}$", "-<place>", form)
    form = re.sub(r"(?<=[a-z]_)[0-9a-hjkmnp-tv-z]{26}$", "<26>", form)
    # Together's: a letter for the time, then two words of letters, the second of some five.
    return re.sub(r"^([a-z])[0-9A-Za-z]{6}-[0-9A-Za-z]{4,7}-", r"\1<6>-<6>-", form)


_WINDOWS = {"requests": LIMIT_KINDS["RPD"], "tokens": LIMIT_KINDS["TPM"], "audio-seconds": LIMIT_KINDS["ASH"]}
_ROUNDING = 0.002
"""Seconds: the milliseconds to which times are cut."""


def _resets(reply: ApiReply) -> Iterator[FieldDifference]:
    """When a limit is full again follows from it and from what is left, up to the fraction of a unit in use."""
    headers = reply.headers
    for word, window in _WINDOWS.items():
        names = [f"x-ratelimit-{part}-{word}" for part in ("limit", "remaining", "reset")]
        limit, left = (_number(headers.get(name)) for name in names[:2])
        told = seconds_of(headers.get(names[2], ""))
        if limit and left is not None and told is not None:
            longest = (limit - left) * window / limit
            if not longest - window / limit - _ROUNDING <= told <= longest + _ROUNDING:
                yield FieldDifference("values", names[2], headers[names[2]], f"{longest:g}s or a unit less")
    told_wait, full = headers.get("retry-after"), headers.get("x-ratelimit-reset")
    if told_wait is not None and full is not None:
        yield from _unequal("values", "retry-after", told_wait, full)
    rate, left = _number(headers.get("x-ratelimit-limit")), _number(headers.get("x-ratelimit-remaining"))
    if rate is not None and left is not None and left > max(1, 2 * rate):
        yield FieldDifference("values", "x-ratelimit-remaining", f"{left:g}", f"at most {max(1, 2 * rate):g}")


_TRY_AGAIN = re.compile(r"Please try again in ((?:[0-9.]+(?:h|ms|m|s|µs|ns))+)")


def _waits(reply: ApiReply) -> Iterator[FieldDifference]:
    """``retry-after`` is the wait of the text in whole seconds."""
    said = _TRY_AGAIN.search(_error_text(reply))
    wait = seconds_of(said[1]) if said else None
    if wait is not None and reply.retry_after is not None:
        yield from _unequal("values", "retry-after", f"{reply.retry_after:g}", str(math.ceil(wait)))


_DURATION = re.compile(r"([0-9.]+)(h|ms|m|s|µs|us|ns)")
_UNITS = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "ns": 1e-9}


def seconds_of(text: str) -> float | None:
    """A duration as Groq writes it, ``1m26.4s``; ``None`` if it is none."""
    parts = _DURATION.findall(text)
    if not parts or "".join(map("".join, parts)) != text:
        return None
    try:
        return sum(float(amount) * _UNITS[unit] for amount, unit in parts)
    except ValueError:  # 1.2.3s
        return None


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


# Showing


def _unequal(aspect: str, field: str, recorded: Any, simulated: Any) -> Iterator[FieldDifference]:
    if recorded != simulated:
        yield FieldDifference(aspect, field, *(excerpt(_shown(value), LONGEST) for value in (recorded, simulated)))


def _shown(value: Any) -> str:
    if value is None or value == "":
        return NOTHING
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
