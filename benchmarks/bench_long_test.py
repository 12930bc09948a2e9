"""Does a call cost more after very many of them? And what does the ledger keep of each?

    python benchmarks/bench_long_test.py [--calls 100000]

Calls go straight to the simulator: contract, limiter and ledger, without an SDK. Prints the CPU time of the last
thousand calls as a ratio to that of the first thousand, and the bytes kept per call beyond the bodies.
"""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc

from pytest_llmcontract import ApiRequest, simulate
from pytest_llmcontract.core.call.simulator import Simulator
from pytest_llmcontract.core.exchange import Headers

LIMITS = {"RPM": "1G", "RPD": "1G", "TPM": "1G", "TPD": "1G"}
HEADERS = {"authorization": "Bearer ***", "content-type": "application/json", "user-agent": "Groq/Python 1.7.0"}


def ask(simulator: Simulator, number: int) -> None:
    body = {"model": "openai/gpt-oss-120b", "messages": [{"role": "user", "content": f"Question {number}"}]}
    url = "https://api.groq.com/openai/v1/chat/completions"
    simulator.answer(ApiRequest("POST", url, Headers(HEADERS), json.dumps(body).encode(), "app.py:1 in ask"))


def thousand(simulator: Simulator, start: int) -> float:
    began = time.process_time()
    for number in range(start, start + 1000):
        ask(simulator, number)
    return (time.process_time() - began) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=100_000)
    calls = parser.parse_args().calls
    with simulate("groq", check=False, limits=LIMITS) as api:
        thousand(api.simulator, 0)
        times = [thousand(api.simulator, start) for start in range(0, calls, 1000)]
        first, last = sorted(times[:5])[2], sorted(times[-5:])[2]
        print(f"first thousand {first:.0f} µs a call, last of {calls:,} {last:.0f} µs: ratio {last / first:.2f}")
    with simulate("groq", check=False, limits=LIMITS) as api:
        thousand(api.simulator, 0)
        tracemalloc.start()
        thousand(api.simulator, 1000)
        kept = tracemalloc.get_traced_memory()[0]
        bodies = sum(len(c.request.body) + len(c.reply.body) for c in api.calls[-1000:] if c.reply)
        print(f"kept {(kept - bodies) / 1000:.0f} bytes a call beyond the bodies")


if __name__ == "__main__":
    main()
