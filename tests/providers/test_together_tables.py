"""The tables of tiers and of model access that Together's page on billing prints, row by row."""

from __future__ import annotations

import pytest

from pytest_llmcontract import simulate
from pytest_llmcontract.core.facts.load import load_edition

POSTPAID = "2026-01-20"
TIERS = [
    # tier, lifetime spend, chat RPM, embeddings RPM, rerank tokens a minute
    (1, 5, 600, 3_000, 500_000),
    (2, 50, 1_800, 5_000, 1_500_000),
    (3, 100, 3_000, 5_000, 2_000_000),
    (4, 250, 4_500, 10_000, 3_000_000),
    (5, 1_000, 6_000, 10_000, 5_000_000),
]


@pytest.mark.parametrize(("tier", "spend", "chat", "embeddings", "rerank"), TIERS)
def test_what_a_tier_asks_for_and_gives(tier, spend, chat, embeddings, rerank):
    edition = load_edition("together", POSTPAID)
    limits = {
        kind: edition.limits_for(f"tier{tier}", next(id for id, model in edition.models.items() if model.type == kind))
        for kind in ("embedding", "rerank")
    }

    with simulate("together", tier=tier, edition=POSTPAID) as api:
        assert (api.account.tier, api.account.lifetime_spend) == (tier, spend)
        assert api.limits("openai/gpt-oss-120b")["RPM"].limit == chat
    assert (limits["embedding"]["RPM"], limits["rerank"]["TPM"]) == (embeddings, rerank)


@pytest.mark.parametrize(("tier", "spend"), [(tier, spend) for tier, spend, *_ in TIERS[1:]])
def test_a_tier_is_reached_by_its_last_dollar_and_in_force_a_quarter_of_an_hour_later(tier, spend):
    with simulate("together", tier=1, edition=POSTPAID) as api:
        api.account.buy_credits(spend - 5 - 5)
        api.clock.advance(minutes=15)
        assert api.account.tier < tier

        api.account.buy_credits(5)
        api.clock.advance(minutes=14, seconds=59)
        assert api.account.tier < tier
        api.clock.advance(seconds=1)
        assert api.account.tier == tier


ACCESS = {
    "black-forest-labs/FLUX.1-schnell": 1,
    "black-forest-labs/FLUX.1-dev": 1,
    "black-forest-labs/FLUX.1-canny": 1,
    "black-forest-labs/FLUX.1-depth": 1,
    "black-forest-labs/FLUX.1-redux": 1,
    "black-forest-labs/FLUX.1-kontext-dev": 1,
    "black-forest-labs/FLUX.1-kontext-pro": 2,
    "black-forest-labs/FLUX.1-kontext-max": 2,
    "black-forest-labs/FLUX.1-pro": 2,
    "black-forest-labs/FLUX.1.1-pro": 2,
}


@pytest.mark.parametrize(("model", "tier"), ACCESS.items())
def test_which_tier_opens_which_model(model, tier):
    known = load_edition("together", "2025-08-01").models[model]

    assert max(known.tier, 1) == tier


def test_since_april_2026_no_model_asks_for_a_tier():
    edition = load_edition("together", "2026-10-07")

    served = [model for model in edition.models.values() if not model.is_retired(edition.date)]
    assert [model.id for model in served if model.tier] == []
