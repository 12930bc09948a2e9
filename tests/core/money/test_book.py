"""core/money/book.py: sums until a moment, against a plain list."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from pytest_llmcontract.core.money.book import Book, Entry

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
