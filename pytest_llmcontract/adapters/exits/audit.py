"""Python's audit events: a hook sees what happens whoever does it, may refuse it, and can never be taken away.

So there is one for the process, from the first simulation on. While nobody listens it looks into an empty dict.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

Events = Mapping[str, Callable[..., None]]
"""Event -> what is called with its arguments; what that raises refuses it."""

_handlers: Events = {}
_installed = False


def listen(handlers: Events) -> None:
    """Let *handlers* hear of their events from now on, and nobody else."""
    global _handlers, _installed
    _handlers = handlers
    if handlers and not _installed:
        _installed = True
        sys.addaudithook(_hook)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event in _handlers:
        _handlers[event](*args)
