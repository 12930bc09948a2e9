"""Beside others that patch httpx: in any order, everybody gets his own calls, and nothing stays behind."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import fastapi
import httpx
import pytest
import respx
import vcr
from fake_gateway import Simulation
from fastapi.testclient import TestClient
from ways import TLS, URL, Way

from pytest_llmcontract.adapters.respx import TransportMocker

# Every order, against somebody who patches as pytest-httpx does (and so does monkeypatch, and mock.patch, and vcrpy).


class Other:
    """Patches the class, answers one host, hands the rest to what it found, and puts that back."""

    def __init__(self, name: str, transport: type[Any], bottom: Any) -> None:
        self.host = f"{name}.test"
        self.transport = transport
        self.below = bottom
        self.patched = False

    def patch(self) -> None:
        found = self.below = vars(self.transport)["handle_request"]

        def handle_request(transport: Any, request: Any) -> Any:
            if request.url.host == self.host:
                return httpx.Response(200, text=self.host)
            return found(transport, request)

        self.transport.handle_request = handle_request
        self.patched = True

    def undo(self) -> None:
        self.transport.handle_request = self.below
        self.patched = False


def orders(*sequences: str) -> list[str]:
    """All ways to interleave the sequences."""
    letters = "".join(sequences)
    found = {
        "".join(order)
        for order in itertools.permutations(letters)
        if all([letter for letter in order if letter in sequence] == [*sequence] for sequence in sequences)
    }
    return sorted(found)


# i: we are installed, t: raised to the top, r: removed; p, u: one other patches and undoes; P, U: another, within.
@pytest.mark.parametrize("order", [*orders("itr", "pu"), *orders("ir", "pPUu"), *orders("itr", "pPUu")])
@pytest.mark.parametrize("by", ["client", "transport"])  # a client puts us on top at each step
def test_any_order_leaves_everybody_his_own(by: str, order: str, simulate: Callable[..., Simulation]) -> None:
    transport = httpx.HTTPTransport
    original = vars(transport)["handle_request"]

    def bottom(transport: Any, request: Any) -> httpx.Response:
        return httpx.Response(200, text="network")

    transport.handle_request = bottom  # type: ignore[method-assign]
    try:
        simulation = simulate()
        simulation.interception.remove()
        one, two = Other("one", transport, bottom), Other("two", transport, bottom)
        steps: dict[str, Callable[[], None]] = {
            "i": simulation.interception.install,
            "t": simulation.interception.raise_to_top,
            "r": simulation.interception.remove,
            "p": one.patch,
            "u": one.undo,
            "P": two.patch,
            "U": two.undo,
        }
        client, bare, done = httpx.Client(verify=TLS), transport(verify=TLS), ""

        def ask(url: str) -> str:
            response = client.get(url) if by == "client" else bare.handle_request(httpx.Request("GET", url))
            response.read()
            return response.text

        for step in order:
            steps[step]()
            done += step
            simulated = "i" in done and "r" not in done

            # An older patch that is undone takes us along; a client puts us back before it sends, a bare transport not.
            if by == "client" or not simulated:
                assert ask(URL) == ("simulated" if simulated else "network"), done
            assert ask("https://one.test/") == ("one.test" if one.patched else "network"), done
            assert ask("https://two.test/") == ("two.test" if two.patched else "network"), done
            assert ask("https://else.test/") == "network", done

        # What may lie there still, because somebody put it back after we had left, is used again and taken away.
        simulation.interception.install()
        simulation.interception.remove()
        assert vars(transport)["handle_request"] is bottom
    finally:
        transport.handle_request = original  # type: ignore[method-assign]


def test_patching_again_and_again_does_not_pile_up(simulation: Simulation) -> None:
    ours = vars(httpx.HTTPTransport)["handle_request"]
    for _ in range(5):
        simulation.interception.raise_to_top()
        with mock.patch.object(httpx.HTTPTransport, "handle_request"):
            assert httpx.get(URL).text == "simulated"

    assert vars(httpx.HTTPTransport)["handle_request"] is ours


def test_a_mock_in_the_class_is_called_as_it_would_be(simulation: Simulation) -> None:
    """A mock there is called without the transport."""
    answer = mock.Mock(return_value=httpx.Response(200, text="mocked"))
    with mock.patch.object(httpx.HTTPTransport, "handle_request", answer):
        assert httpx.get("https://weather.test/").text == "mocked"

    assert [len(call.args) for call in answer.call_args_list] == [1]


def test_a_function_that_hides_our_marker_is_not_taken_for_ours(simulation: Simulation) -> None:
    """vcrpy copies the attributes of what it wraps."""
    ours = vars(httpx.HTTPTransport)["handle_request"]

    def copied(transport: Any, request: Any) -> httpx.Response:
        return httpx.Response(200, text="copied")

    copied.__dict__.update(ours.__dict__)
    copied.__wrapped__ = ours  # type: ignore[attr-defined]
    with mock.patch.object(httpx.HTTPTransport, "handle_request", copied):
        assert httpx.get(URL).text == "simulated"
        assert httpx.get("https://weather.test/").text == "copied"


def test_a_send_of_ours_that_is_put_back_after_we_left_only_passes_on(way: Way, simulate: Any, loopback: str) -> None:
    simulation = simulate()
    client = way.library.AsyncClient if way.is_async else way.library.Client
    with mock.patch.object(client, "send"):
        simulation.interception.remove()

    assert way.ask(loopback).text == "real "
    simulation.interception.install()  # tidies up


# respx


def test_a_respx_mock_inside_keeps_its_hosts(simulation: Simulation) -> None:
    with respx.mock as router:
        router.get("https://weather.test/").respond(text="rain")

        assert httpx.get("https://weather.test/").text == "rain"
        assert httpx.get(URL).text == "simulated"
        with pytest.raises(AssertionError, match="not mocked"):
            httpx.get("https://other.test/")


def test_a_respx_mock_outside_keeps_its_hosts(simulate: Callable[..., Simulation]) -> None:
    with respx.mock as router:
        router.get("https://weather.test/").respond(text="rain")
        router.get(URL).respond(text="the outer respx")
        simulation = simulate()

        assert httpx.get("https://weather.test/").text == "rain"
        assert httpx.get(URL).text == "simulated"
        simulation.interception.remove()
        assert httpx.get(URL).text == "the outer respx"


def test_respx_at_the_client_passes_on_what_it_is_told_to(simulation: Simulation) -> None:
    """``using="httpx"`` lies above all transports: a limit of ours."""
    with respx.mock(using="httpx") as router:
        router.route(host="api.groq.com").pass_through()
        router.get("https://weather.test/").respond(text="rain")

        assert httpx.get("https://weather.test/").text == "rain"
        assert httpx.get(URL).text == "simulated"


# vcrpy


def test_a_cassette_inside_records_other_hosts_only(
    way: Way, simulation: Simulation, loopback: str, tmp_path: Path
) -> None:
    cassette = tmp_path / "cassette.yaml"
    for _ in range(2):
        with vcr.use_cassette(str(cassette)):
            assert way.ask(loopback).text == "real "
            assert way.ask().text == "simulated"

    assert "127.0.0.1" in cassette.read_text()
    assert "groq" not in cassette.read_text()
    assert way.ask().text == "simulated"


def test_a_cassette_outside_records_other_hosts_only(
    way: Way, simulate: Callable[..., Simulation], loopback: str, tmp_path: Path
) -> None:
    cassette = tmp_path / "cassette.yaml"
    with vcr.use_cassette(str(cassette)):
        simulation = simulate()
        assert way.ask(loopback).text == "real "
        assert way.ask().text == "simulated"
        simulation.interception.remove()

    assert "127.0.0.1" in cassette.read_text()
    assert "groq" not in cassette.read_text()


def test_a_cassette_that_ends_after_us_leaves_httpx_working(
    way: Way, simulate: Callable[..., Simulation], loopback: str, tmp_path: Path
) -> None:
    simulation = simulate()
    with vcr.use_cassette(str(tmp_path / "cassette.yaml")):
        assert way.ask().text == "simulated"
        simulation.interception.remove()
        assert way.ask(loopback).text == "real "

    assert way.ask(loopback).text == "real "
    simulation.interception.install()  # tidies up what the cassette put back


# Other transports


def test_a_mock_transport_is_left_alone(way: Way, simulation: Simulation) -> None:
    transport = way.library.MockTransport(lambda request: way.library.Response(200, text="the application's own"))
    client = way.library.Client(transport=transport)

    assert client.get(URL).text == "the application's own"
    assert simulation.gateway.requests == []


def test_a_subclass_of_the_transport_keeps_its_say(way: Way, simulation: Simulation) -> None:
    class Counting(way.library.HTTPTransport):  # type: ignore[misc, name-defined]
        asked = 0

        def handle_request(self, request: Any) -> Any:
            self.asked += 1
            return super().handle_request(request)

    transport = Counting()

    assert way.library.Client(transport=transport).get(URL).text == "simulated"
    assert transport.asked == 1


def test_an_application_is_tested_by_fastapis_client(simulation: Simulation) -> None:
    application = fastapi.FastAPI()

    @application.get("/sync")
    def sync() -> str:
        return httpx.get(URL).text

    @application.get("/async")
    async def in_loop() -> str:
        async with httpx.AsyncClient() as client:
            return (await client.get(URL)).text

    with TestClient(application, base_url="https://api.groq.com") as client:
        assert client.get("/sync").json() == "simulated"
        assert client.get("/async").json() == "simulated"
    assert len(simulation.gateway.requests) == 2


# Fixtures of other plugins, run by pytest


PYTEST_HTTPX = """
    import asyncio
    import httpx
    import pytest

    async def ask(url):
        async with httpx.AsyncClient() as client:
            return (await client.get(url)).text

    {fixtures}

    def test_both(one, two, request):
        simulation = one if hasattr(one, "interception") else two
        httpx_mock = two if simulation is one else one
        {raised}
        httpx_mock.add_response(url="https://weather.test/", text="rain", is_reusable=True)

        assert httpx.get("https://weather.test/").text == "rain"
        assert httpx.get("https://api.groq.com/").text == "simulated"
        assert asyncio.run(ask("https://weather.test/")) == "rain"
        assert asyncio.run(ask("https://api.groq.com/")) == "simulated"
        {removed}
        assert httpx.get("https://weather.test/").text == "rain"

    def test_none():
        assert httpx.HTTPTransport.handle_request.__module__ == "httpx._transports.default"
        assert httpx.AsyncHTTPTransport.handle_async_request.__module__ == "httpx._transports.default"
