"""Would the calls of a test, run so and so often, fit a plan?

Two questions, and both must be answered with yes:

1. *One run*: the calls go through empty limits of the plan, at the virtual seconds at which they were made. A call that
   the limits would not admit is where the flow does not fit. So a flow that was refused and waited as told does not
   fit either: it would be refused again.
2. *Many runs*: what one run takes of a limit, times the runs. A limit of ``L`` in a window of ``w`` seconds, of which
   a run takes ``a``, allows ``L * 86400 / w / a`` runs a day and ``L / a`` a minute, as in :mod:`.fit`. Every model
   has limits of its own.

A call counts if the limits of the simulation let it pass, whatever became of it later; with the tokens it really used.
A call that they refused only asks: what it would have taken, its repetition takes. Refusals that the test scripted, and
calls that failed before any limit was asked, do not count. The limits are the published ones of the plan, whatever
``limits=`` says of the simulated one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.records import AUDIO_KINDS, LIMIT_KINDS
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.limits.limiter import Limiter
from pytest_llmcontract.core.limits.rules import EPSILON, Rule
from pytest_llmcontract.core.provider import limiter_of, provider_called
from pytest_llmcontract.core.workload.fit import DAY, may_use, rates

_WINDOWS: Mapping[float, str] = {60: "in one minute", 3600: "in one hour", DAY: "in one day"}


@dataclass(frozen=True, slots=True)
class Demand:
    """What one call wants of the limits, by kind."""

    index: int
    """Of the call in its test."""
    at: float
    model: str
    asks: Mapping[str, float]
    """What must be left for it to be admitted, the longest completion it allows included."""
    takes: Mapping[str, float]
    """What it counts in the end; nothing if it was refused."""


@dataclass(frozen=True, slots=True)
class Runs:
    """How often the flow is to run; ``None``: not asked."""

    per_minute: Fraction | None = None
    per_day: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Tightest:
    """The limit that binds."""

    fraction: float
    """How much of it is asked; above 1 the flow does not fit."""
    kind: str
    """``TPM``; ``tier``: the tier may not use the model."""
    model: str
    message: str
    """How much of how much, of which limit; and from which run on."""
    sent: str = ""
    allowed: str = ""
    index: int | None = None
    """The call that is too much, or takes most of it."""
    in_time: bool = False
    """A single run is too much, with that call."""
    most: str = ""
    """How many runs fit, ``400 runs a day``."""

    @property
    def fits(self) -> bool:
        return self.fraction <= 1


def demands(calls: Sequence[Call], provider: str) -> list[Demand]:
    """What each of *calls* to *provider* wants, as far as limits were asked."""
    found = []
    for index, call in enumerate(calls):
        if call.provider != provider:
            continue
        if charges := call.charges:
            found.append(Demand(index, call.at, call.model, charges.asked, charges.taken))
        elif call.shortage is not None and call.reply is not None and not call.reply.scripted:
            asks = {call.shortage.kind: call.shortage.requested}
            found.append(Demand(index, call.at, call.model, asks, {}))
    return found


def fits(facts: Edition, plan: str, demands: Sequence[Demand], runs: Runs) -> bool:
    """Whether the plan takes the flow that often."""
    binding = tightest(facts, plan, demands, runs)
    return binding is None or binding.fits


def tightest(facts: Edition, plan: str, demands: Sequence[Demand], runs: Runs) -> Tightest | None:
    """The limit of *plan* that binds: the one that refuses a single run first, else the one that is asked most of.

    ``None`` where nothing limits the flow, or there is none.
    """
    for demand in demands:
        if (model := facts.models.get(demand.model)) and not may_use(plan, model):
            needs = f"{model.id} needs Build Tier {model.tier} ({plan_text(facts.provider, plan)})"
            share = model.tier / int(plan.removeprefix("tier"))
            return Tightest(share, "tier", model.id, needs, index=demand.index, in_time=True)
    limiter = _limiter(facts, plan)
    found = []
    for moment in _in_time(facts, plan, limiter, demands):
        if not moment.fits:
            return moment
        found.append(moment)
    found += _by_rate(facts, plan, demands, runs)
    return max(found, key=lambda bound: bound.fraction, default=None)


def _limiter(facts: Edition, plan: str) -> Limiter:
    """Empty limits of the plan, as the provider counts them."""
    return limiter_of(provider_called(facts.provider), facts, lambda: plan)


def _in_time(facts: Edition, plan: str, limiter: Limiter, demands: Sequence[Demand]) -> Iterator[Tightest]:
    """For each call of one run the limit that it fills most, until one does not admit it."""
    for demand in demands:
        rules = limiter.rules(demand.model)
        used = {kind: state.used for kind, state in limiter.state(demand.model, demand.at).items()}
        asked = {kind: demand.asks[kind] for kind in rules if demand.asks.get(kind)}
        fullest = max(asked, key=lambda kind: _filled(rules[kind], used[kind], asked[kind]), default=None)
        if fullest is not None:
            yield _moment(facts, plan, demand, fullest, rules[fullest], used[fullest])
        limiter.take(demand.model, demand.takes, demand.at)


def _filled(rule: Rule, used: float, amount: float) -> float:
    """How full *amount* more would make it; above 1 it is not admitted."""
    wanted = used + amount
    return wanted / rule.capacity if wanted > rule.capacity + EPSILON else min(1.0, wanted / rule.capacity)


def _moment(facts: Edition, plan: str, demand: Demand, kind: str, rule: Rule, used: float) -> Tightest:
    amount = demand.asks[kind]
    wanted = f"{math.ceil(used + amount - EPSILON):,} of {rule.capacity:,g}"
    span = _WINDOWS.get(rule.span, f"in {rule.span:g} s")
    where = _where(facts, plan, kind, demand.model)
    return Tightest(
        _filled(rule, used, amount),
        kind,
        demand.model,
        f"{wanted} {unit(kind)} {span} ({where})",
        sent=f"this call asks for {amount:,.0f}, {math.ceil(used):,} were used before",
        allowed=f"{rule.capacity:,g} {unit(kind)} {span}",
        index=demand.index,
        in_time=True,
    )


def _by_rate(facts: Edition, plan: str, demands: Sequence[Demand], runs: Runs) -> Iterator[Tightest]:
    """Every limit of every model, beside what the runs of a minute and of a day take of it."""
    takers: dict[tuple[str, str], list[Demand]] = {}
    for demand in demands:
        for kind in demand.takes:
            takers.setdefault((demand.model, kind), []).append(demand)
    for (model, kind), these in takers.items():
        if (limit := facts.limits_for(plan, model).get(kind)) is not None:
            total = sum((Fraction(str(demand.takes[kind])) for demand in these), Fraction(0))
            largest = max(these, key=lambda demand: demand.takes[kind])
            per_minute, per_day = rates(kind, limit, total)
            need = _Need(kind, model, total, _where(facts, plan, kind, model), largest.index)
            if runs.per_minute:
                yield need.held_to(runs.per_minute, per_minute, "minute", window(kind))
            if runs.per_day:
                yield need.held_to(runs.per_day, per_day, "day", _WINDOWS[DAY])


@dataclass(frozen=True, slots=True)
class _Need:
    """What one run takes of one limit."""

    kind: str
    model: str
    amount: Fraction
    where: str
    largest: int
    """The call that takes most of it."""

    def held_to(self, asked: Fraction, allowed: Fraction, span: str, per: str) -> Tightest:
        """So many runs a *span*, beside as many as the limit allows."""
        most = math.floor(allowed)
        limit = f"{_number(allowed * self.amount)} {unit(self.kind)} {per}"
        return Tightest(
            float(asked / allowed),
            self.kind,
            self.model,
            f"{_runs(asked, span)} take {_number(asked * self.amount)} of {limit} ({self.where}), "
            f"exceeded at run {most + 1:,}",
            sent=f"{_number(self.amount)} {unit(self.kind, self.amount)} a run",
            allowed=limit,
            index=self.largest,
            most=_runs(Fraction(most), span) if most else "",
        )


def _runs(number: Fraction, span: str) -> str:
    return f"{_number(number)} {'run' if number == 1 else 'runs'} a {span}"


def unit(kind: str, amount: Fraction | None = None) -> str:
    """What a limit of this kind counts; in the singular for an *amount* of one."""
    one = amount == 1
    if kind in AUDIO_KINDS:
        return "second of audio" if one else "seconds of audio"
    noun = {"RPM": "call", "RPD": "call", "ITPM": "input token", "OTPM": "output token"}.get(kind, "token")
    return noun if one else noun + "s"


def window(kind: str) -> str:
    """``in one minute``."""
    return _WINDOWS[LIMIT_KINDS[kind]]


def plan_text(provider: str, plan: str) -> str:
    """``groq, plan free``, ``together, tier 1``."""
    tier = plan.removeprefix("tier")
    return f"{provider}, tier {tier}" if tier.isdecimal() else f"{provider}, plan {plan}"


def _where(facts: Edition, plan: str, kind: str, model: str) -> str:
    return f"{plan_text(facts.provider, plan)}, {kind} of {model}"


def _number(value: Fraction) -> str:
    return f"{int(value):,}" if value == int(value) else f"{float(value):,.1f}"
