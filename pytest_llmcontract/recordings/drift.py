"""``llmcontract drift``: does the simulator answer recorded requests as the provider did?

Each recorded request goes through the simulator (:mod:`.drift_simulation`), and the two replies are compared field by
field (:mod:`.drift_comparison`). What no request determines is left out by name (:mod:`.drift_unknown`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from os import PathLike
from pathlib import Path
from typing import Any

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.recordings.cassette import Cassette, Interaction, NoCassette, read_cassette
from pytest_llmcontract.recordings.dates import days_of
from pytest_llmcontract.recordings.drift_comparison import Comparison, compared
from pytest_llmcontract.recordings.drift_simulation import Resimulation, Simulated, likely_day
from pytest_llmcontract.recordings.drift_unknown import reason_to_leave_out
from pytest_llmcontract.recordings.layout import cassette_text, interaction_form
from pytest_llmcontract.recordings.providers import owner
from pytest_llmcontract.recordings.scrub import scrubbed_reply, scrubbed_request
from pytest_llmcontract.recordings.verify import cassette_files
from pytest_llmcontract.recordings.write import write_cassette

NOT_SIMULATED = 501


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded exchange, and what the simulator makes of its request."""

    file: Path
    line: int
    interaction: Interaction
    provider: str
    simulated: Simulated | None = None
    comparison: Comparison | None = None
    left_out: str = ""
    """Why it is not compared."""


@dataclass
class Drift:
    """What came out."""

    exchanges: list[Exchange] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    """Files in the folders given that are no cassettes."""

    @property
    def compared(self) -> list[Exchange]:
        return [exchange for exchange in self.exchanges if exchange.comparison]

    @property
    def same(self) -> int:
        """How many of these differ in nothing."""
        return sum(not exchange.comparison.differences for exchange in self.compared if exchange.comparison)

    @property
    def share(self) -> float:
        """The same, in percent of the compared; 100 if there is nothing to compare."""
        return 100 * self.same / len(self.compared) if self.compared else 100.0

    @property
    def left_out(self) -> Counter[str]:
        """What was not compared, and how often: whole exchanges, and parts of compared ones."""
        whole = Counter(exchange.left_out for exchange in self.exchanges if exchange.left_out)
        return whole + Counter(part for one in self.exchanges if one.comparison for part in one.comparison.left_out)


def drift(
    *paths: str | PathLike[str],
    edition: str | date | None = None,
    plans: Iterable[str] = (),
    out: str | PathLike[str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Drift:
    """Hold the simulator against the cassettes in *paths*, files and folders.

    Args:
        edition: The day whose facts hold (default: that of each recording).
        plans: Plans or tiers of the accounts (default: what the recorded headers tell).
        out: A folder for the simulated replies, as cassettes of the same relative names and order.
        progress: Told after each file how many of how many are done.

    Raises:
        BadInput: A path does not exist, a cassette cannot be read, an argument is not known, or two files would have
            one name in *out*. Nothing is written then.
    """
    simulation = Resimulation(edition, plans)
    result = Drift()
    texts: dict[Path, str] = {}
    found = list(_named_files(paths))
    for done, (path, name, alone) in enumerate(found, 1):
        try:
            cassette = read_cassette(path)
        except NoCassette:
            if alone:
                raise
            result.skipped.append(path)
        else:
            exchanges = list(_exchanges(cassette, simulation))
            result.exchanges += exchanges
            if out is not None:
                _add(texts, Path(out) / name, path, exchanges)
        progress(done, len(found))
    for target, text in texts.items():
        write_cassette(target, text)
    return result


def _named_files(paths: Iterable[str | PathLike[str]]) -> Iterator[tuple[Path, Path, bool]]:
    """Each file, its name relative to the folder it was found in, and whether it was named itself."""
    for given in paths:
        for path, alone in cassette_files([given]):
            yield path, Path(path.name) if alone else path.relative_to(given), alone


def _add(texts: dict[Path, str], target: Path, source: Path, exchanges: Iterable[Exchange]) -> None:
    name = target.with_name(target.name.removesuffix(".gz"))
    if name in texts:
        raise BadInput(f"{source}: another cassette has the same name in --out; give one folder that holds both")
    if name.resolve() == source.resolve():
        raise BadInput(f"{source} would be overwritten by what is simulated; give another folder as --out")
    document = {"version": 1, "interactions": [_simulated_form(exchange) for exchange in exchanges]}
    texts[name] = cassette_text(name, document)


def _simulated_form(exchange: Exchange) -> dict[str, Any]:
    """The recorded request with the simulated reply; what went elsewhere stays as it is, so that the order does."""
    reply = exchange.simulated.reply if exchange.simulated else exchange.interaction.reply
    return interaction_form(scrubbed_request(exchange.interaction.request), scrubbed_reply(reply))


def _exchanges(cassette: Cassette, simulation: Resimulation) -> Iterator[Exchange]:
    days = days_of(cassette)
    for interaction, day in zip(cassette.interactions, days, strict=True):
        line = cassette.line(interaction.index)
        provider = owner(interaction.request)
        if provider is None:
            host = interaction.request.host or "no host"
            yield Exchange(cassette.path, line, interaction, "", left_out=f"{host}: no provider we know")
            continue
        simulated = simulation.answer(provider, interaction, day or likely_day(provider, cassette))
        unknown = reason_to_leave_out(interaction.reply)
        if unknown is None and simulated.reply.status == NOT_SIMULATED:
            unknown = f"{simulated.operation}: not simulated yet"
        if unknown is not None:
            yield Exchange(cassette.path, line, interaction, provider, simulated, left_out=unknown)
        else:
            comparison = compared(interaction.reply, simulated.reply, simulated.model)
            if simulated.unheard:
                trusted = f"what {simulated.model} can do: our facts of that day do not have it"
                comparison = replace(comparison, left_out=(*comparison.left_out, trusted))
            yield Exchange(cassette.path, line, interaction, provider, simulated, comparison)
