"""One simulated chat call through the groq SDK, beside a bare respx static route: CPU time, in one run.

    python benchmarks/bench_call.py [--calls 400] [--rounds 7]

Contract, limiter and ledger are all on. Prints microseconds of CPU a call and the ratio, round by round and as a
median. The machine may be noisy; the ratio within a round is what counts.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import groq
import httpx
import respx

from pytest_llmcontract import simulate
from pytest_llmcontract.adapters.time import install_trampoline

MODEL = "openai/gpt-oss-120b"
MESSAGES = [{"role": "user", "content": "Say hello"}]
LIMITS = {"RPM": "1G", "RPD": "1G", "TPM": "1G", "TPD": "1G"}
PIECES = [f"piece {n} " for n in range(50)]


def ask(client: groq.Groq) -> None:
    client.chat.completions.create(model=MODEL, messages=MESSAGES)


def read(client: groq.Groq) -> None:
    for _ in client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True):
        pass


def cpu(work: Callable[[groq.Groq], None], calls: int) -> float:
    """Microseconds of CPU a call, after a warm-up."""
    client = groq.Groq(api_key="k")
    for _ in range(20):
        work(client)
    started = time.process_time()
    for _ in range(calls):
        work(client)
    return (time.process_time() - started) / calls * 1e6


def recorded() -> tuple[bytes, bytes, dict[str, str]]:
    """The bytes of our own whole and streamed reply, so that both sides answer the same."""
    with simulate("groq", check=False, limits=LIMITS) as api:
        api.reply("This is a simulated answer.", times=None)
        ask(groq.Groq(api_key="k"))
        api.reset()
        api.reply(PIECES, times=None)
        read(groq.Groq(api_key="k"))
        whole, stream = api.simulator.states[0].ledger.calls[-1].reply, api.calls.last.reply
    return whole.body, stream.text.encode(), dict(whole.headers)


def bare(work: Callable[[groq.Groq], None], calls: int, body: bytes, headers: dict[str, str]) -> float:
    with respx.mock as router:
        router.post("https://api.groq.com/openai/v1/chat/completions").mock(
            return_value=httpx.Response(200, headers=headers, content=body)
        )
        return cpu(work, calls)


def ours(work: Callable[[groq.Groq], None], calls: int, content: str | list[str]) -> float:
    with simulate("groq", check=False, limits=LIMITS) as api:
        api.reply(content, times=None)
        return cpu(work, calls)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    install_trampoline()
    whole, stream, headers = recorded()
    events = {**headers, "content-type": "text/event-stream"}
    for name, work, body, shown, content in (
        ("whole reply", ask, whole, headers, "This is a simulated answer."),
        ("50-chunk stream", read, stream, events, PIECES),
    ):
        calls = args.calls if work is ask else args.calls // 5
        ratios = []
        for _ in range(args.rounds):
            base = bare(work, calls, body, shown)
            mine = ours(work, calls, content)
            ratios.append(mine / base)
            print(f"{name:16} respx {base:7.0f} µs   simulated {mine:7.0f} µs   ratio {mine / base:.2f}")
        print(f"{name:16} median ratio {statistics.median(ratios):.2f}\n")


if __name__ == "__main__":
    main()
