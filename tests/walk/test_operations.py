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
from walking import PROVIDERS, Example, Impossible, Walk, addresses, days, examples

from pytest_llmcontract.core.call.simulator import Outcome
from pytest_llmcontract.core.contract.reply import reply_contract
from pytest_llmcontract.core.exchange import ApiReply
from pytest_llmcontract.core.facts.load import edition_dates, edition_on
from pytest_llmcontract.core.operations import OPERATIONS

ALL = [
    pytest.param(provider, example, id=f"{provider}-{example.operation}-{example.case or number}")
    for provider in PROVIDERS
    for number, example in enumerate(examples(provider))
]
NEWEST = {provider: edition_dates(provider)[-1] for provider in PROVIDERS}
NOT_ANSWERED = {("groq", "embeddings")}
"""No model of Groq's does it."""
every = pytest.mark.parametrize(("provider", "example"), ALL)


def walked(provider: str, example: Example, day: date, number: int = 0) -> tuple[Walk, Outcome]:
    walk = Walk(provider, day)
    try:
        return walk, walk.call(example, number)
    except Impossible:
        pytest.skip(f"nothing does it on {day}")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_there_is_an_example_of_every_operation(provider: str) -> None:
    operations = edition_on(provider, NEWEST[provider]).operations.values()

    assert {example.operation for example in examples(provider)} == set(operations)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_operation_is_answered(provider: str) -> None:
    walk = Walk(provider, NEWEST[provider])
    wanted = set(walk.edition.operations.values())

    assert wanted - OPERATIONS.keys() == {name for whose, name in NOT_ANSWERED if whose == provider}
    assert wanted - walk.simulator.state.envelope.forms.keys() == {n for w, n in NOT_ANSWERED if w == provider}


@every
def test_it_is_answered_as_the_provider_promises(provider: str, example: Example) -> None:
    for number, _ in enumerate(addresses(provider, example.operation)):
        walk, outcome = walked(provider, example, NEWEST[provider], number)
        judge(walk, example, outcome)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_was_so_in_every_edition_before(provider: str) -> None:
    wrong: dict[str, str] = {}
    for day in days(provider):
        for example in examples(provider):
            walk = Walk(provider, day)
            try:
                judge(walk, example, walk.call(example))
            except Impossible:
                pass
            except AssertionError as problem:
                wrong[f"{day} {example.operation} {example.case}"] = str(problem)[:300]

    assert wrong == {}


@every
def test_two_accounts_that_do_the_same_get_the_same(provider: str, example: Example) -> None:
    _, first = walked(provider, example, NEWEST[provider])
    _, second = walked(provider, example, NEWEST[provider])

    assert body_of(first) == body_of(second)
    assert dict(reply_of(first).headers) == dict(reply_of(second).headers)


@every
def test_a_reset_forgets_what_was_made(provider: str, example: Example) -> None:
    if not OPERATIONS.get(example.operation, OPERATIONS["models.list"]).remembers or not speaks_of_others(example):
        pytest.skip("what it answers does not follow from what was made before")
    walk = Walk(provider, NEWEST[provider])
    try:
        request = walk.request(example)
    except Impossible:
        pytest.skip("nothing does it")
    walk.simulator.reset()
    reply = reply_of(walk.world.answer(request))

    assert 400 <= reply.status < 500, reply.text
    assert not walk.simulator.state.ledger.calls[-1].violations or reply.status != 400


# What is looked at


def judge(walk: Walk, example: Example, outcome: Outcome) -> None:
    """The reply to *example* is what the provider promises."""
    reply = reply_of(outcome)
    assert (reply.status, [(one.code, one.message) for one in outcome.call.violations]) == (example.status, []), reply.text
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


def speaks_of_others(example: Example) -> bool:
    """Whether its request has something of another reply in it."""
    sent = json.dumps([example.body, example.form, example.path, example.address, example.query])
    return bool(re.search(r"<(?!model|voice)", sent))


def reply_of(outcome: Outcome) -> ApiReply:
    assert isinstance(outcome.reply, ApiReply)
    return outcome.reply


def body_of(outcome: Outcome) -> str:
    return reply_of(outcome).text
