"""The SDKs as they are installed, against both providers: sync and async, whole and streamed."""

from __future__ import annotations

import asyncio

import groq
import httpx
import httpx2
import openai
import pytest
import together

MODEL = "openai/gpt-oss-120b"
HELLO = [{"role": "user", "content": "Say hello"}]


def groq_client():
    return groq.Groq()


def openai_on_groq():
    return openai.OpenAI(base_url="https://api.groq.com/openai/v1", api_key="any")


def openai_on_together():
    return openai.OpenAI(base_url="https://api.together.xyz/v1", api_key="any")


def together_client():
    return together.Together()


CLIENTS = {
    "groq": (groq_client, "groq_api"),
    "openai-groq": (openai_on_groq, "groq_api"),
    "openai-together": (openai_on_together, "together_api"),
    "together": (together_client, "together_api"),
}
ASYNC = {
    "groq": (lambda: groq.AsyncGroq(), "groq_api"),
    "openai-groq": (
        lambda: openai.AsyncOpenAI(base_url="https://api.groq.com/openai/v1", api_key="any"),
        "groq_api",
    ),
    "together": (lambda: together.AsyncTogether(), "together_api"),
}


@pytest.fixture(params=CLIENTS)
def client_and_api(request):
    make, fixture = CLIENTS[request.param]
    return request.getfixturevalue(fixture), make


def test_a_reply_comes_whole(client_and_api):
    api, make = client_and_api
    api.reply("Hello!")

    answer = make().chat.completions.create(model=MODEL, messages=HELLO)

    assert answer.choices[0].message.content == "Hello!"
    assert answer.usage.total_tokens == api.calls.last.usage.total_tokens > 0
    assert api.calls.last.operation == "chat.completions"
    assert api.calls.last.site.startswith("tests/scenarios/test_sdk_calls.py:")


def test_a_reply_comes_in_pieces(client_and_api):
    api, make = client_and_api
    api.reply(["Hel", "lo", "!"])

    chunks = list(make().chat.completions.create(model=MODEL, messages=HELLO, stream=True))

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "Hello!"
    assert [chunk.choices[0].delta.content for chunk in chunks if chunk.choices].count("Hel") == 1
    assert api.calls.last.stream


@pytest.mark.parametrize("name", ASYNC)
async def test_async_clients_whole_and_in_pieces(request, name):
    make, fixture = ASYNC[name]
    api = request.getfixturevalue(fixture)
    api.reply("Hello!", times=2)
    client = make()

    answer = await client.chat.completions.create(model=MODEL, messages=HELLO)
    pieces = [
        chunk.choices[0].delta.content or ""
        async for chunk in await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
        if chunk.choices
    ]

    assert answer.choices[0].message.content == "".join(pieces) == "Hello!"


def test_without_a_script_the_answer_is_useful_and_the_same_every_time(groq_api):
    first = groq_client().chat.completions.create(model=MODEL, messages=HELLO)
    second = groq_client().chat.completions.create(model=MODEL, messages=HELLO)

    assert first.choices[0].message.content == second.choices[0].message.content != ""
    assert first.id != second.id


def test_the_model_lists_have_each_providers_own_shape(groq_api, together_api):
    listed = groq_client().models.list()
    # The SDK's own method wants a project id before it asks.
    bare = httpx.get("https://api.together.xyz/v1/models", headers={"authorization": "Bearer k"}).json()

    assert listed.object == "list"
    assert MODEL in {model.id for model in listed.data}
    assert MODEL in {model["id"] for model in bare}
    assert groq_client().models.retrieve(MODEL).context_window == 131072


def test_raw_http_of_both_libraries_is_answered_as_the_wire_has_it(groq_api):
    url, headers = "https://api.groq.com/openai/v1/chat/completions", {"authorization": "Bearer k"}
    body = {"model": MODEL, "messages": HELLO}

    for library in (httpx, httpx2):
        reply = library.post(url, json=body, headers=headers)
        assert reply.status_code == 200
        assert reply.text.endswith("}\n")
        assert reply.json()["x_groq"]["id"] == reply.headers["x-request-id"]
        assert reply.json()["service_tier"] == "on_demand"

    assert [call.client.split()[0] for call in groq_api.calls] == ["python-httpx", "python-httpx2"]


def test_together_indents_its_json(together_api):
    reply = httpx.post(
        "https://api.together.xyz/v1/chat/completions",
        json={"model": MODEL, "messages": HELLO},
        headers={"authorization": "Bearer k"},
    )

    assert reply.text.startswith('{\n  "id": "o')
    assert not reply.text.endswith("\n")
    assert reply.json()["prompt"] == []


def test_both_providers_at_once_keep_their_calls_apart_and_in_order(groq_api, together_api, llm_calls):
    together_client().chat.completions.create(model=MODEL, messages=HELLO)
    groq_client().chat.completions.create(model=MODEL, messages=HELLO)

    assert [call.provider for call in llm_calls] == ["together", "groq"]
    assert len(groq_api.calls) == len(together_api.calls) == 1


def test_many_tasks_at_once(groq_api):
    async def one(client, n):
        answer = await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": str(n)}])
        return answer.choices[0].message.content

    async def all_of_them():
        client = groq.AsyncGroq()
        return await asyncio.gather(*(one(client, n) for n in range(20)))

    assert len(asyncio.run(all_of_them())) == 20
    assert groq_api.calls.statuses == [200] * 20


def test_beside_a_scripted_answer_no_reasoning_is_made_up(groq_api):
    groq_api.reply("Said.")
    scripted = groq_client().chat.completions.create(model=MODEL, messages=HELLO).choices[0].message
    invented = groq_client().chat.completions.create(model=MODEL, messages=HELLO).choices[0].message

    assert scripted.reasoning is None
    assert invented.reasoning
