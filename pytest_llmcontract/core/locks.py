"""Locks that a forked child finds open: the thread that held one in its parent is not there to give it back."""

from __future__ import annotations

import os
import threading
import weakref

_known: list[weakref.ref[threading.RLock]] = []


def new_lock() -> threading.RLock:
    """A lock that its owner may take again, and that is free in every child process."""
    lock = threading.RLock()
    _known[:] = [known for known in _known if known() is not None]
    _known.append(weakref.ref(lock))
    return lock


def _renew() -> None:
    for known in _known:
        lock = known()
        if lock is not None:
            lock._at_fork_reinit()  # type: ignore[attr-defined]  # what logging and concurrent.futures do with theirs


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
