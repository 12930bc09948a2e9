"""The table of docs/clients.md, out of the declarations alone. ``python tests/clients/write_table.py`` writes it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from declared.client import Client

PAGE = Path(__file__).parents[3] / "docs" / "clients.md"
COLUMNS = ("chat", "async", "stream", "async stream", "tools", "structured", "429", "498", "401")
BEGIN, END = "<!-- the table: written, not typed -->\n", "<!-- end of the table -->\n"


def rendered(clients: Sequence[Client]) -> str:
    """Rows, and below them what their numbers mean."""
    remarks: list[str] = []
    rows = [_row(client, remarks) for client in clients]
    head = [_line(["client", "provider", "sends by", *COLUMNS]), _line(["---"] * 3 + [":-:"] * len(COLUMNS))]
    told = [f"{number}. {remark[0].upper()}{remark[1:]}." for number, remark in enumerate(remarks, 1)]
    return "\n".join([*head, *rows, "", *told, ""])


def _row(client: Client, remarks: list[str]) -> str:
    name = client.name if " around " in client.name else f"*{client.name}*" if client.redirected else f"`{client.name}`"
    return _line([name, client.provider, client.sends_by, *(_cell(client, column, remarks) for column in COLUMNS)])


def _cell(client: Client, column: str, remarks: list[str]) -> str:
    remark = client.without.get(column) or client.notes.get(column)
    if remark is not None and remark not in remarks:
        remarks.append(remark)
    number = f" {remarks.index(remark) + 1}" if remark is not None else ""
    return ("–" if column in client.without else "✓") + number


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def written(page: str, clients: Sequence[Client]) -> str:
    """*page* with the table of *clients* in place of its own."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + "\n" + rendered(clients) + "\n" + END + rest.partition(END)[2]


def unknown_columns(client: Client) -> set[str]:
    """What a declaration says of columns that there are not."""
    return {*client.without, *client.notes} - {*COLUMNS}
