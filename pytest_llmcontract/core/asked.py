"""What is asked for of a provider: the keywords of its marker as settings, and what is known with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_llmcontract.core.facts.edition import Edition
from pytest_llmcontract.core.facts.load import edition_with_plan
from pytest_llmcontract.core.provider import provider_called
from pytest_llmcontract.core.settings import ProviderSettings, settings_from


def provider_settings(name: str, given: Mapping[str, Any], what: str | None = None) -> ProviderSettings:
    """The keywords of a marker or of ``simulate()``, checked.

    Raises:
        BadInput: One is not known or its value not accepted; the message lists what is.
    """
    return settings_from(provider_called(name).settings, given, what or f"{name}_api")


def edition_for(name: str, settings: ProviderSettings) -> Edition:
    """What is known on the day that *settings* name, with what they know better."""
    edition = edition_with_plan(name, settings.needed_plan, settings.edition)
    return edition.with_models(settings.models).with_limits(settings.limits).with_hosts(settings.hosts)
