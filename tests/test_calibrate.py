"""``limits_from``: limits as the headers of a recording tell them."""

from __future__ import annotations

import json
import os

import pytest

from pytest_llmcontract import BadInput, limits_from, simulate
from pytest_llmcontract.core.facts.load import load_edition

GROQ = {
    "x-ratelimit-limit-requests": ["14400"],
    "X-RateLimit-Limit-Tokens": ["6000"],
    "x-ratelimit-remaining-tokens": ["5990"],
}
TOGETHER = {"x-ratelimit-limit": ["0.1666666667"], "x-ratelimit-limit-tokens": ["1000"]}
MODEL = "openai/gpt-oss-120b"


def interaction(headers, model=MODEL, host="api.groq.com", body=None):
    return {
        "request": {
            "method": "POST",
            "uri": f"https://{host}/openai/v1/chat/completions",
            "body": json.dumps({"model": model, "messages": []}) if body is None else body,
            "headers": {},
        },
        "response": {"status": {"code": 200, "message": "OK"}, "headers": headers, "body": {"string": "{}"}},
    }


@pytest.fixture
def cassette(tmp_path):
    """Write a cassette as vcrpy does; gives its path."""

    def write(*interactions, name="x.yaml"):
        yaml = pytest.importorskip("yaml")
        document = {"interactions": list(interactions), "version": 1}
        file = tmp_path / name
        file.write_text(json.dumps(document) if name.endswith(".json") else yaml.dump(document))
        return file

    return write


# Headers


@pytest.mark.parametrize(
    ("headers", "limits"),
    [
        (GROQ, {"RPD": 14400, "TPM": 6000}),
        (
            {"x-ratelimit-limit-requests": "2000", "x-ratelimit-limit-audio-seconds": b"7200"},
            {"RPD": 2000, "ASH": 7200},
        ),
        (TOGETHER, {"RPM": 10, "TPM": 60_000}),
        ({"x-ratelimit-limit": "4", "x-ratelimit-limit-tokens": "0"}, {"RPM": 240}),
        ({"x-ratelimit-limit": "0.01"}, {"RPM": 0.6}),
    ],
)
def test_headers_of_either_provider(headers, limits):
    assert limits_from(headers) == limits
    assert limits_from(headers, model=MODEL) == {MODEL: limits}


def test_tokens_alone_need_the_provider():
    headers = {"x-ratelimit-limit-tokens": "1000"}

    assert limits_from(headers, provider="groq") == {"TPM": 1000}
    assert limits_from(headers, provider="together") == {"TPM": 60_000}
    with pytest.raises(BadInput, match=r"the headers tell no limit; expected x-ratelimit-limit-requests, .*-limit"):
        limits_from(headers)


@pytest.mark.parametrize("value", ["many", "-1", "", "1e5", "9" * 99, "١٢"])
def test_a_header_that_is_no_number(value):
    with pytest.raises(BadInput, match=r"the headers: x-ratelimit-limit-requests is '.*'; expected a number"):
        limits_from({"x-ratelimit-limit-requests": value})


def test_headers_of_the_simulation_lead_back_to_its_limits():
    import groq

    with simulate("groq", limits={"RPD": 77, "TPM": "9K"}) as api:
        groq.Groq().chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hi"}])

    assert limits_from(api.calls.last.reply.headers) == {"RPD": 77, "TPM": 9000}


# Cassettes


@pytest.mark.parametrize("name", ["x.yaml", "x.json"])
def test_a_cassette_tells_limits_by_model(cassette, name):
    file = cassette(
        interaction(GROQ),
        interaction({"x-ratelimit-limit-requests": ["2000"]}, model="whisper-large-v3"),
        interaction({}, model="openai/gpt-oss-20b"),
        interaction({"x-ratelimit-limit-tokens": ["8000"]}),
        name=name,
    )

    limits = limits_from(file)

    assert limits == {MODEL: {"RPD": 14400, "TPM": 8000}, "whisper-large-v3": {"RPD": 2000}}
    assert limits_from(str(file), model="whisper-large-v3") == {"whisper-large-v3": {"RPD": 2000}}
    assert load_edition("groq").with_limits(limits).limits_for("free", MODEL)["RPD"] == 14400


