"""Columns of text."""

from __future__ import annotations

from collections.abc import Collection, Sequence

WIDTH = 80


def aligned(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Collection[int] = (),
    indent: str = "",
    width: int = WIDTH,
) -> str:
    """Columns two spaces apart. A first cell that would make lines too long stands on a line of its own.

    Args:
        right: Which columns are aligned to the right.
        indent: What every line begins with.
        width: How long a line may be.
    """
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    spare = width - len(indent) - sum(widths[1:]) - 2 * (len(widths) - 1)
    widths[0] = min(widths[0], max(spare, len(head[0])))
    lines = []
    for first, *others in (head, *rows):
        if len(first) > widths[0]:
            lines.append(indent + first)
            first = ""
        cells = [
            cell.rjust(wide) if column in right else cell.ljust(wide)
            for column, (cell, wide) in enumerate(zip((first, *others), widths, strict=True))
        ]
        lines.append(f"{indent}{'  '.join(cells)}".rstrip())
    return "\n".join(line for line in lines if line)
