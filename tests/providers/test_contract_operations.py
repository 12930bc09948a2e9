"""Operations beside chat, through the real SDKs: their requests are held to their contracts, uploads included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import groq
import pytest
import together

from pytest_llmcontract import SimulatedProvider, simulate

pytestmark = pytest.mark.llm_allow("LLM101", "LLM102", "LLM204")  # what these tests look for


@pytest.fixture(params=["groq", "together"])
def api(request: pytest.FixtureRequest) -> Iterator[SimulatedProvider]:
    with simulate(request.param, check=False) as api:
        yield api


def client_of(api: SimulatedProvider) -> Any:
    sdk = groq.Groq if api.edition.provider == "groq" else together.Together
    return sdk(api_key="x", max_retries=0)


def transcribe(name: str, **fields: str) -> Callable[[Any, str], Any]:
    def call(client: Any, provider: str) -> Any:
        model = "whisper-large-v3" if provider == "groq" else "openai/whisper-large-v3"
        return client.audio.transcriptions.create(file=(name, b"RIFF"), model=model, **fields)

    return call


def test_a_good_upload_has_no_finding(api: SimulatedProvider) -> None:
    api.reply(body={"text": "Hello."})

    text = transcribe("a.wav", temperature="0.5", response_format="json")(client_of(api), api.edition.provider)

    assert text.text == "Hello."
    assert api.calls.last.violations == []


def test_a_bad_upload_is_refused(api: SimulatedProvider) -> None:
    with pytest.raises((groq.BadRequestError, together.BadRequestError)):
        transcribe("a.wav", response_format="srt")(client_of(api), api.edition.provider)

    assert [(finding.code, finding.path) for finding in api.calls.last.violations] == [("LLM102", "$.response_format")]


def test_groq_goes_by_the_name_of_the_file() -> None:
    with simulate("groq", check=False) as api:
        with pytest.raises(groq.BadRequestError) as refusal:
            transcribe("a.txt")(client_of(api), "groq")

        assert refusal.value.body == {
            "error": {
                "message": "file must be one of the following types: [flac mp3 mp4 mpeg mpga m4a ogg opus wav webm]",
                "type": "invalid_request_error",
                "code": "unsupported_audio_format",
            }
        }
        assert [finding.path for finding in api.calls.last.violations] == ["$.file"]


def test_an_embedding_of_nothing_is_refused(api: SimulatedProvider) -> None:
    with pytest.raises((groq.BadRequestError, together.BadRequestError)):
        client_of(api).embeddings.create(input=[], model=next(iter(api.edition.models)))

    assert [(finding.code, finding.path) for finding in api.calls.last.violations] == [("LLM102", "$.input")]


def test_a_misspelt_field_is_told_although_together_ignores_it() -> None:
    with simulate("together", check=False) as api:
        api.reply(body={"object": "list", "model": "m", "data": []})
        model = next(
            name
            for name, model in api.edition.models.items()
            if model.type == "embedding" and model.serverless and not model.is_retired(api.edition.date)
        )
        client_of(api).embeddings.create(input="fruit", model=model, extra_body={"inputs": []})

        assert [(finding.code, finding.path) for finding in api.calls.last.violations] == [("LLM101", "$.inputs")]


@pytest.mark.parametrize("path", ["events", "checkpoints"])
def test_what_follows_a_job_is_not_its_id(path: str) -> None:
    with simulate("together", check=False) as api:
        with pytest.raises(together.APIStatusError):
            client_of(api).get(f"/v1/fine-tunes/ft-1/{path}", cast_to=object)

        assert api.calls.last.operation == f"fine_tuning.{path}"
