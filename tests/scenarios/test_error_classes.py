"""Every error of both catalogues, through the real SDK: it raises the class it has for that status."""

from __future__ import annotations

import re

import groq
import openai
import pytest
import together

from pytest_llmcontract.core.facts.load import load_edition

MODEL = "openai/gpt-oss-120b"
HELLO = [{"role": "user", "content": "Say hello"}]

CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    409: "ConflictError",
    422: "UnprocessableEntityError",
    429: "RateLimitError",
}


def class_for(sdk, status):
    return getattr(sdk, CLASSES.get(status, "InternalServerError" if status >= 500 else "APIStatusError"))


def errors(provider):
    return [pytest.param(error.name, id=error.name) for error in load_edition(provider).errors.values()]


def check(api, sdk, client, name):
    status = api.edition.error(name).status
    script = api.fail(name)

    if status == 200:  # it comes within a stream
        check_stream(api, sdk, client)
    else:
        with pytest.raises(sdk.APIStatusError) as refused:
            client.chat.completions.create(model=MODEL, messages=HELLO)
        assert type(refused.value) is class_for(sdk, status)
        assert refused.value.status_code == status
        assert refused.value.response.text == api.calls.last.reply.text
        assert not re.findall(r"\{[a-z_]+\}", refused.value.response.text), "a placeholder is left"
        assert api.calls.last.reply.error == name
    assert api.calls.statuses == [status]
    assert len(script.calls) == 1
    assert not api.calls.last.violations
    client.chat.completions.create(model=MODEL, messages=HELLO)  # and it is over


def check_stream(api, sdk, client):
    """Groq's is an event that the SDKs raise; Together's is a choice like any other, which no SDK looks into."""
    stream = client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    if api.name == "groq":
        with pytest.raises(sdk.APIError):
            list(stream)
    else:
        assert list(stream)[-1].choices[0].finish_reason == "error"


@pytest.mark.parametrize("name", errors("groq"))
def test_groq(groq_api, name):
    check(groq_api, groq, groq.Groq(max_retries=0), name)


@pytest.mark.parametrize("name", errors("groq"))
def test_groq_through_openai(groq_api, name):
    client = openai.OpenAI(base_url="https://api.groq.com/openai/v1", api_key="k", max_retries=0)
    check(groq_api, openai, client, name)


@pytest.mark.parametrize("name", errors("together"))
def test_together(together_api, name):
    check(together_api, together, together.Together(max_retries=0), name)


@pytest.mark.parametrize("name", errors("together"))
def test_together_through_openai(together_api, name):
    client = openai.OpenAI(base_url="https://api.together.xyz/v1", api_key="k", max_retries=0)
    check(together_api, openai, client, name)


@pytest.mark.parametrize("fixture", ["groq_api", "together_api"])
def test_every_status_of_a_catalogue_has_one_default(request, fixture):
    api = request.getfixturevalue(fixture)
    client = groq.Groq(max_retries=0) if fixture == "groq_api" else together.Together(max_retries=0)
    statuses = sorted({error.status for error in api.edition.errors.values() if error.status != 200})

    for status in statuses:
        api.fail(status)
        with pytest.raises((groq.APIStatusError, together.APIStatusError)):
            client.chat.completions.create(model=MODEL, messages=HELLO)

    assert api.calls.statuses == statuses


@pytest.mark.parametrize("limit", ["RPM", "RPD", "TPM", "TPD"])
def test_a_429_names_the_limit_that_was_asked_for(groq_api, limit):
    groq_api.fail("rate_limit_exceeded", limit=limit, retry_after=7)

    with pytest.raises(groq.RateLimitError, match=rf"\({limit}\): Limit .* Please try again in 7s") as refused:
        groq.Groq(max_retries=0).chat.completions.create(model=MODEL, messages=HELLO)

    assert refused.value.response.headers["retry-after"] == "7"


def test_a_text_of_ones_own(groq_api, together_api):
    for api, sdk, client in (
        (groq_api, groq, groq.Groq(max_retries=0)),
        (together_api, together, together.Together(max_retries=0)),
    ):
        api.fail(503, message="Back at noon.")
        with pytest.raises(sdk.InternalServerError, match=r"Back at noon\."):
            client.chat.completions.create(model=MODEL, messages=HELLO)
