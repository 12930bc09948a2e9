"""How far a long command is: a line that rewrites itself, on a terminal only, and only if it takes a while."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TextIO

PATIENCE = 0.5
"""Seconds before the first line, and the least between two."""


class Progress:
    """Told how many of how many are done; the line is wiped out in the end::

    with Progress("files") as progress:
        verify(path, progress=progress)
    """

    def __init__(self, what: str, stream: TextIO | None = None) -> None:
        self._what = what
        self._stream = stream or sys.stderr
        self._shown = ""
        self._next = time.monotonic() + PATIENCE if self._stream.isatty() else float("inf")

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._show("")

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() >= self._next:
            self._show(f"{done:,} of {total:,} {self._what}")
            self._next = time.monotonic() + PATIENCE

    def _show(self, text: str) -> None:
        if text or self._shown:
            self._stream.write(f"\r{text:<{len(self._shown)}}" + ("" if text else "\r"))
            self._stream.flush()
            self._shown = text
