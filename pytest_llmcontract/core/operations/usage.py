"""What an account used in a month, by days or hours: read off its book, an entry at a time.

Only windows that are over are told. What a line is for follows from the source of its entries: a call, or something
that lasts (a job, a batch, a machine). Names of products are those that the provider's documents give as examples, or
made after them (assumed).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from pytest_llmcontract.core.call.decision import NOTHING_USED, Decision
from pytest_llmcontract.core.call.script import ScriptedReply
from pytest_llmcontract.core.call.state import State
from pytest_llmcontract.core.call.turn import Turn
from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.ledger import Call
from pytest_llmcontract.core.money.book import Entry, exactly
from pytest_llmcontract.core.money.prices import token_cost
from pytest_llmcontract.core.operations.fine_tuning import DELETED, JOBS
from pytest_llmcontract.core.operations.identity import identity_of
from pytest_llmcontract.core.operations.lasting import asked, page_size, wrong
from pytest_llmcontract.core.operations.operation import Operation
from pytest_llmcontract.core.refusal import Refusal

_MOST = 1000
"""Windows of a page."""
_LENGTHS = {"day": timedelta(days=1), "hour": timedelta(hours=1)}
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
_MOVED = ("paid from credits", "moved to credits")
"""Entries by which nothing is used: what was owed is paid from credits that came later."""
_COVERED = {"purchase": "PREPAID", "balance before": "PREPAID", "grant": "CREDIT"}
"""What an entry counts against, by how that credit came."""
_RENTED = "Dedicated Inference"
"""What costs money by the minute, of whatever kind."""
_PRODUCTS = {JOBS: "Fine-Tuning", DELETED: "Fine-Tuning", "evaluations": "Evaluations", "batches": "Batch Inference"}
"""Products by the shelf of what costs money."""


class Item(NamedTuple):
    """What a line is about; entries that agree in it are one line."""

    product: str
    unit_price: Decimal
    model: str = ""
    resource: str = ""
    """The id of a job or a machine."""
    credit: str = ""
    """What covers it; empty: nothing does."""


class Amount(NamedTuple):
    """How much of it, and for how many dollars."""

    quantity: Decimal
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Window:
    """A day or an hour in which something was used."""

    start: datetime
    end: datetime
    lines: Mapping[Item, Amount]


@dataclass(frozen=True, slots=True)
class Report:
    """A page of them."""

    organization: str
    month: str
    windows: tuple[Window, ...]
    span: tuple[datetime, datetime] | None
    """From the first of the month to the end of the last; ``None``: nothing was used."""
    cursor: str | None
    """Of the next page."""
    usage: Usage = NOTHING_USED


class BillingUsage(Operation):
    """A month of one's own organization."""

    remembers = True
    says = False

    def answer(self, state: State, turn: Turn, wanted: ScriptedReply) -> Decision:
        own, now = identity_of(state).organization, turn.now.astimezone(UTC)
        if asked(turn, "organization_id") not in ("", own):
            return state.edition.refusal("not_ours", operation=turn.operation)
        month, granularity = asked(turn, "month") or f"{now:%Y-%m}", asked(turn, "granularity") or "day"
        if granularity not in _LENGTHS:
            return wrong(state, turn, f"granularity must be day or hour, not {granularity[:40]!r}", "granularity")
        if not _MONTH.fullmatch(month) or month > f"{now:%Y-%m}":
            return wrong(state, turn, f"month must be YYYY-MM and not in the future, not {month[:40]!r}", "month")
        windows = list(_windows(state, month, _LENGTHS[granularity], now))
        page = _page(state, turn, windows, f"{month} {granularity}")
        if isinstance(page, Refusal):
            return page
        span = (windows[0].start, windows[-1].end) if windows else None
        return Report(own, month, page.windows, span, page.cursor)


class Page(NamedTuple):
    """Some windows, and the cursor of the next ones."""

    windows: tuple[Window, ...]
    cursor: str | None


def _page(state: State, turn: Turn, windows: list[Window], issued_for: str) -> Page | Refusal:
    """The windows behind the cursor."""
    behind = asked(turn, "after")
    places = {_cursor(issued_for, window): place for place, window in enumerate(windows, 1)}
    if behind and behind not in places:
        return wrong(state, turn, "after is no cursor of this month and granularity", "after")
    try:
        size = page_size(turn, _MOST, _MOST) or _MOST
    except BadInput as problem:
        return wrong(state, turn, str(problem), "limit")
    rest = windows[places.get(behind, 0) :]
    chosen = rest[:size]
    return Page(tuple(chosen), _cursor(issued_for, chosen[-1]) if len(rest) > len(chosen) else None)


