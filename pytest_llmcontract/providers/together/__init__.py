"""Together AI: its settings, and what data cannot say of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pytest_llmcontract.core.errors import unknown
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.kept.schedule import Schedule
from pytest_llmcontract.core.limits.rules import Refill, Rule, Window
from pytest_llmcontract.core.provider import Provider
from pytest_llmcontract.core.settings import ProviderSettings
from pytest_llmcontract.providers.together.account import TogetherAccount
from pytest_llmcontract.providers.together.dialect import TogetherDialect, dialect_of
from pytest_llmcontract.providers.together.envelope import TogetherEnvelope
from pytest_llmcontract.providers.together.wording import TogetherWording

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


def _account(edition: Edition, settings: TogetherSettings, schedule: Schedule) -> TogetherAccount:
    dialect = dialect_of(edition)
    return TogetherAccount(
        schedule.clock,
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


def _rule(edition: Edition, kind: str, limit: float, window: float) -> Rule:
    return Window(limit, window, dialect_of(edition).window_seconds) if kind == "RPM" else Refill(limit, window)


def _settings_of(plan: str) -> TogetherSettings:
    tier = plan.removeprefix("tier")
    return TogetherSettings(tier=int(tier) if tier.isdecimal() else None)


PROVIDER = Provider(
    name="together",
    settings=TogetherSettings,
    plan_settings=_settings_of,
    account=_account,
    rule=_rule,
    envelope=TogetherEnvelope,
    wording=TogetherWording,
    dialect=TogetherDialect,
)
