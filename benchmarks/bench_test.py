"""A whole test of one call through the groq SDK, fixture and all, beside the same with respx: CPU time, in one run.

    python benchmarks/bench_test.py [--tests 200] [--rounds 3]

Both kinds of test take turns in one pytest, each with a fixture of its own, one scripted reply of the same bytes and
one client that lives as long as the module. A third kind makes five calls: its first beside the mean of the others says
what a test pays once. Prints milliseconds of CPU a test, setup and teardown included, as medians of the tests of a
round, and the ratios. The machine may be noisy; the ratios are what counts. The first tests, which import and load, are
left out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

WARM_UP = 10
TESTS = """
import time
import groq, httpx, pytest
from pytest_llmcontract import simulate

URL = "https://api.groq.com/openai/v1/chat/completions"
CLIENT = groq.Groq(api_key="k")
TIMES = []


def ask():
    messages = [{"role": "user", "content": "Say hello"}]
    CLIENT.chat.completions.create(model="openai/gpt-oss-120b", messages=messages)


with simulate("groq") as api:
    api.reply("This is a simulated answer.")
    ask()
    REPLY = api.calls.last.reply

numbers = pytest.mark.parametrize("number", range(COUNT))


@numbers
def test_empty(number):
    pass


@numbers
def test_respx(number, respx_mock):
    answer = httpx.Response(200, headers=dict(REPLY.headers), content=REPLY.body)
    respx_mock.post(URL).mock(return_value=answer)
    ask()


@numbers
def test_ours(number, groq_api):
    groq_api.reply("This is a simulated answer.")
    ask()


@numbers
def test_calls(number, groq_api):
    groq_api.reply("This is a simulated answer.", times=5)
    for _ in range(5):
        began = time.process_time()
        ask()
        TIMES.append(time.process_time() - began)
"""


class Watch:
    """Lets the kinds of test take turns, and measures each test."""

    def __init__(self) -> None:
        self.tests: dict[str, list[float]] = defaultdict(list)
        self.calls: list[float] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: item.callspec.params["number"])  # type: ignore[attr-defined]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        began = time.process_time()
        result = yield
        self.tests[item.originalname].append(time.process_time() - began)  # type: ignore[attr-defined]
        self.calls = item.module.TIMES  # type: ignore[attr-defined]
        return result


def measured(folder: Path, tests: int) -> dict[str, float]:
    """Median milliseconds of each kind of test, of a first call and of a later one."""
    watch = Watch()
    (folder / f"test_{folder.name}.py").write_text(f"COUNT = {tests + WARM_UP}\n{TESTS}")
    (folder / "pytest.ini").write_text("[pytest]\n")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    plugins = ["-p", "llmcontract", "-p", "respx.plugin", "-p", "no:cacheprovider", "-p", "no:terminal"]
    code = pytest.main([*plugins, f"--rootdir={folder}", str(folder)], plugins=[watch])
    assert code == 0, code
    firsts = watch.calls[::5]
    later = [statistics.mean(watch.calls[start + 1 : start + 5]) for start in range(0, len(watch.calls), 5)]
    kinds = {**watch.tests, "first call": firsts, "later call": later}
    return {name: statistics.median(times[WARM_UP:]) * 1e3 for name, times in kinds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    ratios: dict[str, list[float]] = defaultdict(list)
    for _ in range(args.rounds):
        with tempfile.TemporaryDirectory() as folder:
            taken = measured(Path(folder), args.tests)
        ratios["test of one call, beside respx"].append(taken["test_ours"] / taken["test_respx"])
        ratios["first call, beside the later ones"].append(taken["first call"] / taken["later call"])
        print("   ".join(f"{name.removeprefix('test_')} {value:.2f} ms" for name, value in taken.items()))
    for name, values in ratios.items():
        print(f"{name}: median ratio {statistics.median(values):.2f}")


if __name__ == "__main__":
    main()
