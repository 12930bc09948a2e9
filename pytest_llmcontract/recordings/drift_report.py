"""What ``llmcontract drift`` prints: how much is the same, what differs (most frequent first), what was left out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from pytest_llmcontract.core.facts.load import edition_dates
from pytest_llmcontract.core.words import counted
from pytest_llmcontract.recordings.drift import Drift, Exchange, same_in
from pytest_llmcontract.recordings.drift_comparison import ASPECTS, FieldDifference

_NAMES = {
    "status": "status",
    "error": "error: type, code, message",
    "headers": "names of headers",
    "body": "keys of the body",
    "values": "limits, resets, ids",
}


def as_json(drift: Drift) -> dict[str, Any]:
    """For scripts."""
    return {
        "compared": len(drift.compared),
        "same": drift.same,
        "differences": [
            {
                "file": str(exchange.file),
                "interaction": exchange.interaction.index,
                "field": difference.field,
                "recorded": difference.recorded,
                "simulated": difference.simulated,
            }
            for exchange, difference in _differences(drift)
        ],
        "left_out": dict(drift.left_out.most_common()),
        "older": {"compared": len(drift.older), "same": same_in(drift.older)},
    }


def as_text(drift: Drift, *, most: int | None = 20) -> str:
    """For people.

    Args:
        most: Kinds of difference that are shown; ``None``: all.
    """
    parts = [_summary(drift), _groups(drift, most), _left_out(drift)]
    return "\n\n".join(part for part in parts if part)


def _differences(drift: Drift) -> Iterator[tuple[Exchange, FieldDifference]]:
    for exchange in (*drift.compared, *drift.older):
        assert exchange.comparison is not None
        for difference in exchange.comparison.differences:
            yield exchange, difference


def _summary(drift: Drift) -> str:
    compared = len(drift.compared)
    if not compared:
        there = counted(len(drift.exchanges), "recorded exchange")
        return "\n".join([f"{there}, none of which can be compared.", *_older(drift)])
    head = f"{drift.same} of {compared} compared exchanges are the same in every field: {drift.share:.1f} %"
    return "\n".join([head, *_older(drift), "", *_aspects(drift)])


def _older(drift: Drift) -> Iterator[str]:
    if drift.older:
        days = [(name, edition_dates(name)[0]) for name in sorted({exchange.provider for exchange in drift.older})]
        begin = ", ".join(f"of {name} on {day}" for name, day in days)
        yield (
            f"Counted apart: {same_in(drift.older)} of {len(drift.older)} that are older than our facts, "
            f"which begin {begin}."
        )


def _aspects(drift: Drift) -> Iterator[str]:
    total: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for exchange in drift.compared:
        assert exchange.comparison is not None
        total.update(exchange.comparison.aspects)
        wrong.update({difference.aspect for difference in exchange.comparison.differences})
    for aspect in ASPECTS:
        if total[aspect]:
            same = total[aspect] - wrong[aspect]
            yield f"  {_NAMES[aspect]:<28}{same:>7} of {total[aspect]:<7}{100 * same / total[aspect]:6.1f} %"


@dataclass(frozen=True)
class _Group:
    """Differences of one kind."""

    provider: str
    difference: FieldDifference
    exchanges: list[Exchange]


def _groups(drift: Drift, most: int | None) -> str:
    kinds: dict[tuple[str, FieldDifference], list[Exchange]] = defaultdict(list)
    for exchange, difference in _differences(drift):
        kinds[exchange.provider, difference].append(exchange)
    groups = [_Group(provider, difference, found) for (provider, difference), found in kinds.items()]
    groups.sort(key=lambda group: -len(group.exchanges))
    if not groups:
        return ""
    shown = groups[:most]
    lines = ["What differs, most frequent first:", *(line for group in shown for line in ("", *_group(group)))]
    if len(groups) > len(shown):
        rest = sum(len(group.exchanges) for group in groups[len(shown) :])
        more = counted(len(groups) - len(shown), "more kind")
        lines += ["", f"… and {more} of difference, {counted(rest, 'time')} in all: --all shows them"]
    return "\n".join(lines)


def _group(group: _Group) -> Iterator[str]:
    difference, first = group.difference, group.exchanges[0]
    yield f"{len(group.exchanges):>5} × {group.provider}: {difference.field}"
    yield f"        recorded   {difference.recorded}"
    yield f"        simulated  {difference.simulated}"
    yield f"        {_whom(group.exchanges)}"
    yield f"        such as {first.file}:{first.line} (interaction {first.interaction.index})"


def _whom(exchanges: Iterable[Exchange]) -> str:
    """Models and days: ``a, b and 3 more; 2025-05-09 to 2025-12-14``."""
    models: Counter[str] = Counter()
    days: set[date] = set()
    for exchange in exchanges:
        assert exchange.simulated is not None
        models[exchange.simulated.model or "no model"] += 1
        days.add(exchange.simulated.edition)
    names = [name for name, _ in models.most_common(3)]
    more = f" and {len(models) - 3} more" if len(models) > 3 else ""
    when = f"{min(days)}" if len(days) == 1 else f"{min(days)} to {max(days)}"
    return f"{', '.join(names)}{more}; {when}"


def _left_out(drift: Drift) -> str:
    lines = ["Left out, for no request determines it:", ""]
    lines += [f"{count:>5} × {reason}" for reason, count in drift.left_out.most_common()]
    lines += [
        "      everywhere: what the model said (content, reasoning, arguments, logprobs), counts of tokens, what is",
        "      left of limits, ids as such, and headers that proxies add or recorders drop (date, via, set-cookie …)",
    ]
    if drift.skipped:
        lines += ["", f"{counted(len(drift.skipped), 'file')} in these folders are no cassettes."]
    return "\n".join(lines)
