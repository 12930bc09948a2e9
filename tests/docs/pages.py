"""The pages of the documentation, cut into their fenced blocks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RULE_PAGES = sorted((ROOT / "docs" / "rules").glob("*.md"))

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block. Its info line is a language, and perhaps a file name or ``no-run``."""

    language: str
    argument: str
    text: str
    output: str | None
    """The ``text`` block that follows: what a failing test prints."""

    @property
    def file(self) -> str | None:
        """The file that this block is: as its info line says, or named for its first test."""
        if self.argument == "no-run":
            return None
        if "." in self.argument:
            return self.argument
        test = re.search(r"^ *(?:async )?def (test_\w+)", self.text, re.MULTILINE)
        return f"{test[1]}.py" if self.language == "python" and test else None


def blocks(page: Path) -> list[Block]:
    return blocks_of(page.read_text("utf-8"))


def blocks_of(text: str) -> list[Block]:
    found = [(*m["info"].partition(" ")[::2], m["text"]) for m in _FENCE.finditer(text)]
    following = [*found, ("", "", "")][1:]
    return [
        Block(language, argument, text, after[2] if after[0] == "text" and language == "python" else None)
        for (language, argument, text), after in zip(found, following, strict=True)
    ]


def write_files(folder: Path, found: Iterable[Block]) -> None:
    """Those of *found* that are files, into *folder*."""
    for block in found:
        if block.file:
            file = folder / block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, "utf-8")


def shown_commands(text: str) -> list[tuple[str, list[str]]]:
    """The commands of a ``console`` block, each with the output shown below it."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    commands = [part.split("\n", 1) for part in parts]
    return [(command, output.splitlines()) for command, output in commands]


def pattern(line: str) -> str:
    """A shown line for fnmatch: ``…`` stands for anything, nothing else does."""
    return re.sub(r"[\[*?]", r"[\g<0>]", line).replace("…", "*")
