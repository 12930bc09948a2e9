"""Writes the table of docs/clients.md out of the declarations."""

from __future__ import annotations

from declared import CLIENTS
from declared.table import PAGE, written

if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8"), CLIENTS), "utf-8")
