"""The state and the call behind an error of the catalogue: no key, an unknown model, an empty account …

What no state brings about (the model's own words, the provider's health) is asked for with ``fail()``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pytest_llmcontract.core.call.form import placeholders
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.load import edition_on
from pytest_llmcontract.core.facts.records import ErrorSpec
from pytest_llmcontract.core.operations import OPERATIONS
from pytest_llmcontract.providers.together.dialect import dialect_of
from pytest_llmcontract.reproduce.catalogue import Reading
from pytest_llmcontract.reproduce.paste import Paste
from pytest_llmcontract.reproduce.requests import (
    CHATS,
    chat,
    default_model,
    filler,
    prompt_of,
    usual_request,
    with_model,
)
from pytest_llmcontract.reproduce.scenario import Fault, Level, Request, Scenario

LARGEST_PROMPT = 200_000
"""Tokens of a prompt that is really sent."""
SMALL_CONTEXT = 1_000

State = Callable[[Reading, Edition, Scenario], Iterator[Scenario]]


def states(reading: Reading, paste: Paste, edition: Edition) -> Iterator[Scenario]:
    """Ways to meet the error of *reading* in *edition*, the natural ones first."""
    if reading.name not in edition.errors:
        return
    start = Scenario(reading.provider, edition.date, reading.name)
    if reading.name in _STATES and not reading.family:
        yield from _STATES[reading.name](reading, edition, start)
    yield from faults(reading, paste, edition)


def faults(reading: Reading, paste: Paste, edition: Edition) -> Iterator[Scenario]:
    """The error by ``fail()``: as the catalogue has it, then with the values of the text."""
    spec = edition.errors[reading.name]
    start = plain_call(reading, edition, spec)
    yield start.with_fault(Fault(spec.name))
    values = values_for(reading, paste, spec)
    if values:
        yield start.with_fault(Fault(spec.name, values=values))


def word_for_word(reading: Reading, paste: Paste, edition: Edition, message: str) -> Scenario:
    """The error by ``fail()``, with the very text."""
    spec = edition.errors[reading.name]
    fault = Fault(spec.name, message, values_for(reading, paste, spec))
    return plain_call(reading, edition, spec).with_fault(fault)


def values_for(reading: Reading, paste: Paste, spec: ErrorSpec) -> dict[str, Any]:
    """What the text and the body say for the placeholders that no call fills."""
    told = {**paste.fields, "code": paste.code, "type": paste.type, **reading.values}
    open_names = placeholders(spec.body) - _FILLED_BY_THE_CALL
    return {name: told[name] for name in sorted(open_names) if told.get(name) is not None}


_FILLED_BY_THE_CALL = frozenset({"message", "model", "method", "path", "organization", "request_id", "id", "created"})


def plain_call(reading: Reading, edition: Edition, spec: ErrorSpec) -> Scenario:
    """A call that would succeed, so that it reaches the step at which the error strikes."""
    kind = next((kind for mark, kind in _KINDS.items() if mark in spec.name), "chat")
    name = reading.values.get("model") or default_model(edition, lambda model: model.type == kind or (
        kind == "chat" and model.type in CHATS))  # fmt: skip
    known = edition.models.get(name)
    request = usual_request(name, known.type if known else kind)
    if "OTPM" in edition.limits_for(edition.plans[0], name) and "messages" in request.body:
        # What asks for no maximum counts as a long answer there.
        request = replace(request, body={**request.body, "max_tokens": 100})
    if spec.status == 200:
        request = replace(request, body={**request.body, "stream": True})
    settings: dict[str, Any] = {"models": with_model(edition, name)}
    if known and known.tier > 1:
        settings["tier"] = known.tier
    return Scenario(reading.provider, edition.date, spec.name, request, settings)


_KINDS = {"audio": "transcribe", "media_file": "transcribe", "image_size": "image"}


# One for each.


def _no_key(reading: Reading, edition: Edition, start: Scenario) -> Iterator[Scenario]:
    yield replace(start, request=Request(body=chat(default_model(edition)), key=False))


def _wrong_address(reading: Reading, edition: Edition, start: Scenario) -> Iterator[Scenario]:
    method, path = reading.values.get("method", "POST"), reading.values.get("path", edition.base + "/chat/completion")
    yield replace(start, request=Request(body=chat(default_model(edition)), method=method, path=path))


def _unknown_model(reading: Reading, edition: Edition, start: Scenario) -> Iterator[Scenario]:
    yield replace(start, request=Request(body=chat(reading.values.get("model", "no-such-model"))))


def _retired(reading: Reading, edition: Edition, start: Scenario) -> Iterator[Scenario]:
    name = reading.values.get("model") or next(
        (model.id for model in edition.models.values() if model.is_retired(edition.date)), "old-model"
    )
    known = edition.models.get(name)
    models = {} if known and known.is_retired(edition.date) else {name: {"retired": str(edition.date)}}
    yield replace(start, request=Request(body=chat(name)), settings={"models": models})


def _too_long(reading: Reading, edition: Edition, start: Scenario) -> Iterator[Scenario]:
    told = {name: int(value) for name, value in reading.values.items() if value.isdigit()}
    elsewhere = {"third_party": True} if reading.name.endswith("third_party") else {}
    if "prompt_tokens" not in told:
        name = default_model(edition)
        models = with_model(edition, name, context=SMALL_CONTEXT)
        body = chat(name, filler(2 * SMALL_CONTEXT))
        yield replace(start, request=Request(body=body), settings={"models": models})
        return
    context = told.get("context", told.get("limit", 1) - 1)
    name = default_model(
        edition, lambda model: model.type in CHATS and model.context == context and model.third_party == bool(elsewhere)
    )
    prompt = prompt_of(name, told["prompt_tokens"]) if told["prompt_tokens"] <= LARGEST_PROMPT else None
    if prompt is None:
        return
    most = {"max_tokens": told["max_tokens"]} if told.get("max_tokens") else {}
    models = with_model(edition, name, context=context, **elsewhere)
    # The limiter looks first, and would refuse so long a prompt.
    limits = {} if told["prompt_tokens"] < 8_000 else {"TPM": None}
    yield replace(start, request=Request(body={**prompt, **most}), settings={"models": models, "limits": limits})


def _service_tier(reading: Reading, edition: Edition, start: Scenario) -> Iterator[Scenario]:
    tier = reading.values.get("service_tier", "flex")
    yield replace(start, request=Request(body=chat(default_model(edition), service_tier=tier)))


def _spent(reading: Reading, edition: Edition, start: Scenario) -> Iterator[Scenario]:
    settings = {"plan": "developer", "spend_limit": 0}
    yield replace(start, request=Request(body=chat(default_model(edition))), settings=settings)


def _no_credit(reading: Reading, edition: Edition, start: Scenario) -> Iterator[Scenario]:
    dialect = dialect_of(edition)
    owed = dialect.start_balance - dialect.balance_floor
    request = Request(body=chat(default_model(edition)))
    yield replace(start, request=request, account=(("charge", (int(owed),)),))


def _tier(reading: Reading, edition: Edition, start: Scenario) -> Iterator[Scenario]:
    tier = int(reading.values["tier"]) if reading.values.get("tier", "").isdigit() else 2
    name = default_model(edition, lambda model: model.tier == tier)
    known = edition.models.get(name)
    models = with_model(edition, name, **({} if known else {"tier": tier}))
    request = usual_request(name, known.type if known else "chat")
    if 1 <= tier <= 6:
        yield replace(start, request=request, settings={"tier": tier - 1, "models": models})


def _not_serverless(reading: Reading, edition: Edition, start: Scenario) -> Iterator[Scenario]:
    name = reading.values.get("model", "your-model")
    models = with_model(edition, name, serverless=False)
    yield replace(start, request=Request(body=chat(name)), settings={"models": models})


def _unsuitable(reading: Reading, edition: Edition, start: Scenario) -> Iterator[Scenario]:
    """A model that does other things than the operation, which the text names or leaves open."""
    for operation, asked in OPERATIONS.items():
        if not asked.models or reading.values.get("does", asked.does) != asked.does:
            continue
        name = reading.values.get("model") or default_model(edition, lambda m: not asked.suits(m))  # noqa: B023  at once
        request, known = usual_request(name, asked.models[0]), edition.models.get(name)
        other = {"type": "transcribe" if "chat" in asked.models else "chat"} if not known or asked.suits(known) else {}
        if request.operation == operation and operation in edition.operations.values():
            yield replace(start, request=request, settings={"models": with_model(edition, name, **other)})


def _rate_limit(reading: Reading, edition: Edition, start: Scenario) -> Iterator[Scenario]:
    """Together's general limit: the tier that has it, or ``limits=``."""
    limits = _limits({"RPM": reading.values.get("rpm"), "TPM": reading.values.get("tpm")})
    name = default_model(edition)
    for settings in _settings_with(edition, name, limits, general=True):
        settings["models"] = with_model(edition, name)
        yield replace(start, request=Request(body=chat(name)), settings=settings, levels=(Level("RPM", None, name),))


