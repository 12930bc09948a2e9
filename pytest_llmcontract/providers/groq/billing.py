"""How Groq bills: at thresholds of lifetime usage, at the end of each month, at the end of a paid plan; and what
becomes of an organization that does not pay.

Source: Groq's questions and answers on billing. The days of reminders and of the restriction are assumed, and so is
that a threshold counts what credits pay.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from pytest_llmcontract.core.clock import Appointment
from pytest_llmcontract.core.kept.schedule import Schedule
from pytest_llmcontract.core.money.account import shown
from pytest_llmcontract.core.money.bills import Bills, Invoice
from pytest_llmcontract.core.money.book import Book
from pytest_llmcontract.core.money.months import month_name
from pytest_llmcontract.providers.groq.dialect import GroqDialect
from pytest_llmcontract.providers.groq.spend_limit import Tell

_DAY = 86400


class Billing:
    """The bills of one organization, and whether they are paid."""

    def __init__(self, book: Book, schedule: Schedule, terms: GroqDialect, tell: Tell) -> None:
        self._book = book
        self._schedule = schedule
        self._terms = terms
        self._tell = tell
        self._passed = 0
        self._reminders: list[Appointment] = []
        self.bills = Bills(book)
        self.failing = False
        """Whether the payment method is refused."""
        self.restricted = False
        """Whether nobody may call until what is owed is paid."""

    # What is billed

    def pass_thresholds(self) -> None:
        """Lifetime usage has grown: the first time it comes to a threshold, everything outstanding is billed."""
        lifetime, passed = self._book.sum("usage"), None
        while self._passed < len(self._terms.billing_thresholds):
            if lifetime < self._terms.billing_thresholds[self._passed]:
                break
            passed = self._terms.billing_thresholds[self._passed]
            self._passed += 1
        if passed is not None:
            self._tell("threshold", passed, f"Lifetime usage has come to {shown(passed)}.")
            self.bill(f"threshold of {shown(passed)}")

    def month_ended(self) -> None:
        """Bill the month that is over."""
        self.bill(f"usage of {month_name(self._schedule.clock.now - timedelta(days=1))}")

    def bill(self, reason: str) -> None:
        """Bill what is outstanding and have it paid; what is too little for an invoice is carried over."""
        outstanding, minimum = self.bills.outstanding, self._terms.invoice_minimum
        if outstanding < minimum:
            if outstanding:
                too_little = f"{shown(outstanding)} are outstanding, less than {shown(minimum)}"
                self._tell("carried_over", outstanding, f"{too_little}: nothing is invoiced, it is carried over.")
            return
        clock = self._schedule.clock
        invoice = self.bills.issue(clock.now, clock.seconds, reason)
        self._tell("invoice", invoice.amount, f"{_named(invoice)} is issued: {reason}.")
        if self.failing:
            self._refused(invoice)
        else:
            self._pay(invoice)

    # What is paid, or not

    def fail(self) -> None:
        """The payment method is refused, now and from now on: the payment of the newest invoice comes back."""
        self.failing = True
        newest = next(reversed(self.bills.invoices()), None)
        if newest is not None and newest.paid:
            self.bills.pay(newest.id, -newest.paid, self._schedule.clock.seconds, "returned")
            newest = self.bills.invoice(newest.id)
        self._refused(newest)

    def settle(self) -> None:
        """Everything that was invoiced is paid, and the payment method works again."""
        self._stop_reminding()
        self.failing = False
        for invoice in self.bills.unpaid():
            self._pay(invoice)
        if self.restricted:
            self.restricted = False
            self._tell("unrestricted", Decimal(0), "Nothing is owed any more: keys are let in again.")

    def _pay(self, invoice: Invoice) -> None:
        self.bills.pay(invoice.id, invoice.due, self._schedule.clock.seconds)
        self._tell("payment", invoice.due, f"{_named(invoice)} is paid.")

    def _refused(self, invoice: Invoice | None = None) -> None:
        what = f"The payment of {invoice.id} ({shown(invoice.due)})" if invoice else "A payment"
        self._tell("payment_failed", invoice.due if invoice else Decimal(0), f"{what} failed.")
        if not self._reminders and not self.restricted:
            waits = (*self._terms.reminder_days, self._terms.restricted_after_days)
            actions = (*(self._remind for _ in self._terms.reminder_days), self._restrict)
            self._reminders = [
                self._schedule.after(days * _DAY, action) for days, action in zip(waits, actions, strict=True)
            ]

    def _remind(self) -> None:
        self._tell("reminder", self.owed, f"A reminder is sent: {shown(self.owed)} are owed.")

    def _restrict(self) -> None:
        self._stop_reminding()
        self.restricted = True
        self._tell("restricted", self.owed, f"{shown(self.owed)} are owed: every key is refused until that is paid.")

    def _stop_reminding(self) -> None:
        for booked in self._reminders:
            booked.cancel()
        self._reminders.clear()

    @property
    def owed(self) -> Decimal:
        """Dollars that were invoiced and are not paid."""
        return sum((invoice.due for invoice in self.bills.unpaid()), Decimal(0))


def _named(invoice: Invoice) -> str:
    return f"{invoice.id.capitalize()} of {shown(invoice.amount)}"
