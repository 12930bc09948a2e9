"""No credential gets into a text of ours, and none stays unseen in a recording."""

from __future__ import annotations

import base64
import hashlib
import random

import pytest

from pytest_llmcontract.core.contract import mismatch
from pytest_llmcontract.core.exchange import masked
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.secrets import (
    excerpt,
    has_secrets,
    may_be_real,
    query_secret,
    says_secret,
    scrubbed,
    secrets_in,
    without_secrets,
)
from pytest_llmcontract.report.findings import render

LETTERS = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
HEX = "0123456789abcdef" * 4
KEYS = {
    "gsk_" + LETTERS: "Groq key",
    "tgp_v1_" + LETTERS: "Together key",
    "key_CXy" + LETTERS: "Together key",
    "sk-" + LETTERS: "OpenAI, Anthropic or like key",
    "sk-proj-" + LETTERS: "OpenAI, Anthropic or like key",
    "sk-or-v1-" + HEX: "OpenAI, Anthropic or like key",
    "csk-" + LETTERS.lower(): "OpenAI, Anthropic or like key",
    "hf_" + LETTERS: "Hugging Face token",
    "AIzaSy" + LETTERS: "Google key",
    "AKIA" + "ABCDEFGHIJKLMNOP": "AWS key",
    "ASIA" + "ABCDEFGHIJKLMNOP": "AWS key",
    "ghp_" + LETTERS: "GitHub token",
    "github_pat_" + LETTERS: "GitHub token",
    "glpat-" + LETTERS: "GitLab token",
    "xoxb-" + "1234567890-" + LETTERS: "Slack token",
    "sk_live_" + LETTERS: "Stripe key",
    "xai-" + LETTERS * 2: "xAI key",
    "pplx-" + LETTERS: "Perplexity key",
    "fw_" + LETTERS: "Fireworks key",
    "r8_" + LETTERS: "Replicate token",
    "nvapi-" + LETTERS * 2: "NVIDIA key",
    "lsv2_pt_" + HEX[:32] + "_0123456789": "LangSmith key",
    "tvly-dev-" + LETTERS: "Tavily key",
    "dapi" + HEX[:32]: "Databricks token",
    "npm_" + LETTERS: "npm token",
    "pypi-" + LETTERS * 2: "PyPI token",
    f"eyJ{LETTERS}.eyJ{LETTERS}.{LETTERS}": "JSON Web Token",
}


@pytest.mark.parametrize(("key", "what"), KEYS.items(), ids=list(KEYS.values()))
def test_keys_are_known_by_their_shape(key, what):
    text = f"sent {key}, refused"

    [secret] = secrets_in(text)

    assert (secret.kind, secret.what, text[secret.start : secret.end]) == ("key", what, key)
    assert scrubbed(text) == without_secrets(text) == "sent ***, refused"


@pytest.mark.parametrize(
    "around", ['"%s"', "key=%s&x", "Bearer %s", '{\\"a\\":\\"%s\\"}', "line\\n%s\\nline", "(%s)", "%s."]
)
def test_a_key_is_seen_in_json_in_urls_and_in_texts_within_texts(around):
    key = "gsk_" + LETTERS

    assert without_secrets(around % key) == around % "***"


def test_a_private_key_goes_with_its_lines():
    block = f"-----BEGIN RSA PRIVATE KEY-----\n{LETTERS}\n{LETTERS}==\n-----END RSA PRIVATE KEY-----"

    assert without_secrets(f"a {block} b") == "a *** b"
    escaped = block.replace("\n", "\\n")
    assert without_secrets(f'"{escaped}"') == '"***"'


@pytest.mark.parametrize(
    "text", ["Invalid api_key: %s", "token=%s", '"api_key": "%s"', "API key provided: %s", "Bearer %s"]
)
def test_64_hex_digits_are_a_key_where_they_are_called_one(text):
    assert [secret.what for secret in secrets_in(text % HEX)] == ["Together key"]
    assert without_secrets(text % HEX) == text % "***"


@pytest.mark.parametrize("text", ["sha256:%s", '"hash": "%s"', "%s", "commit %s"])
def test_a_hash_stays_in_a_recording_and_goes_from_a_report(text):
    assert list(secrets_in(text % HEX)) == []
    assert without_secrets(text % HEX) == text % HEX
    assert scrubbed(text % HEX) == text % "***"


@pytest.mark.parametrize(
    ("text", "what", "clean"),
    [
        ("in `org_01hs26sgxde6dva0eke39336sv` on", "organisation id", "in `org_***` on"),
        ("org-Ab0123456789CdEfGhIjKlMn", "organisation id", "org-***"),
        ("proj_Ab0123456789CdEfGhIjKlMn", "project id", "proj_***"),
        ("project_01hs26sgxde6dva0eke39336sv", "project id", "project_***"),
    ],
)
def test_ids_of_accounts_go_from_recordings_and_stay_in_reports(text, what, clean):
    [secret] = secrets_in(text)

    assert (secret.kind, secret.what) == ("account", what)
    assert without_secrets(text) == clean
    assert scrubbed(text) == text


def test_keys_in_a_query_string_go_whatever_their_shape():
    assert scrubbed("GET https://x/models?a=1&api_key=short&b=2") == "GET https://x/models?a=1&api_key=***&b=2"
    assert query_secret("https://x/?key=aZ19bYx8cW7dV6eU5") == "aZ19bYx8cW7dV6eU5"
    assert query_secret("https://x/?key=short") == query_secret("https://x/?keys=aZ19bYx8cW7dV6eU5") == ""


