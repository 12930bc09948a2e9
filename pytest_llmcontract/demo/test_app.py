"""The demo's tests, as the application's developer would write them."""

from __future__ import annotations

import pytest
import together
from app import draw, stream, summarise


def test_summary(groq_api):
    groq_api.reply("A short summary.")
    assert summarise("…") == "A short summary."
    assert groq_api.calls.statuses == [200]


@pytest.mark.groq_api(plan="free")
def test_waits_as_told(groq_api, llm_clock):
    """The day's tokens are gone: Groq says how long to wait, the SDK waits, and no real second passes."""
    groq_api.exhaust("TPD", model="openai/gpt-oss-120b")
    summarise("…")
    assert groq_api.calls.statuses == [429, 200]
    assert llm_clock.slept == groq_api.calls[0].reply.retry_after


def test_flex_falls_back_to_together(groq_api, together_api):
    groq_api.fail("flex_capacity_exceeded")
    together_api.reply("From the other side.")
    assert summarise("…") == "From the other side."


@pytest.mark.together_api(tier=1)
def test_upgrade_takes_fifteen_minutes(together_api, llm_clock):
    with pytest.raises(together.PermissionDeniedError):
        draw("black-forest-labs/FLUX.1.1-pro")
    together_api.account.buy_credits(50)
    llm_clock.advance(minutes=15)
    assert draw("black-forest-labs/FLUX.1.1-pro").startswith("https://")


def test_stream(groq_api):
    groq_api.reply(["Once ", "upon ", "a time."])
    assert "".join(stream("Tell me a story")) == "Once upon a time."
