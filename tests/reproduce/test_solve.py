"""Pasted errors, met again by the simulator's own rules."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_llmcontract.core.facts.load import edition_on
from pytest_llmcontract.reproduce.catalogue import template
from pytest_llmcontract.reproduce.command import of_reply
from pytest_llmcontract.reproduce.paste import plain, read_paste
from pytest_llmcontract.reproduce.solve import Reproduction, solve

FREE = "Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing"
DEVELOPER = "Need more tokens? Visit https://groq.com/self-serve-support/ to request higher limits."
VISIT = "Visit https://console.groq.com/docs/rate-limits for more information."


def reached(
    kind: str,
    limit: int,
    used: int,
    requested: str,
    wait: str,
    *,
    model: str = "openai/gpt-oss-120b",
    tier: str | None = "on_demand",
    ending: str = FREE,
    organization: str = "org_01kx1gs5cffsfa25x6693msmkh",
) -> str:
    """A refusal as Groq words it."""
    words = {
        "RPM": "requests per minute",
        "TPM": "tokens per minute",
        "TPD": "tokens per day",
        "ITPM": "input tokens per minute",
        "OTPM": "output tokens per minute",
        "ASPH": "seconds of audio per hour",
    }
    by_tier = f" service tier `{tier}`" if tier else ""
    again = f" Please try again in {wait}." if wait else ""
    return (
        f"Rate limit reached for model `{model}` in organization `{organization}`{by_tier} on {words[kind]} ({kind}): "
        f"Limit {limit}, Used {used}, Requested {requested}.{again}{f' {ending}' if ending and wait else ''}"
    )


def met(text: str, **options: Any) -> Reproduction:
    found = solve(read_paste(text), **options)
    assert found is not None
    return found


REFUSALS = {
    "tokens a day": reached("TPD", 200000, 197117, "4254", "9m52.272s"),
    "tokens a minute": reached("TPM", 6000, 5034, "1443", "4.77s", model="llama-3.1-8b-instant"),
    "float noise": reached("TPD", 200000, 196969, "3464", "3m7.055999999s"),
    "requests": reached("RPM", 30, 30, "1", "2s"),
    "below a second": reached("TPM", 250000, 244875, "5287", "38.88ms", ending=DEVELOPER),
    "audio": reached("ASPH", 7200, 6619, "1200", "5m9.5s", model="whisper-large-v3"),
    "output": reached("OTPM", 1000, 485, "800", "17.099999999s", model="qwen/qwen3.8-27b"),
    "input": reached("ITPM", 7000, 6900, "340", "2.057142857s", model="qwen/qwen3.8-27b"),
    "a limit of its own": reached("TPM", 20000, 19000, "2000", "3s", model="llama-3.1-8b-instant"),
    "a model nobody knows": reached("TPM", 8000, 7000, "2000", "7.5s", model="acme/new-1"),
    "2025-03": reached("TPM", 6000, 5500, "1000", "5s", model="llama-3.1-8b-instant", ending=VISIT),
    "2024-12": reached("TPM", 6000, 5500, "1000", "5s", model="llama-3.3-70b-versatile", tier=None, ending=VISIT),
    "2024-04": reached("TPM", 5000, 4900, "~400", "3.6s", model="llama3-70b-8192", tier=None, ending=VISIT),
    "more than the limit in use": reached("TPM", 6000, 6030, "2320", "23.5s", model="llama-3.1-8b-instant"),
    "a fraction above": reached("TPM", 6000, 5000, "2000", "10.003s", model="llama-3.1-8b-instant"),
    "a fraction below": reached("RPM", 30, 30, "1", "1.724s", model="llama3-8b-8192"),
    "a large request": reached("TPM", 30000, 18391, "13761", "4.303999999s", model="acme/wide-2"),
    "without its last sentence": reached("TPD", 200000, 197117, "4254", "9m52.272s", ending=""),
}  # fmt: skip


class TestRefusals:
    @pytest.mark.parametrize("text", REFUSALS.values(), ids=REFUSALS)
    def test_come_back_to_the_letter_by_the_rules(self, text):
        found = met(text)

        assert found.played.message == text
        assert found.natural
        assert found.played.scenario.fault is None

    @pytest.mark.parametrize("text", REFUSALS.values(), ids=REFUSALS)
    def test_a_wait_that_lies_never_comes_back(self, text):
        wait = text.split("again in ")[1].split(". ")[0].rstrip(".")
        lie = text.replace(f"in {wait}", "in 12.345s")

        assert "12.345s" not in met(lie).played.message

    def test_a_contradiction_is_said(self):
        found = met(reached("TPD", 200000, 197117, "4254", "1s"))

        assert "again in 9m52.272s." in found.played.message
        assert "contradicts itself" in found.notes[0]

    def test_a_wait_that_was_cut_off_is_computed(self):
        found = met(reached("TPD", 200000, 197117, "4254", ""))

        assert found.played.message == REFUSALS["tokens a day"]
        assert "cut off" in found.notes[0]

    def test_what_is_missing_follows_from_the_rest(self):
        found = met(
            "Rate limit reached for model `qwen/qwen3.8-27b` (OTPM): Limit 1000, Used 727. Please try again in 4.68s"
        )

        assert "Used 727, Requested 351. Please try again in 4.68s" in found.played.message

    def test_a_wait_that_no_state_explains_is_not_believed_even_word_for_word(self):
        # The model speaks: what its calls count is not simulated.
        text = reached("TPM", 1200, 1000, "400", "59s", model="canopylabs/orpheus-v1-english")

        found = met(text)

        assert "again in 10s." in found.played.message
        assert not found.natural

    @pytest.mark.parametrize(
        "text",
        [
            "Request too large for model `openai/gpt-oss-20b` in organization `org_01kp46t0ejfb1b5hc0fykrswn4` service "
            "tier `on_demand` on tokens per minute (TPM): Limit 8000, Requested 34031, please reduce your message size "
            f"and try again. {FREE}",
            "Request too large for model `qwen/qwen3.8-27b` in organization `org_x` service tier `on_demand` on output "
            "tokens per minute (OTPM): Limit 1000, Requested 1240. The request's expected output tokens exceed the "
            "enforced limit; reduce max_tokens (or the request's expected output) and try again.",
        ],
        ids=["request", "output"],
    )
    def test_too_large(self, text):
        found = met(text)

        assert (found.played.message, found.natural) == (text, True)

    def test_lost_backticks_come_back_word_for_word_with_a_note(self):
        text = REFUSALS["tokens a day"].replace("`", "")

        found = met(text)

        assert (found.played.message, found.natural) == (text, False)
        assert REFUSALS["tokens a day"] in found.notes[0]

    def test_headers_tell_of_other_limits(self):
        dump = (
            "HTTP/2 429\r\nx-ratelimit-limit-requests: 1000\r\nx-ratelimit-remaining-requests: 997\r\n"
            f"x-request-id: req_01kjh7p9n8f1qs6nz2bz77vy6b\r\n\r\n{body(REFUSALS['tokens a day'])}"
        )

        reply = met(dump).played.reply

        assert reply.headers["x-ratelimit-remaining-requests"] == "997"
        assert reply.headers["x-request-id"] == "req_01kjh7p9n8f1qs6nz2bz77vy6b"


def body(message: str, **fields: Any) -> str:
    return json.dumps({"error": {"message": message, **fields}})


TOGETHER_LIMIT = (
    "Request was rejected due to request rate limiting. Your rate limits are 60 RPM (1 QPS) and 60000 TPM (1000 TPS). "
    "See details: https://docs.together.ai/docs/rate-limits"
)
MODEL_LIMIT = (
    "You have reached the rate limit specific to this model {model}. The maximum rate limit for this model is {limit} "
    "per minute. This limit differs from the general rate limits published at Together AI rate limits documentation "
    "(https://docs.together.ai/docs/rate-limits). For inquiries about increasing your model-specific rate limit, "
    "please contact our sales team (https://www.together.ai/forms/contact-sales)"
)
FOR_ROLE = "for 'role:{role}' the following must be satisfied[('{place}' : {fault})]"
AUDIO = "property 'audio' is unsupported"
NATURAL = {
    # text: (provider, error, status)
    "Invalid API Key": ("groq", "invalid_api_key", 401),
    "The model `gpt-4` does not exist or you do not have access to it.": ("groq", "model_not_found", 404),
    "The model `llama-3.2-11b-vision-preview` has been decommissioned and is no longer supported. Please refer to "
    "https://console.groq.com/docs/deprecations for a recommendation on which model to use instead.": (
        "groq",
        "model_decommissioned",
        400,
    ),
    "Please reduce the length of the messages or completion.": ("groq", "context_length_exceeded", 400),
    "Unknown request URL: POST /openai/v1/chat/completion. Please check the URL for typos, or see the docs at "
    "https://console.groq.com/docs/": ("groq", "unknown_url", 404),
    "property 'store' is unsupported, did you mean 'stop'?": ("groq", "unsupported_property", 400),
    "property 'enable_thinking' is unsupported": ("groq", "unsupported_property", 400),
    f"'messages.3' : {FOR_ROLE.format(role='assistant', place='messages.3', fault=AUDIO)}": (
        "groq",
        "unsupported_property",
        400,
    ),
    f"'messages.2' : {FOR_ROLE.format(role='tool', place='messages.2.content', fault='value must be a string')}": (
        "groq",
        "bad_request",
        400,
    ),
    f"'messages.1' : {FOR_ROLE.format(role='user', place='messages.1.content', fault='Value is not nullable')}": (
        "groq",
        "bad_request",
        400,
    ),
    "'temperature' : number must be at most 2": ("groq", "bad_request", 400),
    "'tools' : maximum number of items is 128": ("groq", "bad_request", 400),
    "'stop' : one of the following must be satisfied[('stop' : value must be a string) OR ('stop' : value must be an "
    "array)]": ("groq", "bad_request", 400),
    "messages[2].content must be a string": ("groq", "bad_request", 400),
    "`tool calling` is not supported with this model": ("groq", "bad_request", 400),
    "`logprobs` is not supported with this model": ("groq", "bad_request", 400),
    "Too many images provided. This model supports up to 3 images": ("groq", "bad_request", 400),
    "`max_tokens` must be less than or equal to `9000`, the maximum value for `max_tokens` is less than the "
    "`context_window` for this model": ("groq", "bad_request", 400),
    "json mode cannot be combined with tool/function calling": ("groq", "bad_request", 400),
    "prompt length must be 896 characters or fewer, but provided prompt contains 1200 characters": (
        "groq",
        "audio_prompt_too_long",
        400,
    ),
    "acme/new-1 is currently over capacity. Please try again and back off exponentially. Visit "
    "https://groqstatus.com to see if there is an active incident.": ("groq", "over_capacity", 503),
    "Tool call validation failed: tool call validation failed: parameters for tool f did not match schema: errors: "
    "[missing properties: 'a']": ("groq", "tool_call_invalid", 400),
    TOGETHER_LIMIT: ("together", "rate_limit", 429),
    MODEL_LIMIT.format(model="meta-llama/Llama-Vision-Free", limit="10.0 queries and 60000 tokens"): (
        "together",
        "model_rate_limit",
        429,
    ),
    MODEL_LIMIT.format(model="black-forest-labs/FLUX.1-kontext-pro", limit="9.0 queries"): (
        "together",
        "model_rate_limit",
        429,
    ),
    "Unable to access non-serverless model acme/big-2. Please visit https://api.together.ai/models/acme/big-2 to "
    "create and start a new dedicated endpoint for the model.": ("together", "model_not_serverless", 400),
    "Unable to access model bad model. Please visit https://api.together.ai/models to view the list of supported "
    "models.": ("together", "model_not_found", 404),
    "Invalid API key provided. You can find your API key at https://api.together.xyz/settings/api-keys.": (
        "together",
        "invalid_api_key",
        401,
    ),
    "Credit limit exceeded. Please navigate to https://api.together.xyz/settings/billing to add credit or upgrade "
    "your plan.": ("together", "credit_limit", 402),
    "Access to this model is allowed for build tier 2 and above. Also please make sure that you have a positive "
    "balance.": ("together", "tier_restricted", 403),
    "acme/text-1 is not a multimodal model None": ("together", "invalid_request", 400),
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097. Given: 80125 `inputs` tokens and 4096 "
    "`max_new_tokens`": ("together", "context_length_exceeded", 400),
    "The input (1160343 tokens) is longer than the model's context length (1048576 tokens).": (
        "together",
        "context_length_exceeded",
        400,
    ),
    "error code: 521": ("together", "origin_down", 521),
}


class TestOthers:
    @pytest.mark.parametrize(("text", "expected"), NATURAL.items(), ids=[text[:40] for text in NATURAL])
    def test_come_back_to_the_letter(self, text, expected):
        found = met(text)

        assert found.played.message == text
        assert (found.played.scenario.provider, found.played.reply.error, found.played.reply.status) == expected
        assert found.natural

    def test_what_only_the_words_tell_is_not_natural(self):
        text = body("The model did something new.", type="invalid_request_error", code="tool_use_failed")

        found = met(f"Error code: 400 - {text}")

        assert found.played.message == "The model did something new."
        assert (found.played.reply.error, found.natural) == ("tool_use_failed", False)

    def test_the_rest_of_the_body_comes_back_too(self):
        message = "Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details."
        text = body(message, type="invalid_request_error", code="tool_use_failed", failed_generation="<function=f>")

        found = met(text)

        assert found.played.error["failed_generation"] == "<function=f>"
        assert found.natural

    def test_an_error_within_a_stream(self):
        message = "Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details."
        text = body(message, type="invalid_request_error", code="tool_use_failed", status_code=400)

        answer = of_reply(met(text))

        assert answer["status"] == 200
        assert answer["body"]["error"]["message"] == message
        assert answer["text"].startswith("data: ")

    def test_a_page_by_its_title(self):
        found = met("<html><head><title>api.groq.com | 502: Bad gateway</title></head></html>")

        assert of_reply(found)["body"] == {"error": {"message": "Bad gateway"}}
        assert of_reply(found)["status"] == 502

    def test_the_edition_is_told_by_the_text(self):
        old = met("Invalid API key provided. You can find your API key at https://api.together.xyz/settings/api-keys.")
        new = met("Invalid API key provided. You can find your API key at https://api.together.ai/settings/api-keys.")

        assert old.played.scenario.day < new.played.scenario.day

    def test_or_by_whoever_asks(self):
        found = met(REFUSALS["tokens a day"], edition="2026-06-04")

        assert str(found.played.scenario.day) == "2026-06-04"
        assert found.natural

    def test_an_edition_that_only_one_provider_has(self):
        assert met("Invalid API Key", edition="2024-12-10").played.scenario.provider == "groq"

    @pytest.mark.parametrize(
        "text",
        ["hello", "Traceback (most recent call last):", '{"error": {"message": "Boom"}}', "unauthorized", "429", "TPM"],
    )
    def test_what_is_none_is_not_recognised(self, text):
        assert solve(read_paste(text)) is None


class TestReading:
    MESSAGE = REFUSALS["tokens a day"]

    @pytest.mark.parametrize(
        "text",
        [
            body(MESSAGE, type="tokens", code="rate_limit_exceeded"),
            f"Error code: 429 - {json.loads(body(MESSAGE))!r}",
            f"RateLimitError({f'Error code: 429 - {json.loads(body(MESSAGE))!r}'!r})",
            f"2026-09-08 [ERROR] call failed: {body(MESSAGE)} attempt=2 {{'x': 1}}",
            json.dumps({"level": "error", "msg": f"groq said {body(MESSAGE)}", "pid": 7}),
            f"HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\n\r\n{body(MESSAGE)}",
            f"{{'never closed {body(MESSAGE)}",
        ],
        ids=["json", "sdk", "repr", "log line", "json log", "http", "after a stray brace"],
    )
    def test_finds_the_body_in_noise(self, text):
        paste = read_paste(text)

        assert paste.message == self.MESSAGE

    def test_forgets_what_copying_did(self):
        assert plain("**Rate limit** for\n> `x`%3F &lt;1&gt; ’s") == "Rate limit for x? <1> 's"

    @pytest.mark.parametrize(
        ("pattern", "text", "values"),
        [
            ("The model `{model}` is gone.", "so: The model x is gone. Bye", {"model": "x"}),
            ("{model} is full.", "error: a/b is full.", {"model": "a/b"}),
            ("From {a} to {b}", "From x to y", {"a": "x", "b": "y"}),
            ("It is {a} and again {a}, truly", "It is x and again y, truly", None),
            ("A long enough beginning of {a} and its end", "A long enough beginning of x and its", {"a": "x"}),
        ],
    )
    def test_templates(self, pattern, text, values):
        found = template(pattern).find(text)

        assert (found and found[0]) == values

    @pytest.mark.parametrize(
        "text",
        [
            "Error code: 409 - {'file_id': 'file-abc'}",
            '409 {"file_id":"file-abc"}',
            'HTTP/1.1 409 Conflict\n\n{"file_id": "file-abc"}',
            '{"file_id": "file-abc"} said api.together.xyz',
        ],
    )
    def test_an_error_without_words_is_known_by_its_fields(self, text):
        found = met(text)

        assert (found.played.reply.status, found.played.reply.json, found.natural) == (
            409,
            {"file_id": "file-abc"},
            True,
        )

    @pytest.mark.parametrize(
        "text",
        [
            '{"file_id": "file-abc"}',
            'HTTP/1.1 404 Not Found\n\n{"file_id": "file-abc"}',
            '409 {"file_id": "file-abc", "status": "completed"}',
            "None",
        ],
    )
    def test_fields_alone_are_no_error(self, text):
        assert solve(read_paste(text)) is None

    def test_every_text_of_the_catalogue_is_recognised(self):
        """What a provider can say today, as it says it by default."""
        missed = []
        for provider in ("groq", "together"):
            for spec in edition_on(provider, met(self.MESSAGE).played.scenario.day).errors.values():
                if isinstance(spec.body, str) or spec.step == "limiter":
                    continue
                error = json.dumps(spec.body).replace('"{message}"', json.dumps(spec.defaults.get("message")))
                for name in ("model", "tier", "limit", "context", "prompt_tokens", "max_tokens", "total"):
                    error = error.replace("{" + name + "}", "2")
                if solve(read_paste(error), provider=provider) is None:
                    missed.append((provider, spec.name))

        assert missed == []
