"""Recordings of other recorders: each form means what vcrpy's does, and what is not in a recording is left out by name.

The forms are those that the recorders write, made small. Where one writes a body in several ways, each is here.
"""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime

import pytest
import yaml

from pytest_llmcontract import BadInput
from pytest_llmcontract.cli import main
from pytest_llmcontract.recordings.cassette import read_cassette
from pytest_llmcontract.recordings.drift import drift
from pytest_llmcontract.recordings.recorders import RECORDERS, recorder_of
from pytest_llmcontract.recordings.verify import verify

PATH = "/openai/v1/chat/completions"
URL = f"https://api.groq.com{PATH}"
SENT = {"model": "openai/gpt-oss-120b", "messages": [{"role": "user", "content": "Grüße 🙂"}]}
SAID = {"id": "chatcmpl-1", "object": "chat.completion", "choices": [{"message": {"content": "Ça va"}}]}
SENT_TEXT, SAID_TEXT = (json.dumps(body, ensure_ascii=False) for body in (SENT, SAID))
STREAM = 'data: {"n": 1}\n\ndata: [DONE]\n\n'
TYPE = {"Content-Type": ["application/json"]}


def encoded(text, packed=False):
    data = text.encode()
    return base64.b64encode(gzip.compress(data) if packed else data).decode()


def pair(sent, said, **response):
    """A request and a response, for recorders that differ in their bodies only."""
    return {
        "request": {"method": "POST", "url": URL, "headers": TYPE, "body": sent},
        "response": {"status": 200, "headers": TYPE, "body": said, **response},
    }


def ruby(sent, said, **headers):
    one = {
        "request": {"method": "post", "uri": URL, "body": sent, "headers": TYPE},
        "response": {"status": {"code": 200, "message": "OK"}, "headers": {**TYPE, **headers}, "body": said},
        "recorded_at": "Mon, 14 Oct 2024 10:26:45 GMT",
    }
    return {"http_interactions": [one], "recorded_with": "VCR 6.3.1"}


def har(posted, content, *headers):
    entry = {
        "startedDateTime": "2025-09-16T12:00:00.123Z",
        "request": {"method": "POST", "url": URL, "headers": [{"name": ":path", "value": PATH}], "postData": posted},
        "response": {"status": 200, "headers": [{"name": "Content-Type", "value": "application/json"}, *headers]},
    }
    entry["response"]["content"] = content
    return {"log": {"version": "1.2", "creator": {"name": "x"}, "entries": [entry]}}


def nocked(body, response, *headers, **more):
    raw = ["Content-Type", "application/json", *headers]
    one = {"scope": "https://api.groq.com:443", "method": "POST", "path": PATH, "body": body, "status": 200}
    return [{**one, "response": response, "rawHeaders": raw, **more}]


def mapping(bodies, **response):
    asked = {"url": PATH, "method": "POST", "host": {"equalTo": "api.groq.com"}, "bodyPatterns": bodies}
    asked["headers"] = {"Content-Type": {"equalTo": "application/json"}, "Accept": {"matches": ".*"}}
    return {"id": "1", "request": asked, "response": {"status": 200, "headers": TYPE, **response}}


PACKED = {"name": "Content-Encoding", "value": "gzip"}
CHUNKS = [gzip.compress(SAID_TEXT.encode())[:20], gzip.compress(SAID_TEXT.encode())[20:]]
EXPECTED = {
    "when": {
        "path": PATH,
        "method": "POST",
        "host": "api.groq.com",
        "query_param": [],
        "header": [],
        "body": SENT_TEXT,
    },
    "then": {"status": 200, "header": [{"name": "content-type", "value": "application/json"}], "body": SAID_TEXT},
}

