"""The forms a ledger is written in, and where it may be written."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.files import write_whole
from pytest_llmcontract.report.document import LedgerDocument

SUFFIXES = {".json": "json", ".html": "html", ".md": "md", ".sarif": "sarif"}


def form_of(path: Path, what: str) -> str:
    """The form that the suffix of *path* means.

    Raises:
        BadInput: It means none.
    """
    if path.suffix not in SUFFIXES:
        raise BadInput(f"{what}: {path}: unknown suffix {path.suffix!r}; accepted: {', '.join(SUFFIXES)}")
    return SUFFIXES[path.suffix]


def check_form(form: str) -> None:
    """Be sure that what *form* needs is installed.

    Raises:
        BadInput: It is not; the message says how to install it.
    """
    if form == "html":
        from pytest_llmcontract.report.html import check_available

        check_available()


def check_writable(path: Path, what: str) -> None:
    """Be sure, before anything long is done, that *path* can be written; its folder is made.

    Raises:
        BadInput: It cannot.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise BadInput(f"{what}: cannot write {path}: {error.strerror}") from None


def rendered(document: LedgerDocument, form: str) -> str:
    """*document* as text of that form."""
    if form == "json":
        return document.model_dump_json() + "\n"
    if form == "html":
        from pytest_llmcontract.report.html import page

        return page(document)
    if form == "md":
        from pytest_llmcontract.report.markdown import markdown

        return markdown(document)
    from pytest_llmcontract.report.ci import session_sarif

    return session_sarif(document)


def write(document: LedgerDocument, path: Path) -> None:
    """*document* into *path*, as its suffix says.

    Raises:
        BadInput: The suffix means nothing, or what it needs is missing.
        OSError: It cannot be written.
    """
    write_whole(path, rendered(document, form_of(path, "report")))
