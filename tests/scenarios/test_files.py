"""Files that stay, through the providers' own SDKs: sent, listed, read to the byte, deleted, expired, refused."""

from __future__ import annotations

import hashlib

import groq
import httpx
import openai
import pytest
import together
from together.lib.resources import files as uploads

from pytest_llmcontract import simulate, verify

DATA = b'{"custom_id": "1"}\r\n\x00\xff not even text \xe2\x82'
GROQ = "https://api.groq.com/openai/v1"
TOGETHER = "https://api.together.ai/v1"
KEY = {"authorization": "Bearer k"}

paid = pytest.mark.groq_api(plan="developer")


@pytest.fixture
def a_file(tmp_path):
    path = tmp_path / "lines.jsonl"
    path.write_bytes(DATA)
    return path


# Groq


@paid
def test_a_file_comes_back_to_the_byte_and_goes(groq_api):
    client = groq.Groq()
    sent = client.files.create(file=("lines.jsonl", DATA), purpose="batch")

    assert (sent.bytes, sent.filename, sent.purpose) == (len(DATA), "lines.jsonl", "batch")
    assert sent.id.startswith("file_")
    assert len(sent.id) == len("file_") + 26
    assert client.files.info(sent.id).created_at == int(groq_api.clock.now.timestamp())
    assert [one.id for one in client.files.list().data] == [sent.id]
    assert client.files.content(sent.id).read() == DATA
    assert client.files.delete(sent.id).deleted
    assert client.files.list().data == []
    with pytest.raises(groq.NotFoundError):
        client.files.info(sent.id)


@paid
def test_openais_sdk_sends_files_to_groq_too(groq_api):
    client = openai.OpenAI(base_url=GROQ, api_key="k")
    sent = client.files.create(file=("lines.jsonl", DATA), purpose="batch")

    assert client.files.content(sent.id).read() == DATA
    assert [one.id for one in client.files.list()] == [sent.id]


@paid
def test_a_file_expires_after_thirty_days(groq_api, llm_clock):
    client = groq.Groq()
    sent = client.files.create(file=("lines.jsonl", DATA), purpose="batch")
    llm_clock.advance(days=29, hours=23)
    assert client.files.content(sent.id).read() == DATA
    llm_clock.advance(hours=1)

    assert client.files.list().data == []
    with pytest.raises(groq.NotFoundError):
        client.files.content(sent.id)


@paid
def test_a_reset_forgets_files(groq_api):
    client = groq.Groq()
    client.files.create(file=("lines.jsonl", DATA), purpose="batch")
    groq_api.reset()

    assert client.files.list().data == []


@pytest.mark.llm_allow("LLM102")
@pytest.mark.parametrize("operation", ["create", "list", "content", "delete", "batches"])
def test_the_free_plan_has_no_files_and_no_batches(groq_api, operation):
    client = groq.Groq(max_retries=0)
    asked = {
        "create": lambda: client.files.create(file=("lines.jsonl", DATA), purpose="batch"),
        "list": client.files.list,
        "content": lambda: client.files.content("file_1"),
        "delete": lambda: client.files.delete("file_1"),
        "batches": client.batches.list,
    }

    with pytest.raises(groq.PermissionDeniedError) as refused:
        asked[operation]()

    assert refused.value.body["error"]["code"] == "not_available_for_plan"


BROKEN = {
    "no form": (b"lines", "multipart/form-data; boundary=x"),
    "no boundary": (b"--x\r\n", "multipart/form-data"),
    "cut off": (
        b'--x\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--x\r\n'
        b'content-disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n{"cus',
        "multipart/form-data; boundary=x",
    ),
    "another boundary": (b"--y\r\n\r\n\r\n--y--\r\n", "multipart/form-data; boundary=x"),
    "JSON": (b'{"purpose": "batch", "file": "a.jsonl"}', "application/json"),
    "nothing": (b"", "multipart/form-data; boundary=x"),
    "a list": (b"[1]", "application/json"),
}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize(("provider", "url"), [("groq", f"{GROQ}/files"), ("together", f"{TOGETHER}/files/upload")])
def test_a_broken_form_is_a_clean_400(provider, url, broken):
    body, kind = BROKEN[broken]
    settings = {"plan": "developer"} if provider == "groq" else {}
    with simulate(provider, check=False, **settings):
        reply = httpx.post(url, content=body, headers={**KEY, "content-type": kind})

    assert reply.status_code == 400
    assert reply.json()["error"]


