"""core/money/book.py: sums until a moment, against a plain list."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from pytest_llmcontract.core.money.book import Book, Entry, Event

KINDS = ("usage", "purchase", "grant")
entries = st.lists(
    st.tuples(st.floats(0, 1e7), st.sampled_from(KINDS), st.decimals(0, 1000, places=6)).map(lambda of: Entry(*of))
).map(sorted)


@given(entries, st.floats(-1, 2e7), st.sets(st.sampled_from(KINDS)))
def test_a_sum_is_that_of_the_entries_made_by_then(made, until, kinds):
    book = Book()
    for entry in made:
        book.enter(entry.what, entry.amount, entry.at)

    assert list(book) == made
    assert book.sum(*kinds) == sum((one.amount for one in made if one.what in kinds), Decimal(0))
    by_then = [one.amount for one in made if one.what in kinds and one.at <= until]
    assert book.sum(*kinds, until=until) == sum(by_then, Decimal(0))


def test_who_listens_hears_what_was_there_and_what_comes():
    book, heard = Book(), []
    book.enter("grant", Decimal(5), 0)
    book.listen(heard.append)

    book.enter("usage", Decimal(1), 1, "call 0", "credit 1")
    book.happened(Event(datetime(2026, 6, 4, tzinfo=UTC), "grant", Decimal(5), "Credits of $5.00 were granted."))

    assert heard == [*book.entries, *book.events]


def test_what_is_told_late_counts_when_it_is_told():
    book = Book()
    book.enter("usage", Decimal(1), 10)
    book.enter("usage", Decimal(1), 5)

    assert (book.sum("usage", until=9), book.sum("usage", until=10)) == (0, 2)


def test_the_moment_at_which_a_sum_was_reached():
    book = Book()
    for moment in range(10):
        book.enter("usage", Decimal("0.3"), moment)

    assert [book.reached("usage", Decimal(total)) for total in ("0.1", "0.3", "1", "3", "3.1")] == [0, 0, 3, 9, None]


def test_sums_of_many_amounts_without_end_are_exact():
    book = Book()
    third = Decimal(1) / Decimal(3)
    for moment in range(1000):
        book.enter("usage", third, moment)

    assert book.sum("usage") == Decimal("0.333333333333") * 1000
    assert sum(entry.amount for entry in book) == book.sum("usage")
