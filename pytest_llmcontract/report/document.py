"""The ledger as a document: what a session asked, was answered, spent and found, for reports and for other tools.

This is the form of ``--llmcontract-report=ledger.json`` and what every renderer takes. Its JSON Schema is published
as ``schemas/llmcontract/ledger.schema.json``; ``docs/ledger.md`` explains it. A key that is not here stops the reading
of a ledger: what a newer form says must not get lost in silence.

Money is a decimal string, so that sums are exact. Times are seconds on the virtual clock of a test, from its beginning.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, WithJsonSchema, model_validator

from pytest_llmcontract.core.exchange import UsageSource
from pytest_llmcontract.core.findings.rules import Severity
from pytest_llmcontract.core.workload.costs import money_text

LARGEST = Decimal(10) ** 15
"""US dollars, and any other figure: beyond it nothing adds up, and nothing was counted."""


def _bounded(amount: Decimal) -> Decimal:
    if not amount.is_finite() or amount.copy_abs() >= LARGEST or int(amount.as_tuple().exponent) < -40:
        raise ValueError("is no amount: accepted are numbers below 10^15 with at most 40 decimal places")
    return amount


def _figure(value: int | float | str) -> int | float | str:
    """A figure of a budget; money is a decimal string."""
    try:
        _bounded(Decimal(str(value)))
    except InvalidOperation:
        raise ValueError("is no number") from None
    return value


def _countable(value: float) -> float:
    if not abs(value) < LARGEST:  # of integers with thousands of digits Python makes no float, nor a sum
        raise ValueError("is too large: accepted are numbers below 10^15")
    return value


Money = Annotated[
    Decimal,
    AfterValidator(_bounded),
    PlainSerializer(money_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^-?\d+\.\d{2,}$", "examples": ["0.00", "0.000123"]}),
]
"""US dollars, exactly."""

Figure = Annotated[int | float | str, AfterValidator(_figure)]
"""A figure of a budget."""

Count = Annotated[int, AfterValidator(_countable)]
Number = Annotated[float, AfterValidator(_countable)]
"""Figures that can be added up, however many of them."""

Outcome = Literal["passed", "failed", "error", "skipped", "xfailed", "xpassed", "rerun", "crashed"]
"""``error``: setup or teardown failed. ``crashed``: the worker died in it, and what it had not
reported by then is lost; or the session was interrupted."""


class Part(BaseModel):
    """A part of the document: immutable, and every key known."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class SessionEntry(Part):
    """One run of pytest, its workers together."""

    id: str
    """Made up anew for every run: the same one twice is the same run given twice."""
    started: datetime
    """Real time, in UTC."""
    shard: str = ""
    """The file it was read from, once ledgers were merged."""


class TestEntry(Part):
    """A test that called a provider, whose account something happened to, or that was found something about."""

    __test__ = False

    id: str
    """pytest's node id, ``tests/test_app.py::test_answer[free]``."""
    outcome: Outcome
    session: int = 0
    """Index in ``sessions``."""
    worker: str = ""
    """``gw0`` …, of pytest-xdist."""
    began: datetime
    """What the virtual clock showed when the test began."""
    seconds: Number
    """Virtual seconds that it took, up to the last thing that was reported."""
    failure: str = ""
    """What pytest's short summary says of it, if it failed: one line, keys removed."""


class UsageEntry(Part):
    """Tokens of one call. Cached tokens are part of the input tokens."""

    input_tokens: Count = 0
    cached_tokens: Count = 0
    output_tokens: Count = 0
    tools: tuple[str, ...] = ()
    """Built-in tools that the provider ran, each time anew."""
    source: UsageSource = "estimated"
    """The least sure of its figures."""


class RefusalEntry(Part):
    """The limit that refused a call, in the numbers of the refusal."""

    limit: str
    """Its kind, ``TPM``."""
    requested: Number
    wait: Number
    """Seconds until the same call passes; 0 if it never does."""


class ExchangeEntry(Part):
    """What was said in one call. Keys are removed, what is no text is described, and what is very long is cut."""

    method: str
    url: str
    request_headers: dict[str, str]
    request: str
    """The body, up to 16,384 characters, which end with how many more there were."""
    reply_headers: dict[str, str] = {}
    reply: str = ""
    """As well; of a stream its events as they were sent."""


