"""An application that draws with Together: Build Tiers, credits, and the quarter of an hour in between."""

from __future__ import annotations

from decimal import Decimal

import openai
import pytest
import together

PRO = "black-forest-labs/FLUX.1.1-pro"
KONTEXT = "black-forest-labs/FLUX.1-kontext-pro"
MODEL = "openai/gpt-oss-120b"


def draw(model, **more):
    return together.Together(max_retries=0).images.generate(model=model, prompt="a house", **more)


@pytest.mark.together_api(tier=1)
def test_the_upgrade_takes_fifteen_minutes(together_api, llm_clock):
    with pytest.raises(together.PermissionDeniedError):
        draw(PRO)

    together_api.account.buy_credits(50)
    with pytest.raises(together.PermissionDeniedError):
        draw(PRO)
    llm_clock.advance(minutes=14)
    with pytest.raises(together.PermissionDeniedError):
        draw(PRO)
    llm_clock.advance(minutes=1)

    assert draw(PRO).data[0].url.startswith("https://")
    assert together_api.calls.statuses == [403, 403, 403, 200]
    assert together_api.account.lifetime_spend >= 50


@pytest.mark.together_api(tier=1)
def test_an_application_that_waits_for_its_tier(together_api, llm_clock):
    from time import sleep

    together_api.account.buy_credits(50)

    for _ in range(10):
        try:
            picture = draw(PRO)
            break
        except together.PermissionDeniedError:
            sleep(120)

    assert picture.data
    assert llm_clock.elapsed == 16 * 60


@pytest.mark.parametrize("together_api", [{"tier": tier} for tier in range(1, 6)], indirect=True, ids=str)
def test_each_tier_draws_with_its_models_and_with_no_other(together_api):
    today = together_api.clock.now.date()
    models = [model for model in together_api.edition.models.values() if model.type == "image" and model.serverless]

    for model in models:
        if model.is_retired(today):
            continue
        if model.tier <= together_api.account.tier:
            assert draw(model.id).data
        else:
            with pytest.raises(together.PermissionDeniedError, match="tier"):
                draw(model.id)


def test_the_openai_sdk_draws_as_well(together_api):
    client = openai.OpenAI(base_url="https://api.together.xyz/v1", api_key="k")

    picture = client.images.generate(model=KONTEXT, prompt="a house")

    assert picture.data[0].url
    assert together_api.calls.last.operation == "images.generations"


def test_no_credit_no_answer(together_api):
    together_api.fail("credit_limit", times=None)

    with pytest.raises(together.APIStatusError) as refused:
        together.Together().chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x"}])

    assert refused.value.status_code == 402
    assert together_api.calls.statuses == [402]  # nobody tries that again


@pytest.mark.parametrize(
    ("together_api", "floor"),
    [({"edition": "2026-04-16"}, -100), ({"edition": "2026-04-22"}, 0), ({"edition": "2026-08-31"}, 0)],
    indirect=["together_api"],
)
def test_an_account_below_its_floor_is_refused_until_it_buys(together_api, floor):
    client, account = together.Together(max_retries=0), together_api.account
    model = "meta-llama/Llama-3.3-70B-Instruct-Turbo"

    def ask():
        return client.chat.completions.create(model=model, messages=[{"role": "user", "content": "x"}])

    account.charge(account.balance - floor - 1)
    ask()
    account.charge(2)
    with pytest.raises(together.APIStatusError) as refused:
        ask()
    assert refused.value.status_code == 402

    account.buy_credits(50)
    ask()
    assert account.balance == pytest.approx(Decimal(floor + 49), abs=Decimal("0.01"))
    assert together_api.calls.statuses == [200, 402, 200]


@pytest.mark.together_api(tier=1)
def test_granted_credits_do_not_raise_the_tier(together_api, llm_clock):
    together_api.account.grant_credits(500)
    llm_clock.advance(minutes=30)

    with pytest.raises(together.PermissionDeniedError):
        draw(PRO)


def test_a_scripted_picture(together_api):
    together_api.reply(body={"id": "i", "object": "list", "model": KONTEXT, "data": [{"index": 0, "url": "https://a"}]})

    assert draw(KONTEXT).data[0].url == "https://a"


def test_without_tiers_every_model_is_open(together_api):
    assert draw(PRO).data
    assert together_api.account.tier is None
    assert together_api.calls.last.plan == "prepaid"


@pytest.mark.together_api(tier=3)
def test_a_tier_chooses_the_newest_edition_that_has_tiers(together_api):
    assert str(together_api.edition.date) == "2026-04-16"
    assert together_api.account.tier == 3
