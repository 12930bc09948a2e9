"""``llmcontract init``: a conftest, first tests, a CI job and a hook, made for the clients that a project has."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    init = commands.add_parser("init", help="write a conftest, first tests, a CI job and a hook; shows them before")
    init.add_argument("folder", metavar="FOLDER", nargs="?", default=".", help="the project (default: here)")
    init.add_argument("--yes", action="store_true", help="write without asking")
    init.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from pytest_llmcontract.commands.answer import say, tell
    from pytest_llmcontract.core.errors import BadInput
    from pytest_llmcontract.core.facts.registry import today
    from pytest_llmcontract.starting.files import files_for
    from pytest_llmcontract.starting.project import look_at

    folder = Path(args.folder)
    if not folder.is_dir():
        raise BadInput(f"{folder}: there is no such folder")
    project = look_at(folder, today())
    found = f"it imports {', '.join(project.clients)}" if project.clients else "it imports no client that we know"
    say(f"{folder}: {found}; tests of calls to {' and '.join(project.providers)}")
    wanted = list(files_for(project))
    for path, _ in wanted:
        if path.exists():
            say(f"\n{path} is there, and stays as it is")
    new = [(path, text) for path, text in wanted if not path.exists()]
    for path, text in new:
        say(f"\n--- {path}\n{text}")
    if not new:
        return 0
    if not args.yes and not _agreed(len(new)):
        tell("init", "nothing written; --yes writes without asking")
        return 1
    return _written(new)


def _agreed(count: int) -> bool:
    if not sys.stdin.isatty():
        return False
    return input(f"Write {'this file' if count == 1 else f'these {count} files'}? [y/N] ").strip().lower() in (
        "y",
        "yes",
    )


def _written(new: list[tuple[Path, str]]) -> int:
    from pytest_llmcontract.commands.answer import say
    from pytest_llmcontract.core.errors import BadInput
    from pytest_llmcontract.core.files import write_whole

    for path, text in new:
        try:
            write_whole(path, text)
        except OSError as problem:
            raise BadInput(f"cannot write {path}: {problem.strerror}") from None
        say(f"wrote {path}")
    say("now: pytest")
    return 0