"""
ALIAS = """
    @pytest.fixture
    def {name}({fixture}):
        return {fixture}
"""


@pytest.mark.parametrize("raised", ["simulation.interception.raise_to_top()", ""], ids=["raised", "not raised"])
@pytest.mark.parametrize("removed", ["simulation.interception.remove()", ""], ids=["removed early", "removed last"])
@pytest.mark.parametrize("names", [("simulation", "httpx_mock"), ("httpx_mock", "simulation")], ids="-".join)
def test_pytest_httpx(
    names: tuple[str, str], removed: str, raised: str, run: Callable[..., pytest.RunResult], simulate: Any
) -> None:
    fixtures = "".join(
        ALIAS.format(name=name, fixture=fixture) for name, fixture in zip(("one", "two"), names, strict=True)
    )

    result = run(PYTEST_HTTPX.format(fixtures=fixtures, removed=removed, raised=raised))

    result.assert_outcomes(passed=2)
    simulate()  # tidies up what pytest-httpx put back after we had left


@pytest.mark.parametrize("names", ["simulation, respx_mock", "respx_mock, simulation"])
def test_respx_mock(names: str, run: Callable[..., pytest.RunResult]) -> None:
    result = run(f"""
        import httpx

        def test_both({names}):
            respx_mock.get("https://weather.test/").respond(text="rain")

            assert httpx.get("https://weather.test/").text == "rain"
            assert httpx.get("https://api.groq.com/").text == "simulated"
    """)

    result.assert_outcomes(passed=1)


def test_a_socket_guard_does_not_mind(run: Callable[..., pytest.RunResult]) -> None:
    result = run(
        """
        import httpx, httpx2

        def test_calls(simulation):
            assert httpx.get("https://api.groq.com/").text == "simulated"
            assert httpx2.get("https://api.groq.com/").text == "simulated"
        """,
        "--disable-socket",
    )

    result.assert_outcomes(passed=1)


def test_a_second_copy_of_us_gets_a_name_of_its_own(run: Callable[..., pytest.RunResult]) -> None:
    """pytester imports a plugin's modules anew beside a respx that stays."""
    result = run("""
        import importlib.util

        def test_copy(simulation):
            spec = importlib.util.find_spec("pytest_llmcontract.adapters.respx.patching")
            copy = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(copy)
            assert copy.TransportMocker.name.startswith("llmcontract-")
    """)

    result.assert_outcomes(passed=1)
    assert TransportMocker.name.startswith("llmcontract")
