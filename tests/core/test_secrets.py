"""No credential gets into a text of ours."""

from __future__ import annotations

import pytest

from pytest_llmcontract.core.exchange import masked
from pytest_llmcontract.core.secrets import scrubbed

LETTERS = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"


@pytest.mark.parametrize(
    "key",
    [
        "gsk_" + LETTERS,
        "sk-proj-" + LETTERS,
        "tgp_v1_" + LETTERS,
        "hf_" + LETTERS,
        "ghp_" + LETTERS,
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "0123456789abcdef" * 4,
    ],
)
def test_keys_are_known_by_their_shape(key):
    assert scrubbed(f"sent {key}, refused") == "sent ***, refused"


def test_keys_in_a_query_string_go_whatever_their_shape():
    assert scrubbed("GET https://x/models?a=1&api_key=short&b=2") == "GET https://x/models?a=1&api_key=***&b=2"


def test_ordinary_text_stays():
    text = "The risk-free model openai/gpt-oss-120b answered chatcmpl-10715ca6-d35e-4f99-adb9-382c959ca773."

    assert scrubbed(text) == text


def test_credential_headers_are_masked_and_keep_their_scheme():
    headers = masked({"Authorization": "Bearer gsk_secret", "X-Api-Key": "secret", "Accept": "*/*"})

    assert dict(headers) == {"authorization": "Bearer ***", "x-api-key": "***", "accept": "*/*"}
    assert masked({"authorization": "Bearer "})["authorization"] == "Bearer"
