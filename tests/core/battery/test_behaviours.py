"""The behaviours are data that holds together: known errors, ids that are sentences, enough of them."""

from __future__ import annotations

import re

import pytest

from pytest_llmcontract.core.battery.behaviours import behaviours_of, outcomes, read_behaviour
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import CONNECTION_FAULTS
from pytest_llmcontract.core.facts.load import load_edition

PROVIDERS = ("groq", "together")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_there_are_at_least_thirty_of_each_provider(provider):
    assert len(behaviours_of(provider)) >= 30


@pytest.mark.parametrize("provider", PROVIDERS)
def test_ids_are_sentences_and_differ(provider):
    ids = [behaviour.id for behaviour in behaviours_of(provider)]

    assert [one for one in ids if not re.fullmatch(r"[a-z]+(_[a-z0-9]+){2,}", one)] == []
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_error_is_one_of_the_provider(provider):
    edition = load_edition(provider)

    for behaviour in behaviours_of(provider):
        for fault in behaviour.faults_of(provider):
            error = fault.get("fail", {}).get("error")
            assert error is None or error in CONNECTION_FAULTS or edition.error(error).name


@pytest.mark.parametrize("provider", PROVIDERS)
def test_all_but_the_two_without_fault_have_one(provider):
    quiet = [behaviour.id for behaviour in behaviours_of(provider) if not behaviour.faults_of(provider)]

    assert quiet == ["answers_when_nothing_is_wrong", "streams_the_whole_answer"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_a_good_client_may_do_is_never_what_no_client_must(provider):
    for behaviour in behaviours_of(provider):
        assert not set(behaviour.may) & set(behaviour.never)
        assert set(behaviour.may) <= set(outcomes())


def test_who_has_a_fallback_may_not_give_up_where_one_is_due():
    due = next(one for one in behaviours_of("groq") if one.id == "leaves_flex_when_it_has_no_room")

    assert "raises" in due.accepted(fallbacks=False)
    assert "raises" not in due.accepted(fallbacks=True)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"may": ["explodes"]}, "may.0"),
        ({"never": ["sleep"]}, "never.0"),
        ({"might": 1}, "accepted keys: id, about"),
        ({"faults": [{"fail": {}, "reply": {}}]}, "is no fault"),
    ],
)
def test_a_record_that_is_wrong_says_where(changed, said):
    record = {"id": "x", "about": "y", "what": "z", "faults": [], "may": ["raises"]}

    assert read_behaviour(record).id == "x"
    with pytest.raises(BadInput, match=re.escape(said)):
        read_behaviour({**record, **changed})
