"""The compiled validator that decides and the reference that explains agree, on every body we can think of."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pytest_llmcontract.core.contract.request import operations_with_contract
from pytest_llmcontract.core.contract.schemas import DatedSchema
from pytest_llmcontract.core.provider import contracts_of

EXAMPLES = Path(__file__).parents[2] / "examples"
CONTRACTS = {name: partial(contracts_of, name) for name in ("groq", "together")}
OPERATIONS = [(provider, name) for provider in CONTRACTS for name in operations_with_contract(provider)]
DAYS = (date(2024, 3, 1), date(2024, 12, 1), date(2025, 5, 29), date(2025, 8, 1), date(2026, 6, 4), date(2026, 11, 20))

WORDS = ("auto", "function", "user", "text", "json_schema", "image_url", "low", "content", "index", "strict", "n", "")
"""Values and keys that mean something somewhere in a body."""

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 130)
    | st.sampled_from([0.5, 1.0, 2.5, -0.0, 1e300, 2**63, -(2**70)])
    | st.sampled_from(WORDS)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def bodies_of(provider: str, operation: str) -> list[Any]:
    files = sorted(EXAMPLES.glob(f"*/{provider}/{operation}/*.json"))
    return [json.loads(file.read_text("utf-8"))["body"] for file in files]


@st.composite
def mutated(draw: st.DrawFn, provider: str, operation: str) -> Any:
    """A body of the examples with up to four changes: a value replaced, a field dropped, added or renamed."""
    body = copy.deepcopy(draw(st.sampled_from(bodies_of(provider, operation))))
    for _ in range(draw(st.integers(0, 4))):
        places = list(holders(body))
        holder = draw(st.sampled_from(places))
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        change = draw(st.sampled_from(["replace", "drop", "add", "rename"]))
        if change == "add" or not keys:
            put(holder, draw(st.sampled_from(WORDS) | st.text(max_size=4)), draw(values))
            continue
        key = draw(st.sampled_from(keys))
        if change == "replace":
            holder[key] = draw(values)
        else:
            value = holder.pop(key)
            if change == "rename":
                put(holder, draw(st.sampled_from(WORDS)), value)
    return body


def holders(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from holders(inner)


def put(holder: Any, key: str, value: Any) -> None:
    if isinstance(holder, dict):
        holder[key] = value
    else:
        holder.append(value)


@pytest.mark.parametrize(("provider", "operation"), OPERATIONS)
@settings(max_examples=60)
@given(data=st.data(), day=st.sampled_from(DAYS))
def test_both_validators_agree(provider: str, operation: str, data: st.DataObject, day: date) -> None:
    body = data.draw(mutated(provider, operation) | values)
    schema = DatedSchema(f"{provider}/{operation}.request.json", day).document

    decided = jsonschema_rs.Draft202012Validator(schema).is_valid(body)
    explained = Draft202012Validator(schema).is_valid(body)

    assert decided == explained


@pytest.mark.parametrize(("provider", "operation"), OPERATIONS)
@settings(max_examples=60)
@given(data=st.data(), day=st.sampled_from(DAYS))
def test_every_refused_body_is_explained(provider: str, operation: str, data: st.DataObject, day: date) -> None:
    """No body breaks a wording, and one that the schema refuses has a finding with one line of text."""
    body = data.draw(mutated(provider, operation) | values)
    contract = CONTRACTS[provider](day)[operation]

    mismatches = contract.check(body)

    if not Draft202012Validator(contract.schema).is_valid(body):
        assert mismatches
    for mismatch in mismatches:
        assert mismatch.code in ("LLM101", "LLM102")
        assert mismatch.path.startswith("$")
        assert mismatch.message
        assert (mismatch.error is None) == (mismatch.detail == {})
        if mismatch.error:
            assert mismatch.detail["message"]
