"""``llmcontract reproduce``: a pasted provider error becomes a test that meets it."""

from __future__ import annotations

import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    reproduce = commands.add_parser("reproduce", help="turn a pasted provider error into a test that meets it")
    reproduce.add_argument(
        "file", nargs="?", metavar="FILE", help="the pasted error (default, and for -: standard input)"
    )
    reproduce.add_argument("--output", metavar="FILE", help="where to write (default: standard output)")
    reproduce.add_argument("--force", action="store_true", help="write over the file of --output")
    reproduce.add_argument(
        "--pick", type=int, metavar="N", help="of several errors, number N (default: the first known)"
    )
    reproduce.add_argument("--json", action="store_true", help="print the reproduced reply in place of a test")
    reproduce.add_argument(
        "--lines", action="store_true", help="one error a line (\\n stands for a new line), one JSON object a line"
    )
    reproduce.add_argument("--edition", metavar="DATE", help="the day whose facts hold (default: told by the text)")
    reproduce.add_argument("--provider", metavar="NAME", help="groq or together (default: told by the text)")
    reproduce.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from pytest_llmcontract.reproduce import command

    return command.run(args)
