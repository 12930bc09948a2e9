"""``llmcontract serve``: the simulation on a loopback port, for any language."""

from __future__ import annotations

import argparse
from typing import Any


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from pytest_llmcontract.core.facts.registry import provider_names, title_of

    serve = commands.add_parser("serve", help="the simulation on a loopback port, for any language")
    serve.add_argument("--port", type=int, default=8765, help="default: 8765; 0: any free one")
    serve.add_argument("--host", default="127.0.0.1", help="where it listens (default: this machine alone)")
    serve.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="a name that requests may call it by; repeatable",
    )
    for name in provider_names():
        words = f"{title_of(name)}'s account and facts, as its marker takes them: plan=developer, tier=2, edition=DATE"
        serve.add_argument(f"--{name}", metavar="KEY=VALUE", nargs="+", default=[], help=words)
    serve.add_argument("--edition", metavar="DATE", help="the day whose facts hold (default: the newest)")
    serve.add_argument("--virtual-time", action="store_true", help="time moves only when it is told to; nothing waits")
    serve.add_argument("--unlimited", action="store_true", help="no limit refuses a call")
    serve.add_argument("--lenient", action="store_true", help="models, ids and values that nobody has are let pass")
    serve.add_argument("--scenario", metavar="FILE", help="what every scope begins with, as YAML or JSON")
    serve.add_argument(
        "--report", metavar="PATH", action="append", default=[], help="write a report in the end, by suffix; repeatable"
    )
    serve.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    import asyncio
    from pathlib import Path

    from pytest_llmcontract.core.facts.registry import provider_names
    from pytest_llmcontract.serving.reports import check_reports, write_reports
    from pytest_llmcontract.serving.running import listening, server_of
    from pytest_llmcontract.serving.scenario import read_scenario
    from pytest_llmcontract.serving.scopes import Scopes, ServerSettings

    scenario = read_scenario(Path(args.scenario)) if args.scenario else None
    told, accounts = (scenario.server, scenario.providers) if scenario else ({}, {})
    settings = ServerSettings(
        providers={
            name: {**accounts.get(name, {}), **_keywords(name, getattr(args, name.replace("-", "_")))}
            for name in provider_names()
        },
        edition=args.edition or told.get("edition"),
        virtual=args.virtual_time or told.get("virtual_time", False),
        unlimited=args.unlimited or told.get("unlimited", False),
        lenient=args.lenient or told.get("lenient", False),
    )
    reports = [Path(path) for path in args.report]
    check_reports(reports)
    scopes = Scopes(settings, keeps=bool(reports), beginning=scenario)
    server = server_of(scopes, (args.host, *args.allow_host))
    with listening(args.host, args.port) as there:
        port = there.getsockname()[1]
        shown = f"[{args.host}]" if ":" in args.host else args.host
        print(f"llmcontract: serving on http://{shown}:{port}", flush=True)
        asyncio.run(server.serve(sockets=[there]))
    if reports:
        write_reports(scopes.all(), reports)
    return 0


def _keywords(provider: str, given: list[str]) -> dict[str, Any]:
    """``plan=developer tier=2`` as keywords: numbers as numbers, JSON as what it says."""
    import json

    from pytest_llmcontract.core.errors import BadInput

    read = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        if not (name and equals):
            raise BadInput(f"--{provider} {pair!r}; accepted: KEY=VALUE, such as plan=developer")
        try:
            read[name] = json.loads(text)
        except ValueError:
            read[name] = text
    return read
