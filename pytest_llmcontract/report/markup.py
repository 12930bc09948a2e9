"""Markdown of texts that are none: whatever they hold, they show as they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pytest_llmcontract.core.secrets import excerpt
from pytest_llmcontract.core.words import in_line

LONGEST = 160
"""Characters of a text that are shown."""

# Whatever would be markup, a mention or a reference: a backslash before it, or a width of nothing behind.
_ESCAPES = str.maketrans(
    {
        **{sign: f"\\{sign}" for sign in "\\`*_{}[]()!|~$&"},
        "<": "&lt;",
        ">": "&gt;",
        "@": "@&ZeroWidthSpace;",
        "#": "#&ZeroWidthSpace;",
        "\n": " ",
        "\r": " ",
    }
)


def section(title: str, head: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> str:
    """A table below its title; nothing without rows."""
    body = [_row(row) for row in rows]
    if not body:
        return ""
    rule = _row(["---:" if column in set(right) else "---" for column in range(len(head))])
    return "\n".join([f"### {title}", "", _row(head), rule, *body])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def text(value: str) -> str:
    """*value* as it is, whatever it holds."""
    return _cut(value).translate(_ESCAPES)


def code(value: str) -> str:
    """*value* as code in a table's cell, where a bar ends the cell even in code."""
    return f"`{_cut(value).replace('`', chr(39)).replace('|', '¦')}`" if value.strip() else ""


def _cut(value: str) -> str:
    return excerpt(in_line(" ".join(value.split())), LONGEST)
