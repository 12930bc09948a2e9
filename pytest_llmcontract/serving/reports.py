"""The reports of a server: its scopes as tests, written when it ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.journal import Extent
from pytest_llmcontract.report.collect import Collector, packed
from pytest_llmcontract.report.formats import check_form, check_writable, form_of, write
from pytest_llmcontract.serving.scopes import Scope


@dataclass(frozen=True)
class _Done:
    """A scope, as the report of a phase of a test."""

    nodeid: str
    outcome: str
    when: str


def check_reports(paths: Iterable[Path]) -> None:
    """Be sure, before the server begins, that its reports can be written.

    Raises:
        BadInput: One cannot, or its suffix means nothing.
    """
    for path in paths:
        check_form(form_of(path, "--report"))
        check_writable(path, "--report")


def write_reports(scopes: Iterable[Scope], paths: Iterable[Path]) -> None:
    """Write what all *scopes* did.

    Raises:
        BadInput: A file cannot be written.
    """
    collector = Collector()
    for scope in (scope for scope in scopes if scope.world.journal.calls or scope.world.journal.verdicts):
        journal = scope.world.journal
        journal.found = scope.findings()
        failed = any(finding.severity == "error" for finding in journal.found)
        name = f"serve::{scope.name or 'everybody'}"
        part = packed(journal, Extent(), exchanges=True)
        collector.add(_Done(name, "failed" if failed else "passed", "call"), part)
        collector.add(_Done(name, "passed", "teardown"), None)
    document = collector.document(dict[str, Decimal]())
    for path in paths:
        try:
            write(document, path)
        except OSError as problem:
            raise BadInput(f"--report: cannot write {path}: {problem.strerror}") from None
