"""The simulator's own answer to a recorded request: the same model, the edition of its day, the plan its headers tell.

Each request meets an account that has used nothing yet: what a limit has left is nothing that a request says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, get_args

from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.errors import unknown
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.load import edition_on, load_edition, model_on, plan_names
from pytest_llmcontract.core.facts.records import Capability, Model, family_facts
from pytest_llmcontract.core.facts.registry import provider_names
from pytest_llmcontract.core.operations import operation_called
from pytest_llmcontract.core.provider import provider_called
from pytest_llmcontract.core.world import World, noon_of
from pytest_llmcontract.recordings.cassette import Interaction
from pytest_llmcontract.recordings.providers import operation_of

_KEY = "Bearer ***"
LIMIT_HEADERS = (
    "x-ratelimit-limit",
    "x-ratelimit-limit-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-limit-audio-seconds",
)


@dataclass(frozen=True, slots=True)
class Simulated:
    """What the simulator answers to a recorded request."""

    reply: ApiReply
    operation: str
    model: str
    edition: date
    """The day whose facts it was held to."""
    plan: str
    unheard: bool = False
    """What the facts do not have of the model, or only guess, is taken from the recording."""


def told_limits(reply: ApiReply) -> dict[str, str]:
    """The limits that the headers of *reply* tell, as they tell them; redacted ones tell none."""
    told = {name: reply.headers[name] for name in LIMIT_HEADERS if name in reply.headers}
    return {name: limit for name, limit in told.items() if any(letter.isdigit() for letter in limit)}


class Resimulation:
    """Answers recorded requests.

    Args:
        edition: The day whose facts hold; default each recording's own.
        plans: Plans or tiers to take, as ``fits=`` names them (``groq/free``, ``together/tier1``) or without the
            provider; default what the recorded headers tell.

    Raises:
        BadInput: There is no such plan, or no edition as old.
    """

    def __init__(self, edition: date | str | None = None, plans: Iterable[str] = ()) -> None:
        self._edition = edition
        self._told = dict(_named_plan(plan) for plan in plans)
        self._likely: dict[str, str] = {}
        """The plan that the last recording with such headers told, by provider."""

    def answer(self, provider: str, interaction: Interaction, day: date | None) -> Simulated:
        """What the simulator says to the request of *interaction*."""
        known = self._facts(provider, day)
        facts = _as_told(known, interaction)
        told = told_limits(interaction.reply)
        found: Simulated | None = None
        agreeing = -1
        for plan in self._plans(provider, facts):
            simulated = _simulated(facts, plan, interaction)
            # A plan that refuses what was answered is not this account's.
            now = int(simulated.reply.status == interaction.reply.status)
            now += sum(simulated.reply.headers.get(name) == limit for name, limit in told.items())
            if now > agreeing:
                found, agreeing = simulated, now
            if agreeing == len(told) + 1:
                break
        assert found is not None
        if told and agreeing > 1:
            self._likely[provider] = found.plan
        return dataclasses.replace(found, unheard=facts is not known)

    def _facts(self, provider: str, day: date | None) -> Edition:
        if self._edition is not None:
            return load_edition(provider, self._edition)
        return load_edition(provider) if day is None else edition_on(provider, day)

    def _plans(self, provider: str, facts: Edition) -> list[str]:
        """The plans to try, the likeliest first."""
        if provider in self._told:
            return [self._told[provider]]
        likely = self._likely.get(provider, facts.plans[0])
        return [likely, *(plan for plan in _plan_names(facts) if plan != likely)]


# Models that the facts do not have, or only guess about


def _as_told(facts: Edition, interaction: Interaction) -> Edition:
    """*facts* with the model as the recording shows it: the first guess that is answered as it was."""
    name = _model_of(interaction)
    if not name or interaction.reply.status in (401, 404):
        return facts
    known = facts.models.get(name)
    if known is not None and not known.assumed:
        return facts
    guesses = [] if known else [facts.with_models({name: _likeliest(facts, name, interaction)})]
    guesses += [facts.with_models({name: fields}) for fields in _guesses(facts, known, interaction)]
    told = (guess for guess in (facts, *guesses) if _as_recorded(_told_by(guess, interaction), interaction))
    return next(told, facts if known else guesses[0])


def _model_of(interaction: Interaction) -> str:
    body = interaction.request.json
    name = body.get("model") if isinstance(body, dict) else None
    return name if isinstance(name, str) else ""


def _told_by(guess: Edition, interaction: Interaction) -> Simulated:
    return _simulated(guess, guess.plans[0], interaction)


def _likeliest(facts: Edition, model: str, interaction: Interaction) -> dict[str, Any]:
    """What is assumed of an unknown model: what the facts have of its first day, else that it takes anything."""
    known = load_edition(facts.provider).models.get(model)
    later = model_on(facts.provider, model, known.since) if known else None
    if later is not None:
        return later.model_dump(exclude_unset=True, exclude=_OWN)
    if (kind := _kind_asked(facts, interaction)) != "chat":
        return {"type": kind}
    return {**_ANYTHING, **family_facts(facts.models, model)}


def _kind_asked(facts: Edition, interaction: Interaction) -> str:
    """The type of model that usually does what is asked."""
    operation = operation_of(facts.provider, interaction.request.method, interaction.request.path)
    return next(iter(operation_called(operation).models), "chat")


_OWN = {"id", "since", "serverless", "retired", "source", "sources", "assumed"}
_ANYTHING = {"input_modalities": ("text", "image", "audio", "video"), "context": None}


def _guesses(facts: Edition, known: Model | None, interaction: Interaction) -> Iterator[dict[str, Any]]:
    """What it may be instead, ever less able; of a *known* model, only what nobody saw of it."""
    if known is None and _kind_asked(facts, interaction) == "chat":
        yield {**_ANYTHING, "capabilities": get_args(Capability)}
        yield {"context": None, "capabilities": ()}
    if known is None or not known.is_seen("input_modalities"):
        elsewhere = {} if known else {"context": None, **family_facts(facts.models, _model_of(interaction))}
        yield from ({**elsewhere, "input_modalities": kinds} for kinds in (("text", "image"), ("text",)))
        yield {**elsewhere, "third_party": True}
    if known is None or not known.is_seen("capabilities"):
        less = {**({} if known else _ANYTHING), "capabilities": ("system",)}
        yield from (less, {**less, "third_party": True})
    if known is None or "retired" in known.assumed:
        yield {"retired": facts.date if known is None or known.retired is None else None}
    if "model_not_serverless" in facts.errors and (known is None or "serverless" in known.assumed):
        yield {"serverless": known is not None and not known.serverless}


def _as_recorded(simulated: Simulated, interaction: Interaction) -> bool:
    """Whether status and form of the error agree; the words may differ."""
    return _kind_of(simulated.reply) == _kind_of(interaction.reply)


def _kind_of(reply: ApiReply) -> tuple[int, object, object, object]:
    error = reply.json.get("error") if reply.status >= 400 and isinstance(reply.json, dict) else None
    error = error if isinstance(error, dict) else {}
    return reply.status, error.get("code"), error.get("param"), type(error.get("message"))


# One simulation


def _simulated(facts: Edition, plan: str, interaction: Interaction) -> Simulated:
    provider = provider_called(facts.provider)
    world = World(VirtualClock(noon_of(facts.date)))
    simulator = world.add(provider, facts, provider.plan_settings(plan))
    call, reply = simulator.answer(_sent(interaction))
    assert isinstance(reply, ApiReply)
    return Simulated(reply, call.operation, call.model, facts.date, plan)


def _sent(interaction: Interaction) -> ApiRequest:
    """The request with the key that was scrubbed out of it, unless it was refused for its key."""
    request = interaction.request
    if interaction.reply.status == 401:
        return request
    return dataclasses.replace(request, headers=Headers({**request.headers, "authorization": _KEY}))


# Plans


def _named_plan(text: str) -> tuple[str, str]:
    """Provider and plan that *text* names: ``groq/free``, ``tier1``."""
    known = {f"{provider}/{plan}": (provider, plan) for provider in provider_names() for plan in plan_names(provider)}
    bare: dict[str, tuple[str, str]] = {plan: (provider, plan) for provider, plan in known.values()}
    if text not in known and text not in bare:
        raise unknown("plan", text, known)
    return known.get(text) or bare[text]


def _plan_names(edition: Edition) -> list[str]:
    """Every plan with limits, also those that one cannot buy any more."""
    return list(dict.fromkeys((*edition.plans, *(record.plan for record in edition.limits))))
