"""The report of a test that failed: the finding first, then the test's own error, without the frames of the SDK.

Where an application lets the SDK's error through, pytest would show twenty frames of the SDK, and its short summary
would say ``BadRequestError: Error code: 400``. What was found says why, so it stands first, and names the failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from types import TracebackType

import pytest
from _pytest._code.code import (
    ExceptionChainRepr,
    ExceptionRepr,
    ReprEntryNative,
    ReprFileLocation,
    ReprTraceback,
)

from pytest_llmcontract.core.site import is_application

OWN = __name__.partition(".")[0]


def is_of_the_test(error: BaseException) -> bool:
    """Whether the test says itself what is wrong, by an assertion or ``pytest.fail``, or was stopped or skipped."""
    return isinstance(error, (AssertionError, KeyboardInterrupt, pytest.fail.Exception, pytest.skip.Exception))


def caught_by_unittest(item: pytest.Item) -> list[pytest.ExceptionInfo[BaseException]]:
    """What a test of a ``unittest`` class raised: pytest keeps it with the item, and the call phase seems to pass."""
    return getattr(item, "_excinfo", None) or []


# Folding


def fold(error: BaseException, clients: Iterable[str]) -> str:
    """Cut what lies below the application's last line off the traceback of *error* and of what led to it.

    Only where the way led into a client of a call, or into this package: frames of other libraries say something.

    Args:
        clients: Those of the test's calls, ``groq-python 1.7.0``.

    Returns:
        What was left out, for a person; empty if nothing was.
    """
    names = {OWN, *(word for client in clients for word in re.split(r"[\s-]", client.partition(" ")[0]))}
    gone: list[str] = []
    for _ in range(2):  # what one error went through, the one that it caused went through as well
        for one in _family(error):
            gone += _cut(one, names.union(gone), whole=one is not error)
    if not gone:
        return ""
    packages = ", ".join(dict.fromkeys(name for name in gone if name != OWN))
    where = f" of {packages}" if packages else ""
    from pytest_llmcontract.core.words import counted  # compiles patterns, which pytest's start would wait for

    return f"({counted(len(gone), 'frame')}{where} left out; see --full-trace)"


def _family(error: BaseException) -> Iterator[BaseException]:
    """*error*, what caused it or was being handled, and the members of groups; each once."""
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [other for other in (one.__cause__, one.__context__) if other is not None]
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions


def _cut(error: BaseException, names: set[str], *, whole: bool) -> list[str]:
    """The packages of the frames that were cut off the traceback of *error*.

    Args:
        whole: Whether a traceback without any line of the application may go.
    """
    entries = list(_entries(error.__traceback__))
    own = [index for index, entry in enumerate(entries) if is_application(entry.tb_frame.f_code.co_filename)]
    kept = own[-1] + 1 if own else 0
    tail = [_package(entry) for entry in entries[kept:]]
    if not names.intersection(tail) or _is_defect(error, tail[-1]) or not (own or whole):
        return []
    rebuilt: TracebackType | None = None
    for entry in reversed(entries[own[0] if own else 0 : kept]):  # above them are pytest and its plugins
        rebuilt = TracebackType(rebuilt, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    error.__traceback__ = rebuilt
    return tail


def _is_defect(error: BaseException, raised_in: str) -> bool:
    """Whether *error* looks like a mistake of this package, whose frames somebody will want to read."""
    return raised_in == OWN and type(error).__module__ == "builtins" and not isinstance(error, OSError)


def _package(entry: TracebackType) -> str:
    return str(entry.tb_frame.f_globals.get("__name__", "?")).partition(".")[0]


def _entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


# The finding first


def rewrite(report: pytest.TestReport, *, first: str = "", name: str = "", note: str = "") -> None:
    """Change what *report* says of its error.

    Args:
        first: Stands before it.
        name: What pytest's short summary, ``--tb=line`` and JUnit call the failure, in place of the error's words.
        note: Stands below it.
    """
    shown = report.longrepr
    if not isinstance(shown, ExceptionRepr):
        return
    chain: list[tuple[ReprTraceback, ReprFileLocation | None, str | None]] = [
        (shown.reprtraceback, shown.reprcrash, None)
    ]
    if isinstance(shown, ExceptionChainRepr):
        chain = list(shown.chain)
    last, crash, above = chain[-1]
    if note:
        last.extraline = "\n".join(filter(None, [last.extraline, note]))
    if crash and name:
        crash = ReprFileLocation(crash.path, crash.lineno, name)
    chain[-1] = (last, crash, above)
    if first:
        block = ReprTraceback([ReprEntryNative([f"{first}\n"])], None, style="native")
        chain.insert(0, (block, None, "The error that came of it:"))
    report.longrepr = made = ExceptionChainRepr(chain)
    made.sections = shown.sections


def crash_message(report: pytest.TestReport) -> str:
    """The first line of what pytest calls the failure; empty if it has no name for it."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return crash.message.partition("\n")[0] if crash else ""
