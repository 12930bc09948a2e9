"""Helpers for scenarios that run pytest itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def run_pytest(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    """Run pytest in a process of its own, with this plugin and those asked for: loading the others takes seconds."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(*arguments: str, plugins: tuple[str, ...] = ()) -> pytest.RunResult:
        loaded = [word for name in ("llmcontract", *plugins) for word in ("-p", name)]
        return pytester.runpytest_subprocess(*loaded, *arguments)

    return run
