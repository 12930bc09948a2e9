"""The second timeline of the page: what happened to accounts, and every cent that moved on them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pytest_llmcontract.report.document import EventEntry, LedgerDocument, MoneyEntry
from pytest_llmcontract.report.html import data

STORY = [
    (60, "charge", "1.20", "$1.20 are used elsewhere."),
    (60, "invoice", "1.20", "Invoice 1 of $1.20 is issued: threshold of $1.00."),
    (86_400, "payment_failed", "1.20", "The payment of invoice 1 ($1.20) failed."),
    (691_200, "restricted", "1.20", "$1.20 are owed: every key is refused until that is paid."),
    (700_000, "something new", "0", "Nobody has heard of it."),
]


@pytest.fixture(scope="session")
def lives(medium) -> LedgerDocument:
    """Two accounts in the first test, one in the third, and 200 entries of calls."""
    places = ((0, "groq"), (0, "together"), (2, "groq"))
    events = [
        EventEntry(test=test, provider=provider, at=at, what=what, amount=Decimal(amount), sentence=sentence)
        for test, provider in places
        for at, what, amount, sentence in STORY
    ]
    calls = [(index, call) for index, call in enumerate(medium.calls) if call.test in (0, 2)]
    money = [
        MoneyEntry(
            test=0, provider="groq", at=60, what="usage", amount=Decimal("1.2"), source="charge", against="invoice 1"
        ),
        MoneyEntry(test=0, provider="groq", at=60, what="carried", amount=Decimal("-0.004"), against="invoice 1"),
        MoneyEntry(test=0, provider="groq", at=60, what="invoice", amount=Decimal("1.20"), against="invoice 1"),
        *(
            MoneyEntry(test=call.test, provider="groq", at=call.at, what="usage", amount=call.cost, call=index)
            for index, call in calls
        ),
    ]
    return medium.model_copy(update={"events": tuple(events), "money": tuple(money)})


def section(opened, id):
    return opened.page.locator(f"#{id} .list").first


def test_every_account_has_a_row_and_every_event_a_mark(show, lives):
    opened = show(lives)
    drawn = opened.chart("happenings")

    assert (len(drawn["rows"]), drawn["marks"]) == (3, 15)
    assert "15 events of 3 accounts" in opened.page.locator("#happenings figcaption").inner_text()
    assert "no call is let in" in opened.page.locator("#happenings .key").inner_text()
    assert section(opened, "accounts").locator("tbody tr").count() == 3


def test_the_tables_tell_the_story_and_the_sums(show, lives):
    opened = show(lives)
    used = sum(entry.amount for entry in lives.money if entry.what == "usage" and entry.test == 0)

    row = section(opened, "accounts").locator("tbody tr").first.inner_text()
    assert f"${used:.6f}" in row
    assert "every key is refused" in section(opened, "events").inner_text()
    assert "−$0.004000" in section(opened, "entries").inner_text()


def test_an_entry_of_a_call_opens_it(show, lives):
    opened = show(lives)

    section(opened, "entries").get_by_role("button", name="call", exact=False).first.click()

    assert opened.page.locator("#call").is_visible()


@pytest.mark.parametrize(
    ("name", "value", "events", "accounts"),
    [
        ("provider", "together", 5, 1),
        ("text", "restricted", 3, 3),
        ("text", "nobody-has-this", 0, 0),
        ("status", "200", 0, 2),
    ],
)
def test_the_filter_narrows_them(show, lives, name, value, events, accounts):
    opened = show(lives)
    opened.filter(name, value)

    assert section(opened, "events").locator("tbody tr").count() == events
    assert section(opened, "accounts").locator("tbody tr").count() == accounts


def test_without_money_there_is_no_such_section(show, medium):
    opened = show(medium)

    assert opened.page.locator("#accounts").is_hidden()


def test_entries_travel_as_columns(lives):
    money = data(lives)["money"]

    assert len(money["numbers"]["amount"]) == len(lives.money)
    assert money["texts"]["against"]["of"] == ["invoice 1", ""]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_barrier(show, lives, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    opened = show(lives, color_scheme=scheme)
    opened.chart("happenings")

    found = axe.run(opened.page).response["violations"]

    assert [(item["id"], item["impact"], item["nodes"][0]["target"]) for item in found] == []


def test_long_times_are_told_in_days(show, lives):
    opened = show(lives)
    times = opened.page.locator("#events tbody td:first-child").all_inner_texts()

    assert times[:5] == ["60 s", "60 s", "24 h", "8 d", "8 d 2 h 27 min"]