def _cursor(issued_for: str, window: Window) -> str:
    return base64.urlsafe_b64encode(f"{issued_for} {window.start:%d %H}".encode()).decode()


# From entries to lines


def _windows(state: State, month: str, length: timedelta, now: datetime) -> Iterator[Window]:
    """Those of the month in which something was used and that are over, in order."""
    came = {entry.against: _COVERED[entry.what] for entry in state.account.book if entry.what in _COVERED}
    windows: dict[datetime, dict[Item, Amount]] = {}
    for entry in state.account.book:
        if entry.what != "usage" or entry.source in _MOVED:
            continue
        start = _start(now + timedelta(seconds=entry.at - state.clock.seconds) - _late(state, entry), length)
        if f"{start:%Y-%m}" != month or start + length > now:
            continue
        lines = windows.setdefault(start, {})
        for item, amount in _lines(state, entry, came.get(entry.against, "")):
            before = lines.get(item, Amount(Decimal(0), Decimal(0)))
            lines[item] = Amount(before.quantity + amount.quantity, before.cost + amount.cost)
    for start, lines in sorted(windows.items()):
        yield Window(start, start + length, lines)


def _late(state: State, entry: Entry) -> timedelta:
    """How much later than what it is for an entry is made: minutes of a machine are entered when they are over."""
    rented = not entry.source.startswith("call ") and _product(state, entry.source) == _RENTED
    return timedelta(minutes=1) if rented else timedelta(0)


def _start(moment: datetime, length: timedelta) -> datetime:
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour if length < timedelta(days=1) else hour.replace(hour=0)


def _lines(state: State, entry: Entry, credit: str) -> Iterator[tuple[Item, Amount]]:
    call = _call_of(state, entry)
    if call is None:
        # Whatever its unit is, here it is a dollar's worth.
        item = Item(_product(state, entry.source), Decimal(1), resource=entry.source, credit=credit)
        yield item, Amount(entry.amount, entry.amount)
        return
    left = entry.amount
    parts = list(_parts(state, call))
    for number, (product, quantity, cost) in enumerate(parts, 1):
        # An entry is what one credit paid of a call: mostly all of it.
        paid = left if number == len(parts) else exactly(cost * entry.amount / call.cost)
        left -= paid
        share = exactly(quantity * paid / cost) if paid != cost else quantity
        yield Item(product, exactly(cost / quantity), call.model, credit=credit), Amount(share, paid)


def _call_of(state: State, entry: Entry) -> Call | None:
    """The call that an entry is of, as long as the journal has it."""
    kind, _, number = entry.source.partition(" ")
    calls = state.journal.calls
    if kind != "call" or not number.isdecimal() or int(number) >= len(calls):
        return None
    call = calls[int(number)]
    return call if call.provider == state.edition.provider and call.at == entry.at and call.cost else None


def _parts(state: State, call: Call) -> Iterator[tuple[str, Decimal, Decimal]]:
    """What a call cost: product, quantity and dollars, none of them nothing."""
    model, used = state.model(call.model), call.usage
    fresh = used.input_tokens - used.cached_tokens
    tokens = {
        "Input Tokens": (fresh, Usage(fresh)),
        "Cached Input Tokens": (used.cached_tokens, Usage(used.cached_tokens, 0, used.cached_tokens)),
        "Output Tokens": (used.output_tokens, Usage(0, used.output_tokens)),
    }
    costs = {name: token_cost(model.prices, usage) if model else Decimal(0) for name, (_, usage) in tokens.items()}
    if sum(costs.values()) != call.cost:
        yield f"Serverless Inference - {call.operation}", Decimal(1), call.cost
        return
    for name, cost in costs.items():
        if cost:
            yield f"Serverless Inference - {name}", Decimal(tokens[name][0]), cost


def _product(state: State, source: str) -> str:
    at = state.clock.seconds
    found = (product for shelf, product in _PRODUCTS.items() if state.kept[shelf].get(source, at) is not None)
    return next(found, "Other" if source == "charge" else _RENTED)


OPERATIONS: Mapping[str, Operation] = {"billing.usage": BillingUsage()}
