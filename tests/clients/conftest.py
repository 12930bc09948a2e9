"""The lines in the end: what the rules of behaviour said of the real clients."""

from __future__ import annotations


def pytest_terminal_summary(terminalreporter, config):
    from declared.judged import JUDGED, lines

    if judged := config.stash.get(JUDGED, None):
        terminalreporter.section("the rules over the clients")
        for line in lines(judged):
            terminalreporter.write_line(line)
