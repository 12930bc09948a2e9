"""Routes of the user's own mocks for a simulated host: the simulation answers, and says that they were passed over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
from respx.mocks import Mocker

from pytest_llmcontract.adapters.respx.calls import INSTALLED, OwnRouter
from pytest_llmcontract.core.exchange import ApiRequest, Headers
from pytest_llmcontract.core.site import application_site


def tell_passed_over(below: Callable[..., Any], transport: Any, request: Any) -> None:
    """The simulation has answered *request*; whose mock would have?

    Args:
        below: What it covers of *transport*.
    """
    if not isinstance(request, httpx.Request) or (interception := INSTALLED.owner(request.url.host)) is None:
        return
    for mock in (*_respx(request), *_httpx_mock(below, transport, request)):
        asked = ApiRequest(request.method, str(request.url), Headers({}), b"", application_site())
        interception.gateway.passed_over(asked, mock)


def _respx(request: httpx.Request) -> Iterator[str]:
    for mocker in Mocker.registry.values():
        for router in mocker.routers:
            patterns = () if isinstance(router, OwnRouter) else (route.pattern for route in router.routes)
            if any(pattern and pattern.match(request) for pattern in patterns):
                yield "a route of respx"


def _httpx_mock(below: Any, transport: Any, request: httpx.Request) -> Iterator[str]:
    """pytest-httpx keeps its mock to itself: it is found where its function keeps it."""
    if getattr(below, "__module__", "") != "pytest_httpx":
        return
    with suppress(AttributeError, TypeError, ValueError):  # another version of it
        kept = [cell.cell_contents for cell in below.__closure__ or ()]
        for mock in kept:
            matchers = [matcher for matcher, _ in getattr(mock, "_callbacks", ())]
            if any(matcher.url and matcher.match(transport, request) for matcher in matchers):
                yield "a response of httpx_mock"
