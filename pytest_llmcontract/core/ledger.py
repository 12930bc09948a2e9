"""What was asked, answered, spent and found, and when: one :class:`Call` for every request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import overload

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
    """Counts from 1 within one retry group."""
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
        self._open_groups: dict[tuple[str, bytes], int] = {}

    def enter(self, call: Call) -> None:
        """Take a call in and count which attempt of its retry group it is.

        Stainless SDKs say so themselves; else a call repeats the one before with the same body if that one failed.
        """
        told = call.request.headers.get("x-stainless-retry-count", "")
        group = (call.request.url, call.request.body)
        call.attempt = int(told) + 1 if told.isdigit() else self._open_groups.get(group, 0) + 1
        self.calls.append(call)

    def settle(self, call: Call) -> None:
        """A call has its reply: a success ends its retry group."""
        group = (call.request.url, call.request.body)
        if call.status is not None and call.status < 400:
            self._open_groups.pop(group, None)
        else:
            self._open_groups[group] = call.attempt

    def violations(self) -> Iterable[Violation]:
        for call in self.calls:
            yield from call.violations
        yield from self.findings
