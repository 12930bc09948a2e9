"""A fact has the days on which it was seen: before the first sight of a restriction none is assumed."""

import json
import shutil
from datetime import date

import pytest

from pytest_llmcontract.core.facts.load import assemble, edition_dates, edition_on
from pytest_llmcontract.core.facts.records import family_facts
from pytest_llmcontract.core.facts.registry import provider_folder

BEFORE, FIRST_SIGHT = date(2025, 12, 13), date(2025, 12, 14)
MODEL = {
    "id": "acme/lamp-1", "type": "chat", "owner": "Acme", "since": "2024-07-01", "source": "models-list",
    "changes": [{"on": str(FIRST_SIGHT), "serverless": False, "source": "recordings"}],
    "sources": {"serverless": "assumed-before", "since": "assumed-release"},
}  # fmt: skip


@pytest.fixture
def lamp(tmp_path):
    """A model that was first seen refused on one day, as it is known on any."""
    folder = tmp_path / "together"
    shutil.copytree(provider_folder("together"), folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (folder / "models.json").write_text(json.dumps([MODEL]))
    return lambda day: assemble(folder, "together", day).models["acme/lamp-1"]


def test_before_the_first_sight_of_a_restriction_there_is_none(lamp):
    assert lamp(BEFORE).serverless
    assert not lamp(FIRST_SIGHT).serverless


def test_what_is_filled_in_for_the_days_before_is_assumed(lamp):
    assert not lamp(BEFORE).is_seen("serverless")
    assert lamp(FIRST_SIGHT).is_seen("serverless")
    assert "since" in lamp(FIRST_SIGHT).assumed


def test_a_field_of_which_the_record_says_nothing_was_not_seen(lamp):
    assert lamp(BEFORE).input_modalities == ("text",)
    assert not lamp(BEFORE).is_seen("input_modalities")


def test_what_the_user_gives_counts_as_seen():
    edition = edition_on("together", FIRST_SIGHT)
    id = "Qwen/Qwen2.5-7B-Instruct"
    assert not edition.models[id].is_seen("capabilities")
    given = edition.with_models({id: {"capabilities": ["system"]}}).models[id]
    assert given.is_seen("capabilities")
    assert not given.is_seen("input_modalities")


@pytest.mark.parametrize("day", edition_dates("together"), ids=str)
def test_no_model_is_refused_on_a_day_on_which_nobody_could_have_seen_it(day):
    """What a later list of models leaves out was offered until then, as far as anybody knows."""
    early = [model for model in edition_on("together", day).models.values() if day < date(2026, 5, 27)]
    guessed = [model for model in early if model.source_of("serverless") == "assumed-serverless"]
    assert [model.id for model in guessed if not model.serverless] == []


def test_an_unknown_model_is_taken_for_one_of_its_family():
    models = edition_on("together", date(2025, 12, 14)).models
    assert family_facts(models, "arcee-ai/unheard-of") == {"third_party": True, "type": "chat"}
    assert (
        "third_party" not in family_facts(models, "Qwen/unheard-of")
        or not family_facts(models, "Qwen/x")["third_party"]
    )
    assert family_facts(models, "no-owner") == {}
