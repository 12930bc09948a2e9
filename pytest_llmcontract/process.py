"""What holds in this process: the defaults that flags and ini set, and the journal of the test under way.

Everything else belongs to a world (:mod:`pytest_llmcontract.core.world`). The plugin sets both; outside pytest the
defaults hold, and each simulation has a journal of its own. This module is imported at each start of pytest.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from pytest_llmcontract.core.guard import Guard

if TYPE_CHECKING:
    from pytest_llmcontract.core.findings.selection import Selection
    from pytest_llmcontract.core.journal import Journal


class Defaults(NamedTuple):
    """What a simulation takes where it says nothing else."""

    edition: str | None = None
    """The day whose facts hold where a simulation names none."""
    retires_within: int = 30
    """Days before its retirement from which the use of a model is LLM108; 0: never."""
    record_flag: str | None = None
    record_ini: str | None = None
    source_flag: str | None = None
    source_ini: str | None = None
    """What may be recorded, and who answers it, where it says so."""
    expire_after: int = 0
    """Days from which a recording is stale; 0: the usual ones."""
    on_expiry: str = "warn"
    """What becomes of one: ``warn``, ``fail`` or ``rerecord``."""
    unplayed: str = "warning"
    """What a recorded call that is not made is: ``warning`` or ``error``."""
    guard: Guard = Guard()
    """Which calls are stopped."""
    selection: Selection | None = None
    """Which rules count; ``None``: all."""
    seed: int = 0
    """Of ``chaos()`` that names none."""
    requests_per_call: int = 6
    """Requests of one logical call that several layers may make together (LLM307)."""
    attempts_per_call: int = 10
    """Requests of one logical call that one layer may make (LLM302)."""


_defaults = Defaults()
_journal: Journal | None = None
_lasting: ExitStack | None = None


def defaults() -> Defaults:
    return _defaults


def journal_of_test() -> Journal | None:
    """That of the test under way; ``None`` outside pytest."""
    return _journal


def lasting() -> ExitStack | None:
    """What is undone when the session of pytest ends; ``None`` outside one."""
    return _lasting


def watch(journal: Journal | None) -> None:
    """Another test begins: what is simulated from now on is noted in *journal*."""
    global _journal
    _journal = journal


def use_defaults(new: Defaults) -> Callable[[], None]:
    """Let *new* hold, without a test under way; the returned function restores what was before."""
    global _defaults, _journal, _lasting
    before = _defaults, _journal, _lasting
    session = ExitStack()

    def restore() -> None:
        global _defaults, _journal, _lasting
        _defaults, _journal, _lasting = before
        session.close()

    _defaults, _journal, _lasting = new, None, session
    return restore
