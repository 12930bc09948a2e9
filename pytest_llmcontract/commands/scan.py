"""``llmcontract scan``: dead models, refused fields, wrong addresses and keys in a source tree."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pytest_llmcontract.commands.project import add_selection, selection_of

if TYPE_CHECKING:
    from datetime import date

    from pytest_llmcontract.scan.scan import Scan

FORMATS = ("text", "json", "github", "sarif")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    scan = commands.add_parser(
        "scan", help="find dead models, refused fields, wrong addresses and keys in a source tree"
    )
    scan.add_argument("paths", metavar="PATH", nargs="*", default=["."], help="a file or folder (default: here)")
    scan.add_argument("--within", metavar="DAYS", type=int, default=30, help="tell of models that retire so soon")
    scan.add_argument("--today", metavar="DATE", help="the day on which models have to answer (default: today)")
    scan.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    scan.add_argument("--fix", action="store_true", help="replace ids by those that the provider named; shows what")
    add_selection(scan)
    scan.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from pytest_llmcontract.commands.answer import tell
    from pytest_llmcontract.core.facts.registry import old_facts, provider_names
    from pytest_llmcontract.report.progress import Progress
    from pytest_llmcontract.scan.scan import scan

    day = _day(args.today)
    selection = selection_of(args)
    with Progress("files") as progress:
        result = scan(args.paths, day=day, within=args.within, selection=selection, progress=progress)
    if args.fix:
        _mend(result)
    _print(args, result)
    for problem in (*result.problems, *filter(None, map(old_facts, provider_names()))):
        tell("scan", problem)
    return 1 if any(violation.severity != "note" for violation in result.violations) else 0


def _day(today: str | None) -> date:
    from pytest_llmcontract.core.facts.load import parsed_date
    from pytest_llmcontract.core.facts.registry import today as real_day

    return real_day() if today is None else parsed_date(today, "--today")


def _mend(result: Scan) -> None:
    """Show what is to be replaced, and replace it; what is mended is no finding any more."""
    from pytest_llmcontract.commands.answer import say, tell
    from pytest_llmcontract.core.files import write_whole
    from pytest_llmcontract.scan.mend import difference, mended

    done = set()
    for path, before, after in list(mended(result)):
        say(difference(path, before, after).rstrip("\n"))
        try:
            write_whole(path, after)
        except OSError as problem:
            tell("scan", f"cannot write {path}: {problem.strerror}")
        else:
            done.add(path)
    result.found = [
        (source, found) for source, found in result.found if not (found.replacement and source.path in done)
    ]


def _print(args: argparse.Namespace, result: Scan) -> None:
    from pytest_llmcontract.commands.answer import print_json, say
    from pytest_llmcontract.core.facts.registry import edition_days, provider_names
    from pytest_llmcontract.report.github import annotations
    from pytest_llmcontract.report.sarif import sarif_log
    from pytest_llmcontract.report.scan import scan_json, scan_text, scan_totals

    violations, editions = result.violations, {name: edition_days(name)[-1] for name in provider_names()}
    match args.format:
        case "json":
            print_json(scan_json(result.files, violations, result.day, editions))
        case "sarif":
            print_json(sarif_log(violations))
        case form:
            if form == "github":
                for line in annotations(violations):
                    print(line)  # commands, and meant so
            elif violations:
                say(scan_text(violations))
            say(scan_totals(result.files, violations, result.day, editions))