@pytest.mark.parametrize(("provider", "url"), [("groq", f"{GROQ}/files"), ("together", f"{TOGETHER}/files/upload")])
def test_a_file_without_a_byte_is_a_clean_400(provider, url):
    settings = {"plan": "developer", "purpose": "batch"} if provider == "groq" else {"purpose": "batch-api"}
    form = {"purpose": settings.pop("purpose"), "file_name": "a.jsonl"}
    form = {"purpose": form["purpose"]} if provider == "groq" else form
    with simulate(provider, check=False, **settings):
        reply = httpx.post(url, data=form, files={"file": ("a.jsonl", b"")}, headers=KEY)

    assert reply.status_code == 400
    assert "empty" in reply.json()["error"]["message"]


@pytest.mark.llm_allow("LLM102")
@paid
def test_a_purpose_that_groq_does_not_have_is_refused(groq_api):
    with pytest.raises(groq.BadRequestError):
        groq.Groq().files.create(file=("lines.jsonl", DATA), purpose="fine-tune")


@pytest.mark.llm_allow("LLM107")
@paid
def test_a_file_may_be_larger_than_sound_that_is_uploaded(groq_api):
    client = groq.Groq(max_retries=0)
    large = bytes(30_000_000)
    assert client.files.create(file=("large.jsonl", large), purpose="batch").bytes == 30_000_000
    with pytest.raises(groq.APIStatusError) as refused:
        client.files.create(file=("large.jsonl", large * 7), purpose="batch")

    assert refused.value.status_code == 413


# Together


def test_togethers_sdk_announces_puts_and_preprocesses(together_api, a_file):
    client = together.Together()
    sent = client.files.upload(a_file, purpose="batch-api", check=False)

    assert together_api.calls.statuses == [302, 200, 200]
    assert [call.operation for call in together_api.calls] == ["files.upload_url", "files.put", "files.preprocess"]
    assert (sent.bytes, sent.filename, sent.purpose, sent.file_type) == (
        len(DATA), "lines.jsonl", "batch-api", "jsonl",
    )  # fmt: skip
    assert client.files.content(sent.id).read() == DATA
    assert client.files.retrieve(sent.id).id == sent.id
    assert [one.id for one in client.files.list().data] == [sent.id]
    assert client.files.delete(sent.id).deleted
    with pytest.raises(together.NotFoundError):
        client.files.retrieve(sent.id)


async def _upload(path):
    return await together.AsyncTogether().files.upload(path, purpose="batch-api", check=False)


@pytest.mark.asyncio
async def test_the_async_sdk_does_too(together_api, a_file):
    sent = await _upload(a_file)

    assert together.Together().files.content(sent.id).read() == DATA


def test_a_file_of_a_known_checksum_is_not_sent_again(together_api, a_file):
    client = together.Together(max_retries=0)
    first = client.files.upload(a_file, purpose="batch-api", check=False)
    second = client.files.upload(a_file, purpose="batch-api", check=False)

    assert second.id == first.id
    assert together_api.calls[3].status == 409
    assert together_api.calls[3].reply.json == {"file_id": first.id}
    client.files.delete(first.id)
    assert client.files.upload(a_file, purpose="batch-api", check=False).id != first.id


def test_a_large_file_goes_in_parts(together_api, tmp_path, monkeypatch):
    monkeypatch.setattr(uploads, "MULTIPART_THRESHOLD_GB", 0)
    monkeypatch.setattr(uploads, "TARGET_PART_SIZE_MB", 5)
    data = hashlib.shake_256(b"large").digest(12_000_000)
    path = tmp_path / "large.jsonl"
    path.write_bytes(data)
    client = together.Together()
    sent = client.files.upload(path, purpose="fine-tune", check=False)

    assert [call.operation for call in together_api.calls] == [
        "files.multipart_initiate", *["files.put"] * 3, "files.multipart_complete",
    ]  # fmt: skip
    assert client.files.content(sent.id).read() == data


def test_parts_that_are_not_wanted_any_more_are_gone(together_api):
    begun = httpx.post(
        f"{TOGETHER}/files/multipart/initiate",
        json={"file_name": "a.jsonl", "file_size": 6, "num_parts": 2, "purpose": "fine-tune"},
        headers=KEY,
    ).json()
    first, second = (part["URL"] for part in begun["parts"])
    tag = httpx.put(first, content=b"one").headers["etag"]
    named = {"upload_id": begun["upload_id"], "file_id": begun["file_id"]}
    done = {**named, "parts": [{"part_number": 1, "etag": tag}]}
    assert httpx.post(f"{TOGETHER}/files/multipart/complete", json=done, headers=KEY).status_code == 400
    assert httpx.post(f"{TOGETHER}/files/multipart/abort", json=named, headers=KEY).status_code == 200

    assert httpx.put(second, content=b"two").status_code == 404
    assert httpx.post(f"{TOGETHER}/files/multipart/complete", json=done, headers=KEY).status_code == 404
    assert httpx.get(f"{TOGETHER}/files/{begun['file_id']}", headers=KEY).status_code == 404


