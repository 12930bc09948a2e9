"""``llmcontract explain``: the page of a rule: what it finds, why it hurts, an example, the fix, the source.

``llmcontract explain agents`` is what a coding agent has to know to write tests.
"""

from __future__ import annotations

import argparse


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    explain = commands.add_parser("explain", help="a page about a rule: why it hurts, an example, the fix")
    explain.add_argument(
        "code", metavar="CODE", help="such as LLM101; `llmcontract rules` lists them; agents: for coding agents"
    )
    explain.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from pytest_llmcontract.core.errors import unknown
    from pytest_llmcontract.core.facts.places import find_rule_pages, find_skill
    from pytest_llmcontract.core.findings.rules import RULES

    if args.code.lower() == "agents":
        print(find_skill().read_text(encoding="utf-8"), end="")
        return 0
    code = args.code.upper()
    if code not in RULES:
        raise unknown("rule", args.code, (*RULES, "agents"))
    print((find_rule_pages() / f"{code}.md").read_text(encoding="utf-8"), end="")
    return 0
