"""One call under way: what is asked, what the limits made of it, what is decided.

In three parts, filled in this order: nobody may rely on a part before the one who fills it has run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pytest_llmcontract.core.call.script import Fault, Script
from pytest_llmcontract.core.call.tape import Recorded
from pytest_llmcontract.core.completion.answers import asked_completion
from pytest_llmcontract.core.contract.mismatch import Mismatch
from pytest_llmcontract.core.exchange import ApiRequest
from pytest_llmcontract.core.facts.records import ErrorSpec, Lane, Model
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.limits.charges import Counted
from pytest_llmcontract.core.limits.limiter import Shortage
from pytest_llmcontract.core.limits.rules import LimitState, Rule
from pytest_llmcontract.core.limits.store import Amounts
from pytest_llmcontract.core.refusal import Refusal


@dataclass(slots=True)
class Turn:
    """One call under way."""

    # Asked: known when the call is opened (``Simulator.open``), and unchanged from then on.

    request: ApiRequest
    call: Call
    number: int
    """Of the call among all of its test, from 0."""
    now: datetime
    at: float
    """Seconds on the virtual clock; what limits are counted in."""
    request_id: str
    body: Mapping[str, Any]
    """The parsed body; empty for a request without one, or whose body is no JSON object."""
    chat: Mapping[str, Any]
    """The body as a chat, whatever form of one it is (``Operation.as_chat``)."""
    lane: Lane
    """The way it takes: its service tier."""
    path: str = ""
    """The request's, as the provider has it: behind a gateway another than was called."""
    plan: str = ""
    """The plan or tier in force."""
    targets: Mapping[str, str] = field(default_factory=dict)
    """What the path names, by the placeholders of its address: ``id`` of ``GET /models/{id}``."""
    model: Model | None = None
    mismatches: tuple[Mismatch, ...] = ()
    prompt_tokens: int = 0
    due: Script | None = None
    """The script whose turn it is with this call."""
    inside: bool = False
    """It comes from inside the provider: a line of a batch."""
    invented: bool = False
    """A lenient provider does not look at its body, and invents the reply."""
    fault: Fault | None = None
    """The fault it brings, at its own step."""
    recorded: Recorded | None = None
    """What the test's recordings say to the call, where they decide it."""

    # Admitted: by the step ``limiter``, of a model that has limits.

    rules: Mapping[str, Rule] | None = None
    """How the model's limits count."""
    limits: Mapping[str, LimitState] = field(default_factory=dict)
    """The model's limits as the call was admitted, or refused."""
    counted: Counted | None = None
    """How it counts; ``None`` where no limit was asked, or one refused."""
    taken: Amounts = field(default_factory=dict)
    """What was taken for it at once."""
    unable: Refusal | None = None
    """How the model itself refuses in the end what it cannot do."""
    shortage: Shortage | None = None
    """The limit that refused the call."""

    # Decided: by whichever step ends the path, and while the reply is made.

    content_type: str = ""
    """Of a body that is not in the provider's usual form."""
    error: ErrorSpec | None = None
    """The refusal, as the catalogue has it."""
    scripted: bool = False
    """The test asked for exactly this outcome."""
    whole: tuple[bytes, ...] | bytes | None = None
    """The events of a stream, or the file, that a script cut: what a recording keeps."""
    retry_after: float | None = None
    """What the test wants announced in place of the rule's."""
    extra_headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """What the path names, with slashes between; empty if nothing."""
        return "/".join(self.targets.values())

    @property
    def query(self) -> Mapping[str, list[str]]:
        """What stands behind the path: every value of each name."""
        return parse_qs(urlsplit(self.request.url).query, keep_blank_values=True)

    @property
    def asked_tokens(self) -> int:
        """The longest completion that the request allows; 0 if it does not say."""
        return asked_completion(self.chat) or 0

    @property
    def operation(self) -> str:
        return self.call.operation

    def find(self, code: str, message: str, **parts: Any) -> None:
        """Note a finding about this call.

        Args:
            message: What is wrong, without provider and operation.
            parts: Further fields of a :class:`~pytest_llmcontract.core.findings.rules.Violation`.
        """
        provider, operation = self.call.provider, self.operation
        parts = {"site": self.request.site, **parts}
        finding = Violation.of(
            code,
            f"{provider} {operation}: {message}",
            provider=provider,
            operation=operation,
            call=self.number,
            **parts,
        )
        self.call.violations.append(finding)
