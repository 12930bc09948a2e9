"""What a message lists as accepted: the nearest first, and never more than can be read."""

from __future__ import annotations

import pytest

from pytest_llmcontract.core.errors import unknown
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.words import listed

MANY = [f"{word}-{number}" for word in ("alpha", "beta", "gamma") for number in range(30)]


def test_a_short_list_stands_where_it_stood():
    text = str(unknown("plan", "fre", ["free", "developer"], where="x.py:3"))

    assert text == "unknown plan 'fre'; accepted: developer, free. Did you mean 'free'? (x.py:3)"


def test_a_long_list_comes_after_the_place_and_the_nearest_three():
    text = str(unknown("model", "Beta_7", MANY, where="x.py:3"))

    before, _, after = text.partition("; accepted: ")
    assert before.startswith("unknown model 'Beta_7'. Did you mean 'beta-7'? (x.py:3) Near it too: 'beta-")
    assert before.count("beta-") == 3
    assert after.startswith("alpha-0, alpha-1, ")
    assert after.endswith(", … (90 in all)")


@pytest.mark.parametrize("given", ["gpt-oss-120b", "nothing like it", "two\nlines"])
def test_one_line_stays_one_line(given):
    text = str(unknown("groq model", given, load_edition("groq").models))

    assert "\n" not in text
    assert len(text) < 700


def test_values_of_a_long_list_stand_nearest_first():
    assert listed("gamma-3", MANY).startswith("gamma-3, ")
    assert listed("b", ["a", "b"]) == "a, b"
