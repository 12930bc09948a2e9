"""Recordings answer in a simulation: which one, how often, and what holds beside them."""

from __future__ import annotations

import asyncio
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import groq
import httpx
import openai
import pytest
import together

from pytest_llmcontract import ContractViolation, simulate
from pytest_llmcontract.contracting import TestPlace, open_tape
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.recordings.cassette import read_cassette

MODEL = "openai/gpt-oss-120b"


def ask(text: str = "Hello", client: Any = None, **fields: Any) -> Any:
    client = client or groq.Groq()
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.create(model=MODEL, messages=messages, **fields)


def content(answer: Any) -> str:
    return answer.choices[0].message.content


@pytest.fixture
def cassette(tmp_path: Path) -> Path:
    return tmp_path / "c.llm.yaml"


@pytest.fixture
def record(cassette: Path) -> Any:
    """Records what the block does; the first answers are one, two, three …"""

    def recording(mode: str = "once", provider: str = "groq", replies: bool = True, **settings: Any) -> Any:
        return simulate(provider, contract={"path": cassette, "record": mode}, **settings)

    return recording


def numbered(api: Any, *contents: str) -> None:
    for words in contents:
        api.reply(words)


def replay(cassette: Path, provider: str = "groq", *, check: bool = True, settings: Any = None, **keywords: Any) -> Any:
    return simulate(provider, check=check, contract={"path": cassette, **keywords}, **(settings or {}))


def codes(api: Any) -> list[str]:
    return [violation.code for call in api.calls for violation in call.violations]


# Which recording answers


def test_a_recorded_answer_comes_back(cassette, record):
    with record() as api:
        api.reply("Recorded words.")
        ask()

    with replay(cassette) as api:
        assert content(ask()) == "Recorded words."
        assert [call.recorded for call in api.calls] == [True]


def test_equal_calls_get_their_recordings_in_order_and_others_in_any(cassette, record):
    with record() as api:
        numbered(api, "one", "two", "three")
        ask("a"), ask("a"), ask("b")

    with replay(cassette):
        assert [content(ask(text)) for text in "baa"] == ["three", "one", "two"]


def test_a_recording_answers_once(cassette, record):
    with record():
        ask()

    with replay(cassette, check=False) as api:
        ask()
        with pytest.raises(groq.BadRequestError, match="nothing is recorded for this call any more"):
            ask()
        assert codes(api) == ["LLM204"]


def test_the_last_of_equal_ones_answers_again_where_the_test_says_so(cassette, record):
    with record() as api:
        numbered(api, "queued", "done")
        ask(), ask()

    with replay(cassette, repeats=True):
        assert [content(ask()) for _ in range(4)] == ["queued", "done", "done", "done"]


def test_concurrent_calls_get_each_their_own(cassette, record):
    texts = [f"question {n % 5}" for n in range(20)]
    with record(limits={"RPM": 1000, "TPM": 1_000_000}) as api:
        numbered(api, *(f"answer {n}" for n in range(20)))
        for text in texts:
            ask(text)

    with replay(cassette) as api:
        client = groq.Groq()
        got: list[str] = []
        threads = [threading.Thread(target=lambda text=text: got.append(content(ask(text, client)))) for text in texts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(got) == sorted(f"answer {n}" for n in range(20))

    async def in_a_loop() -> list[str]:
        client = groq.AsyncGroq()
        answers = await asyncio.gather(*(ask(text, client) for text in texts))
        return [content(answer) for answer in answers]

    with replay(cassette):
        assert sorted(asyncio.run(in_a_loop())) == sorted(f"answer {n}" for n in range(20))


def test_another_sdk_another_host_and_defaults_spelt_out_get_the_same_recording(cassette, record):
    with record(provider="together"):
        ask(client=together.Together())

    with replay(cassette, "together") as api:
        ask(client=openai.OpenAI(api_key="k", base_url="https://api.together.xyz/v1"), n=1, stream=False)
        assert api.calls.last.recorded


def test_streams_come_back_event_by_event(cassette, record):
    with record() as api:
        api.reply(["one ", "two ", "three"])
        sent = [chunk.choices[0].delta.content for chunk in ask(stream=True)]

    with replay(cassette) as api:
        assert [chunk.choices[0].delta.content for chunk in ask(stream=True)] == sent
        events = [event.data for event in api.calls.last.reply.events]
        assert all(event.endswith(b"\n\n") and event.count(b"data:") == 1 for event in events)
        assert events[-1] == b"data: [DONE]\n\n"


async def test_async_streams_too(cassette, record):
    with record() as api:
        api.reply(["one ", "two"])
        ask(stream=True).close()

    with replay(cassette):
        stream = await groq.AsyncGroq().chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "Hello"}], stream=True
        )
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == "one two"


