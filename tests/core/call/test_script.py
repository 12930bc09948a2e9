"""Scripts: one queue, first in, first out among what matches."""

from __future__ import annotations

import json

import pytest

from pytest_llmcontract.core.call.script import Latency, Script, ScriptedReply, Scripts, last_user_text, matcher
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import ApiRequest, Headers
from pytest_llmcontract.core.ledger import Call


def request(body):
    return ApiRequest("POST", "https://x/v1/chat/completions", Headers({}), json.dumps(body).encode())


def call(body=None):
    return Call("groq", "chat.completions", "m", request(body or {}), at=0)


def asking(text, **more):
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


@pytest.mark.parametrize(
    ("when", "body", "matches"),
    [
        (None, {}, True),
        ("weather", asking("How is the weather?"), True),
        ("weather", asking("Who are you?"), False),
        ("weather", {"model": "m", "prompt": "weather"}, True),
        ({"model": "m"}, asking("x"), True),
        ({"model": "m", "stream": True}, asking("x"), False),
        ({"absent": None}, asking("x"), False),
        (lambda request: request.json["model"] == "m", asking("x"), True),
    ],
)
def test_when(when, body, matches):
    assert matcher(when)(request(body)) is matches


def test_a_when_that_is_nothing_of_the_kind_says_what_is():
    with pytest.raises(BadInput, match=r"when=3 is not understood; accepted: a dict of request fields, a substring"):
        matcher(3)


def test_the_last_user_message_counts_and_its_parts_are_joined():
    messages = [
        {"role": "user", "content": "first"},
        {"role": "user", "content": [{"type": "text", "text": "sec"}, {"type": "text", "text": "ond"}]},
        {"role": "assistant", "content": "no"},
    ]

    assert last_user_text({"messages": messages}) == "second"
    assert last_user_text({"messages": []}) == ""
    assert last_user_text(None) == ""


def script(times=1, when=None, part=None):
    return Script(part or ScriptedReply(), matcher(when), times, "reply()", "")


def test_scripts_are_used_in_order_and_leave_when_used_up():
    scripts, first, second = Scripts(), script(times=2), script()
    scripts.add(first)
    scripts.add(second)

    used = []
    while found := scripts.first(request({}), ScriptedReply):
        used.append(found)
        scripts.use(found, call())

    assert used == [first, first, second]
    assert len(first.calls) == 2
    assert not scripts


def test_the_first_that_matches_goes_before_older_ones_that_do_not():
    scripts, other, wanted = Scripts(), script(when="weather"), script()
    scripts.add(other)
    scripts.add(wanted)

    assert scripts.first(request(asking("hello")), ScriptedReply) is wanted


def test_unused_are_those_a_test_counted_on():
    scripts = Scripts()
    counted = scripts.add(script(times=2))
    scripts.add(script(times=None))
    scripts.add(script(times=None, part=Latency()))
    scripts.use(counted, call())

    assert scripts.unused() == [counted]
    assert repr(counted) == "<Script reply(): used 1 times, 1 left>"
