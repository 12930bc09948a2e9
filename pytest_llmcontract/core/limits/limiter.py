"""Who decides on limits: all limits of an account, by model and kind, taken together or not at all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pytest_llmcontract.core.errors import unknown
from pytest_llmcontract.core.facts.records import LIMIT_KINDS
from pytest_llmcontract.core.limits.charges import Charges
from pytest_llmcontract.core.limits.rules import EPSILON, LimitState, Refill, Rule
from pytest_llmcontract.core.limits.store import Amounts, Memory, Store


@dataclass(frozen=True, slots=True)
class Shortage:
    """The limit that a call runs into, in the numbers of the refusal."""

    kind: str
    limit: float
    used: float
    """Fractional; refusals print a whole number."""
    requested: float
    wait: float
    """Seconds until the same call passes; meaningless if it is too large."""

    @property
    def too_large(self) -> bool:
        """More than the limit allows at once, however long one waits."""
        return self.requested > self.limit


class Limiter:
    """The limits of one account.

    Args:
        limits: Gives the limits of a model, by kind, as they are now; the same object while nothing changed.
        rule: Says how a limit counts: ``(kind, limit, window seconds)``.
        whole_units: Refusals are computed from whole used units, as Groq's of 2026 are, so that
            ``Used + Requested - Limit`` explains the announced wait exactly.
        store: Where levels are kept.
    """

    def __init__(
        self,
        limits: Callable[[str], Mapping[str, float]],
        rule: Callable[[str, float, float], Rule] = lambda _, limit, window: Refill(limit, window),
        *,
        whole_units: bool = True,
        store: Store | None = None,
    ) -> None:
        self._limits = limits
        self._rule = rule
        self._whole_units = whole_units
        self._store = store or Memory()
        self._rules: dict[str, tuple[Mapping[str, float], dict[str, Rule], tuple[float, ...]]] = {}

    def scaled(self, times: float) -> Limiter:
        """Limits of the same kinds, *times* as large, of which nothing is used yet."""
        made: dict[str, tuple[Mapping[str, float], Mapping[str, float]]] = {}

        def limits(model: str) -> Mapping[str, float]:
            usual = self._limits(model)
            if model not in made or made[model][0] is not usual:
                made[model] = usual, {kind: limit * times for kind, limit in usual.items()}
            return made[model][1]

        return Limiter(limits, self._rule, whole_units=self._whole_units)

    def rules(self, model: str) -> dict[str, Rule]:
        """The model's limits as they hold now, by kind: a plan can change, what is used stays."""
        limits = self._limits(model)
        seen, rules, _ = self._rules.get(model, (None, {}, ()))
        if seen is not limits:
            rules = {kind: self._rule(kind, limits[kind], LIMIT_KINDS[kind]) for kind in LIMIT_KINDS if kind in limits}
            scales = tuple([rule.limit / rule.capacity for rule in rules.values()])
            self._rules[model] = (limits, rules, scales)
        return rules

    def rule(self, model: str, kind: str) -> tuple[str, Rule]:
        """One limit, by the name of its kind in any case.

        Raises:
            BadInput: The model has no such limit; the message lists those it has.
        """
        rules = self.rules(model)
        if kind.upper() not in rules:
            raise unknown(f"limit of {model}", kind, rules)
        return kind.upper(), rules[kind.upper()]

    def admit(
        self, model: str, charges: Charges, now: float, rules: Mapping[str, Rule] | None = None
    ) -> Shortage | None:
        """Let a call in and take what it counts; or the first limit that it exceeds, and nothing is taken.

        Args:
            rules: What :meth:`rules` gave, here and below: within a call it is asked for once.
        """
        short = self._store.admit(model, rules or self.rules(model), charges.asked, charges.taken, now).short
        return self.shortage(model, short, charges.asked[short], now) if short else None

    def shortage(self, model: str, kind: str, amount: float, now: float) -> Shortage:
        """What a refusal says to a call that asks for *amount* of the limit *kind*."""
        rule, level = self.rules(model)[kind], self._store.levels(model, self.rules(model))[kind]
        used = rule.used(level, now)
        if self._whole_units:
            used = math.ceil(used - EPSILON)
        return Shortage(kind, rule.limit, used, amount, rule.passes_in(used, amount, level, now))

    def wait(self, model: str, kind: str, amount: float, now: float) -> float:
        """Seconds until *amount* of one limit would be there; 0.0 if it is."""
        rules = self.rules(model)
        return rules[kind].wait(self._store.levels(model, rules)[kind], amount, now)

    def take(self, model: str, amounts: Amounts, now: float, rules: Mapping[str, Rule] | None = None) -> None:
        """Count *amounts*; a negative one gives back what an estimate took too much."""
        self._store.add(model, rules or self.rules(model), amounts, now)

    def drain(self, model: str, kind: str, now: float) -> None:
        """Leave nothing of one limit.

        Raises:
            BadInput: As :meth:`rule`.
        """
        name, rule = self.rule(model, kind)
        self._store.drain(model, name, rule, now)

    def state(self, model: str, now: float, rules: Mapping[str, Rule] | None = None) -> dict[str, LimitState]:
        """Every limit of *model* by kind."""
        rules = rules or self.rules(model)
        levels = self._store.levels(model, rules)
        return {kind: rule.state(levels[kind], now) for kind, rule in rules.items()}

    def levels(
        self, model: str, now: float, rules: Mapping[str, Rule] | None = None
    ) -> tuple[Mapping[str, float], tuple[float, ...], tuple[float, ...]]:
        """The limits of *model*, how full each is, and by how much a unit fills it; the first and last are the same
        objects while nothing changed."""
        rules = rules or self.rules(model)
        levels = self._store.levels(model, rules)
        full = tuple([rule.scaled(levels[kind], now) for kind, rule in rules.items()])
        limits, _, scales = self._rules[model]
        return limits, full, scales