ORDINARY = [
    "The risk-free model openai/gpt-oss-120b answered chatcmpl-10715ca6-d35e-4f99-adb9-382c959ca773.",
    "req_01k0qpgvt7efkrv1vrg309ncak fp_140f3e3520 call_9b0c2006ef00112233445566",
    "sk-learn-something-long-and-longer key_performance_indicators_of_2026 org-chart-of-the-department",
    "task_0123456789abcdef01234567 disk-0123456789abcdef0123 my_gsk_",
    "eyJub3QiOiAidG9rZW4ifQ== gsk_short hf_hub_download AKIA1",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays(text):
    assert list(secrets_in(text)) == []
    assert without_secrets(text) == scrubbed(text) == text


def test_pictures_in_base64_hold_no_secret():
    chance = random.Random(7)
    picture = base64.b64encode(chance.randbytes(2**21)).decode()

    assert not has_secrets(picture)


@pytest.mark.parametrize("beginning", ["gsk_", "sk-", "hf_"])
@pytest.mark.parametrize("word", ["EXAMPLE", "dummy", "xxxxxxxx", "REDACTED"])
def test_what_says_that_it_is_made_up_is_no_finding(beginning, word):
    key = f"{beginning}{LETTERS}{word}"

    assert list(secrets_in(key)) == []
    assert without_secrets(key) == "***"


@pytest.mark.parametrize(
    ("value", "real"),
    [
        ("Bearer gsk_" + LETTERS, True),
        (hashlib.sha256(b"x").hexdigest(), True),
        ("Bearer ***", False),
        ("REDACTED", False),
        ("Bearer test-key-1234567890", False),
        ("Bearer fake0123456789abcdef", False),
        ("Bearer", False),
        ("", False),
        ("Bearer <your key 0123456789>", False),
        ("00000000000000000000", False),
        ("without-any-number-in-it", False),
    ],
)
def test_what_stands_in_the_place_of_a_credential_may_be_real_or_not(value, real):
    assert may_be_real(value) is real


def test_credential_headers_are_masked_and_keep_their_scheme():
    headers = masked({"Authorization": "Bearer gsk_secret", "X-Api-Key": "secret", "Accept": "*/*"})

    assert dict(headers) == {"authorization": "Bearer ***", "x-api-key": "***", "accept": "*/*"}
    assert masked({"authorization": "Bearer "})["authorization"] == "Bearer"


STAYS = [
    '"max_tokens": 100, "prompt_tokens": 5, "token_ids": [1, 2]',
    '"eos_token": "</s>", "token": "Hello", "token": " Instructions"',
    '"properties": {"api_key": {"type": "string", "description": "a key"}}, "required": ["api_key"]',
    '"tool_choice": "auto", "author": "Jane", "key": "color"',
    '"tokenizer": "meta-llama/Llama-3.3-70B-Instruct-Turbo"',
    '"key_id": 12345678901234567890, "key": 1234567890123456789',
    '"prompt_cache_key": "session-0123456789abcdef"',
    "idempotency-key: stainless-python-retry-aaaa1111-bbbb",
    "x-ratelimit-limit-tokens: 8000",
    "the password: please enter it. A secret recipe: 2 eggs",
    "ssh://git@github.com/a mail@x.example https://x.example/@a http://127.0.0.1:46725/x",
]


@pytest.mark.parametrize("text", STAYS)
def test_what_only_sounds_like_a_secret_stays(text):
    assert without_secrets(text) == text
    assert list(secrets_in(text)) == []


@pytest.mark.parametrize(
    ("name", "sureness"),
    [
        ("Authorization", 2),
        ("X-API-Keys", 2),
        ("apiKey", 2),
        ("dbpassword", 2),
        ("AWS_SECRET_ACCESS_KEY", 2),
        ("helicone-auth", 1),
        ("x-hub-signature", 1),
        ("key", 1),
        ("max_tokens", 0),
        ("key_id", 0),
        ("monkey", 0),
        ("author", 0),
        ("eos_token", 0),
    ],
)
def test_the_last_word_says_what_a_thing_is(name, sureness):
    assert says_secret(name) == sureness


def test_a_word_that_is_no_scheme_is_a_part_of_the_secret():
    assert masked({"authorization": f"{HEX} more"})["authorization"] == "***"
    assert masked({"x-auth-token": "Token abc"})["x-auth-token"] == "Token ***"


@pytest.mark.parametrize("before", range(45, 62))
def test_of_a_key_that_is_cut_off_no_part_is_shown(before):
    shown = excerpt("x" * before + " gsk_" + LETTERS, 60)

    assert "gsk_" not in shown
    assert len(shown) <= 60


@pytest.mark.parametrize("before", range(35, 60, 3))
def test_a_finding_shows_no_part_of_a_key_that_its_value_is_cut_in(before):
    assert "gsk" not in mismatch.shown("x" * before + " gsk_" + LETTERS)
    assert "gsk" not in mismatch.shown(["x" * before + " gsk_" + LETTERS])


@pytest.mark.parametrize("before", range(150, 200, 5))
def test_a_rendered_finding_shows_no_part_of_a_key_that_is_cut(before):
    finding = Violation("LLM102", "is wrong", allowed="x" * before + " gsk_" + LETTERS)

    assert "gsk" not in render([finding])