def test_models_and_images_too(cassette, record):
    draw: Any = {"model": "black-forest-labs/FLUX.1-schnell", "prompt": "a house"}
    with record(provider="together", tier=2) as api:
        url = together.Together().images.generate(**draw).data[0].url
        cost = api.calls.cost
        listed = httpx.get("https://api.together.ai/v1/models", headers={"authorization": "Bearer k"}).json()

    with replay(cassette, "together", settings={"tier": 2}) as api:
        assert together.Together().images.generate(**draw).data[0].url == url
        again = httpx.get("https://api.together.ai/v1/models", headers={"authorization": "Bearer k"})
        assert again.json() == listed
        assert api.calls.cost == cost > 0


# What holds beside them


def test_usage_and_cost_come_from_the_recording_and_charge_limits_and_account(cassette, record):
    with record() as api:
        api.reply("x", usage={"prompt_tokens": 5000, "completion_tokens": 700})
        ask()

    with replay(cassette, settings={"plan": "developer"}) as api:
        ask()
        assert api.calls.tokens == 5700
        assert api.calls.cost > 0
        assert api.account.spent == api.calls.cost
        assert api.limits(MODEL)["TPM"].used == 5700
        assert api.limits(MODEL)["RPM"].used == 1


def test_usage_of_a_stream_is_read_off_its_last_events(cassette, record):
    with record() as api:
        api.reply("one two", usage={"prompt_tokens": 50, "completion_tokens": 7})
        list(ask(stream=True))

    with replay(cassette) as api:
        list(ask(stream=True))
        assert (api.calls.last.usage.input_tokens, api.calls.last.usage.output_tokens) == (50, 7)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "wanted",
    [
        {"model": "openai/gpt-oss-120b", "tools": [{"type": "browser_search"}]},
        {"model": "groq/compound", "search_settings": {"country": "france"}},
    ],
)
def test_tools_and_inner_models_that_a_recording_tells_of_cost_what_they_did(cassette, record, wanted, stream):
    asked = {**wanted, "messages": [{"role": "user", "content": "Search for the news."}], "stream": stream}
    with record(edition="2026-06-04") as api:
        list(groq.Groq().chat.completions.create(**asked))
        cost, used = api.calls.cost, api.calls.last.usage

    with replay(cassette, settings={"edition": "2026-06-04"}) as api:
        list(groq.Groq().chat.completions.create(**asked))
        assert (api.calls.last.usage.tools, api.calls.last.usage.parts) == (used.tools, used.parts)
        assert api.calls.last.recorded
        assert api.calls.cost == cost > Decimal("0.00005")


def test_no_limit_refuses_what_was_answered_once(cassette, record):
    with record():
        ask(), ask()

    with replay(cassette, settings={"limits": {"RPM": 1}}) as api:
        ask(), ask()
        assert api.calls.statuses == [200, 200]


def test_the_contract_holds_in_replay(cassette, record):
    with record(check=False), pytest.raises(groq.BadRequestError):
        ask(extra_body={"logprobs": True})

    with replay(cassette, check=False) as api:
        with pytest.raises(groq.BadRequestError, match="logprobs"):
            ask(extra_body={"logprobs": True})
        assert codes(api) == ["LLM101"]
        assert api.calls.last.recorded


def test_a_retired_model_is_found_in_replay(cassette, record):
    old: Any = {"model": "llama-3.1-70b-versatile", "messages": [{"role": "user", "content": "x"}]}
    with record(edition="2024-12-01"):
        groq.Groq().chat.completions.create(**old)

    with replay(cassette, check=False) as api:
        groq.Groq().chat.completions.create(**old)
        assert codes(api) == ["LLM104"]


def test_a_recorded_refusal_is_obeyed_in_virtual_time(cassette, record):
    with record() as api:
        api.fail("rate_limit_exceeded", retry_after=20)
        ask()

    with replay(cassette) as api:
        ask()
        assert api.calls.statuses == [429, 200]
        assert api.calls[0].reply.error == "rate_limit_exceeded"
        assert api.clock.slept == 20


