"""What was asked, answered, spent and found, and when: one :class:`Call` for every request."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import overload

from pytest_llmcontract.core.behaviour.stack import Owner
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Usage
from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.core.limits.charges import Charges, Counted
from pytest_llmcontract.core.limits.limiter import Shortage


@dataclass(eq=False, slots=True)
class Call:
    """One request and what became of it."""

    provider: str
    operation: str
    """Named by its path, ``chat.completions``; ``unknown`` for a path the provider does not have."""
    model: str
    """As the request names it; empty if it names none."""
    request: ApiRequest
    at: float
    """Seconds on the virtual clock."""
    plan: str = ""
    """The plan or tier in force, ``free``, ``tier1``."""
    tier: str = ""
    """The service tier it went by, ``flex``; of ``auto`` the one that let it in. Empty where there are none."""
    stream: bool = False
    attempt: int = 1
    """Counts from 1 within one logical call, whoever made the attempts."""
    logical: LogicalCall | None = field(default=None, repr=False)
    """All attempts of what was asked, where there is more than one."""
    _circumstances: tuple[Hashable, int] = field(default=(None, 0), repr=False)
    """What ran it; and how much the test itself had done before it: scripts, time that it moved."""
    reply: ApiReply | None = None
    """``None`` where the connection broke before a reply."""
    usage: Usage = field(default_factory=Usage)
    cost: Decimal = Decimal(0)
    """List price in US dollars, on every plan."""
    took: float = 0.0
    """Virtual seconds until the reply was complete."""
    violations: list[Violation] = field(default_factory=list)
    recorded: bool = False
    """A recording answered it, not the simulator."""
    counted: Counted | None = None
    """How its limits count it; ``None`` where none admitted it. Also of a call that failed later."""
    shortage: Shortage | None = None
    """The limit that refused it, in the numbers of the refusal."""
    _limits: Mapping[str, float] = field(default_factory=dict, repr=False)
    _used: tuple[float, ...] = field(default=(), repr=False)
    _scales: tuple[float, ...] = field(default=(), repr=False)

    @property
    def made_by(self) -> str:
        """Who made an attempt that is not the first: ``groq (SDK)``, ``tenacity``, ``the application (ask)``."""
        return str(self.logical.owners[self.attempt - 2]) if self.logical and self.logical.first is not self else ""

    @property
    def runner(self) -> Hashable:
        """What ran it: the name of a task, a thread, or the number of a connection; calls side by side differ in it."""
        return self._circumstances[0]

    @property
    def limits(self) -> dict[str, tuple[float, float]]:
        """Kind -> used and limit, of every limit of the model after this call; empty if it did not get that far.

        What the provider counts in shorter windows is scaled to the limit's own.
        """
        return {kind: (used, limit) for (kind, limit), used in zip(self._limits.items(), self._used, strict=True)}

    @property
    def taken(self) -> dict[str, float]:
        """Kind -> how much of what :attr:`limits` says is this call's own; only of those that it filled."""
        own = self.charges.taken if self.charges else {}
        scaled = zip(self._limits, self._scales, strict=True)
        return {kind: own[kind] * scale for kind, scale in scaled if own.get(kind)}

    def note_levels(self, limits: Mapping[str, float], used: tuple[float, ...], scales: tuple[float, ...]) -> None:
        """Keep how full the limits were. In parts, since all calls of a long test share the first and the last."""
        self._limits, self._used, self._scales = limits, used, scales

    @property
    def charges(self) -> Charges | None:
        """What its limits count of it, with what it really used; ``None`` where none admitted it."""
        return self.counted.settled(self.usage) if self.counted else None

    @property
    def client(self) -> str:
        """The SDK and its version, ``groq-python 1.7.0``."""
        return self.request.client

    @property
    def site(self) -> str:
        """The application's own line, ``app/client.py:41 in ask``."""
        return self.request.site

    @property
    def status(self) -> int | None:
        return self.reply.status if self.reply else None

    def __repr__(self) -> str:
        outcome = self.status if self.reply else "no reply"
        return f"<Call {self.provider} {self.operation} {self.model or '-'} -> {outcome} at {self.at:g} s>"


@dataclass(slots=True, eq=False)
class LogicalCall:
    """What was asked once: all attempts in order, and who made each."""

    attempts: list[Call]
    owners: list[Owner] = field(default_factory=list)
    """Of the second attempt and those after it."""
    judged: int = 0
    """How many attempts it had when it was last judged."""

    @property
    def first(self) -> Call:
        return self.attempts[0]

    @property
    def last(self) -> Call:
        return self.attempts[-1]

    @property
    def requests(self) -> int:
        """How often it was sent."""
        return len(self.attempts)

    @property
    def succeeded(self) -> bool:
        status = self.last.status
        return status is not None and status < 400

    @property
    def by_layer(self) -> dict[str, int]:
        """Who asked again -> how often, in the order of their first time."""
        counts: dict[str, int] = {}
        for owner in self.owners:
            counts[str(owner)] = counts.get(str(owner), 0) + 1
        return counts

    def __repr__(self) -> str:
        outcome = "answered" if self.succeeded else "failed"
        return f"<LogicalCall {self.first.operation} {self.first.model or '-'}: {self.requests} requests, {outcome}>"


def logical_calls(calls: Iterable[Call]) -> Iterator[LogicalCall]:
    """The logical calls that *calls* are attempts of, in the order of their first attempt."""
    seen: set[int] = set()
    for call in calls:
        logical = call.logical
        if logical is None:
            yield LogicalCall([call])
        elif id(logical) not in seen:
            seen.add(id(logical))
            yield logical


class Calls(Sequence[Call]):
    """Calls in order of their arrival; a live view where a fixture gives it."""

    def __init__(self, calls: Sequence[Call] = ()) -> None:
        self._calls = calls

    @overload
    def __getitem__(self, index: int) -> Call: ...
    @overload
    def __getitem__(self, index: slice) -> Calls: ...
    def __getitem__(self, index: int | slice) -> Call | Calls:
        return Calls(self._calls[index]) if isinstance(index, slice) else self._calls[index]

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(self._calls)

    def __repr__(self) -> str:
        return f"<Calls {list(self._calls)}>"

    @property
    def statuses(self) -> list[int | None]:
        """Status of each call; ``None`` where the connection broke."""
        return [call.status for call in self]

    @property
    def tokens(self) -> int:
        """Input and output tokens of all calls."""
        return sum(call.usage.total_tokens for call in self)

    @property
    def cost(self) -> Decimal:
        """List price of all calls in US dollars."""
        return sum((call.cost for call in self), Decimal(0))

    @property
    def logical(self) -> list[LogicalCall]:
        """What was asked, however often it was sent: ``attempts``, ``requests``, ``by_layer``, ``succeeded``."""
        return list(logical_calls(self))

    @property
    def last(self) -> Call:
        """The latest call.

        Raises:
            LookupError: There was none.
        """
        if not self._calls:
            raise LookupError("there was no call yet")
        return self._calls[-1]

    def of(self, *, operation: str | None = None, model: str | None = None, status: int | None = None) -> Calls:
        """The calls of one operation, model or status."""
        return Calls(
            [
                call
                for call in self
                if (operation is None or call.operation == operation)
                and (model is None or call.model == model)
                and (status is None or call.status == status)
            ]
        )


class Ledger:
    """All calls of one simulation, and findings that belong to none of them."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.findings: list[Violation] = []

    def violations(self) -> Iterable[Violation]:
        for call in self.calls:
            yield from call.violations
        yield from self.findings
