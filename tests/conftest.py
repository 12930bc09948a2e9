"""Helpers for tests that run pytest itself, or the command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from forks import Forks


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
