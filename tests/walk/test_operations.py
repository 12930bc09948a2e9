"""Every operation there is, called by an example: valid by our own schema, and nothing found."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date
from email.utils import parsedate_to_datetime
from fnmatch import fnmatchcase
from typing import Any

import pytest
from walking import PROVIDERS, Example, Impossible, Walk, addresses, all_examples, days, examples

from pytest_llmcontract.core.contract.reply import reply_contract
from pytest_llmcontract.core.exchange import ApiReply
from pytest_llmcontract.core.facts.load import edition_dates, edition_on
from pytest_llmcontract.core.operations import OPERATIONS

THERE = r"count|model:|voice:|whoami|v3\.whoami|v2\.supported_models|v2\.configs"
"""What an example speaks of that nobody has to make."""


def speaks_of_others(provider: str, example: Example) -> bool:
    """Whether its request has something in it that another call made, without which there is no answer."""
    sent = json.dumps([example.body, example.form, example.path, example.address, example.query])
    return not example.any_id and bool(re.search(rf"<(?!{THERE})", sent))


ALL = [
    pytest.param(provider, example, id=f"{provider}-{example.operation}-{example.case or number}")
    for provider in PROVIDERS
    for number, example in enumerate(examples(provider))
]
NEWEST = {provider: edition_dates(provider)[-1] for provider in PROVIDERS}
UNANSWERED = {"groq": set(), "together": {"clusters", "jig", "post_training"}}
"""Rooms of the provider that no call to a model needs: their addresses are known, and answered 501."""
every = pytest.mark.parametrize(("provider", "example"), ALL)


def walked(provider: str, example: Example, day: date, number: int = 0) -> tuple[Walk, ApiReply]:
    walk = Walk(provider, day)
    try:
        return walk, walk.call(example, number)
    except Impossible:
        pytest.skip(f"nothing does it on {day}")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_there_is_an_example_of_every_operation(provider: str) -> None:
    operations = set(edition_on(provider, NEWEST[provider]).operations.values())

    assert {example.operation for example in all_examples(provider)} == operations - UNANSWERED[provider]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_operation_is_answered(provider: str) -> None:
    walk = Walk(provider, NEWEST[provider])
    wanted = set(walk.edition.operations.values()) - UNANSWERED[provider]

    assert wanted - OPERATIONS.keys() == set()
    assert wanted - walk.simulator.state.envelope.forms.keys() == set()


@every
def test_it_is_answered_as_the_provider_promises(provider: str, example: Example) -> None:
    for number, _ in enumerate(addresses(provider, example.operation)):
        walk, reply = walked(provider, example, NEWEST[provider], number)
        judge(walk, example, reply)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_was_so_in_every_edition_before(provider: str) -> None:
    wrong: dict[str, str] = {}
    for day in days(provider):
        for example in examples(provider):
            walk = Walk(provider, day)
            try:
                judge(walk, example, walk.call(example))
            except (Impossible, IndexError):  # also where a list is empty of which it takes the first
                pass
            except AssertionError as problem:
                wrong[f"{day} {example.operation} {example.case}"] = str(problem)[-300:]

    assert wrong == {}


@every
def test_two_accounts_that_do_the_same_get_the_same(provider: str, example: Example) -> None:
    _, first = walked(provider, example, NEWEST[provider])
    _, second = walked(provider, example, NEWEST[provider])

    assert first.text == second.text
    assert dict(first.headers) == dict(second.headers)


@pytest.mark.parametrize(("provider", "example"), [param for param in ALL if speaks_of_others(*param.values)])
def test_a_reset_forgets_what_was_made(provider: str, example: Example) -> None:
    walk = Walk(provider, NEWEST[provider])
    try:
        request = walk.request(example)
    except Impossible:
        pytest.skip("nothing does it")
    walk.simulator.reset()
    outcome = walk.world.answer(request)

    assert isinstance(outcome.reply, ApiReply)
    assert 400 <= outcome.reply.status < 500, outcome.reply.text
    assert "LLM208" not in [code for code, _ in walk.findings]


# What is looked at


def judge(walk: Walk, example: Example, reply: ApiReply) -> None:
    """The *reply* is what the provider promises."""
    assert (reply.status, walk.findings) == (example.status, []), reply.text
    judge_headers(reply, example)
    contract = reply_contract(walk.provider, example.operation, walk.edition.date)
    if example.type == "application/json":
        assert contract is not None, "no schema"
        assert contract.reply is not None, "no schema of replies"
        assert contract.check(reply.status, reply.json) == ()
        judge_ids(reply.json)
    elif example.type == "text/event-stream":
        assert contract is not None, "no schema"
        assert contract.event is not None, "no schema of events"
        events = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: {")]
        assert events
        assert contract.check_events(events) == ()
    elif example.type:
        assert reply.body


def judge_headers(reply: ApiReply, example: Example) -> None:
    headers = reply.headers
    kind = headers.get("content-type", "").partition(";")[0]
    assert fnmatchcase(kind, example.type or "*"), kind
    assert abs(parsedate_to_datetime(headers["date"]).timestamp()) > 0
    assert all(isinstance(value, str) and value.isprintable() and value == value.strip() for value in headers.values())
    assert not {"none", "nan", "null"} & {value.lower() for value in headers.values()}
    if "content-length" in headers:
        assert int(headers["content-length"]) == len(reply.body)


def judge_ids(body: Any) -> None:
    """No id is empty or stands for two things of a list; a thing of a list has one."""
    for value in within(body):
        if isinstance(value, dict) and isinstance(value.get("id"), str):
            assert re.fullmatch(r"[\w./:@+~ ()\-]+", value["id"]), value["id"]
        if isinstance(value, list):
            named = Counter(one["id"] for one in value if isinstance(one, dict) and isinstance(one.get("id"), str))
            assert all(count == 1 for count in named.values()), named


def within(value: Any) -> Any:
    yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from within(item)
