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

from pytest_llmcontract.core.completion.answers import asked_completion
from pytest_llmcontract.core.data import provider_package
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.limits.buckets import EPSILON, Bucket
from pytest_llmcontract.core.limits.limiter import EXPECTED_OUTPUT, Limiter
from pytest_llmcontract.core.profile import AUDIO_KINDS, LIMIT_KINDS, Edition
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
        if call.counted:
            found.append(Demand(index, call.at, call.model, _asks(call), _takes(call)))
        elif call.shortage is not None and call.reply is not None and not call.reply.scripted:
            asks = {call.shortage.kind: call.shortage.requested}
            found.append(Demand(index, call.at, call.model, asks, {}))
    return found


def _takes(call: Call) -> dict[str, float]:
    fresh, output = call.usage.input_tokens - call.usage.cached_tokens, call.usage.output_tokens
    tokens, audio = fresh + output, call.audio_seconds
    takes = {"TPM": tokens, "TPD": tokens, "ITPM": fresh, "OTPM": output, "ASH": audio, "ASD": audio}
    return {"RPM": 1, "RPD": 1, **{kind: amount for kind, amount in takes.items() if amount}}


def _asks(call: Call) -> dict[str, float]:
    """As the simulator charges a call before it knows the answer (``Simulator.charges``)."""
    asks = _takes(call)
    if call.usage.total_tokens:
        most = asked_completion(call.request.json or {})
        asks["TPM"] = asks["TPD"] = call.usage.input_tokens + (most or 1)
        asks |= {"ITPM": call.usage.input_tokens, "OTPM": most or EXPECTED_OUTPUT}
    return asks


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
    limiter: Limiter = provider_package(facts.provider).limiter(facts, _Account(plan), _NO_CLOCK)
    return limiter


@dataclass(frozen=True, slots=True)
class _Account:
    """One that never leaves its plan."""

    plan: str

    def plan_name(self, now: float) -> str:
        return self.plan


@dataclass(frozen=True, slots=True)
class _Clock:
    seconds: float = 0.0


_NO_CLOCK = _Clock()
"""Plans depend on the time only where accounts do."""


def _in_time(facts: Edition, plan: str, limiter: Limiter, demands: Sequence[Demand]) -> Iterator[Tightest]:
    """For each call of one run the limit that it fills most, until one does not admit it."""
    for demand in demands:
        buckets = limiter.buckets(demand.model)
        asked = {kind: demand.asks[kind] for kind in buckets if demand.asks.get(kind)}
        fullest = max(asked, key=lambda kind: _filled(buckets[kind], asked[kind], demand.at), default=None)
        if fullest is not None:
            yield _moment(facts, plan, demand, fullest, buckets[fullest])
        limiter.take(demand.model, demand.takes, demand.at)


def _filled(bucket: Bucket, amount: float, now: float) -> float:
    """How full *amount* more would make it; above 1 it is not admitted."""
    wanted = bucket.used(now) + amount
    return wanted / bucket.capacity if wanted > bucket.capacity + EPSILON else min(1.0, wanted / bucket.capacity)


def _moment(facts: Edition, plan: str, demand: Demand, kind: str, bucket: Bucket) -> Tightest:
    amount = demand.asks[kind]
    wanted = f"{math.ceil(bucket.used(demand.at) + amount - EPSILON):,} of {bucket.capacity:,g}"
    span = _WINDOWS.get(bucket.span, f"in {bucket.span:g} s")
    where = _where(facts, plan, kind, demand.model)
    return Tightest(
        _filled(bucket, amount, demand.at),
        kind,
        demand.model,
        f"{wanted} {unit(kind)} {span} ({where})",
        sent=f"this call asks for {amount:,.0f}, {math.ceil(bucket.used(demand.at)):,} were used before",
        allowed=f"{bucket.capacity:,g} {unit(kind)} {span}",
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
