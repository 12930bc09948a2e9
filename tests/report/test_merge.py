"""Several ledgers as one: exact sums, nothing twice, and clear words for what cannot be read."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from ledgers import ledger

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.report.document import BudgetEntry, EventEntry, LedgerDocument, MoneyEntry
from pytest_llmcontract.report.merge import merged, read_ledger


@pytest.fixture
def shard(tmp_path):
    """Write a ledger of a session of its own; gives its path."""

    def shard(name, *, seed=0, session=None, tool=None, budgets=(), tests=3, prefix=""):
        document = ledger(tests=tests, calls=tests * 7, seed=seed)
        entry = document.sessions[0].model_copy(update={"id": session or f"{name}-{seed}", "shard": ""})
        update = {"sessions": (entry,), "budgets": tuple(budgets)}
        if tool:
            update["tool"] = tool
        if prefix:
            update["tests"] = tuple(
                test.model_copy(update={"id": prefix + test.id}) for test in document.tests
            )  # fmt: skip
        path = tmp_path / name
        path.write_text(document.model_copy(update=update).model_dump_json())
        return path

    return shard


def session_limit(name, limit):
    return BudgetEntry(scope="session", name=name, limit=limit, used=0, ok=True)


def test_money_and_events_find_their_tests_and_calls(shard):
    paths = [shard(f"{n}.json", seed=n, prefix=f"{n}/") for n in range(2)]
    for path in paths:
        document = read_ledger(path)
        moved = {"provider": "groq", "at": 1, "what": "usage", "amount": Decimal("0.10"), "test": 1}
        money = (MoneyEntry(**moved, call=8), MoneyEntry(**moved, source="charge", against="invoice 1"))
        event = EventEntry(test=2, provider="groq", at=1, what="invoice", amount=Decimal("1.20"), sentence="Issued.")
        update = {"money": money, "events": (event,)}
        path.write_text(document.model_copy(update=update).model_dump_json())

    document = merged(paths, {}).document

    assert [entry.test for entry in document.money] == [1, 1, 4, 4]
    assert [entry.call for entry in document.money] == [8, None, 8 + 21, None]
    assert [(event.test, event.sentence) for event in document.events] == [(2, "Issued."), (5, "Issued.")]
    LedgerDocument.model_validate_json(document.model_dump_json())


def test_an_entry_of_a_call_that_is_not_there_is_no_ledger(shard):
    path = shard("one.json")
    told = json.loads(path.read_text())
    told["money"] = [{"test": 0, "provider": "groq", "at": 0, "what": "usage", "amount": "1.00", "call": 21}]
    path.write_text(json.dumps(told))

    with pytest.raises(BadInput, match="call 21, and there is none"):
        read_ledger(path)


def test_sums_are_exact_and_everything_finds_its_place(shard):
    paths = [shard(f"{n}.json", seed=n, tests=4, prefix=f"{n}/") for n in range(3)]
    parts = [read_ledger(path) for path in paths]

    together = merged(paths, {})
    document = together.document

    assert (together.notes, together.problems) == ((), ())
    assert document.totals.cost == sum((part.totals.cost for part in parts), Decimal(0))
    assert document.totals.calls == sum(part.totals.calls for part in parts)
    assert [session.shard for session in document.sessions] == ["0.json", "1.json", "2.json"]
    for number, part in enumerate(parts):
        ours = [call for call in document.calls if document.tests[call.test].session == number]
        assert [document.tests[call.test].id for call in ours] == [part.tests[call.test].id for call in part.calls]
        assert [call.cost for call in ours] == [call.cost for call in part.calls]
    calls = [document.calls[found.call] for found in document.violations]
    assert [call.test for call in calls] == [found.test for found in document.violations]
    assert len(calls) == sum(len(part.violations) for part in parts) > 0
    LedgerDocument.model_validate_json(document.model_dump_json())


def test_merging_in_steps_is_the_same_as_at_once(shard, tmp_path):
    paths = [shard(f"{n}.json", seed=n) for n in range(3)]
    half = tmp_path / "half.json"
    half.write_text(merged(paths[:2], {}).document.model_dump_json())

    at_once, in_steps = merged(paths, {}).document, merged([half, paths[2]], {}).document

    assert in_steps == at_once


def test_a_session_given_twice_is_counted_once(shard, tmp_path):
    one, other = shard("one.json"), shard("other.json", seed=1)
    again = tmp_path / "again.json"
    again.write_text(one.read_text())
    both = tmp_path / "both.json"
    both.write_text(merged([one, other], {}).document.model_dump_json())

    together = merged([one, again, both], {})

    assert together.document.totals == merged([one, other], {}).document.totals
    assert [note.partition(": left out")[0].partition("is counted")[2] for note in together.notes[:2]] == [
        f" already, from {one.name}",
        f" already, from {one.name}",
    ]


def test_a_test_that_ran_in_two_sessions_is_counted_twice_and_that_is_said(shard):
    together = merged([shard("one.json"), shard("other.json", session="another")], {})

    assert together.document.totals.tests == 6
    assert together.notes[0].startswith("ran in more than one session, and is counted each time: ")
    assert together.notes[0].endswith(" and 2 more")


def test_different_versions_are_counted_and_told(shard):
    paths = [shard("a.json", tool="pytest-llmcontract 0.1"), shard("b.json", seed=1, tool="pytest-llmcontract 0.2")]

    together = merged(paths, {})

    assert len(together.document.sessions) == 2
    assert together.notes[0].startswith(
        f"written by different versions, whose facts may differ: pytest-llmcontract 0.1 ({paths[0]}), "
        f"pytest-llmcontract 0.2 ({paths[1]})"
    )


def test_the_smallest_of_all_limits_holds_for_the_whole(shard):
    paths = [
        shard("a.json", seed=1, budgets=[session_limit("cost", "0.50"), session_limit("calls", 30)]),
        shard("b.json", seed=2, budgets=[session_limit("cost", "0.40")]),
    ]

    budgets = merged(paths, {"calls": Decimal(42), "tokens": Decimal(10**9)}).document.budgets

    assert [(line.name, line.limit, line.ok) for line in budgets] == [
        ("cost", "0.40", True),
        ("calls", 30, False),
        ("tokens", 10**9, True),
    ]
    assert budgets[1].used == 42


CUT = "is cut off after"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda text: text[: len(text) // 2], CUT),
        (lambda text: text[:-1], CUT),
        (lambda text: text[: text.index("}") + 1], CUT),
        (lambda text: "", "is empty"),
        (lambda text: "hello", "is no JSON: Expecting value"),
        (lambda text: "[]", "is JSON, but no ledger: it has no 'format'"),
        (lambda text: '{"calls": []}', "is JSON, but no ledger: it has no 'format'"),
        (lambda text: text.replace('"format":1', '"format":2'), r"was written by .* in format 2; .* reads format 1"),
        (lambda text: text.replace('"format":1', '"format":1,"x":1'), "is no ledger as .* knows it: x: Extra inputs"),
        (lambda text: text.replace('"attempt":1', '"attempt":"x"', 1), r"calls\.\d+\.attempt: Input should be a"),
    ],
)
def test_a_ledger_that_cannot_be_read_says_why_and_the_others_count(shard, spoil, words):
    good, bad = shard("good.json"), shard("bad.json", seed=1)
    bad.write_text(spoil(bad.read_text()))

    with pytest.raises(BadInput, match=f"bad.json: .*{words}"):
        read_ledger(bad)
    together = merged([bad, good], {})

    assert together.document.totals == read_ledger(good).totals
    assert len(together.problems) == 1


def test_bytes_folders_and_missing_files(tmp_path):
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")

    together = merged([tmp_path / "bytes.json", tmp_path, tmp_path / "gone.json"], {})

    assert together.document is None
    assert [problem.partition(": ")[2] for problem in together.problems] == [
        "is no JSON, but bytes that are no text",
        "Is a directory",
        "No such file or directory",
    ]


def test_progress_is_told_ledger_by_ledger(shard):
    told = []

    merged([shard("a.json"), shard("b.json", seed=1)], {}, lambda *done: told.append(done))

    assert told == [(1, 2), (2, 2)]


def test_text_keeps_to_eighty_columns(shard):
    from pytest_llmcontract.report.sums import ledger_text

    document = merged([shard("a.json"), shard("b.json", seed=1)], {"calls": Decimal(1)}).document
    lines = ledger_text(document).splitlines()

    assert lines[0] == "used    " + lines[0][8:]
    assert "LLM401 budget of the session: 42 of 1 calls, exceeded" in lines
    assert [line for line in lines if len(line) > 80 and "LLM1" not in line] == []
    assert json.dumps(lines).count(".json") >= 2
