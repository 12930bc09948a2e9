"""Embeddings and rankings of Together, through the SDKs."""

from __future__ import annotations

import base64
import json
import math
import struct
from decimal import Decimal

import groq
import httpx
import openai
import pytest
import together

E5 = "intfloat/multilingual-e5-large-instruct"
BERT = "togethercomputer/m2-bert-80M-32k-retrieval"
RANK = "Salesforce/Llama-Rank-V1"


def embed(*texts, model=E5):
    return [found.embedding for found in together.Together().embeddings.create(model=model, input=list(texts)).data]


def cosine(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True)) / (math.hypot(*one) * math.hypot(*other))


def test_a_vector_has_the_models_size_and_length(together_api):
    (vector,) = embed("The cat sat on the mat.")

    assert len(vector) == 1024
    assert math.hypot(*vector) == pytest.approx(1, abs=1e-6)


@pytest.mark.together_api(edition="2025-08-01")
def test_a_model_that_does_not_normalise_has_its_own_size_and_longer_vectors(together_api):
    short, long = embed("A cat.", "A cat that sat on a mat, and a dog that did not.", model=BERT)

    assert len(short) == len(long) == 768
    assert 1 < math.hypot(*short) < math.hypot(*long)


def test_the_same_text_has_the_same_vector_in_every_run(together_api):
    first = embed("One text.", "Another text.")
    together_api.reset()

    assert embed("Another text.", "One text.") == first[::-1]
    assert first[0] != first[1]


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("a red apple on the table", "the apple on the table is red", "quarterly earnings fell in Norway"),
        ("How do I reset my password?", "resetting passwords", "The recipe needs two eggs."),
        ("猫がマットの上に座った", "猫がマットの上にいる", "四半期の利益が減少した"),
        ("Wie storniere ich?", "Stornierung", "Öffnungszeiten am Sonntag"),
    ],
)
def test_near_texts_are_nearer_than_far_ones(together_api, text, near, far):
    one, two, three = embed(text, near, far)

    assert cosine(one, two) > cosine(one, three)


@pytest.mark.parametrize("text", ["", " ", "!?", "🙂", "a" * 100_000])
def test_every_text_has_a_vector(together_api, text):
    reply = httpx.post(
        "https://api.together.xyz/v1/embeddings",
        content=b'{"model": "%s", "input": %s}' % (E5.encode(), json.dumps(text).encode()),
        headers={"authorization": "Bearer k", "content-type": "application/json"},
    )

    (found,) = reply.json()["data"]
    assert math.hypot(*found["embedding"]) == pytest.approx(1, abs=1e-6)


def test_what_is_longer_than_the_model_reads_is_cut_in_silence(together_api):
    words = [f"word{number}" for number in range(3000)]
    whole, changed_at_the_end = embed(" ".join(words), " ".join([*words[:-1], "other"]))

    assert whole == changed_at_the_end
    assert together_api.calls.last.usage.input_tokens == 2 * 514


def test_tokens_are_counted_charged_and_taken_from_the_limit(together_api):
    embed("The cat sat on the mat.", "Twice.")
    call = together_api.calls.last

    assert call.usage.input_tokens > 5
    assert call.cost == call.usage.input_tokens * Decimal("0.02") / 1_000_000
    assert together_api.limits(E5)["TPM"].used == call.usage.input_tokens


def test_a_script_tells_the_tokens(together_api):
    together_api.reply(usage={"prompt_tokens": 500})
    embed("Hi")

    assert together_api.calls.last.usage.input_tokens == 500


def test_the_openai_sdk_asks_for_base64_and_gets_the_same_numbers(together_api):
    client = openai.OpenAI(base_url="https://api.together.xyz/v1", api_key="k")
    coded = client.embeddings.create(model=E5, input="The cat").data[0].embedding
    plain = client.embeddings.create(model=E5, input="The cat", encoding_format="float").data[0].embedding

    assert together_api.calls[0].request.json["encoding_format"] == "base64"
    assert isinstance(together_api.calls[0].reply.json["data"][0]["embedding"], str)
    assert list(coded) == plain == embed("The cat")[0]


def test_base64_is_of_single_precision_numbers_little_endian(together_api):
    body = {"model": E5, "input": "The cat", "encoding_format": "base64"}
    reply = httpx.post("https://api.together.xyz/v1/embeddings", json=body, headers={"authorization": "Bearer k"})

    numbers = struct.unpack("<1024f", base64.b64decode(reply.json()["data"][0]["embedding"]))
    assert list(numbers) == embed("The cat")[0]


