"""``llmcontract fit``: does a workload fit a plan?"""

from __future__ import annotations

import argparse

from pytest_llmcontract.commands.answer import print_answer


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    fit = commands.add_parser("fit", help="which limit binds a workload, and how much of it fits; exit 1: it does not")
    fit.add_argument("plan", metavar="PROVIDER/PLAN", help="groq/free, groq/developer, together/tier1 …")
    fit.add_argument("model", metavar="MODEL")
    fit.add_argument("--tokens-per-call", metavar="N", help="input and output, such as 500 or 1.5K")
    fit.add_argument("--output-tokens-per-call", metavar="N", help="how many of them are output, for ITPM and OTPM")
    fit.add_argument("--audio-seconds-per-call", metavar="N", help="for models that listen")
    fit.add_argument("--calls-per-minute", metavar="N", help="the peak that must fit")
    fit.add_argument("--calls-per-day", metavar="N", help="the volume that must fit")
    fit.add_argument("--edition", metavar="DATE", help="the day whose facts hold (default: the newest)")
    fit.add_argument("--json", action="store_true", help="for scripts")
    fit.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from pytest_llmcontract.core.workload.fit import fit
    from pytest_llmcontract.report.workload import fit_text

    answer = fit(
        args.plan,
        args.model,
        tokens_per_call=args.tokens_per_call,
        output_tokens_per_call=args.output_tokens_per_call,
        audio_seconds_per_call=args.audio_seconds_per_call,
        calls_per_minute=args.calls_per_minute,
        calls_per_day=args.calls_per_day,
        edition=args.edition,
    )
    print_answer(args, answer.as_json(), fit_text(answer), answer.notes)
    return 1 if answer.fits is False else 0