def test_the_model_of_a_form_and_of_parsed_and_binary_bodies(cassette):
    form = '--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-large-v3\r\n--b--'
    parsed = interaction(GROQ, body="")
    parsed["request"]["parsed_body"] = {"model": "parsed"}
    file = cassette(
        interaction(GROQ, body=form),
        interaction(GROQ, body=b'\xff{"model"'),
        interaction(GROQ, body=b'{"model": "binary"}'),
        interaction(GROQ, body="[" * 100_000),
        interaction(GROQ, body="[1]"),
        parsed,
    )

    assert set(limits_from(file)) == {"whisper-large-v3", "binary", "parsed"}


def test_a_cassette_of_both_providers_needs_the_provider(cassette):
    file = cassette(interaction(GROQ), interaction(TOGETHER, model="m", host="api.together.xyz"))

    with pytest.raises(BadInput, match=r"x\.yaml has replies of groq and together: say provider="):
        limits_from(file)
    assert limits_from(file, provider="together") == {"m": {"RPM": 10, "TPM": 60_000}}


def test_a_gateway_is_known_by_its_headers(cassette):
    file = cassette(interaction(GROQ, host="gateway.example"), interaction({"server": ["x"]}, host="example.org"))

    assert limits_from(file) == {MODEL: {"RPD": 14400, "TPM": 6000}}


def test_a_path_beside_the_test_module_or_in_the_working_directory(pytester, run_pytest, cassette):
    file = cassette(interaction(GROQ), name="y.yaml")
    for folder in ("sub/cassettes", "top"):
        pytester.mkdir(folder.split("/")[0])
        (pytester.path / folder).mkdir(exist_ok=True)
        (pytester.path / folder / "y.yaml").write_bytes(file.read_bytes())
    (pytester.path / "sub" / "test_it.py").write_text(
        "import pytest\nfrom pytest_llmcontract import limits_from\n"
        "@pytest.mark.groq_api(limits=limits_from('cassettes/y.yaml'))\n"
        "def test_it(groq_api):\n"
        f"    assert groq_api.limits({MODEL!r})['RPD'].limit == 14400\n"
        "    assert limits_from('top/y.yaml')\n"
    )

    run_pytest().assert_outcomes(passed=1)


# Bad input


def test_a_file_that_is_no_cassette(tmp_path):
    (tmp_path / "x.yaml").write_text("[1, 2]")

    with pytest.raises(BadInput, match=r"x\.yaml is no cassette; expected vcrpy's form"):
        limits_from(tmp_path / "x.yaml")


def test_a_cassette_that_tells_nothing(cassette):
    with pytest.raises(BadInput, match=r"x\.yaml: no reply tells a limit in its headers; expected x-ratelimit"):
        limits_from(cassette(interaction({})))


def test_a_file_that_is_not_there_or_not_readable(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=r"recording 'no.yaml' does not exist; looked for .*tests.*no.yaml, .*no.yaml"):
        limits_from("no.yaml")
    with pytest.raises(BadInput, match="does not exist"):
        limits_from(tmp_path)
    if os.geteuid():
        (tmp_path / "x.yaml").touch(mode=0)
        with pytest.raises(BadInput, match="cannot be read: Permission denied"):
            limits_from(tmp_path / "x.yaml")


def test_words_nobody_knows():
    with pytest.raises(BadInput, match="unknown provider of limits_from 'grok'; accepted: groq, together"):
        limits_from(GROQ, provider="grok")


def test_a_model_or_provider_that_the_recording_does_not_have(cassette):
    file = cassette(interaction(GROQ))

    with pytest.raises(BadInput, match="no reply to calls of other tells a limit in its headers; expected x-ratelimit"):
        limits_from(file, model="other")
    with pytest.raises(BadInput, match="no reply of together tells a limit"):
        limits_from(file, provider="together")
