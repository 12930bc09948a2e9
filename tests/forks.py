"""A process that has pytest and the SDKs loaded, and forks for every pytest that a test wants to start.

The problem: a pytest of its own costs one and a half to three seconds, nearly all of it for the interpreter, for the
imports of three SDKs and for the plugins that happen to be installed. Here the imports are paid once, and only the
plugins that a test names are loaded. Runs inside the process of the test (``pytester.runpytest_inprocess``) would save
as much; but our plugin patches HTTP libraries and ``time.sleep`` of its process, keeps settings for it and imports its
parts when they are needed. What goes wrong there would show in other tests, or nowhere.

So each run is a process, which ends when its pytest does. Third parties alone are loaded before: our plugin is imported
in each, once environment and folder are as the test wants them. What an interpreter reads when it starts
(``PYTHONWARNINGS``, ``PYTHONHASHSEED``) is read no more; a test of such things, of plugins that nobody named or of what
is loaded when takes ``pytester.runpytest_subprocess``.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

PRELOADED = ("groq", "openai", "together", "jsonschema", "respx", "hypothesis")


class Forks:
    """The process, from outside."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, *arguments: str, cwd: Path, plugins: tuple[str, ...] = ()) -> pytest.RunResult:
        """Run pytest in *cwd* and the environment of now, with our plugin and *plugins* alone."""
        began = time.perf_counter()
        loaded = [word for name in ("llmcontract", *plugins) for word in ("-p", name)]
        env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": _path(cwd)}
        with tempfile.TemporaryDirectory() as folder:
            base, out, err = (Path(folder, name) for name in ("base", "out", "err"))
            words = [f"--basetemp={base}", *loaded, *arguments]
            print("running: pytest", *words)
            code = self._fork({"arguments": words, "cwd": str(cwd), "env": env, "out": str(out), "err": str(err)})
            printed = [file.read_text("utf-8") for file in (out, err)]
        print(*printed, sep="\n")
        taken = time.perf_counter() - began
        return pytest.RunResult(code, *(text.splitlines() for text in printed), duration=taken)

    def _fork(self, asked: dict[str, Any]) -> int:
        """The exit code; negative for a signal."""
        assert self._process.stdin
        assert self._process.stdout
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """No more runs."""
        self._process.communicate()


def _path(first: Path) -> str:
    """For workers of pytest-xdist, which are interpreters of their own."""
    return os.pathsep.join(filter(None, [str(first), os.environ.get("PYTHONPATH")]))


# Inside.


def _wait_for_work() -> dict[str, Any] | None:
    """Fork for each line of stdin. In the fork: what it asks for; here, at the end: nothing."""
    gc.freeze()  # what all share, nobody needs to look through
    while line := sys.stdin.readline():
        if (pid := os.fork()) == 0:
            return json.loads(line)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return None


def _become(asked: dict[str, Any]) -> None:
    """Be as a process that was started as *asked*."""
    write = os.O_WRONLY | os.O_CREAT
    for number, (path, flags) in enumerate([(os.devnull, os.O_RDONLY), (asked["out"], write), (asked["err"], write)]):
        opened = os.open(path, flags, 0o644)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    sys.path[0] = asked["cwd"]  # as ``python -m pytest`` does
    sys.argv = ["pytest", *asked["arguments"]]


if __name__ == "__main__":
    for name in PRELOADED:
        __import__(name)
    if (work := _wait_for_work()) is not None:
        _become(work)
        sys.exit(pytest.main())
