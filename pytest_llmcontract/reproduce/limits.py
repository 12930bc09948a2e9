"""Refusals by a limit: the numbers in them, and the state they describe.

Groq tells everything: ``Limit 6000, Used 5034, Requested 1443. Please try again in 4.77s``. Each number is looked for
by itself, so that a text that was shortened still gives what it has; what is missing is computed from the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.load import edition_dates, edition_on, last_days
from pytest_llmcontract.core.facts.records import AUDIO_KINDS, LIMIT_KINDS, TOKEN_KINDS, Model
from pytest_llmcontract.core.limits.rules import EPSILON
from pytest_llmcontract.providers.groq.dialect import dialect_of
from pytest_llmcontract.providers.groq.durations import wait_text
from pytest_llmcontract.reproduce.paste import Paste
from pytest_llmcontract.reproduce.requests import CHATS, default_model, sized, usual_request, with_model
from pytest_llmcontract.reproduce.scenario import Level, Request, Scale, Scenario

LONGEST_SOUND = 1_000_000
"""Seconds of audio that are really sent."""
WAIT = r"(?:[0-9]{1,6}(?:\.[0-9]{1,12})?(?:h|ms|µs|us|ns|m|s)){1,4}"
_KIND = re.compile(r"\b(RPM|RPD|TPM|TPD|ITPM|OTPM|ASPH|ASPD|ASH|ASD)\b\)?:?,? ?Limit:? (~?[0-9][0-9_,.]{0,15})")
_USED = re.compile(r"\bUsed:? (~?[0-9][0-9_,.]{0,15})")
_REQUESTED = re.compile(r"\bRequested:? (~?[0-9][0-9_,.]{0,15})")
_WAIT = re.compile(rf"try again in ({WAIT})")
_MODEL = re.compile(r"\bmodel ([^\s,;]{1,120})")
_ORGANIZATION = re.compile(r"\borganization (.{1,80}?)(?= service tier | on |:|,|$)")
_TIER = re.compile(r"\bservice tier (\w{1,20})")
_PART = re.compile(r"([0-9.]+)(h|ms|µs|us|ns|m|s)")
_SECONDS = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "ns": 1e-9}


@dataclass(frozen=True)
class Refusal:
    """What a refusal of Groq's says."""

    kind: str
    limit: float
    used: float | None
    requested: float | None
    wait: float | None
    """Seconds."""
    model: str
    organization: str
    tier: str | None
    """``None``: the text names none."""
    ending: str | None
    """Its last sentence; empty if it has none, ``None`` if the text stops before that is known."""
    tilde: bool
    reached: bool
    """``Rate limit reached``, not ``Request too large``."""
    headers: Mapping[str, tuple[float, float]]
    """Limit and used amount of the kinds that headers tell of."""


def read_refusal(paste: Paste) -> Refusal | None:
    """The numbers of a refusal by one of Groq's limits, if *paste* is one."""
    text = paste.plain
    kind = _KIND.search(text)
    if kind is None or not _number(kind[2]):
        return None
    requested, used, wait = _REQUESTED.search(text), _USED.search(text), _WAIT.search(text)
    model, organization, tier = _MODEL.search(text), _ORGANIZATION.search(text), _TIER.search(text)
    return Refusal(
        kind={"ASPH": "ASH", "ASPD": "ASD"}.get(kind[1], kind[1]),
        limit=_number(kind[2]),
        used=_number(used[1]) if used else None,
        requested=_number(requested[1]) if requested else None,
        wait=_seconds(wait[1]) if wait else None,
        model=_name(model),
        organization=_name(organization),
        tier=tier[1] if tier else None,
        ending=_ending(text),
        tilde="~" in (requested[1] if requested else ""),
        reached=_reached(paste, text, _number(kind[2]), _number(requested[1]) if requested else 0),
        headers=_from_headers(paste.headers),
    )


