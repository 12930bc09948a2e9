"""What one call counts against limits, by kind: what it asks, and what is taken of them for it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from pytest_llmcontract.core.exchange import Usage
from pytest_llmcontract.core.limits.store import Amounts

EXPECTED_OUTPUT = 2048
"""Tokens that count against OTPM for a request that names no maximum: pasted refusals of 2026-09 say so."""


class Charges(NamedTuple):
    """What a call counts."""

    asked: Amounts
    """What must be left for it to be let in, and what a refusal names: the completion it asks for included."""
    taken: Amounts
    """What counts: at once when it is let in, in the end what it really used."""


class Counted(Protocol):
    """How a call is counted: small, since a long test keeps one for each call."""

    def charges(self) -> Charges:
        """Before its answer is known."""

    def settled(self, usage: Usage) -> Charges:
        """With the tokens that it really used; none where it failed, or is not counted so."""


class ByRequest(NamedTuple):
    """By the request, and by the sound that comes along."""

    audio_seconds: int = 0

    def charges(self) -> Charges:
        amounts = {"RPM": 1, "RPD": 1, "ASH": self.audio_seconds, "ASD": self.audio_seconds}
        return Charges(amounts, amounts)

    def settled(self, usage: Usage) -> Charges:
        amounts = {kind: amount for kind, amount in self.charges().asked.items() if amount}
        used = {kind: amount for kind, amount in used_tokens(usage).items() if amount}
        return Charges({**amounts, **used}, {**amounts, **used})


class ByCharacters(NamedTuple):
    """By the characters that are to be spoken, each of which counts as a token."""

    characters: int

    def charges(self) -> Charges:
        amounts = {"RPM": 1, "RPD": 1, "TPM": self.characters, "TPD": self.characters}
        return Charges(amounts, amounts)

    def settled(self, usage: Usage) -> Charges:
        return self.charges() if usage.characters else ByRequest().settled(usage)


class ByTokens(NamedTuple):
    """In tokens.

    Recorded headers show that an admitted call takes its prompt and one token more at once, since 2026-05 its longest
    completion in place of the one. Source: recorded headers and pasted refusals of 2025 and 2026; that a refusal
    counts ``max_tokens`` in full is assumed.
    """

    prompt: int
    """Tokens of the request."""
    admitted: int
    """What is taken before its answer is known."""
    most: int
    """The longest completion that the request allows; 0 if it does not say."""
    takes_most: bool = False
    """Whether that is taken at once."""
    asks_most: bool = True
    """Whether that must be left."""

    def charges(self) -> Charges:
        prompt, admitted, most, takes_most, asks_most = self
        longest = admitted + (most - 1 if most else 0)
        wanted, taken = longest if asks_most else admitted, longest if takes_most else admitted
        return Charges(
            {"RPM": 1, "RPD": 1, "TPM": wanted, "TPD": wanted, "ITPM": prompt, "OTPM": most or EXPECTED_OUTPUT},
            {"RPM": 1, "RPD": 1, "TPM": taken, "TPD": taken, "ITPM": prompt},
        )

    def settled(self, usage: Usage) -> Charges:
        if not usage.total_tokens:
            return ByRequest().settled(usage)
        # Where the provider, or the test, knew better how many tokens the request has, that is what it asked.
        known = self._replace(prompt=usage.input_tokens, admitted=self.admitted + usage.input_tokens - self.prompt)
        used = {kind: amount for kind, amount in used_tokens(usage).items() if amount}
        return Charges(known.charges().asked, {"RPM": 1, "RPD": 1, **used})


def used_tokens(usage: Usage, kept: int = 0) -> dict[str, int]:
    """What *usage* counts, and what was *kept* for it beforehand and is not given back. Cached tokens do not.

    A character that was spoken counts as a token: pasted refusals of Groq's (2025 and 2026) say so.
    """
    fresh = usage.input_tokens - usage.cached_tokens
    tokens = fresh + kept + usage.output_tokens + usage.characters
    return {"TPM": tokens, "ITPM": fresh, "OTPM": usage.output_tokens, "TPD": tokens}