FORMS = {
    "Ruby's VCR": ruby({"encoding": "UTF-8", "string": SENT_TEXT}, {"encoding": "UTF-8", "string": SAID_TEXT}),
    "Ruby's VCR, exact bytes": ruby(
        {"encoding": "UTF-8", "base64_string": encoded(SENT_TEXT)},
        {"encoding": "ASCII-8BIT", "base64_string": encoded(SAID_TEXT, packed=True)},
        **{"Content-Encoding": ["gzip"]},
    ),
    "R's vcr": ruby({"string": SENT_TEXT}, {"raw_gzip": encoded(SAID_TEXT, packed=True)}),
    "HAR": har({"mimeType": "application/json", "text": SENT_TEXT}, {"size": 9, "text": SAID_TEXT}),
    "HAR, base64": har({"text": SENT_TEXT}, {"text": encoded(SAID_TEXT), "encoding": "base64"}, PACKED),
    "Polly.JS, chunks in base64": har(
        {"text": SENT_TEXT},
        {"encoding": "base64", "text": json.dumps([base64.b64encode(chunk).decode() for chunk in CHUNKS])},
        PACKED,
    ),
    "Polly.JS, chunks in hexadecimal": har(
        {"text": SENT_TEXT}, {"_isBinary": True, "text": json.dumps([chunk.hex() for chunk in CHUNKS])}, PACKED
    ),
    "go-vcr 2": {
        "version": 1,
        "interactions": [pair(SENT_TEXT, SAID_TEXT, status="200 OK", code=200, duration="1s")],
    },
    "go-vcr 3 and 4": {
        "version": 2,
        "interactions": [{"id": 0, **pair(SENT_TEXT, SAID_TEXT, proto="HTTP/2.0", status="200 OK", code=200)}],
    },
    "cassetter": {
        "version": 1,
        "interactions": [pair({"type": "json", "content": SENT}, {"type": "text", "content": SAID_TEXT})],
    },
    "cassetter, binary": {
        "interactions": [
            pair({"type": "text", "content": SENT_TEXT}, {"type": "binary", "content": SAID_TEXT.encode().hex()})
        ],
    },
    "cassetter, binary in base64": {
        "interactions": [pair({"type": "json", "content": SENT}, {"type": "binary", "content": encoded(SAID_TEXT)})],
    },
    "seinfeld": {"entries": [pair({"kind": "json", "value": SENT}, {"kind": "json", "value": SAID})], "meta": {}},
    "WireMock": mapping([{"equalToJson": SENT_TEXT, "ignoreArrayOrder": True}], jsonBody=SAID),
    "WireMock, several": {"mappings": [mapping([{"equalTo": SENT_TEXT}], body=SAID_TEXT)], "meta": {"total": 1}},
    "WireMock, base64": mapping([{"binaryEqualTo": encoded(SENT_TEXT)}], base64Body=encoded(SAID_TEXT)),
    "httpmock": EXPECTED,
    "nock": nocked(SENT, SAID),
    "nock, text": nocked(SENT_TEXT, SAID_TEXT, responseIsBinary=False),
    "nock, packed": nocked(SENT, [chunk.hex() for chunk in CHUNKS], "Content-Encoding", "gzip"),
    "php-vcr": [pair(SENT_TEXT, SAID_TEXT, status={"http_version": "1.1", "code": "200", "message": "OK"})],
    "ExVCR": [
        {
            "request": {"method": "post", "url": URL, "body": "", "request_body": SENT_TEXT, "options": []},
            "response": {"type": "ok", "status_code": 200, "headers": {}, "binary": False, "body": SAID_TEXT},
        }
    ],
    "req_llm": {
        "request": {"method": "post", "url": URL, "headers": TYPE, "body": {"b64": encoded(SENT_TEXT)}},
        "response": {"status": 200, "headers": TYPE, "body": SAID},
    },
    "tapes": {
        "0a1b": {
            "url": URL,
            "init": {"method": "POST", "body": SENT_TEXT},
            "response": {"status": 200, "statusText": "OK", "headers": {}, "body": SAID_TEXT},
        }
    },
}  # fmt: skip


@pytest.fixture
def written(tmp_path):
    def write(document, name="x.yaml"):
        file = tmp_path / name
        dumped = json.dumps(document) if name.endswith(".json") else yaml.dump(document, sort_keys=False)
        file.write_text(dumped, "utf-8")
        return file

    return write


