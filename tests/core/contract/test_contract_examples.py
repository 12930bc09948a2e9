"""Bodies as files, found and not listed: ``tests/examples/{accepted,refused}/<provider>/<operation>/*.json``.

Each says ``what`` it shows and holds a ``body``; those that are refused also their ``findings`` (code and path) and the
provider's ``answer``, ``null`` where it tolerates them. ``edition`` is a day other than the newest.
"""

from __future__ import annotations

import json
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pytest_llmcontract.core.contract.mismatch import Mismatch
from pytest_llmcontract.core.facts.load import load_edition
from pytest_llmcontract.core.provider import contracts_of

EXAMPLES = Path(__file__).parents[2] / "examples"
CONTRACTS = {name: partial(contracts_of, name) for name in ("groq", "together")}


def found(folder: str) -> list[Any]:
    files = sorted((EXAMPLES / folder).glob("*/*/*.json"))
    return [
        pytest.param(file, id="/".join(file.relative_to(EXAMPLES / folder).with_suffix("").parts)) for file in files
    ]


def judged(file: Path) -> tuple[dict[str, Any], tuple[Mismatch, ...]]:
    example = json.loads(file.read_text("utf-8"))
    day = date.fromisoformat(example.get("edition", "2026-11-20"))
    contract = CONTRACTS[file.parts[-3]](day)[file.parts[-2]]
    model = load_edition(file.parts[-3], day.isoformat()).models.get(str(example["body"].get("model")))
    return example, contract.check(example["body"], None if model is None or model.is_retired(day) else model)


@pytest.mark.parametrize("file", found("accepted"))
def test_what_clients_send_is_accepted(file: Path) -> None:
    _, mismatches = judged(file)

    assert mismatches == ()


@pytest.mark.parametrize("file", found("refused"))
def test_what_providers_refuse_is_found(file: Path) -> None:
    example, mismatches = judged(file)

    assert [[mismatch.code, mismatch.path] for mismatch in mismatches] == example["findings"]


@pytest.mark.parametrize("file", found("refused"))
def test_the_first_mismatch_gives_the_providers_answer(file: Path) -> None:
    example, mismatches = judged(file)
    refused = [mismatch for mismatch in mismatches if mismatch.error]

    assert (dict(refused[0].detail) if refused else None) == example["answer"]
