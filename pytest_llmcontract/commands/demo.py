"""``llmcontract demo``: a small bundled application's tests, run against simulated providers."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

FOLDER = Path(__file__).parent.parent / "demo"


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser("demo", help="run a small bundled application's tests against simulated providers")
    demo.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    missing = [name for name in ("groq", "together", "openai") if not _importable(name)]
    if missing:
        print(
            f"llmcontract demo: its application uses {', '.join(missing)}: pip install 'pytest-llmcontract[demo]'",
            file=sys.stderr,
        )
        return 2
    with TemporaryDirectory(prefix="llmcontract-demo-") as folder:
        for file in FOLDER.glob("*.py"):
            shutil.copy(file, folder)
        print("A small application, its tests, simulated Groq and Together: no key, no network, no real waiting.\n")
        passed = _pytest(folder, "test_app.py", "-v")
        print(
            "\nNow a test that a plain mock lets through. The application sends a field that Groq refuses\n"
            "and swallows the error; the test must fail, and say where and how to fix it.\n"
        )
        failed = _pytest(folder, "test_swallowed.py", "-q")
    if passed == 0 and failed == 1:
        print("\nAs it should be: five tests passed, and the swallowed error failed its test.")
        return 0
    print("\nNot as it should be: please report the output above.", file=sys.stderr)
    return 1


def _importable(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None


def _pytest(folder: str, file: str, *options: str) -> int:
    """Run one file of the demo in a pytest of its own; only our plugin takes part."""
    command = [sys.executable, "-m", "pytest", file, "-p", "pytest_llmcontract.plugin", "-p", "no:cacheprovider"]
    sys.stdout.flush()
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    return subprocess.run([*command, *options], cwd=folder, env=environment, check=False).returncode
