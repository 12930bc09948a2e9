"""The rules of a scan over one file: ids of models that have gone or go soon, or that nobody has; addresses; keys."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from urllib.parse import urlsplit

from pytest_llmcontract.core.call.routes import UNKNOWN, Routes
from pytest_llmcontract.core.facts.lifecycle import Gone, Lifecycle
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.facts.registry import provider_hosts, provider_names, title_of
from pytest_llmcontract.core.findings.rules import RULES, Severity, Violation
from pytest_llmcontract.core.hosts import normal_host
from pytest_llmcontract.core.refusal import Refusal
from pytest_llmcontract.core.secrets import may_be_real, secrets_in
from pytest_llmcontract.scan.calls import refused
from pytest_llmcontract.scan.sources import Source, Span
from pytest_llmcontract.scan.whose import Names, Sure

_TOKEN = re.compile(r"[A-Za-z0-9][\w./:@+-]*[A-Za-z0-9]")
_PIECE = re.compile(r"-{1,2}[\w-]+|(?=[^\s]*[\d/=_-])[\w./:@+=-]+")


@dataclass(frozen=True, slots=True)
class Found:
    """A finding in a file."""

    violation: Violation
    start: int
    end: int
    """The characters of the file that it is about."""
    replacement: str = ""
    """What the provider named in its place."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a scan wants to know.

    Args:
        day: Which models answer.
        within: How long before its end a model counts as going.
    """

    lives: tuple[Lifecycle, ...]
    day: date
    within: timedelta


def judged(source: Source, asked: Question) -> Iterator[Found]:
    """Everything in *source* that a rule holds against it."""
    yield from _models(source, asked)
    if any(life.is_named(source.text) for life in asked.lives):
        yield from _addresses(source)
        for violation, at in refused(source, asked.lives, asked.day):
            yield Found(_placed(violation, source, at), at, at)
    yield from _keys(source)


# Models


def _models(source: Source, asked: Question) -> Iterator[Found]:
    ids = _ids(source.text, asked.lives)
    if not ids:
        return  # most files
    names = Names(source, asked.lives)
    for token in _TOKEN.finditer(source.text):
        if token[0] in ids and (span := source.span_at(token.start())):
            yield from _model(source, asked, names, span, token)


def _ids(text: str, lives: tuple[Lifecycle, ...]) -> set[str]:
    """What may be an id in *text*: asked of every file, so that it is done by sets."""
    tokens = set(_TOKEN.findall(text))
    found = tokens & _known(lives)
    prefixes = tuple(prefix for life in lives for prefix in life.prefixes if prefix in text)
    return found | {token for token in tokens if token.startswith(prefixes)} if prefixes else found


@cache
def _known(lives: tuple[Lifecycle, ...]) -> frozenset[str]:
    return frozenset().union(*(life.known for life in lives))


def _model(source: Source, asked: Question, names: Names, span: Span, token: re.Match[str]) -> Iterator[Found]:
    for life in asked.lives:
        bare = life.without_prefix(token[0])
        id = bare or token[0]
        if (bare is None and id not in life.known) or not counts(source.text, span, *token.span()):
            continue
        start = token.end() - len(id)
        sure = Sure.CERTAIN if bare else names.sure(life, id, start)
        if sure is Sure.NO:
            continue
        if found := _dead(asked, life, id, sure) if id in life.known else _unknown(life, id, asked.day):
            violation, replacement = found
            yield Found(_placed(violation, source, start), start, token.end(), replacement)


def _dead(asked: Question, life: Lifecycle, id: str, sure: Sure) -> tuple[Violation, str] | None:
    row = life.gone(id)
    if row is None or row.on - asked.day > asked.within:
        return None
    code = "LLM104" if row.on <= asked.day else "LLM108"
    successors = life.successors(id, asked.day)
    violation = Violation(
        code,
        f"{_whose(life, sure)}{_when(life, id, row, asked.day)}",
        severity=RULES[code].severity if sure is Sure.CERTAIN else "note",
        provider=life.provider,
        sent=id,
        allowed=" or ".join(successors),
        answer=_answer(life, id, row),
        fix=_advice(life, successors),
    )
    return violation, successors[0] if successors and sure is Sure.CERTAIN else ""


def _whose(life: Lifecycle, sure: Sure) -> str:
    return "" if sure is Sure.CERTAIN else f"if {title_of(life.provider)} is meant: "


def _when(life: Lifecycle, id: str, row: Gone, day: date) -> str:
    model = f"the {title_of(life.provider)} model {id!r}"
    return f"{model} is retired since {row.on}" if row.on <= day else f"{model} retires on {row.on}"


def _answer(life: Lifecycle, id: str, row: Gone) -> str:
    """What the API says, as the error catalogue of that day has it."""
    edition = load_edition(life.provider)
    model = edition.models.get(id)
    if model is None:
        reason = "unknown_model"
    elif not model.serverless:
        reason = "not_serverless"
    else:
        reason = "unknown_model" if model.kept_for_some else "retired_model"
    refusal: Refusal = edition.refusal(reason)
    spec = edition.errors[refusal.error]
    return f"answers {spec.status} {spec.name} from {row.on} on"


def _advice(life: Lifecycle, successors: tuple[str, ...]) -> str:
    if successors:
        return f"{title_of(life.provider)} recommends {' or '.join(successors)}"
    return f"choose a model that `llmcontract models {life.provider}` lists as current: the provider named none that is"


def _unknown(life: Lifecycle, id: str, day: date) -> tuple[Violation, str] | None:
    """An id that nobody has and that is one letter off one that answers. Other numbers are another model."""
    numbers = re.findall(r"\d+", id)
    alike = [known for known in life.known if re.findall(r"\d+", known) == numbers and life.answers(known, day)]
    near = difflib.get_close_matches(id, alike, n=1, cutoff=0.85)
    if not near:
        return None
    violation = Violation(
        "LLM103",
        f"{title_of(life.provider)} has no model {id!r}",
        severity=RULES["LLM103"].severity,
        provider=life.provider,
        sent=id,
        allowed=near[0],
        fix=f"did you mean {near[0]!r}?",
    )
    return violation, ""


# Where an id counts


def counts(text: str, span: Span, start: int, end: int) -> bool:
    """Whether what stands at *start* is said there, not spoken of: a value alone, or one of a list of such."""
    left, right = (span.start, span.end) if span.kind == "string" else _value(text, span, start, end)
    value = text[left:right].strip(_AROUND)
    before = text[left:start].split()
    if before and before[-1].startswith("-"):
        return True  # --model …
    if span.kind == "shown":
        return value == text[start:end] and text[max(0, left - 2) : left].rstrip(" \t")[-1:] in tuple("\"'=:>")
    if span.kind == "string":
        value = _PREFIX.sub("", value).strip(_AROUND)
    return all(map(_PIECE.fullmatch, filter(None, re.split(r"[\s,;|]+", value))))


_AROUND = " \t\r\\,[](){}\"'`"
_PREFIX = re.compile(r"^[rbuf]{1,2}(?=[\"'`])", re.IGNORECASE)


def _value(text: str, span: Span, start: int, end: int) -> tuple[int, int]:
    """The value around it: between quotes, or from a key or the line's beginning to the line's end."""
    left, right = start, end
    while left > span.start and text[left - 1] not in "\"'=\n":
        if text[left - 1] in " \t" and text[left - 2 : left - 1] in (":", ">"):
            break
        left -= 1
    while right < span.end and text[right] not in "\"'\n":
        right += 1
    return left, right


# Addresses


_ADDRESS = re.compile(r"https?://[\w.-]+(?::\d+)?(?:/[\w./{}%-]*)?")
_APPENDED = ("/chat/completions", "/completions", "/embeddings", "/responses", "/audio/transcriptions")


def _addresses(source: Source) -> Iterator[Found]:
    owners = _owners()
    for span in source.spans:
        for found in _ADDRESS.finditer(source.text, span.start, span.end):
            provider = owners.get(normal_host(urlsplit(found[0]).hostname or ""))
            if provider and (wrong := _wrong_address(provider, found[0], _takes_base(source, found.start()))):
                yield Found(_placed(wrong, source, found.start()), *found.span())


def _takes_base(source: Source, at: int) -> str:
    """The client that the line of an address gives it to as its base: an SDK's name, ``openai``; empty: none."""
    line = source.lines[source.place(at)[0] - 1]
    if not re.search(r"base_?url|api_?base", line, re.IGNORECASE):
        return ""
    return "openai" if re.search(r"openai", line.replace("/openai/", "/"), re.IGNORECASE) else "some"


