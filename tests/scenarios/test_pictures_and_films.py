"""Pictures that open, and films that are done after a while: Together's, through its SDK."""

from __future__ import annotations

import base64
import io
from decimal import Decimal

import httpx
import pytest
import together

FLUX = "black-forest-labs/FLUX.2-dev"
KONTEXT = "black-forest-labs/FLUX.1-kontext-pro"
SORA = "openai/sora-2"

PIL = pytest.importorskip("PIL.Image")


def draw(**more):
    wanted = {"model": FLUX, "prompt": "A red apple", "width": 512, "height": 768, **more}
    return together.Together(max_retries=0).images.generate(**wanted).data


def opened(data):
    picture = PIL.open(io.BytesIO(data))
    picture.load()
    return picture


@pytest.mark.parametrize("form", ["png", "jpeg"])
def test_a_picture_is_fetched_in_the_size_and_format_asked_for(together_api, form):
    (found,) = draw(output_format=form)
    reply = httpx.get(found.url)

    assert reply.headers["content-type"] == f"image/{form}"
    assert (opened(reply.content).size, opened(reply.content).format) == ((512, 768), form.upper())


@pytest.mark.parametrize("form", ["png", "jpeg"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 65), (1000, 500), (1024, 1024)])
def test_a_picture_comes_as_data_of_any_size(together_api, form, width, height):
    (found,) = draw(model=KONTEXT, width=width, height=height, output_format=form, response_format="base64")

    assert opened(base64.b64decode(found.b64_json)).size == (width, height)


@pytest.mark.parametrize("form", ["png", "jpeg"])
def test_the_prompt_is_written_on_it(together_api, form):
    def ink(prompt):
        (found,) = draw(prompt=prompt, output_format=form, response_format="base64")
        picture = opened(base64.b64decode(found.b64_json)).convert("L")
        return [(x, y) for y in range(4, 768, 8) for x in range(4, 512, 8) if picture.getpixel((x, y)) < 64]

    assert ink("I") == [(12, 12), (20, 12), (28, 12), (20, 20), (20, 28), (20, 36), (12, 44), (20, 44), (28, 44)]
    assert len(ink("A longer prompt, in several words")) > len(ink("A prompt")) > 0
    assert ink("") == []


def test_the_default_is_a_jpeg_of_1024_pixels(together_api):
    found = together.Together().images.generate(model=FLUX, prompt="x", response_format="base64").data[0]
    picture = opened(base64.b64decode(found.b64_json))

    assert (picture.size, picture.format) == ((1024, 1024), "JPEG")


@pytest.mark.parametrize(("ratio", "size"), [("16:9", (1360, 768)), ("1:1", (1024, 1024)), ("9:16", (768, 1360))])
def test_a_ratio_decides_the_sides_where_none_is_named(together_api, ratio, size):
    body = {"extra_body": {"aspect_ratio": ratio}, "response_format": "base64", "model": KONTEXT, "prompt": "x"}
    found = together.Together().images.generate(**body).data[0]

    assert opened(base64.b64decode(found.b64_json)).size == size
    assert together_api.calls.cost == Decimal("0.04") * size[0] * size[1] / 1_000_000


def test_a_seed_makes_the_same_picture_again_and_another_seed_another(together_api):
    def data(**more):
        return [found.b64_json for found in draw(response_format="base64", **more)]

    first = data(seed=7)
    assert data(seed=7) == first
    assert data(seed=8) != first
    assert len(set(data(n=4, seed=7))) == 4
    assert len({*data(), *data()}) == 2


def test_reset_forgets_pictures(together_api):
    url = draw(width=512)[0].url
    together_api.reset()

    assert opened(httpx.get(url).content).size == (1024, 1024)


def test_an_address_that_a_script_gives_has_a_picture_too(together_api):
    url = "https://api.together.ai/shrt/abc"
    found = {"index": 0, "url": url, "timings": {"inference": 0.1}}
    together_api.reply(body={"id": "1", "model": FLUX, "object": "list", "data": [found]})

    assert opened(httpx.get(draw()[0].url).content).format == "JPEG"


