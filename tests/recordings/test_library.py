"""The library: found by name, made by its script, clean, and usable in a test.

Its files are what the simulator answered to ``cassettes/make.py``. That they are made today as they were, and keep to
our contracts, is a regression snapshot of the simulator, and no evidence of what the providers do.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import groq
import httpx
import pytest
import together
import vcr

from pytest_llmcontract import ContractViolation, simulate
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.facts.places import find_cassettes
from pytest_llmcontract.recordings import library
from pytest_llmcontract.recordings.cassette import read_cassette
from pytest_llmcontract.recordings.verify import verify

ROOT = Path(__file__).resolve().parents[2]
PROVIDERS = ("groq", "together")


@pytest.fixture(scope="module")
def make() -> Iterator[ModuleType]:
    """The script that makes it."""
    spec = importlib.util.spec_from_file_location("make", ROOT / "cassettes" / "make.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "make", module)  # dataclasses look there
        spec.loader.exec_module(module)
        yield module


def ask(text="My own question", **fields):
    client = groq.Groq(max_retries=fields.pop("max_retries", 0))
    messages = [{"role": "user", "content": text}]
    return client.chat.completions.create(model="openai/gpt-oss-20b", messages=messages, **fields)


# The files


def test_the_files_are_what_the_script_makes(make):
    made = {behaviour.name: make.cassette(behaviour) for behaviour in make.BEHAVIOURS}

    assert sorted(made) == library.names()
    assert [name for name, text in made.items() if library.find(name).read_text("utf-8") != text] == []


def test_the_table_of_the_documentation_is_made_too(make):
    assert (ROOT / "docs" / "library.md").read_text("utf-8").endswith(f"{make.BEGIN}\n{make.table()}")


def test_all_of_it_is_clean():
    verified = verify(find_cassettes())

    assert verified.checked == len(library.names()) > 100
    assert [str(violation.message) for violation in verified.violations] == []


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_error_of_the_catalogue_has_one(provider):
    edition = load_edition(provider)
    errors = [name for name, spec in edition.errors.items() if spec.status != 200]

    recorded = {name: read_cassette(library.find(f"{provider}/errors/{name}")) for name in errors}

    statuses = {name: cassette.interactions[0].reply.status for name, cassette in recorded.items()}
    assert statuses == {name: edition.errors[name].status for name in errors}


@pytest.mark.parametrize("name", library.names())
def test_each_says_how_it_was_obtained(name):
    header = read_cassette(library.find(name)).metadata

    assert (header.source, header.provider) == ("simulator", (name.partition("/")[0],))
    assert header.shows
    assert header.facts
    provenance = r"[\w-]+ \((recorded|documented|pasted|assumed), \d{4}-\d\d-\d\d\): "
    assert all(re.match(provenance, fact) for fact in header.facts)


@pytest.mark.parametrize(
    ("name", "how", "ends"),
    [("cut", "disconnect", "\n\n"), ("torn", "disconnect", "�"), ("stall", "stall", "\n\n")],
)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_broken_streams_say_how(provider, name, how, ends):
    (interaction,) = read_cassette(library.find(f"{provider}/streams/{name}")).interactions

    assert interaction.reply.cut.how == how
    assert interaction.reply.text.endswith(ends)
    assert "[DONE]" not in interaction.reply.text


@pytest.mark.parametrize("kind", ["RPM", "RPD", "TPM", "TPD", "ITPM", "OTPM", "ASH", "ASD"])
def test_a_refusal_for_each_kind_of_limit(kind):
    (interaction,) = read_cassette(library.find(f"groq/limits/{kind}")).interactions

    named = {"ASH": "ASPH", "ASD": "ASPD"}.get(kind, kind)
    assert f"({named}): Limit " in interaction.reply.json["error"]["message"]
    assert interaction.reply.retry_after > 0


def test_vcrpy_plays_one():
    path = library.find("groq/over_capacity")

    with vcr.use_cassette(str(path), record_mode="none", match_on=["method", "uri"]):
        reply = httpx.post("https://api.groq.com/openai/v1/chat/completions", json={})

    assert reply.status_code == 503
    assert "over capacity" in reply.json()["error"]["message"]


# Names


@pytest.mark.parametrize("name", ["groq/errors/over_capacity", "groq/over_capacity", "library:groq/over_capacity"])
def test_names(name):
    assert library.find(name) == find_cassettes() / "groq" / "errors" / "over_capacity.yaml"


def test_a_name_that_is_not_there_lists_the_nearest():
    with pytest.raises(BadInput, match=r"no recording 'groq/over_capcity' .* near it: groq/over_capacity, "):
        library.find("groq/over_capcity")


def test_a_name_that_is_nowhere_near_lists_the_topics():
    with pytest.raises(BadInput, match=r"near it: groq/batch, groq/chat, groq/errors, "):
        library.find("xyzzy")


def test_a_short_name_of_several_lists_them():
    with pytest.raises(BadInput, match=r"several in the library: groq/chat/reasoning, groq/streams/reasoning"):
        library.find("groq/reasoning")


# In a test


def test_an_error_answers_whatever_is_asked_however_often():
    with simulate("groq", contract="library:groq/over_capacity") as api:
        with pytest.raises(groq.InternalServerError, match="over capacity"):
            ask(max_retries=2)
        with pytest.raises(groq.InternalServerError):
            ask("Something else", stream=True)

        assert api.calls.statuses == [503] * 4
        assert all(call.recorded for call in api.calls)


def test_an_answer():
    with simulate("groq", contract="library:groq/chat/answer"):
        assert ask().choices[0].message.content == "Paris."
        assert ask("Something else").choices[0].message.content == "Paris."


def test_a_stream_that_breaks():
    got = []
    with simulate("groq", contract="library:groq/cut"), pytest.raises(httpx.RemoteProtocolError):
        for chunk in ask(stream=True):
            got.append(chunk.choices[0].delta.content)

    assert got == ["", "Voilà,"]


def test_a_stream_that_stalls_takes_no_real_time():
    with simulate("groq", contract="library:groq/stall") as api:
        with pytest.raises(httpx.ReadTimeout):
            list(ask(stream=True))

        assert api.clock.elapsed >= 60


def test_an_answer_is_no_stream():
    violated = pytest.raises(ContractViolation, match=r"LLM206 .*\$\.stream false → true")

    with violated, simulate("groq", contract="library:groq/chat/answer"), pytest.raises(groq.BadRequestError):
        ask(stream=True)


def test_together():
    hello = [{"role": "user", "content": "Hello"}]

    with (
        simulate("together", contract="library:together/credit_limit"),
        pytest.raises(together.APIStatusError) as refused,
    ):
        together.Together(max_retries=0).chat.completions.create(model="openai/gpt-oss-120b", messages=hello)

    assert refused.value.status_code == 402


@pytest.mark.parametrize("record", ["all", "new_episodes"])
def test_it_is_never_recorded_over(record):
    path = library.find("groq/chat/answer")
    before = path.read_bytes()

    with simulate("groq", contract={"path": "library:groq/chat/answer", "record": record}):
        assert ask().choices[0].message.content == "Paris."

    assert path.read_bytes() == before
