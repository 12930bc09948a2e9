"""The money of a Together account: credits, what is used of them and beyond, purchases, invoices, the card.

Usage is paid from credits in the order they came; beyond them it goes on the bill of the month, down to the floor that
the edition allows. Credits that come later pay for the month under way, never for an invoice that was issued.

Source: Together's documents on billing; see the figures of money in ``dialect.json``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from pytest_llmcontract.core.errors import PaymentDeclined
from pytest_llmcontract.core.kept.schedule import Schedule
from pytest_llmcontract.core.money.account import shown
from pytest_llmcontract.core.money.bills import Bills, Credits
from pytest_llmcontract.core.money.book import Book, Event
from pytest_llmcontract.core.money.months import Monthly, month_name
from pytest_llmcontract.providers.together.cards import Cards
from pytest_llmcontract.providers.together.dialect import TogetherDialect

NOTHING = Decimal(0)


class Funds:
    """The money of one account.

    Args:
        changed: Called after everything that changes the balance.
    """

    def __init__(self, book: Book, schedule: Schedule, terms: TogetherDialect, changed: Callable[[], object]) -> None:
        self._book = book
        self._schedule = schedule
        self._terms = terms
        self._changed = changed
        self._pending: list[float] = []
        self._months = Monthly(schedule, self._month_ended)
        self._charges = Monthly(schedule, self._charge_day, terms.charge_day)
        self.bills = Bills(book)
        self.credits = Credits(book)
        self.cards = Cards(terms)
        self.links = False
        """Whether the bank asks for an approval of every payment, as the law of some territories has it."""

    # What there is

    @property
    def balance(self) -> Decimal:
        """Credits that are left, less what the bill under way has come to.

        The same by sums, however many credits and invoices there are: what came, less what was used, and what was used
        and invoiced is owed beside it. A purchase is an invoice of its own, so that it is in that sum already.
        """
        return self._book.sum("balance before", "grant", "invoice") - self._book.sum("usage")

    @property
    def paid(self) -> Decimal:
        """Dollars that were really paid: for credits and for bills."""
        return self._book.sum("spent before", "payment")

    def paid_until(self, at: float) -> Decimal:
        return self._book.sum("spent before", "payment", until=at)

    @property
    def past_due(self) -> Decimal:
        """Dollars of invoices that the card did not pay."""
        return self._book.sum("invoice") - self._book.sum("payment")

    # What comes and goes

    def begin(self, spent: Decimal, balance: Decimal) -> None:
        """What the account begins with: it is nobody's purchase now."""
        long_ago = float("-inf")
        self._book.enter("spent before", spent, long_ago)
        if balance:
            self.credits.add("balance before", balance, self._schedule.clock.now, long_ago)

    def use(self, amount: Decimal, at: float, source: str) -> None:
        """Something cost *amount*; a negative one came back."""
        self.enter(amount, at, source)
        self._changed()

    def enter(self, amount: Decimal, at: float, source: str) -> None:
        """The same, without a look at what follows of it."""
        if amount < 0:
            self._book.enter("usage", amount, at, source, self.bills.open)
        else:
            self.credits.use(amount, at, source, self.bills.open)
        self._months.expect()

    def grant(self, amount: Decimal) -> None:
        self._arrived("grant", amount, f"Credits of {shown(amount)} are granted.")

    def buy(self, amount: Decimal, why: str = "credit purchase") -> None:
        """Pay for credits by card.

        Raises:
            PaymentDeclined: The bank refuses it.
        """
        self.pay_by_card(amount)
        if self._pending:
            wait = self._pending.pop(0)
            self.tell("pending", amount, f"The payment of {shown(amount)} is approved; the credits are on their way.")
            self._schedule.after(wait, lambda: self._bought(amount, why))
        else:
            self._bought(amount, why)

    def _bought(self, amount: Decimal, why: str) -> None:
        now = self._schedule.clock
        invoice = self.bills.add(amount, now.now, now.seconds, why)
        self.bills.pay(invoice.id, amount, now.seconds, "card")
        self._arrived("purchase", amount, f"Credits of {shown(amount)} are bought.")

    def _arrived(self, what: str, amount: Decimal, sentence: str) -> None:
        clock = self._schedule.clock
        self.credits.add(what, amount, clock.now, clock.seconds)
        self.tell(what, amount, sentence)
        covered = min(amount, self.bills.outstanding)
        if covered > 0:
            # What the month has come to is paid from what came; the sum of usage stays.
            self._book.enter("usage", -covered, clock.seconds, "paid from credits", self.bills.open)
            self.credits.use(covered, clock.seconds, "moved to credits", self.bills.open)
        self._changed()

    # The card

    def pend(self, seconds: float, times: int) -> None:
        self._pending = [seconds] * times

    def pay_by_card(self, amount: Decimal) -> None:
        """Have the bank pay *amount*.

        Raises:
            PaymentDeclined: It refuses.
        """
        reason = self.cards.refused()
        if reason is None:
            return
        said = self._terms.decline_reasons.get(reason, "")
        self.tell("declined", amount, f"The card is declined for {shown(amount)}{': ' + said if said else ''}.")
        raise PaymentDeclined(f"the card was declined for ${amount}{': ' + said if said else ''}")

    # Months

    def _month_ended(self) -> None:
        clock = self._schedule.clock
        month = month_name(clock.now - timedelta(days=1))
        invoice = self.bills.issue(clock.now, clock.seconds, f"usage of {month}")
        self.tell("invoice", invoice.amount, f"The usage of {month} is invoiced: {shown(invoice.amount)}.")
        if not invoice.amount:
            return
        if self.links:
            self.tell("link", invoice.amount, "The bank wants an approval: a link comes by mail. pay() follows it.")
        else:
            self._charges.expect()

    def _charge_day(self) -> None:
        self.settle("the card is charged")

    def settle(self, how: str) -> None:
        """Pay every invoice that is not paid, by card; one that is declined stays past due."""
        clock = self._schedule.clock
        for invoice in self.bills.unpaid():
            try:
                self.pay_by_card(invoice.due)
            except PaymentDeclined:
                self.tell("past_due", invoice.due, f"{shown(invoice.due)} are past due; no credits pay them.")
                continue
            self.bills.pay(invoice.id, invoice.due, clock.seconds, "card")
            self.tell("payment", invoice.due, f"{shown(invoice.due)} are paid: {how}.")
        self._changed()

    def tell(self, what: str, amount: Decimal, sentence: str) -> None:
        self._book.happened(Event(self._schedule.clock.now, what, amount, sentence))
