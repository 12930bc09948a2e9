"""The prompt cache by itself: prefixes, room, and the first byte that differs."""

from __future__ import annotations

import random

import pytest

from pytest_llmcontract.core.completion import prompt_cache
from pytest_llmcontract.core.completion.prompt_cache import CHUNK, PromptCache, change_between, kind_of, pieces

LONG = "The library opens at nine and closes at five, except on days when it does not. " * 30


def chat(*messages, **more):
    return pieces({"messages": [{"role": role, "content": content} for role, content in messages], **more})


def met(cache, prompt, now=0.0, model="m", lifetime=100.0):
    return cache.meet(model, prompt, now, lifetime).shared


def test_what_was_not_met_shares_nothing():
    assert met(PromptCache(), chat(("system", LONG))) == 0


def test_the_shared_prefix_ends_with_the_chunk_before_the_first_difference():
    cache, prompt = PromptCache(), chat(("system", LONG))
    met(cache, prompt)
    seen = cache.meet("m", chat(("system", LONG[:1000] + "X" + LONG[1001:])), 1, 100)
    assert 1000 - CHUNK < seen.shared <= 1000
    assert seen.whole > len(LONG)


def test_a_conversation_that_goes_on_keeps_all_of_it():
    cache = PromptCache()
    whole = cache.meet("m", chat(("system", LONG), ("user", "a")), 0, 100).whole
    assert met(cache, chat(("system", LONG), ("user", "a"), ("assistant", "b"), ("user", "c"))) > whole - CHUNK


@pytest.mark.parametrize(("later", "hit"), [(99, True), (100, False)])
def test_a_prefix_is_forgotten_when_it_was_not_used_for_so_long(later, hit):
    cache, prompt = PromptCache(), chat(("system", LONG))
    met(cache, prompt, 50)
    assert (met(cache, prompt, 50 + later) > 0) is hit


def test_each_use_makes_it_last_longer():
    cache, prompt = PromptCache(), chat(("system", LONG))
    assert [met(cache, prompt, moment) > 0 for moment in (0, 90, 180, 270)] == [False, True, True, True]


def test_models_do_not_share():
    cache, prompt = PromptCache(), chat(("system", LONG))
    met(cache, prompt, model="a")
    assert met(cache, prompt, model="b") == 0


@pytest.mark.parametrize(
    "other",
    [
        [{"role": "user", "content": LONG}],
        [{"role": "system", "content": [{"type": "text", "text": LONG}, {"type": "text", "text": "x"}]}],
        [{"role": "system", "content": LONG, "name": "x"}],
    ],
)
def test_a_prompt_is_told_by_roles_and_texts(other):
    cache = PromptCache()
    plain = cache.meet("m", pieces({"messages": [{"role": "system", "content": LONG}]}), 0, 100).whole
    shared = met(cache, pieces({"messages": other}))
    assert shared == 0 if other[0]["role"] == "user" else plain - CHUNK < shared <= plain


def test_one_text_is_the_same_as_a_string_or_as_a_part():
    cache = PromptCache()
    met(cache, pieces({"messages": [{"role": "system", "content": LONG}]}))
    assert met(cache, pieces({"messages": [{"role": "system", "content": [{"type": "text", "text": LONG}]}]})) > 2000


def test_the_order_of_keys_in_a_message_does_not_matter_and_that_of_tools_does():
    cache = PromptCache()
    met(cache, pieces({"messages": [{"role": "system", "content": LONG}]}))
    assert met(cache, pieces({"messages": [{"content": LONG, "role": "system"}]})) > 2000
    tools = [{"type": "function", "function": {"name": name, "description": LONG}} for name in "ab"]
    met(cache, pieces({"tools": tools}))
    assert met(cache, pieces({"tools": tools[::-1]})) == 0


@pytest.mark.parametrize(
    "body",
    [
        {"prompt": LONG},
        {"instructions": LONG, "input": "Hi"},
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": LONG}]}]},
        {"input": [{"type": "function_call_output", "call_id": "1", "output": LONG}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"id": LONG}]}]},
        {"messages": [LONG]},
        {"messages": [{"role": "user", "content": "\ud800" + LONG}]},
    ],
)
def test_every_form_of_a_prompt_is_met_again(body):
    cache = PromptCache()
    assert [met(cache, pieces(body)) > 2000 for _ in range(2)] == [False, True]


@pytest.mark.parametrize("body", [{}, {"messages": []}, {"prompt": ""}, {"tools": None, "messages": None}])
def test_a_body_without_a_prompt_has_no_pieces(body):
    assert pieces(body) == []
    assert met(PromptCache(), []) == 0


def test_memory_is_bounded_and_what_was_used_last_stays(monkeypatch):
    monkeypatch.setattr(prompt_cache, "MOST_CHUNKS", 100)
    cache, dice = PromptCache(), random.Random(1)
    prompts = [chat(("user", "".join(dice.choices("abcdefgh ", k=40 * CHUNK)))) for _ in range(5)]
    for moment, prompt in enumerate(prompts):
        met(cache, prompt, moment)
    assert len(cache._chunks) == 100
    assert met(cache, prompts[4], 5) == 40 * CHUNK
    assert met(cache, prompts[0], 6) == 0


# What changed.


def test_the_first_byte_that_differs_is_counted_in_utf_8():
    change = change_between(chat(("system", "é12:00 " + LONG)), chat(("system", "é12:01 " + LONG)))
    assert (change.place, change.byte, change.before, change.now) == (
        "$.messages[0].content", 6, "é12:00", "é12:01",
    )  # fmt: skip
    assert change.repeated == change.reaches + len(LONG) + 1


def test_a_prompt_that_goes_on_has_not_changed():
    assert change_between(chat(("system", LONG)), chat(("system", LONG), ("user", "x"))) is None
    assert change_between(chat(("system", LONG)), chat(("system", LONG))) is None


def test_tools_in_another_order_are_the_same_tools():
    tools = [{"type": "function", "function": {"name": name, "description": LONG}} for name in "abc"]
    change = change_between(pieces({"tools": tools}), pieces({"tools": tools[::-1]}))
    assert (change.place, change.reaches < 100, change.repeated > 3 * len(LONG)) == ("$.tools[0]", True, True)


def test_a_history_that_drops_its_oldest_message_repeats_the_rest():
    history = [("user", f"{number} {LONG}") for number in range(4)]
    change = change_between(chat(("system", "s"), *history), chat(("system", "s"), *history[1:], ("user", "new")))
    assert change.place == "$.messages[1].content"
    assert change.repeated > 3 * len(LONG)


def test_different_prompts_repeat_little():
    dice = random.Random(2)
    one, other = ("".join(dice.choices("abcdefgh ", k=3000)) for _ in range(2))
    assert change_between(chat(("user", one)), chat(("user", other))).repeated < 10


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("12:00:07.", "a time"),
        ("2026-10-01", "a time"),
        ("1759312800", "a time"),
        ("550e8400-e29b-41d4-a716-446655440000", "an id"),
        ("deadbeefdeadbeef", "an id"),
        ("42", "a number"),
        ("Anna", "a text"),
        ("", "a text"),
    ],
)
def test_it_says_what_a_word_that_changes_looks_like(word, kind):
    assert kind_of(word) == kind
