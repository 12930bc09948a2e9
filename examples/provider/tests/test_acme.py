"""What an application's tests get for Acme: fixture, marker, limits, errors, time."""

from __future__ import annotations

import openai
import pytest

MESSAGES = [{"role": "user", "content": "Drop it."}]


def ask(model: str = "anvil-2", **fields: object) -> str | None:
    """The application: it talks to Acme through OpenAI's client."""
    client = openai.OpenAI(base_url="https://api.acme.example/v1", api_key="key", max_retries=3)
    answer = client.chat.completions.create(model=model, messages=MESSAGES, **fields)
    return answer.choices[0].message.content


def test_it_answers(acme_api):
    acme_api.reply("Dropped.")

    assert ask() == "Dropped."
    assert acme_api.calls.last.reply.headers["x-acme-left"] == "2"


def test_it_streams(acme_api):
    acme_api.reply(["Dro", "pped."])
    client = openai.OpenAI(base_url="https://api.acme.example/v1", api_key="key")

    chunks = client.chat.completions.create(model="anvil-2", messages=MESSAGES, stream=True)

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Dropped."


def test_the_fourth_request_of_a_minute_waits(acme_api, llm_clock):
    for _ in range(4):
        ask()

    assert acme_api.calls.statuses == [200, 200, 200, 429, 200]
    assert llm_clock.slept == acme_api.calls[3].reply.retry_after == 20


@pytest.mark.acme_api(plan="pro")
def test_a_marker_sets_the_plan(acme_api):
    assert acme_api.limits("anvil-2")["RPM"].limit == 300


@pytest.mark.llm_allow("LLM104")
def test_a_retired_model_is_gone(acme_api):
    with pytest.raises(openai.APIStatusError) as refused:
        ask("anvil-1")

    assert refused.value.status_code == 410


@pytest.mark.acme_api(edition="2026-01-01")
def test_on_an_earlier_day_it_answers(acme_api, llm_clock):
    ask("anvil-1")
    llm_clock.advance(days=300)

    assert acme_api.calls.statuses == [200]


def test_an_error_by_name(acme_api):
    acme_api.fail("overloaded")

    assert ask()
    assert acme_api.calls.statuses == [503, 200]
