"""``llmcontract verify``: folders and files, the four formats, exit codes, and what it says of files it cannot read."""

from __future__ import annotations

import gzip
import io
import json
import os
from datetime import date
from pathlib import Path

import pytest
import yaml

from pytest_llmcontract import BadInput
from pytest_llmcontract.cli import main
from pytest_llmcontract.recordings.verify import summarise, verify

GROQ = "https://api.groq.com/openai/v1/chat/completions"
NOT_FOUND = '{"error":{"message":"x","type":"invalid_request_error","code":"model_not_found"}}'


def interaction(body, status=200, said="", url=GROQ, day="Mon, 05 Oct 2026 12:00:00 GMT", **headers):
    return {
        "request": {"method": "POST", "uri": url, "body": json.dumps(body), "headers": headers},
        "response": {
            "status": {"code": status, "message": ""},
            "headers": {"date": [day]},
            "body": {"string": said},
        },
    }


def chat(**fields):
    return {"model": "openai/gpt-oss-120b", "messages": [{"role": "user", "content": "Hi"}], **fields}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with a way to write cassettes into it."""
    monkeypatch.chdir(tmp_path)

    def write(name, *interactions, **more):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        document = {"interactions": list(interactions), "version": 1, **more}
        text = json.dumps(document, indent=2) if ".json" in name else yaml.dump(document)
        file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())

    return write


def second_body(name):
    """The line of the body of the second request in a file."""
    lines = Path(name).read_text().splitlines()
    return [number for number, text in enumerate(lines, 1) if text.strip().startswith(("body: '", '"body": "{'))][1]


def test_clean_cassettes(folder, capsys):
    folder("cassettes/a.yaml", interaction(chat()))

    assert main(["verify", "cassettes"]) == 0
    assert capsys.readouterr().out == "1 interaction in 1 file: nothing found\n"


def test_violations_as_text_at_the_line_of_the_body(folder, capsys):
    folder("cassettes/test_app/a.yaml", interaction(chat()), interaction(chat(temprature=1), 400))

    assert main(["verify", "cassettes"]) == 1
    out = capsys.readouterr().out.splitlines()
    place = f"cassettes/test_app/a.yaml:{second_body('cassettes/test_app/a.yaml')}"
    assert out == [
        f"{place}: LLM101 groq chat.completions: $.temprature is not supported (interaction 1)",
        "    How to fix: did you mean 'temperature'?",
        "2 interactions in 1 file: 1 error",
    ]


def test_warnings_alone_do_not_fail(folder, capsys):
    folder("a.yaml", interaction(chat(model="my/own"), day="Mon, 05 May 2025 12:00:00 GMT"))

    assert main(["verify", "a.yaml"]) == 0
    out = capsys.readouterr().out
    assert "a.yaml:3: LLM103 warning: groq chat.completions: the model 'my/own' is not known (interaction 0)" in out
    assert out.splitlines()[-1] == "1 interaction in 1 file: 2 warnings"


def test_violations_as_json(folder, capsys):
    folder("cassettes/a.json", interaction(chat(), said="x"), interaction(chat(n=2), 400))

    assert main(["verify", "cassettes", "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out) == {
        "checked": 2,
        "violations": [
            {
                "code": "LLM101",
                "file": "cassettes/a.json",
                "interaction": 1,
                "path": "$.n",
                "message": "groq chat.completions: $.n is 2, and only 1 is supported",
                "severity": "error",
            }
        ],
    }


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_violations_for_github_point_at_the_line(folder, capsys, name):
    folder(name, interaction(chat()), interaction(chat(n=2), 400))

    assert main(["verify", name, "--format", "github"]) == 1
    first = capsys.readouterr().out.splitlines()[0]
    line = second_body(name)
    assert first.startswith(f"::error file={name},line={line},title=LLM101")

    assert main(["verify", name, "--format", "sarif"]) == 1
    [result] = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": name},
        "region": {"startLine": line},
    }


def test_a_folder_may_hold_other_files(folder, tmp_path, capsys):
    folder("a.yaml", interaction(chat()))
    folder("deep/er/b.yaml.gz", interaction(chat()))
    folder("deep/c.json", interaction(chat(), url="https://example.org/"))
    folder(".git/d.yaml", interaction(chat(n=2)))
    folder("node_modules/d.yaml", interaction(chat(n=2)))
    for name, text in {
        "workflow.yml": "on: push",
        "template.yaml": "Resources: !Ref x",
        "half.json": '{"a": ',
        "empty.yaml": "",
        "x.har.json": '{"log": {}}',
        "notes.txt": "interactions",
    }.items():
        (tmp_path / name).write_text(text)

    assert main(["verify", "."]) == 0
    assert capsys.readouterr() == (
        "2 interactions in 3 files: nothing found; 1 interaction with other hosts not judged; "
        "5 files passed over: no cassettes\n",
        "",
    )


def test_bad_files_are_told_and_the_others_judged_all_the_same(folder, tmp_path, capsys):
    folder("a/good.yaml", interaction(chat(n=2), 400))
    (tmp_path / "a/broken.yaml").write_text("interactions: [")
    (tmp_path / "other.yaml").write_text("consumer: {}")

    assert main(["verify", "a", "other.yaml"]) == 2
    out, err = capsys.readouterr()
    assert "LLM101" in out
    assert [line.split(":")[:2] for line in err.splitlines()] == [
        ["llmcontract verify", " a/broken.yaml"],
        ["llmcontract verify", " other.yaml"],
    ]
    assert "expected vcrpy's form" in err


def test_a_green_line_about_nothing_says_so(folder, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.yaml").write_text("interactions: [")

    assert main(["verify", "empty"]) == 0
    assert capsys.readouterr().out == "0 interactions in 0 files: nothing to judge\n"
    assert main(["verify", "broken.yaml"]) == 2
    assert capsys.readouterr().out == "0 interactions in 0 files: nothing to judge; 1 file could not be read\n"


@pytest.mark.parametrize("command", ["verify", "drift"])
@pytest.mark.parametrize(
    ("closed", "rights", "given", "told"),
    [
        ("a", 0, "a", "a"),
        ("a", 0, ".", "a"),
        ("a", 0, "a/b/c.yaml", "a/b/c.yaml"),
        ("a/b", 0o400, ".", "a/b/c.yaml"),
        ("a/b/c.yaml", 0, ".", "a/b/c.yaml"),
        ("a/b/c.yaml", 0, "a/b/c.yaml", "a/b/c.yaml"),
    ],
)
def test_what_may_not_be_read_is_told(folder, tmp_path, capsys, command, closed, rights, given, told):
    folder("a/b/c.yaml", interaction(chat()))
    (tmp_path / closed).chmod(rights)
    try:
        if os.access("a/b/c.yaml", os.R_OK):
            pytest.skip("who runs this may read everything")
        assert main([command, given]) == 2
    finally:
        (tmp_path / closed).chmod(0o700)

    assert capsys.readouterr().err == f"llmcontract {command}: {told} cannot be read: Permission denied\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "nowhere does not exist; expected a cassette or a folder with cassettes"),
        ([".", "--provider=grok"], "unknown provider 'grok'; accepted: groq, together. Did you mean 'groq'?"),
        ([".", "--edition=soon"], "edition 'soon' is no date; expected YYYY-MM-DD"),
        ([".", "--contract", "--edition=soon"], "edition 'soon' is no date"),
        ([".", "--contract", "--format=sarif"], "--contract has no --format sarif; accepted: json, text"),
        ([".", "--contract", "--select=LLM1"], "--contract has no --select: it judges nothing"),
    ],
)
def test_bad_arguments(folder, capsys, arguments, words):
    assert main(["verify", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert len(err.splitlines()) == 1


def test_no_key_is_printed(folder, capsys):
    key = "gsk_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
    folder("a.yaml", interaction(chat(user=key, model=key), 404, NOT_FOUND, authorization=[f"Bearer {key}"]))

    for form in ("text", "json", "github", "sarif"):
        assert main(["verify", "a.yaml", "--format", form]) == 1
        out = capsys.readouterr().out
        assert "LLM202" in out
        assert key not in out


def test_it_is_a_function_too(folder):
    folder("a.yaml", interaction(chat(n=2), 400))

    verification = verify("a.yaml", today=date(2027, 10, 5))

    assert [violation.code for violation in verification.violations] == ["LLM203", "LLM101"]
    assert not verification.clean
    with pytest.raises(BadInput):
        verify("nowhere")


# What is relied on


def test_what_an_application_relies_on_a_line_for_each_with_its_tests(folder, capsys):
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "deep": 1}}}]
    ours = {"metadata": {"llmcontract": {"format": 1, "test": "tests/test_app.py::test_tools"}}}
    agent = {"user-agent": ["Groq/Python 0.0.1"]}
    folder("cassettes/a.yaml", interaction(chat(tools=tools), **agent), **ours)
    folder("cassettes/b.yaml", interaction(chat(), 404, NOT_FOUND), interaction({}, url="https://example.org/"))

    assert main(["verify", "--contract", "cassettes", "--edition", "2026-10-01"]) == 0
    lines = capsys.readouterr().out.splitlines()
    both, one, other = (
        "cassettes/b.yaml, tests/test_app.py::test_tools",
        "tests/test_app.py::test_tools",
        "cassettes/b.yaml",
    )
    assert [line.removeprefix("groq chat.completions ") for line in lines][:-1] == [
        f"model openai/gpt-oss-120b: {both}",
        f"field messages: {both}",
        f"field messages[].content: {both}",
        f"field messages[].role: {both}",
        f"field model: {both}",
        f"field tools: {one}",
        f"field tools[].function: {one}",
        f"field tools[].function.name: {one}",
        f"field tools[].function.parameters: {one}",
        f"field tools[].type: {one}",
        f"error 404 model_not_found: {other}",
        f"client groq-python 0.0.1: {one}",
    ]
    assert lines[-1].startswith("groq chat.completions changed client groq-python 0.0.1 is now ")


def test_what_a_newer_edition_touches(folder, capsys):
    then = "Mon, 05 May 2025 12:00:00 GMT"
    reasoned = [{"role": "user", "content": "Hi"}]
    folder("a.yaml", interaction(chat(model="llama3-8b-8192"), day=then))
    folder("b.yaml", interaction(chat(messages=reasoned, temprature=1), 400, day=then))

    assert main(["verify", "--contract", ".", "--edition", "2026-10-01", "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["edition"] == "2026-10-01"
    assert [use for use in answer["uses"] if use["kind"] == "changed"] == [
        {
            "provider": "groq",
            "operation": "chat.completions",
            "kind": "changed",
            "name": "model llama3-8b-8192 is retired since 2025-08-30",
            "tests": ["a.yaml"],
        }
    ]
    assert main(["verify", "--contract", ".", "--edition", "2025-06-01"]) == 0
    assert "changed model llama3-8b-8192 retires on 2025-08-30: a.yaml" in capsys.readouterr().out


def test_a_field_that_is_refused_since(folder):
    """A field that the contract of a later day no longer has, and one that was wrong from the beginning."""
    accepted = chat(model="llama-3.3-70b-versatile", response_format={"type": "json_object"}, messages=[
        {"role": "user", "content": "json"}, {"role": "assistant", "content": "x", "reasoning": "y"}])  # fmt: skip
    folder("a.yaml", interaction(accepted, day="Mon, 05 Oct 2026 12:00:00 GMT"))

    summary, reading = summarise("a.yaml", edition="2025-05-02")

    assert reading.problems == []
    changed = [use.name for use in summary.uses if use.kind == "changed"]
    assert any("reasoning" in name for name in changed)


def test_a_cassette_that_several_tests_share(folder):
    shared = {**interaction(chat(seed=1)), "recorded_by": "t.py::test_one"}
    folder("a.yaml", shared, {**interaction(chat()), "recorded_by": "t.py::test_two"})

    summary, _ = summarise("a.yaml")

    tests = {use.name: sorted(tests) for use, tests in summary.uses.items() if use.kind == "field"}
    assert tests["seed"] == ["t.py::test_one"]
    assert tests["messages"] == ["t.py::test_one", "t.py::test_two"]


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("verify", 1, "$.n is"),
        ("verify --format=json", 1, '"path": "$.n"'),
        ("verify --format=sarif", 1, "$.n is"),
        ("verify --contract", 0, "field n: a.json"),
        ("drift", 0, "of 3 compared"),
    ],
)
def test_halves_of_surrogate_pairs_end_nothing(folder, tmp_path, command, code, words, monkeypatch):
    """In headers, in the name of a model; the terminal is a real one, which cannot spell them."""
    odd = {"model": "x\ud800", "messages": []}
    one = interaction(odd, 404, **{"x-\ud800": ["\ud800"]})
    document = {"interactions": [one, interaction(odd, 404), interaction(chat(n=2), 400)]}
    (tmp_path / "a.json").write_text(json.dumps(document))
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr("sys.stdout", terminal)

    assert main([*command.split(), "a.json"]) == code

    terminal.flush()
    assert words in terminal.buffer.getvalue().decode()


def test_half_of_a_surrogate_pair_in_an_address_is_one_line_and_the_others_are_judged(folder, tmp_path, capsys):
    one = interaction(chat(), 404, url="https://api.groq.com/openai/v1/\ud800")
    (tmp_path / "a.json").write_text(json.dumps({"interactions": [one, interaction(chat(n=2), 400)]}))

    assert main(["verify", "a.json"]) == 2
    out, err = capsys.readouterr()
    assert "LLM101" in out
    assert err.splitlines() == [
        "llmcontract verify: a.json:1: interaction 0: 'https://api.groq.com/openai/v1/\\ud800' is no address"
    ]
