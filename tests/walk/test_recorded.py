"""Every operation, recorded and replayed, judged by ``verify``, and scripted: through a real client."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from walking import PLANS, PROVIDERS, Caller, Example, Impossible, examples

from pytest_llmcontract import SimulatedProvider, simulate
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers
from pytest_llmcontract.recordings.cassette import read_cassette

ALL = [
    pytest.param(provider, example, id=f"{provider}-{example.operation}-{example.case or number}")
    for provider in PROVIDERS
    for number, example in enumerate(examples(provider))
    if example.status < 400 and example.type != "text/event-stream"
]
"""Those that have a whole answer."""

CLIENT = httpx.Client()


def send(request: ApiRequest) -> ApiReply:
    headers = {**request.headers, "authorization": "Bearer k"}
    reply = CLIENT.request(request.method, request.url, headers=headers, content=request.body)
    return ApiReply(reply.status_code, Headers(dict(reply.headers)), reply.content)


def caller(api: SimulatedProvider, count: str = "") -> Caller:
    return Caller(api.edition, send, lambda seconds: api.clock.advance(seconds=seconds), count)


def walked(api: SimulatedProvider) -> Iterator[tuple[Example, ApiReply]]:
    """Every example, one after the other, in one account."""
    for number, example in enumerate(examples(api.edition.provider)):
        try:
            yield example, caller(api, str(number)).call(example)
        except Impossible:
            continue


def unmarked(body: bytes) -> bytes:
    """*body* without the ids of projects and keys, which no recording keeps."""
    return re.sub(rb"(?:project|proj|key)_[\w*]+|\*\*\*", b"id", body)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_is_recorded_is_replayed(provider: str, tmp_path: Path, run_command: Any) -> None:
    path = tmp_path / "all.llm.yaml"
    with simulate(provider, contract={"path": path, "record": "once"}, **PLANS[provider]) as api:
        first = [(example, reply.status, unmarked(reply.body)) for example, reply in walked(api)]
        count = len(api.calls)
    with simulate(provider, contract=path, **PLANS[provider]) as api:
        second = [(example, reply.status, unmarked(reply.body)) for example, reply in walked(api)]
        recorded = [call.recorded for call in api.calls]
    code, told, _ = run_command(f"verify {path}")

    assert second == first
    assert all(recorded)
    assert code == 0, told
    assert len(read_cassette(path).interactions) == count


@pytest.mark.parametrize(("provider", "example"), ALL)
def test_a_body_can_be_scripted(provider: str, example: Example) -> None:
    """Whatever the operation answers by itself, a test can have it answer."""
    with simulate(provider, check=False, **PLANS[provider]) as api:
        try:
            reply = caller(api).call(example)
        except Impossible:
            pytest.skip("nothing does it")
        api.reset()
        walk = caller(api)
        request = walk.ready(example)
        body = reply.json if example.type == "application/json" else reply.body
        api.reply(body=body)
        scripted = send(request)
        call = api.calls.last

    assert (scripted.json if example.type == "application/json" else scripted.body) == body
    assert scripted.headers["content-type"] == reply.headers["content-type"]
    assert (call.reply.scripted, call.violations) == (True, [])
