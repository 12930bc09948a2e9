"""The HTML page as text: what it needs, and what Python puts into it."""

from __future__ import annotations

import json
import re
import sys

import pytest
from ledgers import ledger

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.report.html import SCRIPTS, check_available, data, page


def embedded(text):
    return json.loads(re.search(r'<script type="application/json" id="ledger">(.*?)</script>', text, re.S)[1])


def test_without_bokeh_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "bokeh", None)

    for needs_bokeh in (check_available, lambda: page(ledger(tests=1, calls=1))):
        with pytest.raises(BadInput, match=re.escape("pip install 'pytest-llmcontract[report]'")):
            needs_bokeh()


def test_the_ledger_lies_in_the_page_once_as_json(medium):
    text = page(medium)

    assert embedded(text) == json.loads(json.dumps(data(medium)))
    assert text.count(medium.tests[7].id) == 1


def test_columns_hold_every_call(medium):
    columns = data(medium)["calls"]

    for name, facts in (("status", "status"), ("attempt", "attempt"), ("retryAfter", "retry_after")):
        assert columns["numbers"][name] == [getattr(call, facts) for call in medium.calls]
    for name in ("model", "site", "client"):
        column = columns["texts"][name]
        assert [column["of"][code] for code in column["at"]] == [getattr(call, name) for call in medium.calls]
        assert len(set(column["of"])) == len(column["of"])
    assert columns["limits"]["TPM"] == [call.limits.get("TPM") for call in medium.calls]


def test_no_text_can_end_the_element_it_stands_in(medium):
    hostile = "</script><!--<script>"
    document = medium.model_copy(update={"tool": hostile})

    text = page(document)

    assert hostile not in text
    assert embedded(text)["tool"] == hostile


def test_the_page_names_no_address_of_the_network(medium):
    markup = re.sub(r"<script.*?</script>", "", page(medium), flags=re.S)

    assert not re.search(r"https?:|(src|href|action)=['\"]?//|@import|url\(", markup)


def test_every_script_of_the_folder_is_in_the_page(medium):
    from pytest_llmcontract.report import html

    folder = html._HERE

    assert sorted(SCRIPTS) == sorted(file.name for file in folder.glob("*.js"))
    assert all((folder / name).read_text("utf-8") in page(medium) for name in SCRIPTS)
