"""core.kept.shelf.py: found by id, listed in pages, gone when they expire."""

from __future__ import annotations

import pytest

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.kept.shelf import Shelf


@pytest.fixture
def shelf():
    shelf = Shelf[str]()
    for name in "abcde":
        shelf.put(name, name.upper())
    return shelf


def ids(page):
    return [id for id, _ in page.things]


def test_what_was_put_there_is_found(shelf):
    assert shelf.get("a", 0) == "A"
    assert shelf.get("z", 0) is None
    assert shelf.drop("a", 0) == "A"
    assert (shelf.get("a", 0), shelf.drop("a", 0)) == (None, None)


def test_what_expires_is_gone_at_that_moment(shelf):
    shelf.put("f", "F", expires=10)

    assert shelf.get("f", 9.999) == "F"
    assert shelf.get("f", 10) is None
    assert (ids(shelf.page(9)), ids(shelf.page(10))) == ([*"abcdef"], [*"abcde"])


def test_pages_follow_each_other(shelf):
    first = shelf.page(0, size=2)
    second = shelf.page(0, size=2, after="b")
    last = shelf.page(0, size=2, after="d")

    assert [ids(page) for page in (first, second, last)] == [["a", "b"], ["c", "d"], ["e"]]
    assert [page.more for page in (first, second, last)] == [True, True, False]
    assert ids(shelf.page(0, size=2, newest_first=True)) == ["e", "d"]
    assert ids(shelf.page(0, after="d", newest_first=True)) == ["c", "b", "a"]


def test_what_has_expired_still_marks_its_place(shelf):
    shelf.put("c", "C", expires=5)

    assert ids(shelf.page(5, after="c")) == ["d", "e"]


def test_a_page_behind_nothing_is_bad_input(shelf):
    with pytest.raises(BadInput, match="nothing has the id 'z'"):
        shelf.page(0, after="z")
