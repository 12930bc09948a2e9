"""The demo's report: what every test asked of the providers, what it got, and what it would have cost."""

from __future__ import annotations

import pytest

ROWS = pytest.StashKey[list[tuple[str, ...]]]()


@pytest.fixture(autouse=True)
def _report(request, llm_calls, llm_clock):
    yield
    rows = request.config.stash.setdefault(ROWS, [])
    answers = ", ".join(f"{call.provider} {call.status}" for call in llm_calls)
    time, price = f"{llm_clock.elapsed:,.0f} s", f"${llm_calls.cost}"
    rows.append((request.node.name, answers, time, str(llm_calls.tokens), price))


def pytest_terminal_summary(terminalreporter, config):
    rows = [("test", "answers", "virtual time", "tokens", "list price"), *config.stash.get(ROWS, [])]
    terminalreporter.section("report")
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        terminalreporter.line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
