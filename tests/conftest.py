"""What tests of several folders need: a pytest to start, a command to run, and the mark of those that are slow."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from forks import Forks

from pytest_llmcontract.cli import main

try:
    from hypothesis import HealthCheck, settings
except ImportError:  # where only other clients are tried
    pass
else:  # how long an example takes is no verdict: nothing depends on the machine
    settings.register_profile("any machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("any machine")

os.environ.setdefault("LLMCONTRACT_TODAY", "2024-01-01")
"""No test changes with the calendar: the virtual day is later, and counts."""

SLOW = {"browser", "ci", "forks", "pytester"}
"""Fixtures whose tests start processes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if SLOW.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Starts the pytests that tests want to start."""
    forks = Forks()
    yield forks
    forks.close()


@pytest.fixture
def run_pytest(forks: Forks, pytester: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Run pytest in a process of its own, in pytester's folder, with our plugin and ``plugins=``."""
    return partial(forks.run, cwd=pytester.path)


@pytest.fixture
def run_command(capsys: pytest.CaptureFixture[str]) -> Callable[[str], tuple[int, str, str]]:
    """Run a line of the ``llmcontract`` command in this process; its exit code, stdout and stderr."""

    def run(line: str) -> tuple[int, str, str]:
        try:
            code = main(line.split())
        except SystemExit as stop:  # argparse
            code = stop.code
        return code, *capsys.readouterr()

    return run
