"""Our modules, and what they bring along, load with the real ``date`` and ``datetime``, whatever a test froze.

Much of us loads when a test first needs it, perhaps under freezegun, which puts classes of its own into the module
``datetime``. Models and tables built from those would be wrong for good: pydantic knows no ``FakeDate``. So for as
long as a module of ours loads, ``datetime`` holds the originals.
"""

from __future__ import annotations

import datetime
import importlib.machinery
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_CLASSES = ("date", "datetime")


class _RealDates:
    """A finder that has something to do only while ``datetime`` is replaced."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not name.startswith("pytest_llmcontract.") or not replaced():
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is None or spec.loader is None:
            return None
        loader: Any = spec.loader
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            with real_dates():
                execute(module)

        loader.exec_module = exec_module
        return spec


def install() -> None:
    """Look after our modules from now on. Once per process."""
    if not any(type(finder) is _RealDates for finder in sys.meta_path):
        sys.meta_path.insert(0, _RealDates())


def replaced() -> bool:
    return datetime.date.__module__ != "datetime" or datetime.datetime.__module__ != "datetime"


@contextmanager
def real_dates() -> Iterator[None]:
    """``datetime.date`` and ``datetime.datetime`` are the originals while this lasts."""
    before = {name: getattr(datetime, name) for name in _CLASSES}
    for name, kind in before.items():
        setattr(datetime, name, _original(kind))
    try:
        yield
    finally:
        for name, kind in before.items():
            setattr(datetime, name, kind)


def _original(kind: type) -> type:
    """What *kind* was made from; freezegun's classes are subclasses of the originals."""
    return next((base for base in kind.__mro__ if base.__module__ == "datetime"), kind)
