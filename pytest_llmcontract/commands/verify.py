"""``llmcontract verify``: are these recordings what they would have to be on the day they were made?"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pytest_llmcontract.commands.project import add_selection, expires_after, selection_of

if TYPE_CHECKING:
    from pytest_llmcontract.core.findings.rules import Violation
    from pytest_llmcontract.recordings.verify import Reading, Verification
    from pytest_llmcontract.report.verification import Counts

FORMATS = ("text", "json", "github", "sarif")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    verify = commands.add_parser("verify", help="hold recordings to the provider's contract; exit 1: violations")
    verify.add_argument("paths", metavar="PATH", nargs="+", help="a recording, or a folder with some")
    verify.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    verify.add_argument("--provider", metavar="NAME", help="whose the interactions with unknown hosts are: a gateway's")
    verify.add_argument(
        "--edition",
        metavar="DATE",
        help="the day whose facts hold (default: each recording's own; with --contract: today)",
    )
    verify.add_argument(
        "--contract",
        action="store_true",
        help="print what the application relies on, with the tests, and what has changed since",
    )
    verify.add_argument("--orphans", action="store_true", help="also find recordings whose test is gone; runs pytest")
    add_selection(verify)
    verify.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from pytest_llmcontract.recordings.verify import verify
    from pytest_llmcontract.report.progress import Progress

    if args.contract:
        return _contract(args)
    selection = selection_of(args)
    days = expires_after()
    with Progress("files") as progress:
        verification = verify(
            *args.paths, provider=args.provider, edition=args.edition, expires_after=days, progress=progress
        )
    if args.orphans:
        verification.violations += _orphans(args.paths)
    verification.violations = selection.kept(verification.violations)
    _print(args, verification)
    return _code(verification) or (0 if verification.clean else 1)


def _orphans(paths: list[str]) -> list[Violation]:
    from pytest_llmcontract.recordings.orphans import collected, orphaned
    from pytest_llmcontract.recordings.verify import Reading

    tests = collected()
    return list(orphaned(Reading().cassettes(paths), tests))


def _contract(args: argparse.Namespace) -> int:
    from pytest_llmcontract.commands.answer import print_json, say
    from pytest_llmcontract.core.errors import BadInput
    from pytest_llmcontract.recordings.verify import summarise
    from pytest_llmcontract.report.progress import Progress

    if args.format not in ("text", "json"):
        raise BadInput(f"--contract has no --format {args.format}; accepted: json, text")
    for flag in ("provider", "select", "ignore"):
        if getattr(args, flag):
            raise BadInput(f"--contract has no --{flag}: it judges nothing")
    with Progress("files") as progress:
        summary, reading = summarise(*args.paths, edition=args.edition, progress=progress)
    if args.format == "json":
        print_json(summary.as_json())
    elif text := summary.text():
        say(text)
    return _code(reading)


def _code(reading: Reading) -> int:
    """2 if a file could not be read, which is told; else 0."""
    from pytest_llmcontract.commands.answer import tell

    for problem in reading.problems:
        tell("verify", problem)
    return 2 if reading.problems else 0


def _print(args: argparse.Namespace, verification: Verification) -> None:
    from pytest_llmcontract.commands.answer import print_json, say
    from pytest_llmcontract.report.github import annotations
    from pytest_llmcontract.report.sarif import sarif_log
    from pytest_llmcontract.report.verification import totals, verification_json, verification_text

    violations = verification.violations
    match args.format:
        case "json":
            apart = {"left_out": len(verification.left_out), "older": verification.older}
            print_json(verification_json(verification.checked, violations, **apart))
        case "sarif":
            print_json(sarif_log(violations))
        case form:
            if form == "github":
                for line in annotations(violations):
                    print(line)  # commands, and meant so
            elif violations:
                say(verification_text(violations))
            say(totals(_counts(verification), violations))


def _counts(verification: Verification) -> Counts:
    from pytest_llmcontract.report.verification import Counts

    damaged = [one for one in verification.left_out if one.damaged]
    return Counts(
        files=verification.files,
        checked=verification.checked,
        elsewhere=verification.elsewhere,
        older=verification.older,
        left_out=[one.reason for one in verification.left_out if not one.damaged],
        skipped=len(verification.skipped),
        unread=verification.unread,
        damaged=len(damaged),
    )
