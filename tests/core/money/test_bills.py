"""core/money/bills.py: invoices in whole cents, and credits that are used before them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from pytest_llmcontract.core.money.bills import Bills, Credits, Invoice
from pytest_llmcontract.core.money.book import Book

DAY = datetime(2026, 6, 4, tzinfo=UTC)


@pytest.fixture
def book():
    return Book()


def test_a_bill_is_in_whole_cents_and_carries_the_rest_over(book):
    bills = Bills(book)
    book.enter("usage", Decimal("1.2345"), 1, "call 0", bills.open)

    invoice = bills.issue(DAY, 2, "threshold")

    assert invoice == Invoice(DAY, Decimal("1.23"), "threshold", "invoice 1", Decimal(0))
    assert (bills.open, bills.outstanding) == ("invoice 2", Decimal("0.0045"))
    assert book.sum("carried") == 0


def test_of_an_invoice_is_due_what_was_not_paid_and_what_went_back(book):
    bills = Bills(book)
    bought = bills.add(Decimal(25), DAY, 1, "credits")
    bills.pay(bought.id, Decimal(25), 1)
    assert (bills.invoices()[0].due, bills.unpaid()) == (0, [])

    bills.pay(bought.id, Decimal(-25), 2, "returned")

    assert [invoice.due for invoice in bills.unpaid()] == [25]


def test_credits_are_used_in_the_order_they_came_and_then_the_bill_grows(book):
    bills, credits = Bills(book), Credits(book)
    credits.add("grant", Decimal(1), DAY, 0)
    credits.add("purchase", Decimal(2), DAY, 0)

    for number in range(4):
        credits.use(Decimal("0.9"), number, f"call {number}", bills.open)

    assert [(credit.kind, credit.left) for credit in credits.credits()] == [("grant", 0), ("purchase", 0)]
    assert bills.outstanding == Decimal("0.6")
    assert [(entry.amount, entry.against) for entry in book if entry.source == "call 1"] == [
        (Decimal("0.1"), "credit 1"),
        (Decimal("0.8"), "credit 2"),
    ]
