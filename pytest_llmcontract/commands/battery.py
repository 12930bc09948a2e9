"""``llmcontract battery``: the behaviours of ``ClientContract`` against a client of any language."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_llmcontract.battery.outside import Outside
    from pytest_llmcontract.core.battery.behaviours import Behaviour
    from pytest_llmcontract.core.battery.verdict import Verdict
    from pytest_llmcontract.serving.scopes import Scopes


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from pytest_llmcontract.core.facts.registry import provider_names

    battery = commands.add_parser("battery", help="what a provider does to a client, against one of any language")
    battery.add_argument(
        "--command", dest="client", required=True, metavar="CMD", help="calls the client once: 'node client.mjs'"
    )
    battery.add_argument(
        "--provider", choices=provider_names(), default="groq", help="whom the client asks (default: groq)"
    )
    battery.add_argument(
        "--fallback", metavar="NAME", action="append", default=[], help="what it falls back to; repeatable"
    )
    battery.add_argument("--stream", action="store_true", help="it streams when it is asked to")
    battery.add_argument("--only", metavar="TEXT", action="append", default=[], help="in the name of a behaviour")
    battery.add_argument(
        "--expect", metavar="ID=OUTCOME", action="append", default=[], help="what alone may come of it; repeatable"
    )
    battery.add_argument(
        "--patience", type=float, default=150.0, metavar="SECONDS", help="after which it hangs (default: 150)"
    )
    battery.add_argument("--jobs", type=int, default=8, help="behaviours at a time (default: 8)")
    battery.add_argument("--edition", metavar="DATE", help="the day whose facts hold (default: the newest)")
    battery.add_argument("--json", action="store_true", help="the verdicts as JSON")
    battery.add_argument(
        "--report", metavar="PATH", action="append", default=[], help="write a report too, by suffix; repeatable"
    )
    battery.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from pathlib import Path

    from pytest_llmcontract.battery.outside import Outside
    from pytest_llmcontract.core.errors import BadInput
    from pytest_llmcontract.serving.reports import check_reports, write_reports
    from pytest_llmcontract.serving.scopes import Scopes, ServerSettings

    if not args.patience > 0 or args.jobs < 1:
        raise BadInput(f"--patience {args.patience:g} --jobs {args.jobs}; accepted: seconds above 0, jobs from 1")
    behaviours = _chosen(args.provider, args.only)
    client = Outside(
        command=args.client,
        provider=args.provider,
        fallbacks=args.fallback,
        streams=args.stream,
        expect=_expectations(args.expect, args.provider),
        patience=args.patience,
    )
    reports = [Path(path) for path in args.report]
    check_reports(reports)
    scopes = Scopes(ServerSettings(edition=args.edition))
    verdicts = _verdicts(client, behaviours, scopes, args.jobs)
    _print(verdicts, as_json=args.json)
    if reports:
        write_reports(scopes.all(), reports)
    return int(any(verdict.verdict == "fail" for verdict in verdicts))


def _chosen(provider: str, only: Sequence[str]) -> list[Behaviour]:
    from pytest_llmcontract.core.battery.behaviours import behaviours_of
    from pytest_llmcontract.core.errors import unknown

    all_ = behaviours_of(provider)
    for text in only:
        if not any(text in behaviour.id for behaviour in all_):
            raise unknown("behaviour in --only", text, [behaviour.id for behaviour in all_])
    return [behaviour for behaviour in all_ if not only or any(text in behaviour.id for text in only)]


def _expectations(given: Sequence[str], provider: str) -> dict[str, tuple[str, ...]]:
    """``ID=raises,answers`` each."""
    from pytest_llmcontract.core.battery.behaviours import behaviours_of, outcomes
    from pytest_llmcontract.core.errors import unknown

    known = [behaviour.id for behaviour in behaviours_of(provider)]
    expect = {}
    for pair in given:
        name, _, words = pair.partition("=")
        if name not in known:
            raise unknown("behaviour in --expect", name, known)
        expect[name] = tuple(words.split(","))
        for word in expect[name]:
            if word not in outcomes():
                raise unknown(f"outcome in --expect {name}", word, outcomes())
    return expect


def _verdicts(client: Outside, behaviours: Sequence[Behaviour], scopes: Scopes, jobs: int) -> list[Verdict]:
    """In the order of *behaviours*; the first alone: a command that does not work at all is told at once."""
    from concurrent.futures import ThreadPoolExecutor
    from functools import partial

    from pytest_llmcontract.battery.outside import served, verdict_on

    with served(scopes) as address, ThreadPoolExecutor(jobs) as pool:
        verdict = partial(verdict_on, client, scopes=scopes, address=address)
        first = verdict(behaviours[0])
        return [first, *pool.map(verdict, behaviours[1:])]


def _print(verdicts: Sequence[Verdict], *, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from pytest_llmcontract.core.secrets import scrubbed
    from pytest_llmcontract.report.battery import table

    if as_json:
        print(scrubbed(json.dumps([asdict(verdict) for verdict in verdicts], indent=2, ensure_ascii=False)))
        return
    for verdict in verdicts:
        if verdict.verdict == "fail":
            print(scrubbed(f"{verdict.behaviour}: {verdict.reason}\n\n{verdict.detail}\n"))
    print(scrubbed("\n".join(table([asdict(verdict) for verdict in verdicts]))))
