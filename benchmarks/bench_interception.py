"""What our way in costs beside a bare respx static route: CPU time of one call through the groq SDK.

Both sides give the same reply to the same client in interleaved rounds of one run; the figure is the ratio of the
median rounds. ``left`` is what the rest (contract, limiter, ledger) may take of a call until the ratio is 1.10.

    python benchmarks/bench_interception.py [--rounds 15] [--calls 60]
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import groq
import httpx
import respx

from pytest_llmcontract.adapters.respx import Interception
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Disconnect, StreamEvent

HOST = "api.groq.com"
URL = f"https://{HOST}/openai/v1/chat/completions"
MODEL = "llama-3.3-70b-versatile"
HEADERS = {
    "x-ratelimit-limit-requests": "1000",
    "x-ratelimit-limit-tokens": "12000",
    "x-ratelimit-remaining-requests": "999",
    "x-ratelimit-remaining-tokens": "11941",
    "x-ratelimit-reset-requests": "1m26.4s",
    "x-ratelimit-reset-tokens": "295ms",
    "x-request-id": "req_01jzy0000000000000000000",
}
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": MODEL,
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello. " * 20},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 12, "completion_tokens": 40, "total_tokens": 52},
    "service_tier": "on_demand",
}


def _chunk(number: int) -> bytes:
    choice = {"index": 0, "delta": {"content": f"piece {number} "}, "finish_reason": None}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": [choice]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


BODY = json.dumps(COMPLETION).encode()
CHUNKS = [*map(_chunk, range(50)), b"data: [DONE]\n\n"]
JSON_HEADERS = {**HEADERS, "content-type": "application/json"}
SSE_HEADERS = {**HEADERS, "content-type": "text/event-stream"}


class Chunks(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        yield from CHUNKS

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in CHUNKS:
            yield chunk


class Constant:
    """A gateway that does nothing but give one reply."""

    def __init__(self, reply: ApiReply) -> None:
        self.reply = reply

    def owns(self, host: str) -> bool:
        return host == HOST

    def answer(self, _: ApiRequest) -> ApiReply | Disconnect:
        return self.reply

    def finished(self, reply: ApiReply) -> None: ...

    def blocked(self, _: str) -> str | None:
        return None

    def escaped(self, request: ApiRequest) -> None: ...


@contextmanager
def bare_respx(response: httpx.Response) -> Iterator[None]:
    with respx.mock as router:
        router.post(URL).mock(return_value=response)
        yield


@contextmanager
def ours(reply: ApiReply) -> Iterator[None]:
    async def never(_: float) -> None:
        raise AssertionError("nothing to wait for")

    interception = Interception(Constant(reply), wait=time.sleep, wait_async=never)
    interception.install()
    try:
        yield
    finally:
        interception.remove()


def seconds_per_call(side: AbstractContextManager[None], call: Callable[[], None], calls: int) -> float:
    with side:
        call()
        gc.collect()
        gc.disable()
        began = time.process_time()
        for _ in range(calls):
            call()
        took = time.process_time() - began
        gc.enable()
    return took / calls


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--calls", type=int, default=60)
    options = arguments.parse_args()

    client = groq.Groq(api_key="none", max_retries=0)

    def chat() -> None:
        answer = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hello"}])
        assert answer.choices[0].message.content

    def stream() -> None:
        pieces = client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": "Hello"}], stream=True
        )
        assert sum(1 for _ in pieces) == 50

    events = tuple(map(StreamEvent, CHUNKS))
    cases = {
        "chat": (
            chat,
            lambda: bare_respx(httpx.Response(200, headers=JSON_HEADERS, content=BODY)),
            lambda: ours(ApiReply(200, JSON_HEADERS, BODY)),
        ),
        "stream of 50 / respx sends 50": (
            stream,
            lambda: bare_respx(httpx.Response(200, headers=SSE_HEADERS, stream=Chunks())),
            lambda: ours(ApiReply(200, SSE_HEADERS, events=events)),
        ),
        "stream of 50 / respx sends one": (
            stream,
            lambda: bare_respx(httpx.Response(200, headers=SSE_HEADERS, content=b"".join(CHUNKS))),
            lambda: ours(ApiReply(200, SSE_HEADERS, events=events)),
        ),
    }
    print(f"{'case':32} {'respx µs':>9} {'ours µs':>9} {'ratio':>6} {'left µs':>8}")
    for name, (call, theirs, mine) in cases.items():
        rounds = [
            (seconds_per_call(theirs(), call, options.calls), seconds_per_call(mine(), call, options.calls))
            for _ in range(options.rounds)
        ]
        bare, simulated = (statistics.median(side) * 1e6 for side in zip(*rounds, strict=True))
        print(f"{name:32} {bare:9.0f} {simulated:9.0f} {simulated / bare:6.2f} {1.10 * bare - simulated:8.0f}")


if __name__ == "__main__":
    main()
