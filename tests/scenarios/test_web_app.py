"""A FastAPI service whose client is built at import time, asked through both of the ways its developers test it."""

from __future__ import annotations

import json

import groq
import httpx
import pytest
from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient

MODEL = "openai/gpt-oss-120b"

# The application.

app = FastAPI()
llm = groq.AsyncGroq(api_key="read from the configuration", max_retries=1)


@app.post("/summary")
async def summary(text: str) -> dict[str, str]:
    try:
        answer = await llm.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": f"Summarise: {text}"}]
        )
    except groq.RateLimitError as error:
        wait = error.response.headers["retry-after"]
        raise HTTPException(503, "busy", headers={"retry-after": wait}) from error
    except groq.APITimeoutError as error:
        raise HTTPException(504, "too slow") from error
    return {"summary": answer.choices[0].message.content}


@app.post("/chat")
async def chat(text: str) -> StreamingResponse:
    async def relay():
        try:
            stream = await llm.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": text}], stream=True
            )
            async for chunk in stream:
                if chunk.choices and (piece := chunk.choices[0].delta.content):
                    yield f"data: {json.dumps(piece)}\n\n"
            yield "event: end\ndata: null\n\n"
        except (groq.APIError, httpx.TransportError) as error:
            yield f"event: broken\ndata: {json.dumps(type(error).__name__)}\n\n"

    return StreamingResponse(relay(), media_type="text/event-stream")


# Its tests.


def through_asgi():
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service.test")


def test_the_service_answers_through_its_test_client(groq_api):
    groq_api.reply("A short summary.")

    answer = TestClient(app).post("/summary", params={"text": "a long text"})

    assert answer.json() == {"summary": "A short summary."}
    assert groq_api.calls.statuses == [200]
    assert groq_api.calls.last.request.json["messages"][0]["content"] == "Summarise: a long text"
    assert groq_api.calls.last.site.startswith("tests/scenarios/test_web_app.py:")


async def test_the_service_answers_through_asgi(groq_api):
    groq_api.reply("A short summary.")

    async with through_asgi() as web:
        answer = await web.post("/summary", params={"text": "a long text"})

    assert answer.json() == {"summary": "A short summary."}
    assert groq_api.calls.statuses == [200]


def test_one_429_is_waited_out_by_the_sdk_in_the_servers_loop(groq_api, llm_clock):
    groq_api.fail("rate_limit_exceeded", retry_after=20)

    answer = TestClient(app).post("/summary", params={"text": "x"})

    assert answer.status_code == 200
    assert groq_api.calls.statuses == [429, 200]
    assert llm_clock.slept == 20


def test_two_reach_the_web_client_with_their_retry_after(groq_api, llm_clock):
    groq_api.fail("rate_limit_exceeded", retry_after=20, times=2)

    answer = TestClient(app).post("/summary", params={"text": "x"})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "20")
    assert llm_clock.elapsed == 20


async def test_a_slow_provider_is_a_504_of_the_service(groq_api, llm_clock, monkeypatch):
    groq_api.latency(first_token=90)
    monkeypatch.setattr(llm, "timeout", 30)

    async with through_asgi() as web:
        answer = await web.post("/summary", params={"text": "x"})

    assert answer.status_code == 504
    assert len(groq_api.calls) == 2
    assert llm_clock.elapsed == pytest.approx(60, abs=1)  # two times 30 s, and the SDK's pause of up to a second


async def test_the_stream_reaches_the_web_client_piece_by_piece(groq_api):
    groq_api.reply(["One, ", "two, ", "three."])

    async with through_asgi() as web:
        answer = await web.post("/chat", params={"text": "count"})

    assert answer.text == 'data: "One, "\n\ndata: "two, "\n\ndata: "three."\n\nevent: end\ndata: null\n\n'


async def test_the_first_piece_leaves_before_the_last_one_comes(groq_api, llm_clock):
    groq_api.reply(["One, ", "two, ", "three."])
    groq_api.latency(first_token=1, per_token=10)
    seen = []

    # httpx's ASGITransport hands a body over as a whole, so the service's own iterator is watched.
    async for part in (await chat("count")).body_iterator:
        seen.append((part.split("data: ")[1].strip(), llm_clock.elapsed))

    assert [text for text, _ in seen] == ['"One, "', '"two, "', '"three."', "null"]
    times = [at for _, at in seen]
    assert times[0] < times[1] < times[2]
    assert times[1] - times[0] == times[2] - times[1] == 10
    assert groq_api.calls.last.took == times[-1]


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ("disconnect", "RemoteProtocolError"),
        ("truncate", "RemoteProtocolError"),
        ("error_event", "APIError"),
        ("stall", "ReadTimeout"),
    ],
)
def test_a_cut_stream_is_told_to_the_web_client(groq_api, llm_clock, how, error):
    groq_api.reply(["One, ", "zwölf, ", "three."], reasoning="")
    groq_api.cut_stream(after=2, how=how)  # the opening event and one piece

    answer = TestClient(app).post("/chat", params={"text": "count"})

    assert 'data: "One, "' in answer.text
    assert "three" not in answer.text
    assert answer.text.endswith(f'event: broken\ndata: "{error}"\n\n')
    assert llm_clock.elapsed == (60 if how == "stall" else 0)
    assert groq_api.calls.last.stream


def test_a_web_client_that_goes_away_ends_the_call(groq_api, llm_clock):
    groq_api.reply([f"{n} " for n in range(100)], reasoning="")
    groq_api.latency(per_token=1)

    with groq.Groq().chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "count"}], stream=True
    ) as stream:
        for chunk in stream:
            if chunk.choices and (chunk.choices[0].delta.content or "").startswith("3"):
                break

    assert llm_clock.elapsed == 4  # 0, 1, 2 and 3
    assert groq_api.calls.last.took == llm_clock.elapsed


def test_a_service_whose_client_wants_its_key_when_it_is_imported(pytester, run_pytest):
    pytester.makeini("[pytest]\nllmcontract_dummy_keys = true\n")
    pytester.makepyfile(
        service="""
        from fastapi import FastAPI
        from groq import AsyncGroq

        app, llm = FastAPI(), AsyncGroq()

        @app.get("/")
        async def ask():
            answer = await llm.chat.completions.create(
                model="openai/gpt-oss-20b", messages=[{"role": "user", "content": "hi"}])
            return answer.choices[0].message.content
        """,
        test_service="""
        from fastapi.testclient import TestClient
        from service import app

        def test_it(groq_api):
            groq_api.reply("hello")
            assert TestClient(app).get("/").json() == "hello"

        def test_it_in_a_second_test(groq_api):
            assert TestClient(app).get("/").status_code == 200
        """,
    )

    run_pytest("-q").assert_outcomes(passed=2)
