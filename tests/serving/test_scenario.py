"""``serve --scenario``: what every scope begins with, from a file."""

from __future__ import annotations

import json

import groq
import jsonschema
import pytest
import yaml

from pytest_llmcontract.core.facts.places import find_schemas
from pytest_llmcontract.serving.scenario import STEPS, scenario_schema

GROQ = "openai/gpt-oss-120b"
HELLO = [{"role": "user", "content": "Hello"}]
SCENARIO = """
edition: 2026-10-07
virtual_time: true
lenient: true
providers:
  groq: {plan: developer, limits: {RPM: 2}}
steps:
  - reply: {provider: groq, content: Hi.}
  - outage: {provider: together, seconds: 60}
  - account: {provider: groq, do: charge, args: [12.5]}
  - clock: {hours: 1}
"""


def ask(url, model=GROQ):
    with groq.Groq(base_url=url, api_key="x", max_retries=0) as client:
        return client.chat.completions.create(model=model, messages=HELLO).choices[0].message.content


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_every_scope_begins_with_it(serve, tmp_path, form):
    file = tmp_path / f"scenario.{form}"
    document = yaml.safe_load(SCENARIO)
    file.write_text(SCENARIO if form == "yaml" else json.dumps(document, default=str))
    with serve("--scenario", str(file)) as server:
        for scope in ("one", "two"):
            state = server.control("/state", test=scope)
            assert (state["time"], state["elapsed"]) == ("virtual", 3600)
            assert state["providers"]["groq"]["account"]["plan"] == "developer"
            assert float(state["providers"]["groq"]["account"]["spent"]) == 12.5
            assert ask(f"{server.url}/t/{scope}") == "Hi."
            ask(f"{server.url}/t/{scope}", "made-up")
            with pytest.raises(groq.RateLimitError):
                ask(f"{server.url}/t/{scope}")
                ask(f"{server.url}/t/{scope}")
        server.control("/reset", {}, test="one")
        assert ask(f"{server.url}/t/one") == "Hi."


def test_an_option_of_the_command_line_wins(serve, tmp_path):
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    with serve("--scenario", str(tmp_path / "scenario.yaml"), "--groq", 'limits={"RPM": 1}') as server:
        assert server.control("/state")["providers"]["groq"]["account"]["plan"] == "developer"
        ask(server.url)
        with pytest.raises(groq.RateLimitError):
            ask(server.url)


def test_the_schema_is_published():
    """``python -m pytest_llmcontract.serving.scenario > schemas/llmcontract/scenario.schema.json`` writes it anew."""
    published = (find_schemas() / "llmcontract" / "scenario.schema.json").read_text("utf-8")
    assert json.loads(published) == scenario_schema()
    jsonschema.Draft202012Validator.check_schema(scenario_schema())


def test_the_schema_takes_what_is_taken_and_knows_every_step():
    document = json.loads(json.dumps(yaml.safe_load(SCENARIO), default=str))
    jsonschema.validate(document, scenario_schema())
    for name in STEPS:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"steps": [{name: {"nonsense": 1}}]}, scenario_schema())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "the document is no object"),
        ("a: b: c", "mapping values are not allowed here"),
        ("format: 2", "format is 2; accepted: 1"),
        ("step: []", "unknown key 'step'; accepted: edition, format"),
        ("lenient: maybe", "lenient is 'maybe'; accepted: true or false"),
        ("edition: [1]", "edition is [1]; accepted: a date"),
        ("edition: soon", "scenario.yaml: edition: edition 'soon' is no date"),
        ("providers: {grok: {}}", "unknown key of providers 'grok'"),
        ("providers: {groq: []}", "providers.groq is no object"),
        ("providers: {groq: {plans: free}}", "scenario.yaml: providers.groq: unknown argument of --groq 'plans'"),
        ("providers: {groq: {plan: gold}}", "providers.groq: unknown plan of groq_api 'gold'"),
        ("providers: {groq: {limits: [1]}}", "providers.groq: limits=[1]; accepted: {'TPM': 12000}"),
        ("providers: {groq: {hosts: 3}}", "providers.groq: hosts= has 3; accepted: host names"),
        ("providers: {groq: {models: 3}}", "providers.groq: models= has 3; accepted: ids"),
        ("providers: {groq: {models: {mine: 3}}}", "providers.groq: model 'mine' is 3; accepted: an object"),
        ("providers: {together: {balance: much}}", "providers.together: balance: 'much' is no amount of dollars"),
        ("steps: {}", "steps is no list"),
        ("steps: [7]", "steps[0] is no object"),
        ("steps: [{reply: {provider: groq}, fail: {}}]", "steps[0] has 2 keys; accepted is one, the name of the step"),
        ("steps: [{replay: {}}]", "unknown key of steps[0] 'replay'"),
        ("steps: [{reply: {content: x}}]", "steps[0].reply: provider is missing"),
        ("steps: [{clock: {days: 1}}, {fail: {provider: groq, error: gone}}]", "steps[1].fail: "),
        ("steps: [{outage: {provider: groq, secs: 1}}]", "steps[0].outage: unknown key of /outage 'secs'"),
        ("steps: [{fail: {provider: groq, error: [1]}}]", "steps[0].fail: error is [1]; accepted: string or integer"),
        ("steps: [{clock: {days: true}}]", "steps[0].clock: days is True; accepted: number"),
        ("{1: 2}", "the document is no object"),
        ("a: \0", "scenario.yaml: unacceptable character"),
        ("\xff", "scenario.yaml"),
    ],
)
def test_what_is_wrong_with_it_is_said_in_one_line(run_command, tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scenario.yaml").write_text(text, "latin-1")
    code, out, err = run_command("serve --port 0 --scenario scenario.yaml")
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_file_that_is_not_there_is_told(run_command):
    code, _, err = run_command("serve --port 0 --scenario nowhere.yaml")
    assert code == 2
    assert "cannot read nowhere.yaml: No such file or directory" in err
