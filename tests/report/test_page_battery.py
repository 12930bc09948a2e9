"""The battery on the HTML page: what failed first, with how to do better; hidden where there is none."""

from __future__ import annotations

import pytest
from ledgers import ledger

from pytest_llmcontract.report.document import VerdictEntry


def verdict(name, judged, test, **more):
    return VerdictEntry(
        test=test, behaviour=name, about="limits", provider="groq", client="TestOurs", verdict=judged,
        reason=f"because of {name}", requests=2, seconds=2.0, **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def judged():
    battery = (
        verdict("obeys_a", "pass", 0),
        verdict("leaves_b", "not applicable", 1),
        verdict("reports_c", "fail", 1, detail="fix            do otherwise"),
    )
    return ledger(tests=2, calls=4).model_copy(update={"battery": battery})


def test_what_failed_comes_first_and_says_how_to_do_better(show, judged):
    page = show(judged)

    assert page.texts("#battery-counts") == ["1 fail, 1 not applicable, 1 pass"]
    rows = page.texts("#battery tbody tr")
    assert ["reports_c" in rows[0], "leaves_b" in rows[1], "obeys_a" in rows[2]] == [True] * 3
    page.page.locator("#battery summary").click()
    assert page.texts("#battery pre") == ["fix            do otherwise"]
    assert page.complaints == []


def test_the_filter_holds_for_it(show, judged):
    page = show(judged)
    page.filter("text", "leaves_b")

    assert page.rows("battery") == 1


def test_without_a_battery_there_is_no_section(show):
    assert not show(ledger(tests=1, calls=1)).page.locator("#battery").is_visible()
