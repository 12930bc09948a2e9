"""A difference that a person reads in ten seconds."""

from __future__ import annotations

import pytest

from pytest_llmcontract.recordings.difference import ABSENT, Change, compared, rendered, weight

PROMPT = (
    "You are a careful assistant. " * 40
    + "Answer about the weather in Paris at noon, and be short. "
    + "Be kind. " * 40
)


def said(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def test_a_value_is_shown_with_its_path():
    changes = compared({"model": "m", "temperature": 0.2}, {"model": "m", "temperature": 0.3})

    assert changes == [Change("$.temperature", 0.2, 0.3)]
    assert str(changes[0]) == "$.temperature 0.2 → 0.3"
    assert rendered(changes) == "$.temperature\n  recorded  0.2\n  sent      0.3"


def test_what_one_side_lacks():
    changes = compared({"seed": 1}, {"top_p": 0.5})

    assert [str(change) for change in changes] == ["$.top_p is new: 0.5", "$.seed is gone, was 1"]
    assert rendered(changes).splitlines()[1] == "  recorded  nothing"


def test_true_is_not_one():
    assert compared({"a": 1}, {"a": True}) == [Change("$.a", 1, True)]


def test_of_a_long_text_only_the_words_around_the_change_are_shown():
    recorded, sent = ({"messages": [said("user", text)]} for text in (PROMPT, PROMPT.replace("Paris", "Rome or Bonn")))

    shown = rendered(compared(recorded, sent))

    assert shown == (
        "$.messages[0].content\n  … Answer about the weather in [-Paris-] {+Rome or Bonn+} at noon, and be short. …"
    )


def test_two_changes_in_one_text_are_shown_apart():
    sent = PROMPT.replace("Paris", "Rome").replace("You are a careful", "You are a careless", 1)

    shown = rendered(compared({"prompt": PROMPT}, {"prompt": sent}))

    assert "[-careful-] {+careless+}" in shown
    assert "[-Paris-] {+Rome+}" in shown
    assert len(shown) < 300


def test_white_space_alone_is_named():
    assert "white space" in rendered(
        compared({"prompt": PROMPT}, {"prompt": PROMPT.replace(" Be kind.", "  Be kind.", 1)})
    )


@pytest.mark.parametrize("place", [0, 1, 3])
def test_one_message_more_is_one_difference(place):
    messages = [said("user", "one"), said("assistant", "two"), said("user", "three")]
    longer = [*messages[:place], said("system", "between"), *messages[place:]]

    added = compared({"messages": messages}, {"messages": longer})
    gone = compared({"messages": longer}, {"messages": messages})

    assert added == [Change(f"$.messages[{place}]", ABSENT, said("system", "between"))]
    assert [(change.recorded, change.sent) for change in gone] == [(said("system", "between"), ABSENT)]


def test_a_changed_message_beside_a_new_one_is_shown_as_changed():
    recorded = [said("system", PROMPT), said("user", "Hello there")]
    sent = [said("user", "What?"), said("system", PROMPT.replace("Paris", "Rome")), said("user", "Hello there")]

    changes = compared({"messages": recorded}, {"messages": sent})

    assert [change.path for change in changes] == ["$.messages[0]", "$.messages[1].content"]


def test_of_very_many_differences_the_first_are_shown():
    shown = rendered(compared(dict.fromkeys("abcdefghijk", 1), dict.fromkeys("abcdefghijk", 2)))

    assert shown.splitlines()[-1] == "… and 5 more places"
    assert shown.count("recorded") == 6


def test_a_small_change_of_a_text_weighs_less_than_another_text():
    near = weight(compared({"p": PROMPT}, {"p": PROMPT.replace("Paris", "Rome")}))
    far = weight(compared({"p": PROMPT}, {"p": "something else entirely"}))

    assert near < 0.2 < far


def test_huge_prompts_are_compared_all_the_same():
    recorded, sent = ({"messages": [said("user", word * 20_000)]} for word in ("alpha beta ", "gamma delta "))

    assert len(rendered(compared(recorded, sent))) < 400
