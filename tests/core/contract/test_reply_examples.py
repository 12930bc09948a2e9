"""Replies as files, found and not listed: ``tests/examples/replies/{accepted,refused}/<provider>/<operation>/*.json``.

Each says ``what`` it shows and holds the ``status`` and the ``body`` of a reply, or the ``events`` of a stream; those
that are refused also their ``findings``, as paths.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pytest_llmcontract.core.contract.mismatch import Mismatch
from pytest_llmcontract.core.contract.reply import reply_contract
from pytest_llmcontract.core.contract.schemas import schema_files

EXAMPLES = Path(__file__).parents[2] / "examples" / "replies"
NEWEST = date(2026, 11, 20)
PROVIDERS = ("groq", "together")


def found(folder: str) -> list[Any]:
    files = sorted((EXAMPLES / folder).glob("*/*/*.json"))
    return [
        pytest.param(file, id="/".join(file.relative_to(EXAMPLES / folder).with_suffix("").parts)) for file in files
    ]


def judged(example: dict[str, Any], file: Path, day: date = NEWEST) -> tuple[Mismatch, ...]:
    contract = reply_contract(file.parts[-3], file.parts[-2], day)
    assert contract is not None
    if "events" in example:
        return contract.check_events(example["events"])
    return contract.check(example["status"], example["body"])


@pytest.mark.parametrize("day", [date(2024, 1, 1), NEWEST], ids=str)
@pytest.mark.parametrize("file", found("accepted"))
def test_what_providers_answer_is_accepted(file: Path, day: date) -> None:
    """On the oldest day too: a reply is never refused for a field that came later."""
    example = json.loads(file.read_text("utf-8"))

    assert judged(example, file, day) == ()


@pytest.mark.parametrize("file", found("refused"))
def test_what_no_provider_answers_is_refused(file: Path) -> None:
    example = json.loads(file.read_text("utf-8"))

    mismatches = judged(example, file)

    assert [mismatch.path for mismatch in mismatches] == example["findings"]
    assert {mismatch.code for mismatch in mismatches} == {"LLM201"}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("verdict", ["accepted", "refused"])
def test_every_schema_of_a_reply_has_an_example(verdict: str, provider: str) -> None:
    shown = set()
    for file in (EXAMPLES / verdict / provider).glob("*/*.json"):
        example = json.loads(file.read_text("utf-8"))
        kind = "event" if "events" in example else "error" if example["status"] >= 400 else "reply"
        shown.add(f"{file.parent.name}.{kind}.json")
    wanted = {name for name in schema_files(provider) if name.endswith((".reply.json", ".event.json"))}

    assert wanted - shown == set()