def test_values_that_change_stay_as_they_were_recorded(cassette, record):
    with record():
        before = groq.Groq().chat.completions.with_raw_response.create(
            model=MODEL, messages=[{"role": "user", "content": "Hello"}]
        )

    with replay(cassette, settings={"edition": "2026-06-04"}):
        after = groq.Groq().chat.completions.with_raw_response.create(
            model=MODEL, messages=[{"role": "user", "content": "Hello"}]
        )

    assert after.headers["date"] == before.headers["date"]
    assert after.headers["x-ratelimit-remaining-tokens"] == before.headers["x-ratelimit-remaining-tokens"]
    assert after.parse().id == before.parse().id


# Scripts beside recordings


def test_a_scripted_fault_comes_before_the_recording(cassette, record):
    with record():
        ask()

    with replay(cassette) as api:
        api.fail("over_capacity")
        ask()
        assert api.calls.statuses == [503, 200]
        assert [call.recorded for call in api.calls] == [False, True]


def test_the_recording_comes_before_a_scripted_reply_which_is_used_up_with_it(cassette, record):
    with record() as api:
        api.reply("Recorded.")
        ask()

    with replay(cassette) as api:
        script = api.reply("Scripted.")
        assert content(ask()) == "Recorded."
        assert list(script.calls) == list(api.calls)
        assert api.unused_scripts() == []


def test_what_a_script_answered_is_marked(cassette, record):
    with record() as api:
        api.fail("over_capacity")
        ask("a")
        ask("b")

    assert read_cassette(cassette).metadata.scripted == (0,)


def test_a_fault_scripted_again_stands_for_its_recording(cassette, record):
    def test(api: Any) -> None:
        api.fail("over_capacity")
        ask()

    with record() as api:
        test(api)

    with replay(cassette) as api:
        test(api)
        assert api.calls.statuses == [503, 200]
        assert api.simulator.state.tape.unmade() == []
    with replay(cassette) as api:  # without the script its recording answers
        ask()
        assert api.calls.statuses == [503, 200]


def test_a_cut_stream_is_recorded_whole_and_cut_again(cassette, record):
    with record() as api:
        api.reply(["one ", "two ", "three"])
        api.cut_stream(after=2)
        with pytest.raises(httpx.RemoteProtocolError):
            list(ask(stream=True))

    with replay(cassette) as api:
        api.cut_stream(after=2)
        with pytest.raises(httpx.RemoteProtocolError):
            list(ask(stream=True))
    with replay(cassette):
        assert "".join(chunk.choices[0].delta.content or "" for chunk in ask(stream=True)) == "one two three"


def test_latency_slows_a_recording_down(cassette, record):
    with record():
        ask()

    with replay(cassette) as api:
        api.latency(first_token=3)
        ask()
        assert api.clock.elapsed == 3


# Nothing matches


@pytest.mark.parametrize(
    "client",
    [
        lambda: groq.Groq(),
        lambda: openai.OpenAI(api_key="k", base_url="https://api.groq.com/openai/v1"),
    ],
    ids=["groq", "openai"],
)
def test_no_sdk_tries_again_what_is_not_recorded(cassette, record, client):
    with record():
        ask("a")

    with replay(cassette, check=False) as api:
        with pytest.raises((groq.BadRequestError, openai.BadRequestError), match="pytest-llmcontract: LLM206"):
            ask("b", client())
        assert api.calls.statuses == [400]
        assert api.clock.slept == 0
        assert not api.calls.last.recorded


def test_together_does_not_try_again_either(cassette):
    with replay(cassette, "together", check=False) as api:
        with pytest.raises(together.BadRequestError, match="LLM204"):
            ask(client=together.Together())
        assert api.calls.statuses == [400]


def test_a_call_without_a_cassette_says_how_to_record_it(cassette):
    with pytest.raises(ContractViolation) as raised, replay(cassette), pytest.raises(groq.BadRequestError):
        ask()

    text = str(raised.value)
    assert text.startswith("LLM204 groq chat.completions: nothing is recorded for this call\n")
    assert "there is no c.llm.yaml" in text
    assert "record=once" in text
    assert "test_tape.py" in text


def test_a_changed_call_shows_what_changed(cassette, record):
    with record():
        ask("What is the weather in Paris?", temperature=0.2)
        ask("And in Rome?")

    with pytest.raises(ContractViolation) as raised, replay(cassette), pytest.raises(groq.BadRequestError):
        ask("And in Rome?", temperature=0.3)

    lines = str(raised.value).splitlines()
    assert lines[0] == "LLM206 groq chat.completions: $.temperature is new: 0.3, unlike its recording"
    assert "  beside recorded call 2 of 2:" in lines
    assert any("c.llm.yaml:" in line and line.strip().startswith("contract") for line in lines)
    assert any('contract={"path": …, "ignore": ["temperature"]}' in line for line in lines)
    assert any("record=new_episodes" in line for line in lines)