@pytest.mark.parametrize("name", ["x.yaml", "x.json"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_recorder_means_the_same(written, form, name):
    [read] = read_cassette(written(form, name)).interactions

    assert (read.request.method, read.request.host, read.request.path) == ("POST", "api.groq.com", PATH)
    assert read.request.json == SENT
    assert (read.reply.status, read.reply.json) == (200, SAID)


def test_every_recorder_of_the_table_has_a_form_here():
    met = {recorder_of(form)[0].names for form in FORMS.values()}

    assert {recorder.names for recorder in RECORDERS} - met == {"langchain-tests"}  # beside vcrpy's own forms


STREAMS = {
    "cassetter": {"interactions": [pair({"type": "none"}, {"type": "text", "content": STREAM})]},
    "seinfeld": {
        "entries": [pair({"kind": "empty"}, {"kind": "sse", "chunks": STREAM.rstrip().split("\n\n")})],
    },
    "HAR": har({}, {"text": STREAM}),
    "req_llm": {
        "captured_at": "2025-11-02T17:15:25Z",
        "chunks": [{"b64": encoded(STREAM[:9])}, {"b64": encoded(STREAM[9:])}],
        "request": {"method": "post", "url": URL},
        "response": {"status": 200, "body": "", "headers": {}},
    },
    "nock": nocked("", STREAM),
}


@pytest.mark.parametrize("form", STREAMS.values(), ids=STREAMS)
def test_a_stream_is_one(written, form):
    [read] = read_cassette(written(form)).interactions

    assert [event.data.decode() for event in read.reply.events] == ['data: {"n": 1}\n\n', "data: [DONE]\n\n"]


def test_httpmock_writes_a_document_for_each_exchange(tmp_path):
    (tmp_path / "x.yaml").write_text(yaml.dump_all([EXPECTED, EXPECTED], sort_keys=False))

    cassette = read_cassette(tmp_path / "x.yaml")

    assert [read.request.json for read in cassette.interactions] == [SENT, SENT]
    lines = (tmp_path / "x.yaml").read_text().splitlines()
    assert lines[cassette.line(1, "response", "status") - 1] == "  status: 200"
    assert cassette.line(1, "request") > cassette.line(0, "response")


def test_ruby_writes_bytes_with_a_tag_of_its_own(tmp_path):
    packed = base64.encodebytes(gzip.compress(SAID_TEXT.encode())).decode().replace("\n", "\n          ")
    (tmp_path / "x.yml").write_text(
        f"""http_interactions:
- request: {{method: post, uri: {URL}, body: {{string: ''}}, headers: {{}}}}
  response:
    status: {{code: 200, message: !str OK}}
    headers: {{Content-Encoding: [gzip]}}
    body:
      encoding: ASCII-8BIT
      string: !binary |-
          {packed}
  recorded_at: Mon, 14 Oct 2024 10:26:45 GMT
"""
    )

    [read] = read_cassette(tmp_path / "x.yml").interactions

    assert read.reply.json == SAID


@pytest.mark.parametrize(
    ("form", "moment"),
    [
        (FORMS["Ruby's VCR"], "2024-10-14T10:26:45"),
        (FORMS["HAR"], "2025-09-16T12:00:00.123"),
        ({"interactions": [pair("", "") | {"recorded_at": "2024-10-25 12:00:00 GMT"}]}, "2024-10-25T12:00:00"),
        ({"interactions": [pair("", "") | {"recorded_at": 1758024000.5}]}, "2025-09-16T12:00:00.500"),
        ({"entries": [pair("", "") | {"recordedAt": "2026-07-20T15:38:58Z"}]}, "2026-07-20T15:38:58"),
        (STREAMS["req_llm"], "2025-11-02T17:15:25"),
    ],
)
def test_a_recorder_says_when_in_its_own_way(written, form, moment):
    assert read_cassette(written(form)).interactions[0].recorded_at == datetime.fromisoformat(moment + "+00:00")


def test_a_file_that_says_when_as_a_whole(written):
    document = {"metadata": {"recordedAt": "2026-08-26T14:42:48Z"}, "interactions": [pair(SENT_TEXT, SAID_TEXT)]}

    assert read_cassette(written(document)).recorded_at == datetime(2026, 8, 26, 14, 42, 48, tzinfo=UTC)


# What is not in a recording


NOT_KEPT = {
    "a type nobody knows": (
        {"interactions": [pair({"type": "protobuf", "content": {"model": "x"}}, SAID_TEXT)]},
        "a body of type 'protobuf' is not read; accepted: json, text",
    ),
    "a stream of a kind nobody knows": (
        {"interactions": [pair(SENT_TEXT, {"type": "stream", "content": [STREAM]})]},
        "a body of type 'stream' is not read",
    ),
    "events that are no texts": (
        {"entries": [pair(SENT_TEXT, {"kind": "sse", "chunks": [{"data": 1}]})]},
        "the events of a stream are no texts",
    ),
    "a request that was never answered": (
        {"log": {"entries": [{"request": {"url": URL}, "response": {"status": 0}}]}},
        "there was no response: the status is 0",
    ),
    "an upload": (
        har({"params": [{"name": "file", "fileName": "a.mp3"}]}, {}),
        "the files of a form are not in the recording",
    ),
    "an encoding nobody knows": (har({}, {"text": "x", "encoding": "rot13"}), "a body of encoding 'rot13' is not read"),
    "another file": (mapping([], bodyFileName="a.json"), "the body is in another file, under 'bodyFileName'"),
    "a fault": (mapping([], fault="EMPTY_RESPONSE"), "there is no response, but a proxy or a fault"),
    "a body that is a pattern": (mapping([{"matchesJsonPath": "$.model"}]), "the body is a pattern, matchesJsonPath"),
    "an address that is a pattern": (
        {"request": {"urlPattern": "/v1/.*", "method": "POST"}, "response": {"status": 200}},
        "the address is a pattern",
    ),
    "any method": (
        {"request": {"urlPath": PATH, "method": "ANY"}, "response": {"status": 200}},
        "the method is any, not one that was used",
    ),
    "httpmock's pattern": ({"when": {"path_includes": "/v1"}, "then": {"status": 200}}, "the address is a pattern"),
}  # fmt: skip


@pytest.mark.parametrize(("form", "reason"), NOT_KEPT.values(), ids=NOT_KEPT)
def test_what_is_not_in_a_recording_is_left_out_with_a_word(written, form, reason, capsys):
    file = written(form)

    with pytest.raises(BadInput, match=reason):
        read_cassette(file)
    [left_out] = read_cassette(file, whole=False).left_out
    assert left_out.reason.startswith(reason)
    assert not left_out.damaged
    assert main(["verify", str(file)]) == 0
    assert f"0 interactions in 1 file: nothing to judge; 1 interaction left out: {reason}" in capsys.readouterr().out
    assert [word.startswith(reason) for word in drift(file).left_out] == [True]


def test_one_unreadable_body_does_not_end_a_run(written, capsys):
    bad = pair({"base64_string": "%%%"}, SAID_TEXT)
    other = pair(json.dumps({**SENT, "n": 2}), '{"error": {"message": "x"}}', status=400)
    file = written({"interactions": [bad, other, pair({"type": "odd"}, "")]})

    result = verify(file)

    assert {(violation.code, violation.call) for violation in result.violations} >= {("LLM101", 1)}
    assert {violation.call for violation in result.violations} == {1}
    assert result.problems == [
        f"{file}:9: interaction 0: the body under 'base64_string' is no base64, or not all of it"
    ]
    assert main(["verify", str(file)]) == 2
    assert "1 interaction left out: a body of type 'odd' is not read" in (said := capsys.readouterr()).out
    assert "1 interaction could not be read" in said.out
    assert said.err.splitlines() == [f"llmcontract verify: {problem}" for problem in result.problems]


def test_a_run_of_drift_goes_on_too_and_keeps_the_order(written, tmp_path):
    good = pair(SENT_TEXT, SAID_TEXT)
    (tmp_path / "in").mkdir()
    written({"interactions": [good, pair({"base64_string": "%%%"}, SAID_TEXT), good]}, "in/a.yaml")

    result = drift(tmp_path / "in", out=tmp_path / "out")

    assert len(result.compared) == 2
    assert result.left_out["the body under 'base64_string' is no base64, or not all of it"] == 1
    written_again = yaml.safe_load((tmp_path / "out" / "a.yaml").read_text())["interactions"]
    assert [one["response"]["status"]["code"] for one in written_again] == [200, 501, 200]


def test_an_address_without_a_host_is_the_providers_that_one_says(written):
    file = written({"when": {"path": PATH, "method": "POST", "body": SENT_TEXT}, "then": {"status": 200, "body": ""}})

    assert (verify(file).checked, verify(file).elsewhere) == (0, 1)
    assert verify(file, provider="groq").checked == 1
