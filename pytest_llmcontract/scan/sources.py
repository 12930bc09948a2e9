"""A file's text, and the spans of it in which an id counts: strings of code, values of configuration, fenced blocks.

Comments and prose do not count: they may well speak of a model that has gone.
"""

from __future__ import annotations

import ast
import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

LARGEST = 8_000_000
"""Bytes of a file that is read: no source is larger, data and bundles are."""

PYTHON = frozenset({".py", ".pyi"})
SCRIPTS = frozenset({".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts"})
PROSE = frozenset({".md", ".mdx", ".markdown", ".rst"})
DATA = frozenset({".json", ".jsonc"})


class Unreadable(Exception):
    """A file cannot be scanned; the message says why, without its name."""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a text in which an id counts."""

    start: int
    end: int
    kind: Literal["string", "values", "shown"] = "values"
    """A string of code, which counts as a whole; lines of configuration; prose or code that is shown, in which only
    what stands in quotes of its own, or behind a key or flag, counts."""


@dataclass
class Source:
    """One file."""

    path: Path
    text: str
    encoding: str = "utf-8"
    lines: Sequence[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = self.text.split("\n")

    @cached_property
    def _starts(self) -> list[int]:
        starts, at = [], 0
        for line in self.lines:
            starts.append(at)
            at += len(line) + 1
        return starts

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, both from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def offset(self, line: int, column: int) -> int:
        """The character at a line from 1, a column from 0."""
        return self._starts[line - 1] + column

    @cached_property
    def tree(self) -> ast.Module | None:
        """The parsed module; ``None`` if it is none, or does not parse with this Python."""
        if self.path.suffix not in PYTHON:
            return None
        try:
            return ast.parse(self.text.replace("\ufeff", " ", 1))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None

    def span_at(self, offset: int) -> Span | None:
        """The span that a character is in: the innermost, that is the last that begins before it."""
        at = bisect_right(self.spans, offset, key=lambda span: span.start) - 1
        return self.spans[at] if at >= 0 and offset < self.spans[at].end else None

    @cached_property
    def calls(self) -> list[ast.Call]:
        """The calls of a module in Python, outer ones before those within."""
        return [node for node in self.nodes if isinstance(node, ast.Call)]

    @cached_property
    def assignments(self) -> list[ast.Assign | ast.AnnAssign | ast.NamedExpr]:
        """Its assignments."""
        kinds = (ast.Assign, ast.AnnAssign, ast.NamedExpr)
        return [node for node in self.nodes if isinstance(node, kinds)]

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree)) if self.tree else []

    @cached_property
    def spans(self) -> list[Span]:
        """Where ids count, in order."""
        suffix = self.path.suffix.lower()
        if suffix in PYTHON:
            return sorted(_python(self), key=lambda span: span.start)
        if suffix == ".ipynb":
            return list(_notebook(self.text))
        if suffix in SCRIPTS:
            return list(_strings(self.text))
        if suffix in PROSE:
            return list(_fences(self.text))
        if suffix in DATA:
            return [Span(0, len(self.text))]
        return list(_without_comments(self))


def read(path: Path) -> Source | None:
    """The file at *path*; ``None`` if it holds no text.

    Raises:
        Unreadable: It cannot be read, or is too large.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise Unreadable(f"larger than {LARGEST // 1_000_000} MB, not read")
        data = path.read_bytes()
    except OSError as problem:
        raise Unreadable(problem.strerror or str(problem)) from None
    if b"\0" in data[:4096]:
        return None
    try:
        return Source(path, data.decode("utf-8"))
    except UnicodeDecodeError:
        return Source(path, data.decode("latin-1"), "latin-1")


def _python(source: Source) -> Iterator[Span]:
    """Every string that is not only compared with. Of a file that does not parse, what looks like strings."""
    if source.tree is None:
        yield from _strings(source.text, _SNIPPET)
        return
    compared = {id(node) for parent in source.nodes for node in _compared(parent)}
    for node in source.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in compared:
            yield _string(source.text, *_extent(source, node))


def _compared(node: ast.AST) -> Iterator[ast.AST]:
    """The values that *node* asks whether something else is: a model that has gone may be told apart, not asked."""
    if isinstance(node, ast.Compare):
        for operand in node.comparators:
            yield from operand.elts if isinstance(operand, ast.Tuple | ast.List | ast.Set) else [operand]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in ("startswith", "endswith", "removeprefix", "removesuffix"):
            yield from node.args
    elif isinstance(node, ast.MatchValue):
        yield node.value


def _string(text: str, start: int, end: int) -> Span:
    """Of several lines it is prose, or code that is shown; parts that stand one below the other are one string."""
    shown = _LONG.match(text, start) is not None and "\n" in text[start:end]
    return Span(start, end, "shown" if shown else "string")


_LONG = re.compile(r"[rbufRBUF]{0,2}(?:\"\"\"|'''|`)")


def _extent(source: Source, node: ast.expr) -> tuple[int, int]:
    # Columns of the tree are bytes of UTF-8.
    def at(line: int, column: int) -> int:
        text = source.lines[line - 1]
        return source.offset(line, column if text.isascii() else len(text.encode()[:column].decode("utf-8", "ignore")))

    return at(node.lineno, node.col_offset), at(node.end_lineno or node.lineno, node.end_col_offset or 0)


_STRING = r""""(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`"""
_SCRIPT = re.compile(rf"(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<string>{_STRING})", re.DOTALL)


_SNIPPET = re.compile(rf"(?P<comment>#[^\n]*)|(?P<string>{_STRING})", re.DOTALL)


def _strings(text: str, pattern: re.Pattern[str] = _SCRIPT) -> Iterator[Span]:
    """The strings of a text, without its comments."""
    for found in pattern.finditer(text):
        if found.lastgroup == "string":
            yield _string(text, *found.span())


_FENCE = re.compile(r"^[ \t]*(?P<mark>```+|~~~+)[^\n]*\n(?P<body>.*?)(?:^[ \t]*(?P=mark)|\Z)", re.DOTALL | re.MULTILINE)
_RST = re.compile(r"(?:::|code-block::[^\n]*)\n\s*\n(?P<body>(?:[ \t]+[^\n]*\n|\s*\n)+)")


def _fences(text: str) -> Iterator[Span]:
    """Fenced blocks, and those that reStructuredText sets in."""
    for pattern in (_FENCE, _RST):
        for found in pattern.finditer(text):
            yield Span(*found.span("body"), "shown")


def _notebook(text: str) -> Iterator[Span]:
    """The lines of code cells: each is a string of its own in the file."""
    try:
        cells = json.loads(text).get("cells") or []
    except (ValueError, RecursionError, AttributeError):
        return
    at = 0
    for cell in cells:
        lines = cell.get("source") if isinstance(cell, dict) and cell.get("cell_type") == "code" else ()
        for line in [lines] if isinstance(lines, str) else lines or ():
            written = json.dumps(line, ensure_ascii="\\u" in text)[1:-1] if isinstance(line, str) else ""
            start = text.find(written, at) if written.strip() else -1
            if start >= 0:
                at = start + len(written)
                yield Span(start, at, "shown")


_COMMENT = re.compile(r"(?:^|(?<=\s))[#;].*$")


def _without_comments(source: Source) -> Iterator[Span]:
    """Configuration: all but comments."""
    for number, line in enumerate(source.lines, start=1):
        start = source.offset(number, 0)
        found = _COMMENT.search(line)
        yield Span(start, start + (found.start() if found else len(line)))
