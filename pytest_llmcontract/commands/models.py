"""``llmcontract models``: what an edition knows of its models, each fact with its source."""

from __future__ import annotations

import argparse

from pytest_llmcontract.commands.answer import print_json, tell


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    models = commands.add_parser("models", help="models, limits, prices and retirements, each with its source")
    models.add_argument("provider", help="groq or together")
    models.add_argument("--edition", metavar="DATE", help="the day whose facts hold (default: the newest)")
    models.add_argument("--model", metavar="ID", help="one model, with everything known of it")
    models.add_argument("--json", action="store_true", help="for scripts")
    models.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from pytest_llmcontract.core.facts.load import load_edition
    from pytest_llmcontract.core.facts.registry import old_facts
    from pytest_llmcontract.report.models import models_json, models_table

    edition = load_edition(args.provider, args.edition)
    if args.json:
        print_json(models_json(edition, args.model))
    else:
        print(models_table(edition, args.model))
        if args.edition is None and (old := old_facts(args.provider)):
            tell("models", old)
    return 0
