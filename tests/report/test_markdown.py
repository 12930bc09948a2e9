"""The Markdown summary: what it says, how long it gets, and that no name in it can be markup."""

from __future__ import annotations

import re

import pytest
from ledgers import ledger

from pytest_llmcontract.report.document import BudgetEntry
from pytest_llmcontract.report.markdown import markdown


def section(text, title):
    return re.search(rf"### {title}\n\n(.*?)(?:\n\n|\Z)", text, re.S)[1].splitlines()[2:]


def changed(document, **parts):
    """*document* with some fields of its first test, call or violation replaced."""
    content = document.model_dump(mode="json")
    for part, fields in parts.items():
        content[part][0] |= fields
    return type(document).model_validate(content)


def test_it_begins_with_totals_and_what_was_found(medium):
    text = markdown(medium)

    refused = sum(call.status is None or call.status >= 400 for call in medium.calls)
    assert text.startswith("## LLM calls\n\n60 tests · 400 calls (")
    assert f"({refused} refused, {medium.totals.retries} retries)" in text
    assert f"{medium.totals.tokens:,} tokens" in text
    assert f"**{medium.totals.errors} errors" in text


def test_without_calls_it_is_short():
    assert markdown(ledger(tests=0, calls=0)) == (
        "## LLM calls\n\n0 tests · 0 calls · 0 tokens · \\$0.00\n\n**Nothing was found**\n"
    )


def test_findings_come_once_each_the_gravest_first_with_their_sites(medium):
    rows = section(markdown(medium), "Findings")

    severities = [row.split(" | ")[0].strip("| ") for row in rows]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert len({row.partition(" | ")[2] for row in rows}) == len(rows)
    assert all(re.search(r"`app/\w+(/\w+)?\.py:\d+ in \w+`", row) for row in rows)


def test_of_many_findings_ten_are_shown_and_the_rest_counted(medium):
    findings = tuple(medium.violations[0].model_copy(update={"site": f"app/x.py:{line}"}) for line in range(13))

    text = markdown(medium.model_copy(update={"violations": findings}))

    assert len(section(text, "Findings")) == 10
    assert "\n\nand 3 more\n" in text


def test_a_finding_of_many_calls_and_tests_says_how_many(medium):
    first = medium.violations[0]
    findings = tuple(first.model_copy(update={"test": test}) for test in (0, 1, 1))

    (row,) = section(markdown(medium.model_copy(update={"violations": findings})), "Findings")

    assert "(3 times)" in row
    assert row.endswith("| 2 tests |")


def test_budgets_of_the_session_are_always_told_those_of_tests_only_if_broken(medium):
    (row,) = section(markdown(medium), "Budgets")

    assert re.fullmatch(r"\| cost \| session \| \\\$0\.\d+ \| \\\$0\.001 \| \*\*broken\*\* \|", row)


def test_a_kept_budget_of_the_session_is_told_before_many_broken_ones_of_tests(medium):
    kept = BudgetEntry(scope="session", name="cost", limit="0.50", used="0.10", ok=True)
    broken = BudgetEntry(scope="test", test=0, name="calls", limit=1, used=2, ok=False)

    rows = section(markdown(medium.model_copy(update={"budgets": (*[broken] * 12, kept)})), "Budgets")

    assert rows[0].endswith("| kept |")


def test_shares_are_told_in_percent(medium):
    budgets = [
        BudgetEntry(scope="session", name="share TPM", limit=0.5, used=0.637625, ok=False),
        BudgetEntry(scope="session", name="fits groq/free", limit=1, used=1.741, ok=False),
    ]

    rows = section(markdown(medium.model_copy(update={"budgets": tuple(budgets)})), "Budgets")

    assert rows == [
        "| share TPM | session | 64% | 50% | **broken** |",
        "| fits groq/free | session | 174% | 100% | **broken** |",
    ]


def test_limits_are_told_fullest_first_with_their_refusals(medium):
    rows = section(markdown(medium), "Fullest limits")

    shares = [int(re.search(r"(\d+)%", row)[1]) for row in rows]
    assert shares == sorted(shares, reverse=True)
    refusals = sum(call.refused is not None and call.model == "openai/gpt-oss-120b" for call in medium.calls)
    (row,) = [row for row in rows if "TPM" in row and "gpt-oss-120b" in row]
    assert row.endswith(f"| {refusals} |")


def test_the_dearest_tests_are_told(medium):
    costs = [sum(call.cost for call in medium.calls if call.test == index) for index in range(60)]

    rows = section(markdown(medium), "Tests by cost")

    assert len(rows) == 5
    assert medium.tests[costs.index(max(costs))].id in rows[0]


def test_it_stays_a_comment_however_large_the_session_is(large):
    assert len(markdown(large)) < 10_000


@pytest.mark.parametrize(
    "hostile",
    [
        "<img src=x onerror=alert(1)>",
        "a | b | c",
        "[click](https://example.com)",
        "`code` and **bold**",
        "cc @everyone, fixes #1",
        "$x$ and $`y`$",
        "two\nlines",
    ],
)
def test_no_name_can_be_markup(medium, hostile):
    document = changed(medium, tests={"id": hostile}, calls={"model": hostile}, violations={"message": hostile})
    document = changed(document, violations={"site": hostile, "test": 0}, budgets={"name": hostile, "ok": False})

    for line in markdown(document).splitlines():
        bare = re.sub(r"`[^`]*`|\\.", "", line)
        assert not re.search(r"[<>`$\[\]]|@\w|#\d|\*\*(?!broken|\d|$| \|)", bare), line
        if line.startswith("|"):
            # In a table a bar ends the cell even where it is code.
            assert re.sub(r"\\.", "", line).count("|") in {5, 6, 7}


def test_a_key_does_not_get_into_it(medium):
    document = changed(medium, violations={"message": "sent gsk_" + "a" * 40})

    assert "gsk_" not in markdown(document)