def test_nothing_that_was_not_put_is_preprocessed(together_api):
    form = {"purpose": (None, "batch-api"), "file_name": (None, "a.jsonl")}
    asked = httpx.post(f"{TOGETHER}/files", files=form, headers=KEY)
    id = asked.headers["x-together-file-id"]
    refused = httpx.post(f"{TOGETHER}/files/{id}/preprocess", headers=KEY)

    assert (asked.status_code, refused.status_code) == (302, 400)
    assert httpx.put(asked.headers["location"] + "0", content=b"x").status_code == 404
    assert httpx.post(f"{TOGETHER}/files/file-other/preprocess", headers=KEY).status_code == 404


def test_the_form_is_answered_too(together_api):
    form = {"purpose": "batch-api", "file_name": "lines.jsonl", "file_type": "jsonl"}
    reply = httpx.post(f"{TOGETHER}/files/upload", data=form, files={"file": ("x", DATA)}, headers=KEY)

    assert reply.status_code == 200
    assert (reply.json()["filename"], reply.json()["FileType"]) == ("lines.jsonl", "jsonl")
    assert httpx.get(f"{TOGETHER}/files/{reply.json()['id']}/content", headers=KEY).content == DATA


@pytest.mark.parametrize(
    ("data", "status", "error"),
    [
        (b'{"text": "a"}\n{"text": "b"}\n', "COMPLETED", None),
        (b'{"text": "a"}\n{"text": \n', "INVALID_FORMAT", "Line 2: not valid JSON"),
        (b'{"text": "a"}\n[]\n', "INVALID_FORMAT", "Line 2: not a JSON object"),
    ],
)
def test_a_file_for_training_is_looked_into(together_api, tmp_path, data, status, error):
    path = tmp_path / "train.jsonl"
    path.write_bytes(data)
    client = together.Together()
    file = client.files.retrieve(client.files.upload(path, purpose="fine-tune", check=False).id)

    assert file.processing_status == status
    assert (file.validation_report.error, file.validation_report.nlines) == (error, 2)


@pytest.mark.parametrize(("day", "told"), [("2026-04-22", False), ("2026-10-07", True)])
def test_a_file_says_that_it_was_processed(a_file, day, told):
    """In two ways, of which the SDK 2 wants the first and the SDK 3 the second."""
    with simulate("together", edition=day):
        id = together.Together().files.upload(a_file, purpose="batch-api", check=False).id
        record = httpx.get(f"{TOGETHER}/files/{id}", headers=KEY).json()

    assert (record["Processed"], record["LineCount"]) == (True, 0)
    assert ("processing_status" in record) == told


@pytest.mark.parametrize("operation", ["", "/content", "/preprocess"])
def test_an_id_of_another_provider_is_not_there(together_api, operation):
    ask = httpx.post if operation == "/preprocess" else httpx.get
    reply = ask(f"{TOGETHER}/files/file_01jh6x76wtemjr74t1fh0faj5t{operation}", headers=KEY)

    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "not_found"


# Recorded and replayed

RECORDED = """
import json, time
import groq, pytest, together

BODY = {"model": "openai/gpt-oss-20b", "messages": [{"role": "user", "content": "Hi"}]}
LINE = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": BODY}
DATA = json.dumps(LINE).encode() + b"\\r\\n"

@pytest.mark.llm_contract
@pytest.mark.groq_api(plan="developer")
def test_groq(groq_api, llm_clock):
    client = groq.Groq()
    file = client.files.create(file=("a.jsonl", DATA), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    while batch.status != "completed":
        time.sleep(1)
        batch = client.batches.retrieve(batch.id)
    assert client.files.content(file.id).read() == DATA
    assert json.loads(client.files.content(batch.output_file_id).text())["custom_id"] == "a"

@pytest.mark.llm_contract
def test_together(together_api, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\\xff\\x00 no text\\r\\n" + CHANGED)
    client = together.Together()
    file = client.files.upload(path, purpose="fine-tune", check=False)
    assert client.files.content(file.id).read() == path.read_bytes()
    assert client.files.upload(path, purpose="fine-tune", check=False).id == file.id
"""


def test_uploads_and_contents_are_recorded_and_replayed(run_pytest, pytester):
    pytester.makepyfile(test_it=RECORDED.replace("CHANGED", "b''"))
    run_pytest("--llmcontract-record=once").assert_outcomes(passed=2)
    run_pytest().assert_outcomes(passed=2)
    pytester.makepyfile(test_it=RECORDED.replace("CHANGED", "b'!'"))

    run_pytest().assert_outcomes(passed=1, failed=1)
    found = verify(pytester.path)
    assert (found.checked, found.violations) == (14, [])
