"""Of all that was pasted, the one error that is reproduced; the others are listed beside it."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_llmcontract.core.errors import BadInput
from pytest_llmcontract.core.facts.registry import provider_names, title_of
from pytest_llmcontract.core.words import visible
from pytest_llmcontract.reproduce.connections import Connection, connection_in
from pytest_llmcontract.reproduce.paste import Paste, read_pastes, unwrapped
from pytest_llmcontract.reproduce.solve import COPIED, WHOSE_CODES, Reproduction, solve, told_lines

SHORT = 100


@dataclass(frozen=True)
class Listed:
    """One error of those that were pasted."""

    number: int
    """From 1, in the order of the text."""
    whose: str
    status: int | None
    text: str

    def __str__(self) -> str:
        return f"{self.number}: {self.whose}, {self.status or 'no status'}, {self.text}"


@dataclass(frozen=True)
class Choice:
    """What becomes of a paste."""

    found: Reproduction | Connection | None
    listed: tuple[Listed, ...] = ()
    """All errors, where there are several."""
    picked: int = 0
    """The number of the one that was reproduced."""
    seems: str | None = None
    """Whose the error seems to be, where it is another provider's."""


def choose(text: str, *, provider: str | None = None, edition: str | None = None, pick: int | None = None) -> Choice:
    """Reproduce one error of *text*: the first that can be, or number *pick*.

    Raises:
        BadInput: No such provider, edition or number.
    """
    pastes = _pastes(text)
    if pick is not None and not 1 <= pick <= len(pastes):
        raise BadInput(
            f"--pick {pick}: {len(pastes)} {'error' if len(pastes) == 1 else 'errors'} found in what was pasted"
        )
    listed = tuple(_listed(number, paste) for number, paste in enumerate(pastes, 1)) if len(pastes) > 1 else ()
    for number, paste in enumerate(pastes, 1):
        if pick in (None, number) and (found := solve(paste, provider=provider, edition=edition)) is not None:
            if listed:
                found = found.with_notes(_named(number, listed))
            return Choice(found, listed, number)
    broken = connection_in(text, provider, edition) if pick is None else None
    other = next((paste.owner.other for paste in pastes if paste.owner.other), None)
    if other is None and any(paste.code in COPIED for paste in pastes):
        other = WHOSE_CODES
    return Choice(broken, listed, seems=None if broken else other)


def _pastes(text: str) -> list[Paste]:
    pastes = read_pastes(text)
    if pastes[0].message is None and "\\n" in text:
        pastes = read_pastes(unwrapped(text))
    if pastes[0].message is None and len(told := told_lines(pastes[0])) > 1:
        return told
    return pastes


def _named(number: int, listed: tuple[Listed, ...]) -> str:
    others = "; ".join(str(error) for error in listed if error.number != number)
    return f"{len(listed)} errors were pasted, this is number {number}. The others (--pick N): {others}"


def _listed(number: int, paste: Paste) -> Listed:
    ours = ", ".join(title_of(name) for name in provider_names() if name in paste.providers)
    words = visible(" ".join(paste.whole.split()))
    return Listed(
        number, paste.owner.other or ours or "nobody named", paste.status, words[:SHORT] + "…" * (len(words) > SHORT)
    )
