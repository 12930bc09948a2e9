"""Files that are no cassettes, damaged, or made to do harm: one line that says which, where, and what was expected."""

from __future__ import annotations

import base64
import gzip
import os
import subprocess
import sys
import zlib

import cramjam
import pytest

from pytest_llmcontract import BadInput
from pytest_llmcontract.recordings.cassette import NoCassette, read_cassette

ALIASES = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 40))
BODY_OF_ALIASES = (
    "interactions:\n- request: {uri: x, parsed_body: {big: &big %s, all: [%s]}}\n  response: {status: 200}\n"
)
ONE = """interactions:
- request: {method: POST, uri: 'https://api.groq.com/', body: null, headers: {}}
  response:
    status: {code: 200, message: OK}
    headers: {content-encoding: [%s]}
    body:
      %s
"""


def with_body(text, encoding="identity"):
    return (ONE % (encoding, text)).encode()


def binary(data):
    return f"string: !!binary {base64.b64encode(data).decode()}"


BAD = {
    "binary": (bytes(range(256)), r"x\.yaml:\d+: byte 0x80 is not UTF-8; expected a cassette as vcrpy writes it"),
    "zeros": (b"interactions: \0\0", r"x\.yaml:1: no YAML: .*expected a cassette"),
    "half a YAML": (b"version: 1\ninteractions: [", r"x\.yaml:3: no YAML: .*expected a cassette"),
    "half a JSON": (b'{"version": 1,\n"interactions": [', r"x\.yaml:2: no JSON: Expecting value, column 18; expected"),
    "a long number": (b'{"version": ' + b"9" * 9999 + b"}", r"x\.yaml is no JSON: Exceeds the limit"),
    "a long YAML number": (b"version: " + b"9" * 9999, r"x\.yaml:1: '9{40}' is no int"),
    "two documents": (b"a: 1\n---\nb: 2\n", r"x\.yaml:2: no YAML: but found another document"),
    "an alias of nothing": (b"interactions: *a\n", r"x\.yaml:1: no YAML: found undefined alias"),
    "half a gzip": (gzip.compress(b"interactions: []\n" * 99)[:-20], r"x\.yaml is packed with gzip, and damaged"),
    # Nothing is executed.
    "an object": (
        b"a: 1\nb: !!python/object/apply:os.system ['true']",
        r"x\.yaml:2: !!python/object/apply:os.system is",
    ),
    "a new object": (b"!!python/object/new:os.system ['true']", "is refused, and not executed: expected plain data"),
    "an object of vcrpy 0": (
        b"- request: !!python/object:vcr.request.Request {body: null}\n",
        "!!python/object:vcr.request.Request is refused",
    ),
    "a module": (b"!!python/module:os", "!!python/module:os is not read; expected plain data"),
    "a name": (b"!!python/name:os.system", "!!python/name:os.system is not read"),
    "a set": (b"interactions: !!set {a, b}", "!!set is not read"),
    "a tag of one's own": (b"Resources: !Ref x", "!Ref is not read"),
    # Bombs.
    "aliases": (ALIASES.encode(), r"x\.yaml:\d+: aliases make more than 64 MB of it"),
    "aliases for interactions": (f"{ALIASES}interactions: *a29\n".encode(), "aliases make more than 64 MB"),
    "aliases in a body": ((BODY_OF_ALIASES % ("x" * 999, "*big, " * 99_999)).encode(), "aliases make more than 64 MB"),
    "merges": (MERGES.encode(), r"x\.yaml:2: merge keys \('<<'\) are not read"),
    "merges by another name": (MERGES.replace("<<", "!!merge x").encode(), "merge keys"),
    "itself": (b"interactions: &a [*a]", r"x\.yaml:1: refers to itself"),
    "depth": (b"- " * 300_000, r"x\.yaml:1: nested too deeply, or of too many parts"),
    "depth in brackets": (b"a: " + b"[" * 300_000, "nested too deeply"),
    "depth of objects": (b"a: " + b"{a: " * 99_999, "nested too deeply"),
    "depth in JSON": (b"[" * 300_000, "nested too deeply"),
    "a list for a key": (b"? [a]\n: b", "a key must be a text"),
    # Values.
    "a date that is none": (b"when: 2026-99-99", r"x\.yaml:1: '2026-99-99' is no timestamp"),
    "a number that is none": (b"a: 1\nb: !!int x", r"x\.yaml:2: 'x' is no int"),
    "base64 cut off": (with_body("string: !!binary aGVsbG8gd29ybG"), r"x\.yaml:7: no base64, or not all of it"),
    "base64 that is none": (with_body("string: !!binary 'aGVs*G8='"), r"x\.yaml:7: no base64"),
    "base64 text cut off": (with_body("base64_string: aGVsbG8gd29ybG"), r"x\.yaml:7: interaction 0: .* no base64"),
    "gzip cut off": (
        with_body(binary(gzip.compress(b"hello " * 99)[:-9]), "gzip"),
        r"x\.yaml:7: .*no gzip, or not all",
    ),
    "deflate that is none": (
        with_body(binary(b"\xff\xfe\xfd"), "deflate"),
        r"x\.yaml:7: interaction 0: the body is no defl",
    ),
    "brotli that is none": (
        with_body(binary(b"\xff\xfe\xfd"), "br"),
        r"x\.yaml:7: interaction 0: the body is no brotli",
    ),
    "zstd cut off": (
        with_body(binary(bytes(cramjam.zstd.compress(b"hello " * 99))[:-3]), "zstd"),
        r"x\.yaml:7: interaction 0: the body is no zstd",
    ),
    # Parts.
    "a text for an interaction": (
        b"interactions:\n- a\n",
        r"x\.yaml:2: interaction 0: expected 'request' and 'response'",
    ),
    "no response": (b"interactions:\n- request: {uri: x}\n", r"x\.yaml:2: interaction 0: expected 'request' and"),
    "no address": (b"interactions:\n- request: {}\n  response: {status: 200}\n", "expected the address of the request"),
    "an address that is none": (
        b"interactions: [{request: {uri: 'http://['}, response: {status: 200}}]",
        "is no address",
    ),
    "no status": (b"interactions: [{request: {uri: x}, response: {headers: {}}}]", "'None' is no status"),
    "a number for a body": (b"interactions: [{request: {uri: x, body: 7}, response: {status: 200}}]", "a body is int"),
    "a header block that is none": (
        b"interactions: []\nmetadata:\n  llmcontract:\n    format: 1\n    plann: free\n",
        r"x\.yaml:5: metadata.llmcontract.plann: Extra inputs",
    ),
    "a header block of another day": (
        b"interactions: []\nmetadata: {llmcontract: {format: 2}}",
        "format: Input should be 1",
    ),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD)
