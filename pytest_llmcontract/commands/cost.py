"""``llmcontract cost``: what a workload costs at list price."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pytest_llmcontract.commands.answer import print_answer


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    cost = commands.add_parser("cost", help="what a workload costs at list price")
    cost.add_argument("provider", metavar="PROVIDER", help="groq or together")
    cost.add_argument("model", metavar="MODEL")
    cost.add_argument("--input-tokens", metavar="N", default=0, help="the cached ones included, such as 10M")
    cost.add_argument("--cached-tokens", metavar="N", default=0, help="how many of the input tokens are cached")
    cost.add_argument("--output-tokens", metavar="N", default=0)
    cost.add_argument("--audio-hours", metavar="H", default=0, help="of audio to transcribe")
    cost.add_argument("--characters", metavar="N", default=0, help="of text to speak")
    cost.add_argument("--images", metavar="N", default=0)
    cost.add_argument("--megapixels", metavar="N", default=0, help="for images that are priced so")
    cost.add_argument("--videos", metavar="N", default=0)
    cost.add_argument(
        "--tool",
        metavar="NAME=N",
        action="append",
        default=[],
        help="uses of a built-in tool (hours, where its price is by the hour); repeatable",
    )
    cost.add_argument("--batch", action="store_true", help="through the Batch API; no cache discount on top of it")
    cost.add_argument("--edition", metavar="DATE", help="the day whose prices hold (default: the newest)")
    cost.add_argument("--json", action="store_true", help="for scripts")
    cost.set_defaults(run=run)


_AMOUNTS = (
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "audio_hours",
    "characters",
    "images",
    "megapixels",
    "videos",
)


def run(args: argparse.Namespace) -> int:
    from pytest_llmcontract.core.errors import BadInput
    from pytest_llmcontract.core.workload.costs import cost
    from pytest_llmcontract.report.workload import cost_text

    answer = cost(
        args.provider,
        args.model,
        input_tokens=args.input_tokens,
        cached_tokens=args.cached_tokens,
        output_tokens=args.output_tokens,
        audio_hours=args.audio_hours,
        characters=args.characters,
        images=args.images,
        megapixels=args.megapixels,
        videos=args.videos,
        tools=_tool_counts(args.tool),
        batch=args.batch,
        edition=args.edition,
    )
    if not args.tool and all(getattr(args, name) == 0 for name in _AMOUNTS):
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in (*_AMOUNTS, "tool"))
        raise BadInput(f"nothing to price: give at least one of {flags}")
    print_answer(args, answer.as_json(), cost_text(answer), answer.notes)
    return 0


def _tool_counts(given: Sequence[str]) -> dict[str, object]:
    """``["web_search=20"]`` as counts by tool."""
    from pytest_llmcontract.core.errors import BadInput

    counts: dict[str, object] = {}
    for text in given:
        name, equals, count = text.partition("=")
        if not equals:
            raise BadInput(f"--tool {text!r} is not understood; expected NAME=N, such as web_search=20")
        if name in counts:
            raise BadInput(f"--tool {name!r} is given twice")
        counts[name] = count
    return counts
