"""How a command prints: all of it goes through here, so that nothing is obeyed by a terminal or a CI."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence


def say(text: str) -> None:
    """Print *text*, on stdout."""
    from pytest_llmcontract.core.secrets import scrubbed

    print(scrubbed(text))


def tell(command: str, text: object) -> None:
    """One line beside the answer, on stderr: a problem, a note."""
    from pytest_llmcontract.core.secrets import scrubbed
    from pytest_llmcontract.core.words import in_line

    print(f"llmcontract {command}: {in_line(scrubbed(str(text)))}", file=sys.stderr)


def print_json(answer: object) -> None:
    say(json.dumps(answer, indent=2, ensure_ascii=False))


def print_answer(args: argparse.Namespace, answer: object, text: str, notes: Sequence[str]) -> None:
    """JSON alone on stdout, so that a script can read it; what else is to say goes to stderr."""
    if not args.json:
        say(text)
        return
    print_json(answer)
    for note in notes:
        tell(args.command, f"note: {note}")