def test_a_fix_never_puts_simulated_answers_in_the_place_of_real_ones(cassette, record):
    with record():
        ask("a")
    cassette.write_text(cassette.read_text().replace("source: simulator", "source: live"))
    place = TestPlace(cassette.parent / "test_it.py", "test_a", "test_it.py::test_a")

    for settings, command in (
        ({}, "pytest --llmcontract-record=new_episodes --llmcontract-source=live test_it.py::test_a"),
        ({"source": "live"}, "pytest --llmcontract-record=new_episodes test_it.py::test_a"),  # it says so already
    ):
        tape = open_tape({"path": cassette, **settings}, place)
        with simulate("groq", check=False) as api:
            api.simulator.state.tape = tape
            with pytest.raises(groq.BadRequestError, match="LLM206"):
                ask("b")
        (found,) = api.calls[0].violations
        assert found.fix.splitlines()[0].endswith(f": {command}")


def test_no_key_gets_into_a_difference(cassette, record):
    with record():
        ask("a")

    with pytest.raises(ContractViolation) as raised, replay(cassette), pytest.raises(groq.BadRequestError):
        ask("my key is gsk_" + "aB3dE6gH9kL2nP5r" * 3)

    assert "aB3dE6gH9" not in str(raised.value)


def test_a_request_with_a_secret_still_matches_its_scrubbed_recording(cassette, record):
    secret = "my key is gsk_" + "aB3dE6gH9kL2nP5r" * 3
    with record():
        ask(secret)

    assert "aB3dE6gH9" not in cassette.read_text()
    with replay(cassette) as api:
        ask(secret)
        assert api.calls.last.recorded


def test_what_changes_from_run_to_run_is_tolerated(cassette, record):
    with record():
        ask("It is 2026-01-01.", seed=1)

    with replay(cassette, ignore=["seed"], normalise={r"\d{4}-\d\d-\d\d": "DAY"}) as api:
        ask("It is 2026-02-02.", seed=2)
        assert api.calls.last.recorded


def test_a_recorded_call_that_is_not_made_is_a_warning(cassette, record):
    with record():
        ask("a"), ask("b")

    with replay(cassette) as api:
        ask("b")
        (finding,) = api.simulator.state.tape.unmade()

    assert (finding.code, finding.severity) == ("LLM205", "warning")
    assert "recorded call 1 of 2 was not made" in finding.message
    assert finding.contract.endswith(f"c.llm.yaml:{read_cassette(cassette).line(0)}")


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"record": "twice"}, "unknown record of llm_contract 'twice'; accepted: all, new_episodes, none, once"),
        ({"source": "net"}, "unknown source of llm_contract 'net'; accepted: live, simulator"),
        ({"repeats": 1}, "repeats of llm_contract is 1; accepted is True or False"),
        ({"ignores": []}, "unknown argument of llm_contract 'ignores'.*Did you mean 'ignore'"),
    ],
)
def test_a_typo_is_said(cassette, keywords, words):
    with pytest.raises(BadInput, match=words), replay(cassette, **keywords):
        pass


def test_a_broken_cassette_is_said(cassette):
    cassette.write_text("interactions: [1]")

    with (
        pytest.raises(BadInput, match=r"c\.llm\.yaml:1: interaction 0: expected 'request' and 'response'"),
        replay(cassette),
    ):
        pass


# Scripts beside recordings of scripts


def test_a_recording_of_a_script_is_not_used_up_by_another_script(cassette, record):
    with record() as api:
        api.reply("x")
        ask()

    with replay(cassette) as api:
        api.fail("over_capacity")
        assert content(ask()) == "x"
        assert api.calls.statuses == [503, 200]
        assert [call.recorded for call in api.calls] == [False, True]


def test_a_recorded_failure_is_made_by_its_own_script_only(cassette, record):
    with record() as api:
        api.fail("over_capacity")
        api.reply("x")
        ask()

    with replay(cassette) as api:
        api.fail("internal_server_error")
        api.fail("over_capacity")
        assert content(ask()) == "x"
        assert api.calls.statuses == [500, 503, 200]


def test_a_script_that_nothing_was_recorded_of_is_recorded_beside_the_others(cassette, record):
    with record() as api:
        api.reply("x")
        ask()
    with record(mode="new_episodes") as api:
        api.fail("over_capacity")
        ask()

    recorded = read_cassette(cassette).interactions
    assert sorted(interaction.reply.status for interaction in recorded) == [200, 503]
