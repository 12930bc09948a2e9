"""Recorded answers, as the simulator sees them: what it asks a test's recordings, and what it tells them.

Files, modes and matching are the business of whoever is behind it (:mod:`pytest_llmcontract.recordings.tape`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

from pytest_llmcontract.core.exchange import ApiReply, UsageSource
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.ledger import Call


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the recordings say to a call."""

    reply: ApiReply | None = None
    """``None``: the provider itself shall answer, and is recorded."""
    finding: Violation | None = None
    """Why there is no recording of this call: the reply is one of ours then."""
    usage: UsageSource = "reported"
    """Where the tokens of the reply come from."""
    scripted: bool = False
    """A script of the test had answered, not the provider."""


class Tape(Protocol):
    """The recordings of one test."""

    forwards: bool
    """Whether what is not recorded goes to the provider itself."""

    def find(self, call: Call, target: str) -> Recorded | None:
        """What is recorded for *call*; ``None``: the simulator answers.

        Args:
            target: What the path names beside the operation, such as the model of ``GET /models/{id}``.
        """

    def told(self, call: Call, target: str, reply: ApiReply, *, edition: date, scripted: bool) -> None:
        """*call* was answered, by whomever.

        Args:
            reply: As the provider gave it: a stream whole, also where a script of the test cut it.
            scripted: A script of the test had a hand in it.
        """

    def findings(self) -> list[Violation]:
        """What is to be said of the recordings themselves, and was not yet."""

    def unmade(self) -> list[Violation]:
        """Recorded calls that a test made no more."""
