"""``llmcontract models``: what an edition knows of its models, with sources; and what a pasted reply says otherwise."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmcontract.commands.answer import print_json, say, tell

if TYPE_CHECKING:
    from pytest_llmcontract.core.facts.edition import Edition
    from pytest_llmcontract.report.catalogue import Comparison


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    models = commands.add_parser("models", help="models, limits, prices and retirements, each with its source")
    models.add_argument("provider", help="groq or together")
    models.add_argument("--edition", metavar="DATE", help="the day whose facts hold (default: the newest)")
    models.add_argument("--model", metavar="ID", help="one model, with everything known of it")
    models.add_argument("--json", action="store_true", help="for scripts")
    models.add_argument("--check", metavar="FILE", help="compare with a reply of GET /models; -: standard input")
    models.add_argument("--overlay", metavar="FILE", help="with --check: write what differs, for llmcontract_facts")
    models.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from pytest_llmcontract.core.errors import BadInput
    from pytest_llmcontract.core.facts.load import load_edition
    from pytest_llmcontract.core.facts.registry import old_facts
    from pytest_llmcontract.report.models import models_json, models_table

    if args.overlay and not args.check:
        raise BadInput("--overlay needs --check FILE: a reply of GET /models")
    edition = load_edition(args.provider, args.edition)
    if args.check:
        return _check(args, edition)
    if args.json:
        print_json(models_json(edition, args.model))
    else:
        print(models_table(edition, args.model))
        if args.edition is None and (old := old_facts(args.provider)):
            tell("models", old)
    return 0


def _check(args: argparse.Namespace, edition: Edition) -> int:
    """0: the reply says nothing else than we do; 1: it does."""
    from pytest_llmcontract.report.catalogue import compared, comparison_json, comparison_text

    comparison = compared(edition, _text(args.check), args.check)
    if args.json:
        print_json(comparison_json(comparison))
    else:
        say(comparison_text(comparison))
    if args.overlay:
        _write(Path(args.overlay), comparison)
    return 0 if comparison.same else 1


def _text(file: str) -> str:
    from pytest_llmcontract.core.errors import BadInput

    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise BadInput(f"{file}: {getattr(problem, 'strerror', None) or problem}") from None


def _write(path: Path, comparison: Comparison) -> None:
    """The file, with what it says of other providers kept."""
    import json

    from pytest_llmcontract.core.errors import BadInput
    from pytest_llmcontract.core.facts.overlay import read
    from pytest_llmcontract.core.facts.registry import provider_names, today
    from pytest_llmcontract.core.files import write_whole
    from pytest_llmcontract.report.catalogue import overlay_record

    before = read(path, provider_names()) if path.exists() else {}
    laid = {**before, comparison.provider: overlay_record(comparison, today())}
    try:
        write_whole(path, json.dumps(laid, indent=2, ensure_ascii=False) + "\n")
    except OSError as problem:
        raise BadInput(f"--overlay: cannot write {path}: {problem.strerror}") from None
