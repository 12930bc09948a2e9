"""The files of a source tree: what git ignores is left out, and so are folders with other people's code."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from pytest_llmcontract.core.errors import BadInput

VENDORED = frozenset({
    ".git", ".hg", ".svn", ".tox", ".nox", ".venv", "venv", "env", "node_modules", "bower_components", "site-packages",
    "dist-packages", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".eggs", "vendor", "third_party",
    ".next", ".yarn", ".pnpm-store",
})  # fmt: skip
"""Folders whose code is not the project's."""

SUFFIXES = frozenset({
    ".py", ".pyi", ".ipynb", ".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".yaml", ".yml", ".toml",
    ".json", ".jsonc", ".env", ".md", ".mdx", ".markdown", ".rst", ".ini", ".cfg", ".conf", ".sh", ".properties",
})  # fmt: skip
"""Of files that are read."""

NAMES = frozenset({"Dockerfile", "Makefile", "Justfile", "Procfile"})
"""Of files that have no suffix and are read."""


def files_of(paths: Sequence[str | Path]) -> Iterator[Path]:
    """The files at *paths* that a scan reads, each once, in order. A file that is named is read whatever its suffix.

    Raises:
        BadInput: There is nothing at one of them.
    """
    seen: set[Path] = set()
    for path in map(Path, paths):
        if not path.exists():
            raise BadInput(f"{path}: there is no such file or folder")
        found = _below(path) if path.is_dir() else iter((path,))
        for file in found:
            if file not in seen:
                seen.add(file)
                yield file


def _below(folder: Path) -> Iterator[Path]:
    listed = _listed_by_git(folder)
    yield from sorted(file for file in (_walked(folder) if listed is None else listed) if _is_read(file))


def _is_read(file: Path) -> bool:
    name = file.name
    return (
        file.suffix.lower() in SUFFIXES or name in NAMES or name == ".env" or name.startswith((".env.", "Dockerfile."))
    )


def _listed_by_git(folder: Path) -> list[Path] | None:
    """What git tracks or would track; ``None`` where there is no git, or no repository of it."""
    command = ["git", "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    names = [os.fsdecode(name) for name in listed.split(b"\0") if name]
    if not names:
        return None  # a folder that a repository around it ignores as a whole
    files = (folder / name for name in names if VENDORED.isdisjoint(name.split("/")[:-1]))
    return [file for file in files if file.is_file()]


def _walked(folder: Path) -> Iterator[Path]:
    """Links to folders are not followed: they may lead in circles, and what they lead to is somewhere else."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in VENDORED)
        for name in names:
            file = Path(place) / name
            if file.is_file():
                yield file