def _wrong_address(provider: str, address: str, base_of: str) -> Violation | None:
    edition, routes = load_edition(provider), _routes(provider)
    path = urlsplit(address).path.rstrip("/")
    if _is_right(path, edition.base, routes, base_of):
        return None
    near = f"https://{edition.hosts[0]}{routes.nearest(path) if near_call(path) and not base_of else edition.base}"
    return Violation(
        "LLM105",
        f"{address} is no address of {title_of(provider)}" + (" that a client can begin with" if base_of else ""),
        provider=provider,
        path="url",
        sent=address,
        allowed=near,
        fix=f"use {near}",
    )


def _is_right(path: str, base: str, routes: Routes, base_of: str) -> bool:
    """Whether calls can go to *path*, or begin with it where a client takes it as its base.

    The SDKs of the providers begin at the host and add the base themselves; OpenAI's does not.
    """
    if not path:
        return base_of != "openai"
    if path == base:
        return True
    if base_of:
        return False
    # Other pages of the host are none of our business.
    return not near_call(path) or any(routes.find(method, path)[0] != UNKNOWN for method in ("GET", "POST"))


def near_call(path: str) -> bool:
    """Whether *path* ends like that of a call."""
    return path.endswith(_APPENDED)


@cache
def _routes(provider: str) -> Routes:
    edition = load_edition(provider)
    return Routes(edition.base, edition.operations)


@cache
def _owners() -> dict[str, str]:
    return {host: name for name in provider_names() for host in provider_hosts(name)}


# Keys


_SIGNS = ("gsk_", "tgp_v1_", "KEY=")
_KEY = re.compile(r"gsk_[A-Za-z0-9]{20,}|tgp_v1_[\w-]{20,}|(?<=KEY=)[0-9a-f]{64}(?![0-9a-f])")


def _keys(source: Source) -> Iterator[Found]:
    """Keys of our providers, wherever they stand: a comment gives them away as well."""
    if not any(sign in source.text for sign in _SIGNS):
        return
    for found in _KEY.finditer(source.text):
        if may_be_real(found[0]) and secrets_in(found[0]):
            violation = Violation(
                "LLM202",
                "an API key stands in the source",
                severity=_SECRET,
                sent=f"{found[0][:4]}***",
                allowed="the name of an environment variable",
                fix="revoke it, and read the new one from the environment",
            )
            yield Found(_placed(violation, source, found.start()), *found.span())


_SECRET: Severity = RULES["LLM202"].severity


def _placed(violation: Violation, source: Source, at: int) -> Violation:
    line, column = source.place(at)
    return replace(violation, site=f"{source.path.as_posix()}:{line}", column=column)
