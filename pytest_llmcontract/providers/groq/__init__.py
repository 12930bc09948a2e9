"""Groq: its settings, and how a simulation of it is put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_llmcontract.core.account import GroqAccount
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.errors import unknown
from pytest_llmcontract.core.limits.buckets import ContinuousBucket
from pytest_llmcontract.core.limits.limiter import Limiter
from pytest_llmcontract.core.profile import Edition
from pytest_llmcontract.core.settings import ProviderSettings
from pytest_llmcontract.core.wire import Ids
from pytest_llmcontract.providers.groq.wire import GroqWire
from pytest_llmcontract.providers.groq.wording import contracts

__all__ = ["SETTINGS", "account", "contracts", "limiter", "wire"]


@dataclass(frozen=True, kw_only=True)
class GroqSettings(ProviderSettings):
    """What ``groq_api`` takes."""

    plan: str = "free"
    """``free`` or ``developer``."""
    spend_limit: Any = None
    """Dollars a month after which calls are refused (paid plans)."""

    def __post_init__(self) -> None:
        if self.plan not in ("free", "developer"):
            raise unknown("plan of groq_api", self.plan, ("free", "developer"))


SETTINGS = GroqSettings


def account(edition: Edition, settings: GroqSettings, clock: VirtualClock) -> GroqAccount:
    return GroqAccount(clock, settings.plan, settings.spend_limit, edition.dialect.tracking_delay_seconds)


def limiter(edition: Edition, account: GroqAccount, clock: VirtualClock) -> Limiter:
    dialect = edition.dialect

    def bucket(kind: str, limit: float, window: float) -> ContinuousBucket:
        return ContinuousBucket(limit, window, debt=dialect.debt_allowed)

    return Limiter(
        lambda model: edition.limits_for(account.plan_name(clock.seconds), model),
        bucket,
        whole_units=dialect.used_integer,
    )


def wire(edition: Edition, ids: Ids) -> GroqWire:
    return GroqWire(edition, ids)
