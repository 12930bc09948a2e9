"""Which limit binds a workload, and how much of it a plan takes.

Two capacities follow from every limit: calls a minute and calls a day. A limit of ``L`` units in a window of ``w``
seconds, of which each call takes ``a``, allows ``L * 86400 / w / a`` calls a day, and ``L / a`` a minute (no window is
shorter than a minute, so what it holds may go at once). The smallest counts. Arithmetic is in fractions; only what
is shown is rounded, downwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date as Date  # noqa: N812  Fit has a field edition
from fractions import Fraction
from math import inf
from typing import Any

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.load import edition_with_plan
from pytest_llmcontract.core.facts.numbers import exact_number
from pytest_llmcontract.core.facts.records import LIMIT_KINDS, TOKEN_KINDS, Model
from pytest_llmcontract.core.provider import provider_called

DAY = 86400


@dataclass(frozen=True)
class Workload:
    """What is to fit. ``None`` means not known, or not asked."""

    tokens_per_call: Fraction | None = None
    """Input and output; cached tokens left out where the provider does not count them."""
    output_tokens_per_call: Fraction | None = None
    """How many of these are output."""
    audio_seconds_per_call: Fraction | None = None
    calls_per_minute: Fraction | None = None
    """The peak."""
    calls_per_day: Fraction | None = None

    @property
    def asked(self) -> bool:
        return self.calls_per_minute is not None or self.calls_per_day is not None

    def amount(self, kind: str) -> Fraction | None:
        """What one call takes of a limit of this kind; ``None`` if that is not known."""
        if kind in ("RPM", "RPD"):
            return Fraction(1)
        if kind in ("ASH", "ASD"):
            return self.audio_seconds_per_call
        if kind in ("TPM", "TPD"):
            return self.tokens_per_call
        if self.tokens_per_call is None or self.output_tokens_per_call is None:
            return None
        return self.output_tokens_per_call if kind == "OTPM" else self.tokens_per_call - self.output_tokens_per_call


@dataclass(frozen=True)
class Bound:
    """What one limit allows of a workload."""

    kind: str
    limit: float
    """In its own unit, a window of its own: 8000 tokens a minute."""
    amount: Fraction
    """What one call takes."""
    per_minute: Fraction
    """Calls a minute; 0 where a single call is larger than the limit."""
    per_day: Fraction
    source: str
    """Kind of the source it is known from: ``documented``, ``recorded``, ``assumed`` …"""

    def excess(self, work: Workload) -> float | Fraction:
        """How many times as much as it allows is asked; above 1 the workload does not fit."""
        pairs = ((work.calls_per_minute, self.per_minute), (work.calls_per_day, self.per_day))
        return max((asked / allowed if allowed else inf for asked, allowed in pairs if asked), default=0)


@dataclass(frozen=True)
class Fit:
    """The answer of :func:`fit`."""

    fits: bool | None
    """``None`` without a workload: neither calls a minute nor a day were given."""
    binding: str | None
    """The limit that the workload exceeds most; if none, the one that ends the day first. Of equal ones the first in
    the order RPM, RPD, TPM, TPD … ``tier``: the tier may not use the model. ``None``: nothing limits."""
    calls_per_day: int | None
    """The most that fit; ``None`` where nothing limits them."""
    calls_per_minute: int | None
    limits: Mapping[str, float]
    fits_on: tuple[str, ...]
    """The provider's plans on which the workload fits, without one those that take such a call at all."""
    plan: str
    """``groq/free``."""
    model: str
    edition: Date
    work: Workload
    bounds: tuple[Bound, ...]
    notes: tuple[str, ...]
    """What the answer leaves out, or rests on."""

    def as_json(self) -> dict[str, Any]:
        """What ``llmcontract fit --json`` prints."""
        return {
            "fits": self.fits,
            "binding": self.binding,
            "calls_per_day": self.calls_per_day,
            "calls_per_minute": self.calls_per_minute,
            "limits": dict(self.limits),
            "fits_on": list(self.fits_on),
        }


def fit(
    plan: str,
    model: str,
    *,
    tokens_per_call: object = None,
    output_tokens_per_call: object = None,
    audio_seconds_per_call: object = None,
    calls_per_minute: object = None,
    calls_per_day: object = None,
    edition: Date | str | None = None,
    limits: Mapping[str, Any] | None = None,
) -> Fit:
    """Which limit of *plan* binds calls to *model*, and how many fit. Numbers may be text, ``"1.5K"``.

    Args:
        plan: ``groq/free``, ``groq/developer``, ``together/tier1`` …
        tokens_per_call: Input and output of one call; without it token limits are not judged.
        output_tokens_per_call: How many of these are output, for limits that count them apart (ITPM, OTPM).
        audio_seconds_per_call: For models that listen.
        calls_per_minute: The peak. It is held to what fits in a minute, not taken for the whole day.
        calls_per_day: The volume.
        edition: The day whose facts hold; default the newest.
        limits: Limits of one's own for this plan, as the markers take them.

    Raises:
        BadInput: Something is not known or no such number; the message lists what is accepted.
    """
    provider, slash, name = plan.partition("/")
    if not slash:
        raise BadInput(f"plan {plan!r} is not understood; expected PROVIDER/PLAN, such as groq/free or together/tier1")
    facts = edition_with_plan(provider, name, edition)
    known = facts.model(model)
    work = _workload(
        tokens_per_call, output_tokens_per_call, audio_seconds_per_call, calls_per_minute, calls_per_day
    )  # fmt: skip
    facts.limits_record(name, model)  # a plan nobody knows gets a clear error
    own = facts.with_limits(limits)
    bounds = _bounds(own, name, known, work)
    open_to_plan = may_use(name, known)
    return Fit(
        fits=(open_to_plan and _takes(bounds, work)) if work.asked else None,
        binding=_binding(bounds, work) if open_to_plan else "tier",
        calls_per_day=_least([bound.per_day for bound in bounds]) if open_to_plan else 0,
        calls_per_minute=_least([bound.per_minute for bound in bounds]) if open_to_plan else 0,
        limits=own.limits_for(name, model),
        fits_on=tuple(
            f"{provider}/{other}"
            for other in facts.plans
            if may_use(other, known) and _takes(_bounds(own if other == name else facts, other, known, work), work)
        ),
        plan=plan,
        model=model,
        edition=facts.date,
        work=work,
        bounds=bounds,
        notes=(*_notes(own, name, known, work), *_ways_out(own, name, known, work, bounds)),
    )


