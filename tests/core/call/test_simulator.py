"""core/call/simulator.py: the path of a call without any client, and worlds that do not know of each other."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from pytest_llmcontract.core.call.decision import Whole
from pytest_llmcontract.core.call.simulator import Outcome
from pytest_llmcontract.core.call.steps import STEPS
from pytest_llmcontract.core.clock import VirtualClock
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.facts.records import REASONS
from pytest_llmcontract.core.provider import provider_called
from pytest_llmcontract.core.refusal import Refusal
from pytest_llmcontract.core.world import World, noon_of
from pytest_llmcontract.scripting import Scripting

MODELS = {"groq": "openai/gpt-oss-20b", "together": "openai/gpt-oss-120b"}


def a_world(*names: str) -> World:
    world = World(VirtualClock(datetime(2026, 6, 4, 12, tzinfo=UTC)))
    for name in names:
        provider = provider_called(name)
        world.add(provider, load_edition(name, "2026-06-04"), provider.settings())
    return world


def request(name: str = "groq", operation: str = "chat.completions", **body: object) -> ApiRequest:
    """A call; of a chat only what is to be different."""
    edition = load_edition(name, "2026-06-04")
    method, _, path = next(line for line, known in edition.operations.items() if known == operation).partition(" ")
    chat = {"model": MODELS[name], "messages": [{"role": "user", "content": "Hello"}]}
    sent = {**chat, **body} if operation == "chat.completions" else body
    headers = Headers({"authorization": "Bearer ***", "content-type": "application/json"})
    return ApiRequest(method, f"https://{edition.hosts[0]}{edition.base}{path}", headers, json.dumps(sent).encode())


def status_of(outcome: Outcome) -> int:
    assert isinstance(outcome.reply, ApiReply)
    return outcome.reply.status


def test_a_world_needs_no_client_and_no_patch():
    world = a_world("groq", "together")

    outcomes = [world.answer(request("groq")), world.answer(request("together"))]

    assert [status_of(outcome) for outcome in outcomes] == [200, 200]
    assert [call.provider for call in world.journal.calls] == ["groq", "together"]
    assert [call.violations for call in world.journal.calls] == [[], []]


def test_worlds_do_not_know_of_each_other():
    one, other = a_world("groq"), a_world("groq")
    one.clock.advance(minutes=1)
    Scripting("groq", one.simulators[0], one.clock).exhaust("TPD")

    assert status_of(one.answer(request())) == 429
    assert status_of(other.answer(request())) == 200
    assert other.clock.seconds == 0


def test_the_innermost_owns_a_host_until_it_is_removed():
    world = a_world("groq")
    provider = provider_called("groq")
    inner = world.add(provider, load_edition("groq", "2026-06-04"), provider.plan_settings("developer"))

    assert world.answer(request()).call.plan == "developer"
    world.remove(inner)
    assert world.answer(request()).call.plan == "free"


@pytest.mark.parametrize("name", ["groq", "together"])
@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_has_a_refusal_of_the_catalogue(name, reason):
    edition = load_edition(name)

    assert edition.refusal(reason).error in edition.errors


@pytest.mark.parametrize("name", ["groq", "together"])
def test_what_a_step_decides_is_a_value(name):
    """Nobody who decides makes a reply: all of them can be asked without one."""
    world = a_world(name)
    simulator = world.simulators[0]
    bad = request(name, model="no-such-model")
    turn = simulator.open(simulator.state, bad)

    decided = [STEPS[step](simulator.state, turn) for step in ("route", "key", "contract", "account", "model")]

    assert decided[:4] == [None] * 4
    assert decided[4] == Refusal("model_not_found", {})
    assert [finding.code for finding in turn.call.violations] == ["LLM103"]
    assert turn.call.reply is None


def test_an_operation_that_nobody_answers_is_a_clear_501():
    outcome = a_world("together").answer(request("together", operation="clusters"))

    assert status_of(outcome) == 501
    assert [finding.code for finding in outcome.call.violations] == ["LLM204"]


def test_a_scripted_body_needs_no_form():
    world = a_world("together")
    Scripting("together", world.simulators[0], world.clock).reply(body={"id": "gone"})

    outcome = world.answer(request("together", operation="clusters"))

    assert isinstance(outcome.reply, ApiReply)
    assert outcome.reply.json == {"id": "gone"}
    assert Whole({"id": "gone"}).status == 200


def test_a_reset_begins_anew_and_remembers_what_was():
    world = a_world("groq")
    simulator = world.simulators[0]
    Scripting("groq", simulator, world.clock).exhaust("RPD")
    assert status_of(world.answer(request())) == 429
    simulator.reset()

    assert status_of(world.answer(request())) == 200
    assert [len(state.ledger.calls) for state in simulator.states] == [1, 1]


def test_what_is_due_on_the_clock_happens_before_a_call_is_answered():
    ticks = [0.0]
    world = World(VirtualClock(noon_of(load_edition("groq").date), ticks=lambda: ticks[0]))
    provider = provider_called("groq")
    world.add(provider, load_edition("groq"), provider.settings())
    world.clock.at(world.clock.now, lambda: setattr(world.simulators[0].state.account, "plan", "developer"))
    ticks[0] = 1.0

    assert world.answer(request()).call.plan == "developer"


def test_the_plan_of_an_account_is_checked_where_it_is_set():
    world = a_world("groq")

    with pytest.raises(ValueError, match="unknown plan of groq_api 'pro'; accepted: developer, free"):
        world.simulators[0].state.account.plan = "pro"  # type: ignore[attr-defined]
