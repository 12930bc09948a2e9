"""Groq's own words. The messages on the right were observed unless a test says otherwise."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pytest_llmcontract.core.contract.request import Mismatch
from pytest_llmcontract.core.facts.records import Model
from pytest_llmcontract.core.provider import contracts_of
from pytest_llmcontract.providers.groq.wording import TEXTS, nearest

NOW = date(2026, 11, 20)
USER = {"role": "user", "content": "Name a fruit."}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "p", "schema": {"type": "object"}}}


def model(**facts: Any) -> Model:
    known = {"id": "m", "type": "chat", "owner": "x", "since": date(2024, 1, 1), "source": "test"}
    return Model.model_validate(known | {"capabilities": {"tools", "json_object", "json_schema", "reasoning"}} | facts)


def check(known: Model | None = None, day: date = NOW, **fields: Any) -> tuple[Mismatch, ...]:
    body = {"model": known.id if known else "m", "messages": [USER], **fields}
    return contracts_of("groq", day)["chat.completions"].check(body, known)


def said(*mismatches: Mismatch) -> Any:
    (refusal,) = [dict(mismatch.detail) for mismatch in mismatches if mismatch.error]
    return refusal


class TestSuggestions:
    MESSAGE = frozenset({"role", "content", "name"})
    USERS = MESSAGE | {"tool_call_id"}
    ASSISTANT = MESSAGE | {"tool_calls", "function_call"}
    BODY = frozenset(contracts_of("groq", date(2025, 2, 6))["chat.completions"].schema["properties"])

    @pytest.mark.parametrize(
        ("name", "known", "suggested"),
        [
            ("store", BODY - {"store"}, "stop"),
            ("max_completion_tokens", BODY - {"max_completion_tokens"}, "max_tokens"),
            ("stream_options", BODY - {"stream_options"}, "stream"),
            ("reasoning_effort", BODY, "reasoning_format"),
            ("id", MESSAGE, "name"),
            ("tool_calls", USERS, "tool_call_id"),
            ("status", ASSISTANT, "name"),
            ("model_used", ASSISTANT, "role"),
            ("reasoning", ASSISTANT, "role"),
        ],
    )
    def test_every_one_that_was_seen(self, name: str, known: frozenset[str], suggested: str) -> None:
        assert nearest(name, known) == suggested

    @pytest.mark.parametrize(
        ("day", "message"),
        [
            (date(2024, 12, 14), "property 'chat_template_kwargs' is unsupported, did you mean 'parallel_tool_calls'?"),
            (date(2025, 6, 23), "property 'chat_template_kwargs' is unsupported"),
        ],
        ids=["then (assumed)", "later (observed)"],
    )
    def test_there_are_none_since_june_2025(self, day: date, message: str) -> None:
        assert said(*check(day=day, chat_template_kwargs={}))["message"].startswith(message.split(",")[0])
        assert ("did you mean" in said(*check(day=day, chat_template_kwargs={}))["message"]) == ("," in message)

    @pytest.mark.parametrize("field", ["reasoning_content", "channel", "timestamp", "cache_breakpoint", "metadata"])
    def test_a_message_field_of_2026(self, field: str) -> None:
        mismatches = check(messages=[USER, {"role": "assistant", "content": "x", field: "y"}])

        assert said(*mismatches)["message"] == (
            f"'messages.1' : for 'role:assistant' the following must be satisfied"
            f"[('messages.1' : property '{field}' is unsupported)]"
        )

    def test_a_user_message_with_tool_calls_in_2024(self) -> None:
        mismatches = check(day=date(2024, 11, 25), messages=[USER, {**USER, "tool_calls": []}])

        assert said(*mismatches)["message"] == (
            "'messages.1' : for 'role:user' the following must be satisfied"
            "[('messages.1' : property 'tool_calls' is unsupported, did you mean 'tool_call_id'?)]"
        )


class TestForm:
    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            pytest.param({"temperature": "1"}, "'temperature' : value must be a number", id="number"),
            pytest.param({"n": 2}, "'n' : number must be at most 1", id="n"),
            pytest.param({"tools": [TOOL] * 129}, "'tools' : maximum number of items is 128", id="tools"),
            pytest.param({"messages": []}, "'messages' : minimum number of items is 1", id="messages"),
            pytest.param({"messages": None}, "'messages' : Value is not nullable", id="null"),
            pytest.param(
                {"stop": 5},
                "'stop' : one of the following must be satisfied"
                "[('stop' : value must be a string) OR ('stop' : value must be an array)]",
                id="stop",
            ),
            pytest.param(
                {"stop": ["a", 5]},
                "'stop' : one of the following must be satisfied"
                "[('stop' : value must be a string) OR ('stop.1' : value must be a string)]",
                id="stop-item (assumed)",
            ),
            pytest.param(
                {"tool_choice": "any"},
                "'tool_choice' : one of the following must be satisfied[('tool_choice' : value is not one of the "
                "allowed values ['none','auto','required']) OR ('tool_choice' : value must be an object)]",
                id="tool-choice (assumed)",
            ),
            pytest.param(
                {"messages": [{"content": "x"}]},
                "'messages.0' : discriminator property 'role' is missing",
                id="no-role (assumed)",
            ),
            pytest.param({"messages": ["x"]}, "'messages.0' : value must be an object", id="no-message (assumed)"),
            pytest.param({"max_tokens": 0}, "'max_tokens' : number must be at least 1", id="minimum (assumed)"),
        ],
    )
    def test_speaks_as_kin_openapi(self, fields: dict[str, Any], message: str) -> None:
        assert said(*check(**fields)) == {"message": message}

    @pytest.mark.parametrize("field", ["logprobs", "top_logprobs", "logit_bias"])
    def test_documented_and_refused(self, field: str) -> None:
        (mismatch,) = check(**{field: {"logprobs": True, "top_logprobs": 3, "logit_bias": {"1": 1}}[field]})

        assert mismatch.error == "bad_request"
        assert mismatch.detail == {"message": f"`{field}` is not supported with this model", "param": field}

    def test_an_unknown_field_has_an_error_of_its_own(self) -> None:
        (mismatch,) = check(enable_thinking=False)

        assert mismatch.error == "unsupported_property"

    def test_a_body_that_is_no_object(self) -> None:
        (mismatch,) = contracts_of("groq", NOW)["chat.completions"].check(None)

        assert mismatch.error == "bad_request"


class TestModel:
    @pytest.mark.parametrize(
        ("day", "detail"),
        [
            (date(2025, 7, 22), {"message": "message[1].content must be a string"}),
            (date(2025, 8, 30), {"message": "messages[1].content must be a string"}),
            (date(2025, 12, 13), {"message": "messages[1].content must be a string", "param": "messages[1].content"}),
        ],
    )
    def test_a_picture_for_a_model_that_reads(self, day: date, detail: dict[str, str]) -> None:
        reads = model(input_modalities=("text",))
        mismatches = check(reads, day, messages=[USER, {"role": "user", "content": [PICTURE]}])

        assert said(*mismatches) == detail
        assert mismatches[0].path == "$.messages[1].content[0]"

    def test_what_nobody_saw_of_a_model_refuses_nothing(self) -> None:
        unseen = model(capabilities={"system"}, assumed={"capabilities"})
        picture = {"role": "user", "content": [PICTURE]}

        assert check(unseen, messages=[picture], tools=[TOOL], reasoning_effort="low") == ()

    def test_text_parts_are_for_every_model(self) -> None:
        assert check(model(), messages=[{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]) == ()

    def test_too_many_pictures(self) -> None:
        sees = model(input_modalities=("text", "image"), max_images=3)
        mismatches = check(sees, messages=[{"role": "user", "content": [PICTURE] * 2}] * 2)

        assert said(*mismatches)["message"] == "Too many images provided. This model supports up to 3 images"
        assert mismatches[0].path == "$.messages[1].content[1]"

    @pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
    def test_more_tokens_than_the_model_gives(self, field: str) -> None:
        (mismatch,) = check(model(max_output=8192), **{field: 8193})

        assert mismatch.message == f"$.{field} is 8193, above the 8192 of m"
        assert mismatch.detail == {
            "message": f"`{field}` must be less than or equal to `8192`, the maximum value for `{field}` is less than "
            "the `context_window` for this model",
            "param": field,
        }

    def test_exactly_as_many_are_fine(self) -> None:
        assert check(model(max_output=8192), max_tokens=8192) == ()

    @pytest.mark.parametrize(
        ("efforts", "sent", "message"),
        [
            (("low", "medium", "high"), "none", "`reasoning_effort` must be one of `low`, `medium`, or `high`"),
            (("none", "default"), "medium", "`reasoning_effort` must be one of `none` or `default`"),
        ],
    )
    def test_an_effort_the_model_has_not(self, efforts: tuple[str, ...], sent: str, message: str) -> None:
        assert said(*check(model(reasoning_efforts=efforts), reasoning_effort=sent))["message"] == message

    @pytest.mark.parametrize("field", ["reasoning_effort", "reasoning_format"])
    def test_a_model_that_does_not_reason(self, field: str) -> None:
        value = {"reasoning_effort": "low", "reasoning_format": "parsed"}[field]
        mismatches = check(model(capabilities=set()), **{field: value})

        assert said(*mismatches)["message"] == f"`{field}` is not supported with this model"

    def test_null_asks_for_nothing(self) -> None:
        assert check(model(capabilities=set()), reasoning_effort=None, reasoning_format=None, tools=None) == ()

    @pytest.mark.parametrize(
        ("day", "param"), [(date(2025, 10, 3), {}), (date(2025, 12, 13), {"param": "tool calling"})]
    )
    def test_tools_for_a_model_without(self, day: date, param: dict[str, str]) -> None:
        mismatches = check(model(capabilities=set()), day, tools=[TOOL])

        assert said(*mismatches) == {"message": "`tool calling` is not supported with this model", **param}

    def test_no_tools_are_for_every_model(self) -> None:
        assert check(model(capabilities=set()), tools=[]) == ()

    @pytest.mark.parametrize(
        ("day", "ending", "param"),
        [
            (date(2025, 5, 29), "", {}),
            (date(2025, 7, 22), TEXTS["docs_link"](), {}),
            (date(2025, 12, 13), TEXTS["docs_link"](), {"param": "response_format"}),
        ],
    )
    def test_a_schema_for_a_model_without(self, day: date, ending: str, param: dict[str, str]) -> None:
        mismatches = check(model(capabilities=set()), day, response_format=JSON_SCHEMA)

        assert said(*mismatches) == {
            "message": f"This model does not support response format `json_schema`{ending}",
            **param,
        }

    @pytest.mark.parametrize(
        ("day", "detail"),
        [
            (date(2025, 7, 22), {"message": "json schema is required"}),
            (
                date(2025, 12, 13),
                {
                    "message": "code=400, message=json schema is required, type=invalid_request_error",
                    "param": "response_format",
                },
            ),
        ],
    )
    def test_a_format_without_its_schema(self, day: date, detail: dict[str, str]) -> None:
        mismatches = check(model(), day, response_format={"type": "json_schema", "json_schema": {"name": "p"}})

        assert said(*mismatches) == detail

    def test_raw_reasoning_with_tools(self) -> None:
        """The documents announce a 400; its text is assumed."""
        assert [mismatch.path for mismatch in check(model(), reasoning_format="raw", tools=[TOOL])] == [
            "$.reasoning_format"
        ]

    def test_rules_wait_until_the_form_is_right(self) -> None:
        """The second server never sees what the first has refused."""
        (mismatch,) = check(model(max_output=10), max_tokens=99, logprobs=True)

        assert mismatch.path == "$.logprobs"

    def test_a_model_nobody_knows_is_not_judged(self) -> None:
        assert check(None, tools=[TOOL], max_tokens=10**6, response_format=None) == ()


def test_assumed_texts_are_marked() -> None:
    """The docs list them; a text that somebody saw leaves this list."""
    assumed = {name for name, text in TEXTS.items() if text.source == "assumed"}

    assert assumed == {
        "no_voice", "no_role", "minimum", "max_length", "max_properties", "pattern", "no_object", "raw", "left_out",
    }  # fmt: skip


CLOSED = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
OPEN = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}


def strict(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}


class TestStrictSchemas:
    @pytest.mark.parametrize(
        "schema",
        [
            OPEN,
            {**CLOSED, "properties": {"a": OPEN}},
            {**CLOSED, "properties": {"a": {"type": "array", "items": OPEN}}},
            {**CLOSED, "$defs": {"b": OPEN}},
            {"anyOf": [CLOSED, OPEN]},
        ],
        ids=["root", "property", "items", "defs", "anyOf"],
    )
    def test_every_object_is_closed(self, schema: Any) -> None:
        assert said(*check(model(), response_format=strict(schema))) == {
            "message": "invalid JSON schema for response_format: 'answer': "
            "`additionalProperties:false` must be set on every object",
        }

    def test_every_property_is_required(self) -> None:
        (mismatch,) = check(model(), response_format=strict({**CLOSED, "required": []}))
        assert mismatch.path == "$.response_format.json_schema.schema"
        assert mismatch.error == "bad_request"

    def test_a_strict_tool_is_held_to_the_same(self) -> None:
        function = {"name": "weather", "strict": True, "parameters": OPEN}
        (mismatch,) = check(model(), tools=[{"type": "function", "function": function}])
        assert mismatch.path == "$.tools[0].function.parameters"

    def test_a_keyword_that_nobody_saw_refused_is_a_warning(self) -> None:
        (mismatch,) = check(model(), response_format=strict({**CLOSED, "not": {}}))
        assert (mismatch.error, mismatch.certain) == (None, False)

    def test_closed_schemas_and_those_that_are_not_strict_are_accepted(self) -> None:
        loose = {"type": "json_schema", "json_schema": {"name": "answer", "schema": OPEN}}
        assert check(model(), response_format=strict(CLOSED)) == ()
        assert check(model(), response_format=loose) == ()

    def test_before_the_first_sight_of_the_rule_there_was_none(self) -> None:
        assert check(model(), date(2026, 8, 18), response_format=strict(OPEN)) == ()


@pytest.mark.parametrize(("rules", "fine"), [({"no_system_with_images"}, False), (set(), True)])
def test_pictures_beside_a_system_message(rules: set[str], fine: bool) -> None:
    sees = model(input_modalities=("text", "image"), rules=rules)
    system = {"role": "system", "content": "Be brief."}
    found = check(sees, messages=[system, {"role": "user", "content": [PICTURE]}])
    words = [mismatch.detail["message"] for mismatch in found]
    assert words == ([] if fine else ["prompting with images is incompatible with system messages"])
