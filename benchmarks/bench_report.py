"""Writing the reports of a session: how long does each form take?

    python benchmarks/bench_report.py [--calls 20000] [--tests 2000]

Makes the parts that so many tests send home, puts the ledger together and writes it in every form; also merges twenty
shards of it. Prints seconds of wall clock.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from pytest_llmcontract import ApiRequest, process, simulate
from pytest_llmcontract.core.exchange import Headers
from pytest_llmcontract.core.journal import Journal
from pytest_llmcontract.report.collect import Collector, packed
from pytest_llmcontract.report.formats import write
from pytest_llmcontract.report.merge import merged

HEADERS = {"authorization": "Bearer ***", "content-type": "application/json", "user-agent": "Groq/Python 1.7.0"}
URL = "https://api.groq.com/openai/v1/chat/completions"


class Report:
    """One phase of a test, as pytest reports it."""

    def __init__(self, nodeid: str, when: str) -> None:
        self.nodeid, self.when, self.outcome = nodeid, when, "passed"


def part(calls: int) -> tuple[str, float]:
    """What a test with so many calls sends home, and the seconds that took."""
    journal = Journal()
    process.watch(journal)
    body = {"model": "openai/gpt-oss-120b", "messages": [{"role": "user", "content": "A question"}]}
    with simulate("groq", check=False, plan="developer") as api:
        for _ in range(calls):
            request = ApiRequest("POST", URL, Headers(HEADERS), json.dumps(body).encode(), "app.py:1 in ask")
            api.simulator.answer(request)
            api.clock.advance(seconds=6)
    text = packed(journal, 0, 0, 0)  # the first one imports
    began = time.perf_counter()
    for _ in range(100):
        packed(journal, 0, 0, 0)
    return text, (time.perf_counter() - began) / 100


def timed(what: str, work: Callable[[], object]) -> object:
    began = time.perf_counter()
    result = work()
    print(f"{what:32}{time.perf_counter() - began:6.2f} s")
    return result


def collected(tests: int, text: str) -> Collector:
    collector = Collector()
    for number in range(tests):
        name = f"tests/test_app_{number // 40}.py::test_answer[{number}]"
        collector.add(Report(name, "setup"), None)
        collector.add(Report(name, "call"), text)
        collector.add(Report(name, "teardown"), None)
    return collector


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--tests", type=int, default=2_000)
    args = parser.parse_args()
    text, seconds = part(args.calls // args.tests)
    print(f"{args.calls:,} calls in {args.tests:,} tests")
    size = len(text) * args.tests / args.calls
    print(f"{'packed for the way home':32}{seconds * args.tests:6.2f} s, {size:.0f} B a call")
    document = timed("put together", lambda: collected(args.tests, text).document({}))
    with TemporaryDirectory() as folder:
        for suffix in (".json", ".md", ".sarif", ".html"):
            path = Path(folder, f"ledger{suffix}")
            timed(f"written as {suffix}", lambda path=path: write(document, path))
            print(f"{'':32}{path.stat().st_size / 1e6:6.1f} MB")
        shards = []
        for number in range(20):
            shard = collected(args.tests // 20, text).document({})
            shards.append(Path(folder, f"shard-{number}.json"))
            write(shard, shards[-1])
        timed("20 shards read and merged", lambda: merged(shards, {}))


if __name__ == "__main__":
    main()
