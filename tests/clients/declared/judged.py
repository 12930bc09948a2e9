"""What the rules of behaviour said of the cells of the matrix that ran, in lines for the end of the run."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

import pytest

from declared import CLIENTS

Cell = tuple[str, str, str]
"""Client, provider, column."""
Findings = list[tuple[str, str]]
"""Code and severity of each."""
JUDGED = pytest.StashKey[dict[Cell, Findings]]()
HABITS = {(client.name, client.provider): client.habits for client in CLIENTS}


def lines(judged: Mapping[Cell, Findings]) -> Iterator[str]:
    """How many cells were judged, and a line for each row in which a rule fired."""
    alarms, notes = Counter[str](), Counter[str]()
    rows: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for (name, provider, column), found in judged.items():
        for code, severity in found:
            rows[name, provider][f"{code} ({severity})"] += 1
            if severity == "note":
                notes[code] += 1
            elif code not in HABITS[name, provider].get(column, set()):
                alarms[code] += 1
    declared = sum(severity != "note" for found in judged.values() for _, severity in found) - alarms.total()
    yield (
        f"{len(judged)} cells judged by all rules: {alarms.total()} false alarms, "
        f"{declared} of habits that the clients have, {notes.total()} notes"
    )
    for (name, provider), counted in sorted(rows.items()):
        yield f"  {name} at {provider}: {', '.join(f'{count} x {rule}' for rule, count in sorted(counted.items()))}"
