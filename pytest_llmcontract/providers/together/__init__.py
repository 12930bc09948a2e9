"""Together AI: its settings, and what data cannot say of it."""

from __future__ import annotations

from dataclasses import dataclass
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
    terms = dialect_of(edition)
    tier = 1 if settings.tier is None else settings.tier
    return TogetherAccount(terms, schedule, tier, terms.start_balance if settings.balance is None else settings.balance)


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
