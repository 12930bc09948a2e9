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
