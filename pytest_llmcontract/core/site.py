"""Whose line is it: the application's own line behind a call or a sleep.

A call to a provider is made deep inside an SDK, an HTTP library and an event loop. What a person wants to read is
the last line of *their* code that led there. That is the first frame, going up, that lies neither in the standard
library, nor in an installed package, nor in this one. Without an application in between it is the test's line.

Assumptions: installed packages lie below ``site-packages`` or ``dist-packages``; code without a file (``<string>``)
is generated, except what a person types (``<stdin>``, doctests).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from types import FrameType

_STANDARD_LIBRARY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_THIS_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_TYPED = ("<stdin>", "<doctest", "<ipython")
_STARTED_IN = os.getcwd()
"""The folder in which the process began: a test may have changed it. The plugin imports this module at the start."""

# File name -> how to write it, or "" for a file that is not the application's.
_shown: dict[str, str] = {}


def application_site(frame: FrameType | None = None) -> str:
    """The application's line that led here, as ``app/client.py:41 in ask``; "" if there is none on this stack.

    *frame* is where another thread or a task stands; without it, it is the caller's line that is asked for.

    Works in threads, and in coroutines while they run: their stack holds whoever awaits them.
    """
    frame = frame or sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        try:  # as is_application(), without a call for each frame
            shown = _shown[file]
        except KeyError:
            shown = _shown[file] = _show(file)
        if shown:
            return f"{shown}:{frame.f_lineno} in {frame.f_code.co_name}"
        frame = frame.f_back
    return ""


_TEST_RUNNERS = frozenset({"_pytest", "pluggy", "pytest"})
_STARTERS = frozenset(
    {"anyio", "asyncio", "concurrent", "contextlib", "functools", "multiprocessing", "os", "pty", "subprocess"}
    | {"threading", "trio"}
)
"""What starts a child process for whoever calls it."""


def called_library() -> str:
    """What the application called that led here: ``niquests/3.21.2``, or ``socket`` of the standard library.

    "" if nothing lies between the application and this package.
    """
    standard = installed = ""
    for frame in _outwards(sys._getframe(1)):
        file, package = frame.f_code.co_filename, _package_of(frame)
        if is_application(file) or package in _TEST_RUNNERS:
            break
        if is_ours(file):
            continue
        if _is_installed(file):
            installed = package
        else:
            standard = standard or package
    return named_package(installed) if installed else standard


def who_started(frame: FrameType) -> str | None:
    """Who starts a child process at *frame*: an installed package, ``loky/3.4.1``, or "": the application itself.

    ``None``: the standard library, which asks the system for something on its own account (``platform``, ``uuid``).
    """
    for outer in _outwards(frame):
        file, package = outer.f_code.co_filename, _package_of(outer)
        if is_application(file):
            return ""
        if not is_ours(file) and package not in _STARTERS:
            return named_package(package) if _is_installed(file) else None
    return ""


def named_package(package: str) -> str:
    """``niquests/3.21.2``; the name alone where nobody knows the version."""
    from importlib.metadata import PackageNotFoundError, version

    known = getattr(sys.modules.get(package), "__version__", "")
    try:
        known = known if isinstance(known, str) and known else version(package)
    except PackageNotFoundError:
        return package
    return f"{package}/{known}"


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _package_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__") or "").partition(".")[0]


def _is_installed(file: str) -> bool:
    return any(folder in file for folder in _INSTALLED)


def is_application(file: str) -> bool:
    """Whether code of *file*, as a frame names it, is the application's or the test's."""
    if file not in _shown:
        _shown[file] = _show(file)
    return bool(_shown[file])


def shown_file(file: str) -> str:
    """*file*, as a frame names it, as a site shows it."""
    return _shown[file] if is_application(file) else file


def is_ours(file: str) -> bool:
    """Whether code of *file*, as a frame names it, is this package's."""
    return os.path.abspath(file).startswith(_THIS_PACKAGE)


def file_of(site: str) -> str:
    """The absolute path of the file in *site*; "" if it names none."""
    file, colon, _ = re.sub(r" in [^/]*$", "", site).rpartition(":")
    if not colon:
        return ""
    paths = [os.path.join(folder, file) for folder in (_STARTED_IN, os.getcwd())]
    return next(filter(os.path.exists, paths), paths[0])


def _show(file: str) -> str:
    if file.startswith("<"):
        return file if file.startswith(_TYPED) else ""
    path = os.path.abspath(file)
    if path.startswith((_STANDARD_LIBRARY, _THIS_PACKAGE)) or any(folder in path for folder in _INSTALLED):
        return ""
    # A test may have changed the directory: the one pytest was started in reads best.
    for folder in (_STARTED_IN, os.getcwd()):
        if path.startswith(folder.rstrip(os.sep) + os.sep):
            return os.path.relpath(path, folder)
    project = _project(_STARTED_IN)
    return os.path.relpath(path, _STARTED_IN) if path.startswith(project + os.sep) else path


def _project(folder: str) -> str:
    """The repository that *folder* lies in: its files are the application's, wherever in it pytest was started."""
    while not os.path.exists(os.path.join(folder, ".git")):
        above = os.path.dirname(folder)
        if above == folder:
            return _STARTED_IN
        folder = above
    return folder.rstrip(os.sep)