class CallEntry(Part):
    """One request and what became of it."""

    test: int
    """Index in ``tests``."""
    provider: str
    plan: str
    """The plan or tier in force, ``free``, ``tier1``."""
    operation: str
    model: str
    """As the request names it; empty if it names none."""
    status: int | None
    """``null`` where the connection broke before a reply."""
    error: str | None
    """Its name in the provider's error catalogue."""
    at: Number
    """Seconds since the test began."""
    took: Number
    """Seconds until the reply was complete."""
    attempt: Count
    """Counts from 1 within one logical call."""
    made_by: str = ""
    """Who made an attempt that is not the first: ``groq (SDK)``, ``tenacity``, ``the application (ask)``."""
    tier: str = ""
    """The service tier it went by, ``flex``; empty where there are none."""
    stream: bool
    client: str
    """``groq-python 1.7.0``."""
    site: str
    """The application's own line, ``app/client.py:41 in ask``."""
    usage: UsageEntry
    cost: Money
    """At list price, on every plan; what has no known price counts as 0."""
    scripted: bool
    """The test asked for exactly this reply."""
    recorded: bool
    """A recording answered."""
    retry_after: Number | None
    limits: dict[str, tuple[Number, Number]]
    """The level of every limit of the model after this call: kind -> used, limit. Where the provider counts in windows
    shorter than the limit's own, the level is scaled to the limit. Empty where no limit was asked."""
    refused: RefusalEntry | None
    """Which limit refused the call, if one did."""
    cut: str = ""
    """How the reply broke off after its status, ``disconnect``; empty for a whole one."""
    taken: dict[str, float] = {}
    """What the call itself took of its limits: ``limits`` less this is the level before it."""
    staged: tuple[str, ...] = ()
    """The limits whose level the test had raised by itself before this call, as ``exhaust()`` does."""
    exchange: ExchangeEntry | None = None
    """What was said. ``null`` where nobody asked for it, or where there was too much to keep: first go the calls that
    were answered in tests that passed."""


class ViolationEntry(Part):
    """One finding. Empty texts mean not applicable."""

    code: str
    severity: Severity
    message: str
    test: int
    call: int | None
    """Index in ``calls``."""
    provider: str = ""
    operation: str = ""
    path: str = ""
    sent: str = ""
    allowed: str = ""
    contract: str = ""
    answer: str = ""
    fix: str = ""
    site: str = ""
    """The application's own line; of a recording its file and line."""
    request: str = ""
    """Body of the request, keys removed, the beginning of a very long one."""
    reply: str = ""
    difference: str = ""
    """What is expected (-) and what was sent (+), as lines."""
    timeline: str = ""
    """The attempts of the logical call: when, by whom, what came of each; a line for each."""


class BudgetEntry(Part):
    """One budget, kept or not."""

    scope: Literal["test", "session"]
    test: int | None = None
    name: str
    """``calls``, ``tokens``, ``cost`` …; ``share TPM``; ``fits groq/free``."""
    limit: Figure
    """What is allowed; money as a decimal string; 1 for ``fits``."""
    used: Figure
    """In the same unit; for ``fits`` the share of the limit that binds."""
    ok: bool
    source: UsageSource | None = None
    """Where the figures come from; ``null`` where they were simply counted."""
    detail: str = ""
    """Which limit, which call, at what moment."""


class MoneyEntry(Part):
    """One thing that moved money on an account. What an account has, owes and spent are sums of these."""

    test: int
    """Index in ``tests``."""
    provider: str
    at: Number
    """Seconds since the test began; 0 for what the account began with."""
    what: str
    """``usage``, ``purchase``, ``grant``, ``invoice``, ``payment``, ``carried`` …"""
    amount: Money
    call: int | None = None
    """Index in ``calls`` of the call that moved it; ``null``: none did."""
    source: str = ""
    """What else moved it: the id of a job, the reason of an invoice."""
    against: str = ""
    """The invoice or credit that it counts against, ``invoice 2``."""


class EventEntry(Part):
    """Something that happened to an account."""

    test: int
    """Index in ``tests``."""
    provider: str
    at: Number
    """Seconds since the test began."""
    what: str
    """``invoice``, ``alert``, ``blocked`` …"""
    amount: Money
    sentence: str
    """What happened, for people."""


