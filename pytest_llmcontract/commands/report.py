"""``llmcontract report``: makes one ledger of several, holds it to the session's budget, and renders it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_llmcontract.report.document import LedgerDocument

FORMATS = ("text", "json", "md", "html", "sarif")
SEVERITIES = ("error", "warning", "note")
FORMATS_AGAINST = ("text", "json", "md")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    report = commands.add_parser(
        "report",
        help="merge the ledgers of shards, hold them to a budget, render; exit 1: over budget, or --fail-on",
    )
    report.add_argument("ledgers", metavar="LEDGER", nargs="+", help="what --llmcontract-report=….json wrote")
    report.add_argument(
        "--budget",
        metavar="NAME=N,…",
        help="what all of them together may use, beside what they carry, such as cost=0.50,tokens=200K",
    )
    report.add_argument(
        "--fail-on",
        metavar="SEVERITY",
        choices=SEVERITIES,
        help="exit 1 for a finding as grave: error, warning or note (default: budgets alone decide)",
    )
    report.add_argument("--against", metavar="OLD", help="print what changed since this ledger")
    report.add_argument("--output", metavar="FILE", action="append", default=[], help="write it, by suffix; repeatable")
    report.add_argument("--format", choices=FORMATS, help="what is printed (default: text; nothing beside --output)")
    report.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from pytest_llmcontract.commands.answer import tell
    from pytest_llmcontract.core.workload.budget import session_budget
    from pytest_llmcontract.report.formats import check_form, check_writable
    from pytest_llmcontract.report.merge import merged, read_ledger
    from pytest_llmcontract.report.progress import Progress
    from pytest_llmcontract.report.session_budget import exceeded
    from pytest_llmcontract.report.sums import verdict

    wanted = _wanted(args)
    for form, path in wanted:
        check_form(form)
        if path:
            check_writable(path, "--output")
    budget = session_budget(args.budget, "--budget") if args.budget else {}
    old = read_ledger(Path(args.against)) if args.against else None
    with Progress("ledgers") as progress:
        sum_ = merged([Path(name) for name in args.ledgers], budget, progress)
    for note in sum_.notes:
        tell("report", f"note: {note}")
    for problem in sum_.problems:
        tell("report", problem)
    if sum_.document is None:
        return 2
    for form, path in wanted:
        _put(_text(sum_.document, old, form), path)
    over = exceeded(sum_.document.budgets)
    if old or ("text", None) not in wanted:
        for broken in over:
            tell("report", verdict(broken))
    grave = _grave(sum_.document, args.fail_on)
    for line in grave:
        tell("report", line)
    if sum_.problems:
        return 2
    return 1 if over or grave else 0


def _grave(document: LedgerDocument, least: str | None) -> list[str]:
    """Why the findings do not pass a gate that holds from the severity *least* on; nothing if they do."""
    from pytest_llmcontract.core.words import counted

    counts = SEVERITIES[: SEVERITIES.index(least) + 1] if least else ()
    found = [entry for entry in document.violations if entry.severity in counts]
    if not found:
        return []
    codes = ", ".join(sorted({entry.code for entry in found}))
    tests = counted(len({entry.test for entry in found}), "test")
    return [f"--fail-on {least}: {counted(len(found), 'finding')} in {tests}: {codes}"]


def _wanted(args: argparse.Namespace) -> list[tuple[str, Path | None]]:
    """Each form that was asked for, and the file it goes to; ``None``: it is printed.

    Raises:
        BadInput: None is known of that suffix, or changes are not shown so.
    """
    from pytest_llmcontract.core.errors import BadInput
    from pytest_llmcontract.report.formats import form_of

    paths = [Path(name) for name in args.output]
    wanted: list[tuple[str, Path | None]] = [(form_of(path, "--output"), path) for path in paths]
    if args.format or not paths:
        wanted.append((args.format or "text", None))
    for form, _ in wanted:
        if args.against and form not in FORMATS_AGAINST:
            raise BadInput(f"--against: changes are not shown as {form}; accepted: {', '.join(FORMATS_AGAINST)}")
    return wanted


def _text(document: LedgerDocument, old: LedgerDocument | None, form: str) -> str:
    if old is not None:
        return _changes(old, document, form)
    if form == "text":
        from pytest_llmcontract.report.sums import ledger_text

        return ledger_text(document) + "\n"
    from pytest_llmcontract.report.formats import rendered

    return rendered(document, form)


def _changes(old: LedgerDocument, document: LedgerDocument, form: str) -> str:
    import json

    from pytest_llmcontract.report.against import changes_json, changes_markdown, changes_text, compared

    changes = compared(old, document)
    if form == "json":
        return json.dumps(changes_json(changes), indent=2, ensure_ascii=False) + "\n"
    return changes_markdown(changes) if form == "md" else changes_text(changes) + "\n"


def _put(text: str, path: Path | None) -> None:
    from pytest_llmcontract.core.errors import BadInput
    from pytest_llmcontract.core.files import write_whole
    from pytest_llmcontract.core.words import visible

    if path is None:
        sys.stdout.write(visible(text))
        return
    try:
        write_whole(path, text)
    except OSError as error:
        raise BadInput(f"--output: cannot write {path}: {error.strerror}") from None
