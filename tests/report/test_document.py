"""The form of the ledger: what is published is what is written, and entries lead somewhere."""

from __future__ import annotations

import json
from decimal import Decimal

import jsonschema
import pytest
from ledgers import ledger
from pydantic import ValidationError

from pytest_llmcontract.core.facts.places import find_schemas
from pytest_llmcontract.report.document import LedgerDocument, TotalsEntry, ledger_schema


def test_the_published_schema_is_that_of_the_model():
    """``python -m pytest_llmcontract.report.document > schemas/llmcontract/ledger.schema.json`` writes it anew."""
    published = (find_schemas() / "llmcontract" / "ledger.schema.json").read_text("utf-8")

    assert json.loads(published) == ledger_schema()


def test_a_ledger_conforms_to_it_and_comes_back_as_it_was():
    document = ledger(tests=5, calls=60)
    text = document.model_dump_json()

    jsonschema.Draft202012Validator(ledger_schema()).validate(json.loads(text))
    assert LedgerDocument.model_validate_json(text) == document


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"more": 1},
        {"tests": []},
        {"sessions": []},
        {"calls": []},
        {"totals": {"cost": "free"}},
    ],
    ids=str,
)
def test_what_is_no_such_ledger_does_not_load(change):
    data = json.loads(ledger(tests=5, calls=300, seed=2).model_dump_json())
    LedgerDocument.model_validate(data)

    with pytest.raises(ValidationError):
        LedgerDocument.model_validate({**data, **change})


def test_an_index_that_leads_nowhere_is_named():
    data = json.loads(ledger(tests=2, calls=4).model_dump_json())
    data["calls"][1]["test"] = 7

    with pytest.raises(ValidationError, match="an entry is about test 7, and there is none"):
        LedgerDocument.model_validate(data)


def test_totals_are_sums_without_rounding():
    document = ledger(tests=3, calls=200)
    totals = TotalsEntry.of(document.tests, document.calls, document.violations)

    assert totals.cost == sum((call.cost for call in document.calls), Decimal(0))
    assert totals.tokens == totals.input_tokens + totals.output_tokens
    assert (totals.tests, totals.calls, totals.violations) == (3, 200, len(document.violations))
    assert totals.retries == sum(call.attempt > 1 for call in document.calls)
