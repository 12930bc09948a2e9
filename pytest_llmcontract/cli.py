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

    _add_fit(commands)
    _add_cost(commands)
    _add_reproduce(commands)
    return parser


def _add_fit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    fit = commands.add_parser("fit", help="which limit binds a workload, and how much of it fits; exit 1: it does not")
    fit.add_argument("plan", metavar="PROVIDER/PLAN", help="groq/free, groq/developer, together/tier1 …")
    fit.add_argument("model", metavar="MODEL")
    fit.add_argument("--tokens-per-call", metavar="N", help="input and output, such as 500 or 1.5K")
    fit.add_argument("--output-tokens-per-call", metavar="N", help="how many of them are output, for ITPM and OTPM")
    fit.add_argument("--audio-seconds-per-call", metavar="N", help="for models that listen")
    fit.add_argument("--calls-per-minute", metavar="N", help="the peak that must fit")
    fit.add_argument("--calls-per-day", metavar="N", help="the volume that must fit")
    fit.add_argument("--edition", metavar="DATE", help="the day whose facts hold (default: the newest)")
    fit.add_argument("--json", action="store_true", help="for scripts")
    fit.set_defaults(run=_fit)


def _add_cost(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    cost = commands.add_parser("cost", help="what a workload costs at list price")
    cost.add_argument("provider", metavar="PROVIDER", help="groq or together")
    cost.add_argument("model", metavar="MODEL")
    cost.add_argument("--input-tokens", metavar="N", default=0, help="the cached ones included, such as 10M")
    cost.add_argument("--cached-tokens", metavar="N", default=0, help="how many of the input tokens are cached")
    cost.add_argument("--output-tokens", metavar="N", default=0)
    cost.add_argument("--audio-hours", metavar="H", default=0, help="of audio to transcribe")
    cost.add_argument("--characters", metavar="N", default=0, help="of text to speak")
    cost.add_argument("--images", metavar="N", default=0)
    cost.add_argument("--megapixels", metavar="N", default=0, help="for images that are priced so")
    cost.add_argument("--videos", metavar="N", default=0)
    cost.add_argument(
        "--tool",
        metavar="NAME=N",
        action="append",
        default=[],
        help="uses of a built-in tool (hours, where its price is by the hour); repeatable",
    )
    cost.add_argument("--batch", action="store_true", help="through the Batch API; no cache discount on top of it")
    cost.add_argument("--edition", metavar="DATE", help="the day whose prices hold (default: the newest)")
    cost.add_argument("--json", action="store_true", help="for scripts")
    cost.set_defaults(run=_cost)


def _add_reproduce(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    reproduce = commands.add_parser("reproduce", help="turn a pasted provider error into a test that meets it")
    reproduce.add_argument("file", nargs="?", metavar="FILE", help="the pasted error (default: standard input)")
    reproduce.add_argument("--output", metavar="FILE", help="where to write (default: standard output)")
    reproduce.add_argument("--json", action="store_true", help="print the reproduced reply in place of a test")
    reproduce.add_argument(
        "--lines", action="store_true", help="one error a line (\\n stands for a new line), one JSON object a line"
    )
    reproduce.add_argument("--edition", metavar="DATE", help="the day whose facts hold (default: told by the text)")
    reproduce.add_argument("--provider", metavar="NAME", help="groq or together (default: told by the text)")
    reproduce.set_defaults(run=_reproduce)


def _reproduce(args: argparse.Namespace) -> int:
    from pytest_llmcontract.reproduce.command import run

    return run(args)


def _models(args: argparse.Namespace) -> int:
    from pytest_llmcontract.core.data import load_edition
    from pytest_llmcontract.report.models import models_json, models_table

    edition = load_edition(args.provider, args.edition)
    if args.json:
        print(json.dumps(models_json(edition, args.model), indent=2, ensure_ascii=False))
    else:
        print(models_table(edition, args.model))
    return 0


def _fit(args: argparse.Namespace) -> int:
    from pytest_llmcontract.core.fit import fit
    from pytest_llmcontract.report.workload import fit_text

    answer = fit(
        args.plan,
        args.model,
        tokens_per_call=args.tokens_per_call,
        output_tokens_per_call=args.output_tokens_per_call,
        audio_seconds_per_call=args.audio_seconds_per_call,
        calls_per_minute=args.calls_per_minute,
        calls_per_day=args.calls_per_day,
        edition=args.edition,
    )
    _print_answer(args, answer.as_json(), fit_text(answer), answer.notes)
    return 1 if answer.fits is False else 0


def _cost(args: argparse.Namespace) -> int:
    from pytest_llmcontract.core.costs import cost
    from pytest_llmcontract.report.workload import cost_text

    answer = cost(
        args.provider,
        args.model,
        input_tokens=args.input_tokens,
        cached_tokens=args.cached_tokens,
        output_tokens=args.output_tokens,
        audio_hours=args.audio_hours,
        characters=args.characters,
        images=args.images,
        megapixels=args.megapixels,
        videos=args.videos,
        tools=_tool_counts(args.tool),
        batch=args.batch,
        edition=args.edition,
    )
    _print_answer(args, answer.as_json(), cost_text(answer), answer.notes)
    return 0


def _tool_counts(given: Sequence[str]) -> dict[str, object]:
    """``["web_search=20"]`` as counts by tool."""
    from pytest_llmcontract.core.errors import BadInput

    counts: dict[str, object] = {}
    for text in given:
        name, equals, count = text.partition("=")
        if not equals:
            raise BadInput(f"--tool {text!r} is not understood; expected NAME=N, such as web_search=20")
        if name in counts:
            raise BadInput(f"--tool {name!r} is given twice")
        counts[name] = count
    return counts


def _print_answer(args: argparse.Namespace, answer: object, text: str, notes: Sequence[str]) -> None:
    """JSON alone on stdout, so that a script can read it; what else is to say goes to stderr."""
    if not args.json:
        print(text)
        return
    print(json.dumps(answer, indent=2, ensure_ascii=False))
    for note in notes:
        print(f"llmcontract {args.command}: note: {note}", file=sys.stderr)


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
