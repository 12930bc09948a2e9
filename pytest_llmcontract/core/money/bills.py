"""Invoices and credits: who pays for what is used. Both are read off a :class:`.book.Book`.

What is used counts against credits first, and against the bill under way where none is left; a call may count against
several. A bill is issued in whole cents; what is less is carried over to the next, so that no cent is ever lost or
billed twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pytest_llmcontract.core.money.book import NOTHING, Book, whole_cents


@dataclass(frozen=True, slots=True)
class Invoice:
    """What the provider billed."""

    date: datetime
    amount: Decimal
    """Dollars, in whole cents."""
    reason: str
    id: str = ""
    """``invoice 2``, as entries name it."""
    paid: Decimal = NOTHING
    """Dollars of it that were paid."""

    @property
    def due(self) -> Decimal:
        """Dollars of it that are still to be paid."""
        return self.amount - self.paid


@dataclass(frozen=True, slots=True)
class Credit:
    """Money that usage is paid from."""

    date: datetime
    amount: Decimal
    kind: str
    """``grant`` or ``purchase``: how it came."""
    id: str
    """``credit 1``, as entries name it."""
    left: Decimal
    """Dollars of it that are not used."""


class Bills:
    """The invoices of an account. One is always under way; what it will be for is entered against :attr:`open`.

    Entries: ``usage`` and ``carried`` against it, at last ``invoice`` with its amount; ``payment`` against it later.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._issued: dict[str, tuple[datetime, str]] = {}
        self._count = 0
        self.open = self._next_id()
        """Id of the bill under way."""

    def _next_id(self) -> str:
        self._count += 1
        return f"invoice {self._count}"

    @property
    def outstanding(self) -> Decimal:
        """Dollars that the bill under way has come to, exactly."""
        return self._book.against("usage", self.open) + self._book.against("carried", self.open)

    def issue(self, date: datetime, at: float, reason: str) -> Invoice:
        """Bill what is outstanding, in whole cents, and begin the next."""
        closed, outstanding = self.open, self.outstanding
        amount = whole_cents(outstanding)
        self.open = self._next_id()
        if rest := outstanding - amount:
            self._book.enter("carried", -rest, at, self.open, closed)
            self._book.enter("carried", rest, at, closed, self.open)
        return self._enter(closed, amount, date, at, reason)

    def add(self, amount: Decimal, date: datetime, at: float, reason: str) -> Invoice:
        """Bill *amount* beside the bill under way: a purchase."""
        return self._enter(self._next_id(), amount, date, at, reason)

    def _enter(self, id: str, amount: Decimal, date: datetime, at: float, reason: str) -> Invoice:
        self._issued[id] = date, reason
        self._book.enter("invoice", amount, at, reason, id)
        return self.invoice(id)

    def pay(self, id: str, amount: Decimal, at: float, source: str = "") -> None:
        """*amount* of an invoice was paid; a negative one went back."""
        self._book.enter("payment", amount, at, source, id)

    def invoice(self, id: str) -> Invoice:
        """One that was issued, as it stands."""
        amount, paid = self._book.against("invoice", id), self._book.against("payment", id)
        date, reason = self._issued[id]
        return Invoice(date, amount, reason, id, paid)

    def invoices(self) -> list[Invoice]:
        """All that were issued, in that order."""
        return [self.invoice(id) for id in self._issued]

    def unpaid(self) -> list[Invoice]:
        """Those of which something is still to be paid."""
        return [invoice for invoice in self.invoices() if invoice.due > 0]


class Credits:
    """The credits of an account, used in the order in which they came."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._came: dict[str, tuple[datetime, str]] = {}
        self._left: list[str] = []

    def add(self, what: str, amount: Decimal, date: datetime, at: float, source: str = "") -> Credit:
        """Money came, as a ``grant`` or a ``purchase``."""
        id = f"credit {len(self._came) + 1}"
        self._came[id] = date, what
        self._left.append(id)
        self._book.enter(what, amount, at, source, id)
        return self.credit(id)

    def use(self, amount: Decimal, at: float, source: str, beyond: str) -> None:
        """Enter usage of *amount* against what credit is left, and the rest against *beyond*."""
        while self._left and amount:
            part = min(amount, self._left_of(self._left[0]))
            if part:
                self._book.enter("usage", part, at, source, self._left[0])
                amount -= part
            if not self._left_of(self._left[0]):
                self._left.pop(0)
        if amount:
            self._book.enter("usage", amount, at, source, beyond)

    def credit(self, id: str) -> Credit:
        """One that came, as it stands."""
        date, what = self._came[id]
        return Credit(date, self._book.against(what, id), what, id, self._left_of(id))

    def credits(self) -> list[Credit]:
        """All that came, in that order."""
        return [self.credit(id) for id in self._came]

    @property
    def left(self) -> Decimal:
        """Dollars of all of them that are not used."""
        return sum((credit.left for credit in self.credits()), NOTHING)

    def _left_of(self, id: str) -> Decimal:
        return self._book.against(self._came[id][1], id) - self._book.against("usage", id)
