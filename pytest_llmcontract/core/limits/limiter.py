"""Who decides on limits: all buckets of an organisation, by model and kind, taken together or not at all."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pytest_llmcontract.core.errors import unknown
from pytest_llmcontract.core.limits.buckets import Bucket, ContinuousBucket, LimitState
from pytest_llmcontract.core.profile import LIMIT_KINDS

EXPECTED_OUTPUT = 2048
"""Tokens that count against OTPM for a request that names no maximum: pasted refusals of 2026-09 say so."""


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
    """The buckets behind one account.

    Args:
        limits: Gives the limits of a model, by kind, as they are now; the same object while nothing changed.
        make_bucket: Makes a bucket for ``(kind, limit, window seconds)``.
        whole_units: Refusals are computed from whole used units, as Groq's of 2026 are, so that
            ``Used + Requested - Limit`` explains the announced wait exactly.
    """

    def __init__(
        self,
        limits: Callable[[str], Mapping[str, float]],
        make_bucket: Callable[[str, float, float], Bucket] = lambda _, limit, window: ContinuousBucket(limit, window),
        *,
        whole_units: bool = True,
    ) -> None:
        self._limits = limits
        self._make_bucket = make_bucket
        self._whole_units = whole_units
        self._buckets: dict[str, tuple[Mapping[str, float], dict[str, Bucket]]] = {}

    def buckets(self, model: str) -> dict[str, Bucket]:
        """The model's buckets by kind, with the limits that hold now: a plan can change, what is used stays."""
        limits = self._limits(model)
        seen, known = self._buckets.get(model, (None, {}))
        if seen is limits:
            return known
        for kind, limit in limits.items():
            if kind in known:
                known[kind].limit = limit
            else:
                known[kind] = self._make_bucket(kind, limit, LIMIT_KINDS[kind])
        known = {kind: known[kind] for kind in LIMIT_KINDS if kind in limits}
        self._buckets[model] = (limits, known)
        return known

    def shortage(self, model: str, charges: Mapping[str, float], now: float) -> Shortage | None:
        """The first limit that *charges* (amount by kind) exceed, in the order of the kinds; takes nothing."""
        for kind, bucket in self.buckets(model).items():
            amount = charges.get(kind, 0)
            if not amount or (amount <= bucket.limit and not bucket.wait(amount, now)):
                continue
            used = bucket.used(now)
            if self._whole_units:
                used = math.ceil(used - 1e-6)
            wait = (used + amount - bucket.limit) / bucket.limit * bucket.window
            if not isinstance(bucket, ContinuousBucket):
                wait = bucket.wait(amount, now)
            return Shortage(kind, bucket.limit, used, amount, wait)
        return None

    def take(self, model: str, charges: Mapping[str, float], now: float) -> None:
        """Count *charges*; a negative one gives back what an estimate took too much."""
        buckets = self.buckets(model)
        for kind, amount in charges.items():
            if amount and kind in buckets:
                buckets[kind].add(amount, now)

    def state(self, model: str, now: float) -> dict[str, LimitState]:
        """Every limit of *model* by kind."""
        return {kind: bucket.state(now) for kind, bucket in self.buckets(model).items()}

    def levels(self, model: str, now: float) -> tuple[Mapping[str, float], tuple[float, ...]]:
        """The limits of *model*, the same object while nothing changed, and how full each is."""
        buckets = self.buckets(model)
        return self._buckets[model][0], tuple([bucket.level(now) for bucket in buckets.values()])

    def bucket(self, model: str, kind: str) -> Bucket:
        """One bucket, by the name of its kind.

        Raises:
            BadInput: The model has no such limit; the message lists those it has.
        """
        buckets = self.buckets(model)
        if kind.upper() not in buckets:
            raise unknown(f"limit of {model}", kind, buckets)
        return buckets[kind.upper()]
