"""``llmcontract rules``: every rule, and how a finding of it counts."""

from __future__ import annotations

import argparse

from pytest_llmcontract.commands.answer import print_json


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    rules = commands.add_parser("rules", help="every rule, and whether a finding fails the test")
    rules.add_argument("--json", action="store_true", help="for scripts")
    rules.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from pytest_llmcontract.core.findings.rules import RULES

    if args.json:
        print_json([{"code": rule.code, "title": rule.title, "severity": rule.severity} for rule in RULES.values()])
        return 0
    print("code    counts as  about")
    for rule in RULES.values():
        print(f"{rule.code}  {rule.severity:<9}  {rule.title}")
    print("\nA page about one of them: llmcontract explain LLM101")
    return 0
