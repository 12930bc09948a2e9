"""Together's own words: few, and tolerant."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pytest_llmcontract.core.contract.request import Mismatch
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.provider import contracts_of
from pytest_llmcontract.providers.together.wording import TEXTS

NOW = date(2026, 11, 20)
USER = {"role": "user", "content": "Name a fruit."}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def model(**facts: Any) -> Model:
    known = {"id": "org/m", "type": "chat", "owner": "x", "since": date(2024, 1, 1), "source": "test"}
    return Model.model_validate(known | {"capabilities": {"tools", "json_object", "json_schema"}} | facts)


def check(known: Model | None = None, **fields: Any) -> tuple[Mismatch, ...]:
    body = {"model": "org/m", "messages": [USER], **fields}
    return contracts_of("together", NOW)["chat.completions"].check(body, known)


def draw(**fields: Any) -> tuple[Mismatch, ...]:
    body = {"model": "black-forest-labs/FLUX.2-dev", "prompt": "A plum", **fields}
    return contracts_of("together", NOW)["images.generations"].check(body)


def part(kind: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": f"{kind}_url", f"{kind}_url": {"url": "https://example.org/a"}}]}


@pytest.mark.parametrize("field", ["temprature", "enable_thinking", "modalities"])
def test_an_unknown_field_is_a_finding_and_no_refusal(field: str) -> None:
    (mismatch,) = check(**{field: 1})

    assert (mismatch.code, mismatch.error) == ("LLM101", None)


@pytest.mark.parametrize(
    "field", ["service_tier", "store", "metadata", "prediction", "user", "stream_options", "parallel_tool_calls"]
)
def test_fields_known_to_be_ignored_pass(field: str) -> None:
    assert check(**{field: None}) == ()


@pytest.mark.parametrize("role", ["system", "user", "tool"])
def test_the_first_sdk_writes_tool_calls_into_every_message(role: str) -> None:
    said = {"role": role, "content": "", "tool_calls": None}

    assert check(messages=[USER, said | ({"tool_call_id": "call_1"} if role == "tool" else {})]) == ()


def test_an_answer_may_be_sent_back_with_tool_calls_that_were_not_counted() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    said = {"role": "assistant", "content": "", "tool_calls": [{**call, "index": -1}]}

    assert check(messages=[USER, said, {"role": "tool", "tool_call_id": "call_1", "content": "Rain"}]) == ()


def test_an_unknown_field_does_not_hide_the_rules() -> None:
    assert [mismatch.path for mismatch in check(temprature=1, logprobs=20)] == ["$.temprature", "$.logprobs"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (6, "6 is greater than the maximum of 5 - 'logprobs'"),
        (5, None),
        (0, None),
        (True, None),
    ],
)
def test_logprobs(value: object, message: str | None) -> None:
    assert [mismatch.detail["message"] for mismatch in check(logprobs=value)] == ([message] if message else [])


@pytest.mark.parametrize(("stream", "words"), [(False, "bool_parsing"), (True, "Input validation error")])
def test_gemma_wants_a_boolean(stream: bool, words: str) -> None:
    (mismatch,) = check(model="google/gemma-3-27b-it", logprobs=2, stream=stream)

    assert words in mismatch.detail["message"]


@pytest.mark.parametrize("wanted", [{"type": "json_object"}, {"type": "json_schema", "schema": {}}])
def test_json_mode_for_a_model_without(wanted: dict[str, Any]) -> None:
    (mismatch,) = check(model(capabilities={"system"}), response_format=wanted)

    assert mismatch.path == "$.response_format"
    assert mismatch.detail == {
        "message": "org/m is not supported for JSON mode/function calling",
        "param": None,
        "code": "constraints_model",
    }


@pytest.mark.parametrize(
    ("stream", "third_party", "words"),
    [
        (False, False, '"auto" tool choice requires'),
        (True, False, "Input validation error"),
        (
            True,
            True,
            {"message": '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'},
        ),
    ],
)
def test_tools_for_a_model_without(stream: bool, third_party: bool, words: Any) -> None:
    (mismatch,) = check(model(capabilities={"system"}, third_party=third_party), tools=[TOOL], stream=stream)

    said = mismatch.detail["message"]
    assert mismatch.path == "$.tools"
    assert said.items() >= words.items() if third_party else words in said


def test_a_model_of_unknown_capabilities_is_not_judged() -> None:
    assert check(model(capabilities=set()), tools=[TOOL], response_format={"type": "json_object"}) == ()


@pytest.mark.parametrize("kind", ["image", "video", "audio"])
def test_media_for_a_model_that_takes_it(kind: str) -> None:
    assert check(model(input_modalities=("text", kind)), messages=[part(kind)]) == ()


@pytest.mark.parametrize(
    ("kind", "third_party", "message"),
    [
        ("video", False, "Input validation error"),
        ("image", False, "org/m is not a multimodal model None"),
        (
            "image",
            True,
            {"message": "org/m is not a multimodal model None", "type": "BadRequestError", "param": None, "code": 400},
        ),
    ],
)
def test_media_for_a_model_that_was_seen_to_refuse_them(kind: str, third_party: bool, message: object) -> None:
    (mismatch,) = check(model(third_party=third_party, input_modalities=("text",)), messages=[USER, part(kind)])

    assert mismatch.path == "$.messages[1].content[0]"
    assert mismatch.detail == {"message": message, "param": None, "code": None}


@pytest.mark.parametrize("facts", [{}, {"input_modalities": ("text",), "assumed": {"input_modalities"}}])
def test_media_that_nobody_saw_refused_are_a_warning_and_answered(facts: dict[str, Any]) -> None:
    (mismatch,) = check(model(**facts), messages=[USER, part("image")])

    assert mismatch.error is None
    assert not mismatch.certain
    assert mismatch.message == "$.messages[1].content[0] is image, which org/m may not look at"


def test_a_third_partys_text_model_refuses_media_as_its_kind_was_seen_to() -> None:
    (mismatch,) = check(model(third_party=True), messages=[USER, part("image")])

    assert mismatch.error == "invalid_request"


@pytest.mark.parametrize("asked", [{"tools": [TOOL]}, {"response_format": {"type": "json_object"}}])
def test_a_capability_that_is_only_assumed_to_be_absent_refuses_nothing(asked: dict[str, Any]) -> None:
    assert check(model(capabilities={"system"}, assumed={"capabilities"}), **asked) == ()


@pytest.mark.parametrize(
    ("side", "pixels", "fine"),
    [
        ("width", 512, True),
        ("width", 2048, True),
        ("width", 520, False),
        ("height", 2064, False),
        ("height", None, True),
    ],
)
def test_sides_of_a_flux2_image(side: str, pixels: int | None, fine: bool) -> None:
    messages = [mismatch.detail["message"] for mismatch in draw(**{side: pixels})]

    assert messages == (
        []
        if fine
        else [
            f"Invalid value for '{side}' parameter. Image {side} must be an integer value between 512 and 2048, "
            "in multiples of '16'."
        ]
    )


def test_other_models_draw_other_sizes() -> None:
    assert draw(model="black-forest-labs/FLUX.2-pro", width=256) == ()


def test_every_error_is_invalid_request() -> None:
    assert {mismatch.error for mismatch in check(temperature="x", messages=[{}])} == {"invalid_request"}


def test_no_text_is_a_guess_without_saying_so() -> None:
    for name, text in TEXTS.items():
        assert text.source != "assumed" or text.note, name
