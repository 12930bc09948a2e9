"""Beside the mocks an application's tests have already: respx, pytest-httpx, routes of the router's own."""

from __future__ import annotations

import groq
import httpx
import httpx2
import openai
import pytest
import respx
import together

from pytest_llmcontract.simulation import current_stage

MODEL = "openai/gpt-oss-120b"
WEATHER = "https://weather.test/ulm"


def report():
    """The application: it asks a service for the weather, and a model for a sentence about it."""
    degrees = httpx.get(WEATHER).json()["degrees"]
    answer = groq.Groq().chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": f"{degrees} degrees in Ulm"}]
    )
    return answer.choices[0].message.content


async def areport():
    async with httpx.AsyncClient() as web:
        degrees = (await web.get(WEATHER)).json()["degrees"]
    answer = await groq.AsyncGroq().chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": f"{degrees} degrees in Ulm"}]
    )
    return answer.choices[0].message.content


# respx.


def test_respx_mock_then_groq(respx_mock, groq_api):
    route = respx_mock.get(WEATHER).respond(json={"degrees": 21})
    groq_api.reply("It is warm.")

    assert report() == "It is warm."

    assert route.called
    assert groq_api.calls.last.request.json["messages"][0]["content"] == "21 degrees in Ulm"


def test_groq_then_respx_mock(groq_api, respx_mock):
    respx_mock.get(WEATHER).respond(json={"degrees": 21})
    groq_api.reply("It is warm.")

    assert report() == "It is warm."
    assert groq_api.calls.statuses == [200]


async def test_in_a_loop(groq_api, respx_mock):
    respx_mock.get(WEATHER).respond(json={"degrees": 21})
    groq_api.reply("It is warm.")

    assert await areport() == "It is warm."


@respx.mock
def test_the_decorator(groq_api):
    respx.get(WEATHER).respond(json={"degrees": 21})
    assert report()
    assert groq_api.calls.statuses == [200]


def test_the_context_manager_within_the_test(groq_api):
    with respx.mock(assert_all_called=True) as mock:
        mock.get(WEATHER).respond(json={"degrees": 21})
        assert report()
    assert groq_api.calls.statuses == [200]


# pytest-httpx.


def test_httpx_mock_then_groq(httpx_mock, groq_api):
    httpx_mock.add_response(url=WEATHER, json={"degrees": 21})
    groq_api.reply("It is warm.")

    assert report() == "It is warm."
    assert len(httpx_mock.get_requests()) == 1


def test_groq_then_httpx_mock(groq_api, httpx_mock):
    httpx_mock.add_response(url=WEATHER, json={"degrees": 21})
    groq_api.reply("It is warm.")

    assert report() == "It is warm."
    assert len(httpx_mock.get_requests()) == 1
    assert groq_api.calls.statuses == [200]


async def test_httpx_mock_in_a_loop(groq_api, together_api, httpx_mock):
    httpx_mock.add_response(url=WEATHER, json={"degrees": 21})
    together_api.reply("ready")

    assert await areport()
    answer = await together.AsyncTogether().chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "x"}]
    )
    assert answer.choices[0].message.content == "ready"


# Mocks for the simulated host itself.

CHAT = "https://api.groq.com/openai/v1/chat/completions"


def noted():
    return [(finding.code, finding.severity, finding.message) for finding in current_stage().escapes()]


def test_a_route_of_respx_for_a_simulated_host_is_said_to_be_passed_over(groq_api, respx_mock):
    respx_mock.get(WEATHER).respond(json={"degrees": 21})
    respx_mock.post(CHAT, name="mine").respond(json={})
    respx_mock.route(path="/never")

    assert report()
    assert report()

    assert noted() == [
        ("LLM207", "note", f"a route of respx for POST {CHAT} was passed over: api.groq.com is simulated")
    ]
    respx_mock._assert_all_called = False


async def test_a_response_of_httpx_mock_too(httpx_mock, groq_api):
    httpx_mock.add_response(url=WEATHER, json={"degrees": 21}, is_reusable=True)
    httpx_mock.add_response(url=CHAT, json={}, is_optional=True)

    assert report()
    assert await areport()

    words = f"a response of httpx_mock for POST {CHAT} was passed over: api.groq.com is simulated"
    assert [message for _, _, message in noted()] == [words] * 2  # once a line of the application


def test_the_note_says_how_to_reach_it(run_pytest, pytester):
    pytester.makepyfile(
        """
        import groq, pytest, respx

        def test_it(groq_api):
            with respx.mock(assert_all_called=False) as mock:
                mock.get("https://api.groq.com/openai/v1/models").respond(json={})
                groq.Groq().models.list()
            assert 0
        """
    )
    result = run_pytest("-q")
    result.stdout.fnmatch_lines(["*LLM207 a route of respx for GET*passed over*", "*groq_api.router*"])


# monkeypatch, and transports of the application's own.


def test_a_mock_transport_of_the_applications_stays_its_own(groq_api):
    mock = httpx.MockTransport(lambda request: httpx.Response(200, json={"mine": True}))

    with httpx.Client(transport=mock) as client:
        assert client.get("https://api.groq.com/openai/v1/models").json() == {"mine": True}
    assert len(groq_api.calls) == 0


# Routes of the router's own.


def test_a_route_of_ones_own_for_what_is_not_simulated(groq_api):
    groq_api.router.get("https://api.groq.com/openai/v1/status").respond(json={"fine": True})

    assert httpx.get("https://api.groq.com/openai/v1/status").json() == {"fine": True}
    assert httpx2.get("https://api.groq.com/openai/v1/status").json() == {"fine": True}
    assert groq.Groq().models.list().data


def test_a_route_in_place_of_the_simulation_and_for_another_host(groq_api):
    route = groq_api.router.post(path="/openai/v1/chat/completions").mock(
        return_value=httpx.Response(418, json={"error": {"message": "I am a teapot"}})
    )
    groq_api.router.get(WEATHER).respond(json={"degrees": 21})

    with pytest.raises(groq.APIStatusError, match="teapot"):
        report()
    with pytest.raises(openai.APIStatusError, match="teapot"):
        openai.OpenAI(base_url="https://api.groq.com/openai/v1", api_key="k").chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "x"}]
        )
    assert route.call_count == 2


def test_routes_do_not_outlive_their_test(groq_api):
    assert groq.Groq().chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x"}]).choices
    assert not groq_api.router.routes


@pytest.mark.groq_api(hosts=["llm-gateway.test"])
def test_a_gateway_of_ones_own(groq_api):
    client = groq.Groq(base_url="https://llm-gateway.test")

    assert client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x"}]).choices
    assert groq_api.calls.last.request.url.startswith("https://llm-gateway.test/")
