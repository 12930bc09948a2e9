"""A lenient provider answers what official suites send: ids, models and values that nobody has."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from walking import PROVIDERS, Example, Walk, addresses, examples

from pytest_llmcontract.core.contract.reply import reply_contract
from pytest_llmcontract.core.exchange import ApiReply
from pytest_llmcontract.core.facts.load import edition_dates


def made_up(value: Any) -> Any:
    """*value* as a suite has it that was written by a generator."""
    if isinstance(value, dict):
        return {name: made_up(item) for name, item in value.items()}
    if isinstance(value, list):
        return [made_up(item) for item in value]
    return re.sub(r"<(?!count)[^<>]*>", "made_up", value) if isinstance(value, str) else value


def is_plain(provider: str, example: Example) -> bool:
    """It is asked by JSON or by its address alone, and answered by JSON, on any day."""
    by_json = example.form is None and example.raw is None and not example.address
    return by_json and example.type == "application/json" and not example.until and example.status < 400


ALL = [
    pytest.param(provider, example, id=f"{provider}-{example.operation}-{example.case or number}")
    for provider in PROVIDERS
    for number, example in enumerate(examples(provider))
    if is_plain(provider, example)
]


@pytest.mark.parametrize(("provider", "example"), ALL)
def test_what_nobody_has_is_answered_in_shape(provider: str, example: Example) -> None:
    walk = Walk(provider, edition_dates(provider)[-1], lenient=True)
    sent = replace(
        example,
        path={name: made_up(value) for name, value in example.path.items()} if example.path else {},
        body=made_up(example.body),
        query=made_up(dict(example.query)),
        before=(),
        later=0,
    )
    reply = walk.call(sent)

    assert isinstance(reply, ApiReply)
    assert reply.status < 400, reply.text
    assert walk.findings == []
    contract = reply_contract(provider, example.operation, walk.edition.date)
    assert contract is not None
    assert contract.check(reply.status, reply.json) == ()


def test_a_key_is_a_key_all_the_same() -> None:
    walk = Walk("groq", edition_dates("groq")[-1], lenient=True)
    example = next(one for one in examples("groq") if one.operation == "chat.completions")
    request = walk.ready(example)
    headers = type(request.headers)({"content-type": "application/json"})
    outcome = walk.world.answer(replace(request, headers=headers))

    assert isinstance(outcome.reply, ApiReply)
    assert outcome.reply.status == 401


def test_addresses_are_there_to_be_made_up() -> None:
    """The walk itself: what is tried has names in its address."""
    assert sum("{" in addresses(p.values[0], p.values[1].operation)[0][1] for p in ALL) > 40
