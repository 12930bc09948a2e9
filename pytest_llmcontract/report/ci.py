"""What a session found, where its CI shows it: annotations and a job summary on GitHub, SARIF for code scanning.

Sites are written as the session saw them, from the folder in which it was started. A CI wants them from the root of
the repository, which is the nearest folder above that has a ``.git``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import chain, islice
from pathlib import Path

from pytest_llmcontract.core.findings.rules import Violation
from pytest_llmcontract.report import github
from pytest_llmcontract.report.document import LedgerDocument, ViolationEntry
from pytest_llmcontract.report.markdown import markdown
from pytest_llmcontract.report.sarif import sarif_log
from pytest_llmcontract.report.session_budget import exceeded
from pytest_llmcontract.report.sums import session_finding

SHOWN = 10
"""Annotations of one level that GitHub shows of a step."""


def publish(document: LedgerDocument, say: Callable[[str], None], environ: Mapping[str, str]) -> None:
    """On GitHub, *say* the annotations and add to the job summary; elsewhere, or without calls, nothing.

    A summary that cannot be written is said, and no more: it must not hide how the tests went.
    """
    if environ.get("GITHUB_ACTIONS") != "true" or not (document.calls or document.violations):
        return
    broken = [session_finding(budget) for budget in exceeded(document.budgets)]
    found, root = [*broken, *session_findings(document)], repository_root()
    levels = ([finding for finding in found if finding.severity == severity] for severity in ("error", "warning"))
    lines = github.annotations(chain.from_iterable(islice(level, SHOWN) for level in levels), root)
    # The first line is empty: GitHub wants an annotation at the beginning of a line, and pytest's dots may stand there.
    for line in ["", *lines] if lines else []:
        say(line)
    if summary := environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with open(summary, "a", encoding="utf-8") as file:
                file.write(markdown(document) + "\n")
        except OSError as error:
            say(f"llmcontract: no job summary: {summary}: {error.strerror}")


def session_sarif(document: LedgerDocument) -> str:
    """The findings of *document* as SARIF, at the application's own lines."""
    return json.dumps(sarif_log(session_findings(document), repository_root()), indent=2) + "\n"


def session_findings(document: LedgerDocument) -> list[Violation]:
    """What was found, equal findings of several calls and tests once, with the whole paths of their sites."""
    once = {(entry.code, entry.message, entry.site): entry for entry in reversed(document.violations)}
    return [_finding(entry) for entry in reversed(once.values())]


def _finding(entry: ViolationEntry) -> Violation:
    texts = {name: getattr(entry, name) for name in ("provider", "operation", "path", "sent", "allowed", "contract")}
    return Violation(
        code=entry.code,
        message=entry.message,
        severity=entry.severity,
        answer=entry.answer,
        fix=entry.fix,
        site=str(Path.cwd() / entry.site) if entry.site else "",
        **texts,
    )


def repository_root() -> Path:
    """The folder of the repository that the session was started in; that folder itself if there is none."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
