"""A provider, as one value: its data, and what data cannot say of it.

A package of its own registers one as ``pytest_llmcontract.providers`` (:mod:`.facts.registry`); most of the
parts are to be had ready from :mod:`pytest_llmcontract.providers.plain`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from typing import Any

from pytest_llmcontract.core.call.form import Envelope, Ids
from pytest_llmcontract.core.contract.request import RequestContract, Wording, contract_for, operations_with_contract
from pytest_llmcontract.core.errors import DataError
from pytest_llmcontract.core.facts.dialect import Dialect
from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.registry import entry_point
from pytest_llmcontract.core.kept.schedule import Schedule
from pytest_llmcontract.core.limits.limiter import Limiter
from pytest_llmcontract.core.limits.rules import Rule
from pytest_llmcontract.core.limits.store import Store
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
    account: Callable[[Edition, Any, Schedule], Account]
    """Who calls, from the settings; what happens to the account later is booked on the schedule."""
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


@cache
def provider_called(name: str) -> Provider:
    """The provider called *name*: its data, and the little code beside it.

    Raises:
        BadInput: There is no such provider.
        DataError: Its package does not load.
    """
    point = entry_point(name)
    try:
        found: Provider = point.load()
    except (ImportError, AttributeError) as problem:
        raise DataError(f"provider {name!r}: its entry point {point.value} does not load: {problem}") from problem
    return found


@cache
def contracts_of(name: str, day: date) -> Mapping[str, RequestContract]:
    """The request contract of every operation that has one, on *day*, in the provider's own words.

    Nothing is compiled before it is used.
    """
    wording = provider_called(name).wording
    found = {operation: contract_for(name, operation, day, wording) for operation in operations_with_contract(name)}
    return {operation: contract for operation, contract in found.items() if contract is not None}


def limiter_of(provider: Provider, edition: Edition, plan: Callable[[], str], store: Store | None = None) -> Limiter:
    """The limits of a provider as it counts them.

    Args:
        plan: Gives the plan or tier in force.
    """
    return Limiter(
        lambda model: edition.limits_for(plan(), model),
        partial(provider.rule, edition),
        whole_units=provider.whole_units(edition),
        store=store,
    )
