"""The cards of a Together account: one that pays, and what its bank refuses.

Source: Together's documents on billing (one card, which can only be replaced) and on payment methods since 2026-04-22
(several, one of them the default, always one).
"""

from __future__ import annotations

from pytest_llmcontract.core.errors import BadInput, unknown
from pytest_llmcontract.providers.together.dialect import TogetherDialect


class Cards:
    """Names of cards; the first one pays. Another card is tried only if its owner says so (assumed)."""

    def __init__(self, terms: TogetherDialect) -> None:
        self._several = terms.several_cards
        self._declines: dict[str, list[str]] = {"card": []}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._declines)

    def add(self, name: str, default: bool) -> None:
        """Another card; where there can be one only, it takes the old one's place."""
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise BadInput(f"add_card({name!r}); accepted: a name of one line")
        if name in self._declines:
            raise BadInput(f"add_card({name!r}): there is a card of that name already")
        kept = self._declines if self._several else {}
        self._declines = {name: [], **kept} if default or not kept else {**kept, name: []}

    def make_default(self, name: str) -> None:
        self._check(name, "set_default_card")
        self._declines = {name: self._declines.pop(name), **self._declines}

    def remove(self, name: str) -> None:
        self._check(name, "remove_card")
        if name == self.names[0]:
            raise BadInput(f"remove_card({name!r}): the default card cannot be removed; replace it with add_card()")
        del self._declines[name]

    def decline(self, times: int, reason: str) -> None:
        """The bank of the card that pays now refuses the next *times* payments."""
        self._declines[self.names[0]] = [reason] * times

    def refused(self) -> str | None:
        """Ask the bank: ``None`` if it pays, else the reason, which may be empty."""
        declines = self._declines[self.names[0]]
        return declines.pop(0) if declines else None

    def _check(self, name: str, deed: str) -> None:
        if name not in self._declines:
            raise unknown(f"card of {deed}()", name, self.names)
