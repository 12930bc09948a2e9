"""The request contract: what decides, what explains, and the dates in the schemas."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pytest_llmcontract.core.contract.mismatch import Mismatch, json_path, shown
from pytest_llmcontract.core.contract.request import RequestContract, contract_for
from pytest_llmcontract.core.contract.schemas import read_schema

TODAY = date(2026, 11, 20)
USER = {"role": "user", "content": "Name a fruit."}


def check(body: object, *, provider: str = "groq", day: date = TODAY) -> tuple[Mismatch, ...]:
    return RequestContract(provider, "chat.completions", day).check(body)


def chat(**fields: object) -> dict[str, object]:
    return {"model": "llama-3.3-70b-versatile", "messages": [USER], **fields}


class TestMismatch:
    @pytest.mark.parametrize(
        ("body", "code", "path", "message"),
        [
            pytest.param(chat(logprobs=True), "LLM101", "$.logprobs", "$.logprobs is not supported", id="refused"),
            pytest.param(
                chat(logit_bias={}), "LLM101", "$.logit_bias", "$.logit_bias is not supported", id="null-only"
            ),
            pytest.param(chat(top_k=4), "LLM101", "$.top_k", "$.top_k is not supported", id="unknown"),
            pytest.param(chat(n=2), "LLM101", "$.n", "$.n is 2, and only 1 is supported", id="n"),
            pytest.param(chat(top_p=2), "LLM102", "$.top_p", "$.top_p is 2, above 1", id="maximum"),
            pytest.param(chat(max_tokens=0), "LLM102", "$.max_tokens", "$.max_tokens is 0, below 1", id="minimum"),
            pytest.param(chat(messages=[]), "LLM102", "$.messages", "$.messages has 0 items, fewer than 1", id="empty"),
            pytest.param(
                chat(stop=list("abcde")), "LLM102", "$.stop", "$.stop has 5 items, more than 4", id="too-many-items"
            ),
            pytest.param(
                chat(temperature="hot"),
                "LLM102",
                "$.temperature",
                "$.temperature is a string, not a number or null",
                id="type",
            ),
            pytest.param(
                chat(seed=1.5), "LLM102", "$.seed", "$.seed is a number, not an integer or null", id="fraction"
            ),
            pytest.param(chat(seed=True), "LLM102", "$.seed", "$.seed is a boolean, not an integer or null", id="bool"),
            pytest.param({"messages": [USER]}, "LLM102", "$.model", "$.model is missing", id="missing"),
            pytest.param(
                chat(messages=[{"role": "bot", "content": "x"}]),
                "LLM102",
                "$.messages[0].role",
                "$.messages[0].role is 'bot', which the contract does not know",
                id="role",
            ),
            pytest.param(
                chat(messages=[USER, {"role": "user", "content": None}]),
                "LLM102",
                "$.messages[1].content",
                "$.messages[1].content is null, not a string or a list",
                id="null",
            ),
            pytest.param(
                chat(messages=[{"role": "user", "content": [{"type": "text"}]}]),
                "LLM102",
                "$.messages[0].content[0].text",
                "$.messages[0].content[0].text is missing",
                id="part",
            ),
            pytest.param(None, "LLM102", "$", "the body is null, not an object", id="no-body"),
            pytest.param([], "LLM102", "$", "the body is a list, not an object", id="list"),
        ],
    )
    def test_says_what_and_where(self, body: object, code: str, path: str, message: str) -> None:
        (mismatch,) = check(body)

        assert (mismatch.code, mismatch.path, mismatch.message) == (code, path, message)

    @pytest.mark.parametrize(
        ("body", "sent", "allowed", "fix"),
        [
            pytest.param(chat(n=3), "3", "only 1", "ask once for each answer you need", id="own-fix"),
            pytest.param(chat(temprature=1), "1", "a field of the contract", "did you mean 'temperature'?", id="near"),
            pytest.param(chat(xyzzy=1), "1", "a field of the contract", "leave it out", id="far"),
            pytest.param(chat(logprobs=True), "true", "nothing", "leave it out", id="refused"),
            pytest.param(chat(top_p=7), "7", "0 to 1", "send 0 to 1", id="range"),
            pytest.param(chat(max_tokens=0), "0", "at least 1", "send at least 1", id="minimum"),
            pytest.param({"messages": [USER]}, "nothing", "the field", "send 'model'", id="missing"),
            pytest.param(
                chat(citation_options="on"),
                "'on'",
                "'enabled', 'disabled', null",
                "send one of 'enabled', 'disabled', null",
                id="enum",
            ),
            pytest.param(chat(seed="1"), "'1'", "an integer or null", "send an integer or null", id="type"),
        ],
    )
    def test_says_what_would_be_right(self, body: object, sent: str, allowed: str, fix: str) -> None:
        (mismatch,) = check(body)

        assert (mismatch.sent, mismatch.allowed, mismatch.fix) == (sent, allowed, fix)

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            pytest.param(chat(n=2), "/properties/n", id="property"),
            pytest.param(chat(top_k=2), "", id="root"),
            pytest.param(
                chat(messages=[{"role": "tool", "content": 5, "tool_call_id": "c"}]),
                "/$defs/tool_message/properties/content",
                id="dated",
            ),
            pytest.param(chat(tool_choice="any"), "/$defs/tool_choice/then", id="branch"),
        ],
    )
    def test_points_into_the_schema_file(self, body: object, pointer: str) -> None:
        (mismatch,) = check(body)
        file, _, found = mismatch.schema.partition("#")

        assert file == "schemas/groq/chat.completions.request.json"
        assert found == pointer
        assert resolve(read_schema("groq/chat.completions.request.json"), found) is not None

    def test_points_into_the_file_that_both_providers_share(self) -> None:
        (mismatch,) = check(chat(tools=[{"type": "function", "function": {}}]))

        assert mismatch.schema == "schemas/shared/chat.json#/$defs/function"

    def test_every_mismatch_is_told_in_the_order_of_a_walk(self) -> None:
        """Sorted keys, depth first, missing fields after their siblings."""
        body = {
            "zzz": 1,
            "messages": [{"role": "user"}, {"role": "assistant", "channel": "x", "content": 1}],
            "n": 2,
        }

        assert [mismatch.path for mismatch in check(body)] == [
            "$.messages[0].content",
            "$.messages[1].channel",
            "$.messages[1].content",
            "$.n",
            "$.zzz",
            "$.model",
        ]

    def test_a_secret_in_an_unknown_field_is_not_shown(self) -> None:
        (mismatch,) = check(chat(api_key="gsk_verysecret"))

        assert "gsk_" not in str(mismatch)

    def test_without_a_wording_the_text_is_ours(self) -> None:
        (mismatch,) = check(chat(n=2))

        assert mismatch.error == "bad_request"
        assert mismatch.detail == {"message": "$.n is 2, and only 1 is supported", "param": "n"}

    def test_what_a_provider_ignores_has_no_error(self) -> None:
        (mismatch,) = check(chat(temprature=1), provider="together")

        assert mismatch.code == "LLM101"
        assert mismatch.error is None
        assert mismatch.message == "$.temprature is not a field of this API, which ignores it"


class TestDates:
    @pytest.mark.parametrize(
        ("field", "value", "last_refused", "first_accepted"),
        [
            ("store", False, date(2024, 12, 14), date(2025, 1, 1)),
            ("max_completion_tokens", 5, date(2024, 3, 1), date(2024, 12, 1)),
            ("reasoning_effort", "low", date(2025, 2, 6), date(2025, 8, 5)),
            ("reasoning_format", "parsed", date(2024, 12, 1), date(2025, 2, 6)),
        ],
    )
    def test_groq_learned_fields(self, field: str, value: object, last_refused: date, first_accepted: date) -> None:
        body = chat(**{field: value})

        assert [mismatch.path for mismatch in check(body, day=last_refused)] == [f"$.{field}"]
        assert check(body, day=first_accepted) == ()


def test_an_operation_without_a_schema_has_no_contract() -> None:
    assert contract_for("groq", "no.such.operation", TODAY) is None


class TestOneContractADay:
    def test_is_made_once(self) -> None:
        first = contract_for("groq", "chat.completions", TODAY)

        assert first is not None
        assert contract_for("groq", "chat.completions", TODAY) is first

    def test_good_bodies_need_no_jsonschema(self) -> None:
        """``jsonschema`` takes 0.1 s to import: only a body that is refused pays that."""
        script = (
            "import sys; from datetime import date\n"
            "from pytest_llmcontract.core.contract.request import RequestContract\n"
            "contract = RequestContract('groq', 'chat.completions', date(2026, 6, 4))\n"
            "body = {'model': 'm', 'messages': [{'role': 'user', 'content': 'x'}]}\n"
            "print(contract.check(body), 'jsonschema' in sys.modules)\n"
            "print(len(contract.check({})), 'jsonschema' in sys.modules)"
        )

        run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

        assert run.stdout.splitlines() == ["() False", "2 True"]

    def test_what_no_json_can_hold_is_still_judged(self) -> None:
        """Python parses half a surrogate pair; the compiled validator cannot read it in a key."""
        body = json.loads('{"\\ud800": 1, "model": "m", "messages": [{"role": "user", "content": "x"}]}')

        assert [mismatch.code for mismatch in check(body)] == ["LLM101"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), "$"),
        (("messages", 0, "role"), "$.messages[0].role"),
        (("metadata", "a b"), "$.metadata['a b']"),
        (("x-y",), "$['x-y']"),
    ],
)
def test_json_path(path: tuple[str | int, ...], text: str) -> None:
    assert json_path(path) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("bot", "'bot'"),
        (None, "null"),
        (True, "true"),
        ({"a": "é"}, '{"a": "é"}'),
        ("x" * 99, "'" + "x" * 58 + "…"),
        (float("nan"), "NaN"),
        ({1j}, "{1j}"),
    ],
)
def test_shown(value: object, text: str) -> None:
    assert shown(value) == text


def resolve(schema: Any, pointer: str) -> Any:
    for part in pointer.strip("/").split("/") if pointer else ():
        schema = schema[int(part)] if isinstance(schema, list) else schema[part]
    return schema


def test_the_examples_are_there() -> None:
    """The other modules find them by folder; an empty folder would prove nothing."""
    examples = Path(__file__).parents[2] / "examples"

    assert len(list(examples.glob("accepted/*/*/*.json"))) > 40
    assert len(list(examples.glob("refused/*/*/*.json"))) > 40
