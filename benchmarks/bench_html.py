"""The HTML page of 2,000 tests and 20,000 calls: its size, writing it, opening it and filtering it in Chromium.

    python benchmarks/bench_html.py [--tests 2000] [--calls 20000] [--rounds 5]

Needs `pip install 'pytest-llmcontract[report]' playwright` and a Chromium on PATH. Prints medians. Opening is until all
figures and tables stand and the charts in sight are drawn; a filter is timed from the choice to the next frame.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from pytest_llmcontract.report.html import page

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "report"))
from ledgers import ledger

ARGUMENTS = ["--headless", "--no-sandbox", "--disable-background-networking"]
CHOOSE = """async ([name, value]) => {
  const control = document.querySelector(`#filter [name=${name}]`);
  const began = performance.now();
  control.value = value;
  control.form.elements.provider.dispatchEvent(new Event("input", { bubbles: true }));
  await new Promise((done) => setTimeout(done));
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))));
  return performance.now() - began;
}"""
FILTERS = [
    ("provider", "groq"),
    ("provider", ""),
    ("status", "429"),
    ("status", ""),
    ("text", "plan 503"),
    ("text", ""),
]


def opened_and_filtered(browser: Browser, file: Path) -> tuple[float, list[float]]:
    """Milliseconds to open the page, and for each of the filters."""
    tab = browser.new_page(viewport={"width": 1400, "height": 900})
    began = time.perf_counter()
    tab.goto(file.as_uri())
    tab.wait_for_selector("main[aria-busy=false]")
    opened = (time.perf_counter() - began) * 1e3
    times = []
    for choice in FILTERS:
        tab.wait_for_timeout(1_500)  # charts out of sight are drawn meanwhile
        times.append(tab.evaluate(CHOOSE, list(choice)))
    tab.close()
    return opened, times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", type=int, default=2_000)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()

    document = ledger(tests=args.tests, calls=args.calls)
    pages, ledgers = [], []
    for _ in range(args.rounds):
        began = time.perf_counter()
        text = page(document)
        pages.append(time.perf_counter() - began)
        began = time.perf_counter()
        as_json = document.model_dump_json()
        ledgers.append(time.perf_counter() - began)
    print(f"size     page {len(text.encode()) / 1e6:.1f} MB, JSON {len(as_json) / 1e6:.1f} MB")
    print(f"written  page {statistics.median(pages):.2f} s, JSON {statistics.median(ledgers):.2f} s")

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "page.html"
        file.write_text(text, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        rounds = [opened_and_filtered(browser, file) for _ in range(args.rounds)]
        browser.close()
    print(f"opened   {statistics.median(opened for opened, _ in rounds):.0f} ms")
    for index, (name, value) in enumerate(FILTERS):
        print(f"filter   {statistics.median(times[index] for _, times in rounds):.0f} ms  {name}={value}")


if __name__ == "__main__":
    main()
