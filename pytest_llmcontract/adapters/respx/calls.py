"""One call of httpx or httpx2, from request to response."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import httpx
from respx.models import AllMockedAssertionError, PassThrough
from respx.router import MockRouter, Router

from pytest_llmcontract.adapters.interception import MODEL_CALLS, Installed, forwarding
from pytest_llmcontract.adapters.respx.libraries import Library
from pytest_llmcontract.adapters.respx.waits import before_reply
from pytest_llmcontract.core.exchange import FORWARDING, ApiRequest, Forward, heard
from pytest_llmcontract.core.site import application_site

INSTALLED = Installed()

# From request to response: None for a call that is not ours, a Forward for one that the provider itself shall answer.
# The two functions differ in `await` only.


def handle(library: Library, request: Any, routers: Sequence[Router]) -> Any:
    if _any_routes(routers):
        response = _route(library, request, request.read(), routers)
        if response is not None:
            return response
    if (interception := INSTALLED.concerned(request.url.host)) is None:
        _tell(request)
        return None
    outcome = interception.ask(_api_request(request, request.read()))
    if isinstance(outcome, Forward):
        return outcome
    for seconds in before_reply(outcome, library, request):
        interception.wait(seconds)
    return library.response(outcome, request, interception)


async def handle_async(library: Library, request: Any, routers: Sequence[Router]) -> Any:
    if _any_routes(routers):
        response = await _route_async(library, request, await request.aread(), routers)
        if response is not None:
            return response
    if (interception := INSTALLED.concerned(request.url.host)) is None:
        _tell(request)
        return None
    outcome = interception.ask(_api_request(request, await request.aread()))
    if isinstance(outcome, Forward):
        return outcome
    for seconds in before_reply(outcome, library, request):
        await interception.wait_async(seconds)
    return library.response(outcome, request, interception)


def _tell(request: Any) -> None:
    """It goes to a host that nobody here knows."""
    if request.method == "POST" and not FORWARDING.get() and (interception := INSTALLED.innermost):
        url = str(request.url)
        if url.partition("?")[0].endswith(MODEL_CALLS):
            interception.told(heard("POST", url, {}, b"", application_site()))


def _api_request(request: Any, body: bytes) -> ApiRequest:
    fields = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.raw}
    return heard(request.method, str(request.url), fields, body, application_site())


# The user's own routes: respx's business.


class OwnRouter(MockRouter):
    """The routes of a simulation. A call that none of them matches goes on to the simulation."""


def _any_routes(routers: Sequence[Router]) -> bool:
    for router in routers:  # noqa: SIM110 - a generator expression costs a call ten times as much
        if router.routes:
            return True
    return False


def _route(library: Library, request: Any, body: bytes, routers: Sequence[Router]) -> Any:
    """The response of the first route that matches, or ``None``."""
    asked = _as_httpx(request, body)
    refused = None
    for router in routers:
        try:
            return library.translated(router.handler(asked))
        except AllMockedAssertionError as error:
            refused = refused or _refusal(router, request, error)
        except PassThrough:
            return None
        except httpx.RequestError as error:
            library.reraise(error, request)
    if refused:
        raise refused
    return None


async def _route_async(library: Library, request: Any, body: bytes, routers: Sequence[Router]) -> Any:
    asked = _as_httpx(request, body)
    refused = None
    for router in routers:
        try:
            return library.translated(await router.async_handler(asked))
        except AllMockedAssertionError as error:
            refused = refused or _refusal(router, request, error)
        except PassThrough:
            return None
        except httpx.RequestError as error:
            library.reraise(error, request)
    if refused:
        raise refused
    return None


def _refusal(router: Router, request: Any, error: AllMockedAssertionError) -> AllMockedAssertionError | None:
    """A ``respx.mock(using="llmcontract")`` of the user's is strict, as respx is; our own routers never are."""
    return None if isinstance(router, OwnRouter) or INSTALLED.owner(request.url.host) else error


def _as_httpx(request: Any, body: bytes) -> httpx.Request:
    if isinstance(request, httpx.Request):
        return request
    copy = httpx.Request(
        request.method,
        str(request.url),
        headers=request.headers.raw,
        stream=httpx.ByteStream(body),
        extensions=request.extensions,
    )
    copy.read()
    return copy


# A call that goes on to the provider, to be recorded. Uncompressed, so that a recording can be read and scrubbed.


def send_on(library: Library, below: Callable[[Any], Any], request: Any, forward: Forward) -> Any:
    request.headers["accept-encoding"] = "identity"
    with forwarding(forward):
        response = below(request)
    response.stream = library.heard_body(response, forward)
    return response


async def send_on_async(library: Library, below: Callable[[Any], Any], request: Any, forward: Forward) -> Any:
    request.headers["accept-encoding"] = "identity"
    with forwarding(forward):
        response = await below(request)
    response.stream = library.heard_body(response, forward)
    return response
