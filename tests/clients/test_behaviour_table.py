"""The page of the real clients is what the table holds, and the battery found what was publicly reported."""

from __future__ import annotations

import json
import re

import battery_table as table

KEPT = json.loads(table.KEPT.read_text("utf-8"))


def test_the_page_is_what_the_table_holds():
    assert table.PAGE.read_text("utf-8") == table.page(KEPT)


def test_every_row_is_of_a_version_and_a_day():
    for client in KEPT["clients"]:
        assert all(re.match(r"\d+\.\d+", number) for number in client["versions"].values())
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", client["date"])
        assert client["rows"]["answers_when_nothing_is_wrong"]["outcome"] == "answers"


def test_at_least_two_reports_are_shown_by_a_version_before_a_fix_and_not_by_one_after():
    found = []
    for report in table.REPORTED:
        seen = [one for one in KEPT["reported"] if (one["behaviour"], one["package"]) == table.key(report)]
        shown = [table.shows(one, report) for one in seen]  # in the order of the versions
        found += [report["package"]] * (shown == sorted(shown, reverse=True) and set(shown) == {True, False})

    assert len(found) >= 2