def _model_rate_limit(reading: Reading, edition: Edition, start: Scenario) -> Iterator[Scenario]:
    """Together's limit of one model."""
    name = reading.values.get("model") or "your-model"
    tokens = reading.values.get("and_tokens", "").removeprefix(" and ").removesuffix(" tokens").strip()
    limits = _limits({"RPM": reading.values.get("queries"), "TPM": tokens or None})
    known = edition.models.get(name)
    models = with_model(edition, name)
    request = usual_request(name, known.type if known else "chat")
    lowest = known.tier if known else 0
    for settings in _settings_with(edition, name, limits, general=False, lowest=lowest):
        settings["models"] = models
        yield replace(start, request=request, settings=settings, levels=(Level("RPM", None, name),))


def _limits(told: Mapping[str, str | None]) -> dict[str, float]:
    numbers = {kind: float(value) for kind, value in told.items() if value and value.replace(".", "", 1).isdigit()}
    return {kind: int(value) if value.is_integer() else value for kind, value in numbers.items() if value}


def _settings_with(
    edition: Edition, model: str, limits: Mapping[str, float], *, general: bool, lowest: int = 0
) -> list[dict[str, Any]]:
    """The tiers from *lowest* on with these limits; or the lowest with ``limits=``. Where there are none, no tier."""
    plans = dict.fromkeys(record.plan for record in edition.limits)
    same: list[dict[str, Any]] = [
        _tier_of(plan)
        for plan in plans
        if _tier_of(plan).get("tier", lowest) >= lowest and edition.limits_for(plan, model) == dict(limits)
    ]
    own = {kind: limits.get(kind) for kind in ("RPM", "TPM")}
    tier = {"tier": max(1, lowest)} if edition.has_plan("tier1") else {}
    return same or [{**tier, "limits": dict(limits) if general else {model: own}}]


def _tier_of(plan: str) -> dict[str, Any]:
    """The setting that means *plan*: ``{"tier": 2}``, or nothing for the only one there is."""
    tier = plan.removeprefix("tier")
    return {"tier": int(tier)} if tier.isdecimal() else {}


_STATES: Mapping[str, State] = {
    "invalid_api_key": _no_key,
    "unknown_url": _wrong_address,
    "model_not_found": _unknown_model,
    "model_decommissioned": _retired,
    "context_length_exceeded": _too_long,
    "context_length_exceeded_third_party": _too_long,
    "service_tier_unavailable": _service_tier,
    "spend_limit_reached": _spent,
    "credit_limit": _no_credit,
    "tier_restricted": _tier,
    "model_not_serverless": _not_serverless,
    "model_not_for_chat": _unsuitable,
    "model_unsuitable": _unsuitable,
    "rate_limit": _rate_limit,
    "model_rate_limit": _model_rate_limit,
}


def newest_with(reading: Reading, days: tuple[Any, ...]) -> Edition | None:
    """The edition of the first of *days* that has the error."""
    return next((e for e in (edition_on(reading.provider, day) for day in days) if reading.name in e.errors), None)
