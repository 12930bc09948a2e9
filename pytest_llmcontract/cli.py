"""The ``llmcontract`` command.

Exit codes: 0 fine, 1 what was asked about is not so (violations, does not fit), 2 bad input. Bad input is one line on
stderr that names what was given and what is accepted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pytest_llmcontract import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; its exit code."""
    args = _parser().parse_args(argv)
    from pytest_llmcontract.core.errors import LlmContractError

    run: Callable[[argparse.Namespace], int] = args.run
    try:
        return run(args)
    except LlmContractError as error:
        print(f"llmcontract {args.command}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # `llmcontract models groq | head`: the reader has seen enough.
        sys.stderr.close()
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llmcontract", description="Groq and Together AI, simulated offline.")
    parser.add_argument("--version", action="version", version=f"pytest-llmcontract {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="run a small bundled application's tests against simulated providers")
    demo.set_defaults(run=_demo)

    models = commands.add_parser("models", help="models, limits, prices and retirements, each with its source")
    models.add_argument("provider", help="groq or together")
    models.add_argument("--edition", metavar="DATE", help="the day whose facts hold (default: the newest)")
    models.add_argument("--model", metavar="ID", help="one model, with everything known of it")
    models.add_argument("--json", action="store_true", help="for scripts")
    models.set_defaults(run=_models)
    return parser


def _models(args: argparse.Namespace) -> int:
    from pytest_llmcontract.core.data import load_edition
    from pytest_llmcontract.report.models import models_json, models_table

    edition = load_edition(args.provider, args.edition)
    if args.json:
        print(json.dumps(models_json(edition, args.model), indent=2, ensure_ascii=False))
    else:
        print(models_table(edition, args.model))
    return 0


def _demo(args: argparse.Namespace) -> int:
    missing = [name for name in ("groq", "together", "openai") if not _importable(name)]
    if missing:
        print(
            f"llmcontract demo: its application uses {', '.join(missing)}: pip install 'pytest-llmcontract[demo]'",
            file=sys.stderr,
        )
        return 2
    with TemporaryDirectory(prefix="llmcontract-demo-") as folder:
        for file in (Path(__file__).parent / "demo").glob("*.py"):
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


if __name__ == "__main__":
    raise SystemExit(main())
