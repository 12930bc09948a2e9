"""Together AI: its settings, and how a simulation of it is put together."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pytest_llmcontract.core.account import TogetherAccount
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.errors import unknown
from pytest_llmcontract.core.limits.buckets import Bucket, ContinuousBucket, WindowBucket
from pytest_llmcontract.core.limits.limiter import Limiter
from pytest_llmcontract.core.profile import Edition
from pytest_llmcontract.core.settings import ProviderSettings
from pytest_llmcontract.core.wire import Ids
from pytest_llmcontract.providers.together.wire import TogetherWire
from pytest_llmcontract.providers.together.wording import contracts

__all__ = ["SETTINGS", "account", "contracts", "limiter", "wire"]

TIERS = range(6)


@dataclass(frozen=True, kw_only=True)
class TogetherSettings(ProviderSettings):
    """What ``together_api`` takes."""

    tier: int | None = None
    """Build Tier, 1 to 5; 0 is the Limited account. Default: 1 where there are tiers."""
    balance: Any = None
    """Dollars of credit to begin with; default $25."""

    def __post_init__(self) -> None:
        if self.tier is not None and (isinstance(self.tier, bool) or self.tier not in TIERS):
            raise unknown("tier of together_api", self.tier, map(str, TIERS))

    @property
    def needed_plan(self) -> str | None:
        return None if self.tier is None else f"tier{self.tier}"


SETTINGS = TogetherSettings


def account(edition: Edition, settings: TogetherSettings, clock: VirtualClock) -> TogetherAccount:
    dialect = edition.dialect
    return TogetherAccount(
        clock,
        1 if settings.tier is None else settings.tier,
        dialect.start_balance if settings.balance is None else settings.balance,
        thresholds=dict(enumerate(dialect.tier_spend, start=1)),
        delay=dialect.tier_delay_seconds,
        minimum=dialect.minimum_purchase,
        floor=lambda tier: _floor(dialect.balance_floor, tier),
    )


def _floor(floor: Decimal, tier: int) -> Decimal | None:
    # Tier 5 kept its own postpaid limits when $100 became the limit of the others; prepaid holds for all.
    return None if floor < 0 and tier == 5 else floor


def limiter(edition: Edition, account: TogetherAccount, clock: VirtualClock) -> Limiter:
    def bucket(kind: str, limit: float, window: float) -> Bucket:
        if kind == "RPM":
            return WindowBucket(limit, window, edition.dialect.window_seconds)
        return ContinuousBucket(limit, window)

    return Limiter(lambda model: edition.limits_for(account.plan_name(clock.seconds), model), bucket)


def wire(edition: Edition, ids: Ids) -> TogetherWire:
    return TogetherWire(edition, ids)
