"""``llmcontract battery``: commands of whatever language, judged by how they treat a server of ours."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from pytest_llmcontract.cli import main

pytest.importorskip("uvicorn")

PYTHON = """
import json, os, sys, time
import urllib.error, urllib.request

asked = json.loads(sys.stdin.readline())
BODY = {"model": "openai/gpt-oss-120b", "messages": [{"role": "user", "content": asked["prompt"]}]}


def ask(stream=False):
    assert os.environ["GROQ_BASE_URL"] == os.environ["LLMCONTRACT_BASE_URL"]
    url = os.environ["GROQ_BASE_URL"] + "/openai/v1/chat/completions"
    headers = {"authorization": "Bearer " + os.environ["GROQ_API_KEY"], "content-type": "application/json"}
    request = urllib.request.Request(url, json.dumps({**BODY, "stream": stream}).encode(), headers)
    with urllib.request.urlopen(request) as reply:
        return reply.read().decode()


"""
CLIENTS = {
    "good": 'answer = json.loads(ask())["choices"][0]\n'
    'print(json.dumps({"text": answer["message"]["content"], "finish_reason": answer["finish_reason"]}))',
    "in_vain": "for _ in range(3):\n    try:\n        print(ask())\n        break\n    except urllib.error.HTTPError:\n"
    "        time.sleep(0.1)\nelse:\n    sys.exit('ProviderError: three times')",
    "storms": "while True:\n    try:\n        ask()\n    except urllib.error.HTTPError:\n        pass",
    "hangs": "try:\n    print(ask())\nexcept urllib.error.HTTPError:\n    time.sleep(60)",
    "obeys": "try:\n    print(ask())\nexcept urllib.error.HTTPError as error:\n"
    "    time.sleep(float(error.headers['retry-after']))\n    print(ask())",
    "crashes": "try:\n    print(ask())\nexcept urllib.error.HTTPError as error:\n    print(json.load(error)['text'])",
    "part": "import re\ntry:\n    got = ask(asked['stream'])\nexcept Exception as error:\n"
    '    got = error.partial.decode()\nprint(*re.findall(\'"content":"([^"]*)"\', got))',
    "nowhere": "print('Hello')",
}


@pytest.fixture
def battery(tmp_path, monkeypatch):
    """Run the battery on one of CLIENTS."""
    monkeypatch.chdir(tmp_path)

    def battery(client, *options, command=f"{sys.executable}"):
        Path("client.py").write_text(PYTHON + CLIENTS[client], "utf-8")
        return main(["battery", "--command", f"{command} client.py", *options])

    return battery


def only(*names):
    return [word for name in names for word in ("--only", name)]


def verdicts(capsys):
    return {row["behaviour"]: row for row in json.loads(capsys.readouterr().out)}


def test_a_good_command_passes(battery, capsys):
    code = battery("good", *only("nothing_is_wrong", "revoked_key", "at_its_length", "whole_answer"), "--json")
    found = verdicts(capsys)

    assert code == 0
    assert {name: row["verdict"] for name, row in found.items()} == {
        "answers_when_nothing_is_wrong": "pass",
        "streams_the_whole_answer": "not applicable",
        "reports_a_revoked_key": "pass",
        "tells_an_answer_that_was_cut_at_its_length": "pass",
    }
    assert found["reports_a_revoked_key"]["reason"].startswith("raises HTTPError after 1 request")


@pytest.mark.parametrize(
    ("client", "behaviour", "options", "reason"),
    [
        ("in_vain", "reports_a_revoked_key", (), "LLM304: somebody unknown asked again after 401 invalid_api_key"),
        ("storms", "gives_up_on_an_error_that_stays", (), "storms: more than 200 requests, and no end"),
        ("hangs", "survives_an_internal_error", ("--patience", "3"), "hangs: it was still not done after 3 s"),
        ("crashes", "survives_an_internal_error", (), "crashes Crashed after 1 request"),
        ("part", "notices_a_stream_that_is_cut_after_some", ("--stream",), "it returned a part as if it were"),
        ("good", "survives_an_internal_error", ("--expect", "survives_an_internal_error=answers"), "raises HTTPError"),
    ],
)  # fmt: skip
def test_a_bad_command_is_told_what_it_did(battery, capsys, client, behaviour, options, reason):
    code = battery(client, *only(behaviour), *options, "--json")
    [row] = verdicts(capsys).values()

    assert (code, row["verdict"]) == (1, "fail")
    assert row["reason"].startswith(reason)
    assert "what happens   " in row["detail"]


def test_who_waits_as_it_was_told_is_not_failed_for_it(battery, capsys):
    code = battery("obeys", *only("retry_after_of_59"), "--patience", "3", "--json")
    [row] = verdicts(capsys).values()

    assert (code, row["verdict"]) == (0, "not applicable")
    assert row["reason"].startswith("it waits as it was told to, for another 5")


def test_what_happens_before_a_server_is_reached_is_not_applicable(battery, capsys):
    code = battery("good", *only("name_that_is_not_found"), "--json")
    [row] = verdicts(capsys).values()

    assert (code, row["verdict"]) == (0, "not applicable")
    assert row["reason"] == "dns_error cannot happen to a client that has reached a server"


def test_the_table_and_a_report_are_written(battery, capsys):
    code = battery("crashes", *only("nothing_is_wrong", "internal_error"), "--report", "x.json")
    out = capsys.readouterr().out

    assert code == 1
    assert "client.py, groq: 1 pass, 1 fail\n  nothing wrong\n    pass  answers_when_nothing_is_wrong" in out
    battery_of_ledger = json.loads(Path("x.json").read_text("utf-8"))["battery"]
    assert [row["verdict"] for row in battery_of_ledger] == ["pass", "fail"]


@pytest.mark.parametrize(
    ("client", "options", "said"),
    [
        ("nowhere", (), "asked nothing of groq at http://127.0.0.1:"),
        ("good", only("revokd_key"), "unknown behaviour in --only 'revokd_key'"),
        ("good", ("--expect", "x=raises"), "unknown behaviour in --expect 'x'"),
        ("good", ("--expect", "reports_a_revoked_key=gives_up"), "unknown outcome in --expect reports_a_revoked_key"),
        ("good", ("--patience", "0"), "--patience 0 --jobs 8; accepted: seconds above 0, jobs from 1"),
        ("good", ("--report", "x.txt"), "x.txt"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(battery, capsys, client, options, said):
    code = battery(client, *options)
    out, err = capsys.readouterr()

    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_command_that_is_not_there_is_bad_input(battery, capsys):
    assert battery("good", command="no-such-interpreter") == 2
    assert "--command 'no-such-interpreter client.py' cannot be started" in capsys.readouterr().err


def test_a_real_key_does_not_travel_along(battery, monkeypatch, capsys):
    monkeypatch.setenv("GROQ_API_KEY", "gsk_" + "a1B2" * 13)
    CLIENTS["shows"] = "ask()\nprint(os.environ['GROQ_API_KEY'])"

    battery("shows", *only("nothing_is_wrong"))

    assert "a1B2" not in capsys.readouterr().out


NODE = """
let given = "";
for await (const piece of process.stdin) given += piece;
const { prompt } = JSON.parse(given);
const reply = await fetch(`${process.env.GROQ_BASE_URL}/openai/v1/chat/completions`, {
  method: "POST",
  headers: { authorization: "Bearer x", "content-type": "application/json" },
  body: JSON.stringify({ model: "openai/gpt-oss-120b", messages: [{ role: "user", content: prompt }] }),
});
const answer = await reply.json();
console.log(answer.choices[0].message.content);
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_a_client_of_node_that_looks_at_no_status_crashes(tmp_path, capsys):
    (tmp_path / "client.mjs").write_text(NODE, "utf-8")
    chosen = only("nothing_is_wrong", "revoked_key", "empty_answer")
    code = main(["battery", "--command", f"node {tmp_path}/client.mjs", *chosen, "--json"])
    found = verdicts(capsys)

    assert code == 1
    assert found["answers_when_nothing_is_wrong"]["verdict"] == "pass"
    assert found["reports_a_revoked_key"]["outcome"] == "crashes"
    assert found["does_not_pass_on_an_empty_answer"]["outcome"] == "nothing"
