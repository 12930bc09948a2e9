"""What changed between two ledgers: sums, tests, limits, findings, exactly and the most changed first."""

from __future__ import annotations

from decimal import Decimal

from ledgers import ledger

from pytest_llmcontract.report.against import changes_json, changes_markdown, changes_text, compared
from pytest_llmcontract.report.document import LedgerDocument, TotalsEntry

OLD = ledger(tests=3, calls=30, seed=5)


def changed(**update):
    document = OLD.model_copy(update=update)
    totals = TotalsEntry.of(document.tests, document.calls, document.violations)
    return LedgerDocument.model_validate(document.model_copy(update={"totals": totals}).model_dump())


def with_calls(change):
    return changed(calls=tuple(change(call) for call in OLD.calls))


def test_nothing_changed():
    changes = compared(OLD, OLD)

    assert (changes.tests, changes.limits, changes.new, changes.gone) == ([], [], [], [])
    assert changes_text(changes).endswith("no test, limit or finding changed")


def test_costs_differ_to_the_last_digit_and_the_largest_change_comes_first():
    less, more = Decimal("0.000000001"), Decimal("0.1")
    new = with_calls(lambda call: call.model_copy(update={"cost": call.cost + (less if call.test else more)}))
    calls = [sum(call.test == test for call in OLD.calls) for test in range(3)]

    changes = compared(OLD, new)

    assert changes.tests[0].id == OLD.tests[0].id
    assert [test.after.cost - test.before.cost for test in changes.tests] == [more * calls[0], *[less * 10] * 2]
    assert changes.after.cost - changes.before.cost == more * 10 + less * 20
    cost = changes_json(changes)["totals"]["cost"]
    assert Decimal(cost[1]) - Decimal(cost[0]) == more * 10 + less * 20


def test_tests_that_are_new_or_gone():
    renamed = OLD.tests[1].model_copy(update={"id": "tests/test_new.py::test_new"})
    new = changed(tests=(OLD.tests[0], renamed, OLD.tests[2]))

    changes = compared(OLD, new)

    assert {(test.id, test.before is None, test.after is None) for test in changes.tests} == {
        (OLD.tests[1].id, False, True),
        (renamed.id, True, False),
    }
    text = changes_text(changes)
    assert "new: calls 10," in text
    assert "gone: calls 10," in text
    assert "| `tests/test_new.py::test_new` | – → 10 |" in changes_markdown(changes)


def test_how_full_limits_were():
    def fuller(call):
        limits = {kind: (limit if kind == "TPM" else used, limit) for kind, (used, limit) in call.limits.items()}
        return call.model_copy(update={"limits": limits})

    changes = compared(OLD, with_calls(fuller))

    assert {change.limit for change in changes.limits} == {"TPM"}
    assert all(change.before < change.after == 1.0 for change in changes.limits)
    first = changes.limits[0]
    assert f"TPM of {first.provider} {first.plan}, {first.model}: {first.before:.1%} -> 100.0%" in changes_text(changes)


def test_findings_are_new_or_gone_by_code_test_and_place_not_by_their_figures():
    with_findings = ledger(tests=3, calls=300, seed=2)
    assert len({(found.code, found.test) for found in with_findings.violations}) > 2
    first = with_findings.violations[0]
    worded = [found.model_copy(update={"message": found.message + " (3 of 4)"}) for found in with_findings.violations]
    same = with_findings.model_copy(update={"violations": tuple(worded)})
    other = first.model_copy(update={"code": "LLM102", "path": "$.temperature", "message": "temperature is 9"})
    new = with_findings.model_copy(update={"violations": (*with_findings.violations, other)})

    assert compared(with_findings, same).new == compared(with_findings, same).gone == []
    changes = compared(with_findings, new)
    assert [(test, entry.code) for test, entry in changes.new] == [(with_findings.tests[first.test].id, "LLM102")]
    assert changes.gone == []
    assert [entry.code for _, entry in compared(new, with_findings).gone] == ["LLM102"]
    assert "new findings\n  LLM102 temperature is 9" in changes_text(changes)
    assert changes_json(changes)["violations"]["new"][0]["message"] == "temperature is 9"
    assert "| new | `LLM102` | temperature is 9 |" in changes_markdown(changes)


def test_all_runs_of_a_test_count_together():
    twice = OLD.tests[0].model_copy(update={"outcome": "rerun"})
    new = changed(tests=(OLD.tests[0], twice.model_copy(update={"id": OLD.tests[0].id}), OLD.tests[2]))

    changes = compared(OLD, new)

    (grown,) = [test for test in changes.tests if test.after]
    assert (grown.before.calls, grown.after.calls) == (10, 20)


def test_text_keeps_to_eighty_columns():
    new = ledger(tests=30, calls=300, seed=9)
    lines = changes_text(compared(OLD, new)).splitlines()

    assert [line for line in lines if len(line) > 80 and "LLM1" not in line and "::" not in line] == []
    assert sum(line.startswith("  … ") for line in lines) == 1
