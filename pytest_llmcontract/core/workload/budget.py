"""Budgets: what a test or a session may use, and what of it was used.

A budget reads the calls of a test, whoever answered them. What counts:

- *calls*: every request that reached a provider, refused ones and retries included.
- *tokens*, *cost*: what a provider counts and would bill. A refused call uses none, a stream that broke all of them.
- *retries*: calls that repeat one before, by whichever layer.
- *seconds*: what the virtual clock moved since the test began.
- *share*: how full a limit was at its fullest, ``exhaust()`` and ``use()`` of the test included.
- *fits*: see :mod:`.flow`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate
from typing import Any

from pytest_llmcontract.core.errors import BadInput, unknown
from pytest_llmcontract.core.exchange import UsageSource
from pytest_llmcontract.core.facts.load import edition_with_plan, load_edition, plan_names
from pytest_llmcontract.core.facts.numbers import exact_number
from pytest_llmcontract.core.facts.records import LIMIT_KINDS
from pytest_llmcontract.core.findings.rules import RULES, Violation
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.words import counted, percent
from pytest_llmcontract.core.workload import flow
from pytest_llmcontract.core.workload.costs import money_text

_COUNTS = ("calls", "tokens", "input_tokens", "output_tokens", "retries", "output")
SESSION_NAMES = ("calls", "tokens", "input_tokens", "output_tokens", "cost", "retries", "seconds")
"""What a session can be held to: sums, which workers and shards add up."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What ``llm_budget`` takes, checked. ``None``: not limited.

    Raises:
        BadInput: A value is not accepted; the message says what is.
    """

    calls: Any = None
    tokens: Any = None
    input_tokens: Any = None
    output_tokens: Any = None
    cost: Any = None
    """US dollars, as text, ``Decimal`` or float; kept as ``Decimal``."""
    retries: Any = None
    seconds: Any = None
    share: Any = None
    """A fraction for every limit, or by kind; kept as kind -> fraction, ``*`` for all."""
    fits: Any = None
    """``groq/free``, ``together/tier1`` …"""
    per_minute: Any = None
    per_day: Any = None
    """How often the test's flow is to run."""
    output: Any = None
    """Tokens of a completion that the simulator makes up."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                object.__setattr__(self, field.name, _checked(field.name, value))
        if self.fits is None and (self.per_minute is not None or self.per_day is not None):
            raise BadInput('llm_budget: per_minute and per_day need fits=, the plan they are held to: fits="groq/free"')


def _checked(name: str, value: object) -> object:
    what = f"llm_budget({name}=)"
    if name in _COUNTS:
        return _whole(what, value)
    if name == "share":
        return _shares(value)
    if name == "fits":
        return _plan(value)
    if name == "seconds":
        return _seconds(what, value)
    amount = _amount(what, value)
    if name in ("per_minute", "per_day") and not amount:
        raise BadInput(f"{what} is {value!r}; expected a number above 0: how often the flow is to run")
    return amount


def _amount(what: str, value: object) -> Decimal:
    amount = exact_number(value, what=what)
    if amount < 0:
        raise BadInput(f"{what} is {value!r}; expected a number from 0")
    return amount


def _seconds(what: str, value: object) -> Decimal:
    """``1m`` would be a million of them, and a minute is meant."""
    if isinstance(value, str) and value.strip()[-1:].isalpha():
        raise BadInput(f"{what} is {value!r}; expected seconds as a number without a unit, such as 60")
    return _amount(what, value)


def _whole(what: str, value: object) -> int:
    amount = _amount(what, value)
    if amount != int(amount):
        raise BadInput(f"{what} is {value!r}; expected a whole number")
    return int(amount)


def _shares(value: object) -> dict[str, Decimal]:
    if not isinstance(value, Mapping):
        return {"*": _fraction("llm_budget(share=)", value)}
    if not value:
        raise BadInput('llm_budget(share=) is empty; expected limits and fractions, such as {"TPM": 0.5}')
    for kind in value:
        if kind not in LIMIT_KINDS:
            raise unknown("limit in llm_budget(share=)", kind, LIMIT_KINDS)
    return {kind: _fraction(f"llm_budget(share={{{kind!r}: …}})", part) for kind, part in value.items()}


def _fraction(what: str, value: object) -> Decimal:
    amount = None if str(value).strip().endswith("%") else exact_number(value, what=what)
    if amount is None or not 0 <= amount <= 1:
        raise BadInput(f"{what} is {value!r}; expected a fraction of the limit from 0 to 1, such as 0.5")
    return amount


def _plan(value: object) -> str:
    provider, slash, plan = value.partition("/") if isinstance(value, str) else ("", "", "")
    if not slash:
        raise BadInput(
            f"llm_budget(fits=) is {value!r}; expected PROVIDER/PLAN, such as groq/free or together/tier1"
        )  # fmt: skip
    plans = plan_names(provider)
    if plan not in plans:
        raise unknown("plan in llm_budget(fits=)", value, [f"{provider}/{known}" for known in plans])
    return f"{provider}/{plan}"


def session_budget(text: str, what: str) -> dict[str, Decimal]:
    """``cost=0.50,tokens=200K`` as limits by name.

    Args:
        what: Where it was set, ``--llmcontract-budget``.

    Raises:
        BadInput: It does not parse; the message says what is accepted.
    """
    limits: dict[str, Decimal] = {}
    for item in text.split(","):
        name, equals, value = (part.strip() for part in item.partition("="))
        if not equals:
            raise BadInput(f"{what}: {item.strip()!r} is not understood; expected NAME=NUMBER, such as cost=0.50")
        if name not in SESSION_NAMES:
            raise unknown(f"budget in {what}", name, SESSION_NAMES)
        if name in limits:
            raise BadInput(f"{what}: {name!r} is given twice")
        check = {"cost": _amount, "seconds": _seconds}.get(name, _whole)
        limits[name] = Decimal(check(f"{what}: {name}", value))
    return limits


# What was used of it


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """One limit of a budget and what was used of it."""

    name: str
    """``tokens``, ``share TPM``, ``fits groq/free``."""
    limit: float | Decimal
    used: float | Decimal
    source: UsageSource | None = None
    """Where the figures come from, the least sure of them; ``None``: they were simply counted."""
    detail: str = ""
    finding: Violation | None = None
    """What is wrong, if it is exceeded."""

    @property
    def ok(self) -> bool:
        return self.finding is None


_SUMS: Mapping[str, tuple[str, Callable[[Call], Decimal | int]]] = {
    "calls": ("LLM401", lambda call: 1),
    "tokens": ("LLM402", lambda call: call.usage.total_tokens),
    "input_tokens": ("LLM402", lambda call: call.usage.input_tokens),
    "output_tokens": ("LLM402", lambda call: call.usage.output_tokens),
    "cost": ("LLM403", lambda call: call.cost),
    "retries": ("LLM406", lambda call: int(call.attempt > 1)),
}
"""Name -> code, and what one call adds."""

_LESS = {
    "LLM401": "ask for more in one call",
    "LLM402": "send less, or ask for shorter answers",
    "LLM403": "send less, or choose a cheaper model",
    "LLM404": "spread the calls over time, or send less",
    "LLM406": "retry in one layer only",
    "LLM407": "give up earlier, or answer from elsewhere",
}
"""What helps, beside a larger budget."""


def held(
    budget: Budget,
    calls: Sequence[Call],
    *,
    elapsed: float,
    began: float = 0.0,
    editions: Mapping[str, date] | None = None,
    places: Mapping[str, str] | None = None,
) -> list[BudgetLine]:
    """Every limit of *budget*, with what *calls* used of it.

    Args:
        elapsed: Virtual seconds of the test.
        began: What the clock showed when it began.
        editions: Provider -> the edition whose facts hold; default the newest.
        places: Keyword -> where it stands, ``marker llm_budget at tests/test_app.py::test_it``.
    """
    return list(_Check(budget, calls, elapsed, began, editions or {}, places or {}).lines())


@dataclass(frozen=True, slots=True)
class _Check:
    """One budget beside the calls it is held against."""

    budget: Budget
    calls: Sequence[Call]
    elapsed: float
    began: float
    editions: Mapping[str, date]
    places: Mapping[str, str]

    def lines(self) -> Iterator[BudgetLine]:
        for name in _SUMS:
            if getattr(self.budget, name) is not None:
                yield self._sum(name)
        if self.budget.seconds is not None:
            yield self._seconds()
        for kind, part in (self.budget.share or {}).items():
            yield self._share(kind, part)
        if self.budget.fits is not None:
            yield self._fits()

    def _sum(self, name: str) -> BudgetLine:
        code, of = _SUMS[name]
        limit = getattr(self.budget, name)
        amounts = [of(call) for call in self.calls]
        used = sum(amounts, start=Decimal(0) if name == "cost" else 0)
        sources = _sources(self.calls, of) if code in ("LLM402", "LLM403") else {}
        least_sure = list(sources)[-1] if sources else None
        free = _costs_nothing(self.calls) if name == "cost" else ""
        if used <= limit:
            return BudgetLine(name, limit, used, least_sure, free)
        known = ", ".join(f"{_shown(name, amount)} {source}" for source, amount in sources.items())
        finding = self._finding(
            code,
            f"{_shown(name, used)} of {_amounts(name, limit)}, exceeded",
            name,
            _first_over(amounts, limit),
            sent=_amounts(name, used) + self._among(name) + (f": {known}" if known else ""),
        )
        return BudgetLine(name, limit, used, least_sure, free, finding)

    def _among(self, name: str) -> str:
        """`` in 5 calls, 2 of them retries``."""
        retries = sum(call.attempt > 1 for call in self.calls)
        among = "" if name == "calls" else f" in {counted(len(self.calls), 'call')}"
        if not retries or name == "retries":
            return among
        return f"{among}, {retries} of them {'a retry' if retries == 1 else 'retries'}"

    def _seconds(self) -> BudgetLine:
        limit = self.budget.seconds
        if Decimal(str(self.elapsed)) <= limit:
            return BudgetLine("seconds", limit, self.elapsed)
        late = (index for index, call in enumerate(self.calls) if self._time(call) + call.took > limit)
        message = f"{self.elapsed:,.1f} of {limit:,f} s, exceeded"
        finding = self._finding("LLM407", message, "seconds", next(late, None))
        return BudgetLine("seconds", limit, self.elapsed, finding=finding)

    def _share(self, kind: str, part: Decimal) -> BudgetLine:
        """How full the fullest limit of this kind was; of any kind for ``*``."""
        name = "share" if kind == "*" else f"share {kind}"
        levels = [
            (used / limit, index, known)
            for index, call in enumerate(self.calls)
            for known, (used, limit) in call.limits.items()
            if kind in ("*", known)
        ]
        if not levels:
            return BudgetLine(name, part, 0.0, detail="no call was held to such a limit")
        peak, at, known = max(levels, key=lambda level: (level[0], -level[1]))
        source = _least_sure(self.calls)
        detail = f"{self._level(known, at)}, {self._moment(at)}"
        if peak <= part:
            return BudgetLine(name, part, peak, source, detail)
        message = f"{percent(peak)} of {known}, {percent(part)} allowed ({self._level(known, at)}), exceeded"
        first = next(index for share, index, _ in levels if share > part)
        return BudgetLine(name, part, peak, source, detail, self._finding("LLM404", message, "share", first))

    def _level(self, kind: str, at: int) -> str:
        """``6,480 of 8,000 tokens in one minute; groq, plan free, openai/gpt-oss-120b``."""
        call = self.calls[at]
        used, limit = call.limits[kind]
        counted = f"{used:,.0f} of {limit:,g} {flow.unit(kind)} {flow.window(kind)}"
        return f"{counted}; {flow.plan_text(call.provider, call.plan)}, {call.model}"

    def _fits(self) -> BudgetLine:
        """Whether the calls, run so often, fit the plan."""
        plan = self.budget.fits
        provider, _, name = plan.partition("/")
        facts = load_edition(provider, self.editions.get(provider))
        if not facts.has_plan(name):
            facts = edition_with_plan(provider, name)
        runs = flow.Runs(_rate(self.budget.per_minute), _rate(self.budget.per_day))
        demands = flow.demands(self.calls, provider)
        binding = flow.tightest(facts, name, demands, runs)
        line = f"fits {plan}"
        source = _least_sure([self.calls[demand.index] for demand in demands])
        if binding is None:
            return BudgetLine(line, 1, 0.0, source, "nothing limits it")
        if binding.fits:
            return BudgetLine(line, 1, binding.fraction, source, f"{binding.kind} of {binding.model} would bind first")
        enough = next((other for other in facts.plans if flow.fits(facts, other, demands, runs)), None)
        finding = self._finding(
            "LLM405",
            binding.message,
            "fits",
            binding.index,
            moment=binding.in_time,
            sent=binding.sent,
            allowed=binding.allowed,
            fix=_fix_of_fit(f"{provider}/{enough}" if enough else None, binding.most),
        )
        return BudgetLine(line, 1, binding.fraction, source, binding.message, finding)

    def _finding(
        self, code: str, message: str, name: str, at: int | None, *, moment: bool = True, **parts: Any
    ) -> Violation:
        """A finding whose message stands alone: how much of what, and from which call on.

        Args:
            name: The keyword of the budget.
            at: Index of the call that was too much.
            moment: Whether it is that call at that time; else it is the one to look at.
        """
        call = None if at is None else self.calls[at]
        more = f"{_LESS.get(code)};\nor allow more: {name}= of {self.places.get(name, 'the budget')}"
        return Violation(
            code,
            f"budget: {message}" + (f" at {self._moment(at)}" if moment and at is not None else ""),
            severity=RULES[code].severity,
            provider=call.provider if call else "",
            operation=call.operation if call else "",
            site=call.site if call else "",
            call=at,
            fix=parts.pop("fix", more),
            **parts,
        )

    def _moment(self, at: int) -> str:
        return f"call {at + 1}, t = {self._time(self.calls[at]):,.1f} s"

    def _time(self, call: Call) -> float:
        return call.at - self.began


_SURENESS: Sequence[UsageSource] = ("reported", "scripted", "estimated", "assumed")


def _sources(calls: Sequence[Call], of: Callable[[Call], Decimal | int]) -> dict[UsageSource, Decimal | int]:
    """How much of a sum is known how, the surest first."""
    amounts: dict[UsageSource, Decimal | int] = {}
    for source in _SURENESS:
        if amount := sum(of(call) for call in calls if call.usage.source == source):
            amounts[source] = amount
    return amounts


def _costs_nothing(calls: Sequence[Call]) -> str:
    """Names the models that answered for nothing: a sum of costs must not pass over them in silence."""
    answered = (call for call in calls if call.usage.total_tokens or (call.charges and (call.status or 500) < 400))
    models = sorted({call.model for call in answered if not call.cost})
    return f"free, or without a price that is counted: {', '.join(models)}" if models else ""


def _least_sure(calls: Sequence[Call]) -> UsageSource | None:
    sources = {call.usage.source for call in calls if call.usage.total_tokens}
    return max(sources, key=_SURENESS.index, default=None)


def _first_over(amounts: Sequence[Decimal | int], limit: Decimal | int) -> int:
    """Index of the amount with which the sum of all so far is more than *limit*."""
    sums = accumulate(amounts)
    return next(index for index, so_far in enumerate(sums) if so_far > limit)


def _shown(name: str, amount: Decimal | int) -> str:
    return f"${money_text(Decimal(amount))}" if name == "cost" else f"{amount:,}"


def _amounts(name: str, amount: Decimal | int) -> str:
    """``$0.50``, ``1 retry``, ``6,000 input tokens``."""
    if name == "cost":
        return _shown(name, amount)
    noun = "retry" if name == "retries" else name.removesuffix("s").replace("_", " ")
    return counted(int(amount), noun, "retries" if name == "retries" else "")


def _fix_of_fit(enough: str | None, most: str) -> str:
    plans = f"{enough} is the first plan that takes it" if enough else "no plan that is known takes it"
    slower = f"at most {most} fit; " if most else ""
    return f"{plans};\n{slower}else send less, spread the calls, or ask another model"


def _rate(value: Decimal | None) -> Fraction | None:
    return None if value is None else Fraction(value)
