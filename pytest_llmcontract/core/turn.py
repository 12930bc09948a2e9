"""One call under way: what the steps of the path know of it and hand on to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from pytest_llmcontract.core.completion.answers import Answer, asked_completion
from pytest_llmcontract.core.contract.mismatch import Mismatch
from pytest_llmcontract.core.exchange import ApiRequest
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.limits.buckets import LimitState
from pytest_llmcontract.core.limits.limiter import Shortage
from pytest_llmcontract.core.profile import ErrorSpec, Model
from pytest_llmcontract.core.script import Fault, Script
from pytest_llmcontract.core.tape import Recorded


@dataclass(slots=True)
class Turn:
    """One call under way."""

    request: ApiRequest
    call: Call
    now: datetime
    at: float
    """Seconds on the virtual clock; what limits are counted in."""
    request_id: str
    body: Mapping[str, Any]
    """The parsed body; empty for a request without one, or whose body is no JSON object."""
    plan: str = ""
    """The plan or tier in force."""
    target: str = ""
    """What the path names: the model of ``GET /models/{id}``."""
    model: Model | None = None
    mismatches: tuple[Mismatch, ...] = ()
    prompt_tokens: int = 0
    limits: Mapping[str, LimitState] = field(default_factory=dict)
    """The model's limits as the call was admitted, or refused."""
    taken: Mapping[str, float] = field(default_factory=dict)
    """What the limiter took for the call before its answer was known, by kind."""
    shortage: Shortage | None = None
    """The limit that refused the call."""
    answer: Answer | None = None
    cost: Decimal = Decimal(0)
    """US dollars at list price, of an operation that is not paid by tokens."""
    error: ErrorSpec | None = None
    due: Script | None = None
    """The script whose turn it is with this call."""
    fault: Fault | None = None
    """The fault it brings, at its own step."""
    scripted: bool = False
    """The test asked for exactly this outcome."""
    recorded: Recorded | None = None
    """What the test's recordings say to the call, where they decide it."""
    whole: tuple[bytes, ...] | None = None
    """The events of a stream that a script cut: what a recording keeps."""
    retry_after: float | None = None
    """What the test wants announced in place of the rule's."""
    extra_headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def asked_tokens(self) -> int:
        """The longest completion that the request allows; 0 if it does not say."""
        return asked_completion(self.body) or 0

    @property
    def operation(self) -> str:
        return self.call.operation
