"""instructor on top of both fixtures, through the openai SDK."""

from __future__ import annotations

import pytest

instructor = pytest.importorskip("instructor")
openai = pytest.importorskip("openai")
pydantic = pytest.importorskip("pydantic")

MODEL = "openai/gpt-oss-120b"
ADDRESSES = {"groq_api": "https://api.groq.com/openai/v1", "together_api": "https://api.together.xyz/v1"}
ASKED = [{"role": "user", "content": "Who is it? Answer in JSON."}]


class Person(pydantic.BaseModel):
    name: str
    age: int = pydantic.Field(ge=0, le=150)


MODES = [instructor.Mode.TOOLS, instructor.Mode.JSON, instructor.Mode.JSON_SCHEMA, instructor.Mode.MD_JSON]


@pytest.fixture(params=ADDRESSES)
def api(request):
    return request.getfixturevalue(request.param)


def settings(api):
    return {"base_url": ADDRESSES[f"{api.name}_api"], "api_key": "k"}


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_scripted(api, mode):
    client = instructor.from_openai(openai.OpenAI(**settings(api)), mode=mode)
    api.reply(structured={"name": "Ada", "age": 36})

    answer = client.chat.completions.create(model=MODEL, messages=ASKED, response_model=Person)

    assert answer.model_dump() == {"name": "Ada", "age": 36}
    assert api.calls.statuses == [200]


@pytest.mark.parametrize("mode", [instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA], ids=lambda mode: mode.name)
async def test_unscripted_and_async(api, mode):
    client = instructor.from_openai(openai.AsyncOpenAI(**settings(api)), mode=mode)

    answer = await client.chat.completions.create(model=MODEL, messages=ASKED, response_model=Person)

    assert isinstance(answer, Person)
    assert api.calls.statuses == [200]


@pytest.mark.llm_allow("LLM201")  # a model that does not keep to the schema
def test_it_asks_again_for_what_does_not_validate(api):
    client = instructor.from_openai(openai.OpenAI(**settings(api)))
    api.reply(structured={"name": "Ada", "age": 900})
    api.reply(structured={"name": "Ada", "age": 36})

    answer = client.chat.completions.create(model=MODEL, messages=ASKED, response_model=Person, max_retries=2)

    assert answer.age == 36
    assert api.calls.statuses == [200, 200]


def test_partial_objects_of_a_stream(api):
    client = instructor.from_openai(openai.OpenAI(**settings(api)), mode=instructor.Mode.JSON)
    api.reply(structured={"name": "Ada", "age": 36})

    *_, last = client.chat.completions.create_partial(model=MODEL, messages=ASKED, response_model=Person)

    assert (last.name, last.age) == ("Ada", 36)


def test_a_429_is_waited_out(api, llm_clock):
    client = instructor.from_openai(openai.OpenAI(**settings(api)))
    api.fail(429, retry_after=30)
    api.reply(structured={"name": "Ada", "age": 36})

    client.chat.completions.create(model=MODEL, messages=ASKED, response_model=Person)

    assert api.calls.statuses == [429, 200]
    assert llm_clock.slept == 30