def _from_headers(headers: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    """What ``x-ratelimit-*`` say, by kind of limit."""
    told = {}
    for word, kind in (("requests", "RPD"), ("tokens", "TPM"), ("audio-seconds", "ASH")):
        limit, left = (headers.get(f"x-ratelimit-{what}-{word}", "") for what in ("limit", "remaining"))
        if limit.isdigit() and left.isdigit() and 0 < int(limit) < 10**12:
            told[kind] = (float(int(limit)), float(int(limit) - int(left)))
    return told


def _reached(paste: Paste, text: str, limit: float, requested: float) -> bool:
    """Whether it says ``Rate limit reached``, not ``Request too large``; of half a text its numbers tell."""
    if "limit reached" in text or "too large" in text:
        return "limit reached" in text
    return paste.status != 413 and "message size" not in text and requested <= limit


def _number(text: str) -> float:
    value = float(re.sub("[~,_]", "", text).rstrip(".") or 0)
    return int(value) if value.is_integer() else value


def _seconds(text: str) -> float:
    return sum(float(amount) * _SECONDS[unit] for amount, unit in _PART.findall(text))


def _name(found: re.Match[str] | None) -> str:
    return "" if found is None or set(found[1]) <= set(".…") else found[1].rstrip(".")


def _ending(text: str) -> str | None:
    """The sentence after the wait, or after the advice to send less."""
    for mark in (rf"try again in {WAIT}\.?", r"size and try again\.?", r"expected output\) and try again\.?"):
        if found := re.search(mark, text):
            rest = text[found.end() :].strip()
            if not rest:
                return ""
            return next((sentence for sentence in _endings() if rest.startswith(sentence)), None)
    return None


@cache
def _endings() -> frozenset[str]:
    """Every last sentence that a refusal ever had."""
    days = (*edition_dates("groq"), *last_days("groq"))
    return frozenset(text.strip() for day in days for text in dialect_of(edition_on("groq", day)).upsell.values())


# From the numbers to a state.


@dataclass(frozen=True)
class _Numbers:
    """A refusal without gaps."""

    used: float
    requested: int
    level: float
    """What was really in use, a fraction of a unit included."""
    notes: tuple[str, ...]


def _completed(refusal: Refusal) -> _Numbers:
    """Compute what *refusal* does not say, and hold what it says against the rule."""
    limit, window, notes = refusal.limit, LIMIT_KINDS[refusal.kind], []
    over = None if refusal.wait is None else refusal.wait * limit / window
    requested, used = refusal.requested, refusal.used
    if not refusal.reached:
        used = used or 0
    if requested is None:
        requested = 1.0 if refusal.kind in ("RPM", "RPD") else limit + 1 - (used or 0)
        if refusal.kind not in ("RPM", "RPD"):
            requested = round(over + limit - used) if over is not None and used is not None else requested
            notes.append(f"How much was requested is not in the text: {requested:g} follows from the rest.")
    if used is None:
        used = limit if over is None else round(over + limit - requested)
        notes.append(f"How much was in use is not in the text: {used:g} follows from the rest.")
    level = float(used)
    if over is not None and refusal.wait is not None and refusal.reached:
        exact = (used + requested - limit) / limit * window
        apart = over - (used + requested - limit)
        if abs(apart) >= 1:
            notes.append(
                f"The text contradicts itself: it says to wait {refusal.wait:g} s, but from its numbers follow "
                f"{exact:g} s. The rule is kept."
            )
        elif int(exact * 1e9) != round(refusal.wait * 1e9):
            # Cut to whole nanoseconds it must give the same text: begin in the middle of one.
            level = limit - requested + (refusal.wait + 0.5e-9) * limit / window
            if abs(apart) > EPSILON:
                notes.append(f"The wait tells of a fraction that the text does not print: {level:.6g} were in use.")
    return _Numbers(used, round(requested), level, tuple(notes))


def honest(refusal: Refusal, text: str) -> tuple[str, tuple[str, ...]]:
    """*text* with the wait that follows from its numbers, and what is to be said about it."""
    numbers = _completed(refusal)
    if refusal.wait is None or not any("contradicts" in note for note in numbers.notes):
        return text, numbers.notes
    exact = max(0.0, (numbers.used + numbers.requested - refusal.limit) / refusal.limit * LIMIT_KINDS[refusal.kind])
    return re.sub(rf"(?<=again in ){WAIT}", wait_text(exact), text) if exact else "", numbers.notes


def scenarios(refusal: Refusal, days: tuple[date, ...]) -> Iterator[Scenario]:
    """States in which the simulator refuses with these numbers; those that need the least said come first."""
    numbers = _completed(refusal)
    found = [
        (*_state(refusal, numbers, edition_on("groq", day), plan, ending), -day.toordinal(), order)
        for day in days
        for order, plan in enumerate(edition_on("groq", day).plans)
        for ending in _endings_to_try(refusal, edition_on("groq", day), plan)
    ]
    for _, state, _, _ in sorted(found, key=lambda row: (row[0], *row[2:])):
        scenario = _scenario(refusal, numbers, state)
        if scenario is not None:
            yield scenario


def _endings_to_try(refusal: Refusal, edition: Edition, plan: str) -> tuple[str, ...]:
    own = dialect_of(edition).upsell.get(plan, "").strip()
    return (refusal.ending,) if refusal.ending is not None else (own,)


@dataclass(frozen=True)
class _State:
    edition: Edition
    plan: str
    model: str
    dialect: Mapping[str, Any]
    models: Mapping[str, dict[str, Any]]


def _state(refusal: Refusal, numbers: _Numbers, edition: Edition, plan: str, ending: str) -> tuple[int, _State]:
    """The state that *edition* and *plan* need, and how much of it is not theirs."""
    dialect: dict[str, Any] = {}
    own = dialect_of(edition)
    if own.upsell.get(plan, "").strip() != ending:
        dialect["upsell"] = {plan: f" {ending}" if ending else ""}
    if refusal.organization and (refusal.tier is not None) != own.service_tier_in_text:
        dialect["service_tier_in_text"] = refusal.tier is not None
    if refusal.tilde != (own.requested_prefix == "~"):
        dialect["requested_prefix"] = "~" if refusal.tilde else ""
    if numbers.level != numbers.used and own.used_integer:
        dialect["used_integer"] = False
    if numbers.used > refusal.limit and not own.debt_allowed:
        dialect["debt_allowed"] = True
    if refusal.reached and numbers.requested > refusal.limit and not own.too_large_waits:
        dialect["too_large_waits"] = True
    cost = 4 * len(dialect)
    if numbers.level < numbers.used:
        dialect["used_printed"] = "ceil"
    model = refusal.model or _model_for(refusal, edition, plan)
    models = with_model(edition, model, **_type_for(refusal, edition.models.get(model)))
    cost += 3 * bool(models)
    cost += 2 * (edition.limits_for(plan, model).get(refusal.kind) != refusal.limit)
    cost += 4 * (plan == "free" and refusal.tier not in (None, "on_demand"))
    cost += edition.date not in edition_dates("groq")
    return cost, _State(edition, plan, model, dialect, models)


def _model_for(refusal: Refusal, edition: Edition, plan: str) -> str:
    """A model for a text that names none: one with that very limit, if there is one."""

    def fits(model: Model) -> bool:
        return (model.type == "transcribe") == (refusal.kind in AUDIO_KINDS) and model.type in (*CHATS, "transcribe")

    same = default_model(
        edition, lambda model: fits(model) and edition.limits_for(plan, model.id).get(refusal.kind) == refusal.limit
    )
    return same if same in edition.models else default_model(edition, fits)


def _type_for(refusal: Refusal, known: Model | None) -> dict[str, Any]:
    """The type of a model that the edition does not know: that of the newest edition, if it does."""
    if known is not None:
        return {}
    later = edition_on("groq", edition_dates("groq")[-1]).models.get(refusal.model)
    kind = later.type if later else "transcribe" if refusal.kind in AUDIO_KINDS else "chat"
    return {} if kind == "chat" else {"type": kind}


def _scenario(refusal: Refusal, numbers: _Numbers, state: _State) -> Scenario | None:
    models = dict(state.models)
    edition = state.edition.with_models(models) if models else state.edition
    request = _request(refusal, numbers, edition, state)
    if request is None:
        return None
    call, fields, asked = request
    if fields:
        models[state.model] = {**models.get(state.model, {}), **fields}
    name = "rate_limit_exceeded" if refusal.reached else "request_too_large"
    return Scenario(
        "groq",
        edition.date,
        name,
        call,
        {"plan": state.plan, "limits": _limits(refusal, edition, state, asked), "models": models},
        levels=_levels(refusal, numbers, state, asked),
        organization=refusal.organization,
        dialect=state.dialect,
        why=numbers.notes,
        comments=_comments(refusal, numbers, state),
    )


def _levels(refusal: Refusal, numbers: _Numbers, state: _State, asked: Mapping[str, float]) -> tuple[Level, ...]:
    """What is in use of the limit; and of others, as far as headers tell and it refuses nothing."""
    levels = []
    if numbers.level:
        levels.append(Level(refusal.kind, _whole(numbers.level), state.model, f'"Used {numbers.used:g}"'))
    for kind, (limit, used) in refusal.headers.items():
        if kind != refusal.kind and 0 < used <= limit - asked.get(kind, 1):
            levels.append(Level(kind, _whole(used), state.model, f"headers: {limit - used:g} of {limit:g} remaining"))
    return tuple(levels)


def _comments(refusal: Refusal, numbers: _Numbers, state: _State) -> dict[str, str]:
    comments = {}
    if refusal.kind not in ("RPM", "RPD"):
        comments["request"] = f'"Requested {numbers.requested}": {_UNITS.get(refusal.kind, _TOKENS)}'
    if refusal.ending and "Need more" in refusal.ending:
        sold = refusal.ending.split(" at ")[0].split(" to request")[0].split("? ")[-1]
        comments["plan"] = f'"{sold}": the {state.plan} plan'
    own = state.edition.limits_for(state.plan, state.model).get(refusal.kind)
    if own != refusal.limit:
        comments["limits"] = f'"Limit {refusal.limit}": {own or "no limit"} in this edition'
    if state.models:
        comments["models"] = f"{state.model}: not offered in this edition"
    return comments


_TOKENS = "the tokens of its prompt, and those it asks for"
_UNITS = {
    "ASH": "seconds of audio",
    "ASD": "seconds of audio",
    "OTPM": "the tokens it asks for",
    "ITPM": "the tokens of its prompt",
}


def _request(
    refusal: Refusal, numbers: _Numbers, edition: Edition, state: _State
) -> tuple[Request, Mapping[str, Any], Mapping[str, float]] | None:
    """The call that asks for so much, what its model must take for it, and what it asks of every limit."""
    model = edition.models[state.model]
    usual = usual_request(model.id, model.type)
    scale = Scale(Scenario("groq", edition.date, "", usual, {"plan": state.plan, "models": state.models}))
    if refusal.kind in AUDIO_KINDS:
        if numbers.requested > LONGEST_SOUND or model.type != "transcribe":
            return None
        usual = replace(usual, audio_seconds=numbers.requested)
        fields: Mapping[str, Any] = {}
    elif refusal.kind in TOKEN_KINDS:
        body = sized(scale, model, refusal.kind, numbers.requested) if model.type in CHATS else None
        if body is None:
            return None
        usual, fields = replace(usual, body=body.body), body.fields
    else:
        fields = {}
    if refusal.tier not in (None, "on_demand"):
        usual = replace(usual, body={**usual.body, "service_tier": refusal.tier})
    return usual, fields, scale(usual.body) if not usual.audio_seconds else {}


def _limits(refusal: Refusal, edition: Edition, state: _State, asked: Mapping[str, float]) -> dict[str, Any]:
    """The limit of the text, where the edition has another; and none of those that would refuse before it."""
    own = edition.limits_for(state.plan, state.model)
    told = {kind: limit for kind, (limit, _) in refusal.headers.items() if kind in own}
    changed: dict[str, float | None] = {kind: limit for kind, limit in told.items() if own[kind] != limit}
    for kind in list(LIMIT_KINDS)[: list(LIMIT_KINDS).index(refusal.kind)]:
        if kind in own and asked.get(kind, 0) > own[kind]:
            changed[kind] = None
    if own.get(refusal.kind) != refusal.limit:
        changed[refusal.kind] = refusal.limit
    return {state.model: changed} if changed else {}


def _whole(number: float) -> float:
    return int(number) if number == int(number) else number
