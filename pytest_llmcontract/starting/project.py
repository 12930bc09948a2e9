"""What a project calls the providers with: clients, models, its tests' folder."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pytest_llmcontract.core.facts.lifecycle import Lifecycle, lifecycle_of
from pytest_llmcontract.core.facts.registry import provider_names
from pytest_llmcontract.scan.sources import PYTHON, Source, Unreadable, read
from pytest_llmcontract.scan.tree import files_of

_IMPORT = re.compile(
    r"^\s*(?:from|import)\s+(groq|together|openai|langchain_groq|langchain_together|litellm)\b", re.MULTILINE
)
_CLIENTS = {"groq": "groq", "together": "together", "langchain_groq": "groq", "langchain_together": "together"}
_USUAL = {"groq": "openai/gpt-oss-120b", "together": "meta-llama/Llama-3.3-70B-Instruct-Turbo"}


@dataclass
class Project:
    """What was found."""

    folder: Path
    clients: list[str] = field(default_factory=list)
    """Modules that it imports, in the order of how often."""
    providers: list[str] = field(default_factory=list)
    models: dict[str, str] = field(default_factory=dict)
    """For each provider one that the project names and that answers, else a usual one."""

    @property
    def tests(self) -> Path:
        """Where its tests are, or are to be."""
        return next(
            (self.folder / name for name in ("tests", "test") if (self.folder / name).is_dir()), self.folder / "tests"
        )


def look_at(folder: Path, day: date) -> Project:
    """What the project in *folder* calls the providers with.

    Raises:
        BadInput: There is no such folder.
    """
    texts = [source.text for path in files_of([folder]) if path.suffix in PYTHON and (source := _read(path))]
    counted: dict[str, int] = {}
    for text in texts:
        for client in _IMPORT.findall(text):
            counted[client] = counted.get(client, 0) + 1
    clients = sorted(counted, key=lambda name: (-counted[name], name))
    lives = [lifecycle_of(name) for name in provider_names() if name in _USUAL]
    named = [life for life in lives if _uses(life, clients, texts)]
    models = {life.provider: _model(life, texts, day) for life in named or lives[:1]}
    return Project(folder, clients, list(models), models)


def _read(path: Path) -> Source | None:
    try:
        return read(path)
    except Unreadable:
        return None


def _uses(life: Lifecycle, clients: list[str], texts: list[str]) -> bool:
    return life.provider in {_CLIENTS.get(client) for client in clients} or any(map(life.is_named, texts))


def _model(life: Lifecycle, texts: list[str], day: date) -> str:
    usual = _USUAL[life.provider]
    chat = (id for id, model in life.models.items() if model.type == "chat" and life.answers(id, day))
    said = (id for id in chat if any(f'"{id}"' in text or f"'{id}'" in text for text in texts))
    return next(said, usual)
