"""core/journal.py: what a test's journal has of money, and what is new since somebody looked."""

from __future__ import annotations

from decimal import Decimal

from pytest_llmcontract import simulate
from pytest_llmcontract.core.journal import Journal
from pytest_llmcontract.core.money.book import Book, Entry


def test_what_an_account_begins_with_is_no_happening():
    journal, book = Journal(), Book()
    told = journal.extent()
    book.enter("balance before", Decimal(25), float("-inf"))
    book.listen(lambda what: journal.moved("together", what))
    assert journal.is_quiet_since(told)

    book.enter("usage", Decimal(1), 5)

    assert not journal.is_quiet_since(told)
    assert [(provider, entry.what) for provider, entry in journal.moved_since(told)] == [
        ("together", "balance before"),
        ("together", "usage"),
    ]
    assert journal.is_quiet_since(journal.extent())


def test_entries_of_several_accounts_are_told_in_the_order_of_their_moments():
    journal = Journal()
    for provider, moment in (("groq", 3), ("together", 1), ("groq", 4), ("together", 3)):
        journal.moved(provider, Entry(moment, "usage", Decimal(1)))

    told = [(provider, entry.at) for provider, entry in journal.moved_since(Journal().extent())]

    assert told == [("together", 1), ("groq", 3), ("together", 3), ("groq", 4)]


def test_another_test_in_the_same_simulation_begins_with_nothing_told():
    with simulate("groq", plan="developer") as api:
        journal = api.simulator.state.journal
        api.account.charge(2)
        journal.begin_test()
        assert (journal.entries, journal.events) == ({}, [])

        api.account.charge(1)

        assert [event.what for _, event in journal.events] == ["charge"]
        assert [entry.amount for entry in journal.entries["groq"]] == [1]
