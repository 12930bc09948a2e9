"""The settings of the project that a command runs in: the ini keys, from the file in which pytest finds them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_llmcontract.core.findings.selection import Selection

# File -> the section with pytest's settings, in the order in which pytest looks.
_FILES = {
    "pytest.ini": "pytest",
    ".pytest.ini": "pytest",
    "pyproject.toml": "tool.pytest.ini_options",
    "tox.ini": "pytest",
    "setup.cfg": "tool:pytest",
}


def add_selection(parser: argparse.ArgumentParser) -> None:
    """The flags ``--select`` and ``--ignore``."""
    parser.add_argument("--select", metavar="CODES", help="rules that count: codes, beginnings of codes, or ALL")
    parser.add_argument("--ignore", metavar="CODES", help="rules that do not count")


def selection_of(args: argparse.Namespace) -> Selection:
    """What these flags and the project's ini keys select.

    Raises:
        BadInput: A code or pattern is not accepted, or the project's file does not parse.
    """
    from pytest_llmcontract.core.findings.selection import read_selection

    folder, settings = ini_settings(Path.cwd())
    return read_selection(args.select, args.ignore, settings.get, root=str(folder))


def expires_after() -> int:
    """Days from which a recording is stale, as the project's ini key says.

    Raises:
        BadInput: It is no number of days.
    """
    from pytest_llmcontract.core.age import days_of

    key = "llmcontract_expire_after"
    return days_of(str(ini_settings(Path.cwd())[1].get(key) or ""), f"{key} (ini)")


def ini_settings(start: Path) -> tuple[Path, Mapping[str, Any]]:
    """pytest's settings for *start* and the folder of the file that has them; nothing if there is no such file."""
    for folder in (start, *start.parents):
        for name, section in _FILES.items():
            file = folder / name
            if file.is_file() and (settings := _section(file, section)) is not None:
                return folder, settings
    return start, {}


@contextmanager
def own_facts() -> Iterator[None]:
    """The project's own facts, while a command runs.

    Raises:
        BadInput: The file is not there, or a record of it is wrong.
    """
    folder, settings = ini_settings(Path.cwd())
    file = settings.get("llmcontract_facts")
    if not file:
        yield
        return
    from pytest_llmcontract.core.facts.laid import lay_over

    restore = lay_over(folder / str(file))
    try:
        yield
    finally:
        restore()


def _section(file: Path, section: str) -> Mapping[str, Any] | None:
    """``None`` if the file has no such section, and so is not the one."""
    import configparser
    import tomllib

    from pytest_llmcontract.core.errors import BadInput

    try:
        if file.suffix == ".toml":
            found: Any = tomllib.loads(file.read_text("utf-8"))
            for part in section.split("."):
                found = found.get(part) if isinstance(found, dict) else None
            return found if isinstance(found, dict) else None
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, configparser.Error, UnicodeDecodeError) as problem:
        raise BadInput(f"{file}: {problem}".replace("\n", " ")) from None
    return parser[section] if parser.has_section(section) else None