def _workload(tokens: object, output: object, audio: object, per_minute: object, per_day: object) -> Workload:
    work = Workload(
        _positive("tokens_per_call", tokens),
        _positive("output_tokens_per_call", output, zero=True),
        _positive("audio_seconds_per_call", audio),
        _positive("calls_per_minute", per_minute, zero=True),
        _positive("calls_per_day", per_day, zero=True),
    )
    if work.output_tokens_per_call is not None:
        if work.tokens_per_call is None:
            raise BadInput("output_tokens_per_call is given without tokens_per_call, of which it is a part")
        if work.output_tokens_per_call > work.tokens_per_call:
            raise BadInput(f"output_tokens_per_call is {output}, more than tokens_per_call, {tokens}")
    return work


def _positive(name: str, value: object, *, zero: bool = False) -> Fraction | None:
    if value is None:
        return None
    amount = Fraction(exact_number(value, what=name))
    if amount < 0 or not (amount or zero):
        raise BadInput(f"{name} is {value!r}; expected a number {'from' if zero else 'above'} 0")
    return amount


def _bounds(facts: Edition, plan: str, model: Model, work: Workload) -> tuple[Bound, ...]:
    """What each limit of the plan allows; those that say nothing about this workload are left out."""
    found = []
    for kind, limit in facts.limits_for(plan, model.id).items():
        if not (amount := work.amount(kind)):
            continue
        allowed = Fraction(str(limit))
        # A rate below one request a minute still admits one at a time; more tokens than there ever are never pass.
        never = amount > allowed and kind not in ("RPM", "RPD")
        per_minute, per_day = (Fraction(0), Fraction(0)) if never else rates(kind, limit, amount)
        found.append(Bound(kind, limit, amount, per_minute, per_day, _source(facts, plan, model.id, kind)))
    return tuple(found)


def rates(kind: str, limit: float, amount: Fraction) -> tuple[Fraction, Fraction]:
    """How often a minute, and how often a day, a limit gives *amount*."""
    per_window = Fraction(str(limit)) / amount
    return per_window, per_window * DAY / Fraction(LIMIT_KINDS[kind])


def _source(facts: Edition, plan: str, model: str, kind: str) -> str:
    record = facts.limits_record(plan, model)
    if record is None or any(kind in facts.overrides.get(scope, {}) for scope in ("*", model)):
        return "given"
    return facts.sources[record.source_of(kind)].kind


def may_use(plan: str, model: Model) -> bool:
    """Together opens some models from a Build Tier on; Groq's models are open to every plan."""
    tier = plan.removeprefix("tier")
    return not tier.isdecimal() or model.tier <= int(tier)


def _takes(bounds: Sequence[Bound], work: Workload) -> bool:
    return all(bound.per_day and bound.excess(work) <= 1 for bound in bounds)


def _binding(bounds: Sequence[Bound], work: Workload) -> str | None:
    if not bounds:
        return None
    worst = max(bounds, key=lambda bound: bound.excess(work))
    return worst.kind if worst.excess(work) > 1 else min(bounds, key=lambda bound: bound.per_day).kind


def _least(capacities: Sequence[Fraction]) -> int | None:
    return int(min(capacities)) if capacities else None


def _notes(facts: Edition, plan: str, model: Model, work: Workload) -> list[str]:
    notes = []
    if model.is_retired(facts.date):
        notes.append(f"{model.id} is retired since {model.retired}: it does not answer any more")
    if not model.serverless:
        notes.append(f"{model.id} answers on a dedicated endpoint only, which has limits of its own")
    if not may_use(plan, model):
        notes.append(f"{model.id} needs Build Tier {model.tier}")
    limits = facts.limits_for(plan, model.id)
    for what, kinds in _NEEDED.items():
        if open_ := [kind for kind in kinds if kind in limits and work.amount(kind) is None]:
            notes.append(f"{' and '.join(open_)} not judged: {what} a call are not given")
    rule = provider_called(facts.provider).rule(facts, "RPM", limits.get("RPM", 60), LIMIT_KINDS["RPM"])
    if rule.span != rule.window and "RPM" in limits:
        notes.append(f"counted in windows of {rule.span:g} s: calls must come evenly spread")
    return notes


def _ways_out(facts: Edition, plan: str, model: Model, work: Workload, bounds: Sequence[Bound]) -> Iterator[str]:
    """What may help a workload that does not fit, beside another plan."""
    short = {bound.kind for bound in bounds if bound.excess(work) > 1}
    if not short:
        return
    for lane in facts.lanes.values():
        if lane.limits is not None and plan in lane.plans:
            yield f"service tier {lane.name}: {lane.limits} times these limits, where the provider has room"
    if short & TOKEN_KINDS and model.can_cache and facts.dialect.cache_seconds:
        yield "tokens that the prompt cache has are not counted: leave them out of the tokens a call"


_NEEDED = {
    "tokens": ("TPM", "TPD"),
    "output tokens": ("ITPM", "OTPM"),
    "seconds of audio": ("ASH", "ASD"),
}
