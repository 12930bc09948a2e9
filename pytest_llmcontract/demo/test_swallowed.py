"""A test that ought to fail, and passes with a plain mock: the application sends a field that Groq refuses."""

from __future__ import annotations

from app import rate


def test_rating(groq_api):
    assert rate("a fine day") == "no rating"
