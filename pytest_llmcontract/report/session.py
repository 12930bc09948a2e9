"""The ledger of a session, and what becomes of it in the end: reports, a verdict on the budget, lines for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from pytest_llmcontract.core.secrets import scrubbed
from pytest_llmcontract.report.ci import publish
from pytest_llmcontract.report.collect import Collector, Report
from pytest_llmcontract.report.document import LedgerDocument
from pytest_llmcontract.report.formats import check_form, check_writable, form_of, write
from pytest_llmcontract.report.session_budget import exceeded
from pytest_llmcontract.report.sums import session_lines, verdict


class SessionLedger:
    """Takes what tests report, and ends with reports and a verdict.

    Args:
        reports: Where to write them; the suffix says in which form.
        budget: What the session may use, by name.

    Raises:
        BadInput: A report cannot be written there or so.
    """

    def __init__(self, reports: Sequence[Path], budget: Mapping[str, Decimal]) -> None:
        for path in reports:
            check_form(form_of(path, "--llmcontract-report"))
            check_writable(path, "--llmcontract-report")
        self._reports = reports
        self._budget = budget
        self._collector = Collector()
        self._document: LedgerDocument | None = None
        self._problems: list[str] = []

    def add(self, report: Report, part: str | None) -> None:
        """The report of one phase of a test, and what it brought along."""
        self._collector.add(report, part)

    def interrupted(self, nodeid: str, part: str | None) -> None:
        """The session ends in the middle of a test."""
        self._collector.interrupted(nodeid, part)

    def finish(self, say: Callable[[str], None], environ: Mapping[str, str]) -> None:
        """Write all reports; on GitHub *say* annotations too."""
        self._document = self._collector.document(self._budget)
        for path in self._reports:
            try:
                write(self._document, path)
            except OSError as error:
                self._problems.append(f"cannot write {path}: {error.strerror}")
            except Exception as error:  # the others are written all the same
                self._problems.append(scrubbed(f"cannot write {path}: {type(error).__name__}: {error}"))
        publish(self._document, say, environ)

    @property
    def failed(self) -> list[str]:
        """Why the session must not pass: its budget, or a report that could not be written."""
        assert self._document is not None
        untold = self._collector.untold if self._budget else []  # a gate that does not see all has not held
        return [*untold, *map(verdict, exceeded(self._document.budgets)), *self._problems]

    def lines(self) -> list[str]:
        """What the end of pytest's output says; nothing where nobody asked."""
        untold = self._collector.untold
        if self._document is None or not (self._reports or self._budget):
            return untold
        return session_lines(self._document, self._reports, [*untold, *self._problems])
