"""Behind a gateway: its base stands for the provider's, and its headers carry the key."""

from __future__ import annotations

import groq
import httpx
import openai
import pytest

from pytest_llmcontract import simulate

GROQ, LLAMA = "openai/gpt-oss-120b", "meta-llama/Llama-3.3-70B-Instruct-Turbo"
HELLO = [{"role": "user", "content": "Hello"}]
BODY = {"model": GROQ, "messages": HELLO}
PORTKEY = "https://api.portkey.ai/v1"
CLOUDFLARE = "https://gateway.ai.cloudflare.com/v1/account/gateway/groq"


def ask(base, model=GROQ, client=openai.OpenAI, **more):
    with client(base_url=base, api_key="any", max_retries=0, **more) as asked:
        return asked.chat.completions.create(model=model, messages=HELLO).choices[0].message.content


@pytest.mark.parametrize(
    ("named", "called"),
    [
        (PORTKEY, PORTKEY),
        (f"{PORTKEY}/", PORTKEY),
        ("api.portkey.ai/v1", PORTKEY),
        ("https://api.portkey.ai:443/v1?x=1#y", PORTKEY),
        (CLOUDFLARE, CLOUDFLARE),
        ("http://llm.internal:4000", "http://llm.internal:4000/openai/v1"),
        ("http://llm.internal:4000/v1", "http://llm.internal:4000/openai/v1"),
        ("https://groq.helicone.ai/openai/v1", "https://groq.helicone.ai/openai/v1"),
        ("https://llm.internal/openai", "https://llm.internal/openai"),
        ("https://llm.internal/openai", "https://llm.internal/openai/v1"),
    ],
)
def test_the_path_of_a_base_url_stands_for_the_base_of_the_provider(named, called):
    with simulate("groq", hosts=[named]) as api:
        api.reply("Hi.")
        assert ask(called) == "Hi."
        assert (api.calls.last.operation, api.calls.last.violations) == ("chat.completions", [])
        assert api.calls.last.request.url == f"{called}/chat/completions"


def test_every_operation_is_below_the_base():
    with simulate("together", hosts=[PORTKEY.replace("/v1", "/llm")], check=False) as api:
        base = PORTKEY.replace("/v1", "/llm")
        headers = {"authorization": "Bearer x"}
        assert httpx.get(f"{base}/models", headers=headers).status_code == 200
        assert httpx.post(f"{base}/rerank", headers=headers, json={}).status_code == 400
        assert [call.operation for call in api.calls] == ["models.list", "rerank"]


def test_a_client_that_adds_a_base_of_its_own_is_told():
    with simulate("groq", hosts=[CLOUDFLARE], check=False) as api:
        with pytest.raises(groq.NotFoundError):
            ask(CLOUDFLARE, client=groq.Groq)
        (finding,) = api.calls.last.violations
        assert finding.code == "LLM105"


def test_an_address_that_is_nothing_is_refused_as_the_provider_sees_it():
    with simulate("groq", hosts=[CLOUDFLARE], check=False):
        reply = httpx.get(f"{CLOUDFLARE}/nothing", headers={"authorization": "Bearer x"})
        assert reply.status_code == 404
        assert "/openai/v1/nothing" in reply.json()["error"]["message"]


def test_two_providers_behind_one_gateway_are_told_apart_by_their_bases():
    together = CLOUDFLARE.replace("groq", "together")
    with simulate("groq", hosts=[CLOUDFLARE]) as groq_api, simulate("together", hosts=[together]) as together_api:
        ask(CLOUDFLARE)
        ask(together, LLAMA)
        ask(CLOUDFLARE)
    assert (len(groq_api.calls), len(together_api.calls)) == (2, 1)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-portkey-api-key": "pk", "x-portkey-provider": "@groq-prod"},
        {"x-portkey-virtual-key": "groq-prod-1f2e3d"},
        {"helicone-auth": "Bearer sk-helicone-abcdefg"},
        {"cf-aig-authorization": "Bearer token"},
        {"x-litellm-api-key": "Bearer sk-1234"},
        {"x-bf-vk": "vk-team"},
        {"api-key": "k"},
        {"ocp-apim-subscription-key": "k"},
        {"x-api-key": "k"},
        {"x-tfy-api-key": "k"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_a_gateway_takes_its_key_in_a_header_of_its_own(headers):
    with simulate("groq", hosts=[PORTKEY]) as api:
        assert httpx.post(f"{PORTKEY}/chat/completions", json=BODY, headers=headers).status_code == 200
        assert api.calls.last.violations == []


@pytest.mark.parametrize("headers", [{}, {"x-portkey-provider": "groq"}, {"x-portkey-api-key": ""}])
def test_without_any_key_a_gateway_refuses_too(headers):
    with simulate("groq", hosts=[PORTKEY], check=False) as api:
        assert httpx.post(f"{PORTKEY}/chat/completions", json=BODY, headers=headers).status_code == 401
        assert [finding.code for finding in api.calls.last.violations] == ["LLM106"]


@pytest.mark.parametrize("hosts", [(), ("https://api.groq.com",), (PORTKEY,)])
def test_the_provider_itself_takes_no_key_of_a_gateway(hosts):
    with simulate("groq", hosts=hosts, check=False):
        url = "https://api.groq.com/openai/v1/chat/completions"
        assert httpx.post(url, json=BODY, headers={"x-api-key": "k"}).status_code == 401


def test_no_key_of_a_gateway_is_kept():
    keys = {"x-portkey-api-key": "pk-plain-words", "x-bf-vk": "sk-bf-0123456789abcdef0123"}
    with simulate("groq", hosts=[PORTKEY]) as api:
        httpx.post(f"{PORTKEY}/chat/completions", json=BODY, headers=keys)
        for name in keys:
            assert api.calls.last.request.headers[name] == "***"