@pytest.mark.llm_allow("LLM102")
@pytest.mark.parametrize("wrong", [{"n": 5}, {"width": 100_000}, {"height": 0}, {"steps": 0}, {"width": 520}])
def test_what_cannot_be_drawn_is_refused(together_api, wrong):
    with pytest.raises(together.BadRequestError):
        draw(**wrong)

    assert together_api.calls.cost == 0


@pytest.mark.together_api(limits={"RPM": 600})
def test_more_steps_than_the_price_includes_cost_in_proportion(together_api):
    draw(model=KONTEXT, width=1000, height=1000)
    draw(model=KONTEXT, width=1000, height=1000, steps=10)
    draw(model=KONTEXT, width=1000, height=1000, steps=40)

    assert [call.cost for call in together_api.calls] == [Decimal("0.04"), Decimal("0.04"), Decimal("0.08")]


# Films.


def order(**more):
    return together.Together().videos.create(**{"model": SORA, "prompt": "A red apple rolls", **more})


def seen(film):
    return together.Together().videos.retrieve(film.id)


def test_a_film_is_queued_made_and_fetched(together_api, llm_clock):
    film = order(width=1280, height=720, seconds="8")
    assert (film.status, film.size, film.seconds, film.outputs) == ("queued", "1280x720", "8", None)
    llm_clock.advance(seconds=10)
    assert seen(film).status == "in_progress"
    llm_clock.advance(minutes=3)
    done = seen(film)

    assert (done.status, done.completed_at) == ("completed", film.created_at + 180)
    assert done.outputs.cost == 0.8
    reply = httpx.get(done.outputs.video_url)
    assert (reply.headers["content-type"], reply.content[4:8]) == ("video/mp4", b"ftyp")
    assert b"A red apple rolls" in reply.content


def test_a_film_is_paid_once(together_api, llm_clock):
    before = together_api.account.balance
    film = order()
    llm_clock.advance(minutes=4)
    seen(film)

    assert together_api.calls.cost == before - together_api.account.balance == Decimal("0.8")


def test_a_film_that_cannot_be_made_fails_later_and_costs_nothing(together_api, llm_clock):
    film = order(seconds="999")
    assert film.status == "queued"
    llm_clock.advance(minutes=4)
    failed = seen(film)

    assert (failed.status, failed.outputs, failed.error.code) == ("failed", None, "unsupportedParameter")
    assert together_api.calls.cost == 0


def test_the_first_version_of_the_address_answers_too(together_api):
    headers = {"authorization": "Bearer k"}
    made = httpx.post("https://api.together.xyz/v1/videos", json={"model": SORA, "prompt": "x"}, headers=headers).json()

    assert httpx.get(f"https://api.together.xyz/v1/videos/{made['id']}", headers=headers).json() == made


def test_a_film_nobody_ordered_is_not_there(together_api):
    with pytest.raises(together.NotFoundError):
        together.Together().videos.retrieve("video-1")


# Completions of a bare prompt.

LLAMA = "meta-llama/Llama-3.3-70B-Instruct-Turbo"


def complete(**more):
    return together.Together().completions.create(**{"model": LLAMA, "prompt": "Paris is", **more})


def test_a_prompt_is_echoed_with_its_logprobs(together_api):
    answer = complete(echo=True, logprobs=1)

    assert [part.text for part in answer.prompt] == ["Paris is"]
    assert answer.prompt[0].logprobs.tokens == ["Paris", " is"]
    said = answer.choices[0]
    assert "".join(said.logprobs.tokens) == said.text
    assert all(logprob <= 0 for logprob in said.logprobs.token_logprobs)
    assert complete().prompt == []


def test_several_answers_are_counted_as_many_times(together_api):
    one, three = complete(), complete(n=3)

    assert (len(three.choices), three.usage.completion_tokens) == (3, 3 * one.usage.completion_tokens)
    assert together_api.calls.last.usage.output_tokens == three.usage.completion_tokens


def test_a_completion_ends_before_its_stop_and_streams(together_api):
    together_api.reply(["a city", " of love"])
    chunks = list(complete(stream=True))

    assert "".join(chunk.choices[0].delta.content for chunk in chunks if chunk.choices) == "a city of love"
    assert complete(stop=["simulated"]).choices[0].text == "This is a "
