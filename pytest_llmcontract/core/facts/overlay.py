"""Facts of one's own, laid over ours: what a team knows before a release of this package does.

The file has a record of each provider, in the form of our own data (``models.json``, ``ids.json``)::

    {"groq": {"read": "2026-11-28",
              "models": [{"id": "openai/gpt-oss-240b", "type": "chat", "owner": "OpenAI", "context": 131072,
                          "since": "2026-11-20"}],
              "gone": [{"id": "openai/gpt-oss-20b", "on": "2026-12-24"}]}}

A model that we know keeps what the record does not say. ``llmcontract models PROVIDER --check FILE --overlay FILE``
writes one. This module holds the file and imports the standard library only; who uses a record checks it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from pytest_llmcontract.core.errors import BadInput, unknown

SOURCE = "overlay"
"""What its records have as their source where they name none."""
_KEYS = ("read", "models", "gone")

Cached = TypeVar("Cached", bound=Callable[..., Any])

_file = Path()
_overlays: Mapping[str, Mapping[str, Any]] = {}
_caches: list[Callable[[], None]] = []


def forgets(cached: Cached) -> Cached:
    """A cached function that reads facts: it forgets them when others are laid over."""
    _caches.append(cached.cache_clear)  # type: ignore[attr-defined]
    return cached


def overlay_of(provider: str) -> Mapping[str, Any]:
    """The record of *provider*; empty if there is none."""
    return _overlays.get(provider, {})


def overlay_file() -> Path:
    """Where it is from, for messages."""
    return _file


def records_of(provider: str, kind: str) -> list[dict[str, Any]]:
    """The ``models`` or ``gone`` of *provider*, each with its source."""
    return [{"source": SOURCE, **record} for record in overlay_of(provider).get(kind, ())]


def use(path: Path | None, providers: tuple[str, ...]) -> Callable[[], None]:
    """Lay the facts of the file at *path* over ours, or none; the returned function restores what was before.

    Args:
        providers: Those there are.

    Raises:
        BadInput: It cannot be read, or has another form.
    """
    global _file, _overlays
    before = _file, _overlays
    _overlays = {} if path is None else read(path, providers)
    _file = path or Path()
    _forget()

    def restore() -> None:
        global _file, _overlays
        _file, _overlays = before
        _forget()

    return restore


def _forget() -> None:
    for clear in _caches:
        clear()


def read(path: Path, providers: tuple[str, ...]) -> Mapping[str, Mapping[str, Any]]:
    """What the file at *path* says; for the rest see :func:`use`."""
    try:
        said = json.loads(path.read_bytes())
    except OSError as problem:
        raise BadInput(f"{path}: {problem.strerror}") from None
    except (ValueError, RecursionError) as problem:
        raise BadInput(f"{path}: no JSON: {problem}") from None
    if not isinstance(said, dict):
        raise BadInput(f"{path}: expected an object: provider -> its facts")
    for provider, facts in said.items():
        if provider not in providers:
            raise unknown("provider", provider, providers, where=str(path))
        _check(path, provider, facts)
    return said


def _check(path: Path, provider: str, facts: Any) -> None:
    if not isinstance(facts, dict):
        raise BadInput(f"{path}: {provider}: expected an object with {', '.join(_KEYS)}")
    for key in facts:
        if key not in _KEYS:
            raise unknown(f"key of {provider}", key, _KEYS, where=str(path))
    for key in ("models", "gone"):
        records = facts.get(key, [])
        if not isinstance(records, list) or not all(isinstance(record, dict) and "id" in record for record in records):
            raise BadInput(f"{path}: {provider}: {key}: expected a list of objects, each with an id")
    try:
        date.fromisoformat(facts["read"])
    except (KeyError, TypeError, ValueError):
        raise BadInput(f"{path}: {provider}: read: expected the day it was read, such as 2026-11-28") from None
