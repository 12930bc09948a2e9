"""``llmcontract drift``: does the simulator answer recorded requests as the provider did?"""

from __future__ import annotations

import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    drift = commands.add_parser(
        "drift",
        help="recorded requests through the simulator: where do its replies differ? exit 1: more than --fail-under",
    )
    drift.add_argument("paths", metavar="PATH", nargs="+", help="a cassette, or a folder with cassettes")
    drift.add_argument("--edition", metavar="DATE", help="the day whose facts hold (default: each recording's own)")
    drift.add_argument(
        "--plan",
        metavar="PLAN",
        action="append",
        default=[],
        help="groq/developer, together/tier1 …; one for each provider (default: what the recorded headers tell)",
    )
    drift.add_argument("--out", metavar="DIR", help="also write the simulated replies, as cassettes of the same names")
    drift.add_argument(
        "--fail-under",
        metavar="PERCENT",
        type=_percent,
        help="exit 1 if fewer of the compared exchanges are the same in every field, or if there is none to compare; "
        "0 to 100",
    )
    drift.add_argument("--all", action="store_true", help="show every kind of difference, not the 20 most frequent")
    drift.add_argument("--json", action="store_true", help="for scripts")
    drift.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from pytest_llmcontract.commands.answer import print_json, say
    from pytest_llmcontract.recordings.drift import drift
    from pytest_llmcontract.recordings.drift_report import as_json, as_text
    from pytest_llmcontract.report.progress import Progress

    with Progress("files") as progress:
        result = drift(*args.paths, edition=args.edition, plans=args.plan, out=args.out, progress=progress)
    if args.json:
        print_json(as_json(result))
    else:
        say(as_text(result, most=None if args.all else 20))
    # A gate that compared nothing has shown nothing.
    fails = args.fail_under is not None and (not result.compared or result.share < args.fail_under)
    return 1 if fails else 0


def _percent(text: str) -> float:
    try:
        percent = float(text)
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no percentage; expected 0 to 100")
    return percent
