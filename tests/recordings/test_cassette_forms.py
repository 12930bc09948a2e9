"""Cassettes of any author: what vcrpy and its users' serializers write is read, and means the same in every form."""

from __future__ import annotations

import base64
import gzip
import io
import json
import zlib
from datetime import UTC, date, datetime

import cramjam
import pytest
import yaml
from vcr.request import Request
from vcr.serialize import serialize
from vcr.serializers import jsonserializer, yamlserializer

from pytest_llmcontract.recordings.cassette import read_cassette
from pytest_llmcontract.recordings.documents import _JsonPlaces

URL = "https://api.groq.com/openai/v1/chat/completions"
SENT = {"model": "llama-3.3-70b-versatile", "messages": [{"role": "user", "content": "Grüße 🙂"}]}
SAID = {"id": "chatcmpl-1", "object": "chat.completion", "choices": [{"message": {"content": "Ça va — 😀"}}]}
SENT_TEXT, SAID_TEXT = (json.dumps(body, ensure_ascii=False) for body in (SENT, SAID))


def interaction(sent=SENT_TEXT, said=None, headers=None, **response):
    return {
        "request": {"method": "POST", "uri": URL, "body": sent, "headers": {"Accept": ["*/*"]}},
        "response": {
            "status": {"code": 200, "message": "OK"},
            "headers": headers or {"Content-Type": ["application/json"]},
            "body": {"string": SAID_TEXT} if said is None else said,
            **response,
        },
    }


def request_that(**other):
    changed = interaction()
    changed["request"] = {key: value for key, value in {**changed["request"], **other}.items() if value is not None}
    return changed


@pytest.fixture
def written(tmp_path):
    """Write a document as YAML, or as JSON by its name, and read it as a cassette."""

    def write(document, name="x.yaml"):
        file = tmp_path / name
        file.write_text(json.dumps(document) if name.endswith(".json") else yaml.dump(document))
        return read_cassette(file)

    return write


def packed(name, data):
    pack = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "br": lambda data: bytes(cramjam.brotli.compress(data)),
        "zstd": lambda data: bytes(cramjam.zstd.compress(data)),
    }
    return pack[name](data)


# Every form, one meaning


FORMS = {
    "text": interaction(),
    "a body that is a text": interaction(said=SAID_TEXT),
    "bytes": interaction(sent=SENT_TEXT.encode(), said={"string": SAID_TEXT.encode()}),
    "base64": interaction(said={"encoding": "utf-8", "base64_string": base64.b64encode(SAID_TEXT.encode()).decode()}),
    "base64 of gzip": interaction(said={"base64_string": base64.b64encode(gzip.compress(SAID_TEXT.encode())).decode()}),
    "parsed": {
        "request": {"method": "POST", "uri": URL, "parsed_body": SENT},
        "response": {"status": {"code": 200}, "parsed_body": SAID},
    },
    "parsed, with its type": interaction(
        sent={"type": "json", "content": SENT}, said={"type": "json", "content": SAID}
    ),
    "parsed beside an empty body": request_that(body="", parsed_body=SENT),
    "url": request_that(uri=None, url=URL),
    "a status that is a number": interaction(status=200),
    "a status that is a text beside a code": interaction(status="200 OK", code=200),
    "before vcrpy 1.0": request_that(
        uri=None, protocol="https", host="api.groq.com", port=443, path="/openai/v1/chat/completions"
    ),
    "pieces": interaction(sent=[SENT_TEXT[:9].encode(), SENT_TEXT[9:].encode()]),
    "headers as text": interaction(headers={"content-type": "application/json"}),
    "headers as lines": interaction(headers=["Content-Type: application/json\r\n"]),
}