def test_a_bad_file_is_one_line_with_its_place(tmp_path, content, words):
    (tmp_path / "x.yaml").write_bytes(content)

    with pytest.raises(BadInput, match=words) as error:
        read_cassette(tmp_path / "x.yaml")

    assert str(error.value).startswith(str(tmp_path / "x.yaml"))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < len(str(tmp_path)) + 300


OTHERS = {
    "empty": ("", "is empty; expected vcrpy's form: under 'interactions' a list"),
    "a list": ("[1, 2]", "is no cassette"),
    "a text": ("hello", "is no cassette"),
    "settings": ("name: x\non: push\n", "is no cassette"),
    "Pact": ('{"consumer": {}, "provider": {}, "interactions": []}', "is the form of Pact"),
    "a HAR file without entries": ('{"log": {"version": "1.2"}}', "is no cassette"),
    "a map of sources": ('{"version": 3, "mappings": "AAAA", "sources": []}', "is no cassette"),
    "interactions that are none": ("interactions: 7", "is no cassette"),
}


@pytest.mark.parametrize(("content", "words"), OTHERS.values(), ids=OTHERS)
def test_the_files_of_other_tools_are_told_apart(tmp_path, content, words):
    (tmp_path / "x.yaml").write_text(content)

    with pytest.raises(NoCassette, match=words):
        read_cassette(tmp_path / "x.yaml")


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_never_ends_is_not_read(tmp_path, kind):
    path = tmp_path / "x.yaml"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")

    with pytest.raises(BadInput, match=r"x\.yaml is no regular file, but a pipe, a socket or a device"):
        read_cassette(path)


