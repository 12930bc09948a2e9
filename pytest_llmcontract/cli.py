"""The ``llmcontract`` command.

Exit codes: 0 fine, 1 what was asked about is not so (violations, does not fit), 2 bad input. Bad input is one line on
stderr that names what was given and what is accepted.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Sequence

from pytest_llmcontract import __version__
from pytest_llmcontract.commands import (
    battery,
    cost,
    demo,
    drift,
    explain,
    fit,
    init,
    models,
    report,
    reproduce,
    rules,
    scan,
    schema,
    serve,
    verify,
)
from pytest_llmcontract.commands.answer import tell

COMMANDS = (
    *(demo, init, models, fit, cost, reproduce, verify, drift, report, rules, explain, schema, scan, serve),
    battery,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; its exit code."""
    args = _parser().parse_args(argv)
    _print_anything()
    from pytest_llmcontract.commands.project import own_facts
    from pytest_llmcontract.core.errors import LlmContractError

    run: Callable[[argparse.Namespace], int] = args.run
    try:
        with own_facts():
            return run(args)
    except LlmContractError as error:
        tell(args.command, error)
        return 2
    except BrokenPipeError:
        # `llmcontract models groq | head`: the reader has seen enough.
        sys.stderr.close()
        return 0


def _print_anything() -> None:
    """What a terminal's encoding does not have is spelled out: an arrow in Latin-1."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="llmcontract", description="Groq and Together AI, simulated offline.")
    parser.add_argument("--version", action="version", version=f"pytest-llmcontract {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