@pytest.mark.parametrize("name", ["x.yaml", "x.json"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_an_interaction_means_the_same(written, form, name):
    if name == "x.json" and "bytes" in repr(form):
        pytest.skip("JSON has no bytes")
    if name == "x.json":
        try:
            json.dumps(form)
        except TypeError:
            pytest.skip("JSON has no bytes")

    [read] = written({"interactions": [form], "version": 1}, name).interactions

    assert (read.request.method, read.request.url) == ("POST", URL)
    assert read.request.json == SENT
    assert (read.reply.status, read.reply.json) == (200, SAID)


@pytest.mark.parametrize("named", [True, False], ids=["named", "headers left out"])
@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_packed_bodies_are_unpacked_and_the_headers_say_so(written, name, named):
    if not named and name in ("deflate", "br"):
        pytest.skip("nothing tells these but the header")
    body = packed(name, SAID_TEXT.encode())
    headers = {"Content-Encoding": [name], "Content-Length": [str(len(body))]} if named else {}

    [read] = written({"interactions": [interaction(said={"string": body}, headers=headers)]}).interactions

    assert read.reply.json == SAID
    assert "content-encoding" not in read.reply.headers
    if named:
        assert read.reply.headers["content-length"] == str(len(SAID_TEXT.encode()))


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd", "identity", "gzip, br"])
def test_a_recorder_that_unpacks_may_leave_the_header(written, name):
    for said in (SAID_TEXT, SAID_TEXT.encode()):
        headers = {"content-encoding": [name]}

        [read] = written({"interactions": [interaction(said={"string": said}, headers=headers)]}).interactions

        assert read.reply.json == SAID


def test_packed_twice_and_raw_deflate(written):
    twice = packed("br", gzip.compress(SAID_TEXT.encode()))
    raw = zlib.compressobj(wbits=-15)
    bare = raw.compress(SAID_TEXT.encode()) + raw.flush()

    cassette = written(
        {
            "interactions": [
                interaction(said={"string": twice}, headers={"content-encoding": ["gzip, br"]}),
                interaction(said={"string": bare}, headers={"content-encoding": ["deflate"]}),
                interaction(
                    said={"string": gzip.compress(SAID_TEXT[:9].encode()) + gzip.compress(SAID_TEXT[9:].encode())}
                ),
            ]
        }
    )

    assert [read.reply.json for read in cassette.interactions] == [SAID] * 3


# What vcrpy itself writes


def of_vcrpy(serializer, body):
    response = interaction(said={"string": SAID_TEXT.encode()})["response"]
    request = Request("POST", URL, body, {"Authorization": "Bearer gsk_x", "Accept": "*/*"})
    return serialize({"requests": [request], "responses": [response]}, serializer)


@pytest.mark.parametrize(
    "body",
    [
        SENT_TEXT.encode(),
        SENT_TEXT,
        io.BytesIO(SENT_TEXT.encode()),
        iter([SENT_TEXT[:5].encode(), SENT_TEXT[5:].encode()]),
    ],
    ids=["bytes", "text", "file", "iterator"],
)
def test_what_vcrpy_writes_as_yaml(tmp_path, body):
    (tmp_path / "x.yaml").write_text(of_vcrpy(yamlserializer, body))

    [read] = read_cassette(tmp_path / "x.yaml").interactions

    assert (read.request.json, read.reply.json) == (SENT, SAID)


def test_what_vcrpy_writes_as_json(tmp_path):
    (tmp_path / "x.json").write_text(of_vcrpy(jsonserializer, SENT_TEXT))

    [read] = read_cassette(tmp_path / "x.json").interactions

    assert (read.request.json, read.reply.json) == (SENT, SAID)


def test_vcrpy_before_1_0_wrote_a_list(written):
    old = request_that(uri=None, protocol="https", host="api.groq.com", port=443, path="/openai/v1/models")

    [read] = written([old]).interactions

    assert read.request.url == "https://api.groq.com/openai/v1/models"


def test_what_langchain_writes_two_lists_in_a_packed_file(tmp_path):
    one = interaction()
    text = yaml.dump({"requests": [one["request"], one["request"]], "responses": [one["response"], one["response"]]})
    (tmp_path / "x.yaml.gz").write_bytes(gzip.compress(text.encode()))

    cassette = read_cassette(tmp_path / "x.yaml.gz")

    assert [read.reply.json for read in cassette.interactions] == [SAID, SAID]


def test_objects_that_are_shared_are_written_as_aliases_and_read(tmp_path):
    headers = {"content-type": ["application/json"]}
    shared = [interaction(headers=headers), interaction(headers=headers)]
    text = yaml.dump({"interactions": [*shared, shared[0]]})
    (tmp_path / "x.yaml").write_text(text)

    cassette = read_cassette(tmp_path / "x.yaml")

    assert "&id001" in text
    assert [read.reply.headers["content-type"] for read in cassette.interactions] == ["application/json"] * 3


# Headers, times, metadata


def test_header_names_are_of_no_case_and_several_values_joined(written):
    headers = {"X-Two": ["a", "b"], "x-number": 5, "X-Bytes": [b"c"], "x-none": None, "X-Empty": []}

    [read] = written({"interactions": [interaction(headers=headers)]}).interactions

    assert dict(read.reply.headers) == {"x-two": "a, b", "x-number": "5", "x-bytes": "c", "x-none": "", "x-empty": ""}
    assert read.reply.headers["X-TWO"] == "a, b"


def test_credentials_are_masked_in_the_request_and_kept_for_who_looks_for_them(written):
    [read] = written({"interactions": [request_that(headers={"Authorization": ["Bearer gsk_secret"]})]}).interactions

    assert read.request.headers["authorization"] == "Bearer ***"
    assert read.recorded_headers[0]["authorization"] == "Bearer gsk_secret"
    assert "gsk_secret" not in repr(read)


@pytest.mark.parametrize("end", ["\n\n", "\r\n\r\n"], ids=["lf", "crlf"])
def test_a_stream_keeps_its_events(written, end):
    line = end[: len(end) // 2]
    events = [f'data: {{"n": {n}}}{end}' for n in range(3)] + [
        f": comment{line}event: x{line}data: a{line}data: b{end}"
    ]
    whole = "".join(events) + "data: [DONE]"
    headers = {"content-type": ["text/event-stream; charset=utf-8"]}

    [read] = written({"interactions": [interaction(said={"string": whole.encode()}, headers=headers)]}).interactions

    assert [event.data.decode() for event in read.reply.events] == [*events, "data: [DONE]"]
    assert read.reply.text == whole


def test_a_stream_is_known_by_its_beginning_where_headers_were_filtered(written):
    stream = "data: {}\n\ndata: [DONE]\n\n"

    [read] = written({"interactions": [interaction(said={"string": stream}, headers={"x": "REDACTED"})]}).interactions

    assert [event.data for event in read.reply.events] == [b"data: {}\n\n", b"data: [DONE]\n\n"]


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-11-20T12:00:00Z", datetime(2026, 11, 20, 12, tzinfo=UTC)),
        (datetime(2026, 11, 20, 12), datetime(2026, 11, 20, 12, tzinfo=UTC)),
        ("last week", None),
        (7, None),
        (None, None),
    ],
)
def test_a_recorder_may_say_when(written, value, moment):
    [read] = written({"interactions": [{**interaction(), "recorded_at": value}]}).interactions

    assert read.recorded_at == moment


def test_the_header_block_of_our_own(written):
    block = {
        "format": 1,
        "recorded_at": "2026-11-20T12:00:00Z",
        "source": "live",
        "provider": ["groq", "together"],
        "edition": [date(2026, 10, 1), "2026-08-31"],
        "plan": "free",
        "client": ["groq-python 1.7.0"],
        "test": "tests/test_x.py::test_y",
        "scripted": [0],
    }

    metadata = written({"interactions": [interaction()], "metadata": {"llmcontract": block, "other": 1}}).metadata

    assert metadata.recorded_at == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert (metadata.provider, metadata.plan) == (("groq", "together"), ("free",))
    assert metadata.edition == (date(2026, 10, 1), date(2026, 8, 31))
    assert metadata.scripted == (0,)
    assert written({"interactions": []}).metadata is None
    assert written({"interactions": [], "metadata": {"other": 1}}).metadata is None


# Lines


def test_lines_in_yaml(tmp_path):
    (tmp_path / "x.yaml").write_text(yaml.dump({"interactions": [interaction(), interaction()], "version": 1}))

    cassette = read_cassette(tmp_path / "x.yaml")

    lines = (tmp_path / "x.yaml").read_text().splitlines()
    assert [number for number, text in enumerate(lines, 1) if text.startswith("- request")] == [2, 20]
    assert [cassette.line(0), cassette.line(1)] == [2, 20]
    assert lines[cassette.line(1, "request", "body") - 1].startswith("    body: ")
    assert lines[cassette.line(1, "response", "status", "code") - 1] == "      code: 200"
    assert cassette.line(1, "response", "nothing") == cassette.line(1, "response")


@pytest.mark.parametrize("indent", [None, 2])
def test_lines_in_json(tmp_path, indent):
    document = {"version": 1, "interactions": [interaction(sent='a "request": [{,'), interaction()]}
    (tmp_path / "x.json").write_text(json.dumps(document, indent=indent))

    cassette = read_cassette(tmp_path / "x.json")

    lines = (tmp_path / "x.json").read_text().splitlines()
    if indent is None:
        assert cassette.line(1, "response", "body") == 1
    else:
        assert lines[cassette.line(1, "request", "body") - 1].strip().startswith('"body": "{')
        assert lines[cassette.line(1, "response", "status", "code") - 1].strip() == '"code": 200,'
        assert '"request": {' in lines[cassette.line(1)]
        assert cassette.line(0, "response", "nothing") == cassette.line(0, "response")


class _Uncounted(str):
    """Whoever counts the lines before each place takes the square of the size."""

    def count(self, *_):
        raise AssertionError("the lines are counted again for each place")


def test_lines_of_a_json_are_counted_once():
    document = {"interactions": [{"request": {"uri": str(n)}} for n in range(50)]}
    text = json.dumps(document, indent=1)

    places = _JsonPlaces(_Uncounted(text))

    at = text.splitlines().index('    "uri": "49"') + 1
    assert places.line("interactions", 49, "request", "uri") == at
    assert places.line("interactions", 0) == 3
