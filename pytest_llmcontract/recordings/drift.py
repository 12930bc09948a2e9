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
from pytest_llmcontract.core.exchange import ApiReply, ApiRequest, Headers
from pytest_llmcontract.core.operations import OPERATIONS
from pytest_llmcontract.recordings.cassette import Cassette, Interaction, LeftOut, NoCassette, read_cassette
from pytest_llmcontract.recordings.drift_comparison import Comparison, compared
from pytest_llmcontract.recordings.drift_simulation import Resimulation, Simulated
from pytest_llmcontract.recordings.drift_unknown import reason_to_leave_out
from pytest_llmcontract.recordings.guessed_days import guessed_days
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
    older: bool = False
    """It is older than the first edition of the provider: counted apart."""


@dataclass
class Drift:
    """What came out."""

    exchanges: list[Exchange] = field(default_factory=list)
    unreadable: Counter[str] = field(default_factory=Counter)
    """Why exchanges could not be read, and how many."""
    skipped: list[Path] = field(default_factory=list)
    """Files in the folders given that are no cassettes."""

    @property
    def compared(self) -> list[Exchange]:
        """Those of days of which there are facts."""
        return [exchange for exchange in self.exchanges if exchange.comparison and not exchange.older]

    @property
    def older(self) -> list[Exchange]:
        """Those that were compared too, though they are older than the facts."""
        return [exchange for exchange in self.exchanges if exchange.comparison and exchange.older]

    @property
    def same(self) -> int:
        """How many of the compared differ in nothing."""
        return same_in(self.compared)

    @property
    def share(self) -> float:
        """The same, in percent of the compared; 100 if there is nothing to compare."""
        return 100 * self.same / len(self.compared) if self.compared else 100.0

    @property
    def left_out(self) -> Counter[str]:
        """What was not compared, and how often: whole exchanges, and parts of compared ones."""
        whole = Counter(exchange.left_out for exchange in self.exchanges if exchange.left_out)
        return (
            self.unreadable
            + whole
            + Counter(part for one in self.exchanges if one.comparison for part in one.comparison.left_out)
        )


def same_in(exchanges: Iterable[Exchange]) -> int:
    """How many of *exchanges* differ in nothing."""
    return sum(not exchange.comparison.differences for exchange in exchanges if exchange.comparison)


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
            cassette = read_cassette(path, whole=False)
            _check_any(cassette)
        except NoCassette:
            if alone:
                raise
            result.skipped.append(path)
        else:
            exchanges = list(_exchanges(cassette, simulation))
            result.exchanges += exchanges
            result.unreadable.update(one.reason for one in cassette.left_out)
            if out is not None:
                _add(texts, Path(out) / name, path, exchanges, cassette.left_out)
        progress(done, len(found))
    for target, text in texts.items():
        write_cassette(target, text)
    return result


def _check_any(cassette: Cassette) -> None:
    """One that cannot be read is left out; where it is all there is, the file is damaged."""
    if not cassette.interactions and any(one.damaged for one in cassette.left_out):
        raise BadInput(str(cassette.left_out[0]))


def _named_files(paths: Iterable[str | PathLike[str]]) -> Iterator[tuple[Path, Path, bool]]:
    """Each file, its name relative to the folder it was found in, and whether it was named itself."""
    for given in paths:
        for path, alone in cassette_files([given]):
            yield path, Path(path.name) if alone else path.relative_to(given), alone


def _add(
    texts: dict[Path, str],
    target: Path,
    source: Path,
    exchanges: Iterable[Exchange],
    left_out: Iterable[LeftOut],
) -> None:
    name = target.with_name(target.name.removesuffix(".gz"))
    if name in texts:
        raise BadInput(f"{source}: another cassette has the same name in --out; give one folder that holds both")
    if name.resolve() == source.resolve():
        raise BadInput(f"{source} would be overwritten by what is simulated; give another folder as --out")
    forms = {exchange.interaction.index: _simulated_form(exchange) for exchange in exchanges}
    forms |= {one.index: _no_form(one) for one in left_out}
    document = {"version": 1, "interactions": [forms[index] for index in sorted(forms)]}
    texts[name] = cassette_text(name, document)


def _simulated_form(exchange: Exchange) -> dict[str, Any]:
    """The recorded request with the simulated reply; what went elsewhere stays as it is, so that the order does."""
    reply = exchange.simulated.reply if exchange.simulated else exchange.interaction.reply
    return interaction_form(scrubbed_request(exchange.interaction.request), scrubbed_reply(reply))


def _no_form(left_out: LeftOut) -> dict[str, Any]:
    """In place of one that could not be read, so that the order stays."""
    return interaction_form(
        ApiRequest("GET", "about:blank", Headers({})), ApiReply(NOT_SIMULATED, Headers({}), left_out.reason.encode())
    )


def _exchanges(cassette: Cassette, simulation: Resimulation) -> Iterator[Exchange]:
    whose = [owner(interaction.request) for interaction in cassette.interactions]
    days = guessed_days(cassette, whose)
    for interaction, provider, day in zip(cassette.interactions, whose, days, strict=True):
        line = cassette.line(interaction.index)
        if provider is None or day is None:
            host = interaction.request.host or "no host"
            yield Exchange(cassette.path, line, interaction, "", left_out=f"{host}: no provider we know")
            continue
        simulated = simulation.answer(provider, interaction, day.date)
        unknown = _of_our_own(cassette, interaction) or reason_to_leave_out(interaction.request, interaction.reply)
        if unknown is None and simulated.reply.status == NOT_SIMULATED:
            unknown = f"{simulated.operation}: not simulated yet"
        if unknown is None and interaction.reply.status < 400 and _remembers(simulated.operation):
            unknown = f"{simulated.operation}: what the account made before"
        if unknown is not None:
            yield Exchange(cassette.path, line, interaction, provider, simulated, left_out=unknown)
        else:
            comparison = compared(interaction.reply, simulated.reply, simulated.model)
            if simulated.unheard:
                trusted = f"what {simulated.model} can do: our facts of that day do not have it"
                comparison = replace(comparison, left_out=(*comparison.left_out, trusted))
            yield Exchange(cassette.path, line, interaction, provider, simulated, comparison, older=day.older)


def _remembers(operation: str) -> bool:
    return operation in OPERATIONS and OPERATIONS[operation].remembers


def _of_our_own(cassette: Cassette, interaction: Interaction) -> str | None:
    """Why a reply is none of the provider's."""
    metadata = cassette.metadata
    if metadata is None:
        return None
    if metadata.source == "simulator":
        return "recorded from the simulator, not from the provider"
    return "answered by a script of its test" if interaction.index in metadata.scripted else None
