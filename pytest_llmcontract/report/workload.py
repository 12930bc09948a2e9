"""The answers of ``llmcontract fit`` and ``llmcontract cost`` as text: the verdict first, 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from pytest_llmcontract.core.facts.records import LIMIT_KINDS
from pytest_llmcontract.core.workload.costs import Cost, money_text
from pytest_llmcontract.core.workload.fit import Bound, Fit
from pytest_llmcontract.report.table import WIDTH, aligned

_MINUTE = 60
_UNITS = {"RPM": "calls", "RPD": "calls", "ASH": "seconds of audio", "ASD": "seconds of audio"}


def fit_text(fit: Fit) -> str:
    """What binds, the limits it follows from, and the plans that would do."""
    facts = [("plan", f"{fit.plan}, edition {fit.edition}"), ("model", fit.model)]
    if fit.work.asked:
        facts.append(("asked", _asked(fit)))
    facts.append(("at most", _most(fit)))
    facts.append(("fits on", ", ".join(fit.fits_on) or "no plan that is known"))
    blocks = [_filled("", _verdict(fit)), _facts([*facts, *(("note", note) for note in fit.notes)])]
    if fit.bounds:
        blocks.insert(1, _bounds(fit))
    return "\n\n".join(blocks)


def _verdict(fit: Fit) -> str:
    if fit.binding == "tier":
        return "does not fit: this tier may not use the model"
    if fit.binding is None:
        return "fits: nothing limits it" if fit.work.asked else "nothing limits it"
    bound = next(bound for bound in fit.bounds if bound.kind == fit.binding)
    if not bound.per_day:
        unit = _UNITS.get(bound.kind, "tokens")
        return (
            f"does not fit: a call takes {_number(bound.amount)} {unit}, more than the {_number(bound.limit)} that "
            f"{bound.kind} ever allows"
        )
    if not fit.work.asked:
        return f"{fit.binding} binds: {_most(fit)} at most"
    if fit.fits:
        return f"fits; {fit.binding} would bind first"
    a_minute = _too_much(fit.work.calls_per_minute, bound.per_minute)
    a_day = _too_much(fit.work.calls_per_day, bound.per_day)
    if a_day >= a_minute:
        return f"does not fit: {_asked(fit, minute=False)}, {bound.kind} allows {_number(bound.per_day)}"
    return f"does not fit: {_asked(fit, day=False)}, {bound.kind} allows {_number(bound.per_minute)}"


def _too_much(asked: Fraction | None, allowed: Fraction) -> Fraction:
    return (asked or Fraction(0)) / allowed


def _asked(fit: Fit, *, minute: bool = True, day: bool = True) -> str:
    rates = (
        (fit.work.calls_per_day if day else None, "day"),
        (fit.work.calls_per_minute if minute else None, "minute"),
    )
    return ", ".join(_calls(rate, span) for rate, span in rates if rate is not None)


def _calls(rate: float | Fraction, span: str) -> str:
    return f"{_number(rate)} {'call' if rate == 1 else 'calls'} a {span}"


def _most(fit: Fit) -> str:
    if fit.calls_per_day is None:
        return "any number of calls"
    return f"{_calls(fit.calls_per_day, 'day')}, {fit.calls_per_minute:,} a minute"


def _bounds(fit: Fit) -> str:
    head = ("limit", "allows", "a call", "calls/minute", "calls/day", "known from", "")
    rows = [_row(bound, binds=bound.kind == fit.binding) for bound in fit.bounds]
    return aligned(head, rows, right={1, 2, 3, 4}, indent="  ")


def _row(bound: Bound, *, binds: bool) -> tuple[str, ...]:
    # What a limit of a whole day allows in one minute is no news.
    per_minute = _number(bound.per_minute) if LIMIT_KINDS[bound.kind] == _MINUTE else ""
    numbers = (_number(bound.limit), _number(bound.amount), per_minute, _number(bound.per_day))
    return (bound.kind, *numbers, bound.source, "<- binds" if binds else "")


def cost_text(cost: Cost) -> str:
    """The sum, and what it is made of."""
    rows = [
        (
            "cached input" if line.name == "cached_input" else line.name,
            f"{line.amount:,f} {line.unit}",
            f"${money_text(line.price)} / {line.per}" + (f" x {line.factor}" if line.factor != 1 else ""),
            f"${_grouped(line.cost)}",
        )
        for line in cost.lines
    ]
    facts = [("model", cost.model), ("prices", f"{cost.provider}, edition {cost.edition}")]
    blocks = [f"${_grouped(cost.cost)}", _facts([*facts, *(("note", note) for note in cost.notes)])]
    if rows:
        blocks.insert(1, aligned(("", "amount", "price", "cost"), rows, right={1, 3}, indent="  "))
    return "\n\n".join(blocks)


def _grouped(amount: Decimal) -> str:
    whole, _, cents = money_text(amount).partition(".")
    return f"{int(whole):,}.{cents}"


def _number(value: float | Fraction) -> str:
    """``23,040``, ``0.6``: rounded down, to whole units from one on."""
    exact = Fraction(str(value))
    if exact == int(exact) or exact >= 100:
        return f"{int(exact):,}"
    return f"{int(exact * 100) / 100:g}"


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    return "\n".join(_filled(f"  {label:<9}", text) for label, text in facts)


def _filled(label: str, text: str) -> str:
    indent = " " * len(label)
    return textwrap.fill(text, WIDTH, initial_indent=label, subsequent_indent=indent, break_on_hyphens=False)
