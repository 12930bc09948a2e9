"""The verdicts of the battery as a table of lines: for each client what it passed, failed, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

VERDICTS = ("pass", "fail", "not applicable")
_SHOWN = {"pass": "pass", "fail": "FAIL", "not applicable": "n/a"}


def table(verdicts: Iterable[Mapping[str, Any]], *, briefly: bool = False) -> list[str]:
    """A block for each client and provider.

    Args:
        verdicts: As :class:`~pytest_llmcontract.core.battery.verdict.Verdict` has them, in order.
        briefly: Only what failed.
    """
    clients: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for verdict in verdicts:
        clients.setdefault((verdict["client"], verdict["provider"]), []).append(verdict)
    lines: list[str] = []
    for (client, provider), rows in clients.items():
        lines += [*([""] if lines else []), f"{client}, {provider}: {counts(rows)}"]
        lines += _rows([row for row in rows if row["verdict"] == "fail" or not briefly])
    return lines


def counts(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """``60 pass, 1 fail, 1 not applicable``."""
    found = Counter(verdict["verdict"] for verdict in verdicts)
    return ", ".join(f"{found[verdict]} {verdict}" for verdict in VERDICTS if found[verdict])


def _rows(verdicts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    width = max((len(verdict["behaviour"]) for verdict in verdicts), default=0)
    about = None
    for verdict in verdicts:
        if verdict["about"] != about:
            about = verdict["about"]
            yield f"  {about}"
        yield f"    {_SHOWN[verdict['verdict']]:4}  {verdict['behaviour']:{width}}  {verdict['reason']}"
