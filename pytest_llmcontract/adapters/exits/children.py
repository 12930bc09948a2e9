"""Child processes: what they call nobody here sees, so none is started with a real key."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from functools import wraps
from typing import Any

from pytest_llmcontract.adapters.exits.audit import Events
from pytest_llmcontract.adapters.exits.door import INSTALLED, child_refusal, detour_of, look_up_refusal, text_of
from pytest_llmcontract.adapters.patches import Patches
from pytest_llmcontract.core.site import who_started


def _may_start(command: Any, environ: Mapping[Any, Any] | None) -> None:
    """Raises:
    PermissionError: The child would take a real key along, or is to call somebody whom nobody may.
    """
    starter = who_started(sys._getframe(1))
    if starter is None:
        return
    shown = _shown(command)
    refused = child_refusal(shown, os.environ if environ is None else environ, starter)
    if refused := refused or _call_refusal(shown):
        raise PermissionError(refused)


_CALLS = re.compile(r"(?:^|[\s/;&|(])(curl|wget|https?|httpie|xh|aria2c)(?:\.exe)?\s")
_CALLED = re.compile(r"(?<![\w.@-])(https?://)?([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")


def _call_refusal(command: str) -> str | None:
    """Why *command* may not be run: it is one of those that call whom they name."""
    if (found := _CALLS.search(command)) is None:
        return None
    named = _CALLED.findall(command[found.end() :])
    # What has no scheme may as well be a file.
    hosts = dict.fromkeys(host for scheme, host in named if scheme or INSTALLED.concerned(host))
    refusals = (look_up_refusal(host, client=found[1]) for host in hosts if detour_of(host) is None)
    return next(filter(None, refusals), None)


def _shown(command: Any) -> str:
    parts = command if isinstance(command, list | tuple) else [command]
    return " ".join(text_of(os.fspath(part) if isinstance(part, os.PathLike) else part) for part in parts)


def _popen(executable: Any, args: Any, cwd: Any, env: Any) -> None:
    _may_start(args or executable, env)


def _exec(path: Any, args: Any, env: Any) -> None:
    _may_start(args or path, env)


def _posix_spawn(path: Any, args: Any, env: Any) -> None:
    if sys._getframe(2).f_globals.get("__name__") != "subprocess":  # which has said so itself
        _exec(path, args, env)


def _system(command: Any) -> None:
    _may_start(command, None)


def _spawn(mode: Any, path: Any, args: Any, env: Any) -> None:
    _may_start(args or path, env)


EVENTS: Events = {
    "subprocess.Popen": _popen,
    "os.exec": _exec,
    "os.posix_spawn": _posix_spawn,
    "os.spawn": _spawn,
    "os.system": _system,
}


# multiprocessing starts its children without a word.


def _patch_popen(module: Any) -> None:
    def wrap(below: Any) -> Any:
        @wraps(below)
        def _launch(self: Any, process_obj: Any, *args: Any, **kwargs: Any) -> Any:
            _may_start(f"multiprocessing {type(process_obj).__name__}", None)
            return below(self, process_obj, *args, **kwargs)

        return _launch

    PATCHES.replace(module.Popen, "_launch", wrap)


PATCHES = Patches(
    dict.fromkeys(
        ("multiprocessing.popen_spawn_posix", "multiprocessing.popen_forkserver", "loky.backend.popen_loky_posix"),
        _patch_popen,
    )
)
