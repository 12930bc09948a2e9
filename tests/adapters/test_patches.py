"""Modules are patched when somebody imports them, whoever else waits for them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from pytest_llmcontract.adapters.patches import Patches


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """Two that wait for a module, in a folder that may have it; the names of those that patched it."""
    monkeypatch.syspath_prepend(tmp_path)
    patched: list[str] = []

    def patch(name: str) -> Patches:
        def by(module: ModuleType) -> None:
            patched.append(name)

        return Patches({"a_late_module": by})

    first, second = patch("first"), patch("second")
    first.start()
    second.start()
    yield patched
    first.stop()
    second.stop()
    sys.modules.pop("a_late_module", None)


def test_a_module_that_is_not_there_is_not_there_for_two_either(two):
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("a_late_module")


def test_both_patch_a_module_that_comes_later(two, tmp_path):
    (tmp_path / "a_late_module.py").write_text("VALUE = 1\n")
    importlib.invalidate_caches()

    assert importlib.import_module("a_late_module").VALUE == 1
    assert sorted(two) == ["first", "second"]
