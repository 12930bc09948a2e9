"""Together's pictures: tiers, prices, and what a model that draws none answers."""

from __future__ import annotations

from decimal import Decimal

import pytest
import together

KONTEXT = "black-forest-labs/FLUX.1-kontext-pro"


def draw(model=KONTEXT, **more):
    return together.Together(max_retries=0).images.generate(model=model, prompt="a house", **more)


def test_a_picture_costs_by_its_pixels(together_api):
    price = together_api.edition.models[KONTEXT].prices.megapixel
    before = together_api.account.balance

    picture = draw(width=1000, height=500, n=2)

    assert len(picture.data) == 2
    assert together_api.calls.cost == price * Decimal("0.5") * 2 > 0
    assert together_api.account.balance == before - together_api.calls.cost


def test_a_picture_comes_as_data_where_that_is_asked_for(together_api):
    assert draw(response_format="base64").data[0].b64_json


@pytest.mark.llm_allow("LLM102")
def test_a_chat_model_draws_nothing_and_the_server_does_not_expect_it(together_api):
    with pytest.raises(together.InternalServerError, match="Internal server error"):
        draw("meta-llama/Llama-3.3-70B-Instruct-Turbo")


@pytest.mark.together_api(tier=1)
def test_the_models_list_shows_a_tiers_models_once_it_is_in_force(together_api, llm_clock):
    import httpx

    def listed():
        reply = httpx.get("https://api.together.xyz/v1/models", headers={"authorization": "Bearer k"})
        return {model["id"] for model in reply.json()}

    assert "black-forest-labs/FLUX.1.1-pro" not in listed()
    together_api.account.buy_credits(50)
    llm_clock.advance(minutes=15)
    assert "black-forest-labs/FLUX.1.1-pro" in listed()
