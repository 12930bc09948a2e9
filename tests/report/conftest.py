"""A real Chromium for the pages: Debian's, with an empty profile and nothing to reach."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ledgers import ledger

from pytest_llmcontract.report.document import LedgerDocument
from pytest_llmcontract.report.html import page

_DRAWN = """(name) => {
  const plot = Bokeh.documents.flatMap((shown) => shown.roots()).find((root) => root.name === name);
  if (!plot) return { marks: 0, rows: [], colour: null };
  const sources = new Set(plot.renderers.map((renderer) => renderer.data_source));
  const lengths = [...sources].map(({ data }) => Math.max(0, ...Object.values(data).map((column) => column.length)));
  return {
    marks: lengths.reduce((sum, length) => sum + length, 0),
    rows: [...plot.yaxes[0].major_label_overrides.values()],
    colour: plot.xaxes[0].major_label_text_color,
  };
}"""

NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass
class Opened:
    """A page in the browser, and what it complained of and asked for."""

    page: Any
    url: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def rows(self, section: str) -> int:
        return self.page.locator(f"#{section} tbody tr").count()

    def texts(self, css: str) -> list[str]:
        return self.page.locator(css).all_inner_texts()

    def filter(self, name: str, value: str) -> None:
        """Choose or type *value*, and wait until the page has followed."""
        control = self.page.locator(f"#filter [name={name}]")
        if control.evaluate("control => control.tagName") == "SELECT":
            control.select_option(value)
        else:
            control.fill(value)
        self.settle()

    def settle(self) -> None:
        """Wait until the page has followed the filter."""
        self.page.wait_for_selector("main[aria-busy=false]")

    def chart(self, name: str) -> dict[str, Any]:
        """What the chart in figure *name* draws: its marks, the names of its rows, the colour of its text."""
        self.page.locator(f"#{name}").scroll_into_view_if_needed()
        self.page.wait_for_selector(f"#{name} .chart[aria-busy=false]", state="attached")
        return self.page.evaluate(_DRAWN, name)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    # One for each module: while it runs, Playwright keeps an event loop in this thread, which other tests may not want.
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = next(filter(None, map(shutil.which, NAMES)), None)
    if chromium is None:
        pytest.skip(f"no Chromium: none of {', '.join(NAMES)} is on PATH")
    with sync_api.sync_playwright() as playwright:
        arguments = ["--headless", "--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Opens the page of a document; afterwards no page may have complained or asked for anything but itself."""
    opened = []

    def open_page(document: LedgerDocument, *, width: int = 1280, address: str = "", **context: Any) -> Opened:
        file = tmp_path / f"{len(opened)}.html"
        file.write_text(page(document), encoding="utf-8")
        tab = browser.new_context(viewport={"width": width, "height": 900}, **context).new_page()
        shown = Opened(tab, file.as_uri())
        tab.on("console", lambda said: said.type in ("error", "warning") and shown.complaints.append(said.text))
        tab.on("pageerror", lambda error: shown.complaints.append(str(error)))
        tab.on("request", lambda request: shown.requests.append(request.url))
        tab.goto(file.as_uri() + address)
        opened.append(shown)
        shown.settle()
        return shown

    yield open_page
    for shown in opened:
        shown.page.context.close()
        assert shown.complaints == []
        assert {url.partition("#")[0] for url in shown.requests} <= {shown.url, "data:,"}


@pytest.fixture(scope="session")
def small() -> LedgerDocument:
    return ledger(tests=1, calls=3)


@pytest.fixture(scope="session")
def medium() -> LedgerDocument:
    return ledger(tests=60, calls=400)


@pytest.fixture(scope="session")
def many() -> LedgerDocument:
    return ledger(tests=300, calls=3_000)


@pytest.fixture(scope="session")
def large() -> LedgerDocument:
    return ledger(tests=2_000, calls=20_000)