class VerdictEntry(Part):
    """What the battery says of one behaviour of a client."""

    test: int
    """Index in ``tests``."""
    behaviour: str
    """``obeys_a_retry_after_of_2_seconds``."""
    about: str
    """The heading it stands under, ``limits``."""
    provider: str
    client: str
    """The class of the tests, ``TestOurClient``; or the command."""
    verdict: Literal["pass", "fail", "not applicable"]
    reason: str
    """One line."""
    outcome: str = ""
    """``answers``, ``raises`` …; empty where it was not judged."""
    requests: Count = 0
    seconds: Number = 0
    """On the clock, from the call to its end."""
    detail: str = ""
    """Of a failure how to do better, and the attempts, as lines."""


class TotalsEntry(Part):
    """Sums over the whole document."""

    tests: Count = 0
    calls: Count = 0
    tokens: Count = 0
    """Input and output."""
    input_tokens: Count = 0
    cached_tokens: Count = 0
    output_tokens: Count = 0
    cost: Money = Decimal(0)
    retries: Count = 0
    """Calls that repeated one before."""
    seconds: Number = 0
    """Virtual seconds of all tests."""
    violations: Count = 0
    """All findings, warnings and notes included."""
    errors: Count = 0
    """Those of them that failed their test."""

    @classmethod
    def of(
        cls, tests: Sequence[TestEntry], calls: Sequence[CallEntry], violations: Sequence[ViolationEntry]
    ) -> TotalsEntry:
        """The sums over these."""
        usages = [call.usage for call in calls]
        inputs = sum(usage.input_tokens for usage in usages)
        outputs = sum(usage.output_tokens for usage in usages)
        return cls(
            tests=len(tests),
            calls=len(calls),
            tokens=inputs + outputs,
            input_tokens=inputs,
            cached_tokens=sum(usage.cached_tokens for usage in usages),
            output_tokens=outputs,
            cost=sum((call.cost for call in calls), Decimal(0)),
            retries=sum(call.attempt > 1 for call in calls),
            seconds=round(sum(test.seconds for test in tests), 6),
            violations=len(violations),
            errors=sum(violation.severity == "error" for violation in violations),
        )


class LedgerDocument(Part):
    """The whole document."""

    format: Literal[1] = 1
    tool: str
    """Who wrote it, ``pytest-llmcontract 0.1.0``."""
    sessions: tuple[SessionEntry, ...]
    editions: dict[str, tuple[str, ...]]
    """Provider -> the editions whose facts were used, oldest first."""
    tests: tuple[TestEntry, ...]
    calls: tuple[CallEntry, ...]
    totals: TotalsEntry
    violations: tuple[ViolationEntry, ...]
    budgets: tuple[BudgetEntry, ...]
    money: tuple[MoneyEntry, ...] = ()
    """Every cent that moved on the accounts of the tests, in order."""
    events: tuple[EventEntry, ...] = ()
    """What happened to the accounts, in order."""
    battery: tuple[VerdictEntry, ...] = ()
    """The verdicts on what clients did, in order."""

    @model_validator(mode="after")
    def _indexes_lead_somewhere(self) -> LedgerDocument:
        for what, indexes, listed in (
            ("session", [test.session for test in self.tests], self.sessions),
            ("test", [call.test for call in self.calls], self.tests),
            ("test", [found.test for found in self.violations], self.tests),
            ("test", [budget.test for budget in self.budgets], self.tests),
            ("test", [entry.test for entry in self.money], self.tests),
            ("test", [event.test for event in self.events], self.tests),
            ("test", [verdict.test for verdict in self.battery], self.tests),
            ("call", [found.call for found in self.violations], self.calls),
            ("call", [entry.call for entry in self.money], self.calls),
        ):
            for index in indexes:
                if index is not None and not 0 <= index < len(listed):
                    raise ValueError(f"an entry is about {what} {index}, and there is none")
        return self


def ledger_schema() -> dict[str, Any]:
    """The JSON Schema of a ledger, as published."""
    schema = LedgerDocument.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


if __name__ == "__main__":
    print(json.dumps(ledger_schema(), indent=2, ensure_ascii=False))
