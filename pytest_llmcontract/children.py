"""What forked children called, told to the process that forked them: their memory ends with them.

A child has its own copy of the simulation, which answers it. Each of its calls goes into an unnamed file that both
have open; the parent puts it into its ledger, as if it had been made here. Scripts that a child used up are used up.
"""

from __future__ import annotations

import os
import pickle
import struct
import tempfile
from typing import NamedTuple

from pytest_llmcontract.core.call.script import Scripts
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.ledger import Call

_LENGTH = struct.Struct("<Q")


class Told(NamedTuple):
    """What a child tells of one call."""

    call: Call | None
    """``None``: it cannot be told."""
    scripts: tuple[str, ...] = ()
    """Where those that it used were written (:attr:`Script.source`)."""
    finding: Violation | None = None
    """What the guard found, which belongs to no call."""


class Children:
    """The children of this process that are forked while a stage stands."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        self._file: int | None = None
        self._heard = 0
        """Bytes."""

    @property
    def here(self) -> bool:
        """Whether this is a child."""
        return self._file is not None and os.getpid() != self._owner

    def before_fork(self) -> None:
        """A child is about to be: it needs a place to write to."""
        if self._file is not None:
            return
        made, path = tempfile.mkstemp(prefix="llmcontract-")
        try:
            # Appended to: what several children write at once stays whole.
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        finally:
            os.close(made)
            os.unlink(path)

    def tell(self, told: Told) -> None:
        """In a child: let the parent know."""
        assert self._file is not None
        try:
            data = pickle.dumps(told)
        except Exception:  # whatever an application put into it
            data = pickle.dumps(Told(None))
        os.write(self._file, _LENGTH.pack(len(data)) + data)

    def heard(self) -> list[Told]:
        """What children have told since the last time anybody asked."""
        found: list[Told] = []
        while self._file is not None and not self.here:
            head = os.pread(self._file, _LENGTH.size, self._heard)
            if len(head) < _LENGTH.size:
                break
            (length,) = _LENGTH.unpack(head)
            found.append(pickle.loads(os.pread(self._file, length, self._heard + _LENGTH.size)))
            self._heard += _LENGTH.size + length
        return found

    def end(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def use_again(scripts: Scripts, told: Told) -> None:
    """What a child used up is used up here too."""
    assert told.call is not None
    for source in told.scripts:
        if script := next((live for live in scripts.live if live.source == source), None):
            scripts.use(script, told.call)
