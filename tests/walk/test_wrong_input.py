"""Every operation, asked wrongly in every way: the provider's own refusal, and never a crash."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from walking import PROVIDERS, Example, Impossible, Walk, addresses, as_form, examples

from pytest_llmcontract.core.contract.reply import reply_contract
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers
from pytest_llmcontract.core.facts.load import edition_dates
from pytest_llmcontract.core.operations import operation_called


def of(wanted: Callable[[str, Example], bool]) -> pytest.MarkDecorator:
    """The examples that are *wanted*."""
    params = [
        pytest.param(provider, example, id=f"{provider}-{example.operation}-{example.case or number}")
        for provider in PROVIDERS
        for number, example in enumerate(examples(provider))
        if wanted(provider, example)
    ]
    return pytest.mark.parametrize(("provider", "example"), params)


def named(example: Example) -> list[str]:
    """The fields of its body that name a thing."""
    fields = example.body or {}
    return [name for name, value in fields.items() if re.match(r"<(?!model|voice|v2\.supported_models)", str(value))]


every = of(lambda provider, example: True)
OWN_IDS = {
    "groq": ("file_01jh6x76wtemjr74t1fh0faj5t", "batch_01jh6xa7reempvjyh6n3yst2zw", "openai/gpt-oss-120b"),
    "together": (
        "file-5a2b1c3d-8f0e-4d6c-9b7a-1e2f3a4b5c6d",
        "ft-5a2b1c3d-8f0e",
        "endpoint-5a2b1c3d",
        "Qwen/Qwen3.5-9B",
    ),
}
WRONG_IDS = (
    *(id for ids in OWN_IDS.values() for id in ids), "nope", "0", "-1", "%00", "%FF", "..%2F..", "a/b/c", "é",
    "x" * 5000, "{id}", "%7Bid%7D", "null", "'; drop", "💥",
)  # fmt: skip
BROKEN = (
    b"", b"{", b'{"model": ', b"[]", b"[1]", b"null", b'"text"', b"1", b"\xff\xfe", b"\x00", b"{}", b"NaN", b"[" * 5000,
    b'{"model": "\\ud800"}', b'{"model": {}, "input": {}, "messages": {}, "prompt": {}, "file": {}}', b"a=b&c=d",
)  # fmt: skip
STRANGE: tuple[Any, ...] = (
    None, True, -1, 0, 1e300, 10**30, "", "nope", "x" * 100_000, [], [None], [[]], [1], [{}], {}, {"a": {}}, {"": None},
)  # fmt: skip


def opened(provider: str, example: Example) -> tuple[Walk, ApiRequest]:
    walk = Walk(provider, edition_dates(provider)[-1])
    try:
        return walk, walk.ready(example)
    except Impossible:
        pytest.skip("nothing does it")


def problem(walk: Walk, request: ApiRequest, *, may_be_right: bool = True) -> str:
    """What is wrong with how *request* is refused; empty if nothing is."""
    outcome = walk.world.answer(request)
    reply, codes = outcome.reply, [finding.code for finding in outcome.call.violations]
    if not isinstance(reply, ApiReply):
        return f"no reply: {reply}"
    if "LLM208" in codes:
        return f"crashed: {outcome.call.violations[-1].message}"
    if reply.status < 400:
        return "" if may_be_right else f"answered {reply.status}: {reply.text[:200]}"
    if outcome.call.operation not in ("unknown", "images.content", "files.put") and reply.json is None:
        return f"{reply.status} is no JSON: {reply.text[:200]}"
    contract = reply_contract(walk.provider, outcome.call.operation, walk.edition.date)
    if contract and reply.json is not None and (wrong := contract.check(reply.status, reply.json)):
        return f"{reply.status}: {wrong[0].message}"
    # A 500 only where the provider was seen to answer so.
    if reply.status >= 500 and reply.error not in walk.edition.errors:
        return f"{reply.status}: {reply.text[:200]}"
    return ""


def problems(walk: Walk, requests: Mapping[str, ApiRequest], *, may_be_right: bool = True) -> dict[str, str]:
    found = {name[:200]: problem(walk, request, may_be_right=may_be_right) for name, request in requests.items()}
    return {name: said for name, said in found.items() if said}


@of(lambda provider, example: "{" in addresses(provider, example.operation)[0][1])
def test_wrong_ids(provider: str, example: Example) -> None:
    """An id that is nobody's, that is the other provider's, that is no id."""
    ((_, path), *_) = addresses(provider, example.operation)
    walk, request = opened(provider, example)
    mine = re.sub(r"https://[^/]*", "", request.url).partition("?")[0].split("/")
    wrong: dict[str, ApiRequest] = {}
    for place, name in enumerate(path.split("/")):
        for id in WRONG_IDS if name.startswith("{") else ():
            url = "/".join([*mine[:place], id, *mine[place + 1 :]])
            wrong[url] = replace(request, url=f"https://{walk.edition.hosts[0]}{url}")
    right = example.any_id or operation_called(example.operation).names_model

    assert problems(walk, wrong, may_be_right=right) == {}


@of(lambda provider, example: bool(named(example)))
def test_ids_in_a_body(provider: str, example: Example) -> None:
    """The same of ids of things that the body names."""
    walk, request = opened(provider, example)
    body = request.json
    wrong = {
        f"{name}={id}": replace(request, body=json.dumps({**body, name: id}).encode())
        for name in named(example)
        for id in (*WRONG_IDS, "", *STRANGE)
        if isinstance(body[name], str) or not isinstance(id, str)
    }

    assert problems(walk, wrong, may_be_right=False) == {}


@of(lambda provider, example: (example.body or example.form) is not None)
def test_broken_bodies(provider: str, example: Example) -> None:
    """Nothing at all, what is no JSON, what is JSON and no object; as JSON, as a form, and as nothing that is named."""
    walk, request = opened(provider, example)
    kinds = ("application/json", "multipart/form-data; boundary=part", "multipart/form-data", "text/plain", "")
    wrong = {
        f"{kind} {body[:40]!r}": replace(request, headers=headers_of(request, kind), body=body)
        for body in (*BROKEN, *cut_off(request.body))
        for kind in kinds
    }

    assert problems(walk, wrong) == {}
    empty = {"nothing": replace(request, body=b"")}
    assert problems(walk, empty, may_be_right=False) == {}


@of(lambda provider, example: example.body is not None)
def test_strange_values(provider: str, example: Example) -> None:
    """Each field of the body, with every kind of value; and without it."""
    walk, request = opened(provider, example)
    wrong = {f"without {name}": {n: v for n, v in request.json.items() if n != name} for name in request.json}
    for path in places(request.json):
        for value in STRANGE:
            wrong[f"{path}: {value!r:.40}"] = put(request.json, path, value)
    requests = {name: replace(request, body=json.dumps(body).encode()) for name, body in wrong.items()}

    assert problems(walk, requests) == {}


@of(lambda provider, example: example.form is not None)
def test_strange_parts_of_a_form(provider: str, example: Example) -> None:
    walk, request = opened(provider, example)
    parts = {name: ("a.bin", b"x") if isinstance(value, Mapping) else "x" for name, value in example.form.items()}
    wrong: dict[str, Mapping[str, Any]] = {"nothing": {}}
    for name in parts:
        wrong[f"without {name}"] = {n: v for n, v in parts.items() if n != name}
        for value in (
            "",
            "x" * 10_000,
            "\x00",
            ("", b""),
            ("a.wav", b""),
            ("a.wav", b"RIFF\xff\xff\xff\xffWAVE"),
            ("é", b"\xff"),
        ):
            wrong[f"{name}: {value!r:.40}"] = {**parts, name: value}
    requests = {}
    for name, form in wrong.items():
        kind, body = as_form(form)
        requests[name] = replace(request, headers=headers_of(request, kind), body=body)

    assert problems(walk, requests) == {}


@of(lambda provider, example: example.asks_model)
def test_wrong_models(provider: str, example: Example) -> None:
    """A model that is none, one that is retired, one of every other type, one of the other provider."""
    walk, _ = opened(provider, example)
    known = walk.edition.models.values()
    others = {model.type: model.id for model in known} | {f"retired {m.type}": m.id for m in known if m.retired}
    others |= {"dedicated": next((m.id for m in known if not m.serverless), "nope")}
    sent = {name: as_asked(walk, replace(example, before=()), id) for name, id in others.items()}
    sent |= {"none": as_asked(walk, replace(example, before=()), "")}
    nobody = {id: as_asked(walk, replace(example, before=()), id) for id in ("nope", "a/b", "gpt-4o", "é")}

    assert problems(walk, sent) == {}
    assert problems(walk, nobody, may_be_right=False) == {}


@every
def test_without_a_key(provider: str, example: Example) -> None:
    walk, request = opened(provider, example)
    bare = replace(request, headers=Headers({n: v for n, v in request.headers.items() if n != "authorization"}))

    assert problems(walk, {"no key": bare}, may_be_right=operation_called(example.operation).public) == {}


@every
def test_strange_queries(provider: str, example: Example) -> None:
    """Whatever stands behind the path."""
    walk, request = opened(provider, example)
    queries = (
        "limit=0",
        "limit=-1",
        "limit=nope",
        "limit=1e9",
        "limit=",
        "after=nope",
        "page=-1",
        "cursor=%FF",
        "a=%",
        "&&=",
    )
    wrong = {query: replace(request, url=f"{request.url.partition('?')[0]}?{query}") for query in queries}

    assert problems(walk, wrong) == {}


# Bodies


def as_asked(walk: Walk, example: Example, model: str) -> ApiRequest:
    if example.form is not None:
        return walk.request(replace(example, form={**example.form, "model": model}))
    return walk.request(replace(example, body={**example.body, "model": model}))


def headers_of(request: ApiRequest, kind: str) -> Headers:
    fields = {name: value for name, value in request.headers.items() if name != "content-type"}
    return Headers({**fields, "content-type": kind} if kind else fields)


def cut_off(body: bytes) -> Iterator[bytes]:
    yield from (body[: len(body) // 2], body[:-3], body + b"x", body + body)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in *value*."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def put(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of *body* with *value* at *path*."""
    if not path:
        return value
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[path[0]] = put(body[path[0]], path[1:], value)
    return copy
