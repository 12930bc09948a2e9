"""What is recorded: plain vcrpy, scrubbed, whole or not at all, and nobody's work is lost."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import stat
from pathlib import Path
from typing import Any

import groq
import httpx
import pytest
import requests
import vcr
import yaml

from pytest_llmcontract import simulate
from pytest_llmcontract.contracting import TestPlace as Place
from pytest_llmcontract.contracting import close_tape, open_tape
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.files import write_whole
from pytest_llmcontract.recordings.cassette import read_cassette
from pytest_llmcontract.recordings.write import locked

MODEL = "openai/gpt-oss-120b"
URL = "https://api.groq.com/openai/v1/chat/completions"


def ask(text: str = "Hello", **fields: Any) -> Any:
    messages = [{"role": "user", "content": text}]
    return groq.Groq().chat.completions.create(model=MODEL, messages=messages, **fields)


def record(path: Path, *texts: str, mode: str = "once", test: str = "t.py::test_a", **fields: Any) -> list[str]:
    """Records the calls of one test, which says so in its own words; what changed."""
    place = Place(path.parent / "test_it.py", "test_it", test)
    tape = open_tape({"path": path.name, "record": mode}, place)
    with simulate("groq", check=False) as api:
        api.simulator.state.tape = tape
        for text in texts:
            api.reply(f"{text}!")
            ask(text, **fields)
    return close_tape(tape, passed=True)


def texts(path: Path) -> list[str]:
    return [interaction.request.json["messages"][0]["content"] for interaction in read_cassette(path).interactions]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "c.llm.yaml"


# The form


def test_vcrpy_plays_it_for_requests_and_httpx(path):
    with simulate("groq", contract={"path": path, "record": "once"}):
        answer = ask()
        pieces = "".join(chunk.choices[0].delta.content or "" for chunk in ask(stream=True))
    recorded = read_cassette(path).interactions

    with vcr.use_cassette(str(path), record_mode="none", match_on=["method", "uri"]):
        by_httpx = httpx.post(URL, content=recorded[0].request.body)
        by_requests = requests.post(URL, data=recorded[1].request.body, stream=True)
        events = [json.loads(line[6:]) for line in by_requests.iter_lines() if line.startswith(b"data: {")]

    assert by_httpx.json()["id"] == answer.id
    assert "".join(event["choices"][0]["delta"].get("content") or "" for event in events) == pieces


def test_the_header_block_says_when_from_whom_and_with_what(path):
    with simulate("groq", plan="developer", contract={"path": path, "record": "once"}) as api:
        api.reply("scripted")
        ask()
        ask("other")

    metadata = read_cassette(path).metadata

    assert metadata.format == 1
    assert metadata.source == "simulator"
    assert metadata.provider == ("groq",)
    assert [str(day) for day in metadata.edition] == ["2026-10-01"]
    assert metadata.plan == ("developer",)
    assert metadata.client == (f"groq-python {groq.__version__}",)
    assert metadata.scripted == (0,)
    assert metadata.recorded_at is not None
    assert yaml.safe_load(path.read_text())["version"] == 1


def test_json_if_the_name_says_so(path):
    name = path.with_name("c.json")

    record(name, "a")

    assert json.loads(name.read_text())["interactions"][0]["response"]["status"]["code"] == 200
    assert texts(name) == ["a"]


def test_nothing_private_is_written(path, monkeypatch):
    monkeypatch.setenv("GROQ_API_KEY", "gsk_" + "aB3dE6gH9kL2nP5r" * 3)

    record(path, "my key is gsk_" + "zY8xW5vU2tS9rQ6p" * 3, user="somebody@company.com")

    written = path.read_text()
    assert "aB3dE6" not in written
    assert "zY8xW5" not in written
    assert "somebody" not in written


def test_a_new_file_can_be_read_by_others_and_an_old_one_keeps_its_rights(path):
    record(path, "a")
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()

    path.chmod(0o600)
    record(path, "b", mode="new_episodes")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# What changes


def test_once_records_where_there_is_no_cassette_and_never_again(path):
    assert record(path, "a", "b") == [f"recorded 2 calls of test_a in {path}"]
    before = path.read_text()

    assert record(path, "a", "b") == []
    assert path.read_text() == before


def test_once_counts_for_each_test_of_a_shared_cassette(path):
    record(path, "a", test="t.py::test_a")
    record(path, "a", "b", test="t.py::test_b")  # what test_a recorded answers test_b too
    assert texts(path) == ["a", "b"]

    with pytest.raises(groq.BadRequestError, match="LLM20"):
        record(path, "b", "c", test="t.py::test_b")
    assert texts(path) == ["a", "b"]


def test_once_adds_nothing_to_a_cassette_that_belongs_to_nobody(path):
    path.parent.mkdir()
    record(path, "a", test="")

    with pytest.raises(groq.BadRequestError, match="LLM206"):
        record(path, "b", test="t.py::test_b")


def test_new_episodes_adds_what_is_missing_and_replaces_what_changed(path):
    record(path, "the first question", "the second question", temperature=0.2)
    kept = read_cassette(path).interactions[0]

    lines = record(path, "the first question", mode="new_episodes", temperature=0.2)
    assert lines == []
    lines = record(path, "the first question", "the second enquiry", "another", mode="new_episodes", temperature=0.2)

    assert lines == [
        're-recorded call 2 of test_a: $.messages[0].content "the second question" → "the second enquiry"',
        "recorded a new call of test_a: groq chat.completions",
    ]
    assert texts(path) == ["the first question", "the second enquiry", "another"]
    assert read_cassette(path).interactions[0] == kept


def test_new_episodes_keeps_what_is_made_no_more(path):
    record(path, "a", "b")

    record(path, "b", "c", "d", mode="new_episodes")

    assert sorted(texts(path)) == ["b", "c", "d"]  # c or d took the place of a


def test_all_records_anew_and_drops_what_is_made_no_more(path):
    record(path, "a", "b", "c", temperature=0.2)

    lines = record(path, "c", "a", mode="all", temperature=0.2)

    assert texts(path) == ["c", "a"]
    assert lines == ["dropped call 2 of test_a, which is made no more: groq chat.completions"]


def test_all_says_what_changed(path):
    record(path, "a", temperature=0.2)

    assert record(path, "a", mode="all", temperature=0.3) == ["re-recorded call 1 of test_a: $.temperature 0.2 → 0.3"]


def test_what_a_failed_test_recorded_is_not_written(path):
    tape = open_tape({"path": path.name, "record": "once"}, Place(path.parent / "test_it.py", "test_a", "t.py::test_a"))
    with simulate("groq") as api:
        api.simulator.state.tape = tape
        ask()

    assert close_tape(tape, passed=False) == ["1 call of test_a not recorded: the test failed"]
    assert not path.exists()


def test_tests_that_share_a_cassette_keep_each_others_recordings(path):
    record(path, "a1", "a2", test="t.py::test_a")
    record(path, "b1", mode="new_episodes", test="t.py::test_b")
    record(path, "a3", mode="all", test="t.py::test_a")

    assert texts(path) == ["b1", "a3"]


def test_two_that_read_before_either_wrote_lose_nothing(path):
    place = Place(path.parent / "test_it.py", "test_it", "")
    tapes = [open_tape({"path": path.name, "record": "once"}, place) for _ in range(2)]

    for number, tape in enumerate(tapes):
        with simulate("groq") as api:
            api.simulator.state.tape = tape
            ask(f"question {number}")
        close_tape(tape, passed=True)

    assert texts(path) == ["question 0", "question 1"]


def _record_one(path: Path, number: int) -> None:
    record(path, f"question {number}", mode="new_episodes", test=f"t.py::test_{number}")


def test_processes_that_write_one_cassette_side_by_side_lose_nothing(path):
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_record_one, args=(path, number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0] * 4
    assert sorted(texts(path)) == [f"question {number}" for number in range(4)]


def test_what_another_tool_wrote_is_kept_as_it_is(path):
    path.parent.mkdir()
    foreign = {
        "interactions": [
            {
                "recorded_with": "something else",
                "request": {"method": "GET", "uri": "https://example.com/", "body": None, "headers": {}},
                "response": {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": b"\x00\xff"}},
            }
        ],
        "version": 1,
        "metadata": {"mine": 1},
    }
    path.write_text(yaml.safe_dump(foreign))

    record(path, "a", mode="new_episodes")

    document = yaml.safe_load(path.read_text())
    assert document["interactions"][0] == foreign["interactions"][0]
    assert document["metadata"]["mine"] == 1
    assert len(document["interactions"]) == 2


def test_what_is_no_cassette_of_vcrpys_form_is_not_recorded_into(path):
    path.parent.mkdir()
    path.write_text(json.dumps({"requests": [], "responses": []}))

    with pytest.raises(BadInput, match=r"c\.llm\.yaml: only a cassette of vcrpy's present form can be added to"):
        record(path, "a", mode="new_episodes")


# Whole or not at all


def _killed_at(path: Path, name: str, after: bool) -> None:
    real = getattr(os, name)

    def killing(*args: Any) -> Any:
        if after:
            real(*args)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(os, name, killing)
    record(path, "new", mode="all")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing kills like that here")
@pytest.mark.parametrize(
    ("name", "after", "left"),
    [("fsync", False, "old"), ("replace", False, "old"), ("replace", True, "new")],
    ids=["while writing", "before replacing", "after replacing"],
)
def test_a_killed_run_leaves_the_old_cassette_or_the_new_one(path, name, after, left):
    record(path, "old")

    process = multiprocessing.get_context("spawn").Process(target=_killed_at, args=(path, name, after))
    process.start()
    process.join()

    assert process.exitcode == -signal.SIGKILL
    assert texts(path) == [left]
    assert record(path, "next", mode="all") == [
        f're-recorded call 1 of test_a: $.messages[0].content "{left}" → "next"'
    ]  # the lock died with its holder


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch):
    file = tmp_path / "f"
    write_whole(file, "old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))

    with pytest.raises(OSError, match="full"):
        write_whole(file, "new")

    assert file.read_text() == "old"
    assert os.listdir(tmp_path) == ["f"]


# Others


def test_once_is_once_also_for_two_processes(path):
    """Both find no cassette; the second one keeps what the first has written."""
    place = Place(path.parent / "test_it.py", "test_it", "t.py::test_a")
    late = open_tape({"path": path.name, "record": "once"}, place)
    with simulate("groq", check=False) as api:
        api.simulator.state.tape = late
        ask("late")
    record(path, "early")

    assert close_tape(late, passed=True) == [f"test_a was recorded by another process meanwhile, in {path}: kept"]
    assert texts(path) == ["early"]


def test_a_lock_that_nobody_lets_go_of_is_one_line(path, monkeypatch):
    monkeypatch.setattr("pytest_llmcontract.recordings.write.PATIENCE", 0.05)

    with locked(path), pytest.raises(BadInput, match=r"c\.llm\.yaml: another process has held its lock for 0\.05 s"):
        record(path, "Hello")


def test_what_could_not_be_scrubbed_is_not_written(path, monkeypatch):
    monkeypatch.setattr("pytest_llmcontract.recordings.write.scrubbed_request", lambda request: request)
    key = "gsk_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"

    with pytest.raises(BadInput, match="call 1 of test_a is not recorded: request body holds a Groq key"):
        record(path, f"my key is {key}")

    assert not path.exists()


def test_the_client_and_the_test_that_the_header_block_names_are_scrubbed(path):
    key = "gsk_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
    place = Place(path.parent / "test_it.py", "test_it", f"t.py::test_a[{key}]")
    tape = open_tape({"path": path.name, "record": "once"}, place)
    with simulate("groq", check=False) as api:
        api.simulator.state.tape = tape
        body = {"model": MODEL, "messages": [{"role": "user", "content": "x"}]}
        httpx.post(URL, headers={"authorization": "Bearer x", "user-agent": f"app/{key}"}, json=body)
    close_tape(tape, passed=True)

    assert key not in path.read_text()
    assert read_cassette(path).interactions[0].recorded_by == "t.py::test_a[***]"
