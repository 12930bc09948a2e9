"""Models that do not do what is asked: refused in the provider's words, with LLM102."""

from __future__ import annotations

from decimal import Decimal

import groq
import httpx
import openai
import pytest
import together

from pytest_llmcontract import simulate
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.operations import OPERATIONS

CHAT = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
E5 = "intfloat/multilingual-e5-large-instruct"


@pytest.mark.llm_allow("LLM102")
def test_groq_says_that_whisper_does_not_chat(groq_api):
    with pytest.raises(groq.BadRequestError) as caught:
        groq.Groq().chat.completions.create(
            model="whisper-large-v3", messages=[{"role": "user", "content": "Hi"}], max_tokens=5000
        )

    assert caught.value.body == {
        "error": {
            "message": "The model `whisper-large-v3` does not support chat completions",
            "type": "invalid_request_error",
        }
    }
    assert groq_api.calls.last.reply.error == "model_not_for_chat"
    assert [found.code for found in groq_api.calls.last.violations] == ["LLM102"]


@pytest.mark.llm_allow("LLM102")
def test_a_chat_model_makes_no_embeddings_and_costs_nothing(together_api):
    with pytest.raises(openai.BadRequestError, match="does not support embeddings"):
        openai.OpenAI(base_url="https://api.together.xyz/v1", api_key="k").embeddings.create(model=CHAT, input="Hi")

    assert (len(together_api.calls), together_api.calls.cost) == (1, Decimal(0))


@pytest.mark.llm_allow("LLM102")
def test_what_the_model_itself_refuses_has_passed_the_limits(together_api):
    with pytest.raises(together.InternalServerError, match="Internal server error"):
        together.Together(max_retries=0).images.generate(model=CHAT, prompt="A plum")

    assert together_api.limits(CHAT)["RPM"].used > 0


@pytest.mark.together_api(models=["acme/new"])
def test_a_model_whose_type_nobody_told_is_refused_nothing(together_api):
    assert together.Together().embeddings.create(model="acme/new", input="Hi").data[0].embedding


@pytest.mark.together_api(models={"acme/new": {"type": "chat"}})
@pytest.mark.llm_allow("LLM102")
def test_a_type_that_the_test_gave_is_held_to(together_api):
    with pytest.raises(together.BadRequestError):
        together.Together().embeddings.create(model="acme/new", input="Hi")


BODIES = {
    "chat.completions": {"messages": [{"role": "user", "content": "Hi"}]},
    "completions": {"prompt": "Hi"},
    "embeddings": {"input": "Hi"},
    "rerank": {"query": "Hi", "documents": ["Hi"]},
    "images.generations": {"prompt": "Hi"},
    "videos.create": {"prompt": "Hi"},
}


def unsuitable():
    """Each of these operations of each provider, with a model of every type that cannot do it."""
    for provider in ("groq", "together"):
        edition = load_edition(provider)
        offered = {}
        for model in edition.models.values():
            if model.since <= edition.date and not model.is_retired(edition.date) and model.serverless:
                offered.setdefault(model.type, model.id)
        paths = {operation: address.partition(" ")[2] for address, operation in edition.operations.items()}
        for operation in BODIES.keys() & paths.keys() & OPERATIONS.keys():
            for kind in offered.keys() - {*OPERATIONS[operation].models}:
                yield provider, operation, edition.base + paths[operation], offered[kind]


@pytest.mark.parametrize(("provider", "operation", "path", "model"), sorted(unsuitable()))
def test_every_operation_refuses_every_other_type_of_model(provider, operation, path, model):
    with simulate(provider, check=False) as api:
        url = f"https://{api.edition.hosts[0]}{path.removeprefix('/v1/') if '//' in path else path}"
        reply = httpx.post(url, json={"model": model, **BODIES[operation]}, headers={"authorization": "Bearer k"})

    assert reply.status_code == (500 if operation == "images.generations" else 400)
    assert [found.code for found in api.calls.last.violations] == ["LLM102"]
    assert api.calls.last.cost == 0
