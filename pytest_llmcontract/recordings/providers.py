"""The provider that an exchange is with: whose host it is, which operation the address means, what holds on its day."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from pytest_llmcontract.core.call.routes import Routes
from pytest_llmcontract.core.exchange import ApiRequest
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.facts.registry import provider_hosts, provider_names


def owner(request: ApiRequest) -> str | None:
    """The provider that has the host of *request*."""
    return _owners().get(request.host)


@cache
def _owners() -> Mapping[str, str]:
    return {host: name for name in provider_names() for host in provider_hosts(name)}


def behind_gateway(request: ApiRequest, provider: str | None) -> str | None:
    """*provider*, if the address of *request* ends like one of its own, whatever the host."""
    return provider if provider and routes_of(provider).nearest(request.path) else None


@cache
def routes_of(provider: str) -> Routes:
    """The addresses of *provider*, of its newest edition."""
    edition = load_edition(provider)
    return Routes(edition.base, edition.operations)


@cache
def operation_of(provider: str, method: str, path: str) -> str:
    """The operation that an address of *provider* means; ``unknown`` for none."""
    return routes_of(provider).find(method, path)[0]
