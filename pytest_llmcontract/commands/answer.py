"""How a command prints its answer."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence


def print_json(answer: object) -> None:
    print(json.dumps(answer, indent=2, ensure_ascii=False))


def print_answer(args: argparse.Namespace, answer: object, text: str, notes: Sequence[str]) -> None:
    """JSON alone on stdout, so that a script can read it; what else is to say goes to stderr."""
    if not args.json:
        print(text)
        return
    print_json(answer)
    for note in notes:
        print(f"llmcontract {args.command}: note: {note}", file=sys.stderr)