def test_a_file_that_is_too_large_is_not_read_whole(tmp_path):
    with (tmp_path / "x.yaml").open("wb") as file:
        file.truncate(100 * 2**20)

    with pytest.raises(BadInput, match=r"x\.yaml is larger than 64 MB: no recording"):
        read_cassette(tmp_path / "x.yaml")


def test_a_packed_file_that_grows_too_large(tmp_path):
    (tmp_path / "x.yaml.gz").write_bytes(gzip.compress(bytes(70 * 2**20)))

    with pytest.raises(BadInput, match="is larger than 64 MB"):
        read_cassette(tmp_path / "x.yaml.gz")


BOMBS = {
    "gzip": gzip.compress(bytes(65 * 2**20)),
    "deflate": zlib.compress(bytes(65 * 2**20)),
    "br": bytes(cramjam.brotli.compress(bytes(65 * 2**20), level=1)),
    "zstd": bytes(cramjam.zstd.compress(bytes(65 * 2**20))),
}


@pytest.mark.parametrize("encoding", BOMBS)
def test_a_packed_body_that_grows_too_large(tmp_path, encoding):
    (tmp_path / "x.yaml").write_bytes(with_body(binary(BOMBS[encoding]), encoding))

    with pytest.raises(BadInput, match=r"x\.yaml:7: interaction 0: the body, packed with \w+, holds more than 64 MB"):
        read_cassette(tmp_path / "x.yaml")


def test_a_packed_body_may_grow_a_lot(tmp_path):
    for encoding, pack in (("br", cramjam.brotli.compress), ("zstd", cramjam.zstd.compress)):
        (tmp_path / "x.yaml").write_bytes(with_body(binary(bytes(pack(bytes(2**20)))), encoding))

        assert read_cassette(tmp_path / "x.yaml").interactions[0].reply.body == bytes(2**20)


def test_a_file_of_too_many_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("pytest_llmcontract.recordings.documents.MOST_PARTS", 100)
    (tmp_path / "x.yaml").write_text("- 1\n" * 200)

    with pytest.raises(BadInput, match=r"x\.yaml:1: nested too deeply, or of too many parts"):
        read_cassette(tmp_path / "x.yaml")


def test_a_file_that_is_not_there_or_not_readable(tmp_path):
    with pytest.raises(BadInput, match=r"no\.yaml cannot be read: No such file"):
        read_cassette(tmp_path / "no.yaml")
    with pytest.raises(BadInput, match="cannot be read: Is a directory"):
        read_cassette(tmp_path)
    if os.geteuid():
        (tmp_path / "x.yaml").touch(mode=0)
        with pytest.raises(BadInput, match="cannot be read: Permission denied"):
            read_cassette(tmp_path / "x.yaml")


PLAIN = """
import sys, yaml
del yaml.CSafeLoader
from pytest_llmcontract.recordings.cassette import BadInput, read_cassette
for path in sys.argv[1:]:
    try:
        print(len(read_cassette(path).interactions), read_cassette(path).line(0, "response", "body"))
    except BadInput as problem:
        print(problem)
"""


def test_without_libyaml_it_is_all_the_same(tmp_path):
    """PyYAML on a platform for which it has no C library: slower, and of the same mind."""
    files = {
        "good": with_body("string: ok"),
        **{name: BAD[name][0] for name in ("an object", "aliases", "itself", "depth")},
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)

    result = subprocess.run(
        [sys.executable, "-c", PLAIN, *files], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    good, *bad = result.stdout.splitlines()
    assert good == "1 7"
    assert all(line.startswith(name) for line, name in zip(bad, list(files)[1:], strict=True))
    assert "is refused, and not executed" in bad[0]
