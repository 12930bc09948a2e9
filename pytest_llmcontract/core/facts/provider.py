"""A provider, as one value: its data, and what data cannot say of it.

A package of its own registers one as ``pytest_llmcontract.providers`` (:mod:`.registry`); most of the parts are to be
had ready from :mod:`pytest_llmcontract.providers.plain`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from pytest_llmcontract.core.facts.dialect import Dialect

if TYPE_CHECKING:
    from pytest_llmcontract.core.call.form import Envelope, Ids
    from pytest_llmcontract.core.clock import VirtualClock
    from pytest_llmcontract.core.contract.request import Wording
    from pytest_llmcontract.core.facts.edition import Edition
    from pytest_llmcontract.core.limits.rules import Rule
    from pytest_llmcontract.core.money.account import Account
    from pytest_llmcontract.core.settings import ProviderSettings


@dataclass(frozen=True, kw_only=True)
class Provider:
    """What there is of one provider beside its data files."""

    name: str
    """As its folder of schemas, its marker ``NAME_api`` and its entry point are called."""
    settings: type[ProviderSettings]
    """What its marker takes."""
    plan_settings: Callable[[str], ProviderSettings]
    """The settings of an account on a plan, as limits are listed by: ``free``, ``tier2``."""
    account: Callable[[Edition, Any, VirtualClock], Account]
    """Who calls, from the settings."""
    rule: Callable[[Edition, str, float, float], Rule]
    """How one limit counts: ``(edition, kind, limit, window in seconds)``."""
    envelope: Callable[[Edition, Ids], Envelope]
    """What its replies look like."""
    wording: Callable[[date], Wording]
    """What it says to a wrong request on a day."""
    dialect: type[Dialect] = Dialect
    """Its switches, texts and figures: what ``dialect.json`` may hold."""
    whole_units: Callable[[Edition], bool] = lambda edition: True
    """Whether refusals by a limit are computed from whole used units."""
