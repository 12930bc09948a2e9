"""Groq: its settings, and what data cannot say of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from pytest_llmcontract.core.errors import unknown
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.kept.schedule import Schedule
from pytest_llmcontract.core.limits.rules import Refill, Rule
from pytest_llmcontract.core.provider import Provider
from pytest_llmcontract.core.settings import ProviderSettings
from pytest_llmcontract.providers.groq.account import PLANS, GroqAccount
from pytest_llmcontract.providers.groq.dialect import GroqDialect, dialect_of
from pytest_llmcontract.providers.groq.envelope import GroqEnvelope
from pytest_llmcontract.providers.groq.wording import GroqWording


@dataclass(frozen=True, kw_only=True)
class GroqSettings(ProviderSettings):
    """What ``groq_api`` takes."""

    plan: str = "free"
    """``free`` or ``developer``."""
    spend_limit: Any = None
    """Dollars a month after which calls are refused (paid plans)."""

    def __post_init__(self) -> None:
        if self.plan not in PLANS:
            raise unknown("plan of groq_api", self.plan, PLANS)


def _account(edition: Edition, settings: GroqSettings, schedule: Schedule) -> GroqAccount:
    return GroqAccount(edition, schedule, settings.plan, settings.spend_limit, partial(_rule, edition))


def _rule(edition: Edition, kind: str, limit: float, window: float) -> Rule:
    return Refill(limit, window, debt=dialect_of(edition).debt_allowed)


PROVIDER = Provider(
    name="groq",
    settings=GroqSettings,
    plan_settings=lambda plan: GroqSettings(plan=plan),
    account=_account,
    rule=_rule,
    whole_units=lambda edition: dialect_of(edition).used_integer,
    envelope=GroqEnvelope,
    wording=GroqWording,
    dialect=GroqDialect,
)
