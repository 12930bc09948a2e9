"""What becomes of a call, as a value: steps and operations decide, :mod:`.replies` makes a reply of it.

A decision is one of

* a :class:`~pytest_llmcontract.core.refusal.Refusal`: an error of the provider's catalogue;
* an :class:`Answer`: what an operation answers, in no provider's shape yet;
* :class:`Whole`: a body as it is, because the test scripted it or nobody can answer;
* :class:`Played`: the recorded reply;
* a :class:`~pytest_llmcontract.core.exchange.Disconnect`: the connection breaks before a reply;
* :data:`FORWARDED`: the provider itself shall answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from pytest_llmcontract.core.call.tape import Recorded
from pytest_llmcontract.core.exchange import Disconnect, Usage
from pytest_llmcontract.core.refusal import Refusal

NOTHING_USED = Usage()


class Answer(Protocol):
    """What an operation answers."""

    @property
    def usage(self) -> Usage:
        """The tokens of it; none where it is not counted in tokens."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A body as it is."""

    body: Any
    """JSON, text or bytes."""
    status: int = 200
    content_type: str = ""
    """Empty: the provider's usual one."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """More of them."""


@dataclass(frozen=True, slots=True)
class Played:
    """A recording answers."""

    recorded: Recorded


class Forwarded(Enum):
    """The provider itself answers, and is recorded."""

    FORWARDED = "forwarded"


FORWARDED = Forwarded.FORWARDED

Decision = Refusal | Answer | Whole | Played | Disconnect | Forwarded
