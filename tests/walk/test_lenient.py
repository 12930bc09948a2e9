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


def asked(provider: str, operation: str, **sent: Any) -> tuple[Walk, ApiReply]:
    """What a lenient provider answers to a request of one's own."""
    walk = Walk(provider, edition_dates(provider)[-1], lenient=True)
    return walk, walk.call(Example(operation, **sent))


def test_a_body_without_what_is_needed_is_answered_in_shape() -> None:
    walk, reply = asked("groq", "responses", body={})
    assert reply.status == 200
    assert reply.json["output"][0]["content"][0]["type"] == "output_text"
    assert walk.findings == []


def test_a_field_of_a_form_is_left_out_whatever_its_name() -> None:
    form = {"file": {"name": "made_up.jsonl", "text": "{}"}, "purpose": "batch", "expires_after[anchor]": "created_at"}
    walk, reply = asked("groq", "files.create", form=form)
    assert reply.status == 200
    assert reply.json["filename"] == "made_up.jsonl"
    assert walk.findings == []


@pytest.mark.parametrize(
    ("provider", "operation", "sent"),
    [
        ("groq", "files.content", {"path": {"id": "made_up"}}),
        ("together", "files.content", {"path": {"id": "made_up"}}),
        ("together", "fine_tuning.download", {"query": {"ft_id": "made_up"}}),
    ],
)
def test_a_file_that_nobody_has_is_there(provider: str, operation: str, sent: dict[str, Any]) -> None:
    walk, reply = asked(provider, operation, **sent)
    assert (reply.status, reply.body) == (200, b"made up\n")
    assert walk.findings == []


def test_what_is_answered_without_a_body_is_so_for_a_thing_that_nobody_has() -> None:
    _, reply = asked("together", "endpoints.delete", path={"id": "made_up"})
    assert (reply.status, reply.body) == (204, b"")


def test_where_no_reply_can_be_invented_the_provider_refuses_what_is_missing() -> None:
    """A redirect, whose address is in a header: nothing of ours fails for want of a field."""
    walk, reply = asked("together", "files.upload_url", form={"purpose": "made up"})
    assert reply.status == 400
    assert {code for code, _ in walk.findings} == {"LLM102"}


def test_words_of_a_reply_are_those_that_the_sdk_knows() -> None:
    _, film = asked("together", "videos.create", body={"model": "made_up", "prompt": "A cat"})
    _, picture = asked("together", "images.generations", body={"model": "made_up", "prompt": "A cat"})
    assert film.json["status"] == "in_progress"
    assert picture.json["data"][0]["type"] == "url"