@pytest.mark.llm_allow("LLM102")
@pytest.mark.parametrize("wrong", [[], 5, {"text": "a"}, [[1, 2]]])
def test_what_is_no_text_is_refused(together_api, wrong):
    with pytest.raises(together.BadRequestError, match="Input validation error"):
        together.Together().embeddings.create(model=E5, input=wrong)


@pytest.mark.groq_api(models={"acme/embed": {"type": "embedding", "dimensions": 8}})
def test_groq_has_the_address_and_answers_for_a_model_of_ones_own(groq_api):
    answer = groq.Groq().embeddings.create(model="acme/embed", input=["a", "b"])

    assert [len(found.embedding) for found in answer.data] == [8, 8]
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == groq_api.calls.last.usage.input_tokens


@pytest.mark.llm_allow("LLM103")
def test_groq_has_no_model_that_embeds(groq_api):
    with pytest.raises(groq.NotFoundError):
        groq.Groq().embeddings.create(model="nomic-embed-text-v1_5", input="a")


# Rankings.

DOCUMENTS = ["The llama lives in Peru.", "A plum is a fruit.", "Where does a llama live? In the Andes of Peru."]


def rank(documents=DOCUMENTS, query="Where does the llama live in Peru?", **more):
    return together.Together().rerank.create(model=RANK, query=query, documents=documents, **more)


@pytest.mark.together_api(edition="2025-08-01")
def test_documents_are_ranked_by_the_words_they_share(together_api):
    answer = rank()

    assert [result.index for result in answer.results] == [2, 0, 1]
    scores = [result.relevance_score for result in answer.results]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert rank().results == answer.results


@pytest.mark.together_api(edition="2025-08-01")
def test_documents_come_back_only_if_asked_for(together_api):
    rank()
    assert [result["document"] for result in together_api.calls.last.reply.json["results"]] == [{}, {}, {}]

    answer = rank(top_n=1, return_documents=True)
    assert [result.document.text for result in answer.results] == [DOCUMENTS[2]]


@pytest.mark.together_api(edition="2025-08-01")
def test_objects_are_ranked_by_the_fields_that_are_named(together_api):
    documents = [{"title": "Llama in Peru", "body": "plum"}, {"title": "Plum", "body": "llama live Peru where"}]

    assert [found.index for found in rank(documents, rank_fields=["title"]).results] == [0, 1]
    assert [found.index for found in rank(documents, rank_fields=["body"]).results] == [1, 0]
    shown = rank(documents, rank_fields=["body"], return_documents=True, top_n=1)
    assert shown.results[0].document.text == '{"title":"Plum","body":"llama live Peru where"}'


@pytest.mark.together_api(edition="2025-08-01")
def test_a_ranking_is_paid_by_its_tokens(together_api):
    usage = rank().usage

    assert usage.prompt_tokens == usage.total_tokens == together_api.calls.last.usage.input_tokens > 20
    assert usage.completion_tokens == 0
    assert together_api.calls.cost == usage.prompt_tokens * Decimal("0.1") / 1_000_000


@pytest.mark.llm_allow("LLM104")
def test_today_no_model_ranks_without_an_endpoint_of_ones_own(together_api):
    with pytest.raises(together.BadRequestError, match="non-serverless model"):
        rank()


@pytest.mark.llm_allow("LLM102")
@pytest.mark.together_api(edition="2025-08-01")
@pytest.mark.parametrize("wrong", [{"documents": []}, {"documents": 5}, {"query": 7}, {"top_n": 0}, {"rank_fields": 1}])
def test_what_cannot_be_ranked_is_refused(together_api, wrong):
    with pytest.raises(together.BadRequestError):
        rank(**{"documents": DOCUMENTS, **wrong})


def test_a_scripted_body_is_held_to_the_schema(together_api):
    together_api.reply(
        body={"object": "list", "model": E5, "data": [{"object": "embedding", "index": 0, "embedding": [1.0]}]}
    )

    assert embed("Hi") == [[1.0]]


@pytest.mark.llm_allow("LLM201")
def test_embeddings_say_nothing(together_api):
    together_api.reply("Hello")
    embed("Hi")

    assert [found.code for found in together_api.calls.last.violations] == ["LLM201"]
