"""LiteLLM on top of both fixtures: its sync calls go through httpx, its async ones through aiohttp."""

from __future__ import annotations

import pytest

from pytest_llmcontract import simulate

litellm = pytest.importorskip("litellm")
pydantic = pytest.importorskip("pydantic")

# Its own models warn under pydantic.
pytestmark = pytest.mark.filterwarnings("default")

GROQ = "groq/openai/gpt-oss-120b"
TOGETHER = "together_ai/openai/gpt-oss-120b"
HELLO = [{"role": "user", "content": "Say hello"}]


class Person(pydantic.BaseModel):
    name: str
    age: int


@pytest.fixture(autouse=True)
def no_tokenizer_downloads(monkeypatch):
    """Streaming from Together would ask the Hugging Face hub for one."""
    monkeypatch.setattr(litellm, "disable_hf_tokenizer_download", True)


@pytest.fixture(params=[("groq_api", GROQ), ("together_api", TOGETHER)], ids=["groq", "together"])
def api_and_model(request):
    fixture, model = request.param
    return request.getfixturevalue(fixture), model


def test_chat(api_and_model):
    api, model = api_and_model
    api.reply("Hello!")

    answer = litellm.completion(model=model, messages=HELLO)

    assert answer.choices[0].message.content == "Hello!"
    assert answer.usage.total_tokens == api.calls.last.usage.total_tokens
    assert api.calls.statuses == [200]


def test_stream(api_and_model):
    api, model = api_and_model
    api.reply(["One, ", "two, ", "three."])

    pieces = [chunk.choices[0].delta.content for chunk in litellm.completion(model=model, messages=HELLO, stream=True)]

    assert "".join(piece or "" for piece in pieces) == "One, two, three."
    assert api.calls.statuses == [200]
    assert api.calls.last.stream


async def test_async_calls_and_streams(api_and_model):
    api, model = api_and_model
    api.reply("Hello!")
    api.reply(["One, ", "two."])

    answer = await litellm.acompletion(model=model, messages=HELLO)
    stream = await litellm.acompletion(model=model, messages=HELLO, stream=True)
    pieces = [chunk.choices[0].delta.content async for chunk in stream]

    assert answer.choices[0].message.content == "Hello!"
    assert "".join(piece or "" for piece in pieces) == "One, two."
    assert api.calls.statuses == [200, 200]


@pytest.mark.parametrize("stream", [False, True])
async def test_async_calls_are_recorded_and_replayed(tmp_path, stream):
    for replayed in (False, True):
        with simulate("groq", contract={"path": tmp_path / "talk.yaml", "record": "once"}) as api:
            answer = await litellm.acompletion(model=GROQ, messages=HELLO, stream=stream)
            if stream:
                assert [chunk async for chunk in answer]
            assert api.calls.last.recorded == replayed


def test_structured_output_of_groq(groq_api):
    groq_api.reply(structured={"name": "Ada", "age": 36})

    answer = litellm.completion(model=GROQ, messages=HELLO, response_format=Person)

    assert Person.model_validate_json(answer.choices[0].message.content) == Person(name="Ada", age=36)
    assert groq_api.calls.statuses == [200]


def test_structured_output_of_together(together_api):
    together_api.reply(structured={"name": "Ada", "age": 36})

    answer = litellm.completion(model=TOGETHER, messages=HELLO, response_format=Person)

    assert Person.model_validate_json(answer.choices[0].message.content) == Person(name="Ada", age=36)
    assert together_api.calls.statuses == [200]


def test_a_429_is_the_applications(groq_api, llm_clock):
    """LiteLLM tries nothing again unless it is told to."""
    groq_api.fail("rate_limit_exceeded", retry_after=30)

    with pytest.raises(litellm.RateLimitError):
        litellm.completion(model=GROQ, messages=HELLO)

    assert groq_api.calls.statuses == [429]
    assert llm_clock.slept == 0


@pytest.mark.llm_allow("LLM301")  # it does not wait as told
def test_told_to_it_tries_again_at_once_and_is_refused_again(groq_api, llm_clock):
    groq_api.fail("rate_limit_exceeded", retry_after=30)

    with pytest.raises(litellm.RateLimitError):
        litellm.completion(model=GROQ, messages=HELLO, num_retries=2)

    assert groq_api.calls.statuses == [429, 429, 429]
    assert llm_clock.slept < 30


def test_the_router_falls_back_from_one_to_the_other(groq_api, together_api):
    groq_api.fail("over_capacity", times=None)
    deployments = {"fast": GROQ, "safe": TOGETHER}
    router = litellm.Router(
        model_list=[{"model_name": name, "litellm_params": {"model": model}} for name, model in deployments.items()],
        fallbacks=[{"fast": ["safe"]}],
        num_retries=0,
    )

    router.completion(model="fast", messages=HELLO)

    assert groq_api.calls.last.status == 503
    assert together_api.calls.statuses == [200]


def test_a_base_url_of_ones_own():
    base = "https://llm.example.internal/v1"
    with simulate("groq", hosts=[base]) as api:
        litellm.completion(model=GROQ, messages=HELLO, api_base=base)
    assert api.calls.last.request.url == f"{base}/chat/completions"
