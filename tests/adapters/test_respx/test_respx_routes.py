"""The router: the user's own routes, before the simulation, for httpx and httpx2 alike."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
import respx
from fake_gateway import Simulation
from ways import URL, Way

from pytest_llmcontract.adapters.respx import TransportMocker


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        yield from (b"a", b"b")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in (b"a", b"b"):
            yield piece


def test_a_route_wins_over_the_simulation(way: Way, simulation: Simulation) -> None:
    route = simulation.interception.router.post(URL).respond(418, json={"mine": True}, headers={"X-Mine": "yes"})

    response = way.ask(method="POST", json={"a": 1})

    assert (response.status_code, response.json(), response.headers["x-mine"]) == (418, {"mine": True}, "yes")
    assert route.calls.last.request.content in (b'{"a":1}', b'{"a": 1}')
    assert simulation.gateway.requests == []


def test_a_route_may_be_for_any_host(way: Way, simulation: Simulation) -> None:
    simulation.interception.router.get("https://weather.test/").respond(text="rain")
    simulation.interception.router.get("https://api.together.ai/v1/models").respond(text="models")

    assert way.ask("https://weather.test/").text == "rain"
    assert way.ask("https://api.together.ai/v1/models").text == "models"
    assert simulation.gateway.stopped == []


def test_what_no_route_matches_goes_its_way(way: Way, simulation: Simulation, loopback: str) -> None:
    simulation.interception.router.get("https://weather.test/").respond(text="rain")

    assert way.ask(method="POST", content=way.chunked(b"still ", b"there")).text == "simulated"
    assert simulation.gateway.requests[0].body == b"still there"
    assert way.ask(loopback, method="POST", content=b"body").text == "real body"
    with pytest.raises(way.library.ConnectError, match="not simulated"):
        way.ask("https://api.together.ai/")


def test_a_route_that_passes_through_leaves_the_call_to_the_simulation(
    way: Way, simulation: Simulation, loopback: str
) -> None:
    route = simulation.interception.router.route().pass_through()

    assert way.ask().text == "simulated"
    assert way.ask(loopback).text == "real "
    with pytest.raises(way.library.ConnectError, match="not simulated"):
        way.ask("https://api.together.ai/")
    assert route.call_count == 3


def test_a_route_may_stream(way: Way, simulation: Simulation) -> None:
    simulation.interception.router.get(URL).mock(return_value=httpx.Response(200, stream=Pieces()))
    log: list[str] = []

    way.pieces(log, URL)

    assert log == ["got a", "got b"]


@pytest.mark.parametrize("error", [httpx.ReadTimeout, httpx.ConnectError("down"), httpx.TooManyRedirects("loop")])
def test_a_routes_error_is_the_librarys_own(error: Any, way: Way, simulation: Simulation) -> None:
    simulation.interception.router.get(URL).mock(side_effect=error)
    name = error.__name__ if isinstance(error, type) else type(error).__name__

    with pytest.raises(getattr(way.library, name)) as caught:
        way.ask()

    assert caught.value.request.url == URL


def test_an_error_class_of_the_users_own_is_known_by_its_base(way: Way, simulation: Simulation) -> None:
    class Flaky(httpx.ReadError): ...

    simulation.interception.router.get(URL).mock(side_effect=Flaky("again"))

    with pytest.raises(way.library.ReadError, match="again"):
        way.ask()


def test_an_async_side_effect_is_awaited(library: Any, simulation: Simulation) -> None:
    async def slowly(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return httpx.Response(200, text=f"{request.method} {request.url.host}")

    simulation.interception.router.get(URL).mock(side_effect=slowly)

    assert Way(library, is_async=True).ask().text == "GET api.groq.com"


def test_the_innermost_routers_routes_come_first(way: Way, simulate: Callable[..., Simulation]) -> None:
    outer, inner = simulate(), simulate()
    outer.interception.router.get("https://weather.test/").respond(text="outer")
    assert way.ask("https://weather.test/").text == "outer"

    inner.interception.router.get("https://weather.test/").respond(text="inner")

    assert way.ask("https://weather.test/").text == "inner"


def test_routes_end_with_their_interception(way: Way, simulation: Simulation) -> None:
    simulation.interception.router.get(URL).respond(418)
    simulation.interception.remove()
    simulation.interception.install()

    assert way.ask().text == "simulated"


def test_respx_can_use_our_mocker_for_routes_on_httpx2(way: Way, simulation: Simulation) -> None:
    """Strict as respx is, but for what is simulated."""
    with respx.mock(using=TransportMocker.name) as router:
        router.get("https://weather.test/").respond(text="rain")

        assert way.ask("https://weather.test/").text == "rain"
        assert way.ask().text == "simulated"
        with pytest.raises(AssertionError, match="not mocked"):
            way.ask("https://other.test/")


def test_respx_can_use_our_mocker_without_a_simulation(way: Way) -> None:
    with respx.mock(using=TransportMocker.name) as router:
        router.get(URL).respond(text="routed")

        assert way.ask().text == "routed"
